"""Assignments: who should hold a seat where. Owns those pages."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.api import asking
from stationmaster.entrances.console.pages import lists
from stationmaster.entrances.console.pages.acting import Action, Sent, Went, filled, lines, posted, version
from stationmaster.entrances.console.pages.lists import Column, Shape, filtered
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Control,
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
    text,
    texts,
)
from stationmaster.entrances.console.pages.seats.parts import roles_at, tabs
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.people import services as people
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces import services as workspaces

_OFFERED: Final = 200  # groups to choose from; others are typed
_ASKED: Final = ("workspace", "group", "person", "role")  # what a link may have filled in
_SAME: Final = (
    ("stationmaster assignment list", "GET /api/v1/assignments"),
    ("stationmaster assignment create WORKSPACE --group GROUP --role ROLE", "POST /api/v1/assignments"),
)


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list, and a form that makes one."""
    done = posted(request, {"make": _made})
    if isinstance(done, HttpResponse):
        return done
    sections = [Section("", (_table(request),))]
    if may(request, "assignments:create"):
        form = Form(tr("Assign"), "make", _fields(me(request), request.POST, done))
        sections.append(Section(tr("Assign somebody"), (form,)))
    page = Page(tr("Assignments"), sections, tabs(request, "/assignments"), _plan(request), _SAME, problem=done)
    return shown(request, page)


def add(request: HttpRequest) -> HttpResponse:
    """The form by itself, filled with who and where by the link that led here; afterwards the way back is the plan."""
    operators.require(me(request), "assignments:create")
    done = posted(request, {"make": _made_here})
    if isinstance(done, HttpResponse):
        return done
    if request.method != "POST":
        asking.known_only(request, _ASKED, ())
    sent = request.POST if request.method == "POST" else request.GET
    how = tr("Nobody is invited by that: a plan shows what it comes to, and is approved first.")
    form = Form(tr("Assign"), "make", _fields(me(request), sent, done), text=how, main=True)
    trail = (Link(tr("Assignments"), "/assignments"),)
    return shown(request, Page(tr("Assign somebody"), (Section("", (form,)),), same=_SAME[1:], problem=done, trail=trail))


def adding(request: HttpRequest, name: str, value: str) -> tuple[Link, ...]:
    """The way to that form from a group, a person or a workspace (`name`), for whoever may assign."""
    link = Link(tr("Assign …"), f"/assignments/new?{urlencode({name: value})}", dialog=True)
    return (link,) if may(request, "assignments:create") else ()


def _table(request: HttpRequest) -> Table:
    actor = me(request)
    shape = Shape(
        workspaces.ASSIGNMENTS, _columns(request), download="assignments" if may(request, "assignments:export") else "",
        empty=tr("None yet. Say which group should have seats where: here, or "
                 "`stationmaster assignment create WORKSPACE --group GROUP`"),
    )  # fmt: skip
    return lists.listed(request, lambda query: workspaces.list_assignments(actor, query), shape)


def _columns(request: HttpRequest) -> list[Column]:
    columns = [
        Column(tr("Who"), lambda row: Cell(row["name"], _whose(row), note=tr("group") if row["group"] else tr("person"))),
        Column(tr("Workspace"), lambda row: Cell(row["workspace"], _all_of(row)), "workspace"),
        Column(tr("Role"), lambda row: text(row["role"]), "role"),
        Column(tr("Projects"), lambda row: texts(row["projects"])),
        Column(tr("Since"), lambda row: moment(row["created_at"]), "created_at"),
    ]
    if may(request, "assignments:update"):
        columns.append(Column("", lambda row: Cell(tr("Change"), f"/assignments/{row['id']}")))
    return columns


def _all_of(row: Row) -> str:
    """Where all assignments of a row's workspace are."""
    return filtered("/assignments", ("workspace", "eq", row["workspace"]))


def one(request: HttpRequest, which: str) -> HttpResponse:
    """Its role and projects, and taking it away."""
    actions: Mapping[str, Action] = {
        "save": lambda actor, sent: _saved(actor, which, sent), "delete": lambda actor, _: _gone(actor, which),
    }  # fmt: skip
    done = posted(request, actions)
    if isinstance(done, HttpResponse):
        return done
    row = workspaces.get_assignment(me(request), which)
    title = tr("{who} in {workspace}", who=row["name"], workspace=row["workspace"])
    sections = [Section("", (_facts(row),)), *_forms(request, row, done)]
    return shown(request, Page(title, sections, tabs(request, ""), _plan(request), _same(row), problem=done))


def _facts(row: Row) -> Facts:
    return Facts((
        (tr("Who"), Cell(row["name"], _whose(row))),
        (tr("Workspace"), Cell(row["workspace"])),
        (tr("Role"), text(row["role"])),
        (tr("Projects"), texts(row["projects"])),
        (tr("Since"), moment(row["created_at"])),
    ))  # fmt: skip


def _forms(request: HttpRequest, row: Row, problem: Problem | None) -> list[Section]:
    sections = []
    if may(request, "assignments:update"):
        fields = _change(me(request), row, request.POST, problem)
        sections.append(Section(tr("Change it"), (Form(tr("Save"), "save", fields),)))
    if may(request, "assignments:delete"):
        why = tr("Nobody loses a seat by that: the next plan shows who would go.")
        sections.append(Section(tr("Take it away"), (Form(tr("Take away"), "delete", text=why, danger=True),)))
    return sections


def _same(row: Row) -> tuple[tuple[str, str], ...]:
    return (
        (f"stationmaster assignment update {row['id']} --role ROLE", f"PATCH /api/v1/assignments/{row['id']}"),
        (f"stationmaster assignment delete {row['id']}", f"DELETE /api/v1/assignments/{row['id']}"),
    )


def _plan(request: HttpRequest) -> tuple[Link, ...]:
    return (Link(tr("Make a plan"), "/plans/new", main=True),) if may(request, "plans:create") else ()


def _whose(row: Row) -> str:
    return f"/groups/{row['group']}" if row["group"] else f"/people/{row['person']}"


def _made(actor: Actor, sent: Sent) -> Went:
    given = {name: filled(sent, name) for name in ("workspace", "group", "person", "role") if filled(sent, name)}
    workspaces.create_assignment(actor, {**given, "projects": lines(sent, "projects")})
    return Went(told=tr("Assigned. Make a plan to see what that comes to."))


def _made_here(actor: Actor, sent: Sent) -> Went:
    went = _made(actor, sent)
    return Went(lists.filtered("/assignments", ("workspace", "eq", filled(sent, "workspace"))), went.told)


def _saved(actor: Actor, which: str, sent: Sent) -> Went:
    given = {"role": sent.get("role", "").strip(), "projects": lines(sent, "projects")}
    workspaces.update_assignment(actor, which, given, version(sent))
    return Went(told=tr("Saved. Make a plan to see what that comes to."))


def _gone(actor: Actor, which: str) -> Went:
    workspaces.delete_assignment(actor, which)
    return Went("/assignments", tr("It is taken away; the next plan shows who would go."))


def _fields(actor: Actor, sent: Sent, problem: Problem | None) -> tuple[Field, ...]:
    """The form of a new one, after a mistake with what was typed."""
    wrong = problem.fields if problem else {}

    def made(name: str, label: str, control: Control = "text", **more: Any) -> Field:
        return Field(name, label, control, sent.get(name, ""), error=wrong.get(name, ""), **more)

    places = workspaces.list_workspaces(actor, Query(sort="name", limit=500, counted=False)).items
    persons = people.list_people(actor, Query(sort="display_name", limit=_OFFERED, counted=False)).items
    groups = people.list_groups(actor, Query(sort="name", limit=_OFFERED, counted=False)).items
    return (
        made("workspace", tr("Workspace"), "select", options=tuple((row["name"], row["name"]) for row in places)),
        made("group", tr("Group"), options=tuple((row["name"], "") for row in groups)),
        made("person", tr("Or a person"), help=tr("User name or e-mail address."), options=_completed(persons)),
        made("role", tr("Role"), help=tr("Empty: the vendor's weakest. Vendors lists what each has."),
             options=tuple((role, "") for role in roles_at(places, sent.get("workspace", "")))),
        made("projects", tr("Projects"), help=tr("The vendor's ids, with spaces between.")),
    )


def _completed(persons: list[Any]) -> tuple[tuple[str, str], ...]:
    """What a person's field may be completed to."""
    active = (row for row in persons if row["active"])
    return tuple((str(row["email"] or row["user_name"]), str(row["display_name"])) for row in active)


def _change(actor: Actor, row: Row, sent: Sent, problem: Problem | None) -> tuple[Field, ...]:
    wrong = problem.fields if problem else {}
    roles = vendor(workspaces.get_workspace(actor, row["workspace"])["vendor"]).roles
    offered = (("", tr("the vendor's weakest")), *((each, each) for each in roles))
    now, projects = filled(sent, "role") or str(row["role"]), sent.get("projects", " ".join(row["projects"]))
    ids = tr("The vendor's ids, with spaces between.")
    return (
        Field("role", tr("Role"), "select", now, offered, error=wrong.get("role", "")),
        Field("projects", tr("Projects"), value=projects, help=ids, error=wrong.get("projects", "")),
        Field("revision", "", "hidden", str(row["revision"])),
    )
