"""What a target still owes: copies that nobody wants any more, and those that hold an earlier secret. Owns: having it done once
the target answers again, and asking for it now and then until it is, whatever became of the jobs that should have."""

from typing import Any

from django.db.models import F, QuerySet

from stationmaster.errors import Conflict
from stationmaster.jobs import services as jobs
from stationmaster.publishing import kinds
from stationmaster.publishing.models import SKIPPED, Publication, Target
from stationmaster.publishing.reaching import may_withdraw
from stationmaster.store.actor import SYSTEM
from stationmaster.store.changes import change


def catch_up(target: Target) -> int:
    """Queue what waits there, in the open change; nothing when nothing does, or a job for it waits already. How many jobs."""
    withdrawn = unwanted(target).exists() and _submit(kinds.WITHDRAW, target, kinds.URGENT)
    renewed = not target.disabled and behind(target).exists() and _submit(kinds.PUBLISH, target, 0)
    return withdrawn + renewed


def tend() -> int:
    """Queue what is owed at every target that may be reached. One that refused us is left alone until somebody tested it. How
    many jobs. Whoever runs the control plane calls this now and then."""
    with change(SYSTEM):
        return sum(catch_up(target) for target in Target.objects.order_by("id") if _owes(target) and may_withdraw(target))


def _owes(target: Target) -> bool:
    return unwanted(target).exists() or behind(target).exists()


def unwanted(target: Target) -> "QuerySet[Any]":
    """Publications that are to be taken away."""
    return Publication.objects.filter(target=target, wanted=False)


def behind(target: Target) -> "QuerySet[Any]":
    """Copies that hold another secret than the one that serves, but for those that cannot have it, as was said."""
    rows = Publication.objects.filter(target=target, wanted=True).exclude(entry="").exclude(state=SKIPPED)
    return rows.exclude(generation=F("credential__generation"))


def _submit(kind: str, target: Target, priority: int) -> bool:
    try:
        jobs.submit(SYSTEM, kind, workspace=target.id, dedupe=f"catch-up:{kind}:{target.id}", priority=priority, item_retries=5)
    except Conflict:
        return False
    return True
