"""What pages about seats share: their tabs, whom and where, what is unconfirmed. Owns those."""

from collections.abc import Iterable

from django.http import HttpRequest

from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Link,
    Row,
)
from stationmaster.entrances.console.pages.showing import may
from stationmaster.i18n import tr
from stationmaster.vendors.registry import VENDORS


def roles_at(places: Iterable[Row], where: str) -> tuple[str, ...]:
    """The roles of a workspace's vendor (its name or id); before one is chosen, of the vendors of all of them."""
    vendors = dict.fromkeys(row["vendor"] for row in places if not where or where in (row["name"], row["id"]))
    return tuple(dict.fromkeys(role for each in vendors if each in VENDORS for role in VENDORS[each].roles))


def tabs(request: HttpRequest, here: str) -> tuple[Link, ...]:
    """What belongs to seats, as far as somebody may see it."""
    pages = (
        ("/seats", tr("Seats"), "seats:read"),
        ("/assignments", tr("Assignments"), "assignments:read"),
        ("/plans", tr("Plans"), "plans:read"),
        ("/runs", tr("Batch run"), "plans:read"),
        ("/seats/requests", tr("Requests for seats"), "seatrequests:read"),
        ("/seats/offboarding", tr("Offboarding"), "assignments:read"),
    )
    return tuple(Link(text_, href, href == here) for href, text_, action in pages if may(request, action))


def who_and_where() -> tuple[Column, ...]:
    """The first columns of every list of seats."""
    return (
        Column(
            tr("Person"), lambda row: Cell(row["name"], f"/seats/{row['id']}", note="" if row["active"] else tr("left")), "name"
        ),
        Column(tr("Workspace"), lambda row: Cell(row["workspace"]), "workspace"),
    )


def detail(row: Row) -> str:
    """What is known of a state besides; a write whose outcome is not known comes first."""
    return tr("unconfirmed: {what}", what=row["unconfirmed"]) if row["unconfirmed"] else row["detail"]
