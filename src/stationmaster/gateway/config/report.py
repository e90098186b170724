"""The list of problems while a file is being checked. Owns: putting file and line to each.

May not know what is checked.
"""

from typing import Generic, TypeVar

import msgspec

from stationmaster.gateway.config import lines
from stationmaster.gateway.config.problems import Place, Problem, dotted

T = TypeVar("T")


class Placed(msgspec.Struct, Generic[T], frozen=True):
    """A table that was read, and where it stands."""

    place: Place
    table: T


class Report:
    """Collects problems; a place's line is looked up as each is added."""

    unit = "line"                             # what messages count places by
    nothing = "the file has no [[{noun}]]"    # what they say when there is none of a kind

    def __init__(self, file: str, text: str = "") -> None:
        self.file = file
        self._lines = lines.index(text)
        self._problems: list[Problem] = []

    def line(self, place: Place) -> int:
        """Return the line of `place`, or of what stands round it."""
        return lines.nearest(self._lines, place)

    def add(self, code: str, place: Place, message: str, hint: str = "") -> None:
        """Note that what stands at `place` is wrong."""
        self._problems.append(Problem(self.file, self.line(place), dotted(place), message, hint, code))

    def problems(self) -> tuple[Problem, ...]:
        """Return what was found, in the order of the file's lines."""
        return tuple(sorted(self._problems, key=lambda problem: (problem.line, problem.key)))
