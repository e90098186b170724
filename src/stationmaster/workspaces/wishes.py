"""Wishes for seats. Owns: asking for one, and taking that back, and yes or no to it by somebody else. Yes makes an
assignment; a plan does the rest.

The wishes of somebody who leaves are over; what they wrote is forgotten when they are erased.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils import timezone

from stationmaster.errors import Conflict, Forbidden, Invalid
from stationmaster.gateway.config.problems import quoted
from stationmaster.operators.access import only_own, require
from stationmaster.people import persons
from stationmaster.people.models import Person
from stationmaster.people.services import person_of
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change, change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only, refuse_odd_text
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces import assignments
from stationmaster.workspaces.models import Assignment, Seat, SeatRequest, Workspace
from stationmaster.workspaces.models.seats import ANSWERS, ASKED
from stationmaster.workspaces.plans.approving import said

_FIELDS: Final = frozenset({"workspace", "person", "role", "reason"})
_LONGEST: Final = 1000
_HOLDS: Final = ("planned", "inviting", "invited", "active")
LEFT: Final = "left the company"


def show(row: SeatRequest) -> Mapping[str, Any]:
    """A wish as plain values. `login`: whether the vendor knows people by a log-in of its own that is not known here yet, so
    that nobody can be invited."""
    return {
        "id": row.id, "workspace": row.workspace.name, "vendor": row.workspace.vendor, "person": row.person_id,
        "name": str(row.person), "email": row.person.email, "active": row.person.active, "role": row.role,
        "reason": row.reason, "state": row.state, "lacks_login": lacks_login(row.person, row.workspace),
        "decided_by": row.decided_by, "decided_at": row.decided_at, "why": row.why, "revision": row.revision,
        "created_at": row.created_at, "updated_at": row.updated_at,
    }  # fmt: skip


SEAT_REQUESTS: Final = Listing(
    noun="seat requests",
    columns=(
        Column("id"), Column("state", values=ANSWERS), Column("workspace", "workspace__name"), Column("person", "person_id"),
        Column("name", "person__display_name_folded"), Column("role"), Column("decided_at", kind="time"),
        Column("created_at", kind="time"), Column("updated_at", kind="time"), Column("revision", kind="number"),
    ),
    show=show, search="person__search_text", sort="-created_at",
)  # fmt: skip


def list_seat_requests(actor: Actor, query: Query) -> Page:
    """One page of them, the latest first; a member's own for a member. Raises `Forbidden`, `Invalid`."""
    require(actor, "seatrequests:read")
    return page(SEAT_REQUESTS, _seen_by(actor), query)


def export_seat_requests(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "seatrequests:export")
    return export(SEAT_REQUESTS, _seen_by(actor), query, form)


def get_seat_request(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id. Raises `Forbidden`, `NotFound`."""
    require(actor, "seatrequests:read")
    row = find(SeatRequest, which)
    require(actor, "seatrequests:read", row)
    return show(row)


def seat_places(actor: Actor) -> list[Mapping[str, Any]]:
    """Where a seat can be asked for, by name: workspaces that are in use, with the roles that can be given there, and whether
    whoever asks has no log-in there that is known. Raises `Forbidden`."""
    require(actor, "seatrequests:create")
    person = person_of(actor)
    rows = Workspace.objects.filter(disabled=False).exclude(directory_managed=True).order_by("name")[:500]
    return [
        {"name": row.name, "vendor": row.vendor, "roles": list(vendor(row.vendor).roles),
         "lacks_login": person is not None and lacks_login(person, row)} for row in rows
    ]  # fmt: skip


def ask_for_seat(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Ask for a seat in `workspace`, with `role` and `reason`: for oneself, or for `person` by whoever may decide. Raises
    `Forbidden`, `Invalid`, `NotFound`, `Conflict`."""
    require(actor, "seatrequests:create")
    known_only(given, _FIELDS)
    refuse_odd_text(given)
    with change(actor) as edit:
        person = _asker(actor, given)
        workspace = find(Workspace, str(given.get("workspace") or ""))
        _can_be_asked(person, workspace)
        row = SeatRequest(person=person, workspace=workspace, reason=_reason(given))
        row.role = assignments.role_of(workspace, given.get("role") or "")
        edit.create(row)
    return show(row)


def grant_seat_request(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Say yes: the person is assigned to the workspace, so that the next plan has them. Raises `Forbidden`, `NotFound`,
    `Conflict`."""
    require(actor, "seatrequests:decide")
    known_only(given, frozenset())
    with change(actor) as edit:
        row = _open(actor, which)
        if not row.person.active:
            raise Conflict("error.seat.person", "this person is not active in the company")
        _assign(actor, row)
        _decide(edit, actor, row, "granted", "")
    return show(row)


def refuse_seat_request(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Say no; `reason` says why, to whoever asked. Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict`."""
    require(actor, "seatrequests:decide")
    known_only(given, frozenset({"reason"}))
    reason = said(given, "reason")
    with change(actor) as edit:
        row = _open(actor, which)
        _decide(edit, actor, row, "refused", reason)
    return show(row)


def withdraw_seat_request(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Take a wish back, before somebody decided: one's own, or anybody's for whoever may ask for others. Raises `Forbidden`,
    `NotFound`, `Conflict`."""
    require(actor, "seatrequests:create")
    known_only(given, frozenset())
    with change(actor) as edit:
        row = find(SeatRequest, which)
        require(actor, "seatrequests:create", row)
        _undecided(row)
        _decide(edit, actor, row, "withdrawn", "")
    return show(row)


def lacks_login(person: Person, workspace: Workspace) -> bool:
    """Whether the vendor knows people by its own log-ins, and this person's is not known here."""
    if vendor(workspace.vendor).known_by != "login":
        return False
    return not any(each.vendor == workspace.vendor for each in person.logins.all())


def left(edit: Change, person: Person) -> None:
    """Whoever leaves wishes for nothing more."""
    for row in SeatRequest.objects.filter(person=person, state=ASKED):
        _decide(edit, edit.actor, row, "refused", LEFT)


def erased(edit: Change, person: Person) -> None:
    """What somebody wrote goes with them."""
    for row in SeatRequest.objects.filter(person=person).exclude(reason=""):
        with edit.updating(row, action="erase"):
            row.reason = ""


def _seen_by(actor: Actor) -> Any:
    rows = SeatRequest.objects.select_related("workspace").prefetch_related("person__logins")
    return rows.filter(person=person_of(actor)) if only_own(actor, "seatrequests:read") else rows


def _asker(actor: Actor, given: Given) -> Person:
    """For whom it is. Raises `Forbidden`, `Invalid`, `NotFound`."""
    own, named = person_of(actor), given.get("person")
    if not named:
        if own is None:
            why = "nobody here has your e-mail address"
            hint = "ask an operator to add you to the people"
            raise Invalid("error.seat_request.nobody", f"person: {why}", hint=hint, fields={"person": why})
        return own
    if only_own(actor, "seatrequests:create"):
        if own is None or named != own.id:
            require(actor, "seatrequests:decide")
        return own  # type: ignore[return-value]  # `require` raised
    person: Person = persons.find(str(named))
    return person


def _can_be_asked(person: Person, workspace: Workspace) -> None:
    if workspace.disabled:
        raise Conflict("error.workspace.disabled", f"{quoted(workspace.name)} is disabled", hint="enable it first")
    if workspace.directory_managed:
        raise Conflict("error.seat_request.directory", f"{quoted(workspace.name)} takes its people from a directory",
                       hint="ask for a place in the directory's group")  # fmt: skip
    if not person.active:
        raise Conflict("error.seat.person", "this person is not active in the company")
    if Seat.objects.filter(person=person, workspace=workspace, state__in=_HOLDS).exists():
        raise Conflict("error.seat_request.has_seat", "there is a seat here already, or one on its way")
    if SeatRequest.objects.filter(person=person, workspace=workspace, state=ASKED).exists():
        raise Conflict("error.seat_request.asked", "this was asked for already", hint="wait until somebody decides")


def _reason(given: Given) -> str:
    reason = given.get("reason") or ""
    if not isinstance(reason, str) or len(reason) > _LONGEST:
        why = f"expected a text of up to {_LONGEST} characters"
        raise Invalid("error.config.bad_value", f"reason: {why}", fields={"reason": why})
    return reason.strip()


def _open(actor: Actor, which: str) -> SeatRequest:
    """The wish, for somebody else than who has it. Raises `Forbidden`, `NotFound`, `Conflict`."""
    row = find(SeatRequest, which)
    own = person_of(actor)
    if own is not None and own.id == row.person_id:
        raise Forbidden("error.seat_request.own", "nobody decides what they asked for themselves", hint="ask somebody else")
    _undecided(row)
    return row


def _undecided(row: SeatRequest) -> None:
    if row.state == "withdrawn":
        raise Conflict("error.seat_request.decided", "this was withdrawn already")
    if row.state != ASKED:
        raise Conflict("error.seat_request.decided", "this was decided already")


def _assign(actor: Actor, row: SeatRequest) -> None:
    """An assignment that is there already is given the role that was asked for."""
    there = Assignment.objects.filter(workspace=row.workspace, person=row.person).first()
    given = {"role": row.role}
    if there is None:
        assignments.create_assignment(actor, {**given, "workspace": row.workspace_id, "person": row.person_id})
    elif row.role and row.role != there.role:
        assignments.update_assignment(actor, there.id, given)


def _decide(edit: Change, actor: Actor, row: SeatRequest, state: str, why: str) -> None:
    with edit.updating(row, action=state):
        row.state, row.decided_by, row.decided_at, row.why = state, actor.id, timezone.now(), why
