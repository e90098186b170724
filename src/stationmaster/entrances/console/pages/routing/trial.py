"""Trying a model: which route takes it, and who could serve it. Owns that page. It asks in its address, so that an answer can be
shown to somebody else, and no vendor is asked anything."""

from shlex import quote
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Facts,
    Field,
    Form,
    Link,
    Note,
    Page,
    Part,
    Problem,
    Row,
    Section,
    code,
)
from stationmaster.entrances.console.pages.parts import number as figure
from stationmaster.entrances.console.pages.routing.shared import why
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.errors import Invalid, NotFound
from stationmaster.gateway.core.endpoints import DIALECTS
from stationmaster.i18n import tr
from stationmaster.phrases import said
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor

_ASKED: Final = ("model", "dialect", "key")


def page(request: HttpRequest) -> HttpResponse:
    """The question, and the answer once one is asked."""
    actor = me(request)
    asked = {name: request.GET.get(name, "").strip() for name in _ASKED}
    found, problem = _tried(actor, asked)
    sections = [Section("", (_form(asked, problem),)), *(_answer(request, found) if found else ())]
    model = quote(asked["model"]) if asked["model"] else "MODEL"
    same = ((f"stationmaster route try {model}", "POST /api/v1/routes/all/try"),)
    lead = tr("Decided from what is stored here, as a gateway would; nothing is sent to a vendor.")
    trail = (Link(tr("Routes"), "/routes"),)
    return shown(request, Page(tr("Try a model"), sections, same=same, problem=problem, lead=lead, trail=trail))


def _tried(actor: Actor, asked: dict[str, str]) -> tuple[Row | None, Problem | None]:
    if not asked["model"]:
        return None, None
    try:
        return routing.try_model(actor, {name: value for name, value in asked.items() if value}), None
    except (Invalid, NotFound) as error:
        fields = {name: said(each) for name, each in error.fields.items()}
        return None, Problem(said(error.message), said(error.hint), fields, error.status)


def _form(asked: dict[str, str], problem: Problem | None) -> Form:
    wrong = problem.fields if problem is not None else {}
    dialects = tuple((each, each) for each in DIALECTS)
    fields = (
        Field("model", tr("Model"), value=asked["model"], needed=True, error=wrong.get("model", "")),
        Field("dialect", tr("API"), "select", asked["dialect"] or DIALECTS[0], dialects, error=wrong.get("dialect", "")),
        Field("key", tr("Virtual key"), value=asked["key"], help=tr("Its name; empty: whatever key.")),
    )
    return Form(tr("Try it"), "", fields, asks=True)


def _answer(request: HttpRequest, found: Row) -> list[Section]:
    verdict = [_verdict(found)]
    if found["route"]:
        verdict.append(Facts((
            (tr("Route"), Cell(tr("position {number}", number=found["position"]), f"/routes/{found['route']}")),
            (tr("The vendor is sent"), code(found["sent"])),
            (tr("Pools"), Cell(" → ".join(pool["pool"] for pool in found["pools"]))),
        )))  # fmt: skip
    return [Section(tr("What happens"), verdict), *(_pool(request, each) for each in found["pools"])]


def _verdict(found: Row) -> Part:
    error: dict[str, Any] | None = found["error"]
    if error is None:
        able = sum(member["eligible"] for pool in found["pools"] for member in pool["members"])
        return Note(tr("It is served: {number} members can take it now.", number=able), "good")
    told = tr(
        "The client is answered {status} `{code}`: {message}",
        status=error["status"],
        code=error["code"],
        message=error["message"],
    )
    return Note(told, "bad")


def _pool(request: HttpRequest, pool: Row) -> Section:
    columns = (
        Column(tr("Credential"), lambda each: Cell(each["credential"], _href(request, each), note=each["vendor"])),
        Column(tr("Takes it"), _takes),
        Column(tr("Health"), _health),
        Column(tr("Priority"), lambda each: figure(each["priority"]), number=True),
        Column(tr("Weight"), lambda each: figure(each["weight"]), number=True),
    )
    links = (Link(tr("Its page"), f"/pools/{pool['pool']}"),)
    return Section(
        tr("Pool {name}", name=pool["pool"]), (lists.plain(columns, pool["members"], tr("It has no members.")),), links=links
    )


def _href(request: HttpRequest, each: Row) -> str:
    return f"/credentials/{each['id']}" if may(request, "credentials:read") else ""


def _health(each: Row) -> Cell:
    return words.state(words.HEALTH, each["health"], note=words.name(words.CAUSES, each["cause"]))


def _takes(each: Row) -> Cell:
    if each["eligible"]:
        return Cell(tr("yes"), tone="good", icon="circle-check")
    return Cell(tr("no"), note=why(each["why"]), tone="bad", icon="circle-x")
