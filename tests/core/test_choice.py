"""Who serves what: shares by weight, the first route that matches, and what a key may use."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rig
from core.feeding import FEW
from stationmaster.gateway.core.endpoints import Dialect
from stationmaster.gateway.core.faults import Fault
from stationmaster.gateway.core.pools import MAX_TURNS, Plan, Rotation, spread
from stationmaster.gateway.core.requests import RequestHead
from stationmaster.gateway.core.snapshot import Credential, Member, Pool, Route, Settings, Snapshot, Vendor, VirtualKey
from stationmaster.gateway.core.table import MAX_MODEL, MAX_PLANS, Table, allows, resolve
from stationmaster.gateway.core.upstreams import Upstream


def upstreams(*names: str, vendor: Vendor = "openai") -> dict[str, Upstream]:
    """Upstreams of one vendor."""
    return {name: Upstream(Credential(name, vendor, "s", "http://127.0.0.1:9")) for name in names}


def shares(weights: list[int]) -> list[str]:
    """The slots of members a, b, c… with these weights."""
    names = [chr(97 + at) for at in range(len(weights))]
    made = upstreams(*names)
    return [
        one.id
        for one in spread([(Member(name, weight), made[name]) for name, weight in zip(names, weights, strict=True)])
    ]


@pytest.mark.parametrize(
    ("weights", "slots"),
    [
        ([1], "a"),
        ([7], "a"),
        ([1, 1], "ab"),
        ([2, 2], "ab"),
        ([2, 1], "aba"),
        ([3, 1], "aaba"),
        ([1, 1, 1], "abc"),
        ([4, 2], "aba"),
        ([5, 5, 5], "abc"),
        ([2, 1, 1], "abca"),
    ],
)
def test_shares_are_exact_and_even(weights: list[int], slots: str) -> None:
    """Each member as often as its weight says, in lowest terms, spread out."""
    assert Counter(shares(weights)) == Counter(slots)
    if weights in ([1], [7], [1, 1], [2, 2], [1, 1, 1], [5, 5, 5]):
        assert "".join(shares(weights)) == slots


@FEW
@given(st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_shares_of_any_weights(weights: list[int]) -> None:
    """Over a full turn the counts are the weights; over any window nobody is far from their share."""
    slots = shares(weights)
    common = Counter(slots)
    total = sum(weights)
    for at, weight in enumerate(weights):
        name = chr(97 + at)
        assert common[name] * total == weight * len(slots)
        seen = 0
        for place, slot in enumerate(slots, 1):
            seen += slot == name
            assert abs(seen - place * weight / total) <= 1 + len(weights) / 2


@pytest.mark.parametrize("weights", [[10**9, 1], [1, 10**6, 3], [9999, 10_000], [1] * 5000])
def test_large_weights_are_scaled(weights: list[int]) -> None:
    """Huge weights keep their proportion in a bounded table, and nobody is scaled away."""
    made = upstreams(*map(str, range(len(weights))))
    slots = spread([(Member(str(at), weight), made[str(at)]) for at, weight in enumerate(weights)])
    assert len(slots) <= MAX_TURNS + len(weights)
    assert len({one.id for one in slots}) == len(weights)


def test_turns_go_round() -> None:
    """Turns choose by weight, first priority only, and only members that speak the dialect."""
    made = upstreams("a", "b", "late") | upstreams("claude", vendor="anthropic")
    pool = Rotation(Pool("p", (Member("a", 3), Member("b", 1), Member("late", 9, 1), Member("claude", 5))), made)
    chosen = [one.id for turn in range(40) if (one := pool.choose("openai", turn)) is not None]
    assert Counter(chosen) == {"a": 30, "b": 10}
    only = pool.choose("anthropic", 7)
    assert only is not None
    assert only.id == "claude"
    assert pool.choose("gemini", 0) is None
    assert repr(pool) == "Rotation('p': a*3@0, b*1@0, late*9@1, claude*5@0)"
    assert [one.id for one in pool.members] == ["a", "b", "late", "claude"]


def test_a_later_priority_serves_a_dialect_that_the_first_does_not_speak() -> None:
    """Priority counts among those that can serve at all."""
    pool = Rotation(
        Pool("p", (Member("a"), Member("claude", 1, 5))), upstreams("a") | upstreams("claude", vendor="anthropic")
    )
    found = pool.choose("anthropic", 3)
    assert found is not None
    assert found.id == "claude"


@pytest.mark.parametrize(
    ("vendor", "spoken"),
    [
        ("openai", {"openai"}),
        ("openai_compatible", {"openai"}),
        ("azure_openai", {"openai", "azure"}),
        ("anthropic", {"anthropic"}),
        ("gemini", {"gemini"}),
    ],
)
def test_who_speaks_what(vendor: Vendor, spoken: set[Dialect]) -> None:
    """No translation: a vendor is asked in its own dialect only."""
    dialects: tuple[Dialect, ...] = ("openai", "anthropic", "gemini", "azure")
    one = upstreams("x", vendor=vendor)["x"]
    assert {dialect for dialect in dialects if one.speaks(dialect)} == spoken


ROUTES = (
    Route(("gpt-4o", "o[13]-*"), "first", {"fast": "gpt-4o-mini", "gpt-5": "gpt-4o"}),
    Route(("gpt-*",), "second", {"fast": "never", "slow": "gpt-4"}),
    Route(("claude-?-*", "exact"), "third"),
    Route(("*",), "rest"),
)


@pytest.mark.parametrize(
    ("model", "pool", "sent"),
    [
        ("gpt-4o", "first", "gpt-4o"),
        ("gpt-4o-mini", "second", "gpt-4o-mini"),
        ("fast", "first", "gpt-4o-mini"),
        ("gpt-5", "first", "gpt-4o"),
        ("slow", "second", "gpt-4"),
        ("o1-pro", "first", "o1-pro"),
        ("o2-pro", "rest", "o2-pro"),
        ("claude-3-x", "third", "claude-3-x"),
        ("claude-35-x", "rest", "claude-35-x"),
        ("exact", "third", "exact"),
        ("Exact", "rest", "Exact"),
        ("GPT-4o", "rest", "GPT-4o"),
        ("", "rest", ""),
        ("gpt-", "second", "gpt-"),
        ("never", "rest", "never"),
        ("gpt-4o\n", "second", "gpt-4o\n"),
        ("*", "rest", "*"),
    ],
)
def test_the_first_route_counts(model: str, pool: str, sent: str) -> None:
    """First match in the file's order; an alias is one of its route's models and is replaced once; case counts."""
    found = resolve(ROUTES, model)
    assert found is not None
    assert (found[0].pool, found[1]) == (pool, sent)


def test_no_route() -> None:
    """Nothing matches: nothing is found, whatever the name."""
    assert resolve(ROUTES[:3], "mistral") is None
    assert resolve((), "gpt-4o") is None


@pytest.mark.parametrize(
    ("patterns", "model", "may"),
    [
        (("*",), "anything/at:all", True),
        (("gpt-4o*",), "gpt-4o-mini", True),
        (("gpt-4o*",), "gpt-4", False),
        (("gpt-4o",), "gpt-4o-mini", False),
        (("a", "b"), "b", True),
        ((), "a", False),
        (("gpt-?",), "gpt-4", True),
        (("gpt-?",), "gpt-", False),
        (("[!x]*",), "xa", False),
        (("GPT-*",), "gpt-4", False),
        (("gpt-*",), "GPT-4", False),
        (("gpt-4o",), "gpt-4o ", False),
        (("gpt-4o",), "gpt-4o\n", False),
        (("",), "", True),
    ],
)
def test_what_a_key_may_use(patterns: tuple[str, ...], model: str, may: bool) -> None:
    """Shell patterns over the whole name, letter by letter."""
    assert allows(VirtualKey("k", "00" * 32, models=patterns), model) is may


def table(*keys: VirtualKey, default: str = "") -> Table:
    """A table with the routes above."""
    pools = tuple(Pool(name, (Member("a"),)) for name in ("first", "second", "third", "rest"))
    return Table(
        Snapshot(
            Settings(default_pool=default),
            (Credential("a", "openai", "s", "http://127.0.0.1:9"),),
            pools,
            ROUTES[:3],
            keys,
        )
    )


def key(name: str, *patterns: str) -> VirtualKey:
    """A key with these patterns."""
    return VirtualKey(name, rig.sha256(name), models=patterns)


def head_for(made: Table, asking: VirtualKey) -> RequestHead:
    """The head of a chat request with this key."""
    raw = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer %b\r\ncontent-length: 2\r\n\r\n"
    return made.understand(raw % asking.id.encode())[0]


PLANS: list[tuple[tuple[str, ...], str, str]] = [
    (("*",), "gpt-4o", "first gpt-4o"),
    (("*",), "fast", "first gpt-4o-mini"),
    (("*",), "mistral", "model_not_found"),
    (("gpt-4o",), "gpt-4o", "first gpt-4o"),
    (("gpt-4o",), "gpt-4o-mini", "model_not_allowed"),
    (("gpt-4o",), "gpt-5", "model_not_allowed"),
    (("fast",), "fast", "model_not_allowed"),
    (("gpt-4o-mini",), "fast", "model_not_allowed"),
    (("fast", "gpt-4o-mini"), "fast", "first gpt-4o-mini"),
    (("gpt-*",), "mistral", "model_not_allowed"),
    (("m*",), "mistral", "model_not_found"),
    ((), "gpt-4o", "model_not_allowed"),
    (("gpt-*",), "claude-3-x", "model_not_allowed"),
    (("*",), "claude-3-x", "third claude-3-x"),
]


@pytest.mark.parametrize(("patterns", "model", "wanted"), PLANS, ids=[f"{p}-{m}" for p, m, _ in PLANS])
def test_plans_of_restricted_keys(patterns: tuple[str, ...], model: str, wanted: str) -> None:
    """Both what the client says and what an alias makes of it must be allowed; a key is told no more."""
    asking = key("asking", *patterns)
    made = table(asking)
    for _ in range(2):  # the second answer is remembered
        plan = made.plan(head_for(made, asking), model)
        assert (plan.code if isinstance(plan, Fault) else f"{plan.pool.id} {plan.sent}") == wanted
        if isinstance(plan, Fault):
            assert plan.status == (403 if plan.code == "model_not_allowed" else 404)


def test_plans_of_two_keys_are_not_confused() -> None:
    """What is remembered of one key's plan is no other key's."""
    wide, narrow = key("wide", "*"), key("narrow", "o1-*")
    made = table(wide, narrow)
    for _ in range(3):
        assert isinstance(made.plan(head_for(made, wide), "gpt-4o"), Plan)
        assert isinstance(made.plan(head_for(made, narrow), "gpt-4o"), Fault)
        assert isinstance(made.plan(head_for(made, narrow), "o1-a"), Plan)


def test_plans_do_not_pile_up() -> None:
    """Made-up model names fill no memory, however long."""
    wide = key("wide", "*")
    made = table(wide)
    head = head_for(made, wide)
    for number in range(MAX_PLANS * 3):
        made.plan(head, f"gpt-{number}")
    made.plan(head, "gpt-" + "x" * 100_000)
    assert 0 < len(head.plans) <= MAX_PLANS
    assert max(len(model) for model in head.plans) <= MAX_MODEL


@pytest.mark.parametrize(
    ("patterns", "generates", "default", "wanted"),
    [
        (("*",), True, "rest", "rest"),
        (("*",), False, "rest", "rest"),
        (("gpt-*",), False, "rest", "rest"),
        (("gpt-*",), True, "rest", "model_unnamed"),
        (("*",), True, "", "no_default_pool"),
        (("gpt-*",), False, "", "no_default_pool"),
        (("**",), True, "rest", "model_unnamed"),
    ],
)
def test_plans_without_a_model(patterns: tuple[str, ...], generates: bool, default: str, wanted: str) -> None:
    """Where the vendor would pick the model, only keys that may use every model get there."""
    asking = key("asking", *patterns)
    plan = table(asking, default=default).plan_unnamed(asking, generates=generates)
    assert (plan.code if isinstance(plan, Fault) else plan.pool.id) == wanted
