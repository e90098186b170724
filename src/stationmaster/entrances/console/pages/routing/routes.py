"""The routes in their order, one of them, and making one. Owns those pages."""

from dataclasses import replace
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, lines, posted, version
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import (
    NOTHING,
    Cell,
    Facts,
    Field,
    Form,
    Link,
    Page,
    Problem,
    Row,
    Section,
    Sorting,
    Table,
    moment,
    texts,
)
from stationmaster.entrances.console.pages.routing.shared import pool_names, requests_of
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.errors import Invalid
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query

_MOST: Final = 500  # that are shown, and can be moved
_TRY: Final = "/routes/try"


def all_of_them(request: HttpRequest) -> HttpResponse:
    """All of them, in the order in which they are tried."""
    actor = me(request)
    done = posted(request, {"order": _ordered})
    if isinstance(done, HttpResponse):
        return done
    table = _table(request, actor)
    links = (*((Link(tr("New route"), "/routes/new", main=True),) if may(request, "routes:create") else ()),
             Link(tr("Try a model"), _TRY))  # fmt: skip
    same = (
        ("stationmaster route list", "GET /api/v1/routes"),
        ("stationmaster route move ID POSITION", "PATCH /api/v1/routes/ID"),
    )
    lead = tr("Which models go to which pool. They are tried from the top; the first that matches counts.")
    page = Page(tr("Routes"), (Section("", (table,)),), links=links, same=same, problem=done, lead=lead)
    return shown(request, page)


def _table(request: HttpRequest, actor: Actor) -> Table:
    found = routing.list_routes(actor, Query(limit=_MOST, sort="position"))
    columns = (
        Column(tr("Position"), lambda row: Cell(str(row["position"]), f"/routes/{row['id']}")),
        Column(tr("Models"), lambda row: Cell(", ".join(row["models"]), f"/routes/{row['id']}", code=True)),
        Column(tr("Pool"), lambda row: Cell(row["pool"], f"/pools/{row['pool']}")),
        Column(tr("When that cannot serve"), lambda row: _pools(row["fallback"])),
        Column(tr("Aliases"), lambda row: texts([f"{said} → {sent}" for said, sent in row["aliases"].items()])),
        Column(tr("Changed"), lambda row: moment(row["updated_at"])),
    )
    empty = tr("None yet. Without one the gateway answers every model with 404: "
               "`stationmaster route create --model 'gpt-*' --pool POOL`")  # fmt: skip
    table = replace(lists.plain(columns, found.items, empty), total=found.total,
                    download="/api/v1/routes?format=csv" if may(request, "routes:export") else "")  # fmt: skip
    if not found.items and may(request, "routes:create"):
        return replace(table, starts=Link(tr("Make the first route"), "/routes/new", main=True))
    if not may(request, "routes:update") or found.total != len(found.items) or found.total < 2:
        return table
    return replace(table, sorting=Sorting(tuple(str(row["id"]) for row in found.items), "route", "order", tr("Save the order")))


def _pools(names: list[str]) -> Cell:
    return Cell(many=tuple(Cell(each, f"/pools/{each}") for each in names)) if names else NOTHING


def _ordered(actor: Actor, sent: Sent) -> Went:
    routing.order_routes(actor, sent.getlist("route"))
    return Went(told=tr("Routes are tried in this order from now on."))


def new(request: HttpRequest) -> HttpResponse:
    """Make one."""
    actor = me(request)
    operators.require(actor, "routes:create")
    done = posted(request, {"create": _created})
    if isinstance(done, HttpResponse):
        return done
    form = Form(tr("Make the route"), "create", _fields(actor, _typed(request.POST, done) if done else {}, done))
    same = (("stationmaster route create --model 'gpt-*' --pool POOL", "POST /api/v1/routes"),)
    page = Page(tr("New route"), (Section("", (form,)),), same=same, problem=done, trail=(Link(tr("Routes"), "/routes"),))
    return shown(request, page)


def one(request: HttpRequest, which: str) -> HttpResponse:
    """One: what it takes and where it leads."""
    actor = me(request)
    done = posted(
        request, {"save": lambda actor, sent: _saved(actor, which, sent), "delete": lambda actor, _: _deleted(actor, which)}
    )
    if isinstance(done, HttpResponse):
        return done
    row = routing.get_route(actor, which)
    facts = Facts((
        (tr("Position"), Cell(str(row["position"]))),
        (tr("Models"), Cell(", ".join(row["models"]), code=True)),
        (tr("Pool"), Cell(row["pool"], f"/pools/{row['pool']}")),
        (tr("When that cannot serve"), _pools(row["fallback"])),
        (tr("Aliases"), texts([f"{said} → {sent}" for said, sent in row["aliases"].items()])),
        (tr("Changed"), moment(row["updated_at"])),
    ))  # fmt: skip
    sections = [Section("", (facts,)), *_changing(request, actor, row, done), *_ending(request)]
    path, links = f"/api/v1/routes/{row['id']}", (Link(tr("Requests of its pool"), requests_of("pool", row["pool"])),)
    verbs = (("show", "GET"), ("update", "PATCH"), ("delete", "DELETE"))
    same = tuple((f"stationmaster route {verb} {row['id']}", f"{method} {path}") for verb, method in verbs)
    title = tr("Route {position}: {models}", position=row["position"], models=", ".join(row["models"])[:80])
    page = Page(title, sections, links=(*links, Link(tr("Try a model"), _TRY)), same=same, problem=done,
                trail=(Link(tr("Routes"), "/routes"),))  # fmt: skip
    return shown(request, page)


def _changing(request: HttpRequest, actor: Actor, row: Row, problem: Problem | None) -> list[Section]:
    if not may(request, "routes:update"):
        return []
    revision = Field("revision", "", "hidden", str(row["revision"]))
    fields = _fields(actor, _typed(request.POST, problem) or _stored(row), problem)
    return [Section(tr("Change it"), (Form(tr("Save"), "save", (*fields, revision)),))]


def _stored(row: Row) -> dict[str, str]:
    aliases = "\n".join(f"{said}={sent}" for said, sent in row["aliases"].items())
    texts = {"models": "\n".join(row["models"]), "pool": row["pool"], "fallback": ", ".join(row["fallback"])}
    return {**texts, "aliases": aliases, "position": str(row["position"])}


def _ending(request: HttpRequest) -> list[Section]:
    if not may(request, "routes:delete"):
        return []
    sure = (Field("sure", tr("Yes, this route"), "checkbox", needed=True),)
    told = tr("Its models go to the next route that takes them, or nowhere.")
    return [Section(tr("Delete it"), (Form(tr("Delete it"), "delete", sure, text=told, danger=True),), danger=True)]


def _typed(sent: Sent, problem: Problem | None) -> dict[str, str]:
    """What was sent and not taken."""
    names = ("models", "pool", "fallback", "aliases", "position")
    return {name: filled(sent, name) for name in names} if problem is not None and "models" in sent else {}


def _fields(actor: Actor, held: dict[str, str], problem: Problem | None) -> tuple[Field, ...]:
    wrong = problem.fields if problem is not None else {}

    def field(name: str, label: str, help_: str = "", **more: Any) -> Field:
        return Field(name, label, value=held.get(name, ""), help=help_, error=wrong.get(name, ""), **more)

    return (
        field(
            "models",
            tr("Models"),
            tr("One a line: `gpt-*`, `claude-opus-5-5`; `*` is every model."),
            control="textarea",
            needed=True,
        ),
        field("pool", tr("Pool"), control="select", options=(("", tr("choose")), *pool_names(actor)), needed=True),
        field("fallback", tr("When that cannot serve"), tr("Names of further pools, in order, apart by commas.")),
        field(
            "aliases", tr("Aliases"), tr("What clients may say for a model, one a line: `fast=gpt-5-mini`."), control="textarea"
        ),
        field("position", tr("Position"), tr("From 1; empty: the last."), control="number"),
    )


def _given(sent: Sent) -> dict[str, Any]:
    """A route as the service takes it. Raises `Invalid`."""
    aliases = [each for each in sent.get("aliases", "").splitlines() if each.strip()]
    if any("=" not in each for each in aliases):
        why = "an alias like fast=gpt-5-mini"
        raise Invalid("error.config.bad_value", f"aliases: expected {why}", fields={"aliases": f"expected {why}"})
    pairs = (each.partition("=") for each in aliases)
    given: dict[str, Any] = {"models": lines(sent, "models"), "pool": filled(sent, "pool"), "fallback": lines(sent, "fallback"),
                             "aliases": {said.strip(): model.strip() for said, _, model in pairs}}  # fmt: skip
    position = filled(sent, "position")
    return {**given, "position": int(position)} if position.isascii() and position.isdecimal() and len(position) < 10 else given


def _created(actor: Actor, sent: Sent) -> Went:
    routing.create_route(actor, _given(sent))
    return Went("/routes", tr("It is made; gateways know it within seconds."))


def _saved(actor: Actor, which: str, sent: Sent) -> Went:
    routing.update_route(actor, which, _given(sent), version(sent))
    return Went(told=tr("Saved."))


def _deleted(actor: Actor, which: str) -> Went:
    routing.delete_route(actor, which)
    return Went("/routes", tr("It is deleted."))
