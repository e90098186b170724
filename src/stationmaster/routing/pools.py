"""Pools, as entrances may ask about them. Owns: their checks and their changes."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from django.db.models import Count, Prefetch, Q, QuerySet

from stationmaster.credentials.models import Credential
from stationmaster.gateway.config import references as rules
from stationmaster.gateway.config.tables import PoolTable
from stationmaster.operators.access import require
from stationmaster.routing import references
from stationmaster.routing.models import Pool, PoolMember
from stationmaster.store import stored
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, Rows, known_only, read
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find, free_name, same_name, unused

FIELDS = frozenset({"name", "members"})
DEFAULT_POOL = "gateway.default_pool"      # the setting that names a pool


def show(row: Pool) -> Mapping[str, Any]:
    """A pool as plain values."""
    return {
        "id": row.id, "name": row.name, "members": [member.values() for member in row.ordered()],
        "revision": row.revision, "created_at": row.created_at, "updated_at": row.updated_at,
    }


class Standing(NamedTuple):
    """How many members a pool has, how many of them gateways may send with now, and how many priorities there are."""

    members: int
    able: int
    priorities: int


POOLS = Listing(
    noun="pools",
    columns=(
        Column("id"), Column("name"), Column("created_at", kind="time"), Column("updated_at", kind="time"),
        Column("revision", kind="number"),
    ),
    show=show, sort="name",
)


def list_pools(actor: Actor, query: Query) -> Page:
    """One page of them. Raises `Forbidden`, `Invalid`."""
    require(actor, "pools:read")
    return page(POOLS, _rows(), query)


def list_pool_names(actor: Actor, query: Query) -> Page:
    """The same without the members: `id`, `name`, `updated_at`. Raises `Forbidden`, `Invalid`."""
    require(actor, "pools:read")
    return page(replace(POOLS, show=_named), Pool.objects.all(), query)


def pool_standings(actor: Actor, pools: Collection[str]) -> Mapping[str, Standing]:
    """How pools, by their ids, stand; one without members is left out. Raises `Forbidden`."""
    require(actor, "pools:read")
    rows = PoolMember.objects.filter(pool__in=pools).order_by().values_list("pool").annotate(
        members=Count("id"), able=Count("id", filter=_able()), priorities=Count("priority", distinct=True))  # fmt: skip
    return {str(pool): Standing(*numbers) for pool, *numbers in rows}


def export_pools(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "pools:export")
    return export(POOLS, _rows(), query, form)


def get_pool(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id or name. Raises `Forbidden`, `NotFound`."""
    require(actor, "pools:read")
    return show(find(Pool, which))


def has_pool(name: str) -> bool:
    """Tell whether there is one of this name. The caller has asked who may know."""
    return bool(Pool.objects.filter(name=name).exists())


def pools_without_service(actor: Actor) -> int:
    """How many pools have no credential that is switched on. Raises `Forbidden`."""
    require(actor, "pools:read")
    return Pool.objects.exclude(id__in=PoolMember.objects.filter(credential__disabled=False).values("pool")).count()


def create_pool(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Make a pool; `given` has the words of a `[[pool]]`. Raises `Forbidden`, `Invalid`, `Conflict`."""
    require(actor, "pools:create")
    known_only(given, FIELDS)
    with change(actor) as edit:
        table = _checked(given)
        free_name(Pool, table.id)
        row = Pool(name=table.id)
        with edit.creating(row):
            _put_members(row, table)
    return show(row)


def update_pool(actor: Actor, which: str, given: Given, version: int | None = None) -> Mapping[str, Any]:
    """Give a pool other members, all at once. `version`: the revision that the caller read. Raises `Forbidden`,
    `NotFound`, `Stale`, `Invalid`."""
    require(actor, "pools:update")
    known_only(given, FIELDS)
    with change(actor) as edit:
        row = find(Pool, which)
        same_name(row, given)
        with edit.updating(row, version):
            members = [member.values() for member in row.ordered()]
            _put_members(row, _checked({"name": row.name, "members": members, **given}))
    return show(row)


def delete_pool(actor: Actor, which: str, version: int | None = None) -> None:
    """Delete one that nothing leads to. Raises `Forbidden`, `NotFound`, `Stale`, `Conflict`."""
    require(actor, "pools:delete")
    with change(actor) as edit:
        row = find(Pool, which)
        unused(row, _users(row))
        edit.delete(row, version)


def _rows() -> "QuerySet[Any]":
    members = PoolMember.objects.select_related("credential")       # joined: there are more than one question can name
    return Pool.objects.prefetch_related(Prefetch("members", members))


def _named(row: Pool) -> Mapping[str, Any]:
    return {"id": row.id, "name": row.name, "updated_at": row.updated_at}


def _able() -> Q:
    """Which members gateways may send with, as far as is known: what a person says of one comes before its health."""
    well = Q(credential__override="in") | Q(credential__override="", credential__health__in=("healthy", "unknown", "suspect"))
    return well & Q(credential__disabled=False, credential__generation__gt=0)


def _users(row: Pool) -> Iterator[str]:
    positions = {*row.routes.values_list("position", flat=True), *row.fallback_of.values_list("route__position", flat=True)}
    yield from (f"route {position}" for position in positions)
    yield from (f"key {name}" for name in row.keys.values_list("key__name", flat=True))
    setting = stored.load().get(DEFAULT_POOL)
    if setting is not None and setting.value == row.name:
        yield f"the setting {DEFAULT_POOL}"


def _checked(given: Given) -> PoolTable:
    """The fields, by the rules of the file. Raises `Invalid`."""
    report = Rows("pool")
    row = read("pool", PoolTable, given, report)
    rules.check_pools([row], references.credentials(member.credential for member in row.table.members), report)
    report.refuse()
    return row.table


def _put_members(row: Pool, table: PoolTable) -> None:
    ids = dict(Credential.objects.filter(name__in={each.credential for each in table.members}).values_list("name", "id"))
    row.members.all().delete()
    PoolMember.objects.bulk_create(
        PoolMember(
            pool=row, credential_id=ids[each.credential], position=position, weight=each.weight, priority=each.priority,
            max_concurrency=each.max_concurrency, rpm=each.rpm, tpm=each.tpm, models=each.models,
        )
        for position, each in enumerate(table.members)
    )
