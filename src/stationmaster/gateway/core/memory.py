"""What a worker remembers across snapshots: how credentials stand, what was used of limits, where sessions moved.
May not know sockets or the clock; owns how much of it is kept.
"""

import hashlib
from collections.abc import Collection, Sequence
from typing import Protocol

from stationmaster.gateway.core.life import Happening, Life, Rules, advance, eligible
from stationmaster.gateway.core.limits import Room
from stationmaster.gateway.core.owners import Owners
from stationmaster.gateway.core.ring import Ring
from stationmaster.gateway.core.snapshot import Budget, Credential
from stationmaster.gateway.core.spend import Purse, Spent

Whose = tuple[str, ...]    # whose limit: ("key", id), ("purse", id) or ("member", pool, credential)

MAX_MOVED = 65_536         # moved sessions kept, of one pool
MAX_RINGS = 64
SOON = 0.1                 # seconds: of a pause that is over, and not yet noticed
_RULES = Rules()
_DISABLED, _ENABLED = Happening("operator_disable"), Happening("operator_enable")


def proof_of(credential: Credential) -> bytes:
    """Which secret it is, told without telling it: eight bytes of its SHA-256."""
    return hashlib.sha256(credential.secret.encode()).digest()[:8]


class Standing:
    """How one credential stands, for every pool it is in. `rank` 0: chosen first, 1: after those, 2: not at all."""

    __slots__ = ("clean", "id", "life", "looked", "low_until", "proof", "quiet", "rank", "turns")

    def __init__(self, credential: str, proof: bytes = b"") -> None:
        self.id = credential
        self.proof = proof         # which secret it is that stands so
        self.low_until = 0.0       # until then its remaining quota is small: others first
        self.looked = 0.0          # when its quota was last read
        self.quiet = -1.0          # the tick in which that was so and `clean` as well: a success tells nothing at all
        self.turns: dict[int, float] = {}   # clients' turns that it failed lately, each of which counts once, and when
        self.life = Life()
        self.rank = 0
        self.clean = False         # healthy with all counters at zero: a further success says nothing new

    def become(self, life: Life, now: float) -> None:
        """Take on another life."""
        self.life = life
        self.clean = life.state == "healthy" and not life.faults and not life.strikes
        self.quiet = -1.0
        self.rank = max(eligible(life), 1 if self.low_until > now else 0)

    def refusal(self, now: float) -> tuple[str, float] | None:
        """Why it is out of service, and for how many seconds (0.0: nobody knows); None: it is not."""
        if self.rank < 2:
            return None
        life = self.life
        return life.cause or life.state, max(SOON if life.state == "cooling" else 0.0, life.until - now)

    @property
    def doubt(self) -> str:
        """Why it comes after others."""
        return "suspect" if self.life.state == "suspect" else "low_quota"


class View(Protocol):
    """Somebody who looked at limits once, and counts down what was there."""

    def put_back(self) -> None:
        """Book what was used since then."""


class Memory:
    """Everything that outlives a snapshot. Filled as it is asked."""

    __slots__ = ("_moved", "_rings", "_rooms", "_share", "_spent", "moves", "owners", "purses", "standings",
                 "views")

    def __init__(self, workers: int = 1) -> None:
        self._share = 1.0 / workers    # of every limit, until the workers' demand is known
        self.standings: dict[str, Standing] = {}
        self.purses: dict[str, Purse] = {}
        self._spent: dict[str, tuple[Spent, int, int]] = {}    # as last heard, of keys without a budget as well
        self.owners = Owners()
        self._rooms: dict[Whose, Room] = {}
        self._moved: dict[str, dict[int, str]] = {}
        self._rings: dict[tuple[tuple[str, ...], tuple[int, ...]], Ring] = {}
        self.moves: list[tuple[str, int, str]] = []    # not yet told to the other workers
        self.views: dict[str, View] = {}               # who counts down what was looked at, by key: one at a time

    def standing(self, credential: Credential) -> Standing:
        """How `credential` stands: as before, but unknown when its secret is another; out when a person says so."""
        proof = proof_of(credential)
        found = self.standings.get(credential.id)
        if found is None or found.proof != proof:
            found = self.standings[credential.id] = Standing(credential.id, proof)
        if credential.disabled:
            found.become(advance(found.life, _DISABLED, 0.0, _RULES), 0.0)
        elif found.life.cause == "operator":
            found.become(advance(found.life, _ENABLED, 0.0, _RULES), 0.0)
        return found

    def keep(self, credentials: Collection[str]) -> None:
        """Forget how other credentials stood than these."""
        self.standings = {name: standing for name, standing in self.standings.items() if name in credentials}

    def forget_key(self, key: str) -> None:
        """Forget the limits of a key that is gone, unless a call of it is still under way; its purse as well, unless it
        holds what is not told yet."""
        self.put_back()
        found, purse = self._rooms.get(("key", key)), self.purses.get(key)
        if found is not None and not found.under_way:
            del self._rooms["key", key]
        if purse is not None and purse.settled:
            del self.purses[key]

    def forget_pool(self, pool: str) -> None:
        """Forget where sessions moved in a pool that is gone."""
        self._moved.pop(pool, None)

    def room(self, whose: Whose, max_concurrency: int, rpm: int, tpm: int) -> Room | None:
        """The room behind these limits; what was used of it stays used. None: there are no limits."""
        self.put_back()
        found = self._rooms.get(whose)
        if not (max_concurrency or rpm or tpm):
            if found is not None:      # calls may be under way that another limit has to know of
                found.change(0, 0, 0)
            return found
        if found is None:
            found = self._rooms[whose] = Room(max_concurrency, rpm, tpm, self._share)
        else:
            found.change(max_concurrency, rpm, tpm)
        return found

    def put_back(self) -> None:
        """Book what was counted down, so that limits, budgets and demand are what they are: before anybody but a request
        reads or changes them."""
        for view in self.views.values():
            view.put_back()
        self.views.clear()

    def share(self, whose: Whose, share: float) -> None:
        """This worker's part of a limit from now on."""
        self.put_back()
        if whose[0] == "purse" and whose[1] in self.purses:
            self.purses[whose[1]].share = share
        elif whose in self._rooms:
            self._rooms[whose].share(share)

    def demand(self) -> list[tuple[Whose, int]]:
        """How many calls asked for room since this was last asked, by limit."""
        self.put_back()
        asked: list[tuple[Whose, int]] = [(whose, calls) for whose, room in self._rooms.items() if (calls := room.asked())]
        return asked + [(("purse", key), calls) for key, purse in self.purses.items() if (calls := purse.asked())]

    def purse(self, key: str, budget: Budget) -> Purse:
        """The purse of a virtual key; what was spent of another budget stays spent."""
        self.put_back()
        found = self.purses.get(key)
        if found is None:
            found = self.purses[key] = Purse(budget, self._share)
            if key in self._spent:
                found.become(*self._spent[key])
        found.budget = budget
        return found

    def hear_spent(self, key: str, spent: Spent, counted: int, elsewhere: int) -> None:
        """What a key spent, whether or not it has a budget now: it may get one (`Purse.become`)."""
        self.put_back()
        self._spent[key] = spent, counted, elsewhere
        if key in self.purses:
            self.purses[key].become(spent, counted, elsewhere)

    def ring(self, names: Sequence[str], weights: Sequence[int]) -> Ring:
        """The ring of these members."""
        key = (tuple(names), tuple(weights))
        found = self._rings.get(key)
        if found is None:
            if len(self._rings) >= MAX_RINGS:
                self._rings.clear()
            found = self._rings[key] = Ring(names, weights)
        return found

    def moved(self, pool: str) -> dict[int, str]:
        """Where the pool's sessions moved: session → credential. Always the same dictionary."""
        return self._moved.setdefault(pool, {})

    def all_moved(self) -> list[tuple[str, dict[int, str]]]:
        """Where the sessions of every pool moved."""
        return list(self._moved.items())

    def move(self, pool: str, session: int, credential: str) -> None:
        """Note that `session` moved; the one that moved longest ago is forgotten for it."""
        self.absorb(pool, session, credential)
        self.moves.append((pool, session, credential))

    def absorb(self, pool: str, session: int, credential: str) -> None:
        """The same, heard of from another worker."""
        moved = self.moved(pool)
        moved.pop(session, None)
        moved[session] = credential
        if len(moved) > MAX_MOVED:
            del moved[next(iter(moved))]
