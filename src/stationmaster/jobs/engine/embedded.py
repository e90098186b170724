"""The engine over SQLite: one worker process, kept alone by a lock on a file, that looks at the jobs' rows itself.

What was running when it starts can be nobody's: it is queued again.
"""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import Error, connection, transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from stationmaster.errors import StationmasterError
from stationmaster.jobs import claims
from stationmaster.jobs.claims import Fence
from stationmaster.jobs.engine._base import Chores, Ring, Working
from stationmaster.jobs.kinds import known
from stationmaster.jobs.models import QUEUED, RUNNING, Job, Worker
from stationmaster.jobs.runner import run_claimed

LOCK: Final = "worker.lock"
_LOOK: Final = 0.2         # seconds between two looks at it
_log = logging.getLogger(__name__)


class Embedded:
    """Looks at rows every `poll` seconds, and at once when a job was submitted in its own process."""

    name = "embedded"

    def __init__(self) -> None:
        self._news = threading.Event()

    def submit(self, ring: Ring) -> None:  # noqa: ARG002  the row says it all
        """Nothing but to look soon."""
        transaction.on_commit(self._news.set)

    def withdraw(self, job: str) -> None:
        """Nothing: a cancelled row is not found."""

    def work(self, working: Working, chores: Chores, ready: Callable[[], None]) -> None:
        """Run jobs until told to stop. Raises `StationmasterError` when another process does it."""
        with _alone(Path(settings.STATIONMASTER_DATA), working), ThreadPoolExecutor(working.threads + 1, "job") as pool:
            Worker.objects.all().delete()      # whoever was here is gone
            for ring in claims.reap(None):
                _log.warning("job %s was running when its worker died; it is queued again", ring.job)
            ready()
            running: set[Future[object]] = set()
            while not working.stop.is_set():
                self._news.clear()
                running = {each for each in running if not each.done()}
                try:
                    chores.look()
                    while (fence := _next(working, len(running))) is not None:
                        running.add(pool.submit(run_claimed, fence, working))
                except Error as error:
                    _log.warning("the database says %s", type(error).__name__)
                    connection.close()
                self._wait(working)
            chores.end()
        connection.close()

    def _wait(self, working: Working) -> None:
        """Until it is time to look, something was submitted, or the end."""
        self._news.wait(0 if working.stop.is_set() else working.poll)


def _next(working: Working, running: int) -> Fence | None:
    """A job for the next thread that is free, if one is: the last thread takes urgent ones alone."""
    if running > working.threads:
        return None
    return _claim_next(working, urgent=running == working.threads)


def _claim_next(working: Working, *, urgent: bool) -> Fence | None:
    """Claim the most urgent job, and of those the oldest, that may run now; `urgent`: if its priority is above 0."""
    holder = Job.objects.filter(state=RUNNING, lock=OuterRef("lock")).exclude(lock="")
    due = Job.objects.filter(state=QUEUED, run_after__lte=Now(), kind__in=known()).exclude(Exists(holder))
    due = due.filter(priority__gt=0) if urgent else due
    job = due.order_by("-priority", "created_at", "id").values_list("id", flat=True).first()
    fence = None if job is None else claims.claim(job, working.id)
    return fence if isinstance(fence, Fence) else None


@contextmanager
def _alone(folder: Path, working: Working) -> Iterator[None]:
    descriptor = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    end = time.monotonic() + working.patience
    try:
        while not (mine := _took(descriptor)) and time.monotonic() < end and not working.stop.wait(_LOOK):
            pass
        if not mine:
            raise StationmasterError(
                "error.worker.running", "a worker runs already over this data folder", fault="operator",
                hint="with SQLite there is one, which `stationmaster up` runs; any number takes PostgreSQL",
            )
        yield
    finally:
        os.close(descriptor)


def _took(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
