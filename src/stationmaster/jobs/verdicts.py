"""What an error makes of an item, and items of a job. Pure: values in, values out."""

import random
from typing import Final

from stationmaster.errors import Overtaken, StationmasterError
from stationmaster.jobs.ceasing import Waiting
from stationmaster.jobs.cleaning import clean
from stationmaster.jobs.kinds import Failed, Outcome, Postponed, Skipped
from stationmaster.line.errors import DirectoryManaged, DryRunRefused, RateLimited, StopRun, Transient

CRASHED: Final = "error.job.crashed"
_SHORTLY: Final = 0.2        # seconds until a row is read again that somebody changed meanwhile
_LONGEST: Final = 300.0      # seconds of a pause that we choose ourselves
STOPPING: Final = (StopRun, DirectoryManaged)      # going on would fail alike for every item


def outcome_of(error: Exception, begun: int) -> Outcome:
    """The outcome that an item's error stands for; `begun`: how often the item was begun. What `STOPPING` names is about the
    job, and raised on by the caller."""
    if isinstance(error, Waiting):
        return Postponed(error.seconds, error.code, error.message)
    if isinstance(error, Overtaken):
        return Postponed(_SHORTLY, error.code, error.message)
    if isinstance(error, RateLimited):
        return Postponed(error.retry_after or backoff(5.0, begun), error.code, clean(error.message))
    if isinstance(error, DryRunRefused):
        return Skipped(error.code, clean(error.message), {"method": error.method, "path": error.path})
    if isinstance(error, StationmasterError):
        return Failed(error.code, sentence_of(error), retry=isinstance(error, Transient) or error.retryable)
    return Failed(CRASHED, f"it met an error that nobody foresaw ({type(error).__name__})")


def sentence_of(error: StationmasterError) -> str:
    """What people are told of an error: its message, and what to do."""
    return clean(f"{error.message} — {error.hint}" if error.hint else error.message)


def backoff(first: float, number: int, chance: float = 1.0) -> float:
    """Seconds before the next try after `number` of them: doubled each time, up to five minutes; `chance` from 0 to 1 takes
    up to half of it away, so that those who failed together do not come back together."""
    return float(min(_LONGEST, first * 2 ** min(max(number - 1, 0), 20)) * (0.5 + chance / 2))


def spread() -> float:
    """A `chance` for `backoff`."""
    return random.random()  # noqa: S311  nothing secret


def state_of(total: int, ok: int, skipped: int, failed: int) -> str:
    """The state of a job whose items have all been tried: `partial` when some failed."""
    if ok + skipped + failed != total:
        raise ValueError("items are left")
    if not failed:
        return "succeeded"
    return "partial" if ok + skipped else "failed"
