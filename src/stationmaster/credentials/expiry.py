"""When secrets end. Owns: what "soon" means, the events that say so, and which credentials see to it themselves."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from django.db.models import Q
from django.utils import timezone

from stationmaster.credentials.models import Credential
from stationmaster.credentials.sources.models import OK
from stationmaster.operators.access import require
from stationmaster.store.actor import SYSTEM, Actor
from stationmaster.store.changes import change

State = Literal["", "ok", "soon", "expired"]      # empty: no end is known, or it is seen to without people
LONGEST_WARNING: Final = 365                      # days


def seen_to(row: Credential) -> bool:
    """Whether the secret is replaced before it ends, without anybody: it has a source that works. Who reads many rows takes
    their sources along (`select_related("source")`)."""
    source = getattr(row, "source", None)
    return source is not None and source.state == OK


def state(row: Credential, now: datetime) -> State:
    """How near the end of the live secret is."""
    if row.expires_at is None or not row.secret or seen_to(row):
        return ""
    if row.expires_at <= now:
        return "expired"
    return "soon" if row.expires_at <= now + timedelta(days=row.warn_days) else "ok"


def ending(now: datetime | None = None) -> Iterator[tuple[Credential, State]]:
    """Those that ended or soon will, the first to end first."""
    now = now or timezone.now()
    for row in Credential.objects.filter(_warned(now), disabled=False).select_related("source").order_by("expires_at", "name"):
        how = state(row, now)
        if how in ("soon", "expired"):
            yield row, how


def _warned(now: datetime) -> Q:
    """Ends that lie within each credential's own warning: the database is asked by the few lengths that there are."""
    lengths = Credential.objects.order_by().values_list("warn_days", flat=True).distinct()
    found = Q(expires_at__lte=now)
    for days in lengths:
        found |= Q(warn_days=days, expires_at__lte=now + timedelta(days=min(days, LONGEST_WARNING)))
    return found


def calendar(actor: Actor, since: datetime, until: datetime) -> list[Mapping[str, Any]]:
    """What ends, and what is rotated, in [since, until): `at`, `what` (expires, rotates), `credential`, `state`. Raises
    `Forbidden`."""
    require(actor, "credentials:read")
    return entries(since, until)


def entries(since: datetime, until: datetime) -> list[Mapping[str, Any]]:
    """The same for who was let in another way."""
    now = timezone.now()
    ends = Credential.objects.filter(expires_at__gte=since, expires_at__lt=until).select_related("source")
    found = [_entry(row, "expires", row.expires_at, how) for row in ends if (how := state(row, now))]
    for row in Credential.objects.filter(rotate_days__gt=0, disabled=False, secret_since__isnull=False):
        due = rotation_due(row)
        if since <= due < until:
            found.append(_entry(row, "rotates", due, ""))
    return sorted(found, key=lambda each: (each["at"], each["credential"]))


def rotation_due(row: Credential) -> datetime:
    """When it is to be rotated next; the caller knows that it is."""
    since: Any = row.secret_since
    due: datetime = since + timedelta(days=row.rotate_days)
    return due


def _entry(row: Credential, what: str, at: datetime, how: str) -> Mapping[str, Any]:
    return {"credential": row.name, "id": row.id, "vendor": row.vendor, "what": what, "at": at, "state": how}


def warn() -> int:
    """Write an event for each credential that ends soon, and one when it has; once each. Whoever runs the control plane calls
    this now and then. How many were written."""
    return sum(_warn(row, how) for row, how in list(ending()))


def _warn(row: Credential, how: State) -> bool:
    at: Any = row.expires_at
    said = f"{how} {row.generation} {at.isoformat()}"
    if row.warned == said:
        return False
    with change(SYSTEM) as edit:
        if not Credential.objects.filter(id=row.id, warned=row.warned).observe(warned=said):
            return False      # another process was first
        after = {"name": row.name, "expires_at": at.isoformat(), "generation": row.generation}
        edit.record(f"credentials:{row.id}:{'expires_soon' if how == 'soon' else 'expired'}", after=after)
    return True
