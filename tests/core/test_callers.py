"""Keys at their limits: who is let in, who is told what, and that everything taken is given back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW
from core.test_spend import NOON, at
from stationmaster.gateway.core.callers import Caller
from stationmaster.gateway.core.memory import Memory
from stationmaster.gateway.core.snapshot import Budget, VirtualKey

NOW = 5000.0


def caller(memory: Memory | None = None, budget: Budget | None = None, expires: float = 0.0, **limits: Any) -> Caller:
    """A key with these limits."""
    key = VirtualKey("k", "0" * 64, budget=budget or Budget(), expires=expires, **limits)
    return Caller(key, memory or Memory())


@pytest.mark.parametrize(
    ("made", "guarded"),
    [
        (caller(), False),
        (caller(rpm=1), True),
        (caller(tpm=1), True),
        (caller(max_concurrency=1), True),
        (caller(expires=NOON), True),
        (caller(budget=Budget(day=1)), True),
        (caller(budget=Budget(month=1)), True),
        (caller(budget=Budget(total=1)), True),
    ],
)
def test_only_keys_with_limits_are_checked(made: Caller, guarded: bool) -> None:
    """A key without any limit costs a request nothing, and is always let in."""
    assert made.guarded is guarded
    if not guarded:
        assert all(made.admit(10**9, 10**15, NOW, NOON) is None for _ in range(100))


SPENT_DAY = {"retry-after": "43200", "x-should-retry": "false"}
# Calls (tokens, nanodollars) that are let in and do not end, then one more: its status, code and headers.
ROWS: list[tuple[dict[str, Any], list[tuple[int, int]], tuple[int, int], int | None, str, dict[str, str]]] = [
    ({"rpm": 2}, [(1, 0)] * 2, (1, 0), 429, "key_requests_limited", {"retry-after": "30"}),
    ({"rpm": 60}, [(1, 0)] * 60, (1, 0), 429, "key_requests_limited", {"retry-after": "1"}),
    ({"rpm": 600}, [(1, 0)] * 600, (1, 0), 429, "key_requests_limited", {"retry-after": "1", "retry-after-ms": "100"}),
    ({"rpm": 1}, [(1, 0)], (1, 0), 429, "key_requests_limited", {"retry-after": "60"}),
    ({"tpm": 600}, [(600, 0)], (50, 0), 429, "key_tokens_limited", {"retry-after": "5"}),
    ({"tpm": 600}, [(300, 0)], (300, 0), None, "", {}),
    ({"tpm": 600}, [], (10**9, 0), None, "", {}),
    ({"tpm": 600}, [(1200, 0)], (600, 0), 429, "key_tokens_limited", {"retry-after": "120", "x-should-retry": "false"}),
    ({"max_concurrency": 2}, [(1, 0)] * 2, (1, 0), 429, "key_calls_limited", {"retry-after": "1"}),
    ({"budget": Budget(day=100)}, [(1, 60)], (1, 41), 402, "budget_spent", SPENT_DAY),
    ({"budget": Budget(day=100)}, [(1, 60)], (1, 40), None, "", {}),
    ({"budget": Budget(month=100)}, [(1, 60)], (1, 41), 402, "budget_spent", SPENT_DAY),
    ({"budget": Budget(day=100)}, [], (1, 101), 402, "budget_spent", {"x-should-retry": "false"}),
    ({"budget": Budget(day=100, month=150)}, [(1, 90)], (1, 101), 402, "budget_spent", {"x-should-retry": "false"}),
    ({"budget": Budget(total=100)}, [(1, 60)], (1, 41), 402, "budget_spent", {"x-should-retry": "false"}),
    ({"expires": NOON}, [], (1, 0), 403, "key_expired", {"x-should-retry": "false"}),
    ({"expires": NOON - 1}, [], (1, 0), 403, "key_expired", {"x-should-retry": "false"}),
    ({"expires": NOON + 0.001}, [], (1, 0), None, "", {}),
    # of several reasons the one that lasts is told
    ({"expires": NOON, "budget": Budget(day=1), "rpm": 1}, [], (1, 9), 403, "key_expired", {"x-should-retry": "false"}),
    ({"budget": Budget(total=10), "max_concurrency": 1}, [(1, 9)], (1, 9), 402, "budget_spent", {"x-should-retry": "false"}),
]


@pytest.mark.parametrize(("limits", "before", "call", "status", "code", "headers"), ROWS)
def test_one_call_more(
    limits: dict[str, Any], before: list[tuple[int, int]], call: tuple[int, int], status: int | None, code: str,
    headers: dict[str, str],
) -> None:
    """Which limit refuses, with which status, and the true time after which it will not: beyond a minute together
    with the advice not to wait."""
    made = caller(**limits)
    assert [made.admit(*each, NOW, NOON) for each in before] == [None] * len(before)
    fault = made.admit(*call, NOW, NOON)
    if status is None:
        assert fault is None
        return
    assert fault is not None
    assert (fault.status, fault.code, dict(fault.headers)) == (status, code, headers)


def test_shortly_before_midnight() -> None:
    """A wait of seconds is worth waiting: the client is told how long, and not told off."""
    made = caller(budget=Budget(day=100))
    assert made.admit(1, 50, NOW, at("2027-01-31T23:59:50")) is None
    fault = made.admit(1, 51, NOW, at("2027-01-31T23:59:50"))
    assert fault is not None
    assert dict(fault.headers) == {"retry-after": "10"}


@pytest.mark.parametrize(
    ("limits", "tokens", "estimate"),
    [
        ({"rpm": 2, "budget": Budget(day=100)}, 1, 101),
        ({"max_concurrency": 1, "tpm": 100, "budget": Budget(day=100)}, 1, 101),
        ({"rpm": 2, "expires": NOON, "budget": Budget(day=100)}, 1, 1),
    ],
)
def test_a_refusal_takes_nothing(limits: dict[str, Any], tokens: int, estimate: int) -> None:
    """Neither money nor room is set aside for a call that did not begin."""
    made = caller(**limits)
    assert all(made.admit(tokens, estimate, NOW, NOON) for _ in range(5))
    assert made.purse is not None
    assert made.room is not None
    assert (made.purse.reserved, made.room.under_way) == (0, 0)
    assert made.room.refusal(100, NOW) is None


def test_room_that_refuses_takes_no_money() -> None:
    """A call that its budget would take and its requests a minute do not sets nothing aside."""
    made = caller(budget=Budget(day=100), rpm=1)
    assert made.admit(1, 10, NOW, NOON) is None
    assert all(made.admit(1, 10, NOW, NOON) for _ in range(20))
    assert made.purse is not None
    assert made.purse.reserved == 10


@FEW
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 50), st.integers(0, 500), st.integers(0, 50)), max_size=40))
def test_all_that_is_taken_is_given_back(calls: list[tuple[int, int, int, int]]) -> None:
    """When all calls are over nothing is set aside and nobody is inside; what is booked is what they cost."""
    made = caller(budget=Budget(total=1000), max_concurrency=5, tpm=2000)
    inside, paid = list[tuple[int, int, int, int]](), 0
    for call in calls:
        if made.admit(call[0], call[1], NOW, NOON) is None:
            inside.append(call)
        elif inside:
            tokens, estimate, used, cost = inside.pop(0)
            made.leave(tokens, used, estimate, cost, NOON)
            paid += cost
    for tokens, estimate, used, cost in inside:
        made.leave(tokens, used, estimate, cost, NOON)
        paid += cost
    made.put_back()
    assert made.purse is not None
    assert made.room is not None
    assert (made.purse.reserved, made.room.under_way, made.purse.news()) == (0, 0, paid)


STEPS = st.lists(st.tuples(st.sampled_from(("begin", "begin", "end", "tick")), st.integers(0, 300), st.integers(0, 50),
                           st.integers(0, 300), st.integers(0, 60)), max_size=60)
LIMITS: list[dict[str, Any]] = [{"rpm": 20}, {"tpm": 2000}, {"max_concurrency": 3}, {"rpm": 9, "tpm": 900}, {}]


@FEW
@given(STEPS, st.sampled_from(LIMITS), st.sampled_from([Budget(), Budget(day=300), Budget(total=200, month=150)]))
def test_a_quick_yes_is_what_a_look_would_say(steps: list[Any], limits: dict[str, Any], budget: Budget) -> None:
    """Counting down what was looked at lets in whom looking each time lets in, and ends with the same books."""
    quick, slow = caller(budget=budget, **limits), caller(budget=budget, **limits)
    inside = list[tuple[int, int]]()
    for step, tokens, estimate, used, cost in steps:
        if step == "begin":
            slow.put_back()
            let_in = slow.admit(tokens, estimate, NOW, NOON) is None
            assert (quick.quick(tokens, estimate) or quick.admit(tokens, estimate, NOW, NOON) is None) == let_in
            inside += [(tokens, estimate)] * let_in
        elif step == "end" and inside:
            expected, reserved = inside.pop(0)
            for each in (quick, slow):
                each.leave(expected, used, reserved, cost, NOON)
        else:
            quick.put_back()
    assert books(quick) == books(slow)


def books(made: Caller) -> list[int]:
    """What is set aside, spent, under way and demanded."""
    made.put_back()
    purse, room = made.purse, made.room
    return ([purse.reserved, purse.news(), purse.asked()] if purse else []) + ([room.under_way, room.asked()] if room else [])


def test_another_snapshot_keeps_what_was_used() -> None:
    """A reload is no way to a fresh minute or a fresh budget; its new limits hold at once."""
    memory = Memory()
    first = caller(memory, Budget(total=100), rpm=2)
    assert [first.admit(1, 40, NOW, NOON) for _ in range(2)] == [None, None]
    again = caller(memory, Budget(total=100), rpm=2)
    fault = again.admit(1, 10, NOW, NOON)
    assert fault is not None
    assert fault.code == "key_requests_limited"
    first.leave(1, 1, 40, 90, NOON)
    larger = caller(memory, Budget(total=200), rpm=100)
    assert larger.admit(1, 60, NOW + 60, NOON) is None
    assert larger.admit(1, 60, NOW + 60, NOON) is not None, "90 spent, 40 and 60 set aside"


def test_two_snapshots_count_together() -> None:
    """A request that was understood before a reload and one after it do not each get the whole of a limit."""
    memory = Memory()
    callers = [caller(memory, Budget(total=100), rpm=10, tpm=1000) for _ in range(3)]
    let_in = [each.quick(90, 10) or each.admit(90, 10, NOW, NOON) is None for _ in range(8) for each in callers]
    assert let_in.count(True) == 10


def test_a_limit_that_comes_back() -> None:
    """Calls that began before a limit was taken off are under way when it is put on again."""
    memory = Memory()
    first = caller(memory, max_concurrency=2)
    assert [first.admit(1, 0, NOW, NOON) for _ in range(2)] == [None, None]
    free = caller(memory)
    assert free.quick(1, 0) or free.admit(1, 0, NOW, NOON) is None
    again = caller(memory, max_concurrency=3)
    assert again.admit(1, 0, NOW, NOON) is not None
    first.leave(1, 1, 0, 0, NOON)
    assert again.admit(1, 0, NOW, NOON) is None


def test_keys_do_not_share() -> None:
    """One key's use is nobody else's."""
    memory = Memory()
    one, other = (
        Caller(VirtualKey(name, "0" * 64, rpm=1, budget=Budget(day=10)), memory) for name in ("one", "other")
    )
    assert one.admit(1, 10, NOW, NOON) is None
    assert one.admit(1, 0, NOW, NOON) is not None
    assert other.admit(1, 10, NOW, NOON) is None
