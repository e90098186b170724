"""The gateways that were here. Owns: what is known of each, and when it counts as connected."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from django.db.models import Sum
from django.utils import timezone
from msgspec import Meta

from stationmaster.errors import StationmasterError
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.store.changes import revision
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.usage.models import Gateway
from stationmaster.usage.reading import Name, ascii_

SILENT = timedelta(seconds=150)      # it says hello once a minute


class Hello(msgspec.Struct, frozen=True):
    """What a gateway says of itself."""

    gateway: Name
    version: str = ""
    revision: Annotated[int, Meta(ge=0, le=2**62)] = 0
    workers: Annotated[int, Meta(ge=0, le=10_000)] = 0


def show(row: Gateway) -> Mapping[str, Any]:
    """A gateway as plain values; `connected`: it was heard of in the last 150 seconds."""
    return {
        "name": row.name, "connected": timezone.now() - row.last_seen < SILENT, "version": row.version, "revision": row.revision,
        "workers": row.workers, "events_dropped": row.events_dropped, "token": row.token, "first_seen": row.first_seen,
        "last_seen": row.last_seen,
    }


GATEWAYS = Listing(
    noun="gateways",
    columns=(
        Column("name"), Column("version"), Column("revision", kind="number"), Column("workers", kind="number"),
        Column("first_seen", kind="time"), Column("last_seen", kind="time"),
    ),
    show=show, search="", sort="name", key="name",
)


def hello(actor: Actor, body: bytes) -> int:
    """Take in what a gateway says of itself (msgpack); return the configuration's revision. Raises `Forbidden`, and
    `StationmasterError` for something else than a hello."""
    require(actor, "events:write")
    try:
        said = msgspec.msgpack.decode(body, type=Hello)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise StationmasterError("error.internal.bad_hello", "this is no hello", hint="see docs/reference/rest.md") from None
    told = {"version": ascii_(said.version, 64), "revision": said.revision, "workers": said.workers}
    touch(actor, said.gateway, timezone.now(), **told)
    return revision()


def touch(actor: Actor, name: str, now: datetime, **told: Any) -> None:
    """Note that a gateway was here. Inside a transaction its row stays locked, so that its batches follow one another."""
    fresh = {"version": "", "revision": 0, "workers": 0, **told, "token": actor.id, "first_seen": now, "last_seen": now}
    if not Gateway.objects.filter(name=name).update(last_seen=now, token=actor.id, **told):
        Gateway.objects.get_or_create(name=name, defaults=fresh)


def list_gateways(actor: Actor, query: Query) -> Page:
    """One page of them. Raises `Forbidden`, `Invalid`."""
    require(actor, "gateways:read")
    return page(GATEWAYS, Gateway.objects.all(), query)


def export_gateways(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "gateways:export")
    return export(GATEWAYS, Gateway.objects.all(), query, form)


def connected(at: int) -> dict[str, int]:
    """How many gateways are known, were heard of lately, and of these serve from revision `at`. The caller has asked who
    may know."""
    lately = Gateway.objects.filter(last_seen__gt=timezone.now() - SILENT)
    return {
        "known": Gateway.objects.count(), "connected": lately.count(), "up_to_date": lately.filter(revision__gte=at).count(),
    }


def events_dropped() -> int:
    """How many events gateways lost before they could tell them, ever."""
    return int(Gateway.objects.aggregate(sum=Sum("events_dropped"))["sum"] or 0)


def behind(revision: int, heard_within: timedelta) -> list[str]:
    """The gateways that were heard of within a time and serve from an earlier revision."""
    rows = Gateway.objects.filter(last_seen__gt=timezone.now() - heard_within, revision__lt=revision)
    return list(rows.order_by("name").values_list("name", flat=True))
