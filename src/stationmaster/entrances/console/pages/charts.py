"""A small picture: two bars a day, one beside the other. Owns its geometry; the template draws it, without a script."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

HEIGHT: Final = 120      # of the tallest bar
WIDTH: Final = 10        # of a bar
GAP: Final = 8           # between two days
_EVERY: Final = 5        # days between two labels


@dataclass(frozen=True)
class Pair:
    """Two numbers of one day."""

    label: str
    theirs: int
    ours: int


@dataclass(frozen=True)
class Bars:
    """The two bars of a day, in units of the picture: how far from the left, and how high. `label` is empty where it is left
    out."""

    title: str
    label: str
    left: int
    middle: int
    theirs: int
    theirs_top: int
    ours: int
    ours_top: int


@dataclass(frozen=True)
class Chart:
    """The picture. `names` are what the two bars are called."""

    title: str
    bars: tuple[Bars, ...]
    names: tuple[str, str]
    width: int
    bar: int = WIDTH
    height: int = HEIGHT

    template: ClassVar[str] = "parts/chart.html"

    @property
    def whole(self) -> int:
        """Its height with the labels below."""
        return self.height + 20


def chart(pairs: Sequence[Pair], title: str, theirs: str, ours: str) -> Chart:
    """The picture of some days, from the left to the right."""
    most = max((max(pair.theirs, pair.ours) for pair in pairs), default=0) or 1
    step = 2 * WIDTH + GAP
    bars = tuple(_bars(pair, place, place * step, most, theirs, ours) for place, pair in enumerate(pairs))
    return Chart(title, bars, (theirs, ours), max(len(pairs) * step, 6 * step))


def _bars(pair: Pair, place: int, left: int, most: int, theirs: str, ours: str) -> Bars:
    high, low = _height(pair.theirs, most), _height(pair.ours, most)
    title = f"{pair.label}: {theirs} {pair.theirs:,}, {ours} {pair.ours:,}"
    return Bars(title, "" if place % _EVERY else pair.label, left, left + WIDTH, high, HEIGHT - high, low, HEIGHT - low)


def _height(value: int, most: int) -> int:
    """In proportion; what is not nothing is seen."""
    return max(value * HEIGHT // most, 1) if value else 0
