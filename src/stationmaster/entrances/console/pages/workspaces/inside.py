"""What is in a workspace, opened in place below its row: who is in, who is invited, seats and what is to be done. Owns that
page."""

from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.lists import Column, filtered
from stationmaster.entrances.console.pages.parts import Cell, Link, Note, Page, Part, Row, Section, moment, text
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.entrances.console.pages.workspaces.listing import address, of_one
from stationmaster.i18n import tr
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.vendors.registry import VENDORS
from stationmaster.workspaces import services as workspaces

_FEW: Final = 8  # of each, before the list of all of them


def page(request: HttpRequest, which: str) -> HttpResponse:
    """A few of its members, invitations and seats, each with the way to all of them."""
    actor = me(request)
    row = workspaces.get_workspace(actor, which)
    sections = [*_listed(actor, row, "members"), *_listed(actor, row, "invites"), *_seats(request, row)]
    same = ((f"stationmaster workspace show {row['name']}", f"GET /api/v1/workspaces/{row['id']}"),)
    links = (Link(tr("Open it"), address(row)),)
    return shown(request, Page(row["name"], sections, of_one(row, "inside"), links, same))


def _listed(actor: Actor, row: Row, name: str) -> list[Section]:
    """What its vendor listed, where it lists that."""
    if row["vendor"] not in VENDORS or name not in VENDORS[row["vendor"]].capabilities:
        return []
    found = workspaces.list_listed(actor, row["id"], name, Query(limit=_FEW))
    columns = (
        Column(tr("Who"), lambda each: text(each["email"] or each["login"])),
        Column(tr("Role"), lambda each: text(each["role"])),
    )
    empty = tr("Nobody.") if row["read_at"] else tr("It was not read yet.")
    parts: list[Part] = [lists.plain(columns, found.items, empty), *_all(found.total, f"{address(row)}/{name}")]
    return [Section(words.name(words.LISTED, name), parts, half=True)]


def _all(total: int, href: str) -> list[Part]:
    return [Note("", links=(Link(tr("All {number}", number=total), href),))] if total > _FEW else []


def _seats(request: HttpRequest, row: Row) -> list[Section]:
    if not may(request, "seats:read"):
        return []
    mine = Query(filters=(Filter("workspace", "eq", row["name"]),), limit=_FEW, sort="-since")
    found = workspaces.list_seats(me(request), mine)
    columns = (
        Column(tr("Person"), lambda seat: Cell(seat["name"], f"/seats/{seat['id']}")),
        Column(tr("State"), lambda seat: words.state(words.SEATS, seat["state"])),
        Column(tr("Since"), lambda seat: moment(seat["since"])),
    )
    href = filtered("/seats", ("workspace", "eq", row["name"]))
    empty = tr("No seat. An assignment says who should have one.")
    return [Section(tr("Seats"), (lists.plain(columns, found.items, empty), *_all(found.total, href)))]
