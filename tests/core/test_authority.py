"""What workers hear of each other: credentials, sessions, owners, money; and how limits are divided among them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW
from core.test_spend import NOON
from stationmaster.gateway.core import authority
from stationmaster.gateway.core.affinity import Named
from stationmaster.gateway.core.authority import Authority, News, Report
from stationmaster.gateway.core.cluster import EVEN
from stationmaster.gateway.core.health import Told
from stationmaster.gateway.core.life import Happening
from stationmaster.gateway.core.memory import Memory, Whose, proof_of
from stationmaster.gateway.core.owners import Owner
from stationmaster.gateway.core.snapshot import Budget, Credential, Settings, Snapshot
from stationmaster.gateway.core.spend import Spent

NOW = 1000.0
BUDGET = 1_000
DAY, MONTH = "2027-01-31", "2027-01"
LIMIT: Whose = ("key", "k")
BAD = Happening("credential_fault", "invalid_key", "invalid_api_key")
PROOF = proof_of(Credential("one", "openai", "s"))
MOVE = ("pool", 2**64 - 1, "two")
OWNER = Owner("org", "one", "tenant", "k")


def named() -> Named:
    """Something that lives in one organisation."""
    return Named("file", "file-1")


class Worker:
    """One worker's side: what it remembers, and all that it was told."""

    def __init__(self, house: Authority, name: str, workers: int) -> None:
        self.house, self.name = house, name
        self.memory = Memory(workers)
        self.purse = self.memory.purse("k", Budget(total=BUDGET))
        self.happenings: list[Told] = []
        self.heard = News()
        house.join(name)

    def tell(self) -> None:
        """Report, over the wire."""
        told = authority.report_of(authority.encode(authority.report(self.memory, self.happenings, b"")))
        self.house.take(self.name, told, NOW, NOON)

    def hear(self) -> News | None:
        """Take in what there is to hear, over the wire."""
        news = self.house.news(self.name)
        if news is None:
            return None
        news = authority.news_of(authority.encode(news))
        if "k" in news.spent:
            self.purse.become(*news.spent["k"])
        for whose, share in news.shares:
            self.memory.share(whose, share)
        return news

    def spend(self, cost: int) -> None:
        """A call that cost so much."""
        self.purse.reserve(cost)
        self.purse.settle(cost, cost, NOON)

    def ask(self, calls: int) -> None:
        """So many calls ask what the key may still spend."""
        for _ in range(calls):
            self.purse.refusal(0, NOON)

    @property
    def share(self) -> float:
        """Its part of the key's budget."""
        return self.purse.share


def house(workers: int = 3, spent: dict[str, Spent] | None = None) -> tuple[Authority, list[Worker]]:
    """An authority, and workers that heard what there is to hear at first."""
    made = Authority(spent or {})
    joined = [Worker(made, f"w{number}", workers) for number in range(workers)]
    for worker in joined:
        worker.hear()
    return made, joined


def test_a_happening_reaches_the_others() -> None:
    """What befell a credential is heard by all but the one that told it, once."""
    _, (first, *others) = house()
    first.happenings.append(("one", PROOF, BAD))
    first.tell()
    assert first.hear() is None
    for other in others:
        news = other.hear()
        assert news is not None
        assert news.happenings == [("one", PROOF, BAD)]
        assert other.hear() is None
    assert first.happenings == [], "it is told once"


def test_a_move_reaches_the_others() -> None:
    """Where a session moved, likewise; and nobody tells it on."""
    _, (first, *others) = house()
    first.memory.move("pool", 7, "two")
    first.tell()
    assert first.hear() is None
    for other in others:
        news = other.hear()
        assert news is not None
        assert news.moves == [("pool", 7, "two")]
        other.memory.absorb(*news.moves[0])
        other.tell()
    assert first.hear() is None


def test_an_owner_reaches_the_others() -> None:
    """Whose a file is, likewise."""
    _, (first, *others) = house()
    first.memory.owners.remember(named(), OWNER)
    first.tell()
    assert first.hear() is None
    told = [news for other in others if (news := other.hear()) is not None]
    assert [len(news.owners) for news in told] == [1, 1]
    for other, news in zip(others, told, strict=True):
        other.memory.owners.absorb(news.owners)
        other.tell()
    assert first.hear() is None


def test_money_reaches_all() -> None:
    """What all spent together is heard by all, the one that spent it too, with what of it was its own."""
    _, workers = house()
    workers[0].spend(30)
    workers[1].spend(12)
    for worker in workers:
        worker.tell()
    for worker, own in zip(workers, (30, 12, 0), strict=True):
        news = worker.hear()
        assert news is not None
        assert news.spent == {"k": (Spent(DAY, MONTH, 42, 42, 42), own, 0)}
        assert worker.purse.heard.total == 42
    assert [worker.hear() for worker in workers] == [None] * 3


def test_what_is_set_aside_reaches_the_others() -> None:
    """Calls under way in one worker take room in the others, and give it back when they are over."""
    _, (first, second) = house(2)
    first.purse.reserve(400)
    first.tell()
    assert first.hear() is not None
    assert second.hear() is not None
    assert (first.purse.elsewhere, second.purse.elsewhere) == (0, 400)
    first.purse.settle(400, 100, NOON)
    first.tell()
    second.hear()
    assert (second.purse.elsewhere, second.purse.heard.total) == (0, 100)


def test_what_a_dead_worker_set_aside() -> None:
    """Calls that died with their worker are no longer under way, and the others hear of that: else a budget would seem
    spent for ever."""
    made, (first, second) = house(2)
    first.purse.reserve(900)
    first.tell()
    second.hear()
    assert second.purse.refusal(200, NOON) is not None
    made.leave("w0")
    second.tell()
    second.hear()
    assert second.purse.elsewhere == 0
    assert second.purse.refusal(200, NOON) is None


def test_a_late_report_sets_nothing_aside() -> None:
    """Nor does the last report of a worker that ended already keep anything set aside."""
    made, (first, second) = house(2)
    first.purse.reserve(900)
    first.spend(10)
    made.leave("w0")
    first.tell()
    second.hear()
    assert (second.purse.elsewhere, second.purse.heard.total) == (0, 10)


def test_several_reports_before_anybody_listens() -> None:
    """Who listens late hears all of it, in order, and the newest sum."""
    _, (first, second, late) = house()
    for number, worker in enumerate((first, second, first)):
        worker.happenings.append(("one", PROOF, Happening("limited", "rate_limited", "", float(number))))
        worker.memory.move("pool", number, "two")
        worker.spend(10)
        worker.tell()
    news = late.hear()
    assert news is not None
    assert [happening.until for _, _, happening in news.happenings] == [0.0, 1.0, 2.0]
    assert [session for _, session, _ in news.moves] == [0, 1, 2]
    assert news.spent["k"][0].total == 30


def test_quiet_workers_make_no_news() -> None:
    """Where nothing happened nothing is sent."""
    made, workers = house()
    for worker in workers:
        worker.tell()
    made.share_out()
    assert [worker.hear() for worker in workers] == [None] * 3


def test_who_joins_hears_what_still_matters() -> None:
    """How credentials stand, where sessions moved, whose files are whose, what was spent: from before the start as well."""
    made, (first, second) = house(2, {"k": Spent(DAY, MONTH, 1, 2, 3), "old": Spent("2026-01-01", "2026-01", 9, 9, 9)})
    for _ in range(5):
        first.happenings.append(("one", PROOF, BAD))
    first.happenings.append(("two", PROOF, Happening("limited", "rate_limited", "", NOW + 30)))
    first.memory.move("pool", 7, "two")
    second.memory.move("pool", 7, "three")
    second.memory.owners.remember(named(), OWNER)
    first.spend(10)
    second.purse.reserve(40)
    first.tell()
    second.tell()
    news = Worker(made, "new", 2).hear()
    assert news is not None
    assert {name: (life.state, life.cause) for name, life in news.lives.items()} == {
        "one": ("disabled", "invalid_key"), "two": ("cooling", "rate_limited"),
    }  # fmt: skip
    assert news.moves == [("pool", 7, "three")]
    assert len(news.owners) == 1
    assert news.spent == {
        "k": (Spent(DAY, MONTH, 11, 12, 13), 0, 40), "old": (Spent("2026-01-01", "2026-01", 9, 9, 9), 0, 0)
    }  # fmt: skip
    assert news.happenings == [], "lives say it already"


def test_a_budget_begins_anew_in_another_month() -> None:
    """What a state file kept of last month counts in the total only."""
    made, (first,) = house(1, {"k": Spent("2026-12-31", "2026-12", 5, 6, 7)})
    first.spend(10)
    first.tell()
    assert made.spent["k"] == Spent(DAY, MONTH, 10, 10, 17)


def test_who_left_is_told_nothing() -> None:
    """Nothing is kept for a worker that ended; what it told still counts."""
    made, (first, second, _) = house()
    first.spend(10)
    first.tell()
    made.leave("w0")
    second.spend(5)
    second.tell()
    assert made.news("w0") is None
    news = second.hear()
    assert news is not None
    assert news.spent["k"][0].total == 15


def test_a_last_report_counts() -> None:
    """A report that is read after its worker ended is taken in, and the others hear of it."""
    made, (first, second, _) = house()
    made.leave("w0")
    first.spend(10)
    first.happenings.append(("one", PROOF, BAD))
    first.tell()
    news = second.hear()
    assert news is not None
    assert (news.spent["k"][0].total, len(news.happenings)) == (10, 1)


@pytest.mark.parametrize(("threshold", "state"), [(1, "disabled"), (2, "suspect")])
def test_configuration(threshold: int, state: str) -> None:
    """Lives go by the configured threshold; credentials that are no longer configured are forgotten."""
    made, (first,) = house(1)
    credentials = tuple(Credential(name, "openai", "s") for name in ("one", "two"))
    made.apply(Snapshot(Settings(error_threshold=threshold), credentials))
    first.happenings += [("one", PROOF, BAD), ("two", PROOF, BAD)]
    first.tell()
    made.apply(Snapshot(Settings(error_threshold=threshold), credentials[:1]))
    made.join("new")
    news = made.news("new")
    assert news is not None
    assert {name: life.state for name, life in news.lives.items()} == {"one": state}


# Shares of limits.


def look(made: Authority, workers: list[Worker]) -> list[float]:
    """All report, limits are divided, all hear; their shares then."""
    for worker in workers:
        worker.tell()
    made.share_out()
    for worker in workers:
        worker.hear()
    return [worker.share for worker in workers]


@pytest.mark.parametrize("count", [1, 2, 4, 64])
def test_the_busiest_gets_the_most(count: int) -> None:
    """A part of every limit is divided evenly, the rest goes where the calls are."""
    made, workers = house(count)
    workers[0].ask(100)
    shares = look(made, workers)
    assert shares[0] == pytest.approx(1 - EVEN + EVEN / count, abs=0.021)
    assert shares[1:] == pytest.approx([EVEN / count] * (count - 1), abs=0.021)


def test_shares_follow_demand() -> None:
    """When the calls go elsewhere the shares do, within a few looks."""
    made, (first, second) = house(2)
    first.ask(100)
    look(made, [first, second])
    for _ in range(8):
        second.ask(100)
        shares = look(made, [first, second])
    assert shares[1] > 0.85


@pytest.mark.parametrize("count", [1, 2, 3, 5, 10, 16, 64])
@pytest.mark.parametrize("busy", [1, 2])
def test_a_limit_is_given_out_once(count: int, busy: int) -> None:
    """However many workers there are and whoever of them is busy: all shares together are the whole limit at most."""
    made, workers = house(count)
    for worker in workers[:busy]:
        worker.ask(50)
    assert sum(look(made, workers)) <= 1.05


def test_a_limit_of_calls_is_divided_too() -> None:
    """What holds for money holds for calls at once: the busy worker's part, and never less than one call."""
    made, (first, second) = house(2)
    rooms = [worker.memory.room(LIMIT, 10, 0, 0) for worker in (first, second)]
    for room in rooms:
        assert room is not None
        calls = 0
        while room.refusal(1, NOW) is None:
            room.enter(1)
            calls += 1
        assert calls == 5
    for _ in range(100):
        assert rooms[0] is not None
        rooms[0].refusal(1, NOW)
    look(made, [first, second])
    assert [room.refusal(1, NOW) is None for room in rooms if room is not None] == [True, False]


@FEW
@given(st.lists(st.lists(st.integers(0, 30), min_size=4, max_size=4), min_size=1, max_size=6))
def test_shares_never_sum_to_more(demand: list[list[int]]) -> None:
    """Whatever the demand was at each look: four workers' shares are all of the limit at most, within the step below
    which a change is not worth telling."""
    made, workers = house(4)
    for calls in demand:
        for worker, count in zip(workers, calls, strict=True):
            worker.ask(count)
        shares = look(made, workers)
        assert sum(shares) <= 1 + 4 * 0.02
        assert min(shares) >= EVEN / 4 - 0.021


def test_who_replaces_a_worker_gets_a_share() -> None:
    """After a worker ended and another began, the first look divides among those who are there."""
    made, (first, second) = house(2)
    second.ask(100)
    look(made, [first, second])
    made.leave("w1")
    first.ask(10)
    assert look(made, [first])[0] > 0.95
    third = Worker(made, "w2", 2)
    third.hear()
    third.ask(10)
    first.ask(10)
    shares = look(made, [first, third])
    assert sum(shares) <= 1.05
    assert shares[1] > 0.4


def test_nobody_waits_for_the_authority() -> None:
    """A worker that hears nothing serves on with the share it has."""
    made = Authority({})
    alone = Worker(made, "w0", 4)
    assert alone.purse.refusal(BUDGET // 4, NOON) is None
    assert alone.purse.refusal(BUDGET // 4 + 1, NOON) is not None


# A budget that several workers spend from, between two pieces of news.

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.integers(0, 2), st.integers(1, 50), st.integers(0, 90)),
        st.tuples(st.just("end"), st.integers(0, 2), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("burst"), st.integers(0, 2), st.integers(5, 50), st.just(0)),
        st.tuples(st.just("news"), st.just(0), st.just(0), st.just(0)),
    ),
    max_size=40,
)


class Spenders:
    """Three workers whose calls begin and end, and what of it matters for the bound."""

    def __init__(self) -> None:
        self.house, self.workers = house(3)
        self.under_way: list[list[tuple[int, int]]] = [[], [], []]
        self.largest = self.errors = self.paid = 0

    def begin(self, one: int, estimate: int, cost: int) -> bool:
        """A call, if the worker lets it begin."""
        if self.workers[one].purse.refusal(estimate, NOON) is not None:
            return False
        self.workers[one].purse.reserve(estimate)
        self.under_way[one].append((estimate, cost))
        self.largest = max(self.largest, estimate)
        return True

    def end(self, one: int, which: int) -> None:
        """One of a worker's calls is over."""
        if self.under_way[one]:
            estimate, cost = self.under_way[one].pop(which % len(self.under_way[one]))
            self.workers[one].purse.settle(estimate, cost, NOON)
            self.errors += max(0, cost - estimate)
            self.paid += cost

    def burst(self, one: int, estimate: int) -> None:
        """Calls one after the other, as long as they are let in."""
        while self.begin(one, estimate, estimate):
            self.end(one, len(self.under_way[one]) - 1)

    def news(self) -> None:
        """All tell, limits are divided, and then all hear."""
        for worker in self.workers:
            worker.tell()
        self.house.share_out()
        for worker in self.workers:
            worker.hear()


@FEW
@given(STEPS)
def test_a_shared_budget(steps: list[tuple[str, int, int, int]]) -> None:
    """Three workers, whoever of them is busy: together they exceed a budget by no more than one call's estimate for each further
    worker, and what calls cost beyond their estimates. All that was paid is counted, once."""
    spenders = Spenders()
    for step, one, amount, cost in steps:
        if step == "begin":
            spenders.begin(one, amount, cost)
        elif step == "end":
            spenders.end(one, amount)
        elif step == "burst":
            spenders.burst(one, amount)
        else:
            spenders.news()
    for one, calls in enumerate(spenders.under_way):
        while calls:
            spenders.end(one, 0)
    spenders.news()
    assert spenders.house.spent.get("k", Spent()).total == spenders.paid
    assert spenders.paid <= BUDGET + 2 * spenders.largest + spenders.errors


@pytest.mark.parametrize(
    ("value", "decode"),
    [
        (Report(b"\x00m", [("one", PROOF, BAD)], [MOVE], (), {"k": 2**62}, {"k": 2**62}, [(LIMIT, 3)]), authority.report_of),
        (News([("one", PROOF, BAD)], [MOVE], (), {"k": (Spent(DAY), 3, 4)}, [(("member", "p", "c"), 0.5)]), authority.news_of),
        (Report(), authority.report_of),
        (News(), authority.news_of),
    ],
)
def test_on_the_wire(value: Any, decode: Any) -> None:
    """Reports and news arrive as they left."""
    assert decode(authority.encode(value)) == value


def test_absurd_sums_can_be_told() -> None:
    """However much a vendor's nonsense adds up to, reports and news can be sent, and the books are full, not empty."""
    shop = Authority({})
    for worker in ("1", "2"):
        shop.join(worker)
    memory = Memory()
    purse = memory.purse("k", Budget(total=2**53))
    for turn in range(3):
        for _ in range(3000):
            purse.reserve(2**53)
            purse.settle(0, 2**53, 1_800_000_000.0)
        shop.take("1", authority.report_of(authority.encode(authority.report(memory, [], b""))), float(turn), 1_800_000_000.0)
        for worker in ("1", "2"):
            news = authority.news_of(authority.encode(shop.news(worker)))
            assert news.spent["k"][0].total >= 2**62


def test_keys_that_come_and_go() -> None:
    """A key that is gone leaves nothing behind that grows, and has spent what it had spent when it comes back."""
    memory, shop = Memory(), Authority({})
    shop.join("1")
    for turn in range(50):
        key = f"k{turn % 5}"
        purse = memory.purse(key, Budget(total=1000))
        purse.reserve(10)
        purse.settle(10, 7, NOON)
        shop.take("1", authority.report_of(authority.encode(authority.report(memory, [], b""))), float(turn), NOON)
        news = shop.news("1")
        assert news is not None
        for name, told in news.spent.items():
            memory.hear_spent(name, *told)
        memory.forget_key(key)
        assert not memory.purses
    assert memory.purse("k0", Budget(total=1000)).refusal(931, NOON) is not None
    assert memory.purse("k0", Budget(total=1000)).refusal(930, NOON) is None
