"""F4: somebody else holds SQLite's write lock under a whole installation. Gateways have no database, the control plane says that
it cannot just now, and what was counted comes in later."""

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import rig
from chaos import kit
from chaos.kit import LONG
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.database import SQLITE_FILE
from up.conftest import ALLOWED
from up.kit import KEY, ROUTING, Traffic, Up, requests_counted, running, until

HELD = (1.0, 10.0, 60.0) if LONG else (1.0,)      # seconds
WITHIN = 5.0                                      # seconds that whoever changes something should wait for an answer
pytestmark = pytest.mark.timeout(600)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Nobody else writes to it meanwhile."""
    other = sqlite3.connect(file, isolation_level=None, timeout=30)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


class Changes:
    """One change after another over REST, until `end`; what was answered, and how long the longest took."""

    def __init__(self, rest: httpx.Client) -> None:
        self.statuses, self.bare, self.longest = Counter[int](), 0, 0.0
        self._rest, self._over = rest, threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def _write(self) -> None:
        while not self._over.wait(0.1):
            began = time.monotonic()
            answer = self._rest.post("/keys", json={"name": f"k-{time.monotonic_ns()}"})
            self.longest = max(self.longest, time.monotonic() - began)
            self.statuses[answer.status_code] += 1
            self.bare += answer.status_code == 503 and "retry-after" not in answer.headers

    def end(self) -> "Changes":
        """No more."""
        self._over.set()
        self._thread.join()
        return self


def held_for(up: Up, rest: httpx.Client, seconds: float) -> tuple[Traffic, Changes]:
    """What became of calls and of changes while the lock was held."""
    with Traffic(up) as traffic:
        with locked(up.data / SQLITE_FILE):
            changes = Changes(rest)
            time.sleep(seconds)
        changes.end()
    until(lambda: rest.post("/keys", json={"name": f"k-{time.monotonic_ns()}"}).status_code == 201, "a change")
    return traffic, changes


def test_a_lock_is_held(vendor: SandboxServer, tmp_path: Path) -> None:
    """No call fails; changes wait or are told when to come again, not that something broke; then all is counted once."""
    file = tmp_path / "gateway.toml"
    file.write_text(ROUTING.format(vendor=vendor.url, sha256=rig.sha256(KEY)))
    calls = 0
    with running(tmp_path, "--config", str(file), environ=ALLOWED) as up, up.rest() as rest:
        for seconds in HELD:
            done = f"another writer holds SQLite's lock for {seconds:g} s under calls and changes"
            reach = f"0 calls failed; changes done, or 503 and Retry-After within {WITHIN:g} s, never 500; all usage counted"
            with kit.figure("F4", done, reach) as tell:
                traffic, changes = held_for(up, rest, seconds)
                calls += len(traffic.statuses)
                until(lambda: requests_counted(rest) >= calls, "all of it")      # noqa: B023  called here
                failed, counted = sum(status != 200 for status in traffic.statuses), requests_counted(rest)
                right = set(changes.statuses) <= {201, 503} and not failed + changes.bare and counted == calls
                tell(f"{failed} of {len(traffic.statuses):,} calls failed; changes {dict(changes.statuses)}, {changes.bare} "
                     f"without Retry-After, the longest {changes.longest:.1f} s; {counted:,} of {calls:,} counted",
                     right and changes.longest <= WITHIN)  # fmt: skip
            assert failed == 0
            assert set(changes.statuses) <= {201, 503}
            assert changes.bare == 0
            assert counted == calls
