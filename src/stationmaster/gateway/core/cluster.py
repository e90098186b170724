"""What one gateway knows of the others of its cluster: how many there are, what they ask for, what they spent. May not know
the store through which they tell each other, sockets or the clock.

Each gateway writes of itself alone: a *pulse* (what it is asked for, and what it set aside, just now) and what it spent, ever.
Both are whole values and no differences, so that nothing counts twice, whatever is told again; of two values of what one
gateway spent the later is the greater. Each adds them up for itself, and comes to the same parts as the others.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from stationmaster.gateway.core.memory import Whose
from stationmaster.gateway.core.owners import Entry
from stationmaster.gateway.core.spend import MOST, Spent

EVEN = 0.2                 # of every limit is shared evenly, the rest by demand
FAINT = 0.01               # calls: what is left of a demand that ended
SILENT = 3.0               # seconds without a new pulse, after which a gateway does not count any more
LAG = 2.5                  # seconds in which what was spent at one gateway is known at the others
GONE = 3600.0              # seconds after which its last pulse is removed

Books = dict[str, dict[str, Spent]]      # by gateway, by key


class Pulse(msgspec.Struct, array_like=True):
    """One gateway as it stands. `beat` is another number each time; `start` another at each start of the gateway."""

    start: int = 0
    beat: int = 0
    demand: list[tuple[Whose, float]] = []
    reserved: dict[str, int] = {}        # nanodollars set aside, by key


class Bulletin(msgspec.Struct, array_like=True):
    """What a gateway tells the others once: what was spent (by which gateway, of which key, ever), sessions that moved (pool,
    session, credential), whose ids are whose."""

    spent: list[tuple[str, str, Spent]] = []
    moves: list[tuple[str, int, str]] = []
    owners: tuple[Entry, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.spent or self.moves or self.owners)


encode = msgspec.msgpack.encode
pulse_of = msgspec.msgpack.Decoder(Pulse).decode
bulletin_of = msgspec.msgpack.Decoder(Bulletin).decode
spent_of = msgspec.msgpack.Decoder(Spent).decode


class _Peer:
    """Another gateway. Times are of the reader's own clock, so that no two clocks have to agree."""

    def __init__(self, pulse: Pulse, now: float) -> None:
        self.pulse = pulse
        self.heard_at = now


class Cluster:
    """The others, as one gateway sees them. Alone until it hears of any, and then nothing of what it returns changes anything.

    `name`: this gateway's own; `gateways`: how many there were when that was last known; `books`: what the others had spent;
    `meets`: whether there is a store in which they tell each other. Without one, what others spent is all that is ever heard.
    """

    def __init__(self, name: str = "", gateways: int = 1, books: Books | None = None, *, meets: bool = True) -> None:
        self.name = name
        self.meets = bool(name) and meets
        self.day = ""                                  # the UTC day as this gateway's own clock has it
        self.connected = False
        self._gateways = max(1, gateways)
        self._peers: dict[str, _Peer] = {}
        self._demand: dict[Whose, float] = {}
        self._reserved: dict[str, int] = {}
        self.books: Books = books or {}
        self.edition = 0                               # another number whenever the books are others
        self._sums: dict[str, Spent] = {}              # of the others, by key, as far as it was asked for
        self._lately: dict[str, list[tuple[float, int]]] = {}      # what was spent here, by key, and when

    @property
    def gateways(self) -> int:
        """How many share every limit, this one included."""
        return self._gateways

    @property
    def is_shared(self) -> bool:
        """Whether there are others."""
        return self._gateways > 1

    @property
    def asked(self) -> Iterable[Whose]:
        """Which limits the others' callers ask for."""
        return self._demand.keys()

    @property
    def keys(self) -> set[str]:
        """Of which keys the others spent, or set something aside."""
        return {*self._reserved, *(key for spent in self.books.values() for key in spent)}

    # What is heard.

    def lose(self) -> None:
        """Nothing is heard of the others any more."""
        self.connected = False

    def hear_pulses(self, pulses: Mapping[str, Pulse], now: float) -> set[str]:
        """How the others stand. Returns the keys of which they set aside something else than before."""
        if not self.connected:         # what was spent meanwhile is known once all have told theirs
            self._lately = {key: [(now, cost) for _, cost in lately] for key, lately in self._lately.items()}
            for peer in self._peers.values():          # they could tell nothing either
                peer.heard_at = now
        self.connected = True
        for name, pulse in pulses.items():
            known = self._peers.get(name)
            if known is None or (known.pulse.start, known.pulse.beat) != (pulse.start, pulse.beat):
                self._peers[name] = _Peer(pulse, now)
        for name in [name for name, peer in self._peers.items() if name not in pulses and now - peer.heard_at > SILENT]:
            del self._peers[name]
        self._peers.pop(self.name, None)
        alive = [peer.pulse for peer in self._peers.values() if now - peer.heard_at <= SILENT]
        self._gateways = 1 + len(alive)
        return self._add_up(alive)

    def _add_up(self, alive: list[Pulse]) -> set[str]:
        demand: dict[Whose, float] = defaultdict(float)
        reserved: dict[str, int] = defaultdict(int)
        for pulse in alive:
            for whose, calls in pulse.demand:
                demand[tuple(whose)] += calls
            for key, aside in pulse.reserved.items():
                reserved[key] = min(reserved[key] + aside, MOST)
        before, self._reserved, self._demand = self._reserved, dict(reserved), dict(demand)
        return {key for key in {*before, *reserved} if before.get(key) != reserved.get(key)}

    def gone(self, now: float) -> list[str]:
        """Gateways whose pulse nobody needs any more."""
        return [name for name, peer in self._peers.items() if now - peer.heard_at > GONE]

    def hear_spent(self, entries: Iterable[tuple[str, str, Spent]]) -> set[str]:
        """What gateways spent, ever. Returns the keys of which that is more than was known. What this gateway itself is said to
        have spent is its own authority's concern."""
        changed = set()
        for gateway, key, spent in entries:
            if gateway != self.name and self._is_later(gateway, key, spent):
                self.books.setdefault(gateway, {})[key] = spent
                self._sums.pop(key, None)
                changed.add(key)
        self.edition += bool(changed)
        return changed

    def turn(self, day: str) -> set[str]:
        """It is `day` now, by this gateway's own clock, which alone decides what still counts for a day and a month. Returns the
        keys of which others spent, if that is another day than before."""
        if day == self.day:
            return set()
        self.day = day
        self._sums.clear()
        return {key for spent in self.books.values() for key in spent}

    def _is_later(self, gateway: str, key: str, spent: Spent) -> bool:
        known = self.books.get(gateway, {}).get(key)
        return known is None or (spent.total, spent.day) > (known.total, known.day)

    def missing(self, stored: Iterable[tuple[str, str, Spent]], own: Mapping[str, Spent]) -> list[tuple[str, str, Spent]]:
        """What the store has to be told, since it holds less than is known here: it was emptied, or is another."""
        held = {(gateway, key): (spent.total, spent.day) for gateway, key, spent in stored}
        books = {**self.books, self.name: own}
        return [(gateway, key, spent) for gateway, keys in books.items() for key, spent in keys.items()
                if spent.total and held.get((gateway, key), (-1, "")) < (spent.total, spent.day)]

    # What follows.

    def part(self, whose: Whose, mine: float) -> float:
        """This gateway's part of a limit for which `mine` is the demand here: 1.0 when there are no others; while they are not
        heard an even one of as many as there were; else a fifth evenly and the rest by who is asked for it. Of a budget always an
        even one: it does not fill up again, and a part that grew before what the others spent is known would be spent twice."""
        if self._gateways == 1:
            return 1.0
        total = mine + self._demand.get(whose, 0.0)
        if not self.connected or total < FAINT or whose[0] == "purse":
            return 1 / self._gateways
        return EVEN / self._gateways + (1 - EVEN) * mine / total

    def reserved(self, key: str) -> int:
        """Nanodollars that the others have set aside."""
        return self._reserved.get(key, 0)

    def spent(self, key: str, own: Spent) -> Spent:
        """What all together spent, of which `own` here; itself, when there are no others. What the others spent lately is not
        known yet: each is taken to have spent as much as was spent here in that time. So together they do not spend what is left
        twice, however late they hear of each other."""
        if not self.books and not self.is_shared:
            return own
        if key not in self._sums:
            self._sums[key] = total([books[key] for books in self.books.values() if key in books], self.day)
        guess = sum(cost for _, cost in self._lately.get(key, ())) * (self._gateways - 1)
        return total([own, self._sums[key], Spent(own.day, own.month, guess, guess, guess)], self.day)

    def note(self, key: str, cost: int, now: float) -> None:
        """So much was spent here just now."""
        if not self.is_shared:
            return
        lately = self._lately.setdefault(key, [])
        if lately and (not self.connected or now - lately[-1][0] < LAG / 4):
            lately[-1] = lately[-1][0] if self.connected else now, min(lately[-1][1] + cost, MOST)
        else:
            lately.append((now, cost))

    def settle(self, now: float) -> set[str]:
        """By now it is known what the others spent while this or that was spent here. Returns the keys of which that is so; none
        while nothing is heard of them."""
        settled = set()
        for key, lately in list(self._lately.items() if self.connected else ()):
            kept = [(at, cost) for at, cost in lately if now - at <= LAG]
            if len(kept) < len(lately):
                settled.add(key)
                self._lately[key] = kept
            if not kept:
                del self._lately[key]
        return settled


def total(parts: list[Spent], day: str = "") -> Spent:
    """What several spent together on `day` and in its month; without one, on the latest of their days. What somebody's clock has
    counted for a day to come counts as well: nobody's clock makes less of what others spent."""
    day = day or max((each.day for each in parts), default="")
    month = day[:7]
    return Spent(
        day, month,
        min(sum(each.today for each in parts if each.day >= day), MOST),
        min(sum(each.this_month for each in parts if each.month >= month), MOST),
        min(sum(each.total for each in parts), MOST),
    )
