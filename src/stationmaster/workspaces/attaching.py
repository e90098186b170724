"""Workspaces: attached, changed, detached. Owns: their checks, their changes, and what is shown of them."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from stationmaster.errors import Conflict, Invalid
from stationmaster.jobs import services as jobs
from stationmaster.operators.access import allowed, require
from stationmaster.store import writeonly
from stationmaster.store.actor import SYSTEM, Actor
from stationmaster.store.changes import Change, change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find, free_name, same_name
from stationmaster.vendors.registry import VENDORS, vendor
from stationmaster.workspaces import kinds
from stationmaster.workspaces.checking import checked
from stationmaster.workspaces.drifting import drift_of
from stationmaster.workspaces.models import Workspace
from stationmaster.workspaces.policy import policy
from stationmaster.workspaces.tables import FIX_DRIFT, POLICY, WorkspaceTable
from stationmaster.workspaces.vendorlist import shown_vendor

FIELDS: Final = frozenset({
    "name", "vendor", "base_url", "organisation", "secret", "disabled", "disabled_reason", "allow_insecure_http", *POLICY,
})  # fmt: skip
RUNNABLE: Final = (kinds.ONBOARD, kinds.RECONCILE, kinds.OFFBOARD, kinds.REMIND)
_SCHEDULED: Final = (kinds.RECONCILE, kinds.OFFBOARD, kinds.REMIND)
_DAY: Final = 86_400      # seconds
_OBSERVED: Final = (
    "organisation_name", "directory_managed", "seats_total", "seats_used", "seats_pending", "seats_ending", "terms", "found",
    "unread", "verified_at", "trouble", "read_at",
)  # fmt: skip


def show(row: Workspace) -> Mapping[str, Any]:
    """A workspace as plain values; of its secret only whether there is one."""
    return {
        "id": row.id, "name": row.name, "vendor": row.vendor, "base_url": row.base_url, "organisation": row.organisation,
        "secret_set": bool(row.secret), "disabled": row.disabled, "disabled_reason": row.disabled_reason,
        "allow_insecure_http": row.allow_insecure_http, **{name: getattr(row, name) for name in POLICY},
        "state": state_of(row), **{name: getattr(row, name) for name in _OBSERVED},
        "revision": row.revision, "created_at": row.created_at, "updated_at": row.updated_at,
    }  # fmt: skip


def state_of(row: Workspace) -> str:
    """What can be done there: disabled, refused (its credential does not work), read_only (a directory manages it), new (it
    was not read yet), or ready, which one that is kept by hand is at once: there is nothing to read."""
    states = (
        (row.disabled, "disabled"), (bool(row.trouble), "refused"), (bool(row.directory_managed), "read_only"),
        (row.verified_at is None and bool(vendor(row.vendor).capabilities), "new"),
    )
    return next((name for holds, name in states if holds), "ready")


WORKSPACES: Final = Listing(
    noun="workspaces",
    columns=(
        Column("id"), Column("name"), Column("vendor", values=VENDORS), Column("organisation"), Column("disabled", kind="flag"),
        Column("fix_drift", values=FIX_DRIFT), Column("created_at", kind="time"), Column("updated_at", kind="time"),
        Column("revision", kind="number"),
    ),
    show=show,
)  # fmt: skip


def list_workspaces(actor: Actor, query: Query) -> Page:
    """One page of them. Raises `Forbidden`, `Invalid`."""
    require(actor, "workspaces:read")
    return page(WORKSPACES, Workspace.objects.all(), query)


def export_workspaces(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "workspaces:export")
    return export(WORKSPACES, Workspace.objects.all(), query, form)


def get_workspace(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id or name, with what its vendor offers, what stays to be done by hand, the last job of each kind, and the drift
    that was last found. Raises `Forbidden`, `NotFound`."""
    require(actor, "workspaces:read")
    row = find(Workspace, which)
    offers, drift = shown_vendor(vendor(row.vendor)), drift_of(actor, row)
    return {**show(row), "offers": offers, "last_jobs": jobs.last_of(row.id), "drift": drift}


def create_workspace(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Attach a workspace. Raises `Forbidden`, `Invalid`, `Conflict`."""
    require(actor, "workspaces:create")
    known_only(given, FIELDS)
    writeonly.new(given)
    table = checked({**_defaults(), **given})
    with change(actor) as edit:
        free_name(Workspace, table.id)
        row = Workspace(name=table.id)
        _fill(row, table, given)
        row.secret = table.secret
        edit.create(row)
        _schedule(edit, row)
        _onboard(actor, row)
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
            table = checked({**_given(row), **given, "secret": secret or writeonly.KEPT})
            if not secret:
                writeonly.stays(row, table.vendor, table.base_url)
            _fill(row, table, {**_given(row), **given})
            row.secret = secret or row.secret
        _schedule(edit, row)
        if secret:
            _onboard(actor, row)
    return show(row)


def delete_workspace(actor: Actor, which: str, version: int | None = None) -> None:
    """Detach a workspace: forget its admin credential, and what is known of its seats; at the vendor nothing happens. Raises
    `Forbidden`, `NotFound`, `Stale`."""
    require(actor, "workspaces:delete")
    with change(actor) as edit:
        row = find(Workspace, which)
        for kind in _SCHEDULED:
            jobs.unschedule(edit, kind, row.id)
        edit.delete(row, version)


def run_job(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Queue a job of a workspace: `kind` is onboard, reconcile, offboard or remind. One that waits or runs already is not
    queued twice. Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict`."""
    require(actor, "workspaces:update")      # before anything is looked up: who may not is not told what there is
    known_only(given, frozenset({"kind", "dry_run"}))
    kind = given.get("kind")
    if kind not in RUNNABLE:
        why = f"one of {', '.join(RUNNABLE)}"
        raise Invalid("error.config.bad_value", f"kind: {why}", fields={"kind": why})
    row = find(Workspace, which)
    if row.disabled:
        raise Conflict("error.workspace.disabled", f"{row.name} is disabled", hint="enable it first")
    return jobs.submit(actor, kind, workspace=row.id, dedupe=f"{kind}:{row.id}", dry_run=given.get("dry_run") is True)


def _given(row: Workspace) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FIELDS - {"secret"}}


def _schedule(edit: Change, row: Workspace) -> None:
    """Have the workspace reconciled as often as its policy says, and looked through for people to write to once a day, by
    whichever worker is there."""
    every = {
        kinds.RECONCILE: row.reconcile_minutes * 60, kinds.OFFBOARD: _DAY if row.remove_inactive_days else 0,
        kinds.REMIND: _DAY if row.notify else 0,
    }  # fmt: skip
    for kind in _SCHEDULED:
        if every[kind] and not row.disabled:
            jobs.schedule(edit, kind, row.id, every[kind])
        else:
            jobs.unschedule(edit, kind, row.id)


def _onboard(actor: Actor, row: Workspace) -> None:
    """Read it, by a job of whoever attached it, if they may ask for one."""
    if row.disabled:
        return
    asks = actor if allowed(actor, "workspaces:update") else SYSTEM
    with suppress(Conflict):      # one waits already
        jobs.submit(asks, kinds.ONBOARD, workspace=row.id, dedupe=f"{kinds.ONBOARD}:{row.id}")


def _defaults() -> dict[str, Any]:
    """What holds for workspaces that say nothing about it."""
    now = policy()
    return {"reconcile_minutes": now.reconcile_minutes, "remove_inactive_days": now.inactive_days}


def _fill(row: Workspace, table: WorkspaceTable, given: Given) -> None:
    row.vendor, row.base_url, row.organisation = table.vendor, table.base_url.rstrip("/"), table.organisation
    row.disabled, row.allow_insecure_http = table.disabled, table.allow_insecure_http
    row.disabled_reason = given.get("disabled_reason") or ""
    for name in POLICY:
        setattr(row, name, getattr(table, name))
