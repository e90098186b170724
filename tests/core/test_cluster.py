"""Several gateways as values: who gets how much of a limit, and that what is left of a budget is never spent twice, whatever is
heard late, twice or never."""


import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from stationmaster.gateway.core import authority, cluster
from stationmaster.gateway.core.authority import Authority, Report
from stationmaster.gateway.core.cluster import Bulletin, Cluster, Pulse, total
from stationmaster.gateway.core.limits import Room
from stationmaster.gateway.core.memory import Memory
from stationmaster.gateway.core.snapshot import Budget
from stationmaster.gateway.core.spend import Spent

NOON = 1_800_000_000.0
DAY = "2027-01-15"
LIMIT = ("key", "one")
PURSE = ("purse", "one")


def spent(amount: int, day: str = DAY) -> Spent:
    """So much on one day."""
    return Spent(day, day[:7], amount, amount, amount)


class Gateway:
    """One gateway of one worker, as a steward would run it over a store that is a dictionary."""

    def __init__(self, name: str, store: "Store", budget: int = 0) -> None:
        self.cluster = Cluster(name)
        self.authority = Authority({}, (), self.cluster)
        self.memory = Memory(1)
        self.purse = self.memory.purse("one", Budget(total=budget)) if budget else None
        self.store, self.name, self.beat, self.read, self.epoch = store, name, 0, 0, 0
        self.met = 0.0
        self.authority.join("w")
        self.look(0.0)

    def ask(self, calls: int, whose: tuple[str, ...] = LIMIT) -> None:
        """So many calls ask."""
        self.authority.take("w", Report(demand=[(whose, calls)]), self.store.now, NOON)

    def meet(self) -> None:
        """One round over the store: as the line does it."""
        self.beat += 1
        self.met = self.store.now
        self.store.pulses[self.name] = cluster.pulse_of(cluster.encode(self.authority.pulse(1, self.beat)))
        bulletin = self.authority.bulletin()
        if self.store.epoch != self.epoch:
            self.epoch, self.read = self.store.epoch, 0
            stored = [(gateway, key, each) for (gateway, key), each in self.store.spent.items()]
            self.authority.count(self.cluster.hear_spent(stored))
            bulletin.spent += self.cluster.missing(stored, self.authority.spent)
        self.store.put(self.name, bulletin)
        self.cluster.hear_pulses(dict(self.store.pulses), self.store.now)
        for by, packed in self.store.news[self.read:]:
            if by != self.name:
                self.authority.hear(cluster.bulletin_of(packed))
        self.read = len(self.store.news)

    def look(self, now: float) -> None:
        """Time has passed: shares, and the worker hears."""
        self.authority.count(self.cluster.settle(now))
        self.authority.share_out()
        news = self.authority.news("w")
        if news is None:
            return
        for key, (_, counted, elsewhere) in news.spent.items():
            self.memory.hear_spent(key, authority.news_of(authority.encode(news)).spent[key][0], counted, elsewhere)
        if news.gateways:
            self.memory.among(news.gateways)
        for whose, share in news.shares:
            self.memory.share(whose, share)

    def buy(self, cost: int) -> bool:
        """Whether a call of this cost was let in; it is, and is paid for."""
        assert self.purse is not None
        if self.purse.refusal(cost, NOON) is not None:
            return False
        self.purse.reserve(cost)
        self.purse.settle(cost, cost, NOON)
        return True

    def tell(self) -> None:
        """The worker reports."""
        self.authority.take("w", authority.report(self.memory, [], b""), self.store.now, NOON)


class Store:
    """What gateways share."""

    def __init__(self) -> None:
        self.now, self.epoch = 0.0, 1
        self.pulses: dict[str, Pulse] = {}
        self.spent: dict[tuple[str, str], Spent] = {}
        self.news: list[tuple[str, bytes]] = []

    def put(self, by: str, bulletin: Bulletin) -> None:
        """Keep what one says."""
        self.spent.update({(gateway, key): spent(each.total) for gateway, key, each in bulletin.spent})
        self.news.append((by, cluster.encode(bulletin)))

    def flush(self) -> None:
        """Forget everything."""
        self.epoch += 1
        self.pulses.clear()
        self.spent.clear()
        self.news.clear()


def house(number: int, budget: int = 0) -> tuple[Store, list[Gateway]]:
    """Gateways that know of each other."""
    store = Store()
    made = [Gateway(f"g{at}", store, budget) for at in range(number)]
    for _ in range(2):
        step(store, made)
    return store, made


def step(store: Store, made: list[Gateway], seconds: float = 0.5) -> None:
    """Half a second: all report, meet and look."""
    store.now += seconds
    for each in made:
        each.tell()
        each.meet()
    for each in made:
        each.look(store.now)


def parts(made: list[Gateway], whose: tuple[str, ...] = LIMIT) -> list[float]:
    """What each has of a limit."""
    return [each.cluster.part(whose, sum(each.authority._demand.get(whose, {}).values())) for each in made]


def test_alone_nothing_changes() -> None:
    """A gateway that shares with nobody has all of every limit, and what was spent is what it spent."""
    alone, own = Cluster(), spent(5)
    assert alone.part(LIMIT, 0.0) == alone.part(LIMIT, 7.0) == 1.0
    assert alone.spent("one", own) is own
    assert not alone.is_shared
    alone.note("one", 3, 0.0)
    assert alone.spent("one", own) is own


def test_parts_follow_demand_and_make_one() -> None:
    """Three gateways hold a limit evenly at first, then by who is asked, and together all of it and no more."""
    store, made = house(3)
    assert parts(made) == [1 / 3] * 3
    for _ in range(6):
        made[0].ask(90)
        made[1].ask(10)
        step(store, made)
    first, second, third = parts(made)
    assert first > 0.7
    assert second > third >= 0.2 / 3
    assert sum(parts(made)) <= 1.0 + 1e-9


def test_who_was_idle_is_even_again() -> None:
    """When nobody asks any more everybody has the same part, so that the next may come anywhere."""
    store, made = house(2)
    made[0].ask(100)
    step(store, made)
    for _ in range(40):
        step(store, made)
    assert parts(made) == [0.5, 0.5]


def test_a_silent_gateway_does_not_count() -> None:
    """One that tells nothing new is left out after a while, and one that comes back counts at once."""
    store, made = house(3)
    for _ in range(10):
        step(store, made[:2])
    assert [each.cluster.gateways for each in made[:2]] == [2, 2]
    step(store, made)
    step(store, made)
    assert [each.cluster.gateways for each in made] == [3, 3, 3]


def test_cut_off_each_keeps_an_even_part() -> None:
    """While nothing is heard of the others a limit is shared evenly among as many as there were, whoever is asked."""
    store, made = house(4)
    made[0].ask(100)
    step(store, made)
    made[0].cluster.lose()
    assert made[0].cluster.part(LIMIT, 100.0) == 0.25
    assert made[0].cluster.part(LIMIT, 0.0) == 0.25
    assert made[0].cluster.gateways == 4


def test_cut_off_from_the_start() -> None:
    """A gateway that begins without hearing anybody goes by how many it knew, and by what they had spent."""
    begun = Cluster("g", 3, {"other": {"one": spent(40)}})
    assert begun.part(LIMIT, 5.0) == 1 / 3
    assert begun.spent("one", spent(2)).total == 42
    begun.note("one", 10, 0.0)
    assert begun.spent("one", spent(12)).total == 40 + 12 + 20


def test_rooms_made_before_the_others_came_shrink() -> None:
    """What a key may do is shared from the moment others are known, in rooms of which nobody had said anything too."""
    memory = Memory(2)
    room = memory.room(LIMIT, 0, 60, 0)
    assert isinstance(room, Room)
    memory.among(3)
    assert room.ahead(0.0)[0] == 10
    assert memory.room(("key", "two"), 0, 60, 0).part == 1 / 6  # type: ignore[union-attr]


def test_sums_of_days() -> None:
    """What was spent on an earlier day or in an earlier month is in the total alone."""
    parts_ = [spent(5), spent(7, "2027-01-14"), spent(11, "2026-12-31")]
    assert total(parts_) == Spent(DAY, "2027-01", 5, 12, 23)


@pytest.mark.parametrize("ahead", ["2027-01-16", "2027-02-01", "2099-01-01"])
def test_nobodys_clock_makes_a_budget_larger(ahead: str) -> None:
    """Another gateway's clock may be a minute or a century ahead: what was spent on our day still counts, and what it counts for
    a day to come as well. The same where our own account was told by a clock that was ahead."""
    known = Cluster("me")
    known.turn(DAY)
    known.hear_spent([("other", "one", spent(3)), ("wrong", "one", spent(1, ahead))])
    assert known.spent("one", spent(5)) == Spent(DAY, DAY[:7], 9, 9, 9)
    shop = Authority({"one": spent(5)}, (), known)
    shop.recover([("me", "one", spent(8, ahead))])
    shop.spent["one"].add(1, DAY)
    assert known.spent("one", shop.spent["one"]) == Spent(DAY, DAY[:7], 13, 13, 13)


def test_another_day_is_told_to_workers() -> None:
    """When our own day turns, workers hear what others spent of the new one; a day that is still the same is no news."""
    shop = Authority({}, (), Cluster("me", 2, {"other": {"one": spent(9)}}))
    shop.turn(DAY)
    shop.join("w")
    assert shop.news("w").spent["one"][0] == spent(9)  # type: ignore[union-attr]
    shop.turn(DAY)
    assert shop.news("w") is None
    shop.turn("2027-02-01")
    assert shop.news("w").spent["one"][0] == Spent("2027-02-01", "2027-02", 0, 0, 9)  # type: ignore[union-attr]


def test_the_store_is_filled_again() -> None:
    """What an emptied store lacks is told again by whoever knows it: of gateways that are gone as well."""
    known = Cluster("me", 2, {"gone": {"one": spent(9)}})
    own = {"one": spent(4), "two": spent(0)}
    assert known.missing([], own) == [("gone", "one", spent(9)), ("me", "one", spent(4))]
    assert known.missing([("gone", "one", spent(9)), ("me", "one", spent(3))], own) == [("me", "one", spent(4))]


def test_a_lower_count_changes_nothing() -> None:
    """An older number that is heard late, or from a store that was put back, makes no budget larger."""
    known = Cluster("me")
    assert known.hear_spent([("other", "one", spent(9))]) == {"one"}
    assert known.hear_spent([("other", "one", spent(5)), ("me", "one", spent(99))]) == set()
    assert known.spent("one", spent(1)).total == 10


def test_what_was_kept_too_late_is_recovered() -> None:
    """A gateway that was killed between spending and keeping takes its own count back from the store."""
    shop = Authority({"one": spent(5)}, (), Cluster("me"))
    shop.recover([("me", "one", spent(8)), ("other", "one", spent(50)), ("me", "two", spent(3))])
    assert (shop.spent["one"].total, shop.spent["two"].total) == (8, 3)


def test_what_was_spent_meanwhile_comes_on_top() -> None:
    """Where the store answers late, and a disk had been put back: what was spent since the start is not forgotten, once."""
    shop = Authority({"one": spent(50, "2027-01-14")}, (), Cluster("me"))
    shop.turn(DAY)
    shop.spent["one"].add(30, DAY)
    for _ in range(2):
        shop.recover([("me", "one", spent(100, "2027-01-14"))])
        assert shop.spent["one"] == Spent(DAY, DAY[:7], 30, 130, 130)
    shop.recover([("me", "one", spent(131))])
    assert shop.spent["one"].total == 131


def test_who_joins_hears_what_others_spent() -> None:
    """A worker that begins at a gateway where a key never spent anything knows what it spent elsewhere."""
    shop = Authority({}, (), Cluster("me", 2, {"other": {"one": spent(9)}}))
    shop.join("w")
    news = shop.news("w")
    assert news is not None
    assert news.spent["one"][0].total == 9
    assert news.gateways == 2


def test_a_move_is_told_and_heard() -> None:
    """A session that moved at one gateway is known at the others, and told on by none of them."""
    store, made = house(2)
    made[0].authority.take("w", Report(moves=[("pool", 7, "two")]), store.now, NOON)
    made[0].meet()
    made[1].meet()
    news = made[1].authority.news("w")
    assert news is not None
    assert news.moves == [("pool", 7, "two")]
    assert made[1].authority.bulletin().moves == []


ACTS = st.tuples(st.sampled_from(["step", "buy", "buy", "late", "late", "late", "cut", "flush"]), st.integers(0, 3))


@given(number=st.integers(2, 4), acts=st.lists(ACTS, min_size=10, max_size=40), most=st.sampled_from([10, 40, 200]))
@settings(max_examples=200)
def test_a_budget_is_never_spent_twice(number: int, acts: list[tuple[str, int]], most: int) -> None:
    """Whoever buys how much and when, whether all is heard, late, or nothing after a while, and however often the store is
    emptied: together they spend no more than there is, but for one call each."""
    budget, cost = 1000, 7
    store, made = house(number, budget)
    bought = 0
    for act, at in acts:
        one = made[at % number]
        if act == "buy":
            bought += sum(cost for _ in range(most) if one.buy(cost))
        elif act == "flush":
            store.flush()
        elif act == "step":
            step(store, made)
        else:                  # time passes, in which this one hears of its own worker alone
            store.now += 0.2
            for each in made:
                if act == "cut" or store.now - each.met > 1.0:
                    each.cluster.lose()
            one.tell()
            one.look(store.now)
    assert bought <= budget + number * cost


def test_a_budget_that_is_cut_in_the_middle() -> None:
    """Two that stop hearing of each other when half is spent each spend half of what was left, however long it takes."""
    store, made = house(2, 1000)
    for _ in range(5):
        made[0].buy(100)
        step(store, made)
    for _ in range(8):
        step(store, made)
    for each in made:
        each.cluster.lose()
        each.look(store.now)
    rest = 0
    for _ in range(50):
        store.now += 0.5
        for each in made:
            rest += sum(10 for _ in range(3) if each.buy(10))
            each.tell()
            each.look(store.now)
    assert 480 <= rest <= 500
