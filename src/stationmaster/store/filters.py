"""Filters of lists. Owns: which comparisons a column takes, reading their values, and which values there are at all.

Values come from outside and reach the database as parameters only; names and comparisons come from our own tables.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.db.models import F, Q, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

from stationmaster.errors import Invalid
from stationmaster.gateway.config.problems import did_you_mean

Kind = Literal["text", "number", "time", "flag"]
BAD_FILTER = "error.list.bad_filter"
MAX_VALUES = 500          # of one `in`
MAX_TEXT = 4096
_NAME = 80                # characters of a text that may be a misspelt name
_LAST = "\U0010ffff"      # sorts behind every character


@dataclass(frozen=True)
class Column:
    """A column that a list can be filtered and sorted by: its name outside, its path for Django. It is never null. `values`: a
    text's, where there is a fixed set of them (empty: any)."""

    name: str
    path: str = ""
    kind: Kind = "text"
    sortable: bool = True
    values: Collection[str] = ()

    @property
    def where(self) -> str:
        """Its path for Django."""
        return self.path or self.name


@dataclass(frozen=True)
class Filter:
    """One condition: `field` `op` `value`; several hold together."""

    field: str
    op: str
    value: object


_ORDER: dict[str, Callable[[str, Any], Q]] = {
    "eq": lambda path, value: Q(**{path: value}),
    "ne": lambda path, value: ~Q(**{path: value}),
    "in": lambda path, value: Q(**{f"{path}__in": value}),
    "lt": lambda path, value: Q(**{f"{path}__lt": value}),
    "le": lambda path, value: Q(**{f"{path}__lte": value}),
    "gt": lambda path, value: Q(**{f"{path}__gt": value}),
    "ge": lambda path, value: Q(**{f"{path}__gte": value}),
}
# Not LIKE, which takes upper and lower case as one on SQLite and as two on PostgreSQL.
_TEXT: dict[str, Callable[[str, Any], Q]] = {
    **{op: _ORDER[op] for op in ("eq", "ne", "in")},
    "prefix": lambda path, value: Q(**{f"{path}__gte": value, f"{path}__lt": value + _LAST}),
    "contains": lambda path, value: Q(GreaterThan(StrIndex(F(path), Value(value)), 0)),
}
_OPS: dict[Kind, dict[str, Callable[[str, Any], Q]]] = {
    "text": _TEXT, "number": _ORDER, "time": _ORDER, "flag": {"eq": _ORDER["eq"]},
}


def condition(column: Column, wanted: Filter) -> Q:
    """The condition for Django. Raises `Invalid`."""
    ops = _OPS[column.kind]
    if wanted.op not in ops:
        raise bad_filter(wanted.field, f"cannot be compared by {wanted.op[:20]!r}; these can: {', '.join(ops)}")
    if wanted.op != "in":
        among = wanted.op in ("eq", "ne")      # others ask for a part of a value
        return ops[wanted.op](column.where, (_one_of if among else read)(column, wanted.value))
    values = wanted.value if isinstance(wanted.value, list | tuple) else str(wanted.value).split(",")
    if len(values) > MAX_VALUES:
        raise bad_filter(wanted.field, f"takes at most {MAX_VALUES} values")
    return ops["in"](column.where, [_one_of(column, value) for value in values])


def read(column: Column, value: object) -> Any:
    """A value of the column's kind, from a text or from JSON. Raises `Invalid`."""
    try:
        return _READERS[column.kind](value)
    except (ValueError, OverflowError, KeyError):
        raise bad_filter(column.name, f"is compared with {_WORDS[column.kind]}") from None


def bad_filter(field: str, why: str, hint: str = "") -> Invalid:
    """What a filter that cannot be gets; repeats no value."""
    return Invalid(BAD_FILTER, f"{field[:80]}: {why}", hint=hint, fields={field[:80]: why})


def _one_of(column: Column, value: object) -> Any:
    """A value that rows can have: one that none can is a mistake, and an empty list would not say so. Raises `Invalid`."""
    found = read(column, value)
    if column.values and found not in column.values:
        names = ", ".join(each or '""' for each in column.values)
        raise bad_filter(column.name, f"is one of {names}", did_you_mean(found[:_NAME], filter(None, column.values)))
    return found


def _text(value: object) -> str:
    text = str(value)
    text.encode()                                # raises on half a surrogate pair, which is no text
    if len(text) > MAX_TEXT or "\0" in text:     # which PostgreSQL holds in no text
        raise ValueError
    return text


def _number(value: object) -> int | float:
    text = str(value)
    number = int(text) if text.removeprefix("-").isdecimal() else float(text)
    if not -(2**63) < number < 2**63:      # NaN fails as well
        raise ValueError
    return number


_AGO = re.compile(r"-(\d{1,6})([mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _time(value: object) -> datetime:
    """A moment, or how long ago it was: `-15m`, `-24h`, `-7d`."""
    if ago := _AGO.fullmatch(str(value)):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    moment = datetime.fromisoformat(str(value))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _flag(value: object) -> bool:
    return {"true": True, "false": False}[str(value).lower()]


_READERS: dict[Kind, Callable[[object], Any]] = {"text": _text, "number": _number, "time": _time, "flag": _flag}
_WORDS: dict[Kind, str] = {
    "text": "a text of up to 4096 characters", "number": "a number", "time": 'a time like "2027-01-31T18:00:00Z"',
    "flag": "true or false",
}
