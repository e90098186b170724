"""What entrances may ask about credentials."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Count, QuerySet

from stationmaster.credentials import health
from stationmaster.credentials.models import Credential
from stationmaster.gateway.config import build
from stationmaster.gateway.config.tables import CredentialTable
from stationmaster.operators.access import require
from stationmaster.store import writeonly
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import AROUND, Given, Rows, known_only, read, text
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find, free_name, same_name, unused
from stationmaster.workspaces import addresses

FIELDS = frozenset(
    {"name", "vendor", "base_url", "organisation", "secret", "disabled", "disabled_reason", "prices", "allow_insecure_http"}
)


def show(row: Credential) -> Mapping[str, Any]:
    """A credential as plain values; of its secret only whether there is one."""
    return {
        "id": row.id, "name": row.name, "vendor": row.vendor, "base_url": row.base_url, "organisation": row.organisation,
        "secret_set": bool(row.secret), "disabled": row.disabled, "disabled_reason": row.disabled_reason,
        "prices": row.prices, "allow_insecure_http": row.allow_insecure_http,
        "health": row.health, "health_cause": row.health_cause, "health_at": row.health_at,
        "revision": row.revision, "created_at": row.created_at, "updated_at": row.updated_at,
    }


CREDENTIALS = Listing(
    noun="credentials",
    columns=(
        Column("id"), Column("name"), Column("vendor"), Column("organisation"), Column("disabled", kind="flag"),
        Column("health"), Column("health_cause", sortable=False), Column("created_at", kind="time"),
        Column("updated_at", kind="time"), Column("revision", kind="number"),
    ),
    show=show,
)


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
    return {**show(row), "reports": health.of(row)}


def by_health(actor: Actor) -> Mapping[str, int]:
    """How many credentials there are by what gateways said of them last; those that an operator switched off as "off".
    Raises `Forbidden`."""
    require(actor, "credentials:read")
    found = Credential.objects.order_by().values_list("health", "disabled").annotate(Count("id"))
    counts: Counter[str] = Counter()
    for state, disabled, number in found:
        counts["off" if disabled else state] += number
    return counts


def create_credential(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Store a credential; `given` has the words of a `[[credential]]`. Raises `Forbidden`, `Invalid`, `Conflict`."""
    require(actor, "credentials:create")
    known_only(given, FIELDS)
    writeonly.new(given)
    table = _checked(given)
    with change(actor) as edit:
        free_name(Credential, table.id)
        row = Credential(name=table.id)
        _fill(row, table, given)
        row.secret = table.secret
        edit.create(row)
    return show(row)


def update_credential(actor: Actor, which: str, given: Given, version: int | None = None) -> Mapping[str, Any]:
    """Change the fields that are given; an empty secret keeps the old one. `version`: the revision that the caller
    read. Raises `Forbidden`, `NotFound`, `Stale`, `Invalid`."""
    require(actor, "credentials:update")
    known_only(given, FIELDS)
    secret = writeonly.new(given)
    with change(actor) as edit:
        row = find(Credential, which)
        same_name(row, given)
        with edit.updating(row, version):
            whole = {**_given(row), **given, "secret": secret or writeonly.KEPT}
            table = _checked(whole)
            if not secret:
                writeonly.stays(row, table.vendor, table.base_url)
            _fill(row, table, whole)
            row.secret = secret or row.secret
    return show(row)


def delete_credential(actor: Actor, which: str, version: int | None = None) -> None:
    """Delete one that no pool has. Raises `Forbidden`, `NotFound`, `Stale`, `Conflict`."""
    require(actor, "credentials:delete")
    with change(actor) as edit:
        row = find(Credential, which)
        unused(row, _users(row))
        edit.delete(row, version)


def _rows() -> "QuerySet[Any]":
    return Credential.objects.all()


def _users(row: Credential) -> list[str]:
    """The pools that have it. Their model is above this one and reaches it by its foreign key."""
    members = row.memberships.select_related("pool")
    return [f"pool {member.pool.name}" for member in members]


def _given(row: Credential) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FIELDS - {"secret"}}


def _checked(given: Given) -> CredentialTable:
    """The fields, by the rules of the file. Raises `Invalid`."""
    report = Rows("credential")
    table = {name: value for name, value in given.items() if name != "disabled_reason" and value != {}}
    row = read("credential", CredentialTable, table, report)
    build.credential(row, AROUND, report)
    addresses.check_url(row.table.base_url, report, allow_insecure_http=row.table.allow_insecure_http)
    text(given, "disabled_reason", report)
    report.refuse()
    return row.table


def _fill(row: Credential, table: CredentialTable, given: Given) -> None:
    row.vendor, row.base_url, row.organisation = table.vendor, table.base_url.rstrip("/"), table.organisation
    row.disabled, row.prices, row.allow_insecure_http = table.disabled, table.prices, table.allow_insecure_http
    row.disabled_reason = given.get("disabled_reason") or ""
