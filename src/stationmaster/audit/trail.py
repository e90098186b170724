"""The chain itself. Owns: writing events, and finding whether one was edited, taken out, added or moved.

An event's hash is an HMAC over its columns and the hash before it, under a key that the database holds only sealed: who
can write to the database, but has no master key, cannot make a chain that holds. What they can do is to put a whole
earlier state back; for that, keep a head elsewhere and check the trail against it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from django.utils import timezone

from stationmaster.audit.models import AuditEvent, AuditHead
from stationmaster.errors import StationmasterError
from stationmaster.store import changes
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Event
from stationmaster.store.keyholder import digests
from stationmaster.vault.digests import same

MAX_FAULTS = 100
_BATCH = 2000
_COVERED = [field.attname for field in AuditEvent._meta.concrete_fields if field.name != "hash"]


@dataclass(frozen=True)
class Head:
    """Where the trail stood at some moment: its number of events and the last one's hash (64 hex digits)."""

    count: int
    hash: str


@dataclass(frozen=True)
class Fault:
    """Something that is wrong with the trail, at the event `seq`."""

    seq: int
    what: str


@dataclass(frozen=True)
class Verdict:
    """What a check found: no fault, or the first hundred. `head` is where the trail stands."""

    head: Head
    faults: tuple[Fault, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the trail is whole."""
        return not self.faults


def append(actor: Actor, revision: int, events: list[Event]) -> None:
    """Chain `events` to the trail; called inside the change that they tell of. Raises when the head was meddled with."""
    head = AuditHead.objects.select_for_update().first() or _first_head()
    if not _sound(head) or (head.count == 0 and changes.revision() > 0):    # the first event comes with the first revision
        raise StationmasterError(
            "error.audit.head", "the head of the audit trail was changed by something else", fault="operator",
            hint="run `stationmaster audit verify`; nothing is changed while the trail cannot be continued",
        )
    rows = list(_chained(actor, revision, events, Head(head.count, head.hash)))
    AuditEvent.objects.bulk_create(rows)
    head.count, head.hash = rows[-1].seq, rows[-1].hash
    head.mac = _mac(head)
    head.save()


def verify(since: Head | None = None) -> Verdict:
    """Go through the whole trail; `since` is a head that was kept elsewhere, which has to be on the way. Changes may go
    on meanwhile: what they add is gone through as well."""
    faults: list[Fault] = []
    last = Head(0, "")
    going = True
    while going:
        for event in _events(last.count):
            faults += _compare(event, last, since)
            last = Head(event.seq, event.hash)
            if len(faults) >= MAX_FAULTS:
                return Verdict(last, tuple(faults[:MAX_FAULTS]))
        kept = AuditHead.objects.first() or _first_head()
        going = AuditEvent.objects.filter(seq__gt=last.count).exists()
    return Verdict(last, (*faults, *_compare_heads(kept, last, since)))


def _chained(actor: Actor, revision: int, events: list[Event], last: Head) -> Iterator[AuditEvent]:
    at = timezone.now()
    for seq, event in enumerate(events, last.count + 1):
        row = _row(actor, event, AuditEvent(seq=seq, at=at, revision=revision))
        row.hash = _hash(row, last.hash)
        last = Head(seq, row.hash)
        yield row


def _row(actor: Actor, event: Event, row: AuditEvent) -> AuditEvent:
    row.source, _, rest = event.what.partition(":")
    row.subject, _, row.action = rest.rpartition(":")
    row.actor_kind, row.actor, row.role, row.request_id = actor.kind, actor.id, actor.role, actor.request_id
    row.before, row.after = _json(event.before), _json(event.after)
    names = {str(values["name"]) for values in (event.before, event.after) if values and "name" in values}
    row.about = " ".join([event.what, actor.id, *sorted(names)]).casefold()
    return row


def _json(values: Mapping[str, Any] | None) -> str:
    return "" if values is None else json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _hash(row: AuditEvent, previous: str) -> str:
    values = [getattr(row, name) for name in _COVERED]
    values[_COVERED.index("at")] = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    return digests().chain(previous, json.dumps(values).encode())


def _events(after: int) -> Iterator[AuditEvent]:
    """Every event behind `after`, in order; none is kept in memory. From 0 on, those before the first as well."""
    after = after or -(2**62)
    while batch := list(AuditEvent.objects.filter(seq__gt=after).order_by("seq")[:_BATCH]):
        yield from batch
        after = batch[-1].seq


def _compare(event: AuditEvent, last: Head, since: Head | None) -> Iterator[Fault]:
    if event.seq != last.count + 1:
        missing = f"{last.count + 1} to {event.seq - 1}" if event.seq > last.count + 2 else str(last.count + 1)
        yield Fault(event.seq, f"stands behind a gap: missing {missing}" if event.seq > 0 else "has no place in the trail")
    elif not same(_hash(event, last.hash), event.hash):
        yield Fault(event.seq, "was edited, or is not the one that was written here")
    if since is not None and since.count == event.seq and not same(since.hash, event.hash):
        yield Fault(event.seq, "is not the event that the given head names")


def _compare_heads(kept: AuditHead, last: Head, since: Head | None) -> Iterator[Fault]:
    if not _sound(kept):
        yield Fault(kept.count, "the head was written by something else")
    elif kept.count != last.count:
        yield Fault(last.count, f"is the last one there, but {kept.count} were written")
    elif kept.hash != last.hash:
        yield Fault(last.count, "is not the event that was written last")
    elif last.count == 0 and changes.revision() > 0:
        yield Fault(0, "there is no trail, but the configuration was changed")
    if since is not None and since.count > last.count:
        yield Fault(last.count, f"is the last one there, but the given head names {since.count}")


def _first_head() -> AuditHead:
    head = AuditHead(id=1, count=0, hash="")
    head.mac = _mac(head)
    return head


def _sound(head: AuditHead) -> bool:
    return same(_mac(head), head.mac)


def _mac(head: AuditHead) -> str:
    return digests().mac("audit head", f"{head.count}:{head.hash}".encode())
