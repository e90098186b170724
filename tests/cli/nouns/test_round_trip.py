"""Whatever routing objects there are: export and apply are each other's reverse."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from stationmaster.cli.declared.carrying import carry_out
from stationmaster.cli.declared.document import Document, Held, held, spelled
from stationmaster.cli.declared.plan import Step, plan
from stationmaster.cli.declared.reading import Wanted, read
from stationmaster.cli.declared.sealed import Secret
from stationmaster.cli.declared.tables import TABLES, Name
from stationmaster.cli.declared.writing import text_of
from stationmaster.cli.desk import Asked
from stationmaster.cli.local import Local
from stationmaster.cli.session import at_terminal
from stationmaster.credentials import services as credentials
from stationmaster.credentials.sources import policy as sources
from stationmaster.entrances import live
from stationmaster.gateway.config import ConfigError, Surroundings
from stationmaster.issuers.registry import KINDS as ISSUERS
from stationmaster.settings import Settings
from stationmaster.store.changes import rehearsal
from stationmaster.targets.registry import KINDS
from stationmaster.vendors.registry import VENDORS
from stationmaster.workspaces import addresses
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.policy import SeatPolicy, use
from stationmaster.workspaces.tables import POLICY

AROUND = Surroundings({}, lambda _: b"", Path("/"))
EMPTY: Mapping[Any, Any] = dict.fromkeys(TABLES, ())

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:@/-]{0,12}", fullmatch=True)
marks = st.characters(min_codepoint=33, exclude_categories=("C", "Z")) | st.sampled_from(" \t\n\"'\\#")
words = st.text(marks, min_size=1, max_size=20)
models = st.lists(st.from_regex(r"[a-z0-9][a-z0-9.-]{0,8}\*?", fullmatch=True), min_size=1, max_size=3, unique=True)
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True)
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
    life, priced = lives([each["id"] for each in workspaces]), some(prices=prices)
    credentials = [{"id": name, "vendor": draw(vendor), **draw(owned), **draw(priced), **draw(life)} for name in rows()]
    credentials += [{**each, **draw(some(organisation=words, disabled=st.booleans())), **draw(priced), **draw(life)}
                    for each in draw(issued())]  # fmt: skip
    ids = [each["id"] for each in credentials]
    places = rows() if ids else []
    tables = {
        "workspace": workspaces, "credential": credentials,
        "pool": [{"id": name, "members": draw(members(ids))} for name in places],
        "route": draw(routes(places)), "key": [{"id": name, **draw(keys(places))} for name in rows()],
        "target": draw(targets()),
    }  # fmt: skip
    chosen = draw(st.sampled_from(["", *places]))
    head: dict[str, Any] = {"gateway": {"default_pool": chosen}} if chosen else {}
    return head | {kind: found for kind, found in tables.items() if found}


def lives(places: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """How a credential's secrets follow one another: all that stays as it is where it is left out, nothing as it usually is."""
    told: dict[str, Any] = {
        "lifetime_days": st.integers(1, 3650), "rotate_days": st.integers(1, 3650), "keep_hours": st.integers(25, 2160),
        "warn_days": st.integers(0, 13), "project": st.sampled_from(["proj_1", "proj_2"]),
        "scopes": st.lists(st.sampled_from(["model.read", "model.request"]), min_size=1, unique=True),
    }  # fmt: skip
    return st.fixed_dictionaries(told | ({"workspace": st.sampled_from(places)} if places else {}))


@st.composite
def issued(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Credentials whose secrets come from sources: one of a name has the same vendor in every file, for it does not move."""
    def rows(prefix: str) -> list[str]:
        return [f"{prefix}:{name}" for name in draw(st.lists(names, max_size=2, unique=True))]

    own = [{"id": name, "vendor": "openai_compatible", "base_url": "https://v.example.com/x", "source": draw(granted(name))}
           for name in rows("own")]  # fmt: skip
    identity = st.sampled_from(["file:token", *(f"credential:{each['id']}" for each in own)])
    azure = [{"id": name, "vendor": "azure_openai", "base_url": "https://acme.openai.azure.com",
              "source": draw(from_entra(name, identity))} for name in rows("az")]  # fmt: skip
    rule = some(service_account_id=ids, workspace_id=ids, address=st.just("https://login.example.com/v"))
    federated = [{"id": name, "vendor": "anthropic", "source": {"kind": "anthropic_federation", "federation_rule_id": "rule-1",
                  "organization_id": draw(ids), "identity": draw(identity), **draw(rule)}} for name in rows("fed")]  # fmt: skip
    role = some(seconds=st.integers(900, 43_200), session_name=st.just("us"), external_id=st.just("ours"))
    roles = [{"id": name, "vendor": "bedrock", "base_url": "https://bedrock-runtime.eu-central-1.amazonaws.com", "source": {
              "kind": "aws", "role_arn": f"arn:aws:iam::123456789012:role/{draw(ids)}", "region": "eu-central-1",
              **draw(role), "secret": f"stored:{name}"}} for name in rows("aws")]  # fmt: skip
    return draw(st.permutations([*own, *azure, *federated, *roles]))


@st.composite
def granted(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A source at the company's own identity provider; all that may be sealed is said to be."""
    urls = ["https://login.example.com/token", "https://login.example.com/token?tenant=2"]
    told = {"token_url": st.sampled_from(urls), "client_id": ids, "secret": st.just(f"stored:{name}")}
    tuned = {"scope": words, "allow_insecure_http": st.booleans(), "auth": st.just("client_secret_post")}
    if draw(st.booleans()):
        told["refresh_token"] = st.just(f"stored:{name}")
        return {"kind": "oauth2_refresh_token", **draw(st.fixed_dictionaries(told, optional=tuned))}
    return {"kind": "oauth2_client_credentials", **draw(st.fixed_dictionaries(told, optional={**tuned, "audience": words}))}


@st.composite
def from_entra(draw: st.DrawFn, name: str, identity: st.SearchStrategy[str]) -> dict[str, Any]:
    """A source at Microsoft Entra ID: with a secret, with another one's token, or as the machine that it runs on."""
    mode = draw(st.sampled_from(["client_secret", "workload_identity", "managed_identity"]))
    known = {} if mode == "managed_identity" else {"tenant": draw(ids), "client_id": draw(ids)}
    more = {"client_secret": {"secret": f"stored:{name}"}, "workload_identity": {"mode": mode, "identity": draw(identity)}}
    rest = some(authority=st.just("login.microsoftonline.us"))
    return {"kind": "entra", **known, **more.get(mode, {"mode": mode}), **draw(rest)}


@st.composite
def targets(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Targets of every kind, with their secrets; one of them is the default."""
    listed = st.lists(st.text(marks, min_size=1, max_size=9), min_size=1, max_size=3, unique=True)
    said = some(
        label=words, priority=st.integers(1, 100), concurrency=st.integers(0, 100_000), groups=listed, group_names=listed,
        models=listed, read_minutes=st.integers(0, 44_640), calls_per_minute=st.integers(0, 6000), disabled=st.booleans(),
        disabled_reason=words, allow_insecure_http=st.booleans(),
    )  # fmt: skip
    users = {"key": st.just({}), "user_password": st.fixed_dictionaries({"user": words}),
             "key_user_id": st.fixed_dictionaries({"user": st.integers(1, 99).map(str)})}  # fmt: skip
    found = []
    for name in draw(st.lists(names, max_size=3, unique=True)):
        kind = draw(st.sampled_from([*KINDS.values()]))
        host = f"relay-{sha256(name.encode()).hexdigest()[:12]}.example.com"      # no two targets are one gateway
        place = st.sampled_from([f"https://{host}", f"https://{host}/admin/"])
        found.append({"id": name, "kind": kind.name, "base_url": draw(place), **draw(users[kind.credential]), **draw(said),
                      "secret": f"stored:{name}"})  # fmt: skip
    if found:
        found[draw(st.integers(0, len(found) - 1))]["default"] = True
    return found


def _at(vendor: str) -> dict[str, Any]:
    """A vendor, with an address where it has none of its own."""
    place = "/v1/projects/acme-1/locations/global" if vendor == "vertex" else ""
    own = vendor not in ("azure_openai", "openai_compatible", "bedrock", "vertex")
    return {"vendor": vendor} if own else {"vendor": vendor, "base_url": f"https://v.example.com/x{place}"}


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
    assert not [step.name for step in steps if step.needed and step.after and step.after.get("vendor") == "manual"]
    needed = [(name, step.after or {}) for step in steps for name in step.needed]
    secrets = {name: Secret("", made_up(number, name, after)) for number, (name, after) in enumerate(needed)}
    list(carry_out(desk, steps, secrets, lambda: steps))
    live.renew()
    return steps


def made_up(number: int, name: Name, after: Mapping[str, Any]) -> str:
    """A secret of the form that is wanted."""
    if name[0] == "source" and after["source"]["kind"] == "aws":
        return json.dumps({"access_key_id": f"AKIA{number:016}", "secret_access_key": f"{number:040}"})
    return f"sk-{number:08}"


@pytest.fixture
def desk(database: Path) -> Iterator[Local]:
    """This machine's own, where the company's identity provider is known and identity tokens are in a folder."""
    addresses.allow_address(at_terminal(), {"name": "login.example.com", "reason": "the company's"})
    sources.use(lambda: sources.SourcePolicy(database, ambient=True))
    yield Local(at_terminal())
    sources.use(sources.SourcePolicy)


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
        for kind in ("workspace", "credential", "pool", "key", "target"):
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
        secret = {"secret": "sk-00000000"} if name != "manual" else {}
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


def test_what_a_file_does_not_say_of_a_credentials_life(desk: Local) -> None:
    """What a file leaves out stays as it is, so that an older file ends no rotation; what it says is taken, though it be what is
    usual; and saying what is so anyway changes nothing."""
    head = '[[credential]]\nid = "c"\nvendor = "openai"\n'
    place = '[[workspace]]\nid = "w"\nvendor = "manual"\n'
    short, none, whole = (read(f"{text}{place}", "x", "toml", AROUND, EMPTY) for text in (
        head, f"{head}rotate_days = 0\nkeep_hours = 24\n",
        f'{head}workspace = "w"\nproject = "proj_1"\nrotate_days = 30\nkeep_hours = 0\nwarn_days = 7\nlifetime_days = 90\n',
    ))  # fmt: skip
    apply(desk, short)
    assert steps_of(held(desk), none) == ()
    apply(desk, whole)
    row = credentials.get_credential(at_terminal(), "c")
    assert (row["workspace"], row["project"]) == (workspaces.get_workspace(at_terminal(), "w")["id"], "proj_1")
    assert (row["rotate_days"], row["keep_hours"], row["warn_days"], row["lifetime_days"]) == (30, 0, 7, 90)
    assert steps_of(held(desk), short) == ()
    text = text_of(held(desk).document, "toml")
    assert 'workspace = "w"' in text
    assert "scopes" not in text
    (step,) = apply(desk, none)
    assert (step.verb, step.name) == ("update", "c")
    row = credentials.get_credential(at_terminal(), "c")
    assert (row["rotate_days"], row["keep_hours"], row["warn_days"], row["project"]) == (0, 24, 7, "proj_1")


@pytest.mark.parametrize("wrong", [
    'workspace = "nowhere"', "rotate_days = -1", "keep_hours = 2161", "warn_days = 1.5", "scopes = 'all'",
    "expires_at = '2030-01-01'",
])  # fmt: skip
def test_lives_that_cannot_be(wrong: str) -> None:
    """Each is told with its line, before anything is asked of a control plane."""
    with pytest.raises(ConfigError) as refused:
        read(f'[[credential]]\nid = "c"\nvendor = "openai"\n{wrong}\n', "x", "toml", AROUND, EMPTY)
    (problem,) = refused.value.problems
    assert problem.line == 4


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
    secret = {"secret": f"stored:{row['id']}"} if kind == "credential" or row.get("vendor", "manual") != "manual" else {}
    if "source" in row:
        secret, row = {}, {**row, "source": compact_source(row["source"])}
    return msgspec.convert({**row, **secret}, TABLES[kind])


def compact_source(source: dict[str, Any]) -> dict[str, Any]:
    """Without what says the default."""
    shape = ISSUERS[source["kind"]].shape
    own = {field.name: field.default for field in msgspec.structs.fields(shape)}
    return {name: value for name, value in source.items() if name not in own or own[name] != value}
