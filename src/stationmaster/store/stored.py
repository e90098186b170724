"""Settings that an admin saved. Owns: reading and writing their rows. May not know what settings there are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from stationmaster.store.changes import Change, stale
from stationmaster.store.models import StoredSetting


@dataclass(frozen=True)
class Stored:
    """One saved value, by whom (an actor's id) and when; `revision` is its version."""

    value: Any
    by: str
    at: datetime
    revision: int


def load() -> dict[str, Stored]:
    """Every saved setting by its dotted name."""
    return {row.name: Stored(row.value, row.by, row.at, row.revision) for row in StoredSetting.objects.all()}


def put(edit: Change, name: str, value: Any, version: int | None = None) -> None:
    """Save one setting; a value that is saved already is no change. `version`: the revision that its editor read, 0 when
    nothing was saved. Raises `Stale`."""
    old = _read(name, version)
    if old is not None and old.value == value:
        return
    row = {"value": value, "by": edit.actor.id, "at": timezone.now(), "revision": edit.revision}
    StoredSetting.objects.update_or_create(name=name, defaults=row)
    edit.record(f"settings:{name}:set", None if old is None else {"value": old.value}, {"value": value})


def clear(edit: Change, name: str, version: int | None = None) -> None:
    """Take a saved setting away, so that its default holds again. Raises `Stale`, as `put` does."""
    old = _read(name, version)
    if old is not None:
        edit.record(f"settings:{name}:clear", {"value": old.value}, None)
        old.delete()


def _read(name: str, version: int | None) -> StoredSetting | None:
    """The row, if there is one. Raises `Stale` when it is not the version that its editor saw."""
    row = StoredSetting.objects.filter(name=name).first()
    if version is not None and version != (row.revision if row else 0):
        raise stale(name)
    return row
