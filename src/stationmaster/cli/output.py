"""Data on stdout, in the form that was asked for: for people, or for programs. Every noun prints its data through here.

Owns the four forms. What is said to the person at the terminal goes to stderr, through `talk.say`.
"""

import csv
import enum
import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import typer

from stationmaster.store.spreadsheet import safe

Row = Mapping[str, Any]
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")      # a time as desks tell it


class Format(enum.StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


def print_rows(
    rows: Iterable[Row], columns: Mapping[str, str], form: Format, *, under: str = "items", beside: Row | None = None
) -> None:
    """Print rows. `columns` are the names of their values, in order, and the headings that people see.

    table: aligned, empty cells are dashes, times to the second, nothing in JSON. json: one object, the rows in its member
    `under`, with the members of `beside`. jsonl: an object a line. csv: RFC 4180 with a head line of the names, safe to open
    in a spreadsheet.
    """
    if form is Format.JSON:
        whole = {**(beside or {}), under: [_plain(row, columns) for row in rows]}
        typer.echo(json.dumps(whole, indent=2, ensure_ascii=False))
    elif form is Format.JSONL:
        for row in rows:
            typer.echo(json.dumps(_plain(row, columns), ensure_ascii=False))
    elif form is Format.CSV:
        lines = csv.writer(sys.stdout)
        lines.writerow(columns)
        lines.writerows([_in_csv(row.get(name)) for name in columns] for row in rows)
    else:
        _print_table([list(columns.values()), *([_shown(row.get(name)) for name in columns] for row in rows)])


def print_object(data: Row, form: Format) -> None:
    """Print one thing: for people a name and a value a line, else as one row."""
    if form is Format.TABLE:
        width = max(map(wide, data))
        for name, value in data.items():
            typer.echo(f"{padded(name, width)}  {_shown(value)}")
    elif form is Format.JSON:
        typer.echo(json.dumps(dict(data), indent=2, ensure_ascii=False))
    else:
        print_rows([data], {name: name for name in data}, form)


def wide(text: str) -> int:
    """How many columns of a terminal `text` takes: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else not unicodedata.combining(each) for each in text)


def padded(text: str, width: int) -> str:
    """`text`, filled up to `width` columns."""
    return text + " " * (width - wide(text))


def printable(text: str) -> str:
    """Without what would move the cursor or colour the terminal: a name may be whatever somebody sent."""
    return "".join(each if each.isprintable() else "�" for each in text)


def _print_table(lines: Sequence[Sequence[str]]) -> None:
    widths = [max(map(wide, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(padded(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _plain(row: Row, columns: Iterable[str]) -> dict[str, Any]:
    return {name: row.get(name) for name in columns}


def moment(text: str) -> str:
    """A time as people read it, to the second, in UTC; a text that is none stays as it is."""
    if not _MOMENT.fullmatch(text):
        return text
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _shown(value: Any) -> str:
    return printable(_read(value)) or "-"


def _read(value: Any) -> str:
    """A value as people read it: names and values of what has them, times to the second."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_inner(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_inner, value))
    return moment(value) if isinstance(value, str) else _cell(value)


def _inner(value: Any) -> str:
    """A value within another: what has several parts stands in brackets."""
    return f"({_read(value)})" if value and isinstance(value, Mapping | list | tuple) else _read(value) or "-"


def _cell(value: Any) -> str:
    """A value in one cell: nothing for none, a list by commas, JSON's words for yes and no."""
    if value is None:
        return ""
    if isinstance(value, bool | dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value))
    return str(value)


def _in_csv(value: Any) -> str:
    """A value in a cell of a file: numbers as they are, all else as text."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return _cell(value) if number else safe(_cell(value))
