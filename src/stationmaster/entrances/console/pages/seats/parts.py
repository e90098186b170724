"""What pages about seats share: their tabs, whom and where, what is unconfirmed. Owns those."""

from django.http import HttpRequest

from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Link,
    Row,
)
from stationmaster.entrances.console.pages.showing import may
from stationmaster.i18n import tr


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
