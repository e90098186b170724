"""How a target is reached. Owns: taking its admin credential out, for that one use, and when it may be reached at all.

Called by jobs, plans and tests of a connection, and by nobody who shows anything.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from stationmaster.errors import Conflict
from stationmaster.line.access import no_pace, nothing
from stationmaster.line.errors import RemoteError
from stationmaster.publishing.models import Target
from stationmaster.store import keyholder
from stationmaster.targets._base import Access
from stationmaster.targets.registry import kind, open_target
from stationmaster.workspaces.addresses import entries

USE = "target admin"
READING = 20.0          # seconds that somebody who waits for a page waits for one answer
READING_WHOLE = 60.0    # and for all of them
READINGS = 4            # people who wait for targets at a time, in one process
_readings = threading.BoundedSemaphore(READINGS)


def access_to(
    row: Target, *, pace: Callable[[], None] = no_pace, before_write: Callable[[str], None] = nothing,
    told: Callable[[str], None] = nothing, dry_run: bool = False, timeout: float = 30.0,
) -> Access:  # fmt: skip
    """What its adapter is opened with. Writes of one target come one after another by the job's lock, over all processes.
    Raises `SealBroken` and `UnknownKey` for a credential that does not open."""
    return Access(
        row.kind, user=row.user, secret=row.secret.reveal(USE), base_url=row.base_url, allowed=entries(),
        insecure=row.allow_insecure_http, dry_run=dry_run, timeout=timeout, pace=pace, before_write=before_write, told=told,
    )  # fmt: skip


@contextmanager
def reading(row: Target) -> Iterator[Any]:
    """Its adapter, for reading alone, while somebody waits: no write can leave. Raises what `waited_for` does."""
    with waited_for() as pace:
        yield open_target(access_to(row, dry_run=True, timeout=READING, pace=pace))


@contextmanager
def waited_for() -> Iterator[Callable[[], None]]:
    """A time in which somebody waits for targets' answers; what it gives is the pace of their calls, which raises `RemoteError`
    once all of them together took too long. Raises `Conflict` when too many wait already: each holds one of the few threads that
    answer everybody."""
    if not _readings.acquire(blocking=False):
        raise Conflict("error.target.busy", "several targets are being asked just now", hint="try again in a moment",
                       retryable=True)  # fmt: skip
    try:
        yield _until(time.monotonic() + READING_WHOLE)
    finally:
        _readings.release()


def _until(end: float) -> Callable[[], None]:
    def pace() -> None:
        if time.monotonic() > end:
            raise RemoteError("the target takes too long to tell what it has", code="error.target.slow").about("target")

    return pace


def place_of(row: Target) -> str:
    """Where it is, in plain words: which target, of which kind, at which address, as whose admin."""
    return " ".join((row.id, row.kind, row.base_url, str(row.allow_insecure_http), row.user))


def reached_as(row: Target) -> str:
    """A keyed hash of how a target is reached: another one, another test."""
    parts = (row.kind, row.base_url, row.user, row.secret.fingerprint(), str(row.allow_insecure_http))
    return keyholder.digests().fingerprint("\0".join(parts))


def calls_per_minute(row: Target) -> int:
    """How often it is called at most: its own rate, or its kind's."""
    return row.calls_per_minute or kind(row.kind).calls_per_minute


def is_tested(row: Target) -> bool:
    """Whether it was tested as it is stored, and answered."""
    return row.tested_ok and row.tested_as == reached_as(row)


def may_withdraw(row: Target) -> bool:
    """Whether what has to go can be taken away there, as far as is known."""
    return not row.trouble and is_tested(row)


def require_ready(row: Target, *, withdrawing: bool = False) -> None:
    """Raise `Conflict` while nothing may be sent there. What has to be taken away is, from one that is out of use too."""
    if row.disabled and not withdrawing:
        raise Conflict("error.target.disabled", f"{row.name} is disabled", hint="enable it first")
    if row.trouble:
        raise Conflict("error.target.refused", f"{row.name} refused us: {row.trouble}", hint="test the connection again")
    if not is_tested(row):
        raise Conflict("error.target.untested", f"{row.name} was not tested since it was changed",
                       hint="test the connection first")  # fmt: skip
