"""When credentials end: the page, and the feed that calendars read. Owns both; what ends is the services'."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils import timezone

from stationmaster.credentials import services as credentials
from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, revealed
from stationmaster.entrances.console.pages.credentials import month
from stationmaster.entrances.console.pages.credentials.parts import tabs
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import Cell, Field, Form, Link, Note, Page, Row, Section, moment
from stationmaster.entrances.console.pages.pictures import Once
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query

_MOST = 200  # entries that a list shows


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
    """A month as a calendar, what ends within ninety days, and the addresses for calendars."""
    actor = me(request)
    done = revealed(request, {"create": _created}, {"delete": _deleted})
    if isinstance(done, HttpResponse):
        return done
    made, problem = done
    now = timezone.now()
    first = month.asked(request.GET.get("month") or request.GET.get("day", "")[:7], now)
    sections = [*_once(made), _month(actor, first), *_of_day(actor, request.GET.get("day", "")), _soon(actor, now)]
    if may(request, "calendars:read"):
        sections.append(_feeds(request, actor))
    told = (("stationmaster credential list --sort expires_at", "GET /api/v1/calendar"),
            ("stationmaster calendar create NAME", "POST /api/v1/calendars"))  # fmt: skip
    return shown(request, Page(tr("Calendar of credentials"), sections, tabs(request, "/calendar"), (), told, 0, problem))


def _once(made: Any) -> tuple[Section, ...]:
    """The address of a feed that was just made."""
    if made is None:
        return ()
    return (Section("", (Once(tr("Its address"), made.secret.text),)),)


def _month(actor: Actor, first: datetime) -> Section:
    entries = credentials.calendar(actor, first, first + timedelta(days=32))
    before, after = (f"/calendar?month={month.beside(first, way)}" for way in (-1, 1))
    links = (Link(tr("Month before"), before), Link(tr("This month"), "/calendar"), Link(tr("Month after"), after))
    return Section(f"{first:%Y-%m}", (month.table(first, entries),), links=links)


def _of_day(actor: Actor, text: str) -> list[Section]:
    """All of one day, where its rest is asked for."""
    try:
        start = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return []
    found = credentials.calendar(actor, start, start + timedelta(days=1))[:_MOST]
    return [Section(text, (lists.plain(_columns(), found, tr("Nothing ends on this day.")),))]


def _soon(actor: Actor, now: datetime) -> Section:
    """What ends next: by thirty, sixty and ninety days."""
    entries = credentials.calendar(actor, now - timedelta(days=31), now + timedelta(days=90))
    counts = [sum(entry["at"] <= now + timedelta(days=days) for entry in entries) for days in (30, 60, 90)]
    numbers = dict(zip(("first", "second", "third"), counts, strict=True))
    told = tr("Within 30 days: {first}; within 60: {second}; within 90: {third}.", **numbers)
    table = lists.plain(_columns(), entries[:_MOST], tr("No credential ends within ninety days, as far as is known."))
    return Section(tr("What ends next"), (Note(told), table))


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


def _created(actor: Actor, sent: Sent) -> Any:
    """The feed with its address, for the answer alone: it is a secret."""
    return credentials.create_feed(actor, {"name": filled(sent, "name")})


def _deleted(actor: Actor, sent: Sent) -> Went:
    credentials.delete_feed(actor, filled(sent, "which"))
    return Went(told=tr("Its address finds nothing any more."))
