"""A process that needs a source's secret many times at once, as a refresher does. It begins when whoever started it sends a line;
what it got is its output, one line a call.

    python -m sources.herd FOLDER SOURCE CALLS MODE

`MODE` "need": `fresh` from 32 threads, `CALLS` times in all; "due": looks for what is due, `CALLS` times.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def main(folder: str, source: str, calls: int, mode: str) -> None:
    """Open the store as a worker does, and do it."""
    from stationmaster.store.config import StoreConfig, configure
    from stationmaster.vault import keyring

    url = os.environ["STATIONMASTER_TEST_DATABASE"]
    configure(StoreConfig(Path(folder), keyring.load(Path(folder), {}), url, allowed=("127.0.0.1",)))
    from stationmaster.credentials.sources import refreshing

    print("ready", flush=True)
    sys.stdin.readline()
    if mode == "need":
        with ThreadPoolExecutor(32) as pool:
            got = list(pool.map(refreshing.fresh, [source] * calls))
        print("\n".join(got), flush=True)
        return
    for _ in range(calls):
        print(refreshing.refresh_due(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
