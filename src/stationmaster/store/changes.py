"""The one way to change the configuration. Owns: row, audit event and revision in one transaction.

    with change(actor) as edit:
        edit.create(row)

On leaving, the events are chained into the audit trail and the revision goes up by one; if anything raises, nothing
happened. Whoever keeps the trail registers itself as the recorder; without one there are no changes. May not know what
any row means, nor who may change it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from stationmaster.errors import Overtaken, Stale, StationmasterError
from stationmaster.store import keyholder, scope
from stationmaster.store.actor import Actor
from stationmaster.store.models import Dropped, Head
from stationmaster.store.rows import ConfigRow

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Event:
    """What happened: `source:subject:action`, and the subject's values before and after (None: there was none)."""

    what: str
    before: Values | None
    after: Values | None


Recorder = Callable[[Actor, int, list[Event]], None]
_recorders: list[Recorder] = []
_listeners: list[Callable[[int], None]] = []


@dataclass
class Change:
    """An open change: what it did so far. `revision` is the one that it will have made."""

    actor: Actor
    revision: int
    events: list[Event] = field(default_factory=list)
    saved: set[str] = field(default_factory=set)

    def record(self, what: str, before: Values | None = None, after: Values | None = None) -> None:
        """Note an event; its rows are saved in the same change."""
        if what.count(":") < 2:
            raise ValueError(f"an event is named source:subject:action, not {what!r}")
        self.events.append(Event(what, before, after))

    @contextmanager
    def creating(self, row: ConfigRow) -> Iterator[None]:
        """Save a new row, then run the body, which adds what belongs to it, then note the event."""
        row.save(force_insert=True)
        yield
        self.record(_what(row, "create"), None, row.audited())

    @contextmanager
    def updating(self, row: ConfigRow, version: int | None = None, action: str = "update") -> Iterator[None]:
        """Run the body, which changes `row` and what belongs to it, then save it and note the event, if it is another
        row now; what gateways and issuers saw meanwhile (`OBSERVED`) is left alone. `version`: the revision that the caller
        read. Raises `Stale`; `Overtaken` for a row that was read before this change and is another since: saved whole, it would
        take back what somebody did meanwhile."""
        check_version(row, version)
        before = row.audited()
        yield
        after = row.audited()
        if after != before:
            self._as_read(row)
            row.save(force_update=True, update_fields=row.configured())
            self.record(_what(row, action), before, after)

    def create(self, row: ConfigRow) -> None:
        """Save a new row and note it."""
        with self.creating(row):
            pass

    def delete(self, row: ConfigRow, version: int | None = None) -> None:
        """Delete a row, note it, and remember for gateways that it is gone. Raises `Stale`."""
        check_version(row, version)
        self.record(_what(row, "delete"), row.audited(), None)
        Dropped.objects.create(revision=self.revision, kind=row.KIND, row=row.id, name=row.known_as())
        row.delete()


    def _as_read(self, row: ConfigRow) -> None:
        """Changes follow one another, so what was read or saved in this one is as it was."""
        if row.read_in is self or row.revision == self.revision:
            return
        if not type(row).objects.filter(id=row.id, revision=row.revision).exists():
            raise Overtaken("error.store.overtaken", f"{row.id} was changed meanwhile", hint="try again", retryable=True)


def check_version(row: ConfigRow, version: int | None) -> None:
    """Raise `Stale` when `row` is not the version that its editor saw."""
    if version is not None and version != row.revision:
        raise stale(row.id)


def stale(what: str) -> Stale:
    """What somebody gets who edits another version than the one that there is."""
    hint = "read it again and repeat the change"
    return Stale("error.store.stale", f"{what} was changed meanwhile", hint=hint, retryable=False)


def record_with(recorder: Recorder) -> None:
    """Name who writes events down; called once, when Django is set up."""
    _recorders[:] = [recorder]


def on_commit(listener: Callable[[int], None]) -> None:
    """Have `listener` called with the new revision after each change of this process; it must be quick."""
    _listeners.append(listener)


def revision() -> int:
    """The revision of the configuration as it stands."""
    return Head.objects.values_list("revision", flat=True).get()


def dropped_since(since: int) -> list[tuple[str, str, str]]:
    """Rows that were deleted after revision `since`: their kind, id, and the name that gateways knew them by. A name may
    have been given to another row meanwhile."""
    return list(Dropped.objects.filter(revision__gt=since).order_by("id").values_list("kind", "row", "name"))


@contextmanager
def change(actor: Actor) -> Iterator[Change]:
    """Open a change by `actor`, or join the one that is open. A joined one that raises undoes its own part only, so
    that whoever opened the outer one may go on."""
    outer = scope.current()
    if isinstance(outer, Change):
        with transaction.atomic(), _kept(outer):
            yield outer
        return
    with transaction.atomic():
        edit = _begin(actor)
        with scope.within(edit):
            yield edit
            _finish(edit)


@contextmanager
def rehearsal(actor: Actor) -> Iterator[Change]:
    """Like `change`, but nothing of it stays: `edit.events` tells what would have happened. Not inside of a change: its
    events would be told as if they had."""
    if scope.current() is not None:
        raise StationmasterError("error.store.nested", "a rehearsal stands alone", fault="ours")
    with transaction.atomic():
        with change(actor) as edit:
            yield edit
        transaction.set_rollback(True)


@contextmanager
def _kept(outer: Change) -> Iterator[None]:
    known, saved = len(outer.events), set(outer.saved)
    try:
        yield
    except BaseException:
        del outer.events[known:]
        outer.saved = saved
        raise


def _begin(actor: Actor) -> Change:
    head = Head.objects.select_for_update().get()
    keyholder.activate(head.master_key)
    return Change(actor, head.revision + 1)


def _finish(edit: Change) -> None:
    if unrecorded := edit.saved - {event.what.split(":")[1] for event in edit.events}:
        message = f"{min(unrecorded)} was saved without an event"
        raise StationmasterError("error.store.unrecorded", message, fault="ours")
    if not edit.events:
        return
    if not _recorders:
        raise StationmasterError("error.audit.no_recorder", "nothing writes audit events down", fault="ours")
    _recorders[0](edit.actor, edit.revision, edit.events)
    Head.objects.update(revision=edit.revision)
    transaction.on_commit(lambda: _tell(edit.revision))


def _tell(new: int) -> None:
    for listener in _listeners:
        listener(new)


def _what(row: ConfigRow, action: str) -> str:
    return f"{row._meta.app_label}:{row.id}:{action}"
