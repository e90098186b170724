"""Settings that an admin saved. Owns: reading and writing their rows. May not know what settings there are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from stationmaster.store.changes import Change
from stationmaster.store.models import StoredSetting


@dataclass(frozen=True)
class Stored:
    """One saved value, by whom (an actor's id) and when."""

    value: Any
    by: str
    at: datetime


def load() -> dict[str, Stored]:
    """Every saved setting by its dotted name."""
    return {row.name: Stored(row.value, row.by, row.at) for row in StoredSetting.objects.all()}


def put(edit: Change, name: str, value: Any) -> None:
    """Save one setting; a value that is saved already is no change."""
    old = StoredSetting.objects.filter(name=name).first()
    if old is not None and old.value == value:
        return
    row = {"value": value, "by": edit.actor.id, "at": timezone.now()}
    StoredSetting.objects.update_or_create(name=name, defaults=row)
    edit.record(f"settings:{name}:set", None if old is None else {"value": old.value}, {"value": value})


def clear(edit: Change, name: str) -> None:
    """Take a saved setting away, so that its default holds again."""
    for old in StoredSetting.objects.filter(name=name):
        edit.record(f"settings:{name}:clear", {"value": old.value}, None)
        old.delete()
