"""A table in the making: what an update changes is made anew, the rest is shared with the table before. Owns: which
parts depend on which, and what is no longer used afterwards. May not know time: whoever runs `steps` and `release`
decides how many of them to take before doing something else.

Nothing that serves is touched before the table is whole, with one exception: how credentials stand and what limits
allow is remembered by name (`memory`), and counts as soon as it is read.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import TypeVar, cast

import msgspec

from stationmaster.gateway.core.callers import Caller
from stationmaster.gateway.core.memory import Memory, incoming_of
from stationmaster.gateway.core.pools import PoolMember, PoolState, make_member
from stationmaster.gateway.core.prices import PriceList
from stationmaster.gateway.core.records import Kind, Update
from stationmaster.gateway.core.snapshot import Credential, Member, Pool, Route, Settings, VendorPrices, VirtualKey
from stationmaster.gateway.core.upstreams import Upstream

STEP = 16                  # parts made, or let go of, in one step: well below a millisecond

_V = TypeVar("_V")
_Named = TypeVar("_Named", Credential, Pool, Route)


class Parts(msgspec.Struct):
    """What a table consists of. Dictionaries are shared by tables: a table's successor has others, or the same."""

    version: int = 0
    settings: Settings = Settings()
    prices: PriceList = PriceList()
    credentials: dict[str, Credential] = {}
    upstreams: dict[str, Upstream] = {}
    pool_records: dict[str, Pool] = {}
    pools: dict[str, PoolState] = {}
    routes: dict[str, Route] = {}
    callers: dict[str, Caller] = {}        # by the key's id
    keys: dict[bytes, Caller] = {}         # by its digest
    limits: bool = False                   # some member of some pool has one


class Building:
    """Run `steps` to their end and take `parts`; run `release` when the table before serves no request any more."""

    def __init__(self, update: Update, memory: Memory, before: Parts) -> None:
        """`before`: the parts of the update's base; of an update of nothing, what it replaces."""
        self._memory = memory
        self._update = update
        self._replaced = before
        self._before = before if update.base is not None else Parts()
        self._unused: list[object] = []
        self.parts = msgspec.structs.replace(self._before, version=update.revision)
        self.upstreams: list[str] = []         # ids of those that were made anew
        self.keys: set[str] = set()            # ids of those that were made anew, or are gone

    @property
    def only_keys(self) -> bool:
        """Whether keys changed, and nothing else that a request depends on."""
        changed = [kind for among in (self._update.puts, self._update.drops) for kind, some in among.items() if some]
        return self._update.base is not None and set(changed) <= {"key"} and self.parts.limits == self._before.limits

    def dropped(self, kind: Kind) -> list[str]:
        """The ids of this kind that are gone."""
        return self._update.drops.get(kind, [])

    def steps(self) -> Iterator[None]:
        """Make it."""
        parts = self.parts
        parts.settings = next(iter(self._put("settings", Settings)), parts.settings)
        parts.routes = self._changed(parts.routes, "route", self._put("route", Route))
        parts.credentials = self._changed(parts.credentials, "credential", self._put("credential", Credential))
        parts.pool_records = self._changed(parts.pool_records, "pool", self._put("pool", Pool))
        yield
        yield from self._make_upstreams()
        yield from self._make_pools()
        yield from self._make_callers()

    # Upstreams: each is made of its credential and of the prices.

    def _make_upstreams(self) -> Iterator[None]:
        parts = self.parts
        put, dropped = self._put("price", VendorPrices), self.dropped("price")
        if put or dropped:
            kept = {vendor: models for vendor, models in parts.prices.vendors.items() if vendor not in dropped}
            parts.prices = PriceList({**kept, **{each.vendor: each.models for each in put}})
            self.upstreams = list(parts.credentials)
        else:
            self.upstreams = [credential.id for credential in self._put("credential", Credential)]
        parts.upstreams = self._copy(parts.upstreams, "credential", self.upstreams)
        for count, name in enumerate(self.upstreams):
            self._replace(parts.upstreams, name, self._make_upstream(parts.credentials[name]))
            if count % STEP == 0:
                yield

    def _make_upstream(self, credential: Credential) -> Upstream:
        """One, and while its secret is rotated the same with the other secret behind it."""
        made = Upstream(credential, self._memory.standing(credential), self.parts.prices)
        following = incoming_of(credential)
        if following is not None and credential.incoming is not None:
            other = Upstream(following, self._memory.stands_incoming(following), self.parts.prices)
            made.followed_by(other, credential.incoming.share)
        return made

    # Pools: each is made of its members, and each of those of its upstream.

    def _make_pools(self) -> Iterator[None]:
        parts, anew = self.parts, set(self.upstreams)
        stale = {pool.id for pool in self._put("pool", Pool)}
        for pool in parts.pools.values():
            if pool.id in parts.pool_records and any(member.id in anew for member in pool.members):
                stale.add(pool.id)
            yield
        if not stale and not self.dropped("pool"):
            return
        for name in self.dropped("pool"):
            self._memory.forget_pool(name)
        pools = self._copy(parts.pools, "pool", stale)
        for name in stale:
            yield from self._make_pool(pools, parts.pool_records[name])
        parts.pools = {name: pools[name] for name in parts.pool_records}   # in their order
        yield
        parts.limits = any(member.room is not None for pool in pools.values() for member in pool.members)

    def _make_pool(self, pools: dict[str, PoolState], pool: Pool) -> Iterator[None]:
        """Members whose record and upstream are the same are shared."""
        before = self._members(pool.id)
        made: list[PoolMember] = []
        for count, record in enumerate(pool.members):
            member = before.get(record)
            if member is None or member.upstream is not self.parts.upstreams[record.credential]:
                self._unused.append(member)
                member = make_member(pool.id, record, self.parts.upstreams, self._memory)
            made.append(member)
            if count % STEP == 0:
                yield
        self._replace(pools, pool.id, PoolState(pool, self.parts.upstreams, self._memory, made))

    def _members(self, pool: str) -> Mapping[Member, PoolMember]:
        record, state = self._before.pool_records.get(pool), self._before.pools.get(pool)
        return dict(zip(record.members, state.members, strict=True)) if record is not None and state is not None else {}

    # Callers: each is made of its key, and knows whether anybody it may be sent to has limits.

    def _make_callers(self) -> Iterator[None]:
        """All keys that change leave before others come: one may come with the secret of another that goes."""
        parts, before = self.parts, self._before
        put, dropped = self._put("key", VirtualKey), self.dropped("key")
        flipped = parts.limits != before.limits
        if not (put or dropped or flipped):
            return
        parts.callers = dict(before.callers)
        yield
        parts.keys = dict(before.keys)
        yield
        for count, name in enumerate(chain(dropped, (key.id for key in put))):
            self._leave(name)
            if count % STEP == 0:
                yield
        for count, name in enumerate(dropped):
            self._memory.forget_key(name)
            if count % STEP == 0:
                yield
        staying = list(parts.callers.values()) if flipped else []
        for count, key in enumerate(chain(put, (caller.key for caller in staying))):
            self._come(key)
            if count % STEP == 0:
                yield

    def _leave(self, name: str) -> None:
        self.keys.add(name)
        caller = self.parts.callers.pop(name, None)
        if caller is not None:
            digests = [caller.key.secret_sha256, *filter(None, [caller.key.previous_sha256])]
            self._unused += [caller, *(self.parts.keys.pop(bytes.fromhex(digest), None) for digest in digests)]

    def _come(self, key: VirtualKey) -> None:
        caller = Caller(key, self._memory, guarded=self.parts.limits)
        self._replace(self.parts.callers, key.id, caller)
        self.parts.keys[bytes.fromhex(key.secret_sha256)] = caller
        if key.previous_sha256:    # it was rotated: the secret before holds for a while, as the same key
            until = min(key.expires or key.previous_until, key.previous_until)
            before = msgspec.structs.replace(key, secret_sha256=key.previous_sha256, expires=until)
            self.parts.keys[bytes.fromhex(key.previous_sha256)] = Caller(before, self._memory, guarded=self.parts.limits)
        self.keys.add(key.id)

    # Dictionaries.

    def _put(self, kind: Kind, _type: type[_V]) -> list[_V]:
        return cast("list[_V]", self._update.puts.get(kind, []))

    def _changed(self, before: dict[str, _Named], kind: Kind, put: list[_Named]) -> dict[str, _Named]:
        made = self._copy(before, kind, put)
        for record in put:
            self._replace(made, record.id, record)
        return made

    def _copy(self, before: dict[str, _V], kind: Kind, changes: Iterable[object]) -> dict[str, _V]:
        """`before` without what the update drops of it; itself when there are no changes either."""
        dropped = self.dropped(kind)
        if not dropped and not changes:
            return before
        made = dict(before)
        self._unused += [made.pop(name, None) for name in dropped]
        return made

    def _replace(self, among: dict[str, _V], name: str, part: _V) -> None:
        self._unused.append(among.get(name))
        among[name] = part

    # What is left over.

    def leave(self, things: Iterable[object]) -> None:
        """These are no longer used either."""
        self._unused += things

    @property
    def unused(self) -> int:
        """How many parts wait for `release`, about."""
        old, whole = self._replaced, self._update.base is None
        return len(self._unused) + (len(old.callers) + len(old.upstreams) if whole else 0)

    def release(self) -> Iterator[None]:
        """Let go of what the update replaced, step by step: all at once it would be a pause."""
        old, kept = self._replaced, self.parts
        self._replaced = self._before = Parts()
        if self._update.base is None:
            for things in (old.callers.values(), old.upstreams.values(), old.credentials.values()):
                self.leave(things)
                yield
            self.leave(member for pool in old.pools.values() for member in pool.members)
            yield
        if old.callers is not kept.callers:    # heads of the old table know the keys, but are not looked up in them any more
            old.callers.clear()
            yield
            old.keys.clear()
            yield
        del old                                # else its dictionaries would hold everything until the end
        while self._unused:
            del self._unused[-STEP:]
            yield
