"""Where in a TOML text each value stands. Owns: a small scanner that only counts lines.

Reads text that `tomllib` has accepted, and knows nothing of what the keys mean. On any other text it
returns what it made out before it lost its way.
"""

import contextlib
import re
import tomllib
from collections.abc import Iterator

from stationmaster.gateway.config.problems import Place

_TOKEN = re.compile(
    r'(?P<string>"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*')"
    r"|(?P<newline>\n)"
    r"|(?P<blank>[ \t\r]+|\#[^\n]*)"
    r"|(?P<mark>[][{}=,.])"
    r"|(?P<bare>[^][{}=,.\s\#\"']+|.)",
    re.DOTALL,
)

Token = tuple[str, str, int]  # kind, text, line


def index(text: str) -> dict[Place, int]:
    """Map every key, table and array element of `text` to its line, counted from 1."""
    scanner = _Scanner(text)
    # Beside the end: not TOML, or nested deeper than any file we accept. The lines round it will do.
    with contextlib.suppress(StopIteration, RecursionError, ValueError):
        scanner.document()
    return scanner.lines


def nearest(lines: dict[Place, int], place: Place) -> int:
    """Return the line of `place`, or of the nearest thing round it that has one."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _tokens(text: str) -> Iterator[Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "blank":
            yield match.lastgroup or "", match.group(), line
        line += match.group().count("\n")


class _Scanner:
    """Walks the tokens once, keeping the table it is in and the length of each array of tables."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Place, int] = {}
        self._rest = _tokens(text)
        self._token: Token = ("newline", "\n", 1)
        self._table: Place = ()
        self._lengths: dict[Place, int] = {}

    def _next(self) -> Token:
        self._token = next(self._rest)
        return self._token

    def _next_solid(self) -> Token:
        while self._next()[0] == "newline":
            pass
        return self._token

    def document(self) -> None:
        """Read statements until the tokens run out, which ends in StopIteration."""
        while True:
            if self._next_solid()[1] == "[" and self._token[0] == "mark":
                self._header()
            else:
                self._pair(self._table)

    def _header(self) -> None:
        line, repeated = self._token[2], self._next()[1] == "["
        if repeated:
            self._next()
        *outer, last = self._key("]")
        place: Place = ()
        for part in outer:
            self.lines.setdefault((*place, part), line)
            place = self._latest((*place, part))
        place = (*place, last)
        self._table = self._append(place) if repeated else place
        self.lines.setdefault(place, line)
        self.lines[self._table] = line
        if repeated:
            self._next()

    def _latest(self, place: Place) -> Place:
        return (*place, self._lengths[place] - 1) if place in self._lengths else place

    def _append(self, place: Place) -> Place:
        self._lengths[place] = self._lengths.get(place, 0) + 1
        return self._latest(place)

    def _key(self, end: str) -> tuple[str, ...]:
        parts: list[str] = []
        while self._token[:2] != ("mark", end):
            kind, text, _ = self._token
            if kind != "mark":
                parts.append(_unquoted(text) if kind == "string" else text)
            self._next()
        return tuple(parts)

    def _pair(self, table: Place) -> None:
        line, place = self._token[2], table
        for part in self._key("="):
            place = (*place, part)
            self.lines.setdefault(place, line)
        self._next()
        self._value(place)

    def _value(self, place: Place) -> None:
        kind, text, _ = self._token
        if kind == "mark" and text == "[":
            self._array(place)
        elif kind == "mark" and text == "{":
            self._inline(place)
        else:
            self._scalar()

    def _scalar(self) -> None:
        while not (self._token[0] == "newline" or self._token[1] in {",", "]", "}"}):
            self._next()

    def _array(self, place: Place) -> None:
        position = 0
        while self._next_solid()[1] != "]":
            self.lines.setdefault((*place, position), self._token[2])
            self._value((*place, position))
            position += 1
            if self._past_comma("]"):
                break
        self._next()

    def _inline(self, place: Place) -> None:
        while self._next_solid()[1] != "}":
            self._pair(place)
            if self._past_comma("}"):
                break
        self._next()

    def _past_comma(self, end: str) -> bool:
        if self._token[0] == "newline":
            self._next_solid()
        return self._token[1] == end


def _unquoted(text: str) -> str:
    return str(next(iter(tomllib.loads(f"{text} = 0"))))
