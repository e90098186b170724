"""The end of a job. Owns: its last row, its audit event, what its kind does in the same transaction."""

import logging
from collections.abc import Mapping
from typing import Any

from django.db.models.functions import Now
from django.db.utils import InterfaceError, OperationalError

from stationmaster.jobs import claims
from stationmaster.jobs.claims import Fence
from stationmaster.jobs.cleaning import cleaned
from stationmaster.jobs.kinds import Ended, known
from stationmaster.jobs.models import ITEM_DONE, RUNNING, Job, JobItem
from stationmaster.jobs.places import place_of
from stationmaster.jobs.run import actor_of
from stationmaster.store.changes import Change, change

UNTRIED = "job.item.untried"
UNRECORDED = "error.job.unrecorded"
_log = logging.getLogger(__name__)


def end(fence: Fence, state: str, cause: str = "", sentence: str = "", result: Mapping[str, Any] | None = None) -> None:
    """End a job that is ours. Raises `Lost`."""
    with change(actor_of(Job.objects.get(id=fence.job))) as edit:
        claims.lock(fence)
        close(edit, fence.job, state, cause, sentence, result)


def close(
    edit: Change, job: str, state: str, cause: str = "", sentence: str = "", result: Mapping[str, Any] | None = None
) -> None:
    """Write the end down, in an open change by somebody who holds the row."""
    why = cleaned(sentence)
    left = JobItem.objects.filter(job=job).exclude(state__in=ITEM_DONE)
    for items, words in ((left.filter(attempts=0), "not tried"), (left.filter(attempts__gt=0), "not finished")):
        sentence_ = f"{words}: {why}" if why else words
        items.update(state="pending", reason=UNTRIED, sentence=sentence_, run_after=None)
    Job.objects.filter(id=job, state=RUNNING).update(worked=claims.worked_until(Now()))
    Job.objects.filter(id=job).update(
        state=state, cause=cause, sentence=why, result=cleaned(dict(result or {})), ended_at=Now(), worker=""
    )
    row = Job.objects.get(id=job)
    if row.actor_kind != "system" or state != "succeeded":      # what comes by itself and goes well is in no trail
        told = ("kind", "workspace", "state", "cause", "total", "ok", "skipped", "failed")
        edit.record(f"jobs:{job}:end", None, {name: getattr(row, name) for name in told})
    _tell(edit, Ended(job, row.kind, row.workspace, row.args, state, cause))


def _tell(edit: Change, ended: Ended) -> None:
    """Tell the kind. What it cannot write down keeps the job from succeeding, and not from ending."""
    kind = known().get(ended.kind)
    if kind is None or kind.on_end is None:
        return
    try:
        with change(edit.actor):      # joined: what raises undoes its own part
            kind.on_end(edit, ended)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001  whatever it is: the job has ended, and says so
        _log.error("job %s: its end: %s", ended.job, place_of(error))
        words = "what follows from its end could not be stored"
        Job.objects.filter(id=ended.job).update(state="failed", cause=UNRECORDED, sentence=words)
