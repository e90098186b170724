"""Changing the master key while everything runs. Owns: the order of the steps, so that a crash at any of them loses nothing.

A rotation first puts a new key into the ring's file, then, in one transaction, makes it the active one; from then on
everything is sealed with it, and `rewrap` seals anew what older keys sealed. A key can be retired when nothing uses it.
May not know who may do this.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction

from stationmaster.errors import Conflict, StationmasterError
from stationmaster.store import keyholder, scope
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.models import Head
from stationmaster.store.sealed import Sealed, SealedField
from stationmaster.vault import keyring, seal
from stationmaster.vault.keyring import KeyRing, UnknownKey

_BATCH = 500
_ID = (4, 15)       # where the key's id stands in a sealed text, and how long it is


@dataclass(frozen=True)
class Rewrapped:
    """What a pass over all sealed texts did: how many it sealed anew, and which do not open ("table.field row")."""

    done: int
    broken: tuple[str, ...]


KeyCounts = Callable[[], Mapping[str, int]]
Rewrap = Callable[[], int]
_others: list[tuple[KeyCounts, Rewrap]] = []


def also(key_ids: KeyCounts, rewrap_them: Rewrap) -> None:
    """Sealed texts in other tables than those with sealed columns: how many need which key, and sealing them anew, which
    returns how many it did, in the transaction that it is called in. Called once, when Django is set up."""
    _others.append((key_ids, rewrap_them))


def rotate(actor: Actor) -> str:
    """Make a new master key the active one; return its id. Raises `StationmasterError` when the ring is not ours to
    write and its first key is the active one already."""
    if scope.current() is not None:
        raise StationmasterError("error.vault.inside_change", "a rotation is a change of its own", fault="ours")
    with change(actor) as edit:
        old = Head.objects.get().master_key
        ring = _with_new_key(old)
        root = keyholder.unseal(keyholder.ROOT, Head.objects.get().root)
        new = ring.ids[0]
        Head.objects.update(master_key=new, root=seal.seal(ring, keyholder.ROOT, root))
        edit.record(f"vault:{new}:rotate", {"active": old}, {"active": new})
        transaction.on_commit(lambda: keyholder.replace(ring))
    return new


def rewrap() -> Rewrapped:
    """Seal anew, in small transactions, whatever the active key did not seal. Rows are not changed by it: the secrets in
    them are the same."""
    done, broken = 0, []
    for model, field in _sealed_columns():
        last = ""
        while batch := _not_active(model, field, last):
            for row, wrapped in _rewrap_some(model, field, [row for row, _ in batch]):
                done += wrapped
                broken += [] if wrapped else [f"{model._meta.db_table}.{field.name} {row}"]
            last = batch[-1][0]
    for _, rewrap_them in _others:
        with _in_line():
            done += rewrap_them()
    return Rewrapped(done, tuple(broken))


def closed() -> tuple[str, ...]:
    """The sealed texts that do not open ("table.field row")."""
    return tuple(f"{model._meta.db_table}.{field.name} {row}" for model, field in _sealed_columns()
                 for row, text in model._base_manager.values_list("pk", field.name).iterator(chunk_size=_BATCH)
                 if text and not text.of(str(row)).opens())


def users() -> dict[str, int]:
    """How many sealed texts need which master key; those of the ring that nothing needs stand at 0."""
    found = Counter(dict.fromkeys(keyholder.ring().ids, 0))
    found[seal.key_of(Head.objects.get().root)] += 1
    for model, field in _sealed_columns():
        table, column = _names(model, field)
        words = f"SELECT substr({column}, %s, %s), count(*) FROM {table} WHERE {column} <> '' GROUP BY 1"  # noqa: S608  names
        with connection.cursor() as cursor:
            cursor.execute(words, _ID)
            found.update(dict(cursor.fetchall()))
    for key_ids, _ in _others:
        found.update(key_ids())
    return dict(found)


def retire(actor: Actor, key_id: str) -> None:
    """Take a key out of the ring's file. Raises `Conflict` while anything needs it, `UnknownKey`."""
    with change(actor) as edit:
        ring = _read()
        if key_id not in ring.ids:
            hint = "`stationmaster master-key status` lists them"
            raise UnknownKey("error.vault.unknown_key", "the ring has no such key", hint=hint, status=404)
        smaller = ring.activated(Head.objects.get().master_key).without(key_id)
        if count := users().get(key_id, 0):
            hint = "run `stationmaster master-key rewrap`; what still does not go has to be set anew or deleted"
            raise Conflict("error.vault.key_in_use", f"{count} sealed texts still need the master key {key_id}", hint=hint)
        if not ring.writable:
            hint = f"nothing needs it any more: take it out of {ring.source} and restart"
            raise Conflict("error.vault.ring_not_ours", "this key ring is kept by somebody else", hint=hint)
        edit.record(f"vault:{key_id}:retire")
        transaction.on_commit(lambda: _take_out(smaller))


def _take_out(smaller: KeyRing) -> None:
    """Once its event stands. What fails here leaves a key in the ring that can be retired again."""
    keyring.write(smaller, Path(smaller.source))
    keyholder.replace(smaller)


def _with_new_key(active: str) -> KeyRing:
    """The ring with a key in front that is not the active one: one that a crash or its keeper left there, or a new one,
    which is in the file before anything can be sealed with it."""
    ring = _read()
    if ring.ids[0] != active:
        return ring
    if not ring.writable:
        hint = f"put a new key before the others in {ring.source}, restart, and rotate again"
        raise StationmasterError("error.vault.ring_not_ours", "this key ring is kept by somebody else", hint=hint, status=409)
    ring = ring.with_new()
    keyring.write(ring, Path(ring.source))
    return ring


def _read() -> KeyRing:
    """The ring as its file is now, whose order says which key came last; one from elsewhere as it was given."""
    ring = keyholder.given()
    return keyring.read(Path(ring.source)) if ring.writable else ring


def _sealed_columns() -> Iterator[tuple[type[models.Model], SealedField]]:
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, SealedField):
                yield model, field


def _names(model: type[models.Model], field: SealedField) -> tuple[str, str]:
    return connection.ops.quote_name(model._meta.db_table), connection.ops.quote_name(str(field.column))


def _not_active(model: type[models.Model], field: SealedField, last: str) -> list[Any]:
    """Some rows, in the order of their ids, whose text another key sealed."""
    table, column = _names(model, field)
    key = connection.ops.quote_name(str(model._meta.pk.column))
    words = (
        f"SELECT {key}, {column} FROM {table} WHERE {key} > %s AND {column} <> '' AND substr({column}, %s, %s) <> %s "  # noqa: S608
        f"ORDER BY {key} LIMIT {_BATCH}"
    )
    with connection.cursor() as cursor:
        cursor.execute(words, [last, *_ID, Head.objects.get().master_key])
        return list(cursor.fetchall())


def _rewrap_some(model: type[models.Model], field: SealedField, rows: list[str]) -> Iterator[tuple[str, bool]]:
    table, column = _names(model, field)
    key = connection.ops.quote_name(str(model._meta.pk.column))
    with _in_line():
        for row in rows:
            text = model._base_manager.filter(pk=row).values_list(field.name, flat=True).first()
            wrapped = _rewrapped(text.of(row)) if text else ""
            with connection.cursor() as cursor:
                if wrapped:
                    cursor.execute(f"UPDATE {table} SET {column} = %s WHERE {key} = %s", [wrapped, row])  # noqa: S608
            yield row, bool(wrapped) or not text


@contextmanager
def _in_line() -> Iterator[None]:
    """One transaction, in line with all changes: the head is locked, so no row changes between reading and writing."""
    with transaction.atomic():
        keyholder.activate(Head.objects.select_for_update().get().master_key)
        yield


def _rewrapped(sealed: Sealed) -> str:
    try:
        return sealed.rewrapped()
    except StationmasterError:
        return ""
