"""Fuzz targets for files that people upload: CSV of people, and what older setups kept in CSV, JSON or TOML.

The only thing a bad file may raise is `Invalid`; what an export wrote comes back as it was.
"""

import csv
import io

from fuzz.chance import Choices, halves, pieces
from stationmaster.errors import Invalid
from stationmaster.importing import reading as rosters
from stationmaster.people.importing import reading
from stationmaster.store.spreadsheet import safe

_BREAKS = ("", "\n", "\r\n", '"', ",", ";", "\t", "'", "=1", "+", "-", "@", "\uff1d1", "\uff20", "\ufeff", "\0", "\u2028", "a")


def people(data: bytes) -> None:
    """A CSV of people is read the same at any cut, whatever its encoding, or refused with an error of ours."""
    step, raw = halves(data)
    whole = _rows([raw])
    assert whole == _rows(pieces(raw, step))
    if isinstance(whole, list):
        assert all(any(cells) and len(cells) <= reading.MAX_COLUMNS for _, cells in whole)


def _rows(parts: list[bytes]) -> object:
    whole = b"".join(parts)
    try:
        return [(number, tuple(cells)) for number, cells in reading.rows(iter(parts), reading.form_of(whole))]
    except Invalid as refused:
        return refused.code


def exported(data: bytes) -> None:
    """Cells that an export writes, import reads as they were."""
    choices = Choices(data)
    heading = [f"h{number}" for number in range(1 + choices.number(4))]
    table: list[list[str]] = []
    while not choices.over and len(table) < 20:
        table.append([choices.one_of(_BREAKS) + choices.text() + choices.one_of(_BREAKS) for _ in heading])
    out = io.StringIO()
    csv.writer(out).writerows([heading, *([safe(cell) for cell in row] for row in table)])
    found = list(reading.rows([out.getvalue().encode()], reading.Form("utf-8", ",")))
    wanted = [row for row in table if any(row)]
    assert [list(cells) for _, cells in found[1:]] == wanted, (found[1:], wanted)


def roster(data: bytes) -> None:
    """A roster of an older setup, in any of its formats, is read the same at any cut, or refused with an error of ours."""
    step, raw = halves(data)
    for name in ("", "a.csv", "a.json", "a.toml"):
        assert _roster(name, [raw]) == _roster(name, pieces(raw, step))


def _roster(name: str, parts: list[bytes]) -> object:
    whole = b"".join(parts)
    try:
        kind, encoding = rosters.form_of(whole, "", name)
        if kind == "csv":
            return list(map(repr, rosters.rows(iter(parts), encoding, ",")))
        if kind == "json":
            return list(map(repr, rosters.objects(iter(parts), encoding)))
        return repr(rosters.tables(iter(parts), encoding))
    except Invalid:
        return "refused"        # of two faults the one is told that is met first
