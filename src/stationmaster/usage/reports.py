"""Questions about usage. Owns: totals, their parts, their course over time, and the list of single requests.

Every figure comes from the sums of whole hours or whole days, so a headline equals the sum of its parts. Who sees only
what is their own gets figures and requests of their own virtual keys.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from django.db.models import QuerySet, Sum

from stationmaster.errors import NotFound
from stationmaster.gateway.core.endpoints import Dialect
from stationmaster.gateway.core.tokens import Source
from stationmaster.operators.access import only_own, require
from stationmaster.store.actor import Actor
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column, Filter, bad_filter
from stationmaster.store.listing import Listing, Page, Query, page, plain
from stationmaster.usage import whose
from stationmaster.usage.derived import DERIVED, apart, folded
from stationmaster.usage.models import DailyUsage, HourlyUsage, UsageEvent
from stationmaster.usage.rollups import DIMENSIONS, MEASURES, day_of, hour_of

Step = Literal["hour", "day"]
BY = (*DIMENSIONS, *DERIVED)      # what sums can be taken apart by
MAX_PARTS = 50_000
_LENGTH: Mapping[Step, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
_DIALECTS = ("", *get_args(Dialect))
_SOURCES = get_args(Source)
_START = {"hour": hour_of, "day": day_of}


@dataclass(frozen=True)
class Question:
    """Which usage: `since` (included) to `until` (not), widened to whole hours, or days for a course by days; filters
    over the dimensions; `by`: one of them, to take the sums apart by it."""

    since: datetime
    until: datetime
    filters: tuple[Filter, ...] = ()
    by: str = ""


@dataclass(frozen=True)
class Answer:
    """Sums by name of the measure. `parts`: the same for each value of the dimension asked for, or of each step, the
    steps without usage left out. `since` and `until` are those that were answered."""

    since: datetime
    until: datetime
    total: Mapping[str, int]
    parts: list[Mapping[str, Any]] = field(default_factory=list)


def show(event: UsageEvent) -> Mapping[str, Any]:
    """A request as plain values. `tokens` are null when no usage is known, `cost` when the price is not."""
    kinds = ("input", "cache_read", "cache_write", "output", "reasoning")
    tokens = None if event.usage_source == "none" else {kind: getattr(event, kind) for kind in kinds}
    named = (
        "request_id", "at", "gateway", "key", "owner", "tenant", "credential", "pool", "model", "endpoint", "dialect",
        "status", "error", "usage_source",
    )
    return {
        **{name: getattr(event, name) for name in named}, "tokens": tokens, "cost": event.cost,
        "duration_us": event.duration_us, "first_byte_us": event.first_byte_us, "detail": event.detail,
    }


EVENTS = Listing(
    noun="usage events",
    columns=(
        Column("request_id"), Column("at", kind="time"), Column("gateway"), Column("key"), Column("owner"), Column("tenant"),
        Column("credential"), Column("pool"), Column("model"), Column("endpoint"), Column("dialect", values=_DIALECTS),
        Column("status", kind="number"), Column("error"), Column("usage_source", values=_SOURCES),
        Column("duration_us", kind="number"), Column("first_byte_us", kind="number"),
        Column("cost", kind="number", sortable=False),
    ),
    show=show, search="", sort="-at", key="request_id",
)
_DIMENSIONS = Listing(
    noun="usage",
    columns=tuple(Column(name, sortable=False, values=_SOURCES if name == "usage_source" else ()) for name in DIMENSIONS),
    show=dict, search="", key="series",
)


def totals(actor: Actor, asked: Question) -> Answer:
    """The sums, and with `by` also those of each value of that dimension, the dearest first. Raises `Forbidden`,
    `Invalid`."""
    since, until = _widened(asked, "hour")
    rows = _rows(actor, asked, since, until)
    if not asked.by:
        return Answer(since, until, _sums(rows))
    if asked.by in DERIVED:
        parts = folded(_parts(rows, ("credential",), ("credential",)), asked.by)
        parts.sort(key=lambda part: (-part["cost"], -part["requests"], part[asked.by]))
    else:
        parts = _parts(rows, (asked.by,), ("-sum_cost", "-sum_requests", asked.by))
    return Answer(since, until, _added(parts), parts)


def series(actor: Actor, asked: Question, step: Step) -> Answer:
    """The sums and their course: one part a step that saw usage, in order, and with `by` one a step and value. Raises
    `Forbidden`, `Invalid`."""
    since, until = _widened(asked, step)
    rows = _rows(actor, asked, since, until, step)
    by = "credential" if asked.by in DERIVED else asked.by
    names = ("start", by) if by else ("start",)
    parts = _parts(rows, names, names)
    if asked.by in DERIVED:
        parts = sorted(folded(parts, asked.by), key=lambda part: (part["start"], part[asked.by]))
    return Answer(since, until, _added(parts), parts)


def list_events(actor: Actor, query: Query) -> Page:
    """One page of requests, the latest first. Raises `Forbidden`, `Invalid`."""
    require(actor, "usage:read")
    return page(EVENTS, *_of_events(actor, query))


def get_event(actor: Actor, which: str) -> Mapping[str, Any]:
    """One request, by its id. Raises `Forbidden`, `NotFound`."""
    require(actor, "usage:read")
    known = which.isascii() and "\0" not in which
    event = _own(actor, UsageEvent.objects.filter(request_id=which)).first() if known else None
    if event is None:
        raise NotFound("error.usage.no_such_request", "there is no request of this id", hint=_KEPT)
    return show(event)


def export_events(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """Requests as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "usage:export")
    return export(EVENTS, *_of_events(actor, query), form)


_KEPT = "single requests are kept for the days of retention.raw_events_days, and come a moment after they ended"


def _of_events(actor: Actor, query: Query) -> tuple["QuerySet[Any]", Query]:
    """The requests that this actor may see, as far as derived filters go, and what is left to ask of them."""
    known, condition = apart(query.filters, events=True)
    return _own(actor, UsageEvent.objects.filter(condition)), replace(query, filters=known)


def _widened(asked: Question, step: Step) -> tuple[datetime, datetime]:
    """The whole steps that hold the time asked for. Raises `Invalid`."""
    try:
        since, until = _START[step](asked.since), _START[step](asked.until)
        until = until if until == asked.until else until + _LENGTH[step]
    except OverflowError:
        raise bad_filter("until", "is a time in this millennium") from None
    if since >= until:
        raise bad_filter("until", "is a time after `since`")
    return since, until


def _rows(actor: Actor, asked: Question, since: datetime, until: datetime, step: Step | None = None) -> "QuerySet[Any]":
    """The rows that add up to what was asked: of days where that is enough, else of hours."""
    require(actor, "usage:read")
    if asked.by and asked.by not in DERIVED:
        _DIMENSIONS.column(asked.by)
    days = (since, until) == (day_of(since), day_of(until)) and step != "hour"
    table: Any = DailyUsage if days else HourlyUsage
    known, condition = apart(asked.filters)
    rows = table.objects.filter(condition, start__gte=since, start__lt=until)
    return _own(actor, plain(rows, _DIMENSIONS, Query(filters=known)))


def _own(actor: Actor, rows: "QuerySet[Any]") -> "QuerySet[Any]":
    """What this actor may see of `rows`."""
    if not only_own(actor, "usage:read"):
        return rows
    return whose.own(actor, rows)


def _sums(rows: "QuerySet[Any]") -> dict[str, int]:
    found = rows.aggregate(**_adding())
    return {name: found[f"sum_{name}"] or 0 for name in MEASURES}


def _added(parts: list[Mapping[str, Any]]) -> dict[str, int]:
    """The headline of parts: of them, not of a second question, between which requests would come in."""
    return {name: sum(part[name] for part in parts) for name in MEASURES}


def _parts(rows: "QuerySet[Any]", names: tuple[str, ...], order: tuple[str, ...]) -> list[Mapping[str, Any]]:
    found = list(rows.values(*names).annotate(**_adding()).order_by(*order)[: MAX_PARTS + 1])
    if len(found) > MAX_PARTS:
        raise bad_filter("by", f"gives more than {MAX_PARTS} parts: ask for less time")
    return [{**{name: row[name] for name in names}, **{name: row[f"sum_{name}"] for name in MEASURES}} for row in found]


def _adding() -> dict[str, Sum]:
    return {f"sum_{name}": Sum(name) for name in MEASURES}
