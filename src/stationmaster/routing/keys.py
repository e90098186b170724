"""Virtual keys, as entrances may ask about them. Owns: their making, rotation, checks and changes."""

import hashlib
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet, Sum

from stationmaster.errors import Conflict, Invalid, NotFound
from stationmaster.folding import fold
from stationmaster.gateway.config import NewKey, build, new_key
from stationmaster.gateway.config import references as rules
from stationmaster.gateway.config.build import NANODOLLARS
from stationmaster.gateway.config.tables import KeyTable
from stationmaster.gateway.core import snapshot
from stationmaster.operators.access import owner_names, require, sees_own_only
from stationmaster.routing import owners, references
from stationmaster.routing.models import MAX_NAME, KeyPool, Pool, VirtualKey
from stationmaster.store import keyholder
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change, change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, Rows, known_only, read, text
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find, free_name, same_name

_OWN = frozenset({"disabled", "disabled_reason"})      # which gateway.toml does not have
FIELDS = frozenset(
    {"name", "owner", "tenant", "models", "pools", "rpm", "tpm", "max_concurrency", "expires", "budget", "shared_resources"}
) | _OWN
_NOBODYS = object()
MAX_GRACE = 90 * 86_400                                 # seconds


class Minted(NamedTuple):
    """A key that was made: its row as plain values, and the key itself, which is shown this once (None: it was made
    elsewhere, and only its hash was given)."""

    row: Mapping[str, Any]
    key: NewKey | None


def show(row: VirtualKey) -> Mapping[str, Any]:
    """A virtual key as plain values, without any hash of it."""
    return {
        "id": row.id, **_given(row), "person": row.person, "previous_until": _moment(row.previous_until),
        "revision": row.revision, "created_at": row.created_at, "updated_at": row.updated_at,
    }


KEYS = Listing(
    noun="keys",
    columns=(
        Column("id"), Column("name"), Column("owner"), Column("person"), Column("tenant"), Column("disabled", kind="flag"),
        Column("expires", kind="number"), Column("created_at", kind="time"), Column("updated_at", kind="time"),
        Column("revision", kind="number"),
    ),
    show=show,
)


def list_keys(actor: Actor, query: Query) -> Page:
    """One page of them; a member's own for a member. Raises `Forbidden`, `Invalid`."""
    require(actor, "keys:read")
    return page(KEYS, _seen_by(actor).prefetch_related("pools__pool"), query)


def export_keys(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "keys:export")
    return export(KEYS, _seen_by(actor).prefetch_related("pools__pool"), query, form)


def get_key(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id or name. Whoever sees their own alone is answered the same about everything else, whether it is there or not.
    Raises `Forbidden`, `NotFound`."""
    require(actor, "keys:read")
    try:
        row = find(VirtualKey, which)
    except NotFound:
        if sees_own_only(actor):
            require(actor, "keys:read", _NOBODYS)
        raise
    require(actor, "keys:read", row)
    return show(row)


def create_key(actor: Actor, given: Given) -> Minted:
    """Make a virtual key; `given` has the words of a `[[key]]`. With `secret_sha256` it lets a key in that was made
    elsewhere. Raises `Forbidden`, `Invalid`, `Conflict`."""
    require(actor, "keys:create")
    known_only(given, FIELDS | {"secret_sha256"})
    made = None if given.get("secret_sha256") else new_key()
    named = {**given, "name": made.id} if made is not None and given.get("name") in (None, "") else given
    with change(actor) as edit:
        value = _checked({**named, "secret_sha256": made.secret_sha256 if made else given["secret_sha256"]})
        free_name(VirtualKey, value.id)
        row = VirtualKey(name=value.id)
        _fill(row, value, named)
        _put_hash(edit, row, value.secret_sha256)
        with edit.creating(row):
            _put_pools(row, value)
    return Minted(show(row), _called(made, row))


def update_key(actor: Actor, which: str, given: Given, version: int | None = None) -> Mapping[str, Any]:
    """Change the fields that are given. `version`: the revision that the caller read. Raises `Forbidden`, `NotFound`,
    `Stale`, `Invalid`."""
    require(actor, "keys:update")
    known_only(given, FIELDS)
    with change(actor) as edit:
        row = find(VirtualKey, which)
        same_name(row, given)
        with edit.updating(row, version):
            whole = {**_given(row), **given}
            value = _checked({**whole, "secret_sha256": "0" * 64})
            _fill(row, value, whole)
            _put_pools(row, value)
    return show(row)


def rotate_key(actor: Actor, which: str, grace: int = 0, secret_sha256: str = "", version: int | None = None) -> Minted:
    """Give it another key; the old one is let in for `grace` seconds more. An older one that still was is not any more.
    Raises `Forbidden`, `NotFound`, `Stale`, `Invalid`, `Conflict`."""
    require(actor, "keys:rotate")
    if not 0 <= grace <= MAX_GRACE:
        why = f"a number of seconds from 0 to {MAX_GRACE}"
        raise Invalid("error.config.bad_value", f"grace: expected {why}", fields={"grace": why})
    made = None if secret_sha256 else new_key()
    with change(actor) as edit:
        row = find(VirtualKey, which)
        with edit.updating(row, version, action="rotate"):
            _checked({**_given(row), "secret_sha256": made.secret_sha256 if made else secret_sha256})
            _keep_previous(row, grace)
            _put_hash(edit, row, made.secret_sha256 if made else secret_sha256.lower())
    return Minted(show(row), _called(made, row))


def delete_key(actor: Actor, which: str, version: int | None = None) -> None:
    """Revoke a key for good. Raises `Forbidden`, `NotFound`, `Stale`."""
    require(actor, "keys:delete")
    with change(actor) as edit:
        edit.delete(find(VirtualKey, which), version)


def month_budget(actor: Actor) -> int:
    """What all keys that are in use may spend in a month, in nanodollars, as far as each has a budget; 0: none has. Raises
    `Forbidden`."""
    require(actor, "keys:read")
    return int(_seen_by(actor).filter(disabled=False).aggregate(sum=Sum("budget_month"))["sum"] or 0)


def find_by_secret(actor: Actor, key: str) -> Mapping[str, Any] | None:
    """The row of a key that somebody holds, or None. Only a keyed hash reaches the database. Raises `Forbidden`."""
    require(actor, "keys:read")
    hashed = keyholder.digests().virtual_key(hashlib.sha256(key.encode()).hexdigest())
    row = _seen_by(actor).filter(_valid(hashed)).first()
    return None if row is None else show(row)


def owner_spellings(actor: Actor) -> frozenset[str]:
    """Every owner, as keys spell it, that is `actor`; requests are known by it."""
    return owner_names(actor) | frozenset(VirtualKey.objects.filter(owners.own(actor)).values_list("owner", flat=True))


def own_keys(actor: Actor, before: datetime, most: int) -> list[tuple[str, datetime]]:
    """The keys that are an actor's own and were made `before`, the latest `most` of them: the name of each, and since when
    that is its name."""
    rows = VirtualKey.objects.filter(owners.own(actor), created_at__lt=before).order_by("-created_at", "id")
    return list(rows.values_list("name", "created_at")[:most])


def earlier_keys(actor: Actor) -> list[str]:
    """The names of keys whose owner is spelled as `actor` is, and was somebody else: whoever had the address before."""
    return owners.others_with(frozenset(map(fold, owner_spellings(actor))), actor)


def _seen_by(actor: Actor) -> "QuerySet[Any]":
    rows = VirtualKey.objects.all()
    return rows.filter(owners.own(actor)) if sees_own_only(actor) else rows


def _given(row: VirtualKey) -> dict[str, Any]:
    """The row in the words of gateway.toml."""
    return {
        "name": row.name, "owner": row.owner, "tenant": row.tenant, "models": row.models, "pools": row.pool_names(),
        "rpm": row.rpm, "tpm": row.tpm, "max_concurrency": row.max_concurrency, "expires": _moment(row.expires),
        "budget": {
            "day_usd": row.budget_day / NANODOLLARS, "month_usd": row.budget_month / NANODOLLARS,
            "total_usd": row.budget_total / NANODOLLARS,
        },
        "shared_resources": row.shared_resources, "disabled": row.disabled, "disabled_reason": row.disabled_reason,
    }


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else ""


def _checked(given: Given) -> snapshot.VirtualKey:
    """The fields, by the rules of the file. Raises `Invalid`."""
    report = Rows("key")
    bare = {name: value for name, value in given.items() if name not in _OWN and not (name == "pools" and value == [])}
    row = read("key", KeyTable, bare, report)
    rules.check_key_pools([row], references.pools(), report)
    text(given, "disabled_reason", report)
    for name in ("owner", "tenant"):     # both are looked up by: an index takes no more
        if isinstance(given.get(name), str) and len(given[name]) > MAX_NAME:
            report.add("error.config.bad_value", (*row.place, name), f"expected at most {MAX_NAME} characters")
    if type(given.get("disabled", False)) is not bool:
        report.add("error.config.bad_value", (*row.place, "disabled"), "expected true or false")
    value = build.key(row, report)
    report.refuse()
    return value


def _fill(row: VirtualKey, value: snapshot.VirtualKey, given: Given) -> None:
    before = row.owner
    row.owner, row.tenant, row.models = value.owner, given.get("tenant") or "", list(value.models)
    row.rpm, row.tpm, row.max_concurrency, row.expires = value.rpm, value.tpm, value.max_concurrency, int(value.expires)
    row.budget_day, row.budget_month, row.budget_total = value.budget.day, value.budget.month, value.budget.total
    row.shared_resources, row.disabled = value.shared_resources, given.get("disabled", False)
    row.disabled_reason = given.get("disabled_reason") or ""
    owners.note(row, before)


def _put_hash(edit: Change, row: VirtualKey, sha256: str) -> None:
    hashed = keyholder.digests().virtual_key(sha256)
    if VirtualKey.objects.filter(Q(key_hash=hashed) | _valid(hashed)).exists():
        why = "another key has this hash"
        raise Conflict("error.config.duplicate", why, fields={"secret_sha256": why})
    for other in VirtualKey.objects.filter(previous_hash=hashed).exclude(id=row.id):     # over: gateways may still hold it
        with edit.updating(other, action="forget_previous"):
            _forget_previous(other)
    row.key_hash, row.key_sha256 = hashed, sha256


def _keep_previous(row: VirtualKey, grace: int) -> None:
    _forget_previous(row)
    if grace:
        row.previous_hash = row.key_hash
        row.previous_sha256 = row.key_sha256.reveal("rotation")
        row.previous_until = int(time.time()) + grace


def _forget_previous(row: VirtualKey) -> None:
    row.previous_hash, row.previous_sha256, row.previous_until = "", "", 0


def _valid(hashed: str) -> Q:
    return Q(key_hash=hashed) | Q(previous_hash=hashed, previous_until__gt=int(time.time()))


def _put_pools(row: VirtualKey, value: snapshot.VirtualKey) -> None:
    ids = dict(Pool.objects.filter(name__in=value.pools).values_list("name", "id"))
    row.pools.all().delete()
    KeyPool.objects.bulk_create(KeyPool(key=row, pool_id=ids[name], position=at) for at, name in enumerate(value.pools))


def _called(made: NewKey | None, row: VirtualKey) -> NewKey | None:
    return None if made is None else NewKey(row.name, made.key, made.secret_sha256)
