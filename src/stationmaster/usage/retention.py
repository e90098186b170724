"""How long single requests are kept. Owns: deleting old ones, in small steps, so that nobody waits for it."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.usage.models import Batch, UsageEvent
from stationmaster.usage.spending import forget

STEP = 500
BATCHES_LONGER = timedelta(days=30)      # a gateway may have been away for so long with batches that we have


def delete_old(actor: Actor, days: int, now: datetime | None = None) -> int:
    """Delete requests older than `days`; their sums stay. Return how many. Each step is a transaction of its own.
    Raises `Forbidden`."""
    require(actor, "settings:update")
    before = (now or timezone.now()) - timedelta(days=days)
    _delete(Batch.objects.filter(at__lt=before - BATCHES_LONGER))
    forget(before)
    return _delete(UsageEvent.objects.filter(at__lt=before).order_by("at"))


def _delete(rows: "QuerySet[Any]") -> int:
    deleted = 0
    while ids := list(rows.values_list("pk", flat=True)[:STEP]):
        deleted += rows.model.objects.filter(pk__in=ids).delete()[0]
    return deleted
