"""How credentials stand, kept up to date: applies what happened, and says what changed. May not know sockets or
the clock; what a happening does is the table's (`life`).
"""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Protocol

import msgspec

from stationmaster.gateway.core.life import ELAPSED, OPERATOR, OWN_FAULTS, Happening, Life, Rules, advance
from stationmaster.gateway.core.memory import Memory, Standing
from stationmaster.gateway.core.pauses import Quota
from stationmaster.gateway.core.snapshot import Settings

ONE_TURN = 120.0           # seconds in which a client's repeats of one request are taken for one turn
MAX_TURNS = 64             # remembered of one credential
LOW = 0.05                 # share of a vendor's limit below which load goes elsewhere
LONGEST_LOW = 60.0         # seconds


Told = tuple[str, bytes, Happening]    # what befell a credential, with which of its secrets (`proof_of`)


class Transition(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="credential"):
    """A credential's state changed. Times are seconds since the epoch, 0: none."""

    time: float
    credential: str
    before: str
    state: str
    cause: str
    code: str                  # the vendor's word for it
    request_id: str            # of the request that showed it, if one did
    upstream_status: int
    until: float
    next_probe: float
    generation: int = 0        # the number of the secret that it is about; 0: nobody counts


class Witness(Protocol):
    """Who saw it happen."""

    request_id: str
    upstream_status: int


class Health:
    """Every credential's standing in one worker."""

    __slots__ = ("_clock", "_epoch", "_memory", "_record", "_rules", "first", "told")

    def __init__(
        self, memory: Memory, settings: Settings, clock: Callable[[], float], epoch: float,
        record: Callable[[Transition], None],
    ) -> None:
        self._memory = memory
        self._clock = clock
        self._epoch = epoch
        self._record = record
        self._rules = Rules(error_threshold=settings.error_threshold)
        self.first = True              # of several workers one tells of pauses that are over
        self.told: list[Told] = []     # not yet passed on to the other workers
        self.look()

    def apply(self, settings: Settings) -> None:
        """Other settings from now on."""
        self._rules = Rules(error_threshold=settings.error_threshold)
        self.look()

    def tell(self, standing: Standing, happening: Happening, by: Witness | None = None, turn: int = 0) -> None:
        """`happening` befell `standing`. A credential fault that a client's repeat of the same `turn` shows again
        counts once; one of a secret that was refreshed since is no news."""
        if standing.heir is not None:
            if happening.signal in OWN_FAULTS:
                return
            standing = standing.newest
        if happening.signal == "credential_fault" and turn and self._again(standing, turn):
            return
        before = standing.life
        self.hear(standing, happening)
        self.told.append((standing.id, standing.proof, happening))
        if standing.life.state != before.state or standing.life.cause != before.cause:
            self._record(self._transition(standing, before.state, by, self._clock()))

    def overhear(self, told: Told) -> None:
        """The same, of what another worker told, and recorded. What befell another secret than ours is no news, but for what is
        no fault of the secret that ours was refreshed from."""
        standing = self._memory.standing_of(told[0], told[1])
        if standing is not None and (standing.proof == told[1] or told[2].signal not in OWN_FAULTS):
            self.hear(standing, told[2])

    def hear(self, standing: Standing, happening: Happening) -> None:
        """`happening` befell `standing`, and was recorded."""
        if standing.forced and happening.signal in OWN_FAULTS:
            return
        now = self._clock()
        after = advance(standing.life, happening, now, self._rules)
        if after is not standing.life:
            standing.become(after, now)

    def welcome(self, lives: Mapping[str, Life]) -> None:
        """This worker begins: how credentials stood when it did. What a person took out stays out."""
        now = self._clock()
        for name, life in lives.items():
            standing = self._memory.standings.get(name)
            if standing is not None and OPERATOR not in (standing.life.cause, life.cause):
                standing.become(life, now)
        self.look()

    def _again(self, standing: Standing, turn: int) -> bool:
        now, turns = self._clock(), standing.turns
        before = turns.pop(turn, None)
        turns[turn] = now
        if len(turns) > MAX_TURNS:
            del turns[next(iter(turns))]
        return before is not None and now - before < ONE_TURN

    def _transition(self, standing: Standing, before: str, by: Witness | None, now: float) -> Transition:
        life = standing.life
        return Transition(
            self._epoch + now, standing.id, before, life.state, life.cause, life.code,
            by.request_id if by is not None else "", by.upstream_status if by is not None else 0,
            self._wall(life.until), self._wall(life.next_probe), standing.generation,
        )

    def _wall(self, moment: float) -> float:
        return self._epoch + moment if moment else 0.0

    def learn(self, standing: Standing, quota: Quota) -> None:
        """A vendor said how much is left. Little: others come first until it is more."""
        standing = standing.newest
        now = self._clock()
        standing.low_until = now + min(quota.reset, LONGEST_LOW) if quota.left < LOW else 0.0
        standing.become(standing.life, now)

    def look(self) -> None:
        """Time has passed: pauses end."""
        now = self._clock()
        for standing in chain(self._memory.standings.values(), self._memory.incoming.values()):
            if standing.rank and standing.life.state == "cooling" and now >= standing.life.until:
                before = standing.life.state
                self.hear(standing, ELAPSED)
                if self.first:
                    self._record(self._transition(standing, before, None, now))
            elif standing.rank == 1 and standing.low_until <= now:
                standing.become(standing.life, now)
