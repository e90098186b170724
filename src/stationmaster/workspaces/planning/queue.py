"""Who gets the seats that are free. Owns: a stable and fair order: who has waited longest comes first, then whoever is known
here longest (ids sort by when they were made)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from stationmaster.workspaces.planning.values import Place, Step

_LAST = "~"      # sorts behind every time


class Waiting(NamedTuple):
    """A step that may take a seat, and since when its person waits for one; empty: since now."""

    step: Step
    since: str = ""
    takes: bool = True


def give(place: Place, waiting: Sequence[Waiting]) -> Iterator[Step]:
    """Their steps, as far as there are seats; the others are blocked and say where they stand."""
    takers = sorted((each for each in waiting if each.takes), key=_order)
    yield from (each.step for each in waiting if not each.takes)
    free = len(takers) if place.seats is None else max(0, place.seats - place.used)
    yield from (each.step for each in takers[:free])
    for number, each in enumerate(takers[free:], 1):
        facts = (("total", place.seats), ("used", place.used), ("place", number), ("waiting", len(takers) - free))
        yield replace(each.step, kind="blocked", reason="no_seat", facts=facts)


def _order(each: Waiting) -> tuple[str, str]:
    return each.since or _LAST, each.step.person
