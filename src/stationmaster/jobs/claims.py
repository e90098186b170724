"""Who has a job. Owns: claiming it, the fence that tells an owner from who was it before, handing it back, taking it away.

All of it is conditional updates by the database's own clock: whoever asks too late changes no row. Where the configuration's
head is locked as well, it is locked first.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from django.db import IntegrityError, connection, transaction
from django.db.models import DurationField, Expression, ExpressionWrapper, F, Q
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce, Greatest, Now

from stationmaster.jobs.ceasing import Cancelled, Lost
from stationmaster.jobs.engine._base import Ring
from stationmaster.jobs.models import PENDING, QUEUED, RUNNING, Job, JobItem

_MAX_WHAT = 200


@dataclass(frozen=True)
class Fence:
    """One claim of a job: it holds as long as the row has this number and runs."""

    job: str
    number: int

    @property
    def mine(self) -> Q:
        """The row, if it is still ours."""
        return Q(id=self.job, fence=self.number, state=RUNNING)


def claim(job: str, worker: str) -> Fence | Literal["busy", "gone"]:
    """Make a job ours. "busy": another one with its lock runs, or it is not time yet; "gone": it is not queued any more."""
    try:
        with transaction.atomic():
            taken = Job.objects.filter(id=job, state=QUEUED, run_after__lte=Now()).update(
                state=RUNNING, fence=F("fence") + 1, attempt=F("attempt") + 1, worker=worker, heartbeat_at=Now(),
                started_at=Coalesce("started_at", Now()), claimed_at=Now(),
            )
            if taken:
                # What an owner before us had begun is begun again; how often it was, and its intent, stay.
                JobItem.objects.filter(job=job, state=RUNNING).update(state=PENDING)
                return Fence(job, Job.objects.values_list("fence", flat=True).get(id=job))
    except IntegrityError:
        return "busy"
    return "busy" if Job.objects.filter(id=job, state=QUEUED).exists() else "gone"


def hold(fence: Fence) -> None:
    """Say that we live. Raises `Lost`, `Cancelled`."""
    if not Job.objects.filter(fence.mine, cancel_asked=False).update(heartbeat_at=Now()):
        raise _why(fence)


def intend(fence: Fence, item: JobItem | None, what: str) -> None:
    """Hold the job and note what `item` is about to do, in one transaction. Raises `Lost`, `Cancelled`."""
    with transaction.atomic():
        hold(fence)
        if item is not None:
            JobItem.objects.filter(id=item.id).update(intent_at=Now(), intent=what[:_MAX_WHAT])


def lock(fence: Fence) -> None:
    """Keep the job ours until the open transaction ends; being cancelled does not stand against that. Raises `Lost`."""
    rows = Job.objects.filter(fence.mine)
    if connection.features.has_select_for_update:      # elsewhere the transaction is the only one that writes
        rows = rows.select_for_update(no_key=connection.features.has_select_for_no_key_update)
    if not rows.values_list("id", flat=True).first():
        raise Lost


def hand_back(fence: Fence, seconds: float = 0.0, *, counted: bool = False) -> Ring | None:
    """Queue the job again, for `seconds` from now; None: it is not ours. `counted`: this start counts against the limit. Raises
    `Cancelled` when that was asked for: nobody would see to it before those seconds are over."""
    attempt = F("attempt") if counted else Greatest(F("attempt") - 1, 0)
    with transaction.atomic():
        if not Job.objects.filter(fence.mine, cancel_asked=False).update(
            state=QUEUED, worker="", run_after=Now() + timedelta(seconds=seconds), attempt=attempt, worked=worked_until(Now())
        ):
            if isinstance(why := _why(fence), Cancelled):
                raise why
            return None
        JobItem.objects.filter(job=fence.job, state=RUNNING).update(state=PENDING)
        return ring_of(fence.job)


def reap(lease: float | None) -> list[Ring]:
    """Queue again what runs without a heartbeat for `lease` seconds (None: all that runs); who had it has lost it."""
    dead = Q(state=RUNNING)
    if lease is not None:
        dead &= Q(heartbeat_at__lt=Now() - timedelta(seconds=lease))
    found = list(Job.objects.filter(dead).values_list("id", flat=True))
    values = {"state": QUEUED, "worker": "", "run_after": Now(), "worked": worked_until(F("heartbeat_at"))}
    return [ring_of(job) for job in found if Job.objects.filter(dead, id=job).update(**values)]


def worked_until(moment: Expression | F) -> CombinedExpression:
    """How long a job that runs was run in all, if who runs it stopped at `moment`."""
    worked: CombinedExpression = F("worked") + ExpressionWrapper(moment - F("claimed_at"), output_field=DurationField())
    return worked


def ring_of(job: str) -> Ring:
    """What an engine is told of a job."""
    return Ring(*Job.objects.values_list("id", "lock", "priority", "run_after").get(id=job))


def _why(fence: Fence) -> Lost | Cancelled:
    return Cancelled() if Job.objects.filter(fence.mine).exists() else Lost()
