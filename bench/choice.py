"""What choosing costs: `PoolState.choose` with pools of several sizes, without sockets or requests around it.

All times are CPU time of the one thread that chooses.
"""

import gc
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from stationmaster.gateway.core.life import Life
from stationmaster.gateway.core.memory import Memory
from stationmaster.gateway.core.pools import PoolState, Tier
from stationmaster.gateway.core.ring import Ring
from stationmaster.gateway.core.snapshot import Credential, Member, Pool
from stationmaster.gateway.core.upstreams import Upstream

SIZES = (10, 1_000, 10_000)
SESSIONS = 20_000          # different ones, of each measurement
ONE_OF = 5                 # out of service, where some are
NOW = 1000.0


@dataclass(frozen=True)
class Cost:
    """With so many credentials: one choice while all are well, one while a fifth of them is out of service, and
    building the ring."""

    credentials: int
    microseconds: float
    troubled_us: float
    ring_ms: float


@dataclass(frozen=True)
class Subject:
    """One pool to choose from."""

    pool: PoolState
    tiers: tuple[Tier, ...]
    names: Sequence[str]

    def trouble(self, state: Life) -> None:
        """Every so many-th member's life is `state`."""
        for member in self.pool.members[::ONE_OF]:
            member.upstream.standing.become(state, NOW)


def measure(passes: int) -> list[Cost]:
    """A cost for each of `SIZES`: the best of so many passes, each of which measures all sizes in turn."""
    sessions = _sessions()
    subjects = [_subject(size) for size in SIZES]
    best: dict[int, Cost] = {}
    gc.collect()
    gc.disable()    # as timeit does
    try:
        for _ in range(passes):
            for subject in subjects:
                seen = _once(subject, sessions)
                best[seen.credentials] = _better(best.get(seen.credentials, seen), seen)
    finally:
        gc.enable()
    return list(best.values())


def _sessions() -> list[int]:
    dice = random.Random(SESSIONS)
    return [dice.getrandbits(64) for _ in range(SESSIONS)]


def _subject(size: int) -> Subject:
    """A pool of so many members of equal weight and one priority, none with limits of its own."""
    names = [f"vendor-{number}" for number in range(size)]
    upstreams = {name: Upstream(Credential(name, "openai", "not-a-secret")) for name in names}
    pool = PoolState(Pool("main", tuple(Member(name) for name in names)), upstreams, Memory())
    return Subject(pool, pool.tiers("openai", "gpt-4o-mini"), names)


def _once(subject: Subject, sessions: Sequence[int]) -> Cost:
    began = time.thread_time()
    Ring(subject.names, [1] * len(subject.names))
    ring = time.thread_time() - began
    subject.trouble(Life("healthy"))
    well = _choices(subject, sessions)
    subject.trouble(Life("cooling", until=NOW + 60))
    troubled = _choices(subject, sessions)
    return Cost(len(subject.names), well, troubled, ring * 1e3)


def _choices(subject: Subject, sessions: Sequence[int]) -> float:
    """Microseconds that one choice takes, the loop's own share included."""
    choose, tiers = subject.pool.choose, subject.tiers
    began = time.thread_time()
    for session in sessions:
        choose(tiers, session, NOW)
    return (time.thread_time() - began) / len(sessions) * 1e6


def _better(one: Cost, other: Cost) -> Cost:
    return Cost(
        one.credentials,
        min(one.microseconds, other.microseconds),
        min(one.troubled_us, other.troubled_us),
        min(one.ring_ms, other.ring_ms),
    )
