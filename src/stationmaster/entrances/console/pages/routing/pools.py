"""The list of pools, and making one. Owns those pages."""

from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, lines, posted
from stationmaster.entrances.console.pages.lists import Column, Shape
from stationmaster.entrances.console.pages.parts import Cell, Field, Form, Link, Page, Row, Section, Table, Tone, moment, number
from stationmaster.entrances.console.pages.routing.shared import credential_names, requests_of
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor

EMPTY: Final = routing.Standing(0, 0, 0)  # of a pool without members


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list, with how many members of each are well."""
    actor = me(request)
    links = (Link(tr("New pool"), "/pools/new", main=True),) if may(request, "pools:create") else ()
    same = (("stationmaster pool list", "GET /api/v1/pools"),
            ("stationmaster pool create NAME --member CREDENTIAL", "POST /api/v1/pools"))  # fmt: skip
    lead = tr("Credentials that stand in for each other: routes lead to pools, and sessions are shared out among the members.")
    return shown(request, Page(tr("Pools"), (Section("", (_table(request, actor),)),), links=links, same=same, lead=lead))


def _table(request: HttpRequest, actor: Actor) -> Table:
    columns = (
        Column(tr("Name"), lambda row: Cell(row["name"], f"/pools/{row['id']}"), "name"),
        Column(tr("Able to serve"), lambda row: able(row["standing"])),
        Column(tr("Members"), lambda row: number(row["standing"].members), number=True),
        Column(tr("Priorities"), lambda row: number(row["standing"].priorities), number=True),
        Column(tr("Traffic"), lambda row: Cell(tr("requests"), requests_of("pool", row["name"]))),
        Column(tr("Changed"), lambda row: moment(row["updated_at"]), "updated_at"),
    )
    shape = Shape(
        routing.POOLS, columns, download="pools" if may(request, "pools:export") else "",
        empty=tr("None yet. Routes need one to lead to: `stationmaster pool create NAME --member CREDENTIAL`"),
        besides=lambda rows: _with_standings(actor, rows),
    )  # fmt: skip
    table = lists.listed(request, lambda query: routing.list_pool_names(actor, query), shape)
    return lists.starting(table, Link(tr("Make the first pool"), "/pools/new", main=True), may(request, "pools:create"))


def _with_standings(actor: Actor, rows: list[Row]) -> list[Row]:
    held = routing.pool_standings(actor, [str(row["id"]) for row in rows])
    return [{**row, "standing": held.get(str(row["id"]), EMPTY)} for row in rows]


def able(stands: routing.Standing) -> Cell:
    """How many of the members can serve now, as far as that is known."""
    tone: Tone = "bad" if not stands.able else "good" if stands.able == stands.members else "busy"
    icon = {"good": "circle-check", "busy": "alert-triangle"}.get(tone, "circle-x")
    said = tr("{well} of {number}", well=stands.able, number=stands.members)
    return Cell(said, tone=tone, icon=icon, meter=(stands.able, max(stands.members, 1)))


def new(request: HttpRequest) -> HttpResponse:
    """Make one of credentials that there are."""
    actor = me(request)
    operators.require(actor, "pools:create")
    done = posted(request, {"create": _created})
    if isinstance(done, HttpResponse):
        return done
    wrong = done.fields if done is not None else {}
    fields = (
        Field("name", tr("Name"), value=request.POST.get("name", ""), error=wrong.get("name", ""), needed=True,
              help=tr("For good.")),
        Field("members", tr("Members"), "textarea", request.POST.get("members", ""), error=wrong.get("members", ""), needed=True,
              help=_known(actor)),
    )  # fmt: skip
    same = (("stationmaster pool create NAME --member CREDENTIAL", "POST /api/v1/pools"),)
    page = Page(tr("New pool"), (Section("", (Form(tr("Make the pool"), "create", fields),)),), same=same, problem=done,
                trail=(Link(tr("Pools"), "/pools"),))  # fmt: skip
    return shown(request, page)


def _known(actor: Actor) -> str:
    names = [name for name, _ in credential_names(actor)]
    told = tr("Names of credentials, one a line.")
    more = tr("There are: {names}", names=", ".join(names[:12]) + (" …" if len(names) > 12 else ""))
    return f"{told} {more}" if names else told


def _created(actor: Actor, sent: Sent) -> Went:
    members = [{"credential": each} for each in dict.fromkeys(lines(sent, "members"))]
    row = routing.create_pool(actor, {"name": filled(sent, "name"), "members": members})
    return Went(f"/pools/{row['id']}", tr("It is made. A route leads models to it."))
