"""What a worker remembers across snapshots: how credentials stand, what was used of limits, where sessions moved.
May not know sockets or the clock; owns how much of it is kept.
"""

import hashlib
from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from stationmaster.gateway.core.life import REFRESHED, UNKNOWN, Happening, Life, Rules, advance, eligible
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
    """Which secret it is, told without telling it: eight bytes of its SHA-256. Stays among this gateway's processes."""
    return hashlib.sha256(credential.secret.encode()).digest()[:8]


def is_refreshed(was: Credential, now: Credential) -> bool:
    """Whether a credential that had one secret has another of the same generation: the same identity, by a fresh token."""
    return was.secret != now.secret and was.generation == now.generation > 0


def incoming_of(credential: Credential) -> Credential | None:
    """The same credential with the secret that is about to follow; None: none is, or a person took it out."""
    one = credential.incoming
    return None if one is None or credential.disabled else msgspec.structs.replace(
        credential, secret=one.secret, generation=one.generation, incoming=None
    )


class Standing:
    """How one credential stands, for every pool it is in. `rank` 0: chosen first, 1: after those, 2: not at all."""

    __slots__ = (
        "clean", "forced", "former", "generation", "heir", "id", "life", "looked", "low_until", "proof", "quiet", "rank", "turns",
    )

    def __init__(self, credential: str, proof: bytes = b"", generation: int = 0) -> None:
        self.id = credential
        self.proof = proof         # which secret it is that stands so
        self.generation = generation
        self.former = b""          # the proof of the secret that this one was refreshed from
        self.heir: Standing | None = None      # how it stands now, since its secret was refreshed
        self.forced = False        # a person says that it works
        self.low_until = 0.0       # until then its remaining quota is small: others first
        self.looked = 0.0          # when its quota was last read
        self.quiet = -1.0          # the tick in which that was so and `clean` as well: a success tells nothing at all
        self.turns: dict[int, float] = {}   # clients' turns that it failed lately, each of which counts once, and when
        self.life = Life()
        self.rank = 0
        self.clean = False         # healthy with all counters at zero: a further success says nothing new

    @property
    def newest(self) -> "Standing":
        """Itself, unless its secret was refreshed: how the credential stands with the one that it has now."""
        found = self
        while found.heir is not None:
            found = found.heir
        return found

    def refreshed(self, proof: bytes) -> "Standing":
        """How the credential stands from now on, with another secret of the same identity. What is still under way with the one
        before is told to this one, and finds its heir."""
        heir = self.heir = Standing(self.id, proof, self.generation)
        heir.former, heir.low_until, heir.looked = self.proof, self.low_until, self.looked
        heir.become(advance(self.life, REFRESHED, 0.0, _RULES), 0.0)
        return heir

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


class Both:
    """How a credential stands that has two secrets for now: as the better of them, for one that fails is replaced by the other
    before any other member is asked."""

    __slots__ = ("_incoming", "_own")

    def __init__(self, own: Standing, incoming: Standing) -> None:
        self._own, self._incoming = own, incoming

    def _better(self) -> Standing:
        return self._incoming if self._incoming.rank < self._own.rank else self._own

    @property
    def rank(self) -> int:
        """0: chosen first, 1: after those, 2: not at all."""
        return self._better().rank

    @property
    def life(self) -> Life:
        """What is known of it."""
        return self._better().life

    def refusal(self, now: float) -> tuple[str, float] | None:
        """Why it is out of service, and for how long; None: it is not."""
        return self._better().refusal(now)

    @property
    def doubt(self) -> str:
        """Why it comes after others."""
        return self._better().doubt


class View(Protocol):
    """Somebody who looked at limits once, and counts down what was there."""

    def put_back(self) -> None:
        """Book what was used since then."""


class Memory:
    """Everything that outlives a snapshot. Filled as it is asked."""

    __slots__ = ("_moved", "_rings", "_rooms", "_share", "_spent", "_workers", "incoming", "moves", "owners", "purses",
                 "standings", "views")

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers
        self._share = 1.0 / workers    # of every limit, until the workers' demand is known
        self.standings: dict[str, Standing] = {}
        self.incoming: dict[str, Standing] = {}    # of the secrets that are about to follow
        self.purses: dict[str, Purse] = {}
        self._spent: dict[str, tuple[Spent, int, int]] = {}    # as last heard, of keys without a budget as well
        self.owners = Owners()
        self._rooms: dict[Whose, Room] = {}
        self._moved: dict[str, dict[int, str]] = {}
        self._rings: dict[tuple[tuple[str, ...], tuple[int, ...]], Ring] = {}
        self.moves: list[tuple[str, int, str]] = []    # not yet told to the other workers
        self.views: dict[str, View] = {}               # who counts down what was looked at, by key: one at a time

    def standing(self, credential: Credential) -> Standing:
        """How `credential` stands: as before, but unknown when its secret is another; out when a person says so. One whose secret
        was about to follow goes on as that stood; one whose secret was refreshed (the generation is the same), as before."""
        proof = proof_of(credential)
        found = self.standings.get(credential.id)
        if found is None or found.proof != proof:
            found = self.standings[credential.id] = self._followed(credential, proof, found)
        found.generation, found.forced = credential.generation, credential.forced
        if credential.forced and found.rank and found.life.state in ("suspect", "disabled", "probing"):
            found.become(UNKNOWN, 0.0)
        if credential.disabled:
            found.become(advance(found.life, _DISABLED, 0.0, _RULES), 0.0)
        elif found.life.cause == "operator":
            found.become(advance(found.life, _ENABLED, 0.0, _RULES), 0.0)
        return found

    def _followed(self, credential: Credential, proof: bytes, found: Standing | None) -> Standing:
        before = self.incoming.pop(credential.id, None)
        if before is not None and before.proof == proof:
            return before
        if found is not None and found.generation == credential.generation > 0:
            return found.refreshed(proof)
        return Standing(credential.id, proof, credential.generation)

    def stands_incoming(self, credential: Credential) -> Standing:
        """How the secret stands that is about to follow; `credential` has it (`incoming_of`)."""
        proof = proof_of(credential)
        found = self.incoming.get(credential.id)
        if found is None or found.proof != proof:
            found = self.incoming[credential.id] = Standing(credential.id, proof, credential.generation)
        found.generation, found.forced = credential.generation, credential.forced
        return found

    def standing_of(self, credential: str, proof: bytes) -> Standing | None:
        """How the credential's secret with this proof stands, or that which it was refreshed to; None: it has no such one."""
        for known in (self.standings.get(credential), self.incoming.get(credential) if self.incoming else None):
            if known is not None and proof in (known.proof, known.former):
                return known
        return None

    def keep(self, credentials: Collection[str]) -> None:
        """Forget how other credentials stood than these."""
        self.standings = {name: standing for name, standing in self.standings.items() if name in credentials}

    def keep_incoming(self, credentials: Collection[str]) -> None:
        """Forget secrets that are not about to follow any more; `credentials`: of which one is."""
        self.incoming = {name: standing for name, standing in self.incoming.items() if name in credentials}

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

    def among(self, gateways: int) -> None:
        """So many gateways share every limit from now on: those of which nobody said who asks for them are shared evenly."""
        self.put_back()
        before, self._share = self._share, 1.0 / (self._workers * gateways)
        for room in self._rooms.values():
            if room.part == before:
                room.share(self._share)
        for purse in self.purses.values():
            if purse.share == before:
                purse.share = self._share

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
