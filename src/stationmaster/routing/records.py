"""Pools, routes and keys as gateways get them. Owns: row → record of the snapshot. For the snapshot's compiler alone.

Each function takes a revision and yields what changed after it (0: everything), by the name that gateways know.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from stationmaster.errors import StationmasterError
from stationmaster.gateway.core import snapshot
from stationmaster.routing.models import KeyPool, Pool, PoolMember, Route, RouteFallback, VirtualKey
from stationmaster.store.sealed import Sealed

_MEMBER = ("credential__name", "weight", "priority", "max_concurrency", "rpm", "tpm", "models")
_KEY = (
    "id", "name", "key_sha256", "owner", "tenant", "models", "rpm", "tpm", "max_concurrency", "expires", "budget_day",
    "budget_month", "budget_total", "shared_resources", "disabled", "previous_sha256", "previous_until",
)
_log = logging.getLogger(__name__)


def pools(since: int = 0) -> Iterator[tuple[str, snapshot.Pool]]:
    """Pools with their members."""
    members = defaultdict(list)
    rows = PoolMember.objects.filter(pool__revision__gt=since).order_by("pool", "position")
    for row in rows.values("pool_id", *_MEMBER).iterator(chunk_size=2000):
        members[row["pool_id"]].append(_member(row))
    for id_, name in Pool.objects.filter(revision__gt=since).order_by("name").values_list("id", "name"):
        yield name, snapshot.Pool(name, tuple(members[id_]))


def routes(since: int = 0) -> Iterator[tuple[str, snapshot.Route]]:
    """Routes in their order, by id."""
    fallback = defaultdict(list)
    further = RouteFallback.objects.filter(route__revision__gt=since).order_by("route", "position")
    for route, pool in further.values_list("route_id", "pool__name"):
        fallback[route].append(pool)
    rows = Route.objects.filter(revision__gt=since).order_by("position", "id")
    for id_, position, models, pool, aliases in rows.values_list("id", "position", "models", "pool__name", "aliases"):
        yield id_, snapshot.Route(tuple(models), pool, aliases, tuple(fallback[id_]), id=id_, position=position)


def keys(since: int = 0) -> Iterator[tuple[str, snapshot.VirtualKey | None]]:
    """Virtual keys; None for one that gateways must not know: it is disabled, or its hash does not open."""
    pools_of = defaultdict(list)
    rows = KeyPool.objects.filter(key__revision__gt=since).order_by("key", "position")
    for key, pool in rows.values_list("key_id", "pool__name").iterator(chunk_size=2000):
        pools_of[key].append(pool)
    for row in VirtualKey.objects.filter(revision__gt=since).order_by("name").values_list(*_KEY).iterator(chunk_size=2000):
        values = dict(zip(_KEY, row, strict=True))
        yield values["name"], None if values["disabled"] else _key(values, tuple(pools_of[values["id"]]))


def _member(row: dict[str, Any]) -> snapshot.Member:
    return snapshot.Member(
        credential=row["credential__name"], weight=row["weight"], priority=row["priority"],
        max_concurrency=row["max_concurrency"], rpm=row["rpm"], tpm=row["tpm"], models=tuple(row["models"]),
    )


def _key(row: dict[str, Any], pools_: tuple[str, ...]) -> snapshot.VirtualKey | None:
    sha256 = _opened(row["id"], row["key_sha256"])
    if not sha256:
        return None
    previous = _opened(row["id"], row["previous_sha256"]) if row["previous_until"] > time.time() else ""
    return snapshot.VirtualKey(
        id=row["name"], secret_sha256=sha256, owner=row["owner"], tenant=row["tenant"] or row["name"],
        models=tuple(row["models"]), pools=pools_, rpm=row["rpm"], tpm=row["tpm"], max_concurrency=row["max_concurrency"],
        expires=float(row["expires"]), budget=snapshot.Budget(row["budget_day"], row["budget_month"], row["budget_total"]),
        shared_resources=row["shared_resources"],
        previous_sha256=previous, previous_until=float(row["previous_until"]) if previous else 0.0,
    )


def _opened(id_: str, sealed: Sealed) -> str:
    if not sealed:
        return ""
    try:
        return sealed.of(id_).reveal("snapshot")
    except StationmasterError as error:
        _log.error("the hash of %s does not open, gateways do not let it in: %s", id_, error.code)
        return ""
