"""Plans: made, looked at, approved, applied, ticked. Owns those pages."""

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, posted
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.names import actor_cell, kind_of, of_operators, readable
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Field,
    Form,
    Link,
    Note,
    Page,
    Row,
    Section,
    Table,
    moment,
    text,
)
from stationmaster.entrances.console.pages.seats.parts import tabs
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.phrases import said
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models.plans import STATES
from stationmaster.workspaces.planning.wording import to_do


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list."""
    sections = (Section("", (_table(request),)),)
    same = (("stationmaster plan list", "GET /api/v1/plans"),)
    return shown(request, Page(tr("Plans"), sections, tabs(request, "/plans"), new_link(request), same))


def _table(request: HttpRequest) -> Table:
    actor = me(request)
    shape = Shape(
        workspaces.PLANS, _columns(), (Choice(tr("State"), "state", words.options(words.PLANS, STATES)),),
        tr("None yet. A plan shows what would be done at vendors, and does nothing: here, or `stationmaster plan make`"),
        "plans" if may(request, "plans:export") else "", besides=lambda rows: _with_makers(actor, rows),
    )  # fmt: skip
    return lists.listed(request, lambda query: workspaces.list_plans(actor, query), shape)


def _columns() -> tuple[Column, ...]:
    return (
        Column(tr("Plan"), lambda row: Cell(", ".join(row["workspaces"]), f"/plans/{row['id']}", note=said(row["note"]))),
        Column(tr("State"), plan_state, "state"),
        Column(tr("Steps"), lambda row: text(counted(row["counts"]))),
        Column(tr("Made by"), lambda row: row["by"]),
        Column(tr("Made"), lambda row: moment(row["created_at"]), "created_at"),
    )


def make(request: HttpRequest) -> HttpResponse:
    """The form that makes one."""
    done = posted(request, {"make": _made})
    if isinstance(done, HttpResponse):
        return done
    operators.require(me(request), "plans:create")
    sections = (Section("", (_form(request),)),)
    same = (("stationmaster plan make [WORKSPACE]…", "POST /api/v1/plans"),)
    return shown(request, Page(tr("Make a plan"), sections, tabs(request, "/plans/new"), same=same, problem=done))


def _form(request: HttpRequest) -> Form | Note:
    """Which workspaces, and a note; or what to do first."""
    places = workspaces.list_workspaces(me(request), Query(sort="name", limit=500, counted=False)).items
    if not places:
        return Note(tr("There is no workspace yet. Attach one first: `stationmaster workspace create NAME --vendor openai`"))
    chosen = request.POST.getlist("workspace") or request.GET.getlist("workspace")
    names = [row["name"] for row in places if not row["disabled"]]
    fields = [Field("workspace", name, "checkbox", name, checked=name in chosen) for name in names]
    fields.append(Field("note", tr("Note"), value=request.POST.get("note", ""), help=tr("For whoever approves it.")))
    how = tr("It compares who should be in with who was last seen there, and changes nothing. None chosen: all that are in use.")
    return Form(tr("Make the plan"), "make", tuple(fields), text=how)


def plan_state(row: Row) -> Cell:
    """Its state; one in which there was nothing to do says so, and no more."""
    if row["state"] == "applied" and not to_do(row):
        return words.state(words.PLANS, "nothing")
    return words.state(words.PLANS, row["state"], note=row["why"])


def counted(counts: Row) -> str:
    """How many steps of which kind."""
    return ", ".join(f"{words.name(words.STEPS, kind)}: {count}" for kind, count in counts.items())


def new_link(request: HttpRequest) -> tuple[Link, ...]:
    """The way to a new plan, for who may make one."""
    return (Link(tr("Make a plan"), "/plans/new", main=True),) if may(request, "plans:create") else ()


def _made(actor: Actor, sent: Sent) -> Went:
    row = workspaces.make_plan(actor, {"workspaces": sent.getlist("workspace") or None, "note": sent.get("note", "")})
    return Went(f"/plans/{row['id']}")


def _with_makers(actor: Actor, rows: list[Row]) -> list[Row]:
    names = of_operators(actor, [row["made_by"] for row in rows])
    shown_ = readable(actor, [row["why"] for row in rows])
    return [
        {**row, "by": actor_cell(kind_of(row["made_by"]), row["made_by"], names), "why": shown_(row["why"])} for row in rows
    ]
