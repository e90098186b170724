"""What one worker counts of its requests, between two frames. May not know processes, sockets or time."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from operator import attrgetter
from typing import Literal

import msgspec

from stationmaster.gateway.core import faults
from stationmaster.gateway.core import metrics as m
from stationmaster.gateway.core.events import Event
from stationmaster.gateway.core.tokens import Tokens

Outcome = Literal["ok", "client_error", "upstream_error", "no_capacity", "cancelled"]

MAX_RECORDS = 20_000      # kinds of alike requests whose cells are remembered
MAX_MODELS = 500          # model names that are labels because a vendor served them
_NO_TOKENS = Tokens()
REFUSALS = {
    faults.KEY_REQUESTS.code: "rpm", faults.KEY_TOKENS.code: "tpm", faults.KEY_CALLS.code: "concurrency",
    faults.KEY_BUDGET.code: "budget", faults.KEY_EXPIRED.code: "expired",
}  # fmt: skip


class _Record:
    """The cells of all requests that are alike, and those that wait to be counted together."""

    __slots__ = ("add", "attempts", "duration", "first_byte", "overhead", "refusals", "requests", "retries", "spend",
                 "tokens", "unpriced", "waiting")

    def __init__(self, series: dict[str, m.Series], event: Event, vendor: str, model: str) -> None:
        shape = (event.dialect, model, event.pool)
        self.waiting: list[Event] = []
        self.add = self.waiting.append
        self.requests = series[m.REQUESTS.name].cell(
            (event.dialect, event.endpoint, model, event.pool, outcome(event), str(event.status)))
        self.duration = series[m.DURATION.name].cell(shape)
        self.first_byte = series[m.FIRST_BYTE.name].cell(shape)
        self.overhead = series[m.OVERHEAD.name].cell(shape)
        self.retries = series[m.CLIENT_RETRIES.name].cell((event.dialect,))
        self.attempts = series[m.ATTEMPTS.name].cell((vendor, event.pool, *_attempt(event)))
        refusal = REFUSALS.get(event.error)
        self.refusals = series[m.LIMIT_REFUSALS.name].cell((refusal,)) if refusal else None
        self.tokens: list[tuple[Callable[[Tokens], int], list[int]]] = []
        if event.tokens is not None:
            kinds = [(kind, (vendor, model, kind, event.usage_source)) for kind in event.tokens.__struct_fields__]
            self.tokens = [(attrgetter(kind), series[m.TOKENS.name].cell(labels)) for kind, labels in kinds]
            self.spend = series[m.SPEND.name].cell((vendor, model, event.owner))
            self.unpriced = series[m.UNPRICED.name].cell((vendor, model))

    def count(self) -> None:
        """Count those that wait."""
        events = self.waiting[:]
        self.waiting.clear()
        self.requests[0] += len(events)
        _observe(self.duration, m.DURATIONS, [event.duration_us for event in events])
        _observe(self.first_byte, m.DURATIONS, [value for event in events if (value := event.first_byte_us)])
        _observe(self.overhead, m.OVERHEADS, [value for event in events if (value := event.overhead_us)])
        self.retries[0] += sum([event.client_retry for event in events])
        self.attempts[0] += sum([event.attempts > 0 for event in events])
        if self.refusals is not None:
            self.refusals[0] += len(events)
        if self.tokens:
            self._book(events)

    def _book(self, events: list[Event]) -> None:
        """Count tokens, and what they cost or that nobody knows it."""
        tokens = [event.tokens for event in events if event.tokens is not None]
        for of_kind, cell in self.tokens:
            cell[0] += sum(map(of_kind, tokens))
        self.spend[0] += sum([event.cost for event in events if event.cost is not None])
        self.unpriced[0] += sum([event.cost is None and event.tokens != _NO_TOKENS for event in events])


def _observe(cell: list[int], bounds: tuple[int, ...], values: list[int]) -> None:
    """Put each value into its bucket."""
    for at, count in Counter(map(partial(bisect_left, bounds), values)).items():
        cell[at] += count
    cell[-1] += sum(values)


def _attempt(event: Event) -> tuple[str, str]:
    """What came of the attempt that was answered, and why."""
    if 100 < event.upstream_status < 400 and not event.error:
        return "ok", ""
    return "failed", event.error or f"status_{event.upstream_status // 100}xx"


class Deltas:
    """One worker's counts. A request costs one look-up when it ends; those that are alike are added up together.
    Clients cannot make series: a model they name is a label only once a vendor served it (any
    success), or when `know` was told of it."""

    __slots__ = ("_gauges", "_known", "_records", "_series", "_served")

    def __init__(self) -> None:
        self._series = {family.name: m.Series(family) for family in m.SUMMED}
        self._records: dict[tuple[object, ...], _Record] = {}
        self._gauges: dict[str, dict[m.Labels, float]] = {}
        self._known: frozenset[str] = frozenset()
        self._served: set[str] = set()

    def know(self, models: Iterable[str]) -> None:
        """These names, and none before, are the operator's: the literal ones of routes, and what aliases stand for."""
        self._known = frozenset(models)
        self._count_waiting()
        self._records.clear()

    def observe(self, events: Iterable[msgspec.Struct], vendors: Mapping[str, str]) -> None:
        """Count the requests among `events`, which ended. Meant for batches, off the request path; `vendors`:
        of each credential."""
        records = self._records
        for event in events:
            if not isinstance(event, Event):
                continue
            record = records.get((
                event.dialect, event.endpoint, event.sent_model, event.pool, event.status, event.upstream_status,
                event.error, event.client_left, event.usage_source, type(event.tokens), event.credential, event.owner,
            ))
            if record is None:
                record = self._record(event, vendors.get(event.credential, ""))
            record.add(event)

    def count(self, family: m.Family, labels: m.Labels, by: int = 1) -> None:
        """Add `by` (0 or more, as the family counts) to a counter that no event feeds. Raises ValueError when
        there are not as many labels as the family has."""
        self._series[family.name].cell(labels)[0] += by

    def show(self, family: m.Family, values: Mapping[m.Labels, float]) -> None:
        """A gauge's values, all of them: those of before are gone. They are the configuration's, hence unbounded."""
        self._gauges[family.name] = dict(values)

    def take(self, now: float) -> m.Frame:
        """What was counted since the last frame. `now`: seconds since 1970."""
        self._count_waiting()
        taken = {name: series.take() for name, series in self._series.items()}
        return m.Frame(now, {name: sums for name, sums in taken.items() if sums}, dict(self._gauges))

    def _count_waiting(self) -> None:
        for record in self._records.values():
            if record.waiting:
                record.count()

    def _record(self, event: Event, vendor: str) -> _Record:
        model = self._label(event)
        key = (event.dialect, event.endpoint, model, event.pool, event.status, event.upstream_status, event.error,
               event.client_left, event.usage_source, type(event.tokens), event.credential, event.owner)
        found = self._records.get(key)
        if found is None:
            if len(self._records) >= MAX_RECORDS:    # they only remember where cells are
                self._count_waiting()
                self._records.clear()
            found = self._records[key] = _Record(self._series, event, vendor, model)
        return found

    def _label(self, event: Event) -> str:
        """The model as a label value."""
        model = event.sent_model
        if not model:
            return ""
        if model not in self._known and model not in self._served:
            if not 100 < event.upstream_status < 400 or len(self._served) >= MAX_MODELS or not model.isprintable():
                return m.OTHER
            self._served.add(model)
        return model


def outcome(event: Event) -> Outcome:
    """How a request ended, in one word. Ours at 503 is always want of room, and so is a vendor's 429 that was passed
    on; another 429 of ours is the caller's own limit."""
    if event.client_left or event.error == "client_stalled":
        return "cancelled"
    ours = event.error != ""
    if event.error in (faults.STREAM_DRAINED.code, faults.POOL_LIMITED.code) or event.status == (503 if ours else 429):
        return "no_capacity"
    if event.status < 400:
        return "upstream_error" if ours else "ok"
    return "client_error" if event.status < 500 else "upstream_error"
