"""What changed from revision to revision, as ids. Owns: telling what makes the present of an earlier revision.

Bounded: what lies too far back is forgotten, and whoever is still there gets everything. May not know the records.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from stationmaster.gateway.core.records import Kind

MAX_IDS = 20_000

Touched = Mapping[Kind, Mapping[str, bool]]     # of each kind: id → whether it was there before


@dataclass(frozen=True)
class _Step:
    base: int
    touched: Touched

    @property
    def size(self) -> int:
        return sum(map(len, self.touched.values()))


class Journal:
    """Steps that follow one another: each leads from the revision at which the one before ended."""

    def __init__(self, revision: int, limit: int = MAX_IDS) -> None:
        """Begin at `revision`; keep at most `limit` ids."""
        self.revision = revision
        self._limit = limit
        self._steps: deque[_Step] = deque()
        self._size = 0

    def note(self, revision: int, touched: Touched) -> None:
        """A step led to `revision`."""
        step = _Step(self.revision, touched)
        self._steps.append(step)
        self._size += step.size
        self.revision = revision
        while self._size > self._limit or len(self._steps) > self._limit:
            self._size -= self._steps.popleft().size

    def since(self, base: int) -> Touched | None:
        """The ids that any step since `base` touched, and whether they were there at `base`. None when that is not
        known: it lies too far back, or is no revision at which a step began."""
        if base == self.revision:
            return {}
        if all(step.base != base for step in self._steps):
            return None
        merged: dict[Kind, dict[str, bool]] = {}
        for step in self._steps:
            if step.base >= base:
                for kind, ids in step.touched.items():
                    merged[kind] = {**ids, **merged.get(kind, {})}      # the first step to touch it knows
        return merged
