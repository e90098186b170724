"""All items of a job, in a bounded number of threads. Owns: who does which, pauses, what stops the others.

Which outcome an error stands for is `verdicts`'; how it is written down is `items`'.
"""

import logging
import threading
import time
from typing import Final

from django.db import connections
from django.db.utils import InterfaceError, OperationalError

from stationmaster.errors import Overtaken
from stationmaster.jobs import items, pacing
from stationmaster.jobs.ceasing import Cancelled, Interrupted, Lost
from stationmaster.jobs.ending import UNRECORDED
from stationmaster.jobs.kinds import Failed, Handler, Outcome, Postponed
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.places import place_of
from stationmaster.jobs.run import LONGEST_WAIT, Run
from stationmaster.jobs.verdicts import CRASHED, STOPPING, backoff, outcome_of, spread
from stationmaster.line.errors import RateLimited
from stationmaster.telemetry import recording
from stationmaster.telemetry.otlp import INTERNAL

_LOOK: Final = 0.25       # seconds between two looks while there is nothing to do
_LEAST: Final = 0.02      # the database's clock may be a little behind ours
_log = logging.getLogger(__name__)
_PASSED: Final = (Lost, Cancelled, Interrupted, OperationalError, InterfaceError)      # what ends the run, and fails no item


class Performing:
    """`all` once."""

    def __init__(self, handler: Handler, run: Run) -> None:
        self._handler, self._run = handler, run
        self._source = items.Source(run.id)
        self._stopped: BaseException | None = None
        self._paused_until = 0.0
        self._rest: float | None = None

    def all(self) -> float | None:
        """Do them; None: each has its outcome. Else seconds until what is left may be done, which is long enough to do
        something else meanwhile. Raises what stopped it, when every thread has ended."""
        others = [threading.Thread(target=self._in_thread, name=f"{self._run.id} {number}", daemon=True)
                  for number in range(1, self._run.concurrency)]  # fmt: skip
        for thread in others:
            thread.start()
        self._work()
        for thread in others:
            thread.join()
        if self._stopped is not None:
            raise self._stopped
        return self._rest

    def _in_thread(self) -> None:
        try:
            self._work()
        finally:
            connections.close_all()

    def _work(self) -> None:
        try:
            while (number := self._next()) is not None:
                try:
                    self._one(number)
                finally:
                    self._source.over(number)
        except BaseException as error:  # noqa: BLE001  raised on by `all`, once the others have ended
            self._stopped = self._stopped or error

    def _next(self) -> int | None:
        """The next item; None: there is nothing more to do for this thread."""
        while self._stopped is None and self._rest is None:
            if self._run.working.stop.is_set():
                raise Interrupted
            self._run.check()
            pause = self._paused_until - time.monotonic()
            if pause <= 0 and (found := self._source.next()) is not None:
                return found
            if not self._source.wait(_LOOK) and not self._worth_waiting(pause):
                return None
        return None

    def _worth_waiting(self, pause: float) -> bool:
        """Wait a little, if something comes up soon."""
        rest = self._source.rest()
        if rest is None:
            return False
        rest = max(rest, pause)
        if rest > LONGEST_WAIT:
            self._rest = rest
            return False
        time.sleep(min(max(rest, _LEAST), _LOOK))
        return True

    def _one(self, number: int) -> None:
        item = items.begin(self._run, number)
        span = recording.begin(f"item {self._run.kind}", INTERNAL, within=self._run.span) if self._run.span else None
        with self._run.doing(item), recording.around(span):
            outcome = self._outcome(item)
            self._write(item, outcome)
        failed = outcome.reason if isinstance(outcome, Failed) else ""
        recording.end(span, {"stationmaster.job.item": number, "stationmaster.outcome": type(outcome).__name__.lower()}, failed)

    def _outcome(self, item: JobItem) -> Outcome:
        try:
            return self._handler.perform(self._run, item)
        except (*_PASSED, *STOPPING):
            raise
        except Exception as error:  # noqa: BLE001  whatever it is: the item says so, and the others are tried
            outcome = outcome_of(error, item.attempts)
            if isinstance(error, RateLimited) and isinstance(outcome, Postponed):
                self._hold_off(outcome.seconds)
            if isinstance(outcome, Failed) and outcome.reason == CRASHED:
                _log.error("item %s of job %s: %s", item.id, item.job_id, place_of(error))
            return outcome

    def _hold_off(self, seconds: float) -> None:
        """The vendor wants to be left alone: by all of us."""
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)
        pacing.hold_off(self._run.workspace or self._run.id, seconds)

    def _write(self, item: JobItem, outcome: Outcome) -> None:
        if isinstance(outcome, Postponed):
            self._run.log(f"later, in {outcome.seconds:.0f} s: {outcome.sentence or outcome.reason}")
            items.put_off(self._run, item, outcome.seconds, outcome)
        elif isinstance(outcome, Failed) and outcome.retry and item.failures + 1 < self._run.item_retries:
            self._run.log(f"tried again later: {outcome.sentence or outcome.reason}", "warning")
            items.put_off(self._run, item, backoff(self._run.working.backoff, item.failures + 1, spread()), outcome)
        else:
            self._finish(item, outcome)

    def _finish(self, item: JobItem, outcome: Outcome) -> None:
        assert isinstance(outcome, items.Final_)  # noqa: S101  Postponed went another way
        if isinstance(outcome, Failed):
            self._run.log(f"failed: {outcome.sentence or outcome.reason}", "error")
        try:
            items.finish(self._run, item, outcome)
        except (*_PASSED, *STOPPING):
            raise
        except Overtaken as error:
            self._write(item, outcome_of(error, item.attempts))      # read anew, and decided anew
        except Exception as error:
            if outcome.record is None:
                raise
            _log.error("item %s of job %s cannot be recorded: %s", item.id, item.job_id, place_of(error))
            self._finish(item, _unrecorded(error))


def _unrecorded(error: Exception) -> Failed:
    """What the item's kind wanted to write down could not be: nothing of it was, and the item says so."""
    known = outcome_of(error, 1)
    why = known.sentence if isinstance(known, Failed) else type(error).__name__
    return Failed(UNRECORDED, f"it was done, but could not be written down: {why}")
