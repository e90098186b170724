"""The credentials that stand in for each other, and which of them serves. May not know keys, sockets or time."""

from math import gcd

from stationmaster.gateway.core.endpoints import Dialect
from stationmaster.gateway.core.snapshot import Member, Pool
from stationmaster.gateway.core.upstreams import Upstream

MAX_TURNS = 4096          # slots of one pool's rotation


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
