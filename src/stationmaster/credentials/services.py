"""What entrances may ask about credentials."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from stationmaster.credentials import copies, expiry, generations, health, life, places
from stationmaster.credentials.asking import (
    job_on,
    mark_revoked,
    mint_credential,
    override_credential,
    probe_credential,
    revoke_credential,
    revoke_kept,
    roll_back,
    rotate_credential,
    rotate_workspace,
    steps_of,
    tend,
    unrivalled,
)
from stationmaster.credentials.calendars import (
    CALENDARS,
    create_feed,
    delete_feed,
    export_feeds,
    feed,
    get_feed,
    list_feeds,
)
from stationmaster.credentials.checking import checked
from stationmaster.credentials.expiry import calendar
from stationmaster.credentials.guiding import guide, paste_credential
from stationmaster.credentials.models import OVERRIDES, Credential, CredentialSecret, HealthEvent
from stationmaster.credentials.recognising import recognise
from stationmaster.credentials.sources.asking import (
    SOURCES,
    delete_source,
    export_sources,
    get_source,
    list_sources,
    put_source,
    refresh_credential,
)
from stationmaster.credentials.stretches import stretches
from stationmaster.credentials.tables import LIFE
from stationmaster.gateway.config.tables import CredentialTable
from stationmaster.gateway.core.life import STATES
from stationmaster.operators.access import require
from stationmaster.store import writeonly
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find, free_name, same_name, unused
from stationmaster.vendors.registry import VENDORS

__all__ = [
    "CALENDARS",
    "CREDENTIALS",
    "FIELDS",
    "HISTORY",
    "SOURCES",
    "by_health",
    "calendar",
    "create_credential",
    "create_feed",
    "delete_credential",
    "delete_feed",
    "delete_source",
    "ending",
    "export_credentials",
    "export_feeds",
    "export_sources",
    "feed",
    "forget_history",
    "get_credential",
    "get_feed",
    "get_source",
    "guide",
    "holders",
    "list_credentials",
    "list_feeds",
    "list_history",
    "list_sources",
    "mark_revoked",
    "mint_credential",
    "override_credential",
    "paste_credential",
    "probe_credential",
    "put_source",
    "recognise",
    "refresh_credential",
    "revoke_credential",
    "revoke_kept",
    "roll_back",
    "rotate_credential",
    "rotate_workspace",
    "show",
    "steps_of",
    "stretches",
    "tend",
    "unwell",
    "update_credential",
]  # fmt: skip

FIELDS = frozenset(
    {"name", "vendor", "base_url", "organisation", "secret", "disabled", "disabled_reason", "prices", "allow_insecure_http"}
) | LIFE


def show(row: Credential) -> Mapping[str, Any]:
    """A credential as plain values; of its secret only whether there is one."""
    return {
        "id": row.id, "name": row.name, "vendor": row.vendor, "base_url": row.base_url, "organisation": row.organisation,
        "secret_set": bool(row.secret), "disabled": row.disabled, "disabled_reason": row.disabled_reason,
        "prices": row.prices, "allow_insecure_http": row.allow_insecure_http, **life.show(row),
        "health": row.health, "health_cause": row.health_cause, "health_at": row.health_at,
        "revision": row.revision, "created_at": row.created_at, "updated_at": row.updated_at,
    }


_NEVER = datetime(9999, 1, 1, tzinfo=UTC)

CREDENTIALS = Listing(
    noun="credentials",
    columns=(
        Column("id"), Column("name"), Column("vendor", values=VENDORS), Column("organisation"), Column("disabled", kind="flag"),
        Column("health", values=STATES), Column("health_cause", sortable=False), Column("workspace"),
        Column("override", values=OVERRIDES),
        Column("expires_at", "ends_at", "time"), Column("created_at", kind="time"),
        Column("updated_at", kind="time"), Column("revision", kind="number"),
    ),
    show=show,
)


HISTORY = Listing(
    noun="history",
    columns=(
        Column("id", kind="number"), Column("at", kind="time"), Column("gateway"),
        Column("state", values=STATES), Column("cause"), Column("code"),
        Column("generation", kind="number"),
    ),
    show=health.show_event, search="", sort="-at", key="id",
)  # fmt: skip


def list_credentials(actor: Actor, query: Query) -> Page:
    """One page of them. Raises `Forbidden`, `Invalid`."""
    require(actor, "credentials:read")
    return page(CREDENTIALS, _rows(), query)


def export_credentials(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "credentials:export")
    return export(CREDENTIALS, _rows(), query, form)


def get_credential(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id or name, with what each gateway reports. Raises `Forbidden`, `NotFound`."""
    require(actor, "credentials:read")
    row = find(Credential, which)
    return {**show(row), "reports": health.of(row), "generations": life.shown(row), "job": job_on(row)}


def list_history(actor: Actor, which: str, query: Query) -> Page:
    """One page of how its state went on, the newest first. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "credentials:read")
    return page(HISTORY, HealthEvent.objects.filter(credential=find(Credential, which)), query)


def forget_history(days: int) -> int:
    """Forget what is older than single requests are kept; how many entries."""
    return health.delete_old(timezone.now() - timedelta(days=days))


def ending(actor: Actor) -> list[Mapping[str, Any]]:
    """Those that ended or soon will, the first to end first: `name`, `expires_at`, `expiry`. Raises `Forbidden`."""
    require(actor, "credentials:read")
    return [{"name": row.name, "expires_at": row.expires_at, "expiry": how} for row, how in expiry.ending()]


def unwell(actor: Actor) -> Mapping[str, int]:
    """How many credentials gateways find anything but well, by their vendors' names; none of those that an operator switched
    off. Raises `Forbidden`."""
    require(actor, "credentials:read")
    return health.unwell_by_vendor()


def by_health(actor: Actor) -> Mapping[str, int]:
    """How many credentials there are by what gateways said of them last; those that an operator switched off as "off".
    Raises `Forbidden`."""
    require(actor, "credentials:read")
    found = Credential.objects.order_by().values_list("health", "disabled").annotate(Count("id"))
    counts: Counter[str] = Counter()
    for state, disabled, number in found:
        counts["off" if disabled else state] += number
    return counts


def holders(actor: Actor, generations: Sequence[str]) -> Mapping[str, str]:
    """Of generations (ids) the credentials (ids) whose they are. Raises `Forbidden`."""
    require(actor, "credentials:read")
    rows = CredentialSecret.objects.filter(id__in=generations)
    return {str(one): str(of) for one, of in rows.values_list("id", "credential_id")}


def create_credential(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Store a credential; `given` has the words of a `[[credential]]`. Raises `Forbidden`, `Invalid`, `Conflict`."""
    require(actor, "credentials:create")
    known_only(given, FIELDS)
    writeonly.new(given)
    table = checked(given)
    with change(actor) as edit:
        free_name(Credential, table.id)
        row = Credential(name=table.id)
        _fill(row, table, given)
        life.fill(row, given)
        places.minted_here(actor, row)
        row.secret, row.secret_since = table.secret, timezone.now()
        edit.create(row)
    return show(row)


def update_credential(actor: Actor, which: str, given: Given, version: int | None = None) -> Mapping[str, Any]:
    """Change the fields that are given; an empty secret keeps the old one. `version`: the revision that the caller
    read. Raises `Forbidden`, `NotFound`, `Stale`, `Invalid`; `Conflict` for another address of one that has more than the secret
    that serves (`places`), and for a secret beside one that is about to follow."""
    require(actor, "credentials:update")
    known_only(given, FIELDS)
    secret = writeonly.new(given)
    with change(actor) as edit:
        row = find(Credential, which)
        same_name(row, given)
        with edit.updating(row, version):
            whole = {**_given(row), **given, "secret": secret or writeonly.KEPT}
            table = checked(whole)
            if not secret:
                writeonly.stays(row, table.vendor, table.base_url)
            before = places.place_of(row)
            _fill(row, table, whole)
            life.fill(row, given)
            moved = _placed(actor, row, before)
            if secret and not row.secret.holds(secret):
                unrivalled(row)
                generations.replace(edit, row, secret, way_back=not moved)
    return show(row)


def _placed(actor: Actor, row: Credential, before: places.Place) -> bool:
    """Whether its secrets go elsewhere now, which is looked at, as is where they are made."""
    after = places.place_of(row)
    if after != before:
        places.minted_here(actor, row)
    if after[:2] == before[:2]:
        return False
    places.movable(row)
    return True


def delete_credential(actor: Actor, which: str, version: int | None = None) -> None:
    """Delete one that no pool has. Raises `Forbidden`, `NotFound`, `Stale`, `Conflict`."""
    require(actor, "credentials:delete")
    with change(actor) as edit:
        row = find(Credential, which)
        unused(row, _users(row))
        life.nothing_left(row)
        edit.delete(row, version)


def _rows() -> "QuerySet[Any]":
    """All; `ends_at`: when the secret ends, those without an end behind all others."""
    rows: QuerySet[Any] = Credential.objects.select_related("source").annotate(ends_at=Coalesce("expires_at", Value(_NEVER)))
    return rows


def _users(row: Credential) -> list[str]:
    """The pools that have it, by their foreign keys, and the targets that have a copy, or may have one."""
    members = row.memberships.select_related("pool")
    return [*(f"pool {member.pool.name}" for member in members), *(f"target {name}" for name in copies.places(row))]


def _given(row: Credential) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FIELDS - LIFE - {"secret"}}


def _fill(row: Credential, table: CredentialTable, given: Given) -> None:
    row.vendor, row.base_url, row.organisation = table.vendor, table.base_url.rstrip("/"), table.organisation
    row.disabled, row.prices, row.allow_insecure_http = table.disabled, table.prices, table.allow_insecure_http
    row.disabled_reason = given.get("disabled_reason") or ""
