"""Running one job from its claim to its end, or to where it is handed back. Owns: the order of that, and what errors mean for it.

Engines call `run_claimed`; what the job does is its kind's.
"""

import contextlib
import logging
from dataclasses import dataclass

from django.db import Error, connections
from django.db.utils import InterfaceError, OperationalError

from stationmaster.errors import StationmasterError
from stationmaster.jobs import claims, items, pacing, verdicts
from stationmaster.jobs.ceasing import Cancelled, Interrupted, Lost, Waiting
from stationmaster.jobs.claims import Fence
from stationmaster.jobs.ending import end
from stationmaster.jobs.engine._base import Ring, Working
from stationmaster.jobs.keeper import Keeper
from stationmaster.jobs.kinds import Kind, kind_of
from stationmaster.jobs.models import Job
from stationmaster.jobs.performing import Performing
from stationmaster.jobs.places import place_of
from stationmaster.jobs.run import Run
from stationmaster.line.errors import RateLimited, Transient
from stationmaster.telemetry import recording

GAVE_UP = "error.job.attempts"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Again:
    """The job goes on later; `counted`: as one of the starts that nothing came of."""

    seconds: float
    counted: bool = False


def run_claimed(fence: Fence, working: Working) -> Ring | None:
    """Run the job that `fence` claims. What is returned is to be run again; None: it ended, or is not ours any more. Raises
    nothing but what ends a process."""
    try:
        return _run(fence, working)
    except Lost:
        _log.warning("job %s is another worker's now", fence.job)
    except Error as error:
        _log.warning("job %s is left for now: the database says %s", fence.job, type(error).__name__)
        return _let_go(fence, working)
    finally:
        connections.close_all()
    return None


def _let_go(fence: Fence, working: Working) -> Ring | None:
    """Hand it back, if the database answers again; else whoever finds it without a heartbeat takes it up."""
    connections.close_all()
    with contextlib.suppress(Error, Lost):
        return _hand_back(fence, _Again(working.backoff, counted=True))
    return None


def _hand_back(fence: Fence, again: _Again) -> Ring | None:
    try:
        return claims.hand_back(fence, again.seconds, counted=again.counted)
    except Cancelled as error:
        end(fence, "cancelled", error.code, error.message)
    return None


def _run(fence: Fence, working: Working) -> Ring | None:
    job = Job.objects.get(id=fence.job)
    kind = kind_of(job.kind)
    most = kind.max_attempts or working.attempts
    run = Run(job, fence, working)
    if job.cancel_asked:
        end(fence, "cancelled", Cancelled().code, Cancelled().message)
        return None
    if job.attempt > most:
        end(fence, "failed", GAVE_UP, f"gave up after {most} starts in which nothing was done")
        return None
    with Keeper(run), recording.around(run.span):
        again = _guarded(kind, run, prepared=job.prepared)
    _record(run)
    if again is None:
        return None
    return _hand_back(fence, again)


def _record(run: Run) -> None:
    """This claim of the job as a span, if anybody wants it: how the job stands behind it, and by what it failed."""
    if run.span is None:
        return
    row = Job.objects.get(id=run.id)
    said = {"stationmaster.job": run.id, "stationmaster.job.kind": run.kind, "stationmaster.job.state": row.state,
            "stationmaster.job.claim": run.fence.number, "stationmaster.job.items": row.total}  # fmt: skip
    recording.end(run.span, said, row.cause)


def _guarded(kind: Kind, run: Run, *, prepared: bool) -> _Again | None:
    """Do it all, and make what is raised an end of the job or another start. Raises `Lost`, Django's database errors."""
    try:
        return _steps(kind, run, prepared=prepared)
    except Interrupted:
        run.log("the worker is ending; another one goes on", item="")
        return _Again(0.0)
    except Waiting as error:
        return _Again(error.seconds)
    except Cancelled as error:
        run.log("cancelled", "warning", item="")
        run.book.write()
        end(run.fence, "cancelled", error.code, error.message)
    except (Lost, OperationalError, InterfaceError):
        raise
    except RateLimited as error:      # no item was: that has an outcome of its own
        return _left_alone(run, error.fault, error.retry_after or verdicts.backoff(5.0, run.attempt))
    except Transient as error:
        run.log(f"{error.message}; tried again later", "warning", item="")
        return _Again(verdicts.backoff(run.working.backoff, run.attempt, verdicts.spread()), counted=True)
    except StationmasterError as error:
        _fail(run, error.code, verdicts.sentence_of(error))
    except Exception as error:  # noqa: BLE001  whatever it is: the job says so, and the worker goes on
        _log.error("job %s: %s", run.id, place_of(error))
        _fail(run, verdicts.CRASHED, f"it met an error that nobody foresaw ({type(error).__name__})")
    return None


def _left_alone(run: Run, whom: str, seconds: float) -> _Again:
    """The vendor or target wants to be, by other jobs too. Without end it is not asked either."""
    pacing.hold_off(run.workspace or run.id, seconds)
    run.log(f"the {whom} wants to be left alone for {seconds:.0f} s; tried again then", "warning", item="")
    return _Again(seconds, counted=True)


def _fail(run: Run, cause: str, sentence: str) -> None:
    run.log(sentence, "error", item="")
    run.book.write()
    end(run.fence, "failed", cause, sentence)


def _steps(kind: Kind, run: Run, *, prepared: bool) -> _Again | None:
    run.log("started" if run.fence.number == 1 else f"started again, time {run.fence.number}", item="")
    if not prepared:
        total = items.write_down(run, kind.handler.prepare(run))
        run.log(f"{total} items", item="")
    rest = Performing(kind.handler, run).all()
    if rest is not None:
        return _Again(rest)
    run.check()
    result = kind.handler.conclude(run)
    job = Job.objects.get(id=run.id)
    state = verdicts.state_of(job.total, job.ok, job.skipped, job.failed)
    run.log(f"{state}: {job.ok} done, {job.skipped} skipped, {job.failed} failed", item="")
    run.book.write()
    end(run.fence, state, result=result)
    return None
