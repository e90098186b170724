"""The credentials that stand in for each other, and which of them serves. Decides from values that others keep:
how credentials stand, what room they have, where sessions moved. May not know keys, sockets or time.
"""

from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase

from stationmaster.gateway.core.endpoints import Dialect
from stationmaster.gateway.core.limits import Room
from stationmaster.gateway.core.memory import Both, Memory, Standing
from stationmaster.gateway.core.prices import MAX_COST, Rate, Rates, cost
from stationmaster.gateway.core.ring import Ring
from stationmaster.gateway.core.snapshot import Member, Pool
from stationmaster.gateway.core.tokens import Tokens
from stationmaster.gateway.core.upstreams import Upstream

MAX_TIERS = 1024           # models remembered for one pool
MAX_MODEL = 256            # characters of one that is remembered

_MILLION = 1_000_000       # tokens that a rate is for

Skipped = dict[str, str]   # credential → why it was not chosen


class PoolMember:
    """One member, ready for use."""

    __slots__ = ("id", "models", "priority", "room", "standing", "upstream", "weight")

    def __init__(self, member: Member, upstream: Upstream, standing: Standing, room: Room | None) -> None:
        self.id = member.credential
        self.weight = member.weight
        self.priority = member.priority
        self.models = member.models
        self.upstream = upstream
        self.standing = standing if upstream.other is None else Both(standing, upstream.other.standing)
        self.room = room

    def serves(self, dialect: Dialect, model: str) -> bool:
        """Whether it speaks `dialect` and may be sent `model` ("": none is named)."""
        return self.upstream.speaks(dialect) and (not model or any(fnmatchcase(model, each) for each in self.models))

    def refusal(self, now: float) -> tuple[str, float] | None:
        """Why it cannot take a call now, and in how many seconds it might; None: it can."""
        return self.standing.refusal(now) or (self.room.refusal(1, now) if self.room is not None else None)


def make_member(pool: str, member: Member, upstreams: Mapping[str, Upstream], memory: Memory) -> PoolMember:
    """A member of `pool` made ready; what was used of its limits stays used."""
    upstream = upstreams[member.credential]
    room = memory.room(("member", pool, member.credential), member.max_concurrency, member.rpm, member.tpm)
    return PoolMember(member, upstream, upstream.standing, room)


class Tier:
    """Members of one priority that can serve the same requests, on a ring."""

    __slots__ = ("members", "owners", "points", "ring")

    def __init__(self, members: list[PoolMember], ring: Ring) -> None:
        self.members = members
        self.ring = ring
        self.points, self.owners = ring.points, ring.owners    # for those in a hurry: what `Ring.first` does

    def order(self, session: int) -> Iterator[PoolMember]:
        """Every member, in the order in which `session` would use them."""
        return map(self.members.__getitem__, self.ring.order(session))


class PoolState:
    """One pool of one snapshot."""

    __slots__ = ("_members", "_memory", "_tiers", "id", "moved")

    def __init__(
        self, pool: Pool, upstreams: Mapping[str, Upstream], memory: Memory, members: list[PoolMember] | None = None
    ) -> None:
        """`members`: the same as the pool's, when they were made before."""
        self.id = pool.id
        self._memory = memory
        self.moved = memory.moved(pool.id)
        self._members = [make_member(pool.id, one, upstreams, memory) for one in pool.members] if members is None else members
        self._tiers: dict[tuple[Dialect, str], tuple[Tier, ...]] = {}

    def __repr__(self) -> str:
        shares = ", ".join(f"{member.id}*{member.weight}@{member.priority}" for member in self._members)
        return f"PoolState({self.id!r}: {shares})"

    @property
    def members(self) -> list[PoolMember]:
        """All members, whatever their priority."""
        return self._members

    def tiers(self, dialect: Dialect, model: str) -> tuple[Tier, ...]:
        """Those who can serve such a request, lowest priority first. Remembered."""
        found = self._tiers.get((dialect, model))
        if found is None:
            able = [member for member in self._members if member.serves(dialect, model)]
            found = tuple(
                Tier(tier, self._memory.ring([one.id for one in tier], [one.weight for one in tier]))
                for priority in sorted({member.priority for member in able})
                if (tier := [member for member in able if member.priority == priority])
            )
            if len(model) <= MAX_MODEL:
                if len(self._tiers) >= MAX_TIERS:
                    self._tiers.clear()
                self._tiers[dialect, model] = found
        return found

    def choose(
        self, tiers: tuple[Tier, ...], session: int, now: float, tried: Collection[str] = (), skipped: Skipped | None = None
    ) -> PoolMember | None:
        """Who serves `session`: where it moved to, else the first it meets among the healthy with room, else among
        the suspect, tier by tier. None: nobody can. `skipped` is told of those who were passed over."""
        if self.moved and not tried:
            member = self._where_moved(tiers, session)
            if member is not None and not member.standing.rank and member.refusal(now) is None:
                return member
        if not tiers:
            return None
        tier = tiers[0]
        home = tier.members[tier.ring.first(session)]
        if not home.standing.rank and not tried and (home.room is None or home.room.refusal(1, now) is None):
            return home
        return self._elsewhere(tiers, session, now, tried, {} if skipped is None else skipped)

    def choose_in(self, organisation: str, tiers: tuple[Tier, ...], session: int, now: float, tried: Collection[str] = (),
                  before: str = "") -> PoolMember | None:
        """Who of one vendor organisation serves `session`: what it asks for lives there. `before` served its last turn and
        comes first among equals."""
        able = [
            member
            for tier in tiers
            for member in tier.order(session)
            if member.upstream.organisation == organisation and member.id not in tried and member.refusal(now) is None
        ]
        return min(able, key=lambda member: (member.standing.rank, member.id != before)) if able else None

    def _elsewhere(
        self, tiers: tuple[Tier, ...], session: int, now: float, tried: Collection[str], skipped: Skipped
    ) -> PoolMember | None:
        for tier in tiers:
            suspect = None
            for member in tier.order(session):
                if member.id in tried:
                    continue
                refusal = member.refusal(now)
                if refusal is not None:
                    skipped[member.id] = refusal[0]
                elif member.standing.rank:
                    suspect = suspect or member
                    skipped[member.id] = member.standing.doubt
                else:
                    return member
            if suspect is not None:
                del skipped[suspect.id]
                return suspect
        return None

    def _where_moved(self, tiers: tuple[Tier, ...], session: int) -> PoolMember | None:
        name = self.moved.get(session)
        if name is None:
            return None
        return next((member for tier in tiers for member in tier.members if member.id == name), None)

    def settle(self, tiers: tuple[Tier, ...], session: int, member: PoolMember) -> bool:
        """`member` serves `session` from now on. True when it had to move for that: it stays moved."""
        tier = tiers[0]
        name = self.moved.get(session) if self.moved else None
        if name == member.id:
            return False
        if name is None and tier.members[tier.ring.first(session)] is member:
            return False
        self._memory.move(self.id, session, member.id)
        return True

    def wait(self, tiers: tuple[Tier, ...], now: float, organisation: str = "") -> tuple[str, float] | None:
        """Why nobody (of `organisation`, if one is given) can serve now, and in how many seconds somebody might: the
        shortest wait that is known. None when waiting will not help."""
        members = [member for tier in tiers for member in tier.members]
        refusals = [one.refusal(now) for one in members if not organisation or one.upstream.organisation == organisation]
        hopeful = [refusal for refusal in refusals if refusal is not None and refusal[1] > 0]
        return min(hopeful, key=lambda refusal: refusal[1]) if hopeful else None


Ways = tuple[tuple[PoolState, tuple[Tier, ...]], ...]


class Plan:
    """Where a model's requests go: the pools, in order, and the model's name as the upstream gets it. `ways`: who can
    serve in it, by dialect, as far as that was asked."""

    __slots__ = ("_rate", "_rates", "home", "label", "pools", "sent", "several", "ways")

    def __init__(self, pools: tuple[PoolState, ...], sent: str) -> None:
        self.pools = pools
        self.sent = sent
        self.label = sent[:MAX_MODEL]     # of it, in events
        self.several = len(pools) > 1 or len(pools[0].members) > 1   # else there is nothing to choose
        self.ways: dict[Dialect, Ways] = {}
        self.home: dict[Dialect, tuple[PoolState, Tier, PoolMember | None]] = {}   # where sessions belong: the first
        # tier of the first pool, and its member if there is but one; not while a member's secret is rotated
        self._rates: dict[Dialect, tuple[Rates, ...]] = {}
        self._rate: dict[Dialect, Rate] = {}     # where that is one, whatever the request's size

    def dearest(self, dialect: Dialect, read: int, written: int) -> int:
        """What a request of so many tokens may cost at most, in nanodollars: with whichever member serves it. 0: nobody
        knows."""
        rate = self._rate.get(dialect)
        if rate is not None:
            return min((read * rate.input + written * rate.output) // _MILLION, MAX_COST)
        rates = self._rates.get(dialect)
        if rates is None:
            rates = self._know_rates(dialect)
        return max((cost(each, Tokens(input=read, output=written)) for each in rates), default=0)

    def _know_rates(self, dialect: Dialect) -> tuple[Rates, ...]:
        members = [one for _, tiers in self.ways.get(dialect) or self.find(dialect) for tier in tiers for one in tier.members]
        rates = tuple({each for one in members if (each := one.upstream.rates(self.sent)) is not None})
        self._rates[dialect] = rates
        if len(rates) == 1 and not rates[0].tiers:
            self._rate[dialect] = rates[0].base
        return rates

    def find(self, dialect: Dialect) -> Ways:
        """Who can serve in `dialect`. Remembered in `ways`."""
        found = self.ways[dialect] = tuple((pool, pool.tiers(dialect, self.sent)) for pool in self.pools)
        pool, tiers = found[0]
        if tiers and all(one.upstream.other is None for one in tiers[0].members):
            members = tiers[0].members
            self.home[dialect] = pool, tiers[0], members[0] if len(members) == 1 else None
        return found
