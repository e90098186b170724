"""A CSV file, row by row. Owns: its encoding, its delimiter, and that no file takes more memory than one row may have.

May not know what a column means. `source` is anything that gives bytes piece by piece; nothing is held but the row that is
being read.
"""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from stationmaster.errors import Invalid
from stationmaster.store.spreadsheet import as_it_was

ENCODINGS: Final = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "latin-1")
DELIMITERS: Final = (",", ";", "\t", "|")
MAX_ROW: Final = 1 << 20        # characters, the line breaks in its cells included; of a cell `csv` takes 131,072
MAX_COLUMNS: Final = 200
MAX_ROWS: Final = 5_000_000
_LOOKED_AT: Final = 1 << 16     # bytes from which an encoding is told
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

Cells = Sequence[str]


@dataclass(frozen=True)
class Form:
    """How a file is written."""

    encoding: str
    delimiter: str


class _Bytes(io.RawIOBase):
    """Pieces as a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._rest = iter(pieces), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the only buffers that come
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)


class _Lines:
    """Lines of a text for `csv`, with a bound on those that make one row."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text, self._taken = text, 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_ROW + 1)
        self._taken += len(line)
        if self._taken > MAX_ROW:
            raise _Overlong
        if not line:
            raise StopIteration
        return line

    def row_over(self) -> None:
        """What was taken so far was a row."""
        self._taken = 0


class _Overlong(Exception):
    """A row that does not end."""


def form_of(first: bytes, encoding: str = "", delimiter: str = "") -> Form:
    """How a file is written that begins with `first`; what is said is not doubted. Raises `Invalid` when that cannot be
    told: Latin-1 takes any bytes and GB18030 most, so that neither is ever guessed."""
    if encoding and encoding not in ENCODINGS:
        raise _wrong("encoding", f"is one of {', '.join(ENCODINGS)}")
    if delimiter and delimiter not in DELIMITERS:
        raise _wrong("delimiter", "is a comma, a semicolon, a tab or a vertical bar")
    told = _with_order(encoding, first) if encoding else _encoding_of(first[:_LOOKED_AT])
    return Form(told, delimiter or _delimiter_of(first[:_LOOKED_AT], told))


def rows(source: Iterable[bytes], form: Form) -> Iterator[tuple[int, Cells]]:
    """Every row that is not empty, with its number from 1. Raises `Invalid`, which names the row, for bytes that are not of
    the encoding, quotes that nothing closes, and rows without end."""
    number = 0
    try:
        text = io.TextIOWrapper(io.BufferedReader(_Bytes(source), 1 << 16), _codec(form.encoding), newline="")
        lines = _Lines(text)
        for cells in csv.reader(lines, delimiter=form.delimiter, strict=True):
            number += 1
            lines.row_over()
            _bounded(number, cells)
            if any(cells):
                yield number, _plain(cells) if number > 1 else cells
    except UnicodeError:
        why = f"row {number + 1} has bytes that are not {form.encoding}"
        raise Invalid("error.import.encoding", why, hint="say the encoding: gb18030, utf-16 or latin-1") from None
    except _Overlong:
        raise Invalid("error.import.row", f"row {number + 1} has more than {MAX_ROW} characters") from None
    except csv.Error as error:
        why = f"row {number + 1} cannot be read: {error}"
        raise Invalid("error.import.row", why, hint="is a quotation mark missing, or the delimiter another?") from None


def _bounded(number: int, cells: Cells) -> None:
    if len(cells) > MAX_COLUMNS:
        raise Invalid("error.import.row", f"row {number} has more than {MAX_COLUMNS} columns")
    if number > MAX_ROWS:
        raise Invalid("error.import.row", f"the file has more than {MAX_ROWS} rows")


def _plain(cells: Cells) -> Cells:
    return [as_it_was(cell) for cell in cells]


def _codec(encoding: str) -> str:
    return "utf-8-sig" if encoding == "utf-8" else encoding


def _encoding_of(first: bytes) -> str:
    for mark, encoding in _MARKS:
        if first.startswith(mark) and not first.startswith(codecs.BOM_UTF32_LE):
            return encoding
    try:
        codecs.getincrementaldecoder("utf-8")().decode(first)
    except UnicodeError:
        raise _wrong("encoding", "this is not UTF-8: say whether it is gb18030, utf-16 or latin-1") from None
    return "utf-8"


def _with_order(encoding: str, first: bytes) -> str:
    """UTF-16 without a mark: its bytes' order shows where the zeros of delimiters and line ends are."""
    if encoding != "utf-16" or first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return encoding
    seen = first[:_LOOKED_AT]
    return "utf-16-le" if seen[1::2].count(0) >= seen[::2].count(0) else "utf-16-be"


def _delimiter_of(first: bytes, encoding: str) -> str:
    """The one that takes the heading apart most."""
    try:
        text = codecs.getincrementaldecoder(_codec(encoding))().decode(first)
    except UnicodeError:
        raise _wrong("encoding", f"this is not {encoding}") from None
    heading = text.lstrip("\ufeff\r\n").splitlines()[:1] or [""]
    return max(DELIMITERS, key=lambda each: len(next(csv.reader(heading, delimiter=each), [])))


def _wrong(field: str, why: str) -> Invalid:
    return Invalid("error.import.form", f"{field}: {why}", fields={field: why})
