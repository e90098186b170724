"""Run by a test as a program: brings in a generated roster of so many accounts, most of each a secret that stays outside, and
prints as JSON what it came to and how much memory it took above what a small one takes. `python -m importing.big ACCOUNTS DATA`.
"""

import json
import os
import resource
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from stationmaster.store.actor import Actor
from stationmaster.store.config import StoreConfig, configure
from stationmaster.vault import keyring

ADMIN = Actor("cli", "root", "admin")
EACH = 100_000      # bytes of an account


def parts(first: int, number: int) -> Iterator[bytes]:
    """Parts of a file."""
    yield b'[{"id": "t", "type": "mother", "name": "big"}'
    for each in range(first, first + number):
        cookies = "".join(f"name{at}=canary{at};" for at in range(EACH // 18))
        account = {"email": f"p{each}@example.com", "type": "child", "parent_id": "t", "cookies": cookies}
        yield b"," + json.dumps(account).encode()
    yield b"]"


def imported(first: int, number: int) -> dict[str, int]:
    """Upload and bring in accounts `first` and on."""
    from stationmaster.importing import services as rosters
    from stationmaster.jobs import claims, runner
    from stationmaster.jobs.engine._base import Working

    which = rosters.begin(ADMIN, {"name": "big.json"})["id"]
    offset = 0
    for part in parts(first, number):
        rosters.add_part(ADMIN, which, offset, part)
        offset += len(part)
    rosters.preview(ADMIN, which, {})
    fence = claims.claim(rosters.start(ADMIN, which)["job"], "here")
    assert isinstance(fence, claims.Fence)
    runner.run_claimed(fence, Working("here", threading.Event()))
    row = rosters.get_roster(ADMIN, which)
    came = {name: row[name] for name in ("size", "records", "created", "errors")}
    return {**came, "secrets": row["left_out"]["secrets"]["cookies"]}


def peak() -> int:
    """The most memory that this process ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(accounts: int, data: Path) -> None:
    """Bring in a small file, then the large one."""
    configure(StoreConfig(data, keyring.load(data, {}), os.environ["STATIONMASTER_TEST_DATABASE"]))
    imported(10_000_000, 20)
    base = peak()
    came = imported(0, accounts)
    print(json.dumps({**came, "above": peak() - base}))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
