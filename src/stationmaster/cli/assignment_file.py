"""Assignments in a CSV file. Owns: reading it into rows as the service takes them; what they mean is not its business."""

import csv
import sys
from pathlib import Path
from typing import Final

from stationmaster.errors import Invalid

COLUMNS: Final = ("workspace", "group", "person", "role")
_MOST: Final = 10_000_000  # characters


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a file (`-`: of standard input), empty cells and lines left out; their first line names `COLUMNS`. Raises
    `Invalid`."""
    lines = _text(name).splitlines()
    read = csv.DictReader(lines)
    odd = sorted({*(read.fieldnames or ())} - {*COLUMNS})
    if odd or not read.fieldnames:
        hint = f"the first line names some of {', '.join(COLUMNS)}"
        raise Invalid("error.assignment.file", "this file does not name the columns of assignments", hint=hint)
    found = [{column: row[column].strip() for column in COLUMNS if (row.get(column) or "").strip()} for row in read]
    return [row for row in found if row]


def _text(name: str) -> str:
    try:
        text = sys.stdin.read(_MOST) if name == "-" else Path(name).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        hint = "name a CSV file in UTF-8, or - for standard input"
        raise Invalid("error.assignment.file", "this file cannot be read", hint=hint) from None
    return text.removeprefix("\ufeff")[:_MOST]
