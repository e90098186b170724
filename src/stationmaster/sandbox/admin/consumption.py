"""What each key used on each day: made up, the same in every run, or what was really called here, as the organisation is set.
Knows no vendor's wire."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stationmaster.sandbox.admin.organisation import Organisation
from stationmaster.sandbox.admin.state import DAY


@dataclass(frozen=True, slots=True)
class Used:
    """A key's use of a model on the day that begins at `start`. `cost_nano` is in 10⁻⁹ USD."""

    start: int
    project: str
    key: str
    owner: str
    model: str
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int

    @property
    def cost_nano(self) -> int:
        """Three dollars a million tokens in, fifteen out, a tenth for what was cached."""
        fresh = self.input_tokens - self.cached_tokens
        return fresh * 3_000 + self.cached_tokens * 300 + self.output_tokens * 15_000


def used(organisation: Organisation, start: float, end: float, models: Sequence[str]) -> Iterator[Used]:
    """What was used on the days that begin in [start, end), rounded down to days."""
    if organisation.settings.consumption == "called":
        yield from _called(organisation, days(start, end))
        return
    for day in days(start, end):
        for key in organisation.keys.all():
            for model in models:
                yield _used(day, key.project, key.id, key.owner, model)


def note(organisation: Organisation, key: str, model: str, counts: tuple[int, int, int]) -> None:
    """A call was answered with a key (by id): its input tokens, those of them that were cached, and output tokens."""
    with organisation.lock:
        row = organisation.keys.get(key)
        if row is None:
            return
        now = organisation.clock()
        held = organisation.called.setdefault((int(now - now % DAY), row.project, row.id, row.owner, model), [0, 0, 0, 0])
        held[:] = [old + new for old, new in zip(held, (1, *counts), strict=True)]


def _called(organisation: Organisation, when: range) -> Iterator[Used]:
    for (day, project, key, owner, model), counts in sorted(organisation.called.items()):
        if day in when:
            yield Used(day, project, key, owner, model, *counts)


def days(start: float, end: float) -> range:
    """The beginnings of the days from the one of `start` to before `end`."""
    return range(int(start - start % DAY), int(end), int(DAY))


def _used(day: int, project: str, key: str, owner: str, model: str) -> Used:
    seed = hashlib.sha256(f"{day}/{key}/{model}".encode()).digest()
    requests = seed[0] + 1
    fresh, cached, output = (requests * (seed[place] + 1) * 10 for place in (1, 2, 3))
    return Used(day, project, key, owner, model, requests, fresh + cached, cached, output)
