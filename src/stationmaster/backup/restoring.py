"""Putting a backup back. Owns: the tables of then, filled, brought up to date and checked; what was under way is held.

The configuration gets a revision that no gateway can have: the milliseconds since 1970. So each of them, whatever it saw of
the time after the backup, is sent everything.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.db import connection, transaction

from stationmaster.audit import services as audit
from stationmaster.backup import reading, rows
from stationmaster.backup.locking import Keys, broken
from stationmaster.backup.reading import Contents
from stationmaster.backup.scheduled import MAKE
from stationmaster.errors import Conflict, Invalid
from stationmaster.jobs.ending import close
from stationmaster.jobs.models import QUEUED, RUNNING, Job, Worker
from stationmaster.store import masterkey
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.migrating import migrate
from stationmaster.store.models import Head

HELD: Final = "error.job.held"
_WORDS: Final = "was under way when the backup was made: look at what came of it, then begin it anew"

Told = Callable[[str, int], None]


@dataclass(frozen=True)
class Restored:
    """What came of it: `rows` written, sealed texts that do not open, whether the audit trail is whole and grew from the
    backup's head, how many jobs are held, the new revision."""

    rows: int
    broken: tuple[str, ...]
    audit_ok: bool
    held: int
    revision: int

    @property
    def good(self) -> bool:
        """Whether all is as it was saved."""
        return self.audit_ok and not self.broken


def refuse_unknown(contents: Contents) -> None:
    """Raise `Invalid` for a backup of a newer program."""
    if unknown := rows.unknown(contents.begin["migrations"]):
        message = f"the backup was written by a newer Stationmaster ({unknown[0]})"
        raise Invalid("error.backup.newer", message, hint="restore it with that version")


def refuse_filled() -> None:
    """Raise `Conflict` when the open database has tables."""
    if rows.written():
        hint = "name an empty one with database.url, or put what is there aside with --replace"
        raise Conflict("error.backup.not_empty", "the database is not empty", hint=hint)


def fill(file: Path, keys: Keys, contents: Contents, told: Told = lambda _name, _rows: None) -> None:
    """Make the tables of then in the open, empty database, write the rows, bring all of it up to date. On PostgreSQL nothing
    stays when it fails; SQLite's file is its caller's to take away. Raises `StationmasterError`."""
    postgresql = connection.vendor == "postgresql"
    with transaction.atomic() if postgresql else nullcontext():
        apps = rows.brought_to(contents.begin["migrations"])
        try:
            with transaction.atomic():
                _insert(file, keys, {model._meta.label_lower: model for model in rows.tables(apps)}, told)
        except (KeyError, TypeError, ValueError):      # a table, a column or a value that none of ours has
            raise broken() from None
    migrate()


def finish(actor: Actor, contents: Contents) -> Restored:
    """Hold what was under way, give the configuration its new revision, and check all of it."""
    Worker.objects.all().delete()
    head = Head.objects.get()
    Head.objects.filter(id=head.id).update(revision=max(head.revision, time.time_ns() // 1_000_000))
    with change(actor) as edit:
        told = {name: contents.begin[name] for name in ("made_at", "revision", "audit")}
        edit.record("store:backup:restore", None, told)
        under_way = list(Job.objects.filter(state__in=(QUEUED, RUNNING)).order_by("id").values_list("id", "kind"))
        for job, _ in under_way:
            close(edit, job, "cancelled", HELD, _WORDS)
    held = sum(kind != MAKE for _, kind in under_way)      # the job that made the backup is in it, and nothing is left of it
    since = contents.begin["audit"]
    kept = audit.Head(since["count"], since["hash"]) if since else None
    verdict = audit.verify(actor, kept)
    return Restored(sum(contents.counts.values()), masterkey.closed(), verdict.ok, held, Head.objects.get().revision)


def _insert(file: Path, keys: Keys, models: dict[str, Any], told: Told) -> None:
    model, names, number = None, [], 0
    for line in reading.lines(file, keys):
        if "table" in line:
            model, names, number = models[line["table"]], line["columns"], 0
        elif "rows" in line and model is not None:
            rows.insert(model, names, line["rows"])
            number += len(line["rows"])
            told(model._meta.label_lower, number)
    rows.count_on(list(models.values()))
