"""What belongs to a person besides seats: virtual keys, what happened. Owns those sections of their page."""

from typing import Final

from django.http import HttpRequest

from stationmaster.audit import services as audit
from stationmaster.entrances.console.pages import lists
from stationmaster.entrances.console.pages.lists import Column, filtered
from stationmaster.entrances.console.pages.names import actor_cell, of_operators
from stationmaster.entrances.console.pages.parts import Cell, Link, Part, Row, Section, flag, moment, number
from stationmaster.entrances.console.pages.pictures import Course, Event
from stationmaster.entrances.console.pages.running.deeds import deed
from stationmaster.entrances.console.pages.showing import may, me
from stationmaster.i18n import tr
from stationmaster.routing import services as routing
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query

_FEW: Final = 20  # keys and events, before the list of all of them


def keys(request: HttpRequest, row: Row) -> list[Section]:
    """Their virtual keys, those that ended too, and where what was used by them is told."""
    if not may(request, "keys:read"):
        return []
    mine = (Filter("person", "eq", row["id"]),)
    found = routing.list_keys(me(request), Query(filters=mine, sort="-created_at", limit=_FEW))
    columns = (
        Column(tr("Virtual key"), lambda key: Cell(key["name"], f"/keys/{key['id']}")),
        Column(tr("In use"), lambda key: flag(not key["disabled"])),
        Column(tr("Made"), lambda key: moment(key["created_at"])),
    )
    parts: list[Part] = [lists.plain(columns, found.items, tr("No virtual key is theirs."))]
    every = Link(tr("All {number}", number=number(found.total).text), filtered("/keys", *_of(row)))
    return [Section(tr("Virtual keys"), parts, links=(every,) if found.total > _FEW else ())]


def _of(row: Row) -> tuple[tuple[str, str, str]]:
    return (("person", "eq", str(row["id"])),)


def history(request: HttpRequest, row: Row) -> list[Section]:
    """What was done about them lately, by whom, for whoever may read the audit trail."""
    if not may(request, "audit:read"):
        return []
    actor = me(request)
    mine = Query(filters=(Filter("subject", "eq", row["id"]),), limit=_FEW, counted=False)
    found = audit.list_events(actor, mine)
    names = of_operators(actor, [each["actor"] for each in found.items])
    events = tuple(
        Event(each["at"], deed(each["action"]), note=actor_cell(each["actor_kind"], each["actor"], names).text)
        for each in found.items
    )
    more = (Link(tr("All of it"), filtered("/audit", ("subject", "eq", str(row["id"])))),)
    return [Section(tr("What happened"), (Course(events, tr("Nothing yet.")),), links=more)]


