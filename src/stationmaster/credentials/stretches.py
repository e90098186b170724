"""How several credentials stood over a time. Owns: that answer, for a picture: bounded, in three questions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import Max

from stationmaster.credentials.models import HealthEvent
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor

MOST: Final = 2000  # events that are looked at
_FIELDS: Final = ("credential_id", "at", "state", "cause")


def stretches(actor: Actor, ids: Sequence[str], since: datetime) -> Mapping[str, list[Mapping[str, Any]]]:
    """Of each credential, by id, what its state became since then (`at`, `state`, `cause`), in order, begun by what it was
    before. Raises `Forbidden`."""
    require(actor, "credentials:read")
    if not ids:
        return {}
    told = HealthEvent.objects.filter(credential__in=list(ids))
    before = told.filter(at__lt=since).order_by().values("credential_id").annotate(last=Max("at"))
    lasts = {row["credential_id"]: row["last"] for row in before}
    rows = list(told.filter(at__in=set(lasts.values())).order_by("at", "id").values(*_FIELDS)) if lasts else []
    rows = [row for row in rows if row["at"] == lasts.get(row["credential_id"])]
    rows += reversed(told.filter(at__gte=since).order_by("-at", "-id").values(*_FIELDS)[:MOST])
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(str(row["credential_id"]), []).append({name: row[name] for name in _FIELDS[1:]})
    return found
