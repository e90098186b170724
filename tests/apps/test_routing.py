"""Pools, routes and virtual keys: by the rules of gateway.toml, held together, in their order."""

import hashlib
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlkit import ADMIN, VIEWER, a_credential, a_pool
from stationmaster.audit.services import list_events
from stationmaster.credentials.models import Credential
from stationmaster.credentials.services import create_credential
from stationmaster.errors import Conflict, Invalid, NotFound, Stale, StationmasterError
from stationmaster.routing import services as routing
from stationmaster.routing.models import PoolMember, VirtualKey
from stationmaster.store import stored
from stationmaster.store.changes import change, dropped_since, revision
from stationmaster.store.listing import Query

SHA = hashlib.sha256(b"sm-known").hexdigest()


@pytest.fixture
def two(database: str) -> None:
    """Two credentials, and two pools that have them."""
    for name in ("openai-a", "openai-b"):
        create_credential(ADMIN, a_credential(name))
    routing.create_pool(ADMIN, a_pool("main", "openai-a", "openai-b"))
    routing.create_pool(ADMIN, a_pool("spare", "openai-b"))


def order() -> list[tuple[int, str]]:
    """The routes' positions and first models."""
    return [(row["position"], row["models"][0]) for row in routing.list_routes(ADMIN, Query()).items]


def add(*models: str, **more: Any) -> str:
    """Add a route; return its id."""
    row = routing.create_route(ADMIN, {"models": list(models), "pool": "main", **more})
    return str(row["id"])


BAD_POOLS: list[tuple[dict[str, Any], str, str]] = [
    ({"members": []}, "members", "error.config.bad_value"),
    ({"members": "openai-a"}, "members", "error.config.bad_value"),
    ({"members": [{}]}, "members[0].credential", "error.config.missing_key"),
    ({"members": [{"credential": "openai-c"}]}, "members[0].credential", "error.config.dangling"),
    ({"members": [{"credential": "openai-a"}, {"credential": "openai-a"}]}, "members[1].credential", "error.config.duplicate"),
    ({"members": [{"credential": "openai-a", "weight": 0}]}, "members[0].weight", "error.config.bad_value"),
    ({"members": [{"credential": "openai-a", "priority": -1}]}, "members[0].priority", "error.config.bad_value"),
    ({"members": [{"credential": "openai-a", "rpm": 1.5}]}, "members[0].rpm", "error.config.bad_value"),
    ({"members": [{"credential": "openai-a", "models": []}]}, "members[0].models", "error.config.bad_value"),
    ({"members": [{"credential": "openai-a", "wait": 1}]}, "members[0].wait", "error.config.unknown_key"),
    ({"name": "a b"}, "name", "error.config.bad_value"),
]
BAD_ROUTES: list[tuple[dict[str, Any], str, str]] = [
    ({"models": []}, "models", "error.config.missing_key"),
    ({"models": [""]}, "models[0]", "error.config.bad_value"),
    ({"pool": "nowhere"}, "pool", "error.config.dangling"),
    ({"pool": ""}, "pool", "error.config.missing_key"),
    ({"fallback": ["nowhere"]}, "fallback[0]", "error.config.dangling"),
    ({"fallback": ["main"]}, "fallback[0]", "error.config.duplicate"),
    ({"aliases": {"a*": "b"}}, "aliases.a*", "error.config.bad_value"),
    ({"aliases": {"a": "b", "b": "c"}}, "aliases.a", "error.config.bad_value"),
    ({"position": 0}, "position", "error.config.bad_value"),
    ({"position": 3}, "position", "error.config.bad_value"),
    ({"position": "1"}, "position", "error.config.bad_value"),
    ({"models": ["gpt-4o"]}, "route[1]", "error.config.unreachable"),
]
BAD_KEYS: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "a b"}, "name", "error.config.bad_value"),
    ({"secret_sha256": "abc"}, "secret_sha256", "error.config.bad_value"),
    ({"pools": ["nowhere"]}, "pools[0]", "error.config.dangling"),
    ({"models": []}, "models", "error.config.bad_value"),
    ({"rpm": -1}, "rpm", "error.config.bad_value"),
    ({"rpm": True}, "rpm", "error.config.bad_value"),
    ({"expires": "2027-02-30"}, "expires", "error.config.bad_value"),
    ({"expires": "soon"}, "expires", "error.config.bad_value"),
    ({"budget": {"day_usd": -1}}, "budget.day_usd", "error.config.bad_value"),
    ({"budget": {"week_usd": 1}}, "budget.week_usd", "error.config.unknown_key"),
    ({"disabled": 1}, "disabled", "error.config.bad_value"),
    ({"key_hash": "x"}, "key_hash", "error.config.unknown_key"),
]


def test_what_cannot_be_stored(two: None) -> None:
    """Each bad value is refused under its field with the file reader's code, and nothing is stored."""
    add("gpt-*")
    before = revision()
    for noun, table, base in (
        (routing.create_pool, BAD_POOLS, a_pool("new")),
        (routing.create_route, BAD_ROUTES, {"models": ["o1"], "pool": "main"}),
        (routing.create_key, BAD_KEYS, {"name": "k"}),
    ):
        for more, field, code in table:
            with pytest.raises(Invalid) as caught:
                noun(ADMIN, {**base, **more})
            assert (caught.value.code, list(caught.value.fields)) == (code, [field]), (more, caught.value.message)
    assert revision() == before


def test_a_pool_keeps_its_members_in_order(two: None) -> None:
    """Members come back in the order and with every limit that they were given; an update replaces them all."""
    members = [
        {"credential": "openai-b", "weight": 3, "priority": 1, "max_concurrency": 4, "rpm": 5, "tpm": 6, "models": ["b", "a"]},
        {"credential": "openai-a", "weight": 1, "priority": 0, "max_concurrency": 0, "rpm": 0, "tpm": 0, "models": ["*"]},
    ]
    row = routing.update_pool(ADMIN, "main", {"members": members})
    assert row["members"] == members
    assert routing.list_pools(VIEWER, Query(search="MAIN")).items == [row]
    assert PoolMember.objects.filter(pool__name="main").count() == 2
    with pytest.raises(Stale):
        routing.update_pool(ADMIN, "main", {"members": members[:1]}, row["revision"] - 1)
    assert routing.update_pool(ADMIN, "main", {"members": members})["revision"] == row["revision"]
    assert routing.update_pool(ADMIN, "main", {"members": members[::-1]})["revision"] > row["revision"]


def test_pools_of_thousands(database: str) -> None:
    """Pools with more members than one question can name are listed with all of them, and told how they stand; without their
    members, they cost two questions."""
    slots = [Credential(name=f"slot-{at:04}", vendor="openai", secret=f"sk-{at}", base_url="https://a.example.test",
                        health="suspect" if at % 2 else "disabled") for at in range(2400)]  # fmt: skip
    with change(ADMIN) as edit:
        Credential.objects.bulk_create(slots, batch_size=400)
        edit.saved.clear()      # one event stands for all
        edit.record("credentials:many:create", after={"number": 2400})
    for at in (0, 1200):
        routing.create_pool(ADMIN, a_pool(f"big-{at}", *(row.name for row in slots[at : at + 1200])))
    rows = routing.list_pools(VIEWER, Query()).items
    assert [len(row["members"]) for row in rows] == [1200, 1200]
    with CaptureQueriesContext(connection) as asked:
        named = routing.list_pool_names(VIEWER, Query(counted=False)).items
        standings = routing.pool_standings(VIEWER, [row["id"] for row in named])
    assert ([standings[row["id"]] for row in named], len(asked)) == ([(1200, 600, 1)] * 2, 2)


def test_events_tell_of_members(two: None) -> None:
    """A pool's event has its members before and after."""
    routing.update_pool(ADMIN, "main", {"members": [{"credential": "openai-a"}]})
    event = list_events(ADMIN, Query(limit=1)).items[0]
    names = [[member["credential"] for member in event[side]["members"]] for side in ("before", "after")]
    assert names == [["openai-a", "openai-b"], ["openai-a"]]


def test_a_pool_in_use_is_kept(two: None) -> None:
    """A pool is kept while a route, a fallback, a key or the default names it; each is named."""
    add("gpt-*", fallback=["spare"])
    routing.create_key(ADMIN, {"name": "k", "pools": ["main"]})
    with change(ADMIN) as edit:
        stored.put(edit, "gateway.default_pool", "spare")
    for pool, users in (("main", "key k, route 1"), ("spare", "route 1, the setting gateway.default_pool")):
        with pytest.raises(Conflict, match=users):
            routing.delete_pool(ADMIN, pool)
    routing.delete_route(ADMIN, routing.list_routes(ADMIN, Query()).items[0]["id"])
    routing.delete_key(ADMIN, "k")
    with change(ADMIN) as edit:
        stored.clear(edit, "gateway.default_pool")
    for pool in ("main", "spare"):
        routing.delete_pool(ADMIN, pool)
    assert PoolMember.objects.count() == 0
    assert {(kind, name) for kind, _, name in dropped_since(0)} >= {("pool", "main"), ("pool", "spare"), ("key", "k")}


def test_routes_have_an_order(two: None) -> None:
    """Routes are numbered from 1 without gaps, whatever is added, moved or deleted."""
    ids = [add("a"), add("b"), add("c")]
    assert order() == [(1, "a"), (2, "b"), (3, "c")]
    first = add("d", position=1)
    assert order() == [(1, "d"), (2, "a"), (3, "b"), (4, "c")]
    routing.update_route(ADMIN, first, {"position": 3})
    assert order() == [(1, "a"), (2, "b"), (3, "d"), (4, "c")]
    routing.update_route(ADMIN, ids[2], {"position": 1})
    assert order() == [(1, "c"), (2, "a"), (3, "b"), (4, "d")]
    routing.delete_route(ADMIN, ids[0])
    assert order() == [(1, "c"), (2, "b"), (3, "d")]
    actions = {event["action"] for event in list_events(ADMIN, Query(search="route_")).items}
    assert actions == {"create", "update", "move", "delete"}


def test_moved_routes_are_new_to_gateways(two: None) -> None:
    """A route that only changed its place has a new revision, so that gateways hear of it."""
    add("a")
    before = revision()
    add("b", position=1)
    assert {row["revision"] for row in routing.list_routes(ADMIN, Query()).items} == {before + 1}


def test_no_route_hides_another(two: None) -> None:
    """A route that could never be reached is refused where it is added, where it is moved, and where another is widened."""
    narrow, wide = add("gpt-4o"), add("gpt-*")
    for attempt in (
        lambda: add("gpt-4"), lambda: routing.update_route(ADMIN, wide, {"position": 1}),
        lambda: routing.update_route(ADMIN, narrow, {"models": ["*"]}),
    ):
        with pytest.raises(Invalid, match="never reached: the route at position") as caught:
            attempt()
        assert caught.value.code == "error.config.unreachable"
    assert order() == [(1, "gpt-4o"), (2, "gpt-*")]


def test_aliases_and_fallbacks_stay_in_order(two: None) -> None:
    """A route's aliases and further pools come back as they were given."""
    aliases = {"zeta": "gpt-4o", "alpha": "gpt-4"}
    route = add("gpt-*", aliases=aliases, fallback=["spare"])
    row = routing.get_route(VIEWER, route)
    assert [*row["aliases"].items()] == [*aliases.items()]
    assert (row["fallback"], row["pool"]) == (["spare"], "main")
    row = routing.update_route(ADMIN, route, {"fallback": [], "pool": "spare", "aliases": {}}, row["revision"])
    assert (row["fallback"], row["pool"], row["aliases"]) == ([], "spare", {})


def test_a_key_is_shown_once(two: None) -> None:
    """A new key is in the answer to its making and nowhere else; what is stored finds it and is no hash that leaks can use."""
    made = routing.create_key(ADMIN, {"owner": "anna", "models": ["gpt-*"], "pools": ["spare", "main"], "rpm": 5})
    assert made.key is not None
    assert made.key.key.startswith("sm-")
    assert made.row["name"] == made.key.id
    stored_row = repr(list(VirtualKey.objects.values_list())) + repr(list_events(ADMIN, Query()).items)
    assert made.key.key not in stored_row
    assert made.key.secret_sha256 not in stored_row
    assert routing.find_by_secret(ADMIN, made.key.key) == made.row
    assert routing.find_by_secret(ADMIN, made.key.secret_sha256) is None
    assert routing.find_by_secret(ADMIN, "sm-other") is None
    assert (made.row["pools"], made.row["owner"]) == (["spare", "main"], "anna")


def test_every_limit_comes_back(two: None) -> None:
    """Budgets to the nanodollar, a moment, and every other field come back as they were given."""
    given = {
        "name": "k", "owner": "anna", "tenant": "acme", "models": ["gpt-*", "o1"], "pools": ["main"], "rpm": 1, "tpm": 2,
        "max_concurrency": 3, "expires": "2031-05-06T07:08:09Z", "shared_resources": True, "disabled": True,
        "disabled_reason": "lost", "budget": {"day_usd": 0.000000001, "month_usd": 12.5, "total_usd": 1e9},
    }
    row = routing.create_key(ADMIN, given).row
    assert {name: row[name] for name in given} == given
    row = routing.update_key(ADMIN, "k", {"pools": [], "expires": "", "tenant": "", "budget": {}}, row["revision"])
    assert (row["pools"], row["expires"], row["tenant"]) == ([], "", "")
    assert set(row["budget"].values()) == {0.0}
    assert row["rpm"] == 1


def test_keys_made_elsewhere(two: None) -> None:
    """A key is let in by its hash, in either case of letters; one hash has one key."""
    made = routing.create_key(ADMIN, {"name": "k", "secret_sha256": SHA.upper()})
    assert made.key is None
    assert (routing.find_by_secret(ADMIN, "sm-known") or {})["name"] == "k"
    for name in ("k", "k2"):
        with pytest.raises(Conflict):
            routing.create_key(ADMIN, {"name": name, "secret_sha256": SHA})
    with pytest.raises(Conflict, match="hash"):
        routing.rotate_key(ADMIN, "k", secret_sha256=SHA)


def test_rotation_with_grace(two: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old key is let in until the grace is over, then not; a second rotation ends the first one's grace."""
    now = 1_800_000_000.0
    monkeypatch.setattr("stationmaster.routing.keys.time.time", lambda: now)
    keys = [routing.create_key(ADMIN, {"name": "k"}).key]
    for _ in range(2):
        minted = routing.rotate_key(ADMIN, "k", grace=3600)
        keys.append(minted.key)
        assert minted.row["previous_until"] == "2027-01-15T09:00:00Z"

    def let_in() -> list[bool]:
        return [routing.find_by_secret(ADMIN, key.key) is not None for key in keys if key is not None]

    assert let_in() == [False, True, True]
    now += 3601
    assert let_in() == [False, False, True]
    keys.append(routing.rotate_key(ADMIN, "k").key)
    assert let_in() == [False, False, False, True]
    assert not VirtualKey.objects.get().previous_sha256


def test_a_key_in_its_grace_is_not_given_again(two: None) -> None:
    """While an old key is still let in, nobody else is given it; afterwards it is free."""
    routing.create_key(ADMIN, {"name": "k", "secret_sha256": SHA})
    routing.rotate_key(ADMIN, "k", grace=3600)
    with pytest.raises(Conflict):
        routing.create_key(ADMIN, {"name": "k2", "secret_sha256": SHA})
    routing.rotate_key(ADMIN, "k")
    routing.create_key(ADMIN, {"name": "k2", "secret_sha256": SHA})


def test_rotations_that_cannot_be(two: None) -> None:
    """A grace out of range, a stale version, a bad hash and an unknown key are refused, and the key stays."""
    made = routing.create_key(ADMIN, {"name": "k"})
    attempts: list[tuple[type[StationmasterError], dict[str, Any]]] = [
        (Invalid, {"grace": -1}), (Invalid, {"grace": 10**9}), (Stale, {"version": 99}), (NotFound, {"which": "nobody"}),
        (Invalid, {"secret_sha256": "zz"}),
    ]
    for error, more in attempts:
        with pytest.raises(error):
            routing.rotate_key(ADMIN, **{"which": "k", **more})
    assert made.key is not None
    assert routing.find_by_secret(ADMIN, made.key.key) is not None
