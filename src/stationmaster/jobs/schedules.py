"""Jobs that come again and again. Owns: their rows, and submitting what is due, once, however many workers look."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.db.models.functions import Now

from stationmaster.errors import Conflict, Invalid, StationmasterError
from stationmaster.jobs.kinds import kind_of, known
from stationmaster.jobs.models import Schedule
from stationmaster.jobs.submitting import Wish, new_job, ring
from stationmaster.store.actor import SYSTEM
from stationmaster.store.changes import Change, change

SHORTEST: Final = 10        # seconds
LONGEST: Final = 366 * 86_400
_log = logging.getLogger(__name__)


def schedule(edit: Change, kind: str, workspace: str, every: int, args: Mapping[str, Any] | None = None) -> None:
    """Have a job submitted every so many seconds, by the system, for the first time so long from now. What was scheduled
    before of the kind and workspace is replaced; the same again changes nothing. Raises `Invalid`."""
    kind_of(kind)
    if not SHORTEST <= every <= LONGEST:
        why = f"a schedule takes from {SHORTEST} to {LONGEST} seconds"
        raise Invalid("error.job.bad_schedule", why, fields={"every": why})
    row = Schedule.objects.filter(kind=kind, workspace=workspace).first()
    if row is not None and (row.every, row.args) == (every, dict(args or {})):
        return
    before = None if row is None else {"every": row.every, "args": row.args}
    Schedule.objects.update_or_create(
        kind=kind, workspace=workspace,
        defaults={"every": every, "args": dict(args or {}), "next_at": Now() + timedelta(seconds=every)},
    )
    edit.record(f"jobs:{_named(kind, workspace)}:schedule", before, {"every": every, "args": dict(args or {})})


def unschedule(edit: Change, kind: str, workspace: str) -> None:
    """Take a schedule away, if there is one."""
    for row in Schedule.objects.filter(kind=kind, workspace=workspace):
        edit.record(f"jobs:{_named(kind, workspace)}:unschedule", {"every": row.every, "args": row.args}, None)
        row.delete()


def submit_due() -> int:
    """Submit what is due, and set each to its next time; how many were submitted. One whose last job still waits or runs is
    left out this time: they do not pile up."""
    due = Schedule.objects.filter(next_at__lte=Now(), kind__in=known())
    return sum(_tried(row) for row in due.order_by("next_at"))


def _tried(row: Schedule) -> bool:
    """Submit it; one that cannot be keeps no other from being."""
    try:
        return _submit(row)
    except StationmasterError as error:
        _log.warning("%s is scheduled and cannot be submitted: %s", row, error.code)
        return False


def _submit(row: Schedule) -> bool:
    with change(SYSTEM) as edit:
        mine = Schedule.objects.filter(id=row.id, next_at=row.next_at)
        if not mine.update(next_at=Now() + timedelta(seconds=row.every)):
            return False      # another worker was quicker
        wish = Wish(row.workspace, row.args, dedupe=f"schedule:{_named(row.kind, row.workspace)}")
        try:
            job = new_job(edit, SYSTEM, kind_of(row.kind), wish)
        except Conflict:
            return False
        ring(job.id)
        Schedule.objects.filter(id=row.id).update(last_job=job.id)
    return True


def _named(kind: str, workspace: str) -> str:
    return f"{kind}@{workspace}" if workspace else kind
