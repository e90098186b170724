"""Reading back: what targets hold of what we published, and what they tell of it. One item. Changes nothing there; writes what
was seen, which is not configuration."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.utils import timezone

from stationmaster.credentials.models import Credential
from stationmaster.errors import StationmasterError
from stationmaster.jobs.kinds import Done, NewItem, Outcome, Skipped
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run
from stationmaster.line.errors import RemoteError
from stationmaster.publishing.choosing import again, first_known, secret_digest, wanted_of
from stationmaster.publishing.mending import catch_up
from stationmaster.publishing.models import DRIFTED, MISSING, PRESENT, UNKNOWN, Publication, Target
from stationmaster.publishing.planning import changes
from stationmaster.publishing.work.book import Book, opened, refusals_told, target_of
from stationmaster.store.changes import Change
from stationmaster.targets._base import Health, Reading, ReadsBack

_WORDS = 500


class ReadingBack:
    """Implements `jobs.kinds.Handler`."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """All of a target at once."""
        yield NewItem("target", run.workspace)

    def perform(self, run: Run, item: JobItem) -> Outcome:  # noqa: ARG002  the Protocol's
        """Read, compare, write down. A target that refused us is not asked before somebody tested it."""
        target = target_of(run)
        if target.trouble or target.disabled:
            return Skipped("target.refused", target.trouble or "it is disabled")
        try:
            with refusals_told(run):
                found = _read(opened(run))
        except RemoteError:
            with run.recording():
                Publication.objects.filter(target=target).exclude(entry="").observe(seen=UNKNOWN)
            raise
        return _compare(opened(run), found)

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """How many there are of each."""
        rows = Publication.objects.filter(target=run.workspace)
        return {seen: rows.filter(seen=seen).count() for seen in (PRESENT, MISSING, DRIFTED, UNKNOWN)}


def _read(book: Book) -> list[Reading]:
    if isinstance(book.adapter, ReadsBack):
        return list(book.adapter.read_back())
    return [Reading(entry, Health("unknown")) for entry in book.adapter.entries()]


def _compare(book: Book, found: Sequence[Reading]) -> Outcome:
    by_credential: dict[str, list[Reading]] = {}
    for each in found:
        by_credential.setdefault(each.entry.marker, []).append(each)
    rows = list(Publication.objects.filter(target=book.target).select_related("credential", "target"))
    now = timezone.now()
    seen = {row.id: _seen(book, row, by_credential.get(row.credential_id, []), now) for row in rows}
    known = {row.credential_id for row in rows}
    strangers = {marker for marker in by_credential if marker not in known}
    adoptable = Credential.objects.filter(id__in=strangers).count()
    counts = {state: sum(each["seen"] == state for each in seen.values()) for state in (PRESENT, MISSING, DRIFTED, UNKNOWN)}

    def record(_edit: Change) -> None:
        for row in rows:
            if seen[row.id]["seen"]:
                Publication.objects.filter(id=row.id).observe(**seen[row.id])
        Target.objects.filter(id=book.target.id).observe(read_at=now)
        catch_up(book.target)

    return Done({**counts, "adoptable": adoptable, "others": len(strangers) - adoptable}, record=record)


def _seen(book: Book, row: Publication, found: Sequence[Reading], now: datetime) -> dict[str, Any]:
    """What to write down of one; `seen` empty: it was never there."""
    if not found:
        return _nothing(MISSING if row.entry else "", now)
    entries = first_known([each.entry for each in found], row.entry)
    first = next(each for each in found if each.entry is entries[0])
    drift = _drift(book, row, entries)
    usage = asdict(first.usage) if first.usage is not None else {}
    state = UNKNOWN if drift is None else DRIFTED if drift else PRESENT
    return {"seen": state, "drift": list(drift or ()), "seen_at": now, "health": first.health.state,
            "health_words": first.health.words[:_WORDS], "health_until": first.health.until, "usage": usage}  # fmt: skip


def _nothing(state: str, now: datetime) -> dict[str, Any]:
    return {"seen": state, "drift": [], "seen_at": now, "health": "", "health_words": "", "health_until": None, "usage": {}}


def _drift(book: Book, row: Publication, entries: Sequence[Any]) -> tuple[str, ...] | None:
    """The fields that are not as wanted; None: nobody can say what is wanted."""
    if not row.credential.secret:
        return None
    try:
        wanted = wanted_of(row.credential, again(row))
        return changes(book.adapter.expected(wanted), entries, same_secret=row.digest == secret_digest(wanted))
    except StationmasterError:
        return None
