"""Lists as files. Owns: CSV, JSON and JSON lines, written row by row."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from django.db.models import QuerySet

from stationmaster.store.listing import MAX_LIMIT, Listing, Query, page
from stationmaster.store.spreadsheet import safe

Format = Literal["csv", "json", "jsonl"]


def export(listing: Listing, rows: "QuerySet[Any]", query: Query, form: Format) -> Iterator[str]:
    """Every row that `query` asks for, as pieces of text. Holds one page at a time. Raises `Invalid` at once."""
    first = page(listing, rows, replace(query, cursor="", limit=MAX_LIMIT, counted=False))
    items = _all(listing, rows, query, first.items, first.next)
    if form == "csv":
        return _csv(items, list(first.items[0]) if first.items else [column.name for column in listing.columns])
    return _json(items) if form == "json" else _jsonl(items)


def _all(
    listing: Listing, rows: "QuerySet[Any]", query: Query, items: list[Mapping[str, Any]], cursor: str
) -> Iterator[Mapping[str, Any]]:
    yield from items
    while cursor:
        step = page(listing, rows, replace(query, cursor=cursor, limit=MAX_LIMIT, counted=False))
        yield from step.items
        cursor = step.next


def _csv(items: Iterator[Mapping[str, Any]], names: list[str]) -> Iterator[str]:
    yield _line(names)
    for item in items:
        yield _line(map(_cell, item.values()))


def _line(cells: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _json(items: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    opening = "[\n"
    for item in items:
        yield opening + _text(item)
        opening = ",\n"
    yield "[]\n" if opening == "[\n" else "\n]\n"


def _jsonl(items: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    for item in items:
        yield _text(item) + "\n"


def _cell(value: object) -> object:
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    return value if isinstance(value, int | float) else _text(value)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=_other)


def _other(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is nothing for a file")
