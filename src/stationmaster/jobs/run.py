"""A job that is being run, as its handler sees it. Owns: the fence before writes and in records, pace, log, who asked.

May not know what any kind does, nor how jobs are found.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

from stationmaster.jobs import claims, pacing
from stationmaster.jobs.ceasing import Cancelled, Ceased, Interrupted, Lost, Waiting
from stationmaster.jobs.claims import Fence
from stationmaster.jobs.engine._base import Working
from stationmaster.jobs.log import LogBook
from stationmaster.jobs.models import Job, JobItem
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change, change
from stationmaster.telemetry import recording
from stationmaster.telemetry.otlp import CONSUMER

PATIENCE: Final = 5.0       # seconds that an item has to finish once the worker is told to end
LONGEST_WAIT: Final = 20.0  # seconds that a thread is held up; what takes longer is done later
_STEP: Final = 0.25         # seconds between two looks while it waits

T = TypeVar("T")
_item: ContextVar[JobItem | None] = ContextVar("item", default=None)


class Run:
    """One claim of a job. Safe to use in many threads.

    `id`, `kind`, `workspace` and `args` are the job's, `actor` is who asked for it (with the rights they had then), `dry_run`:
    no vendor write may leave, `attempt`: starts since something of it was last done, this one included.
    """

    def __init__(self, job: Job, fence: Fence, working: Working) -> None:
        self.id, self.kind, self.workspace, self.args = job.id, job.kind, job.workspace, dict(job.args)
        self.dry_run, self.attempt, self.retry_of = job.dry_run, job.attempt, job.retry_of
        self.concurrency, self.item_retries = job.concurrency, job.item_retries
        self.actor = actor_of(job)
        self.fence, self.working = fence, working
        self.book = LogBook(fence)
        self._ceased: Ceased | None = None
        self._stopping_since = 0.0
        self._made: dict[str, Any] = {}
        self._making = threading.RLock()
        self.span = recording.begin(f"job {job.kind}", CONSUMER)      # of telemetry; None: nobody wants it

    # what handlers call

    def check(self) -> None:
        """Raise `Lost` or `Cancelled` when the run may not go on, `Interrupted` when the worker is ending and waited long
        enough (while items are prepared: at once). Asks nobody; call it in every loop."""
        if self._ceased is not None:
            raise self._ceased
        if self.working.stop.is_set():
            self._stopping_since = self._stopping_since or time.monotonic()
            if _item.get() is None or time.monotonic() - self._stopping_since > PATIENCE:
                raise Interrupted

    def before_write(self, what: str) -> None:
        """To be called just before a vendor is asked to change something, with what it is ("POST /organization/invites"): asks
        the database whether the job is still ours, and notes the intent on the item. Raises `Lost`, `Cancelled`."""
        self.check()
        asked = time.monotonic()
        claims.intend(self.fence, _item.get(), what)
        if time.monotonic() - asked > self.working.lease / 3:      # we stood still on the way, and may have been replaced
            claims.hold(self.fence)

    @contextmanager
    def recording(self) -> Iterator[Change]:
        """A change by who asked for the job, in which the fence was checked and stays locked. For what is written before an
        item ends; what belongs to its end goes into `Outcome.record`. Raises `Lost`."""
        with change(self.actor) as edit:
            claims.lock(self.fence)
            yield edit

    def log(self, text: str, level: str = "info", item: str | None = None) -> None:
        """Write a line; `level` debug, info, warning or error. Without secrets, though what looks like one is taken out. `item`:
        the key of the item it is about; by default the one that is being done."""
        current = _item.get()
        self.book.add(text, level, (current.key if current else "") if item is None else item)

    def pacer(self, per_minute: float, burst: int = 1, of: str = "") -> Callable[[], None]:
        """What waits before a vendor call so that there are at most `per_minute` of them, over all workers and jobs, `burst` of
        them at once. `of`: what is limited; by default the job's workspace, or the job."""
        name = of or self.workspace or self.id

        def pace() -> None:
            self.check()
            while (seconds := pacing.take(name, per_minute, burst)) > 0:
                self.pause(seconds)

        return pace

    def pause(self, seconds: float) -> None:
        """Wait. Raises what `check` does, and `Waiting` when it is so long that the item had better be done later."""
        if seconds > LONGEST_WAIT:
            raise Waiting(seconds)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, _STEP))

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` makes, made once a run and kept until its end: an adapter, a list that was read."""
        with self._making:
            if name not in self._made:
                self._made[name] = make()
            made: T = self._made[name]
            return made

    # what the runner calls

    def cease(self, why: Ceased) -> None:
        """From now on `check` raises."""
        self._ceased = self._ceased or why

    @contextmanager
    def doing(self, item: JobItem) -> Iterator[None]:
        """`item` is what this thread does."""
        token = _item.set(item)
        try:
            yield
        finally:
            _item.reset(token)

    def beat(self) -> None:
        """Say that we live, and hear whether to go on."""
        try:
            claims.hold(self.fence)
        except (Lost, Cancelled) as ceased:
            self.cease(ceased)


def actor_of(job: Job) -> Actor:
    """Who asked for a job, as they were then."""
    rest: Mapping[str, Any] = job.actor_rest
    scopes = rest.get("scopes")
    return Actor(
        job.actor_kind, job.actor, rest.get("role", ""), rest.get("request_id", ""),
        None if scopes is None else frozenset(scopes), rest.get("person", ""), rest.get("fresh", True),
    )
