"""Pictures of figures, courses and steps, as values. Owns: those values, and the template that shows each. Knows no service."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from stationmaster.entrances.console.pages.parts import Cell, Link, Tone


@dataclass(frozen=True)
class Tile:
    """One figure of many: what it is, how much, a quieter line below; it leads to the rows that it was made of. `meter`: so
    much of so much, as a bar."""

    label: str
    value: str
    href: str = ""
    note: str = ""
    tone: Tone = ""
    meter: tuple[int, int] | None = None


@dataclass(frozen=True)
class Tiles:
    """Figures side by side."""

    tiles: tuple[Tile, ...]

    template: ClassVar[str] = "parts/tiles.html"


@dataclass(frozen=True)
class Tick:
    """One step of several: whether it is done, where it is done, the command that does it (shown as code), what it is for.
    `now`: the first that is not done."""

    text: str
    done: bool
    href: str = ""
    command: str = ""
    note: str = ""
    now: bool = False
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True)
class Checklist:
    """Steps in their order, which tick themselves as the page is looked at again."""

    ticks: tuple[Tick, ...]

    template: ClassVar[str] = "parts/checklist.html"

    @property
    def done(self) -> int:
        """How many are."""
        return sum(tick.done for tick in self.ticks)


@dataclass(frozen=True)
class Event:
    """One thing that happened: when (None: it will), what, in which tone, more about it, where it is told in whole."""

    at: datetime | None
    text: str
    tone: Tone = ""
    note: str = ""
    href: str = ""
    facts: tuple[tuple[str, Cell], ...] = ()


@dataclass(frozen=True)
class Course:
    """Events one below the other, in the order given."""

    events: tuple[Event, ...]
    empty: str = ""

    template: ClassVar[str] = "parts/course.html"


@dataclass(frozen=True)
class Span:
    """A stretch of a lane: from and to as parts of the whole (0 to 1), its tone, its words."""

    start: float
    end: float
    tone: Tone
    title: str

    @property
    def left(self) -> int:
        """Where it begins, in thousandths."""
        return round(1000 * min(max(self.start, 0), 1))

    @property
    def width(self) -> int:
        """How long it is, in thousandths; what is there at all is seen."""
        return max(round(1000 * min(max(self.end, 0), 1)) - self.left, 3)


@dataclass(frozen=True)
class Lane:
    """One thing's course along the time."""

    name: str
    spans: tuple[Span, ...]
    href: str = ""


@dataclass(frozen=True)
class Lanes:
    """Things one below the other along one time, which runs from the left to the right; `ends` names both ends of it."""

    title: str
    lanes: tuple[Lane, ...]
    ends: tuple[str, str]

    template: ClassVar[str] = "parts/lanes.html"


@dataclass(frozen=True)
class Stacked:
    """A chart: for each label one value a series, stacked, or as lines. Null where nothing is known. `unit`: "usd", "number",
    "percent", "seconds". Below it stands the same as a table. `hrefs`: where a label leads to."""

    title: str
    labels: tuple[str, ...]
    series: tuple[tuple[str, tuple[float | None, ...]], ...]
    unit: Literal["usd", "number", "percent", "seconds"] = "number"
    kind: Literal["bar", "line"] = "bar"
    hrefs: tuple[str, ...] = ()
    empty: str = ""
    limit: float | None = None  # a line across: a budget

    @property
    def rows(self) -> list[tuple[str, str, list[float | None]]]:
        """The same as a table: label, where it leads, a value a series."""
        hrefs = (*self.hrefs, *("" for _ in self.labels[len(self.hrefs) :]))
        return [
            (label, hrefs[place], [values[place] for _, values in self.series]) for place, label in enumerate(self.labels)
        ]

    template: ClassVar[str] = "parts/stacked.html"


@dataclass(frozen=True)
class Snippet:
    """Something to copy and run. `name`: the tab that it stands behind, where there are several."""

    name: str
    text: str


@dataclass(frozen=True)
class Snippets:
    """Things to copy and run, one shown at a time."""

    snippets: tuple[Snippet, ...]

    template: ClassVar[str] = "parts/snippets.html"


@dataclass(frozen=True)
class Once:
    """A secret, in the answer that it came with and never again: hidden until asked for, copied without being seen."""

    label: str
    value: str
    note: str = ""

    template: ClassVar[str] = "parts/once.html"


@dataclass(frozen=True)
class Blank:
    """Where there is nothing yet: what this place is for, and what to do first."""

    title: str
    text: str
    links: tuple[Link, ...] = ()
    command: str = ""

    template: ClassVar[str] = "parts/blank.html"
