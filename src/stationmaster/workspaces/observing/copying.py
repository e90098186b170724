"""Our copy of what a vendor lists. Owns: bringing it up to a reading, and believing that something is gone.

Rows that a reading does not show are counted as missed; at the second time in a row they go. One that was written so lately
that the vendor need not list it yet is not counted, and no row is counted twice within that time: what hides somebody for a
moment hides them from every reading of that moment.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from stationmaster.workspaces.models import VendorMember
from stationmaster.workspaces.observing.reading import Reading
from stationmaster.workspaces.seats import GONE_AFTER

_AT_ONCE = 500
_FIXED = frozenset({"id", "workspace", "vendor_id", "seen_at", "missed", "missed_at"})
Values = Mapping[str, Any]


def bring(
    model: type[models.Model], workspace: str, rows: Iterable[tuple[str, Values]], reading: Reading, *, whole: bool
) -> None:
    """Make the copy say what was read: `rows` are vendor ids with fields. `whole`: what is not among them was missed."""
    rows_held: Iterable[Any] = model._default_manager.filter(workspace_id=workspace)
    held = {row.vendor_id: row for row in rows_held}
    now, new, changed, same = timezone.now(), [], [], []
    for id_, values in rows:
        row = held.pop(id_, None)
        if row is None:
            new.append(model(workspace_id=workspace, vendor_id=id_, seen_at=now, **values))
        elif _differs(row, values):
            changed.append(_filled(row, values))
        else:
            same.append(row.pk)
    names = [field.name for field in model._meta.concrete_fields if field.name not in _FIXED]
    model._default_manager.bulk_create(new, batch_size=_AT_ONCE)
    model._default_manager.bulk_update(changed, names, batch_size=_AT_ONCE)
    _each([*same, *(row.pk for row in changed)], lambda some: _rows(model, some).update(seen_at=now, missed=0, missed_at=None))
    if whole:
        since = young_since(reading)
        old = [row for row in held.values() if row.seen_at < since and (row.missed_at is None or row.missed_at <= since)]
        _miss(model, old, reading.started_at)


def young_since(reading: Reading) -> datetime:
    """What was written after this, the vendor need not have listed yet."""
    return reading.started_at - timedelta(seconds=reading.listed_after)


def put_places(workspace: str, held: Mapping[str, list[list[str]]]) -> None:
    """Make the copy say who is in which project: pairs of project and role by the member's id; nothing else of anybody is
    looked at, and who is not in the copy yet is read with the members."""
    rows = VendorMember.objects.filter(workspace_id=workspace)
    changed = [row for row in rows if row.projects != held.get(row.vendor_id, [])]
    for row in changed:
        row.projects = held.get(row.vendor_id, [])
    VendorMember.objects.bulk_update(changed, ["projects"], batch_size=_AT_ONCE)


def _miss(model: type[models.Model], rows: list[Any], at: datetime) -> None:
    gone = [row.pk for row in rows if row.missed + 1 >= GONE_AFTER]
    still = [row.pk for row in rows if row.missed + 1 < GONE_AFTER]
    _each(gone, lambda some: _rows(model, some).delete())
    _each(still, lambda some: _rows(model, some).update(missed=models.F("missed") + 1, missed_at=at))


def _rows(model: type[models.Model], keys: list[Any]) -> "models.QuerySet[Any]":
    return model._default_manager.filter(pk__in=keys)


def _differs(row: Any, fields: Values) -> bool:
    return any(getattr(row, name) != value for name, value in fields.items())


def _each(keys: list[Any], do: Callable[[list[Any]], object]) -> None:
    for at in range(0, len(keys), _AT_ONCE):
        do(keys[at : at + _AT_ONCE])


def _filled(row: Any, fields: Values) -> Any:
    for name, value in fields.items():
        setattr(row, name, value)
    return row
