"""Who is where: a row a person, a column a workspace, with what is and what should be. Owns that page."""

from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.api import asking
from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.names import called
from stationmaster.entrances.console.pages.parts import DASH, Bulk, Cell, Link, Page, Row, Section, Table
from stationmaster.entrances.console.pages.people.listing import tabs
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.people import services as people
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Page as Found
from stationmaster.store.listing import Query
from stationmaster.workspaces import services as workspaces

ADDRESS: Final = "/people/grid"
_FROM: Final = "from:eq:"  # in the address: the workspace that is shown first
_WIDE: Final = 12  # workspaces beside one another
_OFFERED: Final = 500  # groups and workspaces to choose from
_SAME: Final = (("stationmaster seat list", "GET /api/v1/seats"), ("stationmaster assignment list", "GET /api/v1/assignments"))
_ICONS: Final = {
    "planned": "circle-dashed", "inviting": "mail-forward", "invited": "mail", "active": "circle-check",
    "expired": "clock-exclamation", "removing": "user-minus", "removed": "circle-minus", "failed": "circle-x",
}  # fmt: skip


def page(request: HttpRequest) -> HttpResponse:
    """The grid, as the address asks for it."""
    every = _places(request)
    first = _first(request, every)
    sections = (Section("", (_table(request, every[first : first + _WIDE], every),), links=_further(request, every, first)),)
    lead = tr("A row a person, a column a workspace. What is different from what the assignments say is marked.")
    return shown(request, Page(tr("Who is where"), sections, tabs(request, ADDRESS), _links(request), _SAME, lead=lead))


def chosen(request: HttpRequest, most: int) -> list[str]:
    """The people (ids) that were selected, or all that the grid was asked for, up to `most`."""
    if request.GET.get("all") != "1":
        return request.GET.getlist("id")[:most]
    asked = Query(request.GET.get("search", ""), _without_place(asking.filters(request)))
    return workspaces.ids_of_presence(me(request), asked, most)


def _places(request: HttpRequest) -> list[Row]:
    """The workspaces in use, by name; of a filter for one, that one."""
    if not may(request, "workspaces:read"):
        return []
    asked = Query(filters=(Filter("disabled", "eq", "false"),), sort="name", limit=_OFFERED, counted=False)
    return list(workspaces.list_workspaces(me(request), asked).items)


def _first(request: HttpRequest, every: list[Row]) -> int:
    """The place of the first one that is shown: it stands in the address as the filter `from`."""
    name = next((each.removeprefix(_FROM) for each in request.GET.getlist("filter") if each.startswith(_FROM)), "")
    return next((place for place, row in enumerate(every) if row["name"] == name), 0)


def _without_place(filters: tuple[Filter, ...]) -> tuple[Filter, ...]:
    return tuple(each for each in filters if each.field != "from")


def _table(request: HttpRequest, places: list[Row], every: list[Row]) -> Table:
    actor, rows = me(request), list[Row]()
    asked = [each.removeprefix("workspace:eq:") for each in request.GET.getlist("filter") if each.startswith("workspace:eq:")]
    places = [each for each in every if each["name"] in asked] or places
    shape = Shape(
        workspaces.PRESENCE, [*_who(), *(_column(place) for place in places)], _choices(request, every), _empty(every),
        besides=lambda found: _kept(found, rows),
    )  # fmt: skip
    ids = [str(place["id"]) for place in places]
    table = lists.listed(request, lambda query: _page(actor, query, ids), shape)
    return replace(table, bulk=_bulk(request, rows), starts=_start(request, every), caption=tr("Who is where"))


def _kept(found: list[Row], rows: list[Row]) -> list[Row]:
    """The rows as they are, and once more for what can be done with them."""
    rows.extend(found)
    return found


def _page(actor: Actor, query: Query, ids: list[str]) -> Found:
    return workspaces.list_presence(actor, replace(query, filters=_without_place(query.filters)), ids)


def _empty(places: list[Row]) -> str:
    if not places:
        return tr("There is no workspace yet. Attach one first: `stationmaster workspace create NAME --vendor openai`")
    return tr("Nobody yet. Import a file: here, or `stationmaster person import FILE`")


def _start(request: HttpRequest, places: list[Row]) -> Link | None:
    if not places and may(request, "workspaces:create"):
        return Link(tr("Attach a workspace"), "/workspaces/new", main=True)
    return Link(tr("Import a file"), "/people/imports", main=True) if may(request, "people:import") else None


def _who() -> tuple[Column, ...]:
    return (
        Column(
            tr("Person"), lambda row: Cell(called(row), f"/people/{row['id']}", note="" if row["active"] else tr("left")),
            "display_name",
        ),
    )  # fmt: skip


def _column(place: Row) -> Column:
    return Column(place["name"], lambda row: _cell(row["where"][place["id"]]))


def _cell(place: Row) -> Cell:
    """The state of a seat, and how it is different from what should be."""
    href = f"/seats/{place['seat']}" if place["seat"] else ""
    through = ", ".join(each for each in place["by"] if each)
    if place["differs"] == "missing":
        state = words.name(words.SEATS, place["state"]) if place["state"] else ""
        return Cell(tr("to be invited"), href, note=state, tone="bad", icon="user-plus", title=through)
    if not place["state"]:
        return Cell(DASH, tone="off", icon="circle-dashed", title=tr("no seat, and none wanted"))
    known = words.state(words.SEATS, place["state"])
    note = tr("without an assignment") if place["differs"] else ""
    return replace(known, href=href, note=note, icon=_ICONS.get(place["state"], ""), title=through)


def _choices(request: HttpRequest, every: list[Row]) -> list[Choice]:
    choices = [
        Choice(tr("Workspace"), "workspace", tuple((row["name"], row["name"]) for row in every)),
        Choice(tr("State"), "state", words.options(words.SEATS)),
        Choice(tr("Different"), "differs", (("true", tr("only what is different")),)),
    ]
    if may(request, "groups:read"):
        found = people.list_groups(me(request), Query(sort="name", limit=_OFFERED, counted=False)).items
        choices.insert(0, Choice(tr("Group"), "group", tuple((row["id"], row["name"]) for row in found)))
    return choices


def _further(request: HttpRequest, every: list[Row], first: int) -> tuple[Link, ...]:
    """The way to the workspaces before and after those that are shown."""
    links = []
    if first:
        links.append(Link(tr("Workspaces before"), _from(request, every[max(first - _WIDE, 0)]["name"])))
    if first + _WIDE < len(every):
        links.append(Link(tr("Further workspaces"), _from(request, every[first + _WIDE]["name"])))
    return tuple(links)


def _from(request: HttpRequest, name: str) -> str:
    kept = [each for each in request.GET.getlist("filter") if each and not each.startswith(_FROM)]
    asked = [("filter", each) for each in [*kept, f"{_FROM}{name}"]]
    asked += [(each, request.GET[each]) for each in ("search", "sort") if request.GET.get(each)]
    return f"{ADDRESS}?{urlencode(asked)}"


def _bulk(request: HttpRequest, rows: list[Row]) -> Bulk | None:
    """Assigning, and taking assignments away, for whoever may make a plan of it."""
    if not may(request, "plans:create"):
        return None
    offered = (("assign", tr("Assign …"), "assignments:create"), ("unassign", tr("Take out …"), "assignments:delete"))
    links = tuple(Link(text, f"{ADDRESS}/{act}", dialog=True) for act, text, right in offered if may(request, right))
    asked = [("filter", each) for each in request.GET.getlist("filter")]
    asked += [("search", request.GET["search"])] if request.GET.get("search") else []
    ids = tuple(str(row["id"]) for row in rows)
    return Bulk(ids, links, tuple(asked), everything=True) if links else None


def _links(request: HttpRequest) -> tuple[Link, ...]:
    return (Link(tr("Make a plan"), "/plans/new", main=True),) if may(request, "plans:create") else ()
