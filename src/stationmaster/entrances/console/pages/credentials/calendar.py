"""When credentials end: the page, and the feed that calendars read. Owns both; what ends is the services'."""

from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils import timezone

from stationmaster.credentials import services as credentials
from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, posted
from stationmaster.entrances.console.pages.credentials.parts import tabs
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import Cell, Field, Form, Page, Row, Section, moment
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query

MONTHS = 12


def feed(request: HttpRequest, secret: str) -> HttpResponse:
    """A calendar's feed. Who knows the address is let in, and nobody else; it is never kept by what stands between."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    try:
        body = credentials.feed(secret)
    except StationmasterError:
        return HttpResponse("", status=404, content_type="text/plain")
    return HttpResponse(body, content_type="text/calendar; charset=utf-8", headers={"Cache-Control": "private, no-store"})


def page(request: HttpRequest) -> HttpResponse:
    """Month by month what ends and what is rotated, and the addresses for calendars."""
    actor = me(request)
    done = posted(request, {"create": _created, "delete": _deleted})
    if isinstance(done, HttpResponse):
        return done
    now = timezone.now()
    entries = credentials.calendar(actor, now - timedelta(days=31), now + timedelta(days=31 * MONTHS))
    sections = [_month(name, rows) for name, rows in _by_month(entries)] or [
        Section("", (lists.plain(_columns(), (), tr("No credential ends within a year, as far as is known.")),))
    ]
    if may(request, "calendars:read"):
        sections.append(_feeds(request, actor))
    told = (("stationmaster credential list --sort expires_at", "GET /api/v1/calendar"),
            ("stationmaster calendar create NAME", "POST /api/v1/calendars"))  # fmt: skip
    return shown(request, Page(tr("Calendar of credentials"), sections, tabs(request, "/calendar"), (), told, 0, done))


def _by_month(entries: list[Row]) -> list[tuple[str, list[Row]]]:
    months: dict[str, list[Row]] = {}
    for entry in entries:
        at: datetime = entry["at"]
        months.setdefault(f"{at:%Y-%m}", []).append(entry)
    return sorted(months.items())


def _month(name: str, rows: list[Row]) -> Section:
    return Section(name, (lists.plain(_columns(), rows),))


def _columns() -> tuple[Column, ...]:
    return (
        Column(tr("When"), lambda row: moment(row["at"])),
        Column(tr("Credential"), lambda row: Cell(row["credential"], f"/credentials/{row['id']}")),
        Column(tr("Vendor"), lambda row: Cell(row["vendor"])),
        Column(tr("What"), lambda row: words.state(words.ENDS, row["state"] or row["what"])),
    )


def _feeds(request: HttpRequest, actor: Actor) -> Section:
    rows = credentials.list_feeds(actor, Query(limit=100)).items
    changing = may(request, "calendars:delete")
    columns = (
        Column(tr("Name"), lambda row: Cell(row["name"])),
        Column(tr("Read last"), lambda row: moment(row["last_used_at"], tr("never"))),
        Column("", lambda row: Cell(forms=_delete(row) if changing else ())),
    )
    table = lists.plain(columns, rows, tr("None yet. An address shows names and dates to whoever has it."))
    form = Form(tr("Make an address"), "create", (Field("name", tr("Whose calendar it is"), needed=True),))
    return Section(tr("For calendars"), (table, *((form,) if may(request, "calendars:create") else ())))


def _delete(row: Row) -> tuple[Form, ...]:
    return (Form(tr("Delete"), "delete", (Field("which", "", "hidden", row["id"]),), danger=True),)


def _created(actor: Actor, sent: Sent) -> Went:
    made = credentials.create_feed(actor, {"name": filled(sent, "name")})
    return Went(told=tr("Its address, shown this once: {address}", address=made.secret.text))


def _deleted(actor: Actor, sent: Sent) -> Went:
    credentials.delete_feed(actor, filled(sent, "which"))
    return Went(told=tr("Its address finds nothing any more."))
