"""Seats, as entrances may ask about them. Owns: their list, their history, and what people decide about one."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from django.db.models import OuterRef, Subquery, TextField, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from stationmaster.audit.models import AuditEvent
from stationmaster.errors import Conflict, NotFound
from stationmaster.jobs import services as jobs
from stationmaster.operators.access import only_own, require
from stationmaster.people import groups
from stationmaster.people.services import person_of
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only
from stationmaster.store.listing import Listing, Page, Query, page, tally
from stationmaster.store.lookup import find
from stationmaster.vendors._base import Capability
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces import kinds, seats
from stationmaster.workspaces.models import Seat, VendorMember
from stationmaster.workspaces.models.seats import REMOVALS, STATES
from stationmaster.workspaces.plans.approving import said


def show(row: Seat) -> Mapping[str, Any]:
    """A seat as plain values. `role`: what was given from here; `vendor_role`: what the vendor was last seen to list, for
    somebody who is in. `last_active_at` null: no activity was reported, which proves nothing. `unconfirmed`: the write whose
    outcome is not known."""
    person = row.person
    return {
        "id": row.id, "workspace": row.workspace.name, "person": row.person_id, "name": str(person), "email": person.email,
        "active": person.active, "state": row.state, "since": row.since, "cause": row.cause, "detail": row.detail,
        "role": row.role, "vendor_role": _listed_role(row), "projects": row.projects,
        "unconfirmed": row.intent, "invited_at": row.invited_at,
        "expires_at": row.expires_at, "reminded_at": row.reminded_at, "last_active_at": row.last_active_at,
        "removal": row.removal, "removal_at": row.removal_at, "grace_until": row.grace_until,
        "removal_reason": row.removal_reason, "revision": row.revision, "created_at": row.created_at,
        "updated_at": row.updated_at,
    }  # fmt: skip


def _listed_role(row: Seat) -> str:
    """Read with the row where it comes from a list."""
    found = getattr(row, "listed_role", None)
    return str((_roles(row.workspace_id, row.person_id).first() if found is None else found) or "")


def _roles(workspace: Any, person: Any) -> Any:
    """The roles of a person's members, the one that counts first."""
    found = VendorMember.objects.filter(workspace_id=workspace, person_id=person)
    return found.order_by("missed", "id").values_list("role", flat=True)


SEATS: Final = Listing(
    noun="seats",
    columns=(
        Column("id"), Column("state", values=STATES), Column("workspace", "workspace__name"), Column("person", "person_id"),
        Column("email", "person__email_folded"), Column("name", "person__display_name_folded"), Column("role"), Column("cause"),
        Column("removal", values=("", *REMOVALS)), Column("active", "person__active", kind="flag"),
        Column("unconfirmed", "intent", sortable=False, values=("", *seats.INTENTS)),
        Column("since", kind="time"), Column("created_at", kind="time"), Column("updated_at", kind="time"),
        Column("revision", kind="number"),
    ),
    show=show, search="person__search_text",
)  # fmt: skip


def list_seats(actor: Actor, query: Query) -> Page:
    """One page of them; the filter `group:eq:…` (a name or id) takes those of a group's members. Whoever may see only what
    is their own sees their own. Raises `Forbidden`, `Invalid`, `NotFound`."""
    require(actor, "seats:read")
    return page(SEATS, *_asked(actor, "seats:read", query))


def seats_by_state(actor: Actor) -> Mapping[str, int]:
    """How many seats there are in each state that one is in, of those that `list_seats` shows. Raises `Forbidden`."""
    require(actor, "seats:read")
    return tally(SEATS, *_asked(actor, "seats:read", Query()), "state")


def export_seats(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "seats:export")
    return export(SEATS, *_asked(actor, "seats:export", query), form)


_NOBODYS: Final = object()


def get_seat(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id. Raises `Forbidden`, `NotFound`."""
    return show(_seen_by(actor, which))


def _moment(event: AuditEvent) -> Mapping[str, Any]:
    after = json.loads(event.after) if event.after else {}
    return {
        "seq": event.seq, "at": event.at, "action": event.action, "actor": event.actor, "actor_kind": event.actor_kind,
        "state": after.get("state", ""), "cause": after.get("cause", ""), "detail": after.get("detail", ""),
    }  # fmt: skip


HISTORY: Final = Listing(
    noun="seat history", columns=(Column("seq", kind="number"), Column("at", kind="time"), Column("action"), Column("actor")),
    show=_moment, search="", sort="seq", key="seq",
)  # fmt: skip


def seat_history(actor: Actor, which: str, query: Query) -> Page:
    """What happened to a seat, the oldest first: when, what, by whom, and the state that it came to, by the audit trail.
    Raises `Forbidden`, `NotFound`, `Invalid`."""
    return page(HISTORY, AuditEvent.objects.filter(subject=_seen_by(actor, which).id), query)


def skip_removal(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Keep somebody who is a candidate for removal, or has no assignment any more; `reason` says why. No plan removes them
    until it is taken back. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "seats:update")
    known_only(given, frozenset({"reason"}))
    reason = said(given, "reason")
    with change(actor) as edit:
        row = seats.locked(find(Seat, which).id)
        with edit.updating(row, action="keep"):
            row.removal, row.removal_reason, row.removal_at, row.grace_until = "skipped", reason, timezone.now(), None
    return show(find(Seat, which))


def unskip_removal(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Take that back. Raises `Forbidden`, `NotFound`."""
    require(actor, "seats:update")
    known_only(given, frozenset())
    with change(actor) as edit:
        row = seats.locked(find(Seat, which).id)
        with edit.updating(row, action="let_go"):
            row.removal = row.removal_reason = ""
            row.removal_at = row.grace_until = None
    return show(find(Seat, which))


def reinvite_seat(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Have somebody invited again whose invitation expired, failed, or who was removed for want of activity; the job that
    does it. Raises `Forbidden`, `NotFound`, `Conflict`."""
    require(actor, "seats:update")
    known_only(given, frozenset())
    with change(actor) as edit:
        row = seats.locked(find(Seat, which).id)
        _may_be_invited(row)
        if row.state == "removed":
            seats.settle(edit, row.id, "planned", "asked")
        return jobs.submit(actor, kinds.INVITE, workspace=row.workspace_id, args={"seat": row.id}, dedupe=f"invite:{row.id}")


def _may_be_invited(row: Seat) -> None:
    if Capability.INVITES not in vendor(row.workspace.vendor).capabilities:
        hint = "make a plan: it says what to do"
        raise Conflict("error.seat.by_hand", "this vendor offers no interface for invitations", hint=hint)
    if row.intent:
        raise Conflict("error.seat.unconfirmed", "what became of the last write is not known yet", hint="reconcile the workspace")
    if row.state in ("active", "removing", "inviting"):
        raise Conflict("error.seat.state", f"the seat is {row.state}")
    if not row.person.active:
        raise Conflict("error.seat.person", "this person is not active in the company")


def _seen_by(actor: Actor, which: str) -> Seat:
    """The seat, for whoever may see it. Whoever sees their own alone is answered the same about everything else, whether it is
    there or not. Raises `Forbidden`, `NotFound`."""
    require(actor, "seats:read")
    try:
        row: Seat = find(Seat, which)
    except NotFound:
        if only_own(actor, "seats:read"):
            require(actor, "seats:read", _NOBODYS)
        raise
    require(actor, "seats:read", row)
    return row


def _asked(actor: Actor, action: str, query: Query) -> tuple[Any, Query]:
    """The rows that an actor may see, and the query without the filter by group, which is no column."""
    listed = Coalesce(Subquery(_roles(OuterRef("workspace_id"), OuterRef("person_id"))[:1]), Value(""), output_field=TextField())
    rows = Seat.objects.prefetch_related("person", "workspace").annotate(listed_role=listed)
    if only_own(actor, action):
        rows = rows.filter(person=person_of(actor))
    for wanted in query.filters:
        if (wanted.field, wanted.op) == ("group", "eq"):
            require(actor, "groups:read")
            rows = rows.filter(person__memberships__group_id=groups.find(str(wanted.value)).id)
    kept = tuple(wanted for wanted in query.filters if (wanted.field, wanted.op) != ("group", "eq"))
    return rows, replace(query, filters=kept)
