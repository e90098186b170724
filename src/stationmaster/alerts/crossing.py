"""When something is told. Owns: which lines are crossed, what of it is news, and what is over.

Decides by what it is given. Every line that is crossed is written down, so that a thing that jumps over several is told of the
farthest alone, and one that comes back is known to have been there.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

BUDGET_PERCENT: Final = (50, 80, 100)
EXPIRY_DAYS: Final = (30, 7, 1)
_DAY: Final = 86_400


@dataclass(frozen=True)
class Reading:
    """How one thing stands. `thing` is its id for good, `name` what people call it; `watched`: the lines there are for it, the
    mildest first, `crossed`: those of them that it has crossed. `period`: what they were counted in. `renews`: in another period
    what crossed a line before is well again, and people are told; without, it is a new start of which nobody is told. `page`:
    where people see it in the console, as a path."""

    kind: str
    thing: str
    name: str
    watched: tuple[int, ...]
    crossed: tuple[int, ...]
    period: str = ""
    renews: bool = False
    page: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """A line that was crossed when somebody looked last. `id` is whoever stores it's own."""

    id: int
    kind: str
    thing: str
    line: int
    period: str = ""


@dataclass(frozen=True)
class News:
    """What is told: `reading` crossed `line`, or (`over`) is back on this side of it."""

    reading: Reading
    line: int
    over: bool = False


@dataclass(frozen=True)
class Steps:
    """What follows from looking once: lines to write down as crossed, those that are not any more, and what is told."""

    opened: tuple[tuple[Reading, int], ...] = ()
    closed: tuple[Told, ...] = ()
    news: tuple[News, ...] = ()


def reached(spent: int, limit: int, lines: Collection[int] = BUDGET_PERCENT) -> tuple[int, ...]:
    """Which per cents of `limit` were reached, ascending. Both in nanodollars; a limit of 0 is none, and is never reached."""
    if limit <= 0:
        return ()
    return tuple(line for line in sorted(lines) if Fraction(spent, limit) >= Fraction(line, 100))


def ending(seconds_left: float, lines: Collection[int] = EXPIRY_DAYS) -> tuple[int, ...]:
    """Within how many days something ends, the farthest first: every line that `seconds_left` has come to."""
    return tuple(line for line in sorted(lines, reverse=True) if seconds_left <= line * _DAY)


def steps(readings: Collection[Reading], told: Collection[Told]) -> Steps:
    """What to write down and to tell. `told`: all that is written down and not over. What has no reading any more (it was
    deleted, or nobody watches it) is over without a word."""
    now = {(each.kind, each.thing): each for each in readings}
    known: dict[tuple[str, str], list[Told]] = {}
    for each in told:
        known.setdefault((each.kind, each.thing), []).append(each)
    opened: list[tuple[Reading, int]] = []
    closed, news = [each for each in told if (each.kind, each.thing) not in now], list[News]()
    for key, reading in now.items():
        before = known.get(key, [])
        stale = [each for each in before if each.period != reading.period]
        over = [each for each in before if each.period == reading.period and each.line not in reading.crossed]
        fresh = [line for line in reading.crossed if line not in {each.line for each in before} - {each.line for each in stale}]
        opened += [(reading, line) for line in fresh]
        closed += [*stale, *over]
        news += _told(reading, fresh, [*over, *(stale if reading.renews else ())])
    return Steps(tuple(opened), tuple(closed), tuple(news))


def _told(reading: Reading, fresh: list[int], back: list[Told]) -> Iterator[News]:
    """The farthest of the new lines, if nothing farther is known; else the nearest of those that it came back over, unless
    nobody watches that any more."""
    if fresh:
        if reading.crossed[-1] in fresh:
            yield News(reading, reading.crossed[-1])
        return
    lines = {each.line for each in back}
    nearest = next((line for line in reading.watched if line in lines), None)
    if nearest is not None:
        yield News(reading, nearest, over=True)
