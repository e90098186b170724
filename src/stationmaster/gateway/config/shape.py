"""Parsed TOML → typed tables. Owns: unknown and missing keys, types, ranges.

A key that does not fit is reported and keeps its zero value, so the rest is still checked. May not know
what one table says about another, and never repeats a value in a message, except a number.
"""

import math
from collections.abc import Mapping
from datetime import date, time
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from stationmaster.gateway.config.problems import Place, did_you_mean
from stationmaster.gateway.config.report import Placed, Report
from stationmaster.gateway.config.tables import NEED, TABLES, GatewayTable

S = TypeVar("S", bound=msgspec.Struct)

_KINDS = {
    bool: "true or false", int: "a whole number", float: "a number", str: "a string",
    list: "a list", dict: "a table",
}  # fmt: skip


def check_tables(document: Mapping[str, Any], report: Report) -> None:
    """Report top-level names that are none of ours."""
    for name in document.keys() - TABLES.keys():
        if name in GatewayTable.__struct_fields__:
            report.add("error.config.unknown_key", (name,), "a key outside any table", "it belongs under [gateway]")
            continue
        hint = did_you_mean(name, TABLES) or f"the tables are {', '.join(TABLES)}"
        report.add("error.config.unknown_key", (name,), "unknown table", hint)


def read_one(document: Mapping[str, Any], name: str, type_: type[S], report: Report) -> S:
    """Read the single table `[name]`; an empty one when it is left out."""
    value = document.get(name, {})
    if isinstance(value, dict):
        return read_table(type_, value, (name,), report)
    _mismatch(report, (name,), value, "one table", f"write [{name}] once")
    return type_()


def read_many(document: Mapping[str, Any], name: str, type_: type[S], report: Report) -> list[Placed[S]]:
    """Read the array of tables `[[name]]`."""
    value = document.get(name, [])
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        rows = [((name, number), row) for number, row in enumerate(value)]
        return [Placed(place, read_table(type_, row, place, report)) for place, row in rows]
    _mismatch(report, (name,), value, "an array of tables", f"write [[{name}]] above each")
    return []


@cache
def _hints(type_: type[msgspec.Struct]) -> dict[str, Any]:
    return get_type_hints(type_, include_extras=True)


def read_table(type_: type[S], given: Mapping[str, Any], place: Place, report: Report) -> S:
    """Read the table that stands at `place`."""
    hints = _hints(type_)
    for key in given.keys() - hints.keys():
        report.add("error.config.unknown_key", (*place, key), "unknown key", _other_key(key, hints))
    for key in hints.keys() - given.keys():
        if _metas(hints[key], "extra") == NEED:
            report.add("error.config.missing_key", (*place, key), "missing key")
    read = {key: _value(hints[key], given[key], (*place, key), report) for key in hints.keys() & given.keys()}
    return type_(**{key: value for key, value in read.items() if value is not None})


def _other_key(key: str, hints: Mapping[str, Any]) -> str:
    return did_you_mean(key, hints) or f"the keys here are {', '.join(hints)}"


def _value(hint: Any, value: object, place: Place, report: Report) -> Any:
    """Read one value; None when it does not fit, which is then reported."""
    bare = _bare(hint)
    if get_origin(bare) is list and isinstance(value, list) and value:
        rows = [_value(get_args(bare)[0], row, (*place, number), report) for number, row in enumerate(value)]
        return None if any(row is None for row in rows) else rows
    if get_origin(bare) is dict and isinstance(value, dict):
        read = {key: _value(get_args(bare)[1], v, (*place, key), report) for key, v in value.items()}
        return None if any(row is None for row in read.values()) else read
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct) and isinstance(value, dict):
        return read_table(bare, value, place, report)
    return _scalar(hint, value, place, report)


def _scalar(hint: Any, value: object, place: Place, report: Report) -> Any:
    bare = _bare(hint)
    try:
        if bare in _KINDS and not (isinstance(value, float) and not math.isfinite(value)):
            return msgspec.convert(value, hint)
    except msgspec.ValidationError:
        pass
    wanted = _metas(hint, "description") or _KINDS.get(bare, "a table")
    report.add("error.config.bad_value", place, f"expected {wanted}, got {_got(value, bare)}")
    return None


def _mismatch(report: Report, place: Place, value: object, wanted: str, hint: str = "") -> None:
    report.add("error.config.bad_value", place, f"expected {wanted}, got {_got(value, None)}", hint)


def _got(value: object, wanted: object) -> str:
    """Describe a value without repeating it, unless it is a number where a number belongs."""
    if isinstance(value, int | float) and type(value) is not bool and wanted in {int, float}:
        return "a number far too large" if abs(value) >= 1e12 else str(value)
    if value in ("", [], {}):
        return f"an empty {_KINDS[type(value)].removeprefix('a ')}"
    if wanted is str and isinstance(value, str):
        return "a string of another form"
    if wanted is str and isinstance(value, date | time):
        return "a date or time without quotes"
    return _KINDS.get(type(value), "a date or time")


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _metas(hint: Any, name: str) -> Any:
    found = [getattr(meta, name) for meta in getattr(hint, "__metadata__", ())]
    return next((value for value in reversed(found) if value is not None), None)
