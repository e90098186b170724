"""Sums by hour and by day. Owns: what is added up, under which dimensions, and adding it to what stands.

Both tables get every request once, in the transaction that stores it, so any sum over one of them equals the same sum over
the other and over the requests themselves.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db import connection

from stationmaster.usage.models import DailyUsage, HourlyUsage, Sums, UsageEvent

DIMENSIONS = ("key", "owner", "tenant", "credential", "pool", "model", "usage_source")
MEASURES = ("requests", "errors", "input", "cache_read", "cache_write", "output", "reasoning", "cost", "unpriced")
LEFT = 499                       # the client left before the first byte: nobody's error
_UNKNOWN_MODEL = (400, 404)      # what vendors answer to a model that they do not have

Series = tuple[str, ...]


def add(events: Iterable[UsageEvent]) -> None:
    """Add requests to both tables; called once for each, inside the transaction that stores it."""
    rows = list(events)
    for table, start in ((HourlyUsage, hour_of), (DailyUsage, day_of)):
        sums: dict[tuple[datetime, Series], list[int]] = {}
        for event in rows:
            held = sums.setdefault((start(event.at), series_of(event)), [0] * len(MEASURES))
            held[:] = [old + new for old, new in zip(held, measures_of(event), strict=True)]
        _upsert(table, sums)


def series_of(event: UsageEvent) -> Series:
    """The dimensions under which a request counts."""
    values = {name: getattr(event, name) for name in DIMENSIONS}
    return tuple(values[name] if name != "model" else _model(event) for name in DIMENSIONS)


def measures_of(event: UsageEvent) -> Iterator[int]:
    """What a request adds to each of `MEASURES`."""
    yield 1
    yield int(failed(event))
    yield from (event.input, event.cache_read, event.cache_write, event.output, event.reasoning)
    yield event.cost or 0
    yield int(event.cost is None and event.usage_source != "none")


def failed(event: UsageEvent) -> bool:
    """Whether a request counts as an error: it was refused or failed, or its answer broke off."""
    return bool(event.error) or (event.status >= 400 and event.status != LEFT)


def hour_of(at: datetime) -> datetime:
    """The beginning of an hour (UTC)."""
    return at.replace(minute=0, second=0, microsecond=0)


def day_of(at: datetime) -> datetime:
    """The beginning of a day (UTC)."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _model(event: UsageEvent) -> str:
    """The model, once a vendor knew it: clients may send any name, and each would become a row for good."""
    known = event.credential and event.detail.get("upstream_status") not in _UNKNOWN_MODEL
    return event.model if known else ""


def _upsert(table: type[Sums], sums: dict[tuple[datetime, Series], list[int]]) -> None:
    """In one order always, so that two batches at once do not wait for each other in a circle."""
    rows: list[Any] = sorted((start, _hash(series), *series, *values) for (start, series), values in sums.items())
    to_database: Any = table._meta.get_field("start").get_db_prep_value
    with connection.cursor() as cursor:
        cursor.executemany(_statement(table), [(to_database(row[0], connection), *row[1:]) for row in rows])


def _statement(table: type[Sums]) -> str:
    quote = connection.ops.quote_name
    name, columns = quote(table._meta.db_table), ["start", "series", *DIMENSIONS, *MEASURES]
    adding = ", ".join(f"{quote(each)} = {name}.{quote(each)} + excluded.{quote(each)}" for each in MEASURES)
    return (
        f"INSERT INTO {name} ({', '.join(map(quote, columns))}) VALUES ({', '.join(['%s'] * len(columns))}) "  # noqa: S608
        f"ON CONFLICT ({quote('start')}, {quote('series')}) DO UPDATE SET {adding}"
    )


def _hash(series: Series) -> str:
    return hashlib.sha256("\0".join(series).encode()).hexdigest()[:32]      # no part holds a NUL
