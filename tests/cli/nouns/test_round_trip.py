"""Whatever routing objects there are: export and apply are each other's reverse."""

import dataclasses
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from stationmaster.cli.declared.carrying import carry_out
from stationmaster.cli.declared.document import Document, Held, held, spelled
from stationmaster.cli.declared.plan import Step, plan
from stationmaster.cli.declared.reading import Secret, Wanted, read
from stationmaster.cli.declared.tables import TABLES
from stationmaster.cli.declared.writing import text_of
from stationmaster.cli.desk import Asked
from stationmaster.cli.local import Local
from stationmaster.cli.session import at_terminal
from stationmaster.entrances import live
from stationmaster.gateway.config import ConfigError, Surroundings
from stationmaster.settings import Settings
from stationmaster.store.changes import rehearsal
from stationmaster.vendors.registry import VENDORS
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.policy import SeatPolicy, use
from stationmaster.workspaces.tables import POLICY

AROUND = Surroundings({}, lambda _: b"", Path("/"))
EMPTY: Mapping[Any, Any] = dict.fromkeys(TABLES, ())

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:@/-]{0,12}", fullmatch=True)
marks = st.characters(min_codepoint=33, exclude_categories=("C", "Z")) | st.sampled_from(" \t\n\"'\\#")
words = st.text(marks, min_size=1, max_size=20)
models = st.lists(st.from_regex(r"[a-z0-9][a-z0-9.-]{0,8}\*?", fullmatch=True), min_size=1, max_size=3, unique=True)
limits = st.integers(0, 1_000_000_000)
dollars = st.integers(0, 10**12).map(lambda nano: nano / 10**9)
prices = st.dictionaries(
    st.from_regex(r"[a-z0-9][a-z0-9.*-]{0,10}", fullmatch=True),
    st.fixed_dictionaries({"input": dollars, "output": dollars}, optional={"cache_read": dollars}), max_size=3,
)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A table with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """The tables of a file in which every name exists."""
    owned = some(organisation=words, disabled=st.booleans(), disabled_reason=words, base_url=st.just("https://v.example.com/x/"))
    vendor = st.sampled_from(["openai", "anthropic", "gemini"])
    told = {"reconcile_minutes": st.integers(0, 44_640), "remove_inactive_days": st.integers(0, 3650)}
    allowed = st.lists(st.sampled_from(["example.com", "eu.example.com", "a-b.example"]), min_size=1, max_size=2, unique=True)
    policy = {
        "fix_drift": st.sampled_from(["none", "invite", "all"]), "removes": st.sampled_from(["managed", "known", "all"]),
        "calls_per_minute": st.integers(0, 6000), "allowed_domains": allowed, "seat_limit": st.integers(0, 1_000_000),
        "grace_days": st.integers(0, 365), "notify": st.booleans(),
    }  # fmt: skip

    def rows() -> list[str]:
        return draw(st.lists(names, max_size=3, unique=True))

    place = st.fixed_dictionaries(told, optional=policy)
    anywhere = st.sampled_from([*VENDORS]).map(_at)
    workspaces = [{"id": name, **draw(anywhere), **draw(owned), **draw(place)} for name in rows()]
    credentials = [{"id": name, "vendor": draw(vendor), **draw(owned), **draw(some(prices=prices))} for name in rows()]
    ids = [each["id"] for each in credentials]
    places = rows() if ids else []
    tables = {
        "workspace": workspaces, "credential": credentials,
        "pool": [{"id": name, "members": draw(members(ids))} for name in places],
        "route": draw(routes(places)), "key": [{"id": name, **draw(keys(places))} for name in rows()],
    }  # fmt: skip
    chosen = draw(st.sampled_from(["", *places]))
    head: dict[str, Any] = {"gateway": {"default_pool": chosen}} if chosen else {}
    return head | {kind: found for kind, found in tables.items() if found}


def _at(vendor: str) -> dict[str, Any]:
    """A vendor, with an address where it has none of its own."""
    own = vendor not in ("azure_openai", "openai_compatible")
    return {"vendor": vendor} if own else {"vendor": vendor, "base_url": "https://v.example.com/x"}


@st.composite
def members(draw: st.DrawFn, ids: list[str]) -> list[dict[str, Any]]:
    """A pool's members."""
    place = some(
        weight=st.integers(1, 1_000_000), priority=st.integers(0, 9), max_concurrency=limits, rpm=limits, tpm=limits,
        models=models,
    )  # fmt: skip
    return [{"credential": each, **draw(place)} for each in draw(st.lists(st.sampled_from(ids), min_size=1, unique=True))]


def keys(places: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """A key's fields."""
    restricted = {"pools": st.lists(st.sampled_from(places), min_size=1, unique=True)} if places else {}
    return some(
        owner=words.filter(str.isascii), tenant=names, models=models, rpm=limits, tpm=limits, max_concurrency=limits,
        expires=st.dates(date(1971, 1, 1)).map(str), budget=some(day_usd=dollars, month_usd=dollars, total_usd=dollars),
        shared_resources=st.booleans(), disabled=st.booleans(), disabled_reason=words, **restricted,
    )  # fmt: skip


@st.composite
def routes(draw: st.DrawFn, places: list[str]) -> list[dict[str, Any]]:
    """Routes that are all reached: each has a model of its own."""
    found = []
    for number in range(draw(st.integers(0, 4)) if places else 0):
        pools = draw(st.lists(st.sampled_from(places), min_size=1, unique=True))
        shared = draw(st.lists(st.sampled_from(["m1", "m2"]), unique=True))
        further = {"fallback": pools[1:]} if pools[1:] else {}
        found.append({"models": [*shared, f"own-{number}"], "pool": pools[0], **further,
                      **draw(some(aliases=st.dictionaries(st.just(f"alias-{number}"), st.just("m1"), min_size=1)))})  # fmt: skip
    return draw(st.permutations(found))


def wanted_of(tables: dict[str, Any], form: str) -> Wanted:
    """What a file with these tables wants: written in one of the forms, and read again."""
    entries: Any = {kind: tuple(tables.get(kind, ())) for kind in TABLES}
    text = text_of(Document(entries, tables.get("gateway", {}).get("default_pool")), "yaml" if form == "yaml" else "toml")
    return read(text, "x", "yaml" if form == "yaml" else "toml", AROUND, EMPTY)


def steps_of(before: Held, wanted: Wanted) -> tuple[Step, ...]:
    """The plan with everything else pruned; no secret is another than the one that is stored."""
    return plan(before, wanted, prune=True, takes=lambda *_: False)


def apply(desk: Local, wanted: Wanted) -> tuple[Step, ...]:
    """Make the desk like that; secrets that are needed are made up."""
    steps = steps_of(held(desk), wanted)
    needed = [step for step in steps if step.needed]
    assert not [step.name for step in needed if step.after and step.after["vendor"] == "manual"]
    secrets: Any = {(step.kind, step.name): Secret("", f"sk-proj-{number:08}") for number, step in enumerate(needed)}
    list(carry_out(desk, steps, secrets, lambda: steps))
    live.renew()
    return steps


@pytest.fixture
def desk(database: Path) -> Local:
    """This machine's own."""
    return Local(at_terminal())


@pytest.mark.timeout(600)
@settings(
    # Not Phase.explain, which traces every line of Django.
    max_examples=15, phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(documents(), documents(), st.sampled_from(["toml", "yaml"]))
def test_there_and_back(desk: Local, database: Path, first: dict[str, Any], second: dict[str, Any], form: str) -> None:
    """From any state, applying any file leads to just that file's objects; the export of them, applied, changes nothing, and
    leads from an empty database to the same export."""
    live.use(Settings())
    wanted = wanted_of(second, form)
    with rehearsal(at_terminal()):
        apply(desk, wanted_of(first, "toml"))
        apply(desk, wanted)
        after = held(desk).document
        assert after.entries["route"] == wanted.document.entries["route"]
        for kind in ("workspace", "credential", "pool", "key"):
            assert after.by_id(kind) == wanted.document.by_id(kind)
        assert after.default_pool == (wanted.document.default_pool or "")
        text = text_of(after, "toml")
        again = read(text, "x", "toml", AROUND, EMPTY)
        assert steps_of(held(desk), again) == ()
        apply(desk, Wanted(Document(dict.fromkeys(TABLES, ())), {}))
        assert text_of(held(desk).document, "toml").count("[") == 0
        apply(desk, again)
        assert text_of(held(desk).document, "toml") == text
    live.renew()


def test_every_vendor_and_all_of_its_policy(desk: Local) -> None:
    """A workspace of each vendor, with nothing left as it was by default, is exported, deleted, and made the same from the file;
    one that people see to by hand takes no secret."""
    values = {
        "fix_drift": "invite", "removes": "known", "calls_per_minute": 17, "reconcile_minutes": 30, "remove_inactive_days": 45,
        "allowed_domains": ["example.com", "eu.example.com"], "seat_limit": 9, "grace_days": 3, "notify": True,
        "seat_price_minor": 1900, "seat_currency": "EUR",
    }  # fmt: skip
    assert values.keys() == set(POLICY)
    for name in VENDORS:
        secret = {"secret": "sk-proj-00000000"} if name != "manual" else {}
        desk.create("workspaces", {"name": f"at-{name}", **_at(name), **secret, **values})
    before = {row["name"]: row for row in desk.page("workspaces", Asked()).items}
    text = text_of(held(desk).document, "toml")
    assert ('"stored:at-manual"' in text, text.count("stored:at-")) == (False, len(VENDORS) - 1)
    apply(desk, Wanted(Document(dict.fromkeys(TABLES, ())), {}))
    assert desk.page("workspaces", Asked()).items == []
    apply(desk, read(text, "x", "toml", AROUND, EMPTY))
    after = {row["name"]: row for row in desk.page("workspaces", Asked()).items}
    for name in ("vendor", "secret_set", *POLICY):
        assert {key: row[name] for key, row in after.items()} == {key: row[name] for key, row in before.items()}, name
    assert text_of(held(desk).document, "toml") == text


def test_what_a_file_does_not_say_of_a_workspace(desk: Local) -> None:
    """How often it is read, and when somebody is inactive, is by the settings where it is new, and stays where it is not; the
    rest is the default."""
    use(lambda: SeatPolicy(reconcile_minutes=15, inactive_days=60))
    try:
        short = read('[[workspace]]\nid = "w"\nvendor = "manual"\n', "x", "toml", AROUND, EMPTY)
        apply(desk, short)
        row = workspaces.get_workspace(at_terminal(), "w")
        assert (row["reconcile_minutes"], row["remove_inactive_days"]) == (15, 60)
        assert steps_of(held(desk), short) == ()
        desk.update("workspaces", "w", {"reconcile_minutes": 30, "fix_drift": "all"})
        (step,) = apply(desk, short)
        assert (step.verb, step.name) == ("update", "w")
        row = workspaces.get_workspace(at_terminal(), "w")
        assert (row["reconcile_minutes"], row["remove_inactive_days"], row["fix_drift"]) == (30, 60, "none")
    finally:
        use(SeatPolicy)


@pytest.mark.parametrize("wrong", [
    "reconcile_minutes = -1", "remove_inactive_days = 9999", "fix_drift = 'sometimes'", "removes = 7", "notify = 'yes'",
    "allowed_domains = ['not a domain']", "calls_per_minute = 1.5", "grace_day = 7", "vendor = 'cursr'",
])  # fmt: skip
def test_policies_that_cannot_be(wrong: str) -> None:
    """Each is told with its line, before anything is asked of a control plane."""
    vendor = "" if wrong.startswith("vendor") else 'vendor = "cursor"\n'
    with pytest.raises(ConfigError) as refused:
        read(f'[[workspace]]\nid = "w"\n{vendor}{wrong}\n', "x", "toml", AROUND, EMPTY)
    (problem,) = refused.value.problems
    assert problem.line == 3 + bool(vendor)


@settings(max_examples=100)
@given(documents(), st.sampled_from(["toml", "yaml"]))
def test_both_forms_say_the_same(tables: dict[str, Any], form: str) -> None:
    """What is written in either form is read as it was."""
    wanted = wanted_of(tables, form)
    expected = {kind: tuple(spelled(_struct(kind, row)) for row in tables.get(kind, ())) for kind in TABLES}
    assert wanted.document.entries == expected
    assert wanted_of(wanted.document.as_file(), form) == dataclasses.replace(wanted)


def _struct(kind: Any, row: dict[str, Any]) -> Any:
    import msgspec

    secret = {"secret": f"stored:{row['id']}"} if kind == "credential" or row.get("vendor", "manual") != "manual" else {}
    return msgspec.convert({**row, **secret}, TABLES[kind])
