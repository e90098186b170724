"""Money of keys: days and months that turn, what is set aside, what is left for whom."""

import math
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW
from stationmaster.gateway.core.snapshot import Budget
from stationmaster.gateway.core.spend import Purse, Spent, day_of, until_next


def at(text: str) -> float:
    """A UTC moment, in seconds since the epoch."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOON = at("2027-01-31T12:00:00")
DAY = 86_400


@pytest.mark.parametrize(
    ("spends", "left"),
    [
        ([], (0, 0, 0)),
        ([("2027-01-31", 5)], (5, 5, 5)),
        ([("2027-01-31", 5), ("2027-01-31", 7)], (12, 12, 12)),
        ([("2027-01-30", 5), ("2027-01-31", 7)], (7, 12, 12)),
        ([("2027-01-31", 5), ("2027-02-01", 7)], (7, 7, 12)),
        ([("2026-12-31", 5), ("2027-01-01", 7)], (7, 7, 12)),
        ([("2026-01-31", 5), ("2027-01-31", 7)], (7, 7, 12)),
        ([("2027-01-31", 5), ("2027-02-28", 0)], (0, 0, 5)),
    ],
)
def test_days_and_months_turn(spends: list[tuple[str, int]], left: tuple[int, int, int]) -> None:
    """A day counts what was spent on it, a month what was spent in it, the total everything."""
    spent = Spent()
    for day, cost in spends:
        spent.add(cost, day)
    assert (spent.today, spent.this_month, spent.total) == left


@pytest.mark.parametrize(
    ("period", "moment", "seconds"),
    [
        ("day", "2027-01-31T12:00:00", DAY / 2),
        ("day", "2027-01-31T00:00:00", DAY),
        ("day", "2027-01-31T23:59:59.5", 0.5),
        ("month", "2027-01-31T12:00:00", DAY / 2),
        ("month", "2027-01-01T00:00:00", 31 * DAY),
        ("month", "2027-02-01T00:00:00", 28 * DAY),
        ("month", "2028-02-28T00:00:00", 2 * DAY),
        ("month", "2027-12-31T23:59:59", 1),
        ("month", "2027-04-30T18:00:00", DAY / 4),
    ],
)
def test_until_the_next(period: str, moment: str, seconds: float) -> None:
    """To the next UTC midnight, or the one that begins a month, whatever the month's length."""
    assert until_next(period, at(moment)) == pytest.approx(seconds)


@FEW
@given(st.floats(0, 4e9), st.sampled_from(["day", "month"]))
def test_the_wait_ends_in_the_next_period(wall: float, period: str) -> None:
    """A second before the wait is over it is still the same day or month, a second after it the next."""
    length = 10 if period == "day" else 7
    ends = wall + until_next(period, wall)
    assert day_of(ends + 1)[:length] > day_of(wall)[:length]
    assert day_of(max(wall, ends - 1))[:length] == day_of(wall)[:length]


def purse(today: int = 0, since: int = 0, ever: int = 0, reserved: int = 0, share: float = 1.0, **budget: int) -> Purse:
    """A purse from which `today`, `since` the month began and `ever` so much was spent by noon of 2027-01-31."""
    made = Purse(Budget(**budget), share)
    made.heard = Spent("2027-01-31", "2027-01", today, max(since, today), max(ever, since, today))
    made.reserved = reserved
    return made


def left(made: Purse, wall: float = NOON) -> int:
    """The dearest call that may begin, up to a million; -1: none, not even a free one."""
    low, high = -1, 10**6
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if made.refusal(middle, wall) is None else (low, middle - 1)
    return low


def spend(made: Purse, cost: int, wall: float = NOON) -> None:
    """A call that costs what was expected."""
    made.reserve(cost)
    made.settle(cost, cost, wall)


REFUSALS: list[tuple[Purse, int, tuple[str, float] | None]] = [
    (purse(), 10**15, None),
    (purse(day=100), 100, None),
    (purse(day=100), 101, ("day", math.inf)),
    (purse(5, 100, month=100, day=10), 11, ("day", math.inf)),
    (purse(share=0.5, day=100), 100, ("day", DAY / 2)),
    (purse(99, day=100), 1, None),
    (purse(99, day=100), 2, ("day", DAY / 2)),
    (purse(100, day=100), 0, ("day", DAY / 2)),
    (purse(99, day=100), 0, None),
    (purse(130, day=100), 0, ("day", DAY / 2)),
    (purse(50, reserved=50, day=100), 1, ("day", DAY / 2)),
    (purse(50, reserved=40, day=100), 10, None),
    (purse(5, 100, month=100), 1, ("month", DAY / 2)),
    (purse(5, 99, month=100, day=10), 1, None),
    (purse(5, 99, month=100, day=10), 6, ("month", DAY / 2)),
    (purse(10, 50, month=100, day=10), 1, ("day", DAY / 2)),
    (purse(0, 0, 100, total=100), 1, ("total", 0.0)),
    (purse(10, 100, 100, total=100, month=100, day=10), 1, ("total", 0.0)),
    (purse(share=0.5, total=100), 50, None),
    (purse(share=0.5, total=100), 51, ("total", 0.0)),
    (purse(0, 0, 60, share=0.5, total=100), 20, None),
    (purse(0, 0, 60, share=0.5, total=100), 21, ("total", 0.0)),
]


@pytest.mark.parametrize(("given_purse", "estimate", "refusal"), REFUSALS)
def test_a_refusal(given_purse: Purse, estimate: int, refusal: tuple[str, float] | None) -> None:
    """A call begins when every budget has room for its estimate beside what is set aside; of those without room the one
    that stays empty longest is named, with the seconds until it begins anew; before all, one of which the whole would be
    too little."""
    assert given_purse.refusal(estimate, NOON) == refusal


def test_another_day_gives_the_day_anew() -> None:
    """At midnight (UTC) the day's budget is whole again, the month's and the total are not."""
    made = purse(100, 100, 100, day=100, month=150, total=1000)
    assert made.refusal(1, at("2027-01-31T23:59:59")) == ("day", 1.0)
    assert made.refusal(100, at("2027-02-01T00:00:00")) is None
    within = purse(100, 100, 100, day=100, month=150)
    within.heard = Spent("2027-01-30", "2027-01", 100, 100, 100)
    assert within.refusal(51, NOON) == ("month", DAY / 2)
    assert within.refusal(50, NOON) is None


def test_a_call_over_midnight_is_paid_by_the_day_it_ends() -> None:
    """What was set aside yesterday stays set aside, and its cost is today's."""
    made = purse(day=100)
    made.reserve(60)
    morning = at("2027-02-01T00:00:01")
    assert made.refusal(50, morning) is not None
    made.settle(60, 70, morning)
    assert left(made, morning) == 30
    assert left(made, morning + DAY) == 100


def test_a_call_that_cost_nothing_is_no_news() -> None:
    """A refused or failed call gives back what was set aside, and nothing is told of it."""
    made = purse(day=100)
    made.reserve(60)
    made.settle(60, 0, NOON)
    assert (left(made), made.news()) == (100, 0)


def test_news_and_demand_are_told_once() -> None:
    """What was spent, and how often somebody asked, since the last time that was asked."""
    made = purse(total=100)
    for cost in (3, 4):
        made.refusal(5, NOON)
        spend(made, cost)
    assert (made.news(), made.news()) == (7, 0)
    assert (made.asked(), made.asked()) == (2, 0)


@pytest.mark.parametrize(
    ("told", "counted", "room"),
    [
        (0, 0, 1000 - 300 - 80),      # news from before anything was spent here
        (80, 0, 1000 - 300 - 80),     # news that crossed our report
        (80, 50, 1000 - 300 - 30),    # of two reports the first is in it
        (80, 80, 1000 - 300),
        (80, 100, 1000 - 300),        # more than was spent here since this process began
    ],
)
def test_what_all_spent(told: int, counted: int, room: int) -> None:
    """What all workers spent, and on top of it what was spent here and is not in it, told or not: news that left before
    a report came in does not hand out again what that report says was spent."""
    made = purse(total=1000)
    spend(made, 80)
    if told:
        assert made.news() == told
    made.become(Spent("2027-01-31", "2027-01", 100, 200, 300), counted, 0)
    assert left(made) == room
    assert made.news() == 80 - told


@pytest.mark.parametrize(("period", "room"), [("day", 900 - 80), ("month", 800 - 80), ("total", 700 - 80)])
def test_what_all_spent_by_period(period: str, room: int) -> None:
    """Each budget goes by its own sum."""
    made = purse(**{period: 1000})
    spend(made, 80)
    made.become(Spent("2027-01-31", "2027-01", 100, 200, 300), 0, 0)
    assert left(made) == room


@pytest.mark.parametrize(
    ("share", "elsewhere", "room"),
    [(1.0, 0, 700), (1.0, 300, 400), (0.5, 300, 200), (0.5, 700, 0), (0.5, 800, -1), (1.0, 5000, -1)],
)
def test_what_others_set_aside(share: float, elsewhere: int, room: int) -> None:
    """Calls under way in other workers count until it is heard that they are over."""
    made = purse(share=share, total=1000)
    made.become(Spent("2027-01-31", "2027-01", 100, 200, 300), 0, elsewhere)
    assert left(made) == room
    made.become(Spent("2027-01-31", "2027-01", 100, 200, 300), 0, 0)
    assert left(made) == 700 * share


def test_news_of_yesterday() -> None:
    """A key that nobody used today yet has its day's budget whole, and what was spent of the month is spent."""
    made = purse(day=100, month=1000)
    made.become(Spent("2027-01-30", "2027-01", 100, 950, 2000), 0, 0)
    assert left(made) == 50
    spend(made, 20)
    assert left(made) == 30


@pytest.mark.parametrize(("share", "estimate", "most"), [(1.0, 10, 10), (0.5, 10, 5), (0.5, 1, 50), (0.25, 5, 5), (0.1, 5, 2)])
def test_a_share_does_not_grow_back(share: float, estimate: int, most: int) -> None:
    """Until others are heard of, a worker spends its share of what was left, not shares of shares: else several
    workers together spend a budget more than once before they hear of each other."""
    made, calls = purse(share=share, total=100), 0
    while made.refusal(estimate, NOON) is None and calls < 1000:
        spend(made, estimate)
        calls += 1
    assert calls <= most


CALLS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.integers(0, 60), st.integers(0, 200)),
        st.tuples(st.just("end"), st.integers(0, 9), st.just(0)),
    ),
    max_size=60,
)


@FEW
@given(CALLS, st.sampled_from(["day", "month", "total"]))
def test_a_budget_is_exceeded_by_wrong_estimates_only(calls: list[tuple[str, int, int]], period: str) -> None:
    """However calls begin and end: spent and set aside exceed a budget by no more than what calls that ended since the
    last one began cost beyond their estimates."""
    made, under_way, errors, spent = purse(**{period: 100}), list[tuple[int, int]](), 0, 0
    for step, one, cost in calls:
        if step == "begin" and made.refusal(one, NOON) is None:
            made.reserve(one)
            under_way.append((one, cost))
            errors = 0
        elif step == "end" and under_way:
            estimate, paid = under_way.pop(one % len(under_way))
            made.settle(estimate, paid, NOON)
            errors, spent = errors + max(0, paid - estimate), spent + paid
        assert spent + made.reserved <= 100 + errors
        assert made.reserved == sum(estimate for estimate, _ in under_way)


def test_what_was_spent_can_be_kept_as_json() -> None:
    """Written and read back it is the same."""
    spent = Spent("2027-01-31", "2027-01", 1, 2**53, 2**60)
    assert msgspec.json.decode(msgspec.json.encode(spent), type=Spent) == spent
