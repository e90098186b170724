"""What somebody has to decide about people: claims that contradict, and whom the guard holds back. Owns those pages."""

from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, posted
from stationmaster.entrances.console.pages.lists import Column, Shape
from stationmaster.entrances.console.pages.names import Names, of_people
from stationmaster.entrances.console.pages.parts import Cell, Field, Form, Page, Row, Section, Table, moment
from stationmaster.entrances.console.pages.people.listing import tabs
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr, trn
from stationmaster.people import services as people
from stationmaster.people.scim import services as scim
from stationmaster.store.actor import Actor
from stationmaster.vendors.registry import VENDORS

_SAME: Final = (("stationmaster person conflicts", "GET /api/v1/people/conflicts"),)
_SAME_HELD: Final = (
    ("stationmaster scim held", ""), ("stationmaster scim approve PERSON", ""), ("stationmaster scim refuse PERSON", ""),
)  # fmt: skip


def conflicts(request: HttpRequest) -> HttpResponse:
    """What contradicts, for somebody to settle."""
    actor = me(request)
    found = people.conflicts(actor)
    names = of_people(actor, [which for row in found for which in row["persons"]])
    columns = (
        Column(tr("What vendors know"), lambda row: Cell(row["name"])),
        Column(tr("Vendor"), lambda row: Cell(_vendor(row))),
        Column(tr("Persons"), lambda row: _persons(row, names)),
        Column(tr("How it is settled"), lambda row: Cell(words.name(words.CONFLICTS, row["kind"]))),
    )
    sections = (Section("", (lists.plain(columns, found, tr("Nothing contradicts.")),)),)
    return shown(request, Page(tr("Conflicts"), sections, tabs(request, "/people/conflicts"), same=_SAME))


def _vendor(row: Row) -> str:
    return VENDORS[row["vendor"]].title if row["vendor"] in VENDORS else tr("all that go by addresses")


def _persons(row: Row, names: Names) -> Cell:
    return Cell(many=tuple(Cell(names.get(which, tr("a person")), f"/people/{which}") for which in row["persons"]))


def held(request: HttpRequest) -> HttpResponse:
    """Whom the directory wants to leave, and who stays until somebody approves."""
    done = posted(request, {"approve": _let_leave, "refuse": _let_stay})
    if isinstance(done, HttpResponse):
        return done
    table = _held_table(request)
    everybody = _verdicts("all") if may(request, "people:update") and len(table.rows) > 1 else ()
    sections = (Section("", (table, *everybody)),)
    return shown(request, Page(tr("Held by the guard"), sections, tabs(request, "/people/held"), same=_SAME_HELD, problem=done))


def _held_table(request: HttpRequest) -> Table:
    actor = me(request)
    columns = [
        Column(tr("Person"), lambda row: Cell(row["display_name"] or row["user_name"], f"/people/{row['person']}")),
        Column(tr("The directory"), lambda row: Cell(tr("deletes them") if row["deletes"] else tr("has them leave"))),
        Column(tr("Since"), lambda row: moment(row["held_at"]), "held_at"),
    ]
    if may(request, "people:update"):
        columns.append(Column("", lambda row: Cell(forms=_verdicts(row["person"]))))
    empty = tr("Nobody is held. When a directory has more than 20 people or 10 % leave within an hour, "
               "the others stay until somebody approves it here.")  # fmt: skip
    return lists.listed(request, lambda query: scim.list_held(actor, query), Shape(scim.HELD_LEAVERS, columns, empty=empty))


def _let_leave(actor: Actor, sent: Sent) -> Went:
    number = scim.approve(actor, [sent.get("person", "")])
    return Went(told=trn("{number} person left.", "{number} people left.", number))


def _let_stay(actor: Actor, sent: Sent) -> Went:
    number = scim.refuse(actor, [sent.get("person", "")])
    return Went(told=trn("{number} person stays.", "{number} people stay.", number))


def _verdicts(person: str) -> tuple[Form, ...]:
    whom = (Field("person", "", "hidden", person),)
    every = person == "all"
    return (
        Form(tr("All of them leave") if every else tr("They leave"), "approve", whom),
        Form(tr("All of them stay") if every else tr("They stay"), "refuse", whom),
    )
