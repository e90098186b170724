"""A snapshot made ready to decide with: keys, routes, pools. Owns: who may use what, and who serves it.
May not know sockets or time.
"""

from fnmatch import fnmatchcase
from math import gcd

from stationmaster.gateway.core import faults
from stationmaster.gateway.core.endpoints import Dialect
from stationmaster.gateway.core.faults import Fault
from stationmaster.gateway.core.requests import RequestHead, find_length
from stationmaster.gateway.core.snapshot import Member, Pool, Route, Snapshot, VirtualKey
from stationmaster.gateway.core.upstreams import Upstream
from stationmaster.gateway.core.wire import parse_request

MAX_TURNS = 4096          # slots of one pool's rotation
MAX_CACHED_HEADS = 4096
MAX_CACHED_HEAD = 4096    # bytes; larger heads are read each time
MAX_PLANS = 8192


class Plan:
    """Where a model's requests go: the pool, and the model's name as the upstream gets it."""

    __slots__ = ("pool", "sent")

    def __init__(self, pool: "Rotation", sent: str) -> None:
        self.pool = pool
        self.sent = sent


class Rotation:
    """One pool's members taking turns, by weight, among those of the lowest priority that speak a dialect."""

    __slots__ = ("_members", "_turns", "id")

    def __init__(self, pool: Pool, upstreams: dict[str, Upstream]) -> None:
        self.id = pool.id
        self._members = [(member, upstreams[member.credential]) for member in pool.members]
        self._turns: dict[Dialect, list[Upstream]] = {}

    def __repr__(self) -> str:
        shares = ", ".join(f"{member.credential}*{member.weight}@{member.priority}" for member, _ in self._members)
        return f"Rotation({self.id!r}: {shares})"

    @property
    def members(self) -> list[Upstream]:
        """All members, whatever their priority."""
        return [upstream for _, upstream in self._members]

    def choose(self, dialect: Dialect, turn: int) -> Upstream | None:
        """The member whose turn it is, or None when no member speaks `dialect`."""
        turns = self._turns.get(dialect)
        if turns is None:
            turns = self._turns[dialect] = self._schedule(dialect)
        return turns[turn % len(turns)] if turns else None

    def _schedule(self, dialect: Dialect) -> list[Upstream]:
        able = [(member, upstream) for member, upstream in self._members if upstream.speaks(dialect)]
        if not able:
            return []
        first = min(member.priority for member, _ in able)
        return spread([(member, upstream) for member, upstream in able if member.priority == first])


def spread(members: list[tuple[Member, Upstream]]) -> list[Upstream]:
    """Each member as often as its weight says, evenly spaced, in at most MAX_TURNS slots."""
    common = gcd(*(member.weight for member, _ in members))
    total = sum(member.weight // common for member, _ in members)
    scale = max(1.0, total / MAX_TURNS)
    slots = []
    for order, (member, upstream) in enumerate(members):
        count = max(1, round(member.weight // common / scale))
        offset = (order + 0.5) / len(members)   # so that equal members do not all have their turn at once
        slots += [((slot + offset) / count, order, upstream) for slot in range(count)]
    return [upstream for _, _, upstream in sorted(slots, key=lambda slot: slot[:2])]


class Table:
    """Everything a worker decides with, made from one snapshot. Replaced whole when the snapshot changes."""

    __slots__ = ("_plans", "default", "heads", "keys", "pools", "routes", "settings", "upstreams", "version")

    def __init__(self, snapshot: Snapshot) -> None:
        self.settings = snapshot.settings
        self.version = snapshot.version
        self.upstreams = {credential.id: Upstream(credential) for credential in snapshot.credentials}
        self.pools = {pool.id: Rotation(pool, self.upstreams) for pool in snapshot.pools}
        self.routes = snapshot.routes
        self.keys = {bytes.fromhex(key.secret_sha256): key for key in snapshot.keys}
        self.default = self.pools.get(snapshot.settings.default_pool)
        self.heads: dict[bytes, RequestHead] = {}
        self._plans: dict[tuple[str, str], Plan | Fault] = {}

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

    def plan(self, key: VirtualKey, model: str) -> Plan | Fault:
        """Where `key`'s request for `model` goes, or why it may not go anywhere."""
        found = self._plans.get((key.id, model))
        if found is None:
            found = self._plan(key, model)
            if len(model) <= 256:
                if len(self._plans) >= MAX_PLANS:
                    self._plans.clear()
                self._plans[key.id, model] = found
        return found

    def _plan(self, key: VirtualKey, model: str) -> Plan | Fault:
        found = resolve(self.routes, model)
        if found is None:
            return faults.no_route(model) if allows(key, model) else faults.model_refused(model)
        route, sent = found
        if not (allows(key, model) and allows(key, sent)):
            return faults.model_refused(model)
        return Plan(self.pools[route.pool], sent)

    def plan_unnamed(self, key: VirtualKey, *, generates: bool) -> Plan | Fault:
        """Where a request goes that names no model. Where the vendor would pick one (`generates`), only keys
        that may use every model get there."""
        if generates and not key.unlimited:
            return faults.MODEL_UNNAMED
        return Plan(self.default, "") if self.default else faults.NO_DEFAULT_POOL


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
