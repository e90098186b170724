"""How long requests took lately. Owns: percentiles over the last requests of a time, and how many were looked at.

Sums have no percentiles, so single requests are read: the newest `AT_MOST` of the time asked for, which bounds what it costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stationmaster.operators.access import only_own, require
from stationmaster.store.actor import Actor
from stationmaster.usage import whose
from stationmaster.usage.models import UsageEvent

AT_MOST: Final = 5_000


@dataclass(frozen=True)
class Latency:
    """How long the requests took until their end, in microseconds: half of them at most `p50`, nineteen of twenty at most `p95`
    (None: there were none). `requests`: how many were looked at; `all`: whether that was all of the time asked for."""

    p50: int | None
    p95: int | None
    requests: int
    all: bool


def latency(actor: Actor, since: datetime) -> Latency:
    """Of the requests since then that a vendor answered; one's own for who sees only that. Raises `Forbidden`."""
    require(actor, "usage:read")
    rows = UsageEvent.objects.filter(at__gte=since, status__lt=400)
    if only_own(actor, "usage:read"):
        rows = whose.own(actor, rows)
    found = list(rows.order_by("-at", "-request_id").values_list("duration_us", flat=True)[: AT_MOST + 1])
    took = sorted(found[:AT_MOST])
    return Latency(_at(took, 0.50), _at(took, 0.95), len(took), len(found) <= AT_MOST)


def _at(took: Sequence[int], part: float) -> int | None:
    """The value that this part of them does not exceed (nearest rank)."""
    return took[max(0, -(-round(len(took) * part * 100) // 100) - 1)] if took else None
