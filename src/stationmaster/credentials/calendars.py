"""When credentials end, for calendars: feeds (RFC 5545) at addresses that hold a secret. Owns those addresses and what a feed
says.

Calendars sign in nowhere, so that the address itself is the key: whoever has it reads names and dates, and nothing else. It
is shown once, only its keyed hash is kept, and it ends with whoever made it. """

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.utils import timezone

from stationmaster.credentials import expiry
from stationmaster.credentials.models import CalendarFeed
from stationmaster.errors import Invalid, StationmasterError
from stationmaster.operators import bearer
from stationmaster.operators.access import require
from stationmaster.operators.lasting import still_may
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only, refuse_odd_text
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find, free_name

BACK: Final = timedelta(days=90)
AHEAD: Final = timedelta(days=730)
COARSE: Final = timedelta(minutes=10)      # how exactly it is known when a feed was read last
MAX_NAME: Final = 128


class MadeFeed(NamedTuple):
    """A feed's row as plain values, and its address at the console, which is shown this once."""

    row: Mapping[str, Any]
    secret: bearer.Fresh


def show(row: CalendarFeed) -> Mapping[str, Any]:
    """A feed as plain values, without its address."""
    return {
        "id": row.id, "name": row.name, "owner": row.owner, "last_used_at": row.last_used_at, "revision": row.revision,
        "created_at": row.created_at,
    }  # fmt: skip


CALENDARS: Final = Listing(
    noun="calendars", columns=(Column("id"), Column("name"), Column("created_at", kind="time")), show=show, sort="name",
)  # fmt: skip


def list_feeds(actor: Actor, query: Query) -> Page:
    """One page of them. Raises `Forbidden`, `Invalid`."""
    require(actor, "calendars:read")
    return page(CALENDARS, CalendarFeed.objects.all(), query)


def export_feeds(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "calendars:export")
    return export(CALENDARS, CalendarFeed.objects.all(), query, form)


def get_feed(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id or name. Raises `Forbidden`, `NotFound`."""
    require(actor, "calendars:read")
    return show(find(CalendarFeed, which))


def create_feed(actor: Actor, given: Given) -> MadeFeed:
    """Make an address for a calendar; `name` says whose. Raises `Forbidden`, `Invalid`, `Conflict`."""
    require(actor, "calendars:create")
    known_only(given, frozenset({"name"}))
    refuse_odd_text(given)
    name = given.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not name.isascii():
        why = f"expected a name of up to {MAX_NAME} ASCII characters"
        raise Invalid("error.config.bad_value", f"name: {why}", fields={"name": why})
    secret = bearer.new("calendar")
    with change(actor) as edit:
        free_name(CalendarFeed, name)
        row = CalendarFeed(name=name, owner=actor.person or actor.id, digest=secret.hashed)
        edit.create(row)
    return MadeFeed(show(row), replace(secret, text=f"/calendar/{secret.text}.ics"))


def delete_feed(actor: Actor, which: str, version: int | None = None) -> None:
    """From now on its address finds nothing. Raises `Forbidden`, `NotFound`, `Stale`."""
    require(actor, "calendars:delete")
    with change(actor) as edit:
        edit.delete(find(CalendarFeed, which), version)


def feed(secret: str) -> bytes:
    """The feed at an address, as iCalendar. Raises `StationmasterError` 404, the same for every address that is none, and for one
    whose maker is gone, or may not see credentials any more."""
    row = CalendarFeed.objects.filter(digest=bearer.hashed("calendar", secret)).first() if secret else None
    if row is None or not still_may(row.owner, "credentials:read"):
        raise StationmasterError("error.calendar.not_found", "there is no such calendar", status=404)
    bearer.note_use(row, COARSE)
    now = timezone.now()
    return written(expiry.entries(now - BACK, now + AHEAD), now)


def written(entries: list[Mapping[str, Any]], now: datetime) -> bytes:
    """Entries as iCalendar. An end has an alarm a week before."""
    from icalendar import Alarm, Calendar, Event

    made = Calendar()
    made.add("prodid", "-//Stationmaster//credentials//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", "Stationmaster: credentials")
    for entry in entries:
        event = Event()
        event.add("uid", f"{entry['id']}-{entry['what']}-{entry['at']:%Y%m%dT%H%M%SZ}@stationmaster")
        event.add("dtstamp", now)
        event.add("dtstart", entry["at"])
        event.add("duration", timedelta(0))
        event.add("transp", "TRANSPARENT")
        event.add("summary", f"{entry['credential']} ({entry['vendor']}) {entry['what']}")
        if entry["what"] == "expires":
            alarm = Alarm()
            alarm.add("action", "DISPLAY")
            alarm.add("description", f"{entry['credential']} expires in a week")
            alarm.add("trigger", timedelta(days=-7))
            event.add_component(alarm)
        made.add_component(event)
    return bytes(made.to_ical())
