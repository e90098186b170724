"""Pools, sessions and credentials' lives together, in any order of events, beside a model of dictionaries and scans."""

import hashlib
import struct
from functools import cache

import msgspec
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from stationmaster.gateway.core import memory as memories
from stationmaster.gateway.core.health import LONGEST_LOW, LOW, ONE_TURN, Health, Transition
from stationmaster.gateway.core.life import SIGNALS, Happening, Signal
from stationmaster.gateway.core.memory import SOON, Memory
from stationmaster.gateway.core.pauses import Quota
from stationmaster.gateway.core.pools import PoolMember, PoolState
from stationmaster.gateway.core.snapshot import Credential, Member, Pool, Settings, Snapshot
from stationmaster.gateway.core.table import Table

MOST_MOVED = 4             # small, so that sessions are forgotten
THRESHOLD = 3
NAMES = "abcde"
POOLS = ("main", "spare")  # in the order of a plan
SESSIONS = [number * 0x9E3779B97F4A7C15 % 2**64 for number in range(1, 13)]
WELL, DOUBTED, OUT = 0, 1, 2
COMMON: tuple[Signal, ...] = ("credential_fault", "credential_fault", "limited", "elapsed", "probe_ok")   # more often
# Shrinking a failure takes longer than a test may; add Phase.shrink to look for the shortest one by hand.
OFTEN = settings(max_examples=150, stateful_step_count=50, deadline=None, database=None, phases=[Phase.generate])


class Person:
    """What the model knows of one credential."""

    def __init__(self) -> None:
        self.state, self.cause = "well", ""
        self.until = self.low_until = 0.0
        self.faults = self.strikes = 0
        self.turns: dict[int, float] = {}

    def rank(self, now: float) -> int:
        """WELL, DOUBTED or OUT."""
        if self.state in ("well", "suspect"):
            return DOUBTED if self.state == "suspect" or self.low_until > now else WELL
        return OUT

    def hear(self, signal: Signal, until: float, now: float) -> None:
        """What docs/reference/credential-life.md says, without its table."""
        out = self.state in ("disabled", "probing")
        if signal == "operator_disable":
            self._put("disabled", "operator", 0.0)
            self.faults = self.strikes = 0
        elif signal == "operator_enable" and out:
            self._recover()
        elif signal == "probe_started" and self.state == "disabled" and self.cause != "operator":
            self.state = "probing"
        elif signal == "probe_ok" and out and self.cause != "operator":
            self._recover()
        elif self.state == "probing":
            self._while_probing(signal, until, now)
        elif not out:
            self._in_service(signal, until, now)

    def _put(self, state: str, cause: str, until: float) -> None:
        self.state, self.cause, self.until = state, cause, until

    def _recover(self) -> None:
        self._put("well", "", 0.0)
        self.faults = self.strikes = 0

    def _while_probing(self, signal: Signal, until: float, now: float) -> None:
        if signal == "limited":
            self._cool(until, now)
        elif signal in ("upstream_fault", "credential_fault", "terminal", "probe_failed"):
            self.state, self.until = "disabled", until or self.until

    def _in_service(self, signal: Signal, until: float, now: float) -> None:
        if signal in ("ok", "probe_ok"):
            self.faults = self.strikes = 0
            if self.state != "cooling" or self.cause == "upstream":
                self._recover()
        elif signal == "limited":
            self._cool(until, now)
        elif signal == "upstream_fault":
            self._strike(now)
        elif signal in ("credential_fault", "probe_failed"):
            self._fault()
        elif signal == "terminal":
            self._put("disabled", "terminal", until)
        elif signal == "refreshed":
            self.faults = 0
            self.state = "well" if self.state == "suspect" else self.state
        elif signal == "elapsed" and self.state == "cooling":
            self._put("suspect" if self.faults else "well", "", 0.0)

    def _strike(self, now: float) -> None:
        if self.state != "cooling":
            self.strikes += 1
            if self.strikes >= 3:
                self._put("cooling", "upstream", now + min(60.0, 2.0 ** (self.strikes - 3)))

    def _fault(self) -> None:
        self.faults += 1
        if self.faults >= THRESHOLD:
            self._put("disabled", "fault", 0.0)
        elif self.state != "cooling":
            self.state = "suspect"

    def _cool(self, until: float, now: float) -> None:
        self._put("cooling", "limited", max(until, now, self.until if self.state == "cooling" else 0.0))
        self.faults = 0


@cache
def distance(name: str, weight: int, session: int) -> int:
    """How far from the session, clockwise, the nearest of a member's 128 points for each unit of weight lies."""
    blocks = [hashlib.blake2b(name.encode(), digest_size=64, salt=struct.pack("<Q", at)).digest() for at in range(16 * weight)]
    points: list[int] = [point for (point,) in struct.iter_unpack("<Q", b"".join(blocks))]
    return min((point - session) % 2**64 for point in points)


class Model:
    """The whole, as plainly as it can be said."""

    def __init__(self, pools: dict[str, list[Member]]) -> None:
        self.now = 1000.0
        self.pools = pools
        self.people = {name: Person() for name in NAMES}
        self.moved: dict[str, dict[int, str]] = {pool: {} for pool in POOLS}
        self.under_way: dict[tuple[str, str], int] = {}

    def rank(self, pool: str, member: Member) -> int:
        """How `member` stands; OUT as well when it has no room."""
        return OUT if self.full(pool, member) else self.people[member.credential].rank(self.now)

    def full(self, pool: str, member: Member) -> bool:
        """Whether as many calls as it may take are under way."""
        return 0 < member.max_concurrency <= self.under_way.get((pool, member.credential), 0)

    def home(self, pool: str, session: int) -> str:
        """Who serves `session` when all are well."""
        first = min((member.priority for member in self.pools[pool]), default=0)
        tier = [member for member in self.pools[pool] if member.priority == first]
        return min(tier, key=lambda member: distance(member.credential, member.weight, session)).credential if tier else ""

    def choose(self, pool: str, session: int, tried: list[str]) -> str:
        """Who has to serve `session`; "": nobody."""
        where = self.moved[pool].get(session)
        ranked = [
            (member.priority, self.rank(pool, member), distance(member.credential, member.weight, session), member.credential)
            for member in self.pools[pool]
            if self.rank(pool, member) != OUT and member.credential not in tried
        ]
        if not tried and any(name == where and rank == WELL for _, rank, _, name in ranked):
            return where or ""
        return min(ranked)[3] if ranked else ""

    def settle(self, pool: str, session: int, name: str) -> None:
        """`session` is with `name` now; who moved longest ago is forgotten."""
        moved = self.moved[pool]
        if moved.get(session, self.home(pool, session)) != name:
            self.move(pool, session, name)

    def move(self, pool: str, session: int, name: str) -> None:
        """`session` moved to `name`."""
        moved = self.moved[pool]
        moved.pop(session, None)
        moved[session] = name
        if len(moved) > MOST_MOVED:
            moved.pop(min(moved, key=list(moved).index))


MEMBERS = st.lists(
    st.builds(
        Member, st.sampled_from(NAMES), weight=st.integers(1, 3), priority=st.integers(0, 1),
        max_concurrency=st.sampled_from([0, 0, 0, 1, 2]),
    ),
    min_size=1, max_size=5, unique_by=lambda member: member.credential,
)
NAME, POOL, SESSION = st.sampled_from(NAMES), st.sampled_from(POOLS), st.sampled_from(SESSIONS)


class PoolMachine(RuleBasedStateMachine):
    """Drives both. `last` is with whom each session of a pool settled, while that is remembered."""

    @initialize(main=MEMBERS, spare=MEMBERS)
    def start(self, main: list[Member], spare: list[Member]) -> None:
        """A fresh worker."""
        self.model = Model({"main": main, "spare": spare})
        self.credentials = {name: Credential(name, "openai", f"secret-{name}") for name in NAMES}
        self.memory = Memory()
        self.transitions: list[Transition] = []
        self.health = Health(
            self.memory, Settings(error_threshold=THRESHOLD), lambda: self.model.now, 0.0, self.transitions.append
        )
        self.calls: list[tuple[str, PoolMember]] = []
        self.last: dict[tuple[str, int], str] = {}
        self.absent: list[tuple[str, Member]] = []
        self.reload()

    # What a worker does.

    @rule()
    def reload(self) -> None:
        """The snapshot arrives, new or the same: everything that was remembered still holds."""
        pools = tuple(Pool(pool, tuple(self.model.pools[pool])) for pool in POOLS)
        config = Settings(error_threshold=THRESHOLD)
        self.table = Table(Snapshot(config, tuple(self.credentials.values()), pools), self.memory)
        for name, credential in self.credentials.items():
            if credential.disabled or self.model.people[name].cause == "operator":
                signal: Signal = "operator_disable" if credential.disabled else "operator_enable"
                self.model.people[name].hear(signal, 0.0, self.model.now)
        self.health.apply(config)
        self.look()

    def pick(self, pool: str, session: int, tried: list[str]) -> PoolMember | None:
        """Choose in one pool, and compare."""
        state: PoolState = self.table.pools[pool]
        tiers = state.tiers("openai", "m")
        skipped: dict[str, str] = {}
        found = state.choose(tiers, session, self.model.now, tried, skipped)
        name = found.id if found is not None else ""
        assert name == self.model.choose(pool, session, tried)
        self.check_choice(pool, session, name, tried)
        assert name not in skipped
        assert not set(skipped) & set(tried)
        if found is None:
            assert set(skipped) == {member.credential for member in self.model.pools[pool]} - set(tried)
            self.check_wait(state, pool)
        return found

    def check_choice(self, pool: str, session: int, name: str, tried: list[str]) -> None:
        """The promises, said once more without the model's way of choosing."""
        model = self.model
        others = [one for one in model.pools[pool] if one.credential not in tried]
        rank = {one.credential: model.rank(pool, one) for one in others}
        if name:
            mine = next(one for one in others if one.credential == name)
            assert rank[name] != OUT
            if rank[name] == DOUBTED:
                assert all(rank[one.credential] != WELL for one in others if one.priority == mine.priority)
            if name != model.moved[pool].get(session):
                assert all(rank[one.credential] == OUT for one in others if one.priority < mine.priority)
        else:
            assert all(rank[one.credential] == OUT for one in others)
        before = self.last.get((pool, session))
        if before is not None and rank.get(before) == WELL and not tried:
            assert name == before, "a session left a member that could have served it"

    def check_wait(self, state: PoolState, pool: str) -> None:
        """A wait is told when somebody is known to come back, and is the shortest."""
        model = self.model
        people = [model.people[one.credential] for one in model.pools[pool]]
        hopeful = [max(person.until - model.now, SOON) for person in people if person.state == "cooling"]
        hopeful += [person.until - model.now for person in people if person.until > model.now]
        if any(model.full(pool, one) and model.people[one.credential].rank(model.now) != OUT for one in model.pools[pool]):
            hopeful.append(1.0)
        found = state.wait(state.tiers("openai", "m"), model.now)
        assert (found[1] if found is not None else None) == (pytest.approx(min(hopeful)) if hopeful else None)

    @rule(session=SESSION, tried=st.lists(NAME, max_size=2), settles=st.booleans())
    def request(self, session: int, tried: list[str], settles: bool) -> None:
        """A request goes through the plan's pools in order and begins with whom it finds."""
        for pool in POOLS:
            member = self.pick(pool, session, tried)
            if member is None:
                continue
            if settles:
                state = self.table.pools[pool]
                before = self.model.moved[pool].get(session, self.model.home(pool, session))
                assert state.settle(state.tiers("openai", "m"), session, member) is (before != member.id)
                self.model.settle(pool, session, member.id)
                self.last[pool, session] = member.id
            self.enter(pool, member)
            break

    @rule()
    def everybody_asks(self) -> None:
        """Who would serve each session now, whatever comes of it."""
        for pool in POOLS:
            for session in SESSIONS:
                self.pick(pool, session, [])

    def enter(self, pool: str, member: PoolMember) -> None:
        """The call begins."""
        key = (pool, member.id)
        if member.room is not None:
            member.room.enter(1)
            self.calls.append((pool, member))
            self.model.under_way[key] = self.model.under_way.get(key, 0) + 1

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        """A call is over, under whichever snapshot it began."""
        pool, member = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        assert member.room is not None
        member.room.leave(1, 1)
        self.model.under_way[pool, member.id] -= 1

    @rule(pool=POOL, session=SESSION, name=NAME)
    def another_worker_moved(self, pool: str, session: int, name: str) -> None:
        """A move that is heard of counts like one of our own, but is not told on."""
        before = len(self.memory.moves)
        self.memory.absorb(pool, session, name)
        self.model.move(pool, session, name)
        self.last[pool, session] = name
        assert len(self.memory.moves) == before

    # What befalls credentials.

    @rule(
        name=NAME, signal=st.sampled_from(SIGNALS + COMMON), after=st.sampled_from([0.0, 0.5, 3.0, 30.0, 100.0]),
        turn=st.integers(0, 2), ours=st.booleans(),
    )
    def happens(self, name: str, signal: Signal, after: float, turn: int, ours: bool) -> None:
        """Any signal, seen here or heard of; a repeat of one turn's credential fault counts once."""
        until = self.model.now + after if signal in ("limited", "terminal") else 0.0
        happening = Happening(signal, "said" if signal in ("credential_fault", "terminal") else "", "", until)
        standing, person = self.memory.standings[name], self.model.people[name]
        if not ours:
            self.health.hear(standing, happening)
            person.hear(signal, until, self.model.now)
            return
        before = len(self.health.told)
        self.health.tell(standing, happening, None, turn)
        again = False
        if signal == "credential_fault" and turn:
            again = self.model.now - person.turns.get(turn, -ONE_TURN) < ONE_TURN
            person.turns[turn] = self.model.now
        if not again:
            person.hear(signal, until, self.model.now)
        assert len(self.health.told) - before == (0 if again else 1)

    @rule(name=NAME, left=st.sampled_from([0.0, LOW / 2, LOW, 1.0]), reset=st.sampled_from([0.0, 1.0, 30.0, 3600.0]))
    def quota_is_told(self, name: str, left: float, reset: float) -> None:
        """Little left puts a credential behind others for a while."""
        self.health.learn(self.memory.standings[name], Quota(left, reset))
        self.model.people[name].low_until = self.model.now + min(reset, LONGEST_LOW) if left < LOW else 0.0

    @rule(seconds=st.sampled_from([0.25, 1.0, 7.0, 61.0, 200.0]))
    def time_passes(self, seconds: float) -> None:
        """The clock goes on, and the worker looks."""
        self.model.now += seconds
        self.health.look()
        self.look()

    def look(self) -> None:
        """The model's pauses end."""
        for person in self.model.people.values():
            if person.state == "cooling" and person.until <= self.model.now:
                person.hear("elapsed", 0.0, self.model.now)

    # What an operator changes.

    @rule(name=NAME)
    def secret_changes(self, name: str) -> None:
        """Another secret is another credential: nothing is known of it."""
        one = self.credentials[name]
        self.credentials[name] = msgspec.structs.replace(one, secret=one.secret + "+")
        self.model.people[name] = Person()
        self.reload()

    @rule(name=NAME, disabled=st.booleans())
    def operator_says(self, name: str, disabled: bool) -> None:
        """The snapshot's word holds until the next one's."""
        self.credentials[name] = msgspec.structs.replace(self.credentials[name], disabled=disabled)
        self.reload()

    @rule(pool=POOL, data=st.data())
    def member_leaves(self, pool: str, data: st.DataObject) -> None:
        """Out of the pool: its sessions are anybody's, all others stay."""
        members = self.model.pools[pool]
        if len(members) > 1:
            leaver = data.draw(st.sampled_from(members))
            homes = {session: self.model.home(pool, session) for session in SESSIONS}
            self.model.pools[pool] = [one for one in members if one is not leaver]
            self.absent.append((pool, leaver))
            self.keep_last(pool, leaver.credential, homes)

    @precondition(lambda self: self.absent)
    @rule()
    def member_returns(self) -> None:
        """Back again: only what is its own by the ring, and had not moved, comes with it."""
        pool, member = self.absent.pop()
        homes = {session: self.model.home(pool, session) for session in SESSIONS}
        self.model.pools[pool] = [*self.model.pools[pool], member]
        self.keep_last(pool, member.credential, homes)

    def keep_last(self, pool: str, who: str, homes: dict[int, str]) -> None:
        """After `who` came or went: sessions at home stay unless it is (or was) theirs. A new first priority is
        everybody's new home."""
        self.reload()
        for session, home in homes.items():
            new = self.model.home(pool, session)
            assert new == home or who in (new, home)
            if self.last.get((pool, session)) == who or (session not in self.model.moved[pool] and new != home):
                self.last.pop((pool, session), None)

    # What must hold at any time.

    @invariant()
    def the_same_is_known(self) -> None:
        """Ranks, moves and their bound; what is forgotten by one is forgotten by both."""
        for name, person in self.model.people.items():
            assert self.memory.standings[name].rank == person.rank(self.model.now), name
        for pool in POOLS:
            moved = self.memory.moved(pool)
            assert list(moved.items()) == list(self.model.moved[pool].items())
            assert len(moved) <= MOST_MOVED
            for session in SESSIONS:
                where = moved.get(session, self.model.home(pool, session))
                if self.last.get((pool, session), where) != where:
                    del self.last[pool, session]    # forgotten

    @invariant()
    def who_is_disabled_stays_out(self) -> None:
        """By an operator: no signal but theirs brings a credential back."""
        for name, credential in self.credentials.items():
            if credential.disabled and self.model.people[name].cause == "operator":
                assert self.memory.standings[name].rank == OUT


def test_pools_in_any_order_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody who cools or is disabled is chosen; a session stays with its member while that can serve, and where it
    moved to; only a leaver's sessions move; lower priorities first, the suspect after the healthy; all of it survives
    a new snapshot."""
    monkeypatch.setattr(memories, "MAX_MOVED", MOST_MOVED)
    run_state_machine_as_test(PoolMachine, settings=OFTEN)


@pytest.mark.parametrize(
    ("turns", "apart", "faults"),
    [
        ((7, 7), 0.0, 1),
        ((7, 7), ONE_TURN - 1, 1),
        ((7, 7), ONE_TURN, 2),
        ((7, 8), 0.0, 2),
        ((0, 0), 0.0, 2),
        ((7, 7, 7, 7), ONE_TURN - 1, 1),
        ((7, 8, 7), 0.0, 2),
        ((7, 8, 7, 8, 7, 8), 1.0, 2),
    ],
)
def test_repeats_of_a_turn_count_once(turns: tuple[int, ...], apart: float, faults: int) -> None:
    """Clients send a failed request up to thirty times: that is one fault of the credential, and one for other workers.
    A turn without a number (0) is known to be no repeat."""
    memory, now = Memory(), 1000.0
    health = Health(memory, Settings(), lambda: now, 0.0, lambda _: None)
    standing = memory.standing(Credential("a", "openai", "s"))
    for turn in turns:
        health.tell(standing, Happening("credential_fault", "denied"), None, turn)
        now += apart
    assert standing.life.faults == faults
    assert len(health.told) == faults
