"""A month of what ends, as a calendar. Owns that table: a week a row, of a day at most four entries and how many more."""

import calendar
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from stationmaster.entrances.console.pages import words
from stationmaster.entrances.console.pages.parts import Cell, Head, Row, Table
from stationmaster.i18n import tr, trn

_MOST = 4  # entries that a day shows
_FIRST, _LAST = 2000, 2999  # years that an address may ask for


def asked(text: str, now: datetime) -> datetime:
    """The month that an address asks for, as in 2027-01; else this one."""
    try:
        found = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        found = now
    found = found if _FIRST <= found.year <= _LAST else now
    return found.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def beside(first: datetime, way: int) -> str:
    """The month before or after, as an address names it."""
    at = first - timedelta(days=1) if way < 0 else first + timedelta(days=31)
    return f"{at:%Y-%m}"


def table(first: datetime, entries: Sequence[Row]) -> Table:
    """The month's weeks."""
    days: dict[int, list[Row]] = {}
    for entry in entries:
        at: datetime = entry["at"]
        if (at.year, at.month) == (first.year, first.month):
            days.setdefault(at.day, []).append(entry)
    names = (tr("Monday"), tr("Tuesday"), tr("Wednesday"), tr("Thursday"), tr("Friday"), tr("Saturday"), tr("Sunday"))
    weeks = calendar.monthcalendar(first.year, first.month)
    rows = tuple(tuple(_day(first, day, days) for day in week) for week in weeks)
    return Table(tuple(Head(name) for name in names), rows, caption=f"{first:%Y-%m}")


def _day(first: datetime, day: int, days: Mapping[int, list[Row]]) -> Cell:
    if not day:
        return Cell("")
    found = days.get(day, [])
    cells = [Cell(str(day), tone=None if found else "off"), *map(_entry, found[:_MOST])]
    if len(found) > _MOST:
        more = len(found) - _MOST
        cells.append(Cell(trn("{number} more", "{number} more", more), f"/calendar?day={first:%Y-%m}-{day:02d}"))
    return Cell(many=tuple(cells))


def _entry(entry: Row) -> Cell:
    shown = words.state(words.ENDS, entry["state"] or entry["what"])
    return Cell(entry["credential"], f"/credentials/{entry['id']}", title=shown.text, tone=shown.tone)
