"""Limits: what may be taken at once and in a minute, how long the rest waits, and how a client is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW
from stationmaster.gateway.core.limits import MINUTE, Bucket, Room, retry_after

NOW = 1000.0


# Steps at times from NOW on: "t" takes, "g" gives back, "c" changes the limit; then level and wait for 1 at the last time.
@pytest.mark.parametrize(
    ("limit", "steps", "level", "wait"),
    [
        (60, [], 60, 0),
        (60, [(0, "t", 60)], 0, 1),
        (60, [(0, "t", 59)], 1, 0),
        (60, [(0, "t", 60), (1, "t", 0)], 1, 0),
        (60, [(0, "t", 60), (0.5, "t", 0)], 0.5, 0.5),
        (60, [(0, "t", 60), (30, "t", 0)], 30, 0),
        (60, [(0, "t", 60), (600, "t", 0)], 60, 0),
        (60, [(0, "t", 90)], -30, 31),
        (60, [(0, "t", 90), (30, "t", 0)], 0, 1),
        (60, [(0, "t", 60), (0, "g", 5)], 5, 0),
        (60, [(0, "t", 5), (0, "g", 50)], 60, 0),
        (60, [(0, "g", 50)], 60, 0),
        (60, [(0, "t", 60), (0, "c", 120)], 0, 0.5),
        (60, [(0, "t", 20), (0, "c", 30)], 20, 0),
        (60, [(0, "t", 60), (0, "c", 120), (1, "t", 0)], 2, 0),
        (600_000, [(0, "t", 600_000), (0, "c", 60)], 0, 1),
        (60, [(0, "t", 90), (0, "c", 120)], -60, 30.5),
        (60, [(0, "c", 6), (0, "t", 6), (0, "c", 60)], 0, 1),
        (6, [(0, "t", 6)], 0, 10),
        (1, [(0, "t", 1)], 0, 60),
        (1, [(0, "t", 1), (60, "t", 1)], 0, 60),
        (600_000, [(0, "t", 600_000)], 0, 0.0001),
    ],
)
def test_a_bucket(limit: float, steps: list[tuple[float, str, float]], level: float, wait: float) -> None:
    """Full at first, filled evenly over a minute and never above its limit; an estimate that was too low is a debt."""
    bucket, now = Bucket(limit), NOW
    for after, step, amount in steps:
        now = NOW + after
        bucket.level(now)
        if step == "c":
            bucket.change(amount)
        else:
            bucket.take(amount if step == "t" else -amount)
    assert bucket.level(now) == pytest.approx(level)
    assert bucket.wait(1, now) == pytest.approx(wait)


def test_a_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    """Only time that has passed refills, and none of it twice."""
    bucket = Bucket(60)
    bucket.level(NOW)
    bucket.take(60)
    assert [bucket.level(NOW + after) for after in (0, 0, -50, 1, 1, 0.5, 2)] == pytest.approx([0, 0, 0, 1, 1, 1, 2])


def test_more_than_a_minutes_worth_needs_a_full_bucket() -> None:
    """One call larger than the whole limit is let through when nothing else was, and is then a debt."""
    bucket = Bucket(100)
    assert bucket.wait(1000, NOW) == 0
    bucket.take(1000)
    assert bucket.level(NOW) == -900
    assert bucket.wait(1, NOW + 540) == pytest.approx(0.6)
    assert bucket.wait(1000, NOW + 540) == pytest.approx(60)


def test_nothing_is_ever_had_of_nothing() -> None:
    """A limit of 0 has nothing to wait for: it says a minute, for ever."""
    bucket = Bucket(0)
    assert bucket.wait(1, NOW) == bucket.wait(1, NOW + 1e6) == MINUTE


CALLS = st.lists(st.tuples(st.floats(0, 30), st.integers(1, 150)), min_size=1, max_size=60)


@FEW
@given(st.integers(1, 200), CALLS)
def test_never_more_than_the_limit_and_what_was_refilled(limit: int, calls: list[tuple[float, int]]) -> None:
    """In every stretch of time, whatever begins where, at most a full bucket and its refill are taken; only a call
    that is larger than all of it goes over, by itself."""
    bucket, now = Bucket(limit), NOW
    taken: list[tuple[float, float]] = []
    for after, amount in calls:
        now += after
        if bucket.wait(amount, now) == 0:
            bucket.take(amount)
            taken.append((now, amount))
    for first, (start, _) in enumerate(taken):
        total = 0.0
        for end, size in taken[first:]:
            assert total + min(size, limit) <= limit + (end - start) * limit / MINUTE + 1e-6
            total += size


@FEW
@given(st.integers(1, 200), CALLS)
def test_the_wait_is_the_truth(limit: int, calls: list[tuple[float, int]]) -> None:
    """Who comes back when told is served, and a hair's breadth earlier is not."""
    bucket, now = Bucket(limit), NOW
    for after, amount in calls:
        now += after
        wait = bucket.wait(amount, now)
        if wait > 1e-3:
            assert bucket.wait(amount, now + wait - 1e-3) > 0
        now += wait
        assert bucket.wait(amount, now) == pytest.approx(0, abs=1e-6)
        bucket.take(amount)


# Limits (calls at once, rpm, tpm), the calls before (tokens each), the tokens of the one that asks, and the answer.
@pytest.mark.parametrize(
    ("limits", "before", "tokens", "refusal"),
    [
        ((0, 0, 0), [10**9] * 50, 10**9, None),
        ((2, 0, 0), [1], 1, None),
        ((2, 0, 0), [1, 1], 1, ("concurrency", 1.0)),
        ((0, 60, 0), [1] * 59, 1, None),
        ((0, 60, 0), [1] * 60, 1, ("rpm", 1.0)),
        ((0, 6, 0), [1] * 6, 1, ("rpm", 10.0)),
        ((0, 0, 600), [300], 300, None),
        ((0, 0, 600), [300, 200], 150, ("tpm", 5.0)),
        ((0, 0, 600), [600], 0, ("tpm", 0.1)),
        ((0, 0, 600), [], 10_000, None),
        ((0, 0, 600), [600], 10_000, ("tpm", 60.0)),
        ((1, 1, 1), [1], 1, ("concurrency", 1.0)),
        ((5, 1, 1), [1], 1, ("rpm", 60.0)),
        ((5, 5, 1), [1], 1, ("tpm", 60.0)),
    ],
)
def test_a_room(limits: tuple[int, int, int], before: list[int], tokens: int, refusal: tuple[str, float] | None) -> None:
    """Calls at once, then requests, then tokens a minute; 0 is no limit. The first that is met is told."""
    room = Room(*limits)
    assert room.refusal(1, NOW) is None
    for each in before:
        room.enter(each)
    found = room.refusal(tokens, NOW)
    assert (found is None) is (refusal is None)
    if found is not None and refusal is not None:
        assert found[0] == refusal[0]
        assert found[1] == pytest.approx(refusal[1])
    assert room.under_way == len(before)


@pytest.mark.parametrize(
    ("expected", "used", "left"),
    [(100, 100, 500), (100, 0, 600), (100, 30, 570), (100, 400, 200), (0, 700, -100), (600, 1, 599)],
)
def test_what_was_expected_gives_way_to_what_was_used(expected: int, used: int, left: int) -> None:
    """When a call is over its estimate is corrected, both ways, and its place is free."""
    room = Room(1, 0, 600)
    assert room.refusal(expected, NOW) is None
    room.enter(expected)
    assert room.refusal(1, NOW) == ("concurrency", 1.0)
    room.leave(expected, used)
    assert room.under_way == 0
    assert (room.refusal(max(1, left), NOW) is None) is (left > 0)
    if left < 600:
        found = room.refusal(left + 1 if left > 0 else 1, NOW)
        assert found is not None
        assert found[0] == "tpm"
        assert found[1] == pytest.approx((1 if left > 0 else 1 - left) / 10)


# Before and after: limits; three calls of 100 tokens were under way when they changed, at one moment.
@pytest.mark.parametrize(
    ("before", "after", "refusal"),
    [
        ((3, 0, 0), (4, 0, 0), None),
        ((4, 0, 0), (3, 0, 0), "concurrency"),
        ((4, 0, 0), (1, 0, 0), "concurrency"),
        ((3, 0, 0), (0, 0, 0), None),
        ((0, 0, 0), (3, 0, 0), "concurrency"),
        ((0, 3, 0), (0, 4, 0), "rpm"),
        ((0, 3, 0), (0, 300, 0), "rpm"),
        ((0, 4, 0), (0, 3, 0), "rpm"),
        ((0, 4, 0), (0, 4, 0), None),
        ((0, 4, 0), (0, 8, 0), None),
        ((0, 3, 0), (0, 0, 0), None),
        ((0, 0, 0), (0, 1, 0), None),
        ((0, 0, 300), (0, 0, 301), "tpm"),
        ((0, 0, 301), (0, 0, 300), "tpm"),
        ((0, 0, 301), (0, 0, 301), None),
        ((0, 0, 600), (0, 0, 300), None),
        ((0, 0, 300), (0, 0, 0), None),
        ((0, 0, 0), (0, 0, 1), None),
        ((0, 0, 300), (0, 0, 300), "tpm"),
    ],
)
def test_changed_limits(before: tuple[int, int, int], after: tuple[int, int, int], refusal: str | None) -> None:
    """What part was used before a change is used after it; a limit that is new begins with nothing used, except that calls
    under way are always known."""
    room = Room(*before)
    for _ in range(3):
        assert room.refusal(100, NOW) is None
        room.enter(100)
    room.change(*after)
    found = room.refusal(1, NOW)
    assert (found[0] if found is not None else None) == refusal
    for _ in range(3):
        room.leave(100, 100)
    assert room.under_way == 0


@FEW
@given(
    st.integers(0, 4), st.integers(0, 20), st.integers(0, 500),
    st.lists(st.tuples(st.floats(0, 20), st.booleans(), st.integers(0, 200), st.integers(0, 400)), max_size=60),
)
def test_never_more_calls_than_there_is_room_for(
    most: int, rpm: int, tpm: int, steps: list[tuple[float, bool, int, int]]
) -> None:
    """Calls come and go in any order: at no time too many at once, never more a minute than the limit and what
    was refilled, and tokens beyond their limit only by what was under way."""
    room, now = Room(most, rpm, tpm), NOW
    under_way: list[int] = []
    entered: list[float] = []
    tokens = debt = 0.0
    for after, comes, expected, used in steps:
        now += after
        if not comes and under_way:
            room.leave(under_way[0], used)
            tokens += used - under_way[0]
            debt += max(0, used - under_way.pop(0))
        elif comes and room.refusal(expected, now) is None:
            room.enter(expected)
            under_way.append(expected)
            entered.append(now)
            tokens += expected
            debt += max(0, expected - tpm)
    assert room.under_way == len(under_way)
    assert not most or len(under_way) <= most
    if rpm:
        for at, start in enumerate(entered):
            for count, end in enumerate(entered[at:], 1):
                assert count <= rpm + (end - start) * rpm / MINUTE + 1e-6
    if tpm:
        assert tokens <= tpm + (now - NOW) * tpm / MINUTE + debt + 1e-6


# What SDKs make of these: `retry-after-ms` before `retry-after`; `x-should-retry: false` ends it (OpenAI and Anthropic
# SDKs). Some sleep through any `retry-after`, so that a wait of more than a minute is better not waited for.
@pytest.mark.parametrize(
    ("wait", "fields"),
    [
        (0, {"retry-after": "1", "retry-after-ms": "1"}),
        (0.0001, {"retry-after": "1", "retry-after-ms": "1"}),
        (0.25, {"retry-after": "1", "retry-after-ms": "250"}),
        (0.2501, {"retry-after": "1", "retry-after-ms": "251"}),
        (0.9999, {"retry-after": "1", "retry-after-ms": "1000"}),
        (1, {"retry-after": "1"}),
        (1.001, {"retry-after": "2"}),
        (59.5, {"retry-after": "60"}),
        (60, {"retry-after": "60"}),
        (60.001, {"retry-after": "61", "x-should-retry": "false"}),
        (3600, {"retry-after": "3600", "x-should-retry": "false"}),
    ],
)
def test_retry_after(wait: float, fields: dict[str, str]) -> None:
    """Whole seconds, never too few and never 0; thousandths where they say more; the true time for long waits too."""
    assert dict(retry_after(wait)) == fields
    assert len(retry_after(wait)) == len(fields)
