"""Run by a test as a program: imports a generated file of so many rows, and prints as JSON what it came to and how much memory
it took above what a small file takes. `python -m people.big_import ROWS DATA`."""

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
_HEADING = b"E-Mail,Name,Department,Groups\n"


def lines(first: int, number: int) -> Iterator[bytes]:
    """Parts of a file."""
    yield _HEADING
    for at in range(first, first + number, 1000):
        yield b"".join(
            b"person-%07d@example.com,Person Number %d,Department %d,group-%d\n" % (each, each, each % 50, each % 20)
            for each in range(at, min(at + 1000, first + number))
        )


def imported(first: int, number: int) -> dict[str, int]:
    """Upload and import persons `first` and on."""
    from stationmaster.jobs import claims, runner
    from stationmaster.jobs.engine._base import Working
    from stationmaster.people import imports

    which = imports.begin_import(ADMIN, {"name": "big.csv"})["id"]
    offset = 0
    for part in lines(first, number):
        imports.add_part(ADMIN, which, offset, part)
        offset += len(part)
    imports.preview(ADMIN, which, {})
    fence = claims.claim(imports.start(ADMIN, which)["job"], "here")
    assert isinstance(fence, claims.Fence)
    runner.run_claimed(fence, Working("here", threading.Event()))
    row = imports.get_import(ADMIN, which)
    return {name: row[name] for name in ("rows", "created", "unchanged", "errors")}


def peak() -> int:
    """The most memory that this process ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(rows: int, data: Path) -> None:
    """Import a small file, then the large one."""
    configure(StoreConfig(data, keyring.load(data, {}), os.environ["STATIONMASTER_TEST_DATABASE"]))
    imported(10_000_000 - 500, 500)
    base = peak()
    came = imported(0, rows)
    print(json.dumps({**came, "above": peak() - base}))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
