"""What entrances may ask about workspaces."""

from collections.abc import Iterator, Mapping
from typing import Any

from stationmaster.gateway.config import build
from stationmaster.gateway.config.report import Placed
from stationmaster.gateway.config.secret import SecretError, check_use, resolve
from stationmaster.gateway.config.tables import CredentialTable
from stationmaster.operators.access import require
from stationmaster.store import writeonly
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import AROUND, Given, Rows, known_only, read, text
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find, free_name, same_name
from stationmaster.workspaces import addresses
from stationmaster.workspaces.models import Workspace

FIELDS = frozenset(
    {"name", "vendor", "base_url", "organisation", "secret", "disabled", "disabled_reason", "allow_insecure_http"}
)


def show(row: Workspace) -> Mapping[str, Any]:
    """A workspace as plain values; of its secret only whether there is one."""
    return {
        "id": row.id, "name": row.name, "vendor": row.vendor, "base_url": row.base_url, "organisation": row.organisation,
        "secret_set": bool(row.secret), "disabled": row.disabled, "disabled_reason": row.disabled_reason,
        "allow_insecure_http": row.allow_insecure_http,
        "revision": row.revision, "created_at": row.created_at, "updated_at": row.updated_at,
    }


WORKSPACES = Listing(
    noun="workspaces",
    columns=(
        Column("id"), Column("name"), Column("vendor"), Column("organisation"), Column("disabled", kind="flag"),
        Column("created_at", kind="time"), Column("updated_at", kind="time"), Column("revision", kind="number"),
    ),
    show=show,
)


def list_workspaces(actor: Actor, query: Query) -> Page:
    """One page of them. Raises `Forbidden`, `Invalid`."""
    require(actor, "workspaces:read")
    return page(WORKSPACES, Workspace.objects.all(), query)


def export_workspaces(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "workspaces:export")
    return export(WORKSPACES, Workspace.objects.all(), query, form)


def get_workspace(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id or name. Raises `Forbidden`, `NotFound`."""
    require(actor, "workspaces:read")
    return show(find(Workspace, which))


def create_workspace(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Attach a workspace. Raises `Forbidden`, `Invalid`, `Conflict`."""
    require(actor, "workspaces:create")
    known_only(given, FIELDS)
    writeonly.new(given)
    table = _checked(given)
    with change(actor) as edit:
        free_name(Workspace, table.id)
        row = Workspace(name=table.id)
        _fill(row, table, given)
        row.secret = table.secret
        edit.create(row)
    return show(row)


def update_workspace(actor: Actor, which: str, given: Given, version: int | None = None) -> Mapping[str, Any]:
    """Change the fields that are given; an empty secret keeps the old one. `version`: the revision that the caller
    read. Raises `Forbidden`, `NotFound`, `Stale`, `Invalid`."""
    require(actor, "workspaces:update")
    known_only(given, FIELDS)
    with change(actor) as edit:
        row = find(Workspace, which)
        same_name(row, given)
        secret = writeonly.new(given)
        with edit.updating(row, version):
            table = _checked({**_given(row), **given, "secret": secret or writeonly.KEPT})
            if not secret:
                writeonly.stays(row, table.vendor, table.base_url)
            _fill(row, table, {**_given(row), **given})
            row.secret = secret or row.secret
    return show(row)


def delete_workspace(actor: Actor, which: str, version: int | None = None) -> None:
    """Detach a workspace and forget its admin credential. Raises `Forbidden`, `NotFound`, `Stale`."""
    require(actor, "workspaces:delete")
    with change(actor) as edit:
        edit.delete(find(Workspace, which), version)


def _given(row: Workspace) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FIELDS - {"secret"}}


def _checked(given: Given) -> CredentialTable:
    """The fields, which are those of a credential less its prices. Raises `Invalid`."""
    report = Rows("workspace")
    row = read("workspace", CredentialTable, {name: given[name] for name in given if name != "disabled_reason"}, report)
    build.vendor(row.table.vendor, row.place, report)
    build.check_base_url(row.table, row.place, report)
    _check_secret(row, report)
    addresses.check_url(row.table.base_url, report, allow_insecure_http=row.table.allow_insecure_http)
    text(given, "disabled_reason", report)
    report.refuse()
    return row.table


def _check_secret(row: Placed[CredentialTable], report: Rows) -> None:
    """An admin key is what is wanted here; a browser session or OAuth token is refused as everywhere."""
    try:
        if row.table.secret:
            check_use(resolve(row.table.secret, AROUND), row.table.vendor)
    except SecretError as error:
        if error.code != "error.credential.admin_key":
            report.add(error.code, (*row.place, "secret"), error.message, error.hint)


def _fill(row: Workspace, table: CredentialTable, given: Given) -> None:
    row.vendor, row.base_url, row.organisation = table.vendor, table.base_url.rstrip("/"), table.organisation
    row.disabled, row.allow_insecure_http = table.disabled, table.allow_insecure_http
    row.disabled_reason = given.get("disabled_reason") or ""
