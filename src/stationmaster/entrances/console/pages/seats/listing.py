"""Seats: who is in which workspace, who may have to go, and doing everything that was approved. Owns those pages."""

from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Action, Went, posted
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.names import actor_cell, of_operators
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Facts,
    Form,
    Link,
    Page,
    Problem,
    Row,
    Section,
    Table,
    moment,
    text,
    texts,
)
from stationmaster.entrances.console.pages.seats.offboarding import decide, skipped, unskipped
from stationmaster.entrances.console.pages.seats.parts import detail, tabs, who_and_where
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query
from stationmaster.workspaces import services as workspaces

_ASKED: Final = ("expired", "failed", "removed", "invited", "planned")  # states in which somebody may be invited on request


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list."""
    sections = (Section("", (_table(request),)),)
    same = (("stationmaster seat list", "GET /api/v1/seats"),)
    return shown(request, Page(tr("Seats"), sections, tabs(request, "/seats"), same=same))


def _table(request: HttpRequest) -> Table:
    actor = me(request)
    choices = (
        Choice(tr("State"), "state", words.options(words.SEATS)),
        Choice(tr("Person is active"), "active", (("true", tr("yes")), ("false", tr("no")))),
    )
    shape = Shape(
        workspaces.SEATS, _columns(), choices, download="seats" if may(request, "seats:export") else "",
        empty=tr("None yet. Assign a group to a workspace, make a plan, approve and apply it."),
    )  # fmt: skip
    return lists.listed(request, lambda query: workspaces.list_seats(actor, query), shape)


def _columns() -> tuple[Column, ...]:
    return (
        *who_and_where(),
        Column(tr("State"), lambda row: words.state(words.SEATS, row["state"], note=detail(row)), "state"),
        Column(tr("Role"), lambda row: text(row["role"] or row["vendor_role"]), "role"),
        Column(tr("Since"), lambda row: moment(row["since"]), "since"),
        Column(tr("Last active"), lambda row: moment(row["last_active_at"], tr("no activity reported"))),
    )


def one(request: HttpRequest, which: str) -> HttpResponse:
    """One seat: its state, what happened to it, and what can be decided about it."""
    done = posted(request, {**_removals(which), "reinvite": lambda actor, _: _reinvited(actor, which)})
    if isinstance(done, HttpResponse):
        return done
    actor = me(request)
    row = workspaces.get_seat(actor, which)
    forms = _forms(row, done) if may(request, "seats:update") else ()
    sections = (Section("", (_facts(row), *forms)), Section(tr("What happened to it"), (_history(actor, which),)))
    title = tr("{who} in {workspace}", who=row["name"], workspace=row["workspace"])
    links = (Link(tr("The person"), f"/people/{row['person']}"),)
    return shown(request, Page(title, sections, tabs(request, ""), links, _same(row), problem=done))


def _history(actor: Actor, which: str) -> Table:
    events = workspaces.seat_history(actor, which, Query(sort="-seq", limit=200, counted=False)).items
    names = of_operators(actor, [event["actor"] for event in events])
    columns = (
        Column(tr("When"), lambda event: moment(event["at"])),
        Column(tr("What"), lambda event: Cell(event["action"])),
        Column(tr("State then"), lambda event: words.state(words.SEATS, event["state"], note=event["detail"])),
        Column(tr("By"), lambda event: actor_cell(event["actor_kind"], event["actor"], names)),
    )
    return lists.plain(columns, events, tr("Nothing yet."))


def _same(row: Row) -> tuple[tuple[str, str], ...]:
    return (
        (f"stationmaster seat show {row['id']}", f"GET /api/v1/seats/{row['id']}"),
        (f"stationmaster seat history {row['id']}", f"GET /api/v1/seats/{row['id']}/history"),
        (f"stationmaster seat reinvite {row['id']}", f"POST /api/v1/seats/{row['id']}/reinvite"),
    )


def _facts(row: Row) -> Facts:
    facts = [
        (tr("State"), words.state(words.SEATS, row["state"], note=detail(row))),
        (tr("Since"), moment(row["since"])),
        (tr("Person"), Cell(row["name"], f"/people/{row['person']}", note=row["email"])),
        (tr("Workspace"), Cell(row["workspace"])),
        (tr("Role"), text(row["role"] or row["vendor_role"])),
        (tr("Projects"), texts(row["projects"])),
        (tr("Invited"), moment(row["invited_at"])),
        (tr("Invitation until"), moment(row["expires_at"])),
        (tr("Reminded"), moment(row["reminded_at"])),
        (tr("Last active"), moment(row["last_active_at"], tr("no activity reported"))),
    ]
    if row["removal"]:
        facts += [
            (tr("Offboarding"), words.state(words.REMOVALS, row["removal"], note=row["removal_reason"])),
            (tr("Grace until"), moment(row["grace_until"])),
        ]
    return Facts(tuple(facts))


def _forms(row: Row, problem: Problem | None) -> tuple[Form, ...]:
    again = (Form(tr("Invite again"), "reinvite"),) if row["state"] in _ASKED and row["active"] else ()
    held = row["state"] in ("active", "invited", "inviting", "removing") or row["removal"]
    return (*again, *(decide(row, "", problem) if held else ()))


def _removals(which: str) -> dict[str, Action]:
    return {"skip": lambda actor, sent: skipped(actor, which, sent), "unskip": lambda actor, _: unskipped(actor, which)}


def _reinvited(actor: Actor, which: str) -> Went:
    return Went(f"/jobs/{workspaces.reinvite_seat(actor, which, {})['id']}", tr("A job invites them again."))
