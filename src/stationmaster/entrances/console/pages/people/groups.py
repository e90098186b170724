"""Groups: their list, who is in one. Owns those pages."""

from collections.abc import Mapping
from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Action, Sent, Went, lines, posted, version
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape, filtered
from stationmaster.entrances.console.pages.names import called
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Facts,
    Field,
    Form,
    Link,
    Page,
    Problem,
    Row,
    Section,
    Table,
    moment,
    number,
    text,
)
from stationmaster.entrances.console.pages.people.listing import tabs
from stationmaster.entrances.console.pages.seats.assignments import adding
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.people import services as people
from stationmaster.store.actor import Actor

_SAME: Final = (
    ("stationmaster group list", "GET /api/v1/groups"), ("stationmaster group create NAME", "POST /api/v1/groups"),
)  # fmt: skip


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list, and a form that makes one."""
    done = posted(request, {"make": _made})
    if isinstance(done, HttpResponse):
        return done
    sections = [Section("", (_table(request),))]
    if may(request, "groups:create"):
        form = Form(tr("Make it"), "make", (_name(done, request.POST.get("name", "")),))
        sections.append(Section(tr("Make a group"), (form,)))
    return shown(request, Page(tr("Groups"), sections, tabs(request, "/groups"), same=_SAME, problem=done))


def _table(request: HttpRequest) -> Table:
    actor = me(request)
    shape = Shape(
        people.GROUPS, _columns(), (Choice(tr("Comes from"), "source", words.options(words.SOURCES)),),
        download="groups" if may(request, "groups:export") else "",
        empty=tr("None yet. They come with a file, with a directory, or `stationmaster group create NAME`"),
    )  # fmt: skip
    return lists.listed(request, lambda query: people.list_groups(actor, query), shape)


def _columns() -> tuple[Column, ...]:
    return (
        Column(tr("Group"), lambda row: Cell(row["name"], address(row)), "name"),
        Column(tr("People"), lambda row: number(row["members"]), number=True),
        Column(tr("Comes from"), lambda row: Cell(words.name(words.SOURCES, row["source"])), "source"),
        Column(tr("Changed"), lambda row: moment(row["updated_at"]), "updated_at"),
    )


def one(request: HttpRequest, which: str) -> HttpResponse:
    """Who is in it, and forms that change that."""
    done = posted(request, _actions(which))
    if isinstance(done, HttpResponse):
        return done
    row = people.get_group(me(request), which)
    members = Section(tr("Who is in it"), (_members_table(request, row),))
    sections = [Section("", (_facts(row),)), members, *_forms(request, row, done)]
    return shown(request, Page(row["name"], sections, tabs(request, ""), _links(request, row), _same(row), problem=done))


def _actions(which: str) -> Mapping[str, Action]:
    return {
        "add": lambda actor, sent: _members(actor, which, sent, "add"),
        "remove": lambda actor, sent: _members(actor, which, sent, "remove"),
        "rename": lambda actor, sent: _renamed(actor, which, sent),
        "delete": lambda actor, _: _deleted(actor, which),
    }


def _members_table(request: HttpRequest, row: Row) -> Table:
    actor = me(request)
    shape = Shape(
        people.PEOPLE, _member_columns(request), download=f"groups/{row['id']}/members" if may(request, "people:export") else "",
        empty=tr("Nobody is in it. `stationmaster group add GROUP PERSON` puts somebody in."),
    )  # fmt: skip
    return lists.listed(request, lambda query: people.list_members(actor, row["id"], query), shape)


def _member_columns(request: HttpRequest) -> list[Column]:
    columns = [
        Column(tr("Person"), lambda each: Cell(called(each), f"/people/{each['id']}"), "display_name"),
        Column(tr("E-mail address"), lambda each: text(each["email"]), "email"),
        Column(tr("Department"), lambda each: text(each["department"]), "department"),
    ]
    if may(request, "groups:update"):
        columns.append(Column("", lambda each: Cell(forms=(_take_out(each),))))
    return columns


def _take_out(each: Row) -> Form:
    return Form(tr("Take out"), "remove", (Field("who", "", "hidden", each["id"]),))


def _facts(row: Row) -> Facts:
    return Facts((
        (tr("People"), number(row["members"])),
        (tr("Comes from"), Cell(words.name(words.SOURCES, row["source"]))),
        (tr("Changed"), moment(row["updated_at"])),
        (tr("Assigned to"), Cell(tr("its assignments"), filtered("/assignments", ("group", "eq", row["id"])))),
    ))  # fmt: skip


def _links(request: HttpRequest, row: Row) -> tuple[Link, ...]:
    seats = Link(tr("Their seats"), filtered("/seats", ("group", "eq", row["id"])))
    grid = Link(tr("Where they are"), filtered("/people/grid", ("group", "eq", row["id"])))
    return (*adding(request, "group", row["name"]), *((seats, grid) if may(request, "seats:read") else ()))


def _same(row: Row) -> tuple[tuple[str, str], ...]:
    return (
        (f"stationmaster group members {row['id']}", f"GET /api/v1/groups/{row['id']}/members"),
        (f"stationmaster group add {row['id']} PERSON", f"POST /api/v1/groups/{row['id']}/members"),
    )


def address(row: Row) -> str:
    """A group's page."""
    return f"/groups/{row['id']}"


def _forms(request: HttpRequest, row: Row, problem: Problem | None) -> list[Section]:
    sections = []
    if may(request, "groups:update"):
        rename = Form(tr("Save"), "rename", (_name(problem, row["name"]), Field("revision", "", "hidden", str(row["revision"]))))
        put_in = Form(tr("Put in"), "add", (_whom(problem),), main=True)
        sections += [Section(tr("Put people in"), (put_in,)), Section(tr("Another name"), (rename,))]
    if may(request, "groups:delete"):
        sure = (Field("sure", tr("Yes, {name}", name=row["name"]), "checkbox", needed=True),)
        form = Form(tr("Delete"), "delete", sure, text=tr("Its people stay."), danger=True)
        sections.append(Section(tr("Delete it"), (form,), danger=True))
    return sections


def _whom(problem: Problem | None) -> Field:
    how = tr("User names or e-mail addresses, with spaces or commas between.")
    error = problem.fields.get("add", "") if problem else ""
    return Field("who", tr("Persons"), "textarea", needed=True, help=how, error=error)


def _name(problem: Problem | None, value: str) -> Field:
    return Field("name", tr("Name"), value=value, error=problem.fields.get("name", "") if problem else "", needed=True)


def _made(actor: Actor, sent: Sent) -> Went:
    return Went(address(people.create_group(actor, {"name": sent.get("name", "").strip()})), tr("It is made; put people in."))


def _members(actor: Actor, which: str, sent: Sent, verb: str) -> Went:
    people.change_members(actor, which, **{verb: lines(sent, "who")})
    return Went(told=tr("Saved."))


def _renamed(actor: Actor, which: str, sent: Sent) -> Went:
    people.update_group(actor, which, {"name": sent.get("name", "").strip()}, version(sent))
    return Went(told=tr("Saved."))


def _deleted(actor: Actor, which: str) -> Went:
    people.delete_group(actor, which)
    return Went("/groups", tr("Deleted."))
