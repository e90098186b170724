"""Backups that are made by themselves, by a job, so that one that failed is seen. Owns: when the next is due, and that a file was
read back to its last byte before older ones go.

A job has one item, the file, whose name is decided once: a run that breaks off is begun again with the same.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from django.utils import timezone

from stationmaster.backup import reading, shelf
from stationmaster.backup.locking import Keys
from stationmaster.backup.making import Sources, make
from stationmaster.backup.policy import BackupPolicy, policy
from stationmaster.errors import Conflict, StationmasterError
from stationmaster.jobs import services as jobs
from stationmaster.jobs.kinds import Done, Kind, NewItem, Outcome, register
from stationmaster.jobs.models import Job, JobItem
from stationmaster.jobs.run import Run
from stationmaster.store import keyholder
from stationmaster.store.actor import SYSTEM

MAKE: Final = "make-backup"


class MakingBackup:
    """Implements `jobs.kinds.Handler`."""

    def prepare(self, run: Run) -> Iterator[NewItem]:  # noqa: ARG002  its Protocol
        """The file."""
        yield NewItem(shelf.name_at(timezone.now()))

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Write it, read it back, take away what is too old. Raises `StationmasterError`."""
        rules = policy()
        folder = shelf.named(rules.folder)
        for left in shelf.begun(folder):      # one job of the kind runs at a time: nobody writes to it any more
            left.unlink(missing_ok=True)
        told = _made(run, folder / item.key, rules)
        gone = shelf.too_many(shelf.kept(folder), rules.keep)
        for each in gone:
            each.file.unlink(missing_ok=True)
        return Done({**told, "removed": len(gone)})

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """What is in it, and the head of its audit trail, which is to be kept elsewhere."""
        item = JobItem.objects.filter(job_id=run.id, state="ok").first()
        return {} if item is None else dict(item.outcome)


def register_all() -> None:
    """Make the kind known: one of it runs at a time."""
    register(Kind(MAKE, "Make a backup", MakingBackup(), "backups:create"))


def tend() -> bool:
    """Queue one if it is due: so long after the last that was made, or was not; whether one was. One that failed is tried again
    when it is asked next, which is in an hour. Whoever runs the control plane calls this now and then."""
    rules = policy()
    if rules.folder is None:
        return False
    since = timezone.now() - rules.every
    if Job.objects.filter(kind=MAKE, created_at__gt=since).exclude(state__in=("failed", "cancelled", "partial")).exists():
        return False
    try:
        jobs.submit(SYSTEM, MAKE, dedupe=MAKE)
    except Conflict:
        return False
    return True


def _made(run: Run, target: Path, rules: BackupPolicy) -> dict[str, Any]:
    """What is in the file, which is made unless an earlier start of the job made it."""
    keys = Keys(rules.passphrase, keyholder.ring())
    if not target.exists():
        make(target, keys, Sources(rules.data, rules.settings), lambda _name, _rows: run.check())
    try:
        told = reading.check(target, keys).shown()
    except StationmasterError:
        target.unlink(missing_ok=True)      # what cannot be read back is none
        raise
    kept = ("program", "made_at", "revision", "audit", "rows")
    return {"file": str(target), "bytes": target.stat().st_size, **{name: told[name] for name in kept}}
