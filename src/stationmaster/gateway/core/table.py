"""A snapshot made ready to decide with: keys, routes, pools. Owns: who may use what, and what is remembered
of it. May not know sockets or time, nor how its parts are made (`building`).
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from stationmaster.gateway.core import faults
from stationmaster.gateway.core.building import Building, Parts
from stationmaster.gateway.core.callers import Caller
from stationmaster.gateway.core.endpoints import ModelIn
from stationmaster.gateway.core.faults import Fault
from stationmaster.gateway.core.memory import Memory
from stationmaster.gateway.core.pools import MAX_MODEL, Plan
from stationmaster.gateway.core.records import in_order, records_of, whole
from stationmaster.gateway.core.requests import RequestHead, find_length
from stationmaster.gateway.core.snapshot import Route, Snapshot, VirtualKey
from stationmaster.gateway.core.wire import parse_request

MAX_CACHED_HEADS = 4096
MAX_CACHED_HEAD = 4096    # bytes; larger heads are read each time
MAX_PLANS = 1024          # models remembered for one key


class Keys(Mapping[bytes, Caller]):
    """The virtual keys of one table, by SHA-256. Its identity tells whether a head was understood by this table: tables
    between which no key changed share the dictionary behind it."""

    __slots__ = ("_callers",)

    def __init__(self, callers: dict[bytes, Caller]) -> None:
        self._callers = callers

    def __getitem__(self, digest: bytes) -> Caller:
        return self._callers[digest]

    def __contains__(self, digest: object) -> bool:
        return digest in self._callers

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._callers)

    def __len__(self) -> int:
        return len(self._callers)


class Table:
    """Everything a worker decides with, made from one snapshot. Replaced by its successor when the snapshot changes."""

    __slots__ = (
        "__weakref__", "_plans", "default", "heads", "keys", "limits", "parts", "pools", "routes", "settings", "upstreams",
        "version",
    )

    def __init__(self, snapshot: Snapshot, memory: Memory | None = None) -> None:
        building = Building(whole(records_of(snapshot), snapshot.version), memory or Memory(), Parts())
        for _ in building.steps():
            pass
        self._consist_of(building.parts)

    def _consist_of(self, parts: Parts) -> None:
        self.parts = parts
        self.version = parts.version
        self.settings = parts.settings
        self.upstreams = parts.upstreams
        self.pools = parts.pools
        self.routes = in_order(parts.routes.values())
        self.limits = parts.limits
        self.keys = Keys(parts.keys)
        self.default = parts.pools.get(parts.settings.default_pool)
        self.heads: dict[bytes, RequestHead] = {}
        self._plans: dict[str, dict[str, Plan | Fault]] = {}   # by key, by model

    def succeed(self, building: Building) -> "Table":
        """The table that was built on this one. What this one remembers of requests goes on to it where only keys
        changed, but for what concerns those keys."""
        table = Table.__new__(Table)
        table._consist_of(building.parts)
        if building.only_keys:
            table._inherit(self, building.keys)
        building.leave(self.heads.values())
        building.leave(self._plans.values())
        return table

    def _inherit(self, before: "Table", changed: set[str]) -> None:
        self._plans = {key: plans for key, plans in before._plans.items() if key not in changed}
        for raw, head in before.heads.items():
            if head.key_id not in changed:
                head.keys = self.keys
                self.heads[raw] = head

    def understand(self, raw: bytes) -> tuple[RequestHead, int | None]:
        """A whole head and its body's length. Raises ProtocolError.

        Looked up by its bytes less the length; a head that is not there is read, and kept when its key is
        known.
        """
        cut = find_length(raw, len(raw))
        # Nothing stands behind a head's final empty line, so that one from which a length was cut never meets
        # one that has none, or has another besides.
        cache_key = raw if cut is None else raw[: cut[0]] + raw[cut[1] :] + b"length"
        head = self.heads.get(cache_key)
        if head is None:
            head = self._read(cache_key, raw)
            if cut is not None and head.simple:
                head.remember(raw, cut[0], cut[1])
        return head, head.length if cut is None else cut[2]

    def _read(self, cache_key: bytes, raw: bytes) -> RequestHead:
        head = RequestHead(parse_request(raw), self.keys)
        if head.key is not None and head.fault is None and len(cache_key) <= MAX_CACHED_HEAD:
            if len(self.heads) >= MAX_CACHED_HEADS:
                self.heads.clear()
            self.heads[cache_key] = head
        return head

    def plan(self, head: RequestHead, model: str) -> Plan | Fault:
        """Where a request with this head for `model` ("": it names none) goes, or why it may not go anywhere.
        Kept for every request with the same key: `head.plans`."""
        key = head.key
        assert key is not None  # noqa: S101  no exchange goes on without one
        if not model:
            in_address = head.endpoint.model_in in (ModelIn.PATH, ModelIn.QUERY)
            return faults.NO_MODEL if in_address else self.plan_unnamed(key, generates=head.generates)
        plans = head.plans = self._plans.setdefault(key.id, {})
        found = plans.get(model)
        if found is None:
            found = self.plan_named(key, model)
            if len(model) <= MAX_MODEL:
                if len(plans) >= MAX_PLANS:
                    plans.clear()
                plans[model] = found
        return found

    def plan_named(self, key: VirtualKey, model: str) -> Plan | Fault:
        """Where `key`'s request for `model` goes, or why it may not go anywhere."""
        found = resolve(self.routes, model)
        if found is None:
            return faults.no_route(model) if allows(key, model) else faults.model_refused(model)
        route, sent = found
        if not (allows(key, model) and allows(key, sent)):
            return faults.model_refused(model)
        pools = tuple(self.pools[pool] for pool in (route.pool, *route.fallback) if may_use(key, pool))
        return Plan(pools, sent) if pools else faults.POOL_REFUSED

    def plan_unnamed(self, key: VirtualKey, *, generates: bool) -> Plan | Fault:
        """Where a request goes that names no model. Where the vendor would pick one (`generates`), only keys
        that may use every model get there."""
        if generates and not key.unlimited:
            return faults.MODEL_UNNAMED
        if self.default is None:
            return faults.NO_DEFAULT_POOL
        return Plan((self.default,), "") if may_use(key, self.default.id) else faults.POOL_REFUSED


def resolve(routes: tuple[Route, ...], model: str) -> tuple[Route, str] | None:
    """The first route that takes `model`, and the name upstream gets. An alias is one of its route's models."""
    for route in routes:
        if model in route.aliases:
            return route, route.aliases[model]
        if any(fnmatchcase(model, pattern) for pattern in route.models):
            return route, model
    return None


def allows(key: VirtualKey, model: str) -> bool:
    """Whether one of the key's patterns matches `model`."""
    return any(fnmatchcase(model, pattern) for pattern in key.models)


def may_use(key: VirtualKey, pool: str) -> bool:
    """Whether the key may use `pool`."""
    return not key.pools or pool in key.pools
