"""Lists. Owns: search, filters, order and pages of any rows, done by the database; which columns a list has.

A page ends with a cursor: the place in the order where the next one begins. Rows that are added or removed meanwhile move
nobody's place, so nothing is shown twice and nothing that stood is left out. May not know any particular row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.signing import BadSignature, Signer
from django.db.models import Count, Q, QuerySet

from stationmaster.errors import Invalid
from stationmaster.gateway.config.problems import did_you_mean
from stationmaster.store.filters import Column, Filter, bad_filter, condition, read

MAX_LIMIT = 500
MAX_SEARCH = 200
Row = Any

__all__ = ["MAX_LIMIT", "Column", "Filter", "Listing", "Page", "Query", "page", "plain", "tally"]


@dataclass(frozen=True)
class Listing:
    """What can be asked of one list. `noun` names it ("credentials"), `show` makes a row into plain values, `search`
    is the path of a case-folded text (empty: there is no search), `sort` the order when none is asked for."""

    noun: str
    columns: tuple[Column, ...]
    show: Callable[[Row], Mapping[str, Any]]
    search: str = "search_text"
    sort: str = "-created_at"
    key: str = "id"

    def column(self, name: str) -> Column:
        """The column called `name`. Raises `Invalid`."""
        known = {column.name: column for column in self.columns}
        if name not in known:
            raise bad_filter(name, f"is none of {', '.join(known)}", did_you_mean(name, known))
        return known[name]


@dataclass(frozen=True)
class Query:
    """What is asked: words that all occur, filters that all hold, a column to sort by ("-" before it: downwards)."""

    search: str = ""
    filters: tuple[Filter, ...] = ()
    sort: str = ""
    cursor: str = ""
    limit: int = 50
    counted: bool = True      # whether the page says how many rows there are in all
    shown: bool = True        # without: only that number is asked for


@dataclass(frozen=True)
class Page:
    """Rows as plain values, the cursor of the next page (empty on the last one), how many there are in all (-1:
    not counted)."""

    items: list[Mapping[str, Any]] = field(default_factory=list)
    next: str = ""
    total: int = -1


def plain(rows: "QuerySet[Any]", listing: Listing, query: Query) -> "QuerySet[Any]":
    """The rows that a query asks for, all of them, in no order."""
    for wanted in query.filters:
        rows = rows.filter(condition(listing.column(wanted.field), wanted))
    for word in _words(listing, query):
        rows = rows.filter(**{f"{listing.search}__contains": word})
    return rows


def tally(listing: Listing, rows: "QuerySet[Any]", query: Query, column: str) -> Mapping[str, int]:
    """How many rows a query finds, by what stands in a column. Raises `Invalid`."""
    where = listing.column(column).where
    found = plain(rows, listing, query).order_by().values_list(where).annotate(Count(listing.key))
    return {str(value): number for value, number in found}


def page(listing: Listing, rows: "QuerySet[Any]", query: Query) -> Page:
    """One page of `rows`. Raises `Invalid` for a query that cannot be."""
    if not 0 < query.limit <= MAX_LIMIT:
        raise bad_filter("limit", f"is a number from 1 to {MAX_LIMIT}")
    found = plain(rows, listing, query)
    total = found.count() if query.counted else -1
    if not query.shown:
        return Page(total=total)
    column, down = _order(listing, query)
    if query.cursor:
        found = found.filter(_behind(listing, query, column, down))
    sign = "-" if down else ""
    taken = list(found.order_by(f"{sign}{column.where}", f"{sign}{listing.key}")[: query.limit + 1])
    shown = taken[: query.limit]
    more = _cursor(listing, query, column, shown[-1]) if len(taken) > len(shown) else ""
    return Page([listing.show(row) for row in shown], more, total)


def _words(listing: Listing, query: Query) -> Sequence[str]:
    if not query.search:
        return ()
    if not listing.search:
        raise bad_filter("search", "is not for this list")
    if len(query.search) > MAX_SEARCH or not query.search.isprintable():
        raise bad_filter("search", f"takes up to {MAX_SEARCH} printable characters")
    return query.search.casefold().split()


def _order(listing: Listing, query: Query) -> tuple[Column, bool]:
    asked = query.sort or listing.sort
    column = listing.column(asked.removeprefix("-"))
    if not column.sortable:
        raise bad_filter(column.name, "is nothing to sort by")
    return column, asked.startswith("-")


def _behind(listing: Listing, query: Query, column: Column, down: bool) -> Q:
    """The rows behind the cursor. The first part bounds the whole, so that an index serves it."""
    value, key = _place(listing, query, column)
    less = "lt" if down else "gt"
    tied = Q(**{column.where: value, f"{listing.key}__{less}": key})
    return Q(**{f"{column.where}__{less}e": value}) & (Q(**{f"{column.where}__{less}": value}) | tied)


def _cursor(listing: Listing, query: Query, column: Column, last: Row) -> str:
    value = last
    for step in column.where.split("__"):
        value = getattr(value, step)
    value = value.isoformat() if isinstance(value, datetime) else value
    return _signer().sign_object([*_about(listing, query), value, getattr(last, listing.key)], compress=True)


def _place(listing: Listing, query: Query, column: Column) -> tuple[Any, Any]:
    """What a cursor says. It is signed: a place that we did not write, or of another question, is refused."""
    try:
        noun, sort, value, key = _signer().unsign_object(query.cursor)
    except (BadSignature, ValueError):
        noun = sort = value = key = None
    if [noun, sort] != _about(listing, query):
        raise Invalid("error.list.bad_cursor", "this cursor is not of this list", hint="ask for the first page again")
    return read(column, value), key


def _about(listing: Listing, query: Query) -> list[str]:
    return [listing.noun, query.sort or listing.sort]


def _signer() -> Signer:
    return Signer(salt="stationmaster.list")
