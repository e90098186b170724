"""What a job can be. Owns: the kinds that apps register, what a handler has to offer, outcomes as values.

May not know any kind, and asks no database.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from stationmaster.errors import Invalid

if TYPE_CHECKING:
    from stationmaster.jobs.models import JobItem
    from stationmaster.jobs.run import Run
    from stationmaster.store.changes import Change

Values = Mapping[str, Any]
Record = Callable[["Change"], None]


@dataclass(frozen=True)
class NewItem:
    """An item as `prepare` makes it. `key` says for good what it is, and is unique in the job; `subject` is the id of what it
    is about; `data` plain JSON values, no secrets. `things`: for how many it stands in the job's counts."""

    key: str
    subject: str = ""
    data: Values = field(default_factory=dict)
    things: int = 1


@dataclass(frozen=True)
class Outcome:
    """What became of an item. `record` is called with the open change, in the transaction that writes the outcome down and
    after the fence was checked in it: the caller's rows, their audit events and the outcome stand or fall together."""

    record: Record | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Done(Outcome):
    """It is done; `outcome` is what there is to say of it (ids and plain values)."""

    outcome: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Skipped(Outcome):
    """It needs not be done, or cannot be by us. `reason` is a dotted code, `sentence` says it to people."""

    reason: str
    sentence: str = ""
    outcome: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Failed(Outcome):
    """It did not work. `retry`: it may work later, so it is tried again with growing pauses, up to the job's `item_retries`
    times in all. `done`: of the things that the item stands for, how many are done all the same; the others failed."""

    reason: str
    sentence: str = ""
    retry: bool = False
    outcome: Values = field(default_factory=dict)
    done: int = 0


@dataclass(frozen=True)
class Postponed(Outcome):
    """Look again in `seconds`; counts as no failure."""

    seconds: float
    reason: str = ""
    sentence: str = ""


@runtime_checkable
class Handler(Protocol):
    """What runs the jobs of a kind. One object for all of them, in many threads at once: it keeps nothing of a job."""

    def prepare(self, run: "Run") -> Iterable[NewItem]:
        """The items, once a job: they are written down before the first is performed. May yield any number. After a crash in
        the middle it is called again, from the start."""

    def perform(self, run: "Run", item: "JobItem") -> Outcome:
        """Do one item. Idempotent: it is called again when a worker died or lost the job. `item.attempts` above 1 or an
        `item.intent_at` say that it was begun before: then what the vendor has is read first. May raise what `line.errors`
        has; the runner makes outcomes of it."""

    def conclude(self, run: "Run") -> Values:
        """The job's result, when each item has its outcome; plain JSON values. Called again after a crash in it."""


@dataclass(frozen=True)
class Ended:
    """A job that has just ended, or an ended job's facts for `Kind.on_end`."""

    job: str
    kind: str
    workspace: str
    args: Values
    state: str
    cause: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of job. `title` is for people (an i18n id); `action` ("noun:verb") is what submitting one takes; `exclusive`: one
    at a time a workspace, whatever their kinds (of jobs without a workspace: one at a time of the kind). `max_attempts`:
    starts in a row that may pass without anything done (0: the setting's). `on_end` is called in the transaction in which
    a job of it ends, however it does. `retries` false: what failed cannot be tried again by another job, and `instead` is
    the hint at what people do then. `cancels`: the action that cancelling one takes besides `jobs:cancel` (empty: none)."""

    name: str
    title: str
    handler: Handler
    action: str
    exclusive: bool = True
    max_attempts: int = 0
    on_end: "Callable[[Change, Ended], None] | None" = None
    retries: bool = True
    instead: str = ""
    cancels: str = ""


_kinds: dict[str, Kind] = {}
NAMES = _kinds.keys()      # of every kind, as they are at any time


def register(kind: Kind) -> None:
    """Make a kind known; called in `AppConfig.ready`. Raises ValueError for a name that is taken by another."""
    if _kinds.setdefault(kind.name, kind) != kind:
        raise ValueError(f"there are two kinds of job called {kind.name!r}")


def forget(name: str) -> None:
    """Make a kind unknown again."""
    _kinds.pop(name, None)


def known() -> Mapping[str, Kind]:
    """Every kind by its name."""
    return dict(_kinds)


def kind_of(name: str) -> Kind:
    """The kind with this name. Raises `Invalid`."""
    if name not in _kinds:
        raise Invalid("error.job.unknown_kind", f"there is no kind of job {name[:40]!r}", fields={"kind": "unknown"})
    return _kinds[name]
