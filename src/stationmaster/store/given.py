"""What somebody wants to store, read by the rules of gateway.toml. Owns: those rules for one row at a time.

A row is given as a table of the file, in the same words, but for `name`, which the file calls `id`. What is wrong is said
in the same words too, under the field's name. May not know what the database holds.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec

from stationmaster.errors import Invalid
from stationmaster.gateway.config.problems import Place, shown
from stationmaster.gateway.config.report import Placed, Report
from stationmaster.gateway.config.secret import Surroundings
from stationmaster.gateway.config.shape import read_many

S = TypeVar("S", bound=msgspec.Struct)
Given = Mapping[str, Any]

MAX_TEXT = 1000

_CONTROLS = {*map(chr, range(32)), "\x7f"} - {"\n", "\t"}


class Rows(Report):
    """Problems of rows in the database: counted by their position, from 1."""

    unit = "position"
    nothing = "there is no {noun} yet"

    def __init__(self, noun: str, own: int = 0) -> None:
        """`own`: the place, from 0, of the row that is being stored among those that are looked at with it."""
        super().__init__("")
        self.noun = noun
        self._own = own

    def line(self, place: Place) -> int:
        """The position of the row in which `place` is."""
        return next((part + 1 for part in place if isinstance(part, int)), 0)

    def refuse(self) -> None:
        """Raise `Invalid` if there were problems, each under its field."""
        problems = self.problems()
        if not problems:
            return
        fields = {self._field(problem.key): _sentence(problem.message, problem.hint) for problem in problems}
        codes = {problem.code for problem in problems}
        code = codes.pop() if len(codes) == 1 else "error.config.invalid"
        raise Invalid(code, "; ".join(f"{name}: {why}" for name, why in fields.items()), fields=fields)

    def _field(self, key: str) -> str:
        name = key.removeprefix(f"{self.noun}[{self._own}].")
        return "name" if name == "id" else name


def _nothing_to_read(path: Path) -> NoReturn:
    raise FileNotFoundError(2, "files of this machine are not read for others", str(path))


# A stored secret is the secret itself: nobody may have variables and files of this machine read for them.
AROUND = Surroundings({}, _nothing_to_read, Path("/"), allow_literal_secrets=True)


def read(noun: str, type_: type[S], given: Given, report: Rows) -> Placed[S]:
    """Read one table of the file format, called `noun` there; what is wrong goes into `report`."""
    refuse_odd_text(given)
    table = {"id" if key == "name" else key: value for key, value in given.items() if value not in (None, "")}
    return read_many({noun: [table]}, noun, type_, report)[0]


def known_only(given: Given, known: frozenset[str]) -> None:
    """Raise `Invalid` for a field that the row does not have."""
    unknown = sorted(given.keys() - known)
    if unknown:
        why = f"unknown field; the fields are {', '.join(sorted(known))}"
        raise Invalid("error.config.unknown_key", f"{shown(unknown[0])}: {why}", fields={shown(unknown[0]): why})


def text(given: Given, name: str, report: Rows) -> str:
    """A text that may be empty and that the file format does not have, such as a reason."""
    value = given.get(name) or ""
    refuse_odd_text(value, name)
    if isinstance(value, str) and len(value) <= MAX_TEXT:
        return value
    report.add("error.config.bad_value", (report.noun, 0, name), f"expected a text of up to {MAX_TEXT} characters")
    return ""


def refuse_odd_text(value: Any, field: str = "") -> None:
    """Raise `Invalid` for control characters and lone surrogates: no database and no terminal is to get them."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            refuse_odd_text(key, field or str(key))
            refuse_odd_text(inner, field or str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            refuse_odd_text(inner, field)
    elif isinstance(value, str) and any(mark in _CONTROLS or "\ud800" <= mark <= "\udfff" for mark in value):
        why = "a text without control characters"
        shown = "".join(mark for mark in field[:80] if mark.isprintable())
        raise Invalid("error.config.bad_value", f"{shown}: expected {why}", fields={shown: f"expected {why}"})


def _sentence(message: str, hint: str) -> str:
    return f"{message} — {hint}" if hint else message
