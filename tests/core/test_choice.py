"""Who serves what: the first route that matches, what a key may use, and the members of a pool that can serve."""

from collections import Counter

import pytest

import rig
from stationmaster.gateway.core.endpoints import Dialect
from stationmaster.gateway.core.faults import Fault
from stationmaster.gateway.core.life import Life, State
from stationmaster.gateway.core.memory import Memory, Standing
from stationmaster.gateway.core.pools import MAX_MODEL, MAX_TIERS, Plan, PoolState
from stationmaster.gateway.core.requests import RequestHead
from stationmaster.gateway.core.snapshot import Credential, Member, Pool, Route, Settings, Snapshot, Vendor, VirtualKey
from stationmaster.gateway.core.table import MAX_PLANS, Table, allows, resolve
from stationmaster.gateway.core.upstreams import Upstream

NOW = 1000.0
STEP = 0x9E3779B97F4A7C15   # of the golden ratio: its multiples spread evenly over 64 bits
SESSIONS = [number * STEP % 2**64 for number in range(1, 1001)]


def upstreams(*names: str, vendor: Vendor = "openai") -> dict[str, Upstream]:
    """Upstreams of one vendor."""
    return {name: Upstream(Credential(name, vendor, "s", "http://127.0.0.1:9")) for name in names}


def pool_of(*members: Member, made: dict[str, Upstream] | None = None) -> PoolState:
    """A pool of these members, each with an OpenAI credential where `made` has none."""
    return PoolState(Pool("p", members), made or upstreams(*[one.credential for one in members]), Memory())


def serving(pool: PoolState, session: int, dialect: Dialect = "openai", model: str = "m") -> str:
    """Who serves `session`; "" when nobody can."""
    member = pool.choose(pool.tiers(dialect, model), session, NOW)
    return member.id if member is not None else ""


def become(pool: PoolState, name: str, state: State) -> None:
    """The member is in this state from now on."""
    member = next(one for one in pool.members if one.id == name)
    assert isinstance(member.standing, Standing)
    member.standing.become(Life(state, "denied"), NOW)


def test_sessions_are_spread_by_weight() -> None:
    """First priority only, and only members that speak the dialect; each about as often as its weight says."""
    made = upstreams("a", "b", "late") | upstreams("claude", vendor="anthropic")
    pool = pool_of(Member("a", 3), Member("b", 1), Member("late", 9, 1), Member("claude", 5), made=made)
    chosen = Counter(serving(pool, session) for session in SESSIONS)
    assert set(chosen) == {"a", "b"}
    assert 0.65 < chosen["a"] / len(SESSIONS) < 0.85
    assert {serving(pool, session, "anthropic") for session in SESSIONS} == {"claude"}
    assert {serving(pool, session, "gemini") for session in SESSIONS} == {""}
    assert repr(pool) == "PoolState('p': a*3@0, b*1@0, late*9@1, claude*5@0)"
    assert [one.id for one in pool.members] == ["a", "b", "late", "claude"]


def test_a_later_priority_serves_a_dialect_that_the_first_does_not_speak() -> None:
    """Priority counts among those that can serve at all."""
    made = upstreams("a") | upstreams("claude", vendor="anthropic")
    pool = pool_of(Member("a"), Member("claude", 1, 5), made=made)
    assert serving(pool, 3, "anthropic") == "claude"


@pytest.mark.parametrize(
    ("model", "able"),
    [
        ("gpt-4o", {"all", "fours"}),
        ("gpt-4", {"all", "fours"}),
        ("o3", {"all", "three"}),
        ("o3-mini", {"all"}),
        ("GPT-4o", {"all"}),
        ("", {"all", "fours", "three", "none"}),
    ],
)
def test_a_member_serves_its_models_only(model: str, able: set[str]) -> None:
    """Patterns of the name the vendor gets, letter by letter; a request that names no model fits every member."""
    pool = pool_of(
        Member("all"), Member("fours", models=("gpt-4*", "x")), Member("three", models=("o3",)), Member("none", models=())
    )
    assert {serving(pool, session, model=model) for session in SESSIONS} == able


def test_a_model_that_no_member_serves_is_served_by_nobody() -> None:
    """No tiers: nobody is chosen, and waiting would not help."""
    pool = pool_of(Member("a", models=("o3",)))
    tiers = pool.tiers("openai", "gpt-4")
    assert tiers == ()
    assert pool.choose(tiers, 1, NOW) is None
    assert pool.wait(tiers, NOW) is None


def test_tiers_do_not_pile_up() -> None:
    """Made-up model names fill no memory, and what is remembered is what was found."""
    pool = pool_of(Member("a"))
    first = pool.tiers("openai", "m")
    assert pool.tiers("openai", "m") is first
    for number in range(MAX_TIERS * 2):
        pool.tiers("openai", f"m{number}")
    long = "m" * (MAX_MODEL + 1)
    assert pool.tiers("openai", long) is not pool.tiers("openai", long)
    assert pool.tiers("openai", "m0") is not None
    assert 0 < len(pool._tiers) <= MAX_TIERS


# The members' states, in priorities 0 (a, b) and 1 (c, d): x is out, ? is suspect, all else is well.
@pytest.mark.parametrize(
    ("states", "serve", "passed_over"),
    [
        ("", {"a", "b"}, {}),
        ("ax", {"b"}, {"a": "denied"}),
        ("a?", {"b"}, {"a": "suspect"}),
        ("ax b?", {"b"}, {"a": "denied"}),
        ("a? b?", {"a", "b"}, {"a": "suspect", "b": "suspect"}),
        ("ax bx", {"c", "d"}, {"a": "denied", "b": "denied"}),
        ("ax bx c?", {"d"}, {"a": "denied", "b": "denied", "c": "suspect"}),
        ("ax bx cx d?", {"d"}, {"a": "denied", "b": "denied", "c": "denied"}),
        ("ax bx cx dx", {""}, dict.fromkeys("abcd", "denied")),
    ],
)
def test_who_is_passed_over(states: str, serve: set[str], passed_over: dict[str, str]) -> None:
    """The healthy of a priority, then its suspect ones, then the next priority; and why others did not serve."""
    pool = pool_of(Member("a"), Member("b"), Member("c", priority=1), Member("d", priority=1))
    for state in states.split():
        become(pool, state[0], "suspect" if state[1] == "?" else "disabled")
    tiers = pool.tiers("openai", "m")
    seen: set[str] = set()
    told: dict[str, str] = {}
    for session in SESSIONS[:200]:
        skipped: dict[str, str] = {}
        member = pool.choose(tiers, session, NOW, (), skipped)
        seen.add(member.id if member is not None else "")
        assert member is None or member.id not in skipped
        told |= skipped
    assert seen == serve
    assert told == passed_over


def test_who_was_tried_is_not_chosen_again() -> None:
    """Failover goes over every other member once, across priorities, and then ends."""
    pool = pool_of(Member("a"), Member("b"), Member("c", priority=1))
    tiers = pool.tiers("openai", "m")
    for session in SESSIONS[:50]:
        tried: list[str] = []
        while (member := pool.choose(tiers, session, NOW, tried)) is not None:
            tried.append(member.id)
        assert sorted(tried) == ["a", "b", "c"]
        assert tried[-1] == "c"


def test_a_full_member_is_passed_over_and_says_when() -> None:
    """A member without room is as one that is away; when all are full the shortest wait is told."""
    pool = pool_of(Member("a", rpm=60), Member("b", rpm=6))
    tiers = pool.tiers("openai", "m")
    for _ in range(66):
        member = pool.choose(tiers, SESSIONS[0], NOW)
        assert member is not None
        assert member.room is not None
        member.room.enter(1)
    assert pool.choose(tiers, SESSIONS[0], NOW) is None
    wait = pool.wait(tiers, NOW)
    assert wait is not None
    assert wait[0] == "rpm"
    assert wait[1] == pytest.approx(1.0)


def test_the_wait_of_a_cooling_pool() -> None:
    """The shortest pause that is known; of a disabled member nobody knows, so alone it gives no hope."""
    pool = pool_of(Member("a"), Member("b"), Member("c"))
    tiers = pool.tiers("openai", "m")
    for member, until in zip(pool.members, (0.0, NOW + 9, NOW + 7), strict=True):
        assert isinstance(member.standing, Standing)
        member.standing.become(Life("cooling" if until else "disabled", "rate_limited", until=until), NOW)
    assert pool.choose(tiers, 1, NOW) is None
    assert pool.wait(tiers, NOW) == ("rate_limited", 7.0)
    for name in "abc":
        become(pool, name, "disabled")
    assert pool.wait(tiers, NOW) is None


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


def table(*keys: VirtualKey, default: str = "", routes: tuple[Route, ...] = ROUTES[:3]) -> Table:
    """A table with the routes above, or others."""
    pools = tuple(Pool(name, (Member("a"),)) for name in ("first", "second", "third", "rest"))
    return Table(
        Snapshot(
            Settings(default_pool=default),
            (Credential("a", "openai", "s", "http://127.0.0.1:9"),),
            pools,
            routes,
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
        assert (plan.code if isinstance(plan, Fault) else f"{plan.pools[0].id} {plan.sent}") == wanted
        if isinstance(plan, Fault):
            assert plan.status == (403 if plan.code == "model_not_allowed" else 404)


FALLBACKS: list[tuple[tuple[str, ...], str, str]] = [
    ((), "gpt-4o", "first"),
    ((), "claude-x", "third first rest"),
    (("third", "first", "rest"), "claude-x", "third first rest"),
    (("rest", "third"), "claude-x", "third rest"),
    (("first",), "claude-x", "first"),
    (("second",), "claude-x", "pool_not_allowed"),
    (("second",), "gpt-4o", "pool_not_allowed"),
    (("first", "gone"), "gpt-4o", "first"),
]


@pytest.mark.parametrize(("pools", "model", "wanted"), FALLBACKS, ids=[f"{'+'.join(p)}-{m}" for p, m, _ in FALLBACKS])
def test_fallback_pools_in_order(pools: tuple[str, ...], model: str, wanted: str) -> None:
    """The route's pool, then its fallbacks in the route's order, less those that the key may not use."""
    asking = VirtualKey("asking", rig.sha256("asking"), pools=pools)
    made = table(asking, routes=(Route(("claude-*",), "third", fallback=("first", "rest")), *ROUTES[:3]))
    plan = made.plan(head_for(made, asking), model)
    assert (plan.code if isinstance(plan, Fault) else " ".join(pool.id for pool in plan.pools)) == wanted


@pytest.mark.parametrize(
    ("members", "fallback", "several"),
    [("a", "", False), ("ab", "", True), ("a", "a", True), ("ab", "ab", True)],
)
def test_a_plan_knows_whether_there_is_a_choice(members: str, fallback: str, several: bool) -> None:
    """With one member and no fallback nothing depends on the session, so nobody need look for it."""
    asking = key("asking", "*")
    made = Table(
        Snapshot(
            Settings(),
            (Credential("a", "openai", "s"), Credential("b", "openai", "s")),
            (Pool("p", tuple(map(Member, members))), Pool("q", tuple(map(Member, fallback)))),
            (Route(("*",), "p", fallback=("q",) if fallback else ()),),
            (asking,),
        )
    )
    plan = made.plan_named(asking, "m")
    assert isinstance(plan, Plan)
    assert plan.several is several


def test_the_default_pool_is_a_pool_like_others() -> None:
    """A key that may not use it gets nowhere without a model."""
    for pools, wanted in (((), "rest"), (("rest", "x"), "rest"), (("first",), "pool_not_allowed")):
        asking = VirtualKey("asking", rig.sha256("asking"), pools=pools)
        plan = table(asking, default="rest").plan_unnamed(asking, generates=True)
        assert (plan.code if isinstance(plan, Fault) else plan.pools[0].id) == wanted


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
    assert (plan.code if isinstance(plan, Fault) else plan.pools[0].id) == wanted
