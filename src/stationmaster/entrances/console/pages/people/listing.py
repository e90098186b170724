"""People: their list, one person, leaving and being forgotten, what contradicts, whom a directory wants to leave. Owns those
pages."""

from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, posted
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.names import called
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Field,
    Form,
    Link,
    Page,
    Problem,
    Row,
    Section,
    Table,
    flag,
    text,
    texts,
)
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.people import services as people
from stationmaster.store.actor import Actor

TEXTS: Final = (
    "user_name", "email", "display_name", "given_name", "family_name", "department", "title", "manager", "employee_number",
    "external_id",
)  # fmt: skip


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list."""
    sections = (Section("", (_table(request),)),)
    same = (("stationmaster person list", "GET /api/v1/people"),)
    return shown(request, Page(tr("People"), sections, tabs(request, "/people"), _links(request), same))


def _table(request: HttpRequest) -> Table:
    actor = me(request)
    choices = (
        Choice(tr("Active"), "active", (("true", tr("yes")), ("false", tr("no")))),
        Choice(tr("Comes from"), "source", words.options(words.SOURCES)),
    )
    shape = Shape(
        people.PEOPLE, _columns(), choices, download="people" if may(request, "people:export") else "",
        empty=tr("Nobody yet. Import a file, let a directory send them (`stationmaster scim token create NAME`), "
                 "or add somebody by hand."),
    )  # fmt: skip
    return lists.listed(request, lambda query: people.list_people(actor, query), shape)


def _columns() -> tuple[Column, ...]:
    return (
        Column(tr("Person"), lambda row: Cell(called(row), address(row), note=row["title"]), "display_name"),
        Column(tr("E-mail address"), lambda row: text(row["email"]), "email"),
        Column(tr("Department"), lambda row: text(row["department"]), "department"),
        Column(tr("Groups"), lambda row: texts(row["groups"])),
        Column(tr("Comes from"), lambda row: Cell(words.name(words.SOURCES, row["source"])), "source"),
        Column(tr("Active"), lambda row: flag(row["active"]), "active"),
    )


def _links(request: HttpRequest) -> tuple[Link, ...]:
    links = []
    if may(request, "people:import"):
        links.append(Link(tr("Import a file"), "/people/imports", main=True))
    if may(request, "people:create"):
        links.append(Link(tr("Add somebody"), "/people/new"))
    return tuple(links)


def add(request: HttpRequest) -> HttpResponse:
    """Somebody, by hand."""
    done = posted(request, {"add": _added})
    if isinstance(done, HttpResponse):
        return done
    operators.require(me(request), "people:create")
    sections = (Section("", (Form(tr("Add"), "add", person_fields(request.POST, done, None)),)),)
    same = (("stationmaster person create ada@example.com", "POST /api/v1/people"),)
    return shown(request, Page(tr("Add somebody"), sections, tabs(request, "/people/new"), same=same, problem=done))


def address(row: Row) -> str:
    """A person's page."""
    return f"/people/{row['id']}"


def tabs(request: HttpRequest, here: str) -> tuple[Link, ...]:
    """What belongs to people, as far as somebody may see it."""
    pages = (
        ("/people", tr("People"), "people:read"),
        ("/people/grid", tr("Who is where"), "seats:read"),
        ("/groups", tr("Groups"), "groups:read"),
        ("/people/conflicts", tr("Conflicts"), "people:export"),
        ("/people/imports", tr("Imports"), "people:import"),
        ("/imports", tr("Older setups"), "rosters:import"),
        ("/people/held", tr("Held by the guard"), "people:update"),
    )
    return tuple(Link(text_, href, href == here) for href, text_, action in pages if may(request, action))


def _added(actor: Actor, sent: Sent) -> Went:
    row = people.create_person(actor, {name: filled(sent, name) for name in TEXTS if filled(sent, name)})
    return Went(address(row), tr("Added."))


def person_fields(sent: Sent, problem: Problem | None, row: Row | None) -> tuple[Field, ...]:
    """The fields of a person's form; after a mistake with what was typed."""
    names = {
        "email": tr("E-mail address"),
        "display_name": tr("Name"),
        "user_name": tr("User name"),
        "given_name": tr("Given name"),
        "family_name": tr("Family name"),
        "department": tr("Department"),
        "title": tr("Title"),
        "manager": tr("Manager"),
        "employee_number": tr("Employee number"),
        "external_id": tr("The directory's id"),
    }
    wrong = problem.fields if problem else {}

    def now(name: str) -> str:
        return str(sent[name]) if problem is not None and name in sent else str(row[name]) if row else ""

    return tuple(Field(name, label, value=now(name), error=wrong.get(name, "")) for name, label in names.items())
