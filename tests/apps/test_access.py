"""Every service asks who is asking, before anything else."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from controlkit import ADMIN, AUDITOR, GATEWAY, MEMBER, NOBODY, OPERATOR, VIEWER, a_credential, a_pool, a_workspace
from stationmaster.credentials import services as credentials
from stationmaster.errors import Forbidden, NotFound
from stationmaster.operators.access import allowed
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.store.changes import revision
from stationmaster.store.listing import Query
from stationmaster.workspaces import addresses
from stationmaster.workspaces import services as workspaces

Q = Query()
# Every service function, the action that it takes, and a call of it that would work.
SERVICES: list[tuple[str, Callable[[Actor], object]]] = [
    ("credentials:read", lambda a: credentials.list_credentials(a, Q)),
    ("credentials:export", lambda a: credentials.export_credentials(a, Q, "csv")),
    ("credentials:read", lambda a: credentials.get_credential(a, "openai-a")),
    ("credentials:create", lambda a: credentials.create_credential(a, a_credential("new"))),
    ("credentials:update", lambda a: credentials.update_credential(a, "openai-a", {"disabled": True})),
    ("credentials:delete", lambda a: credentials.delete_credential(a, "free")),
    ("workspaces:read", lambda a: workspaces.list_workspaces(a, Q)),
    ("workspaces:export", lambda a: workspaces.export_workspaces(a, Q, "csv")),
    ("workspaces:read", lambda a: workspaces.get_workspace(a, "acme")),
    ("workspaces:create", lambda a: workspaces.create_workspace(a, a_workspace("new"))),
    ("workspaces:update", lambda a: workspaces.update_workspace(a, "acme", {"disabled": True})),
    ("workspaces:delete", lambda a: workspaces.delete_workspace(a, "acme")),
    ("addresses:read", lambda a: addresses.list_addresses(a, Q)),
    ("addresses:create", lambda a: addresses.allow_address(a, {"name": "10.9.9.9", "reason": "ours"})),
    ("addresses:delete", lambda a: addresses.disallow_address(a, "10.1.1.1")),
    ("pools:read", lambda a: routing.list_pools(a, Q)),
    ("pools:export", lambda a: routing.export_pools(a, Q, "csv")),
    ("pools:read", lambda a: routing.get_pool(a, "main")),
    ("pools:create", lambda a: routing.create_pool(a, a_pool("new"))),
    ("pools:update", lambda a: routing.update_pool(a, "main", {"members": [{"credential": "openai-a", "weight": 2}]})),
    ("pools:delete", lambda a: routing.delete_pool(a, "spare")),
    ("routes:read", lambda a: routing.list_routes(a, Q)),
    ("routes:export", lambda a: routing.export_routes(a, Q, "csv")),
    ("routes:read", lambda a: routing.get_route(a, routing.list_routes(ADMIN, Q).items[0]["id"])),
    ("routes:create", lambda a: routing.create_route(a, {"models": ["b"], "pool": "main"})),
    ("routes:update", lambda a: routing.update_route(a, routing.list_routes(ADMIN, Q).items[0]["id"], {"models": ["c"]})),
    ("routes:delete", lambda a: routing.delete_route(a, routing.list_routes(ADMIN, Q).items[0]["id"])),
    ("keys:read", lambda a: routing.list_keys(a, Q)),
    ("keys:export", lambda a: routing.export_keys(a, Q, "csv")),
    ("keys:create", lambda a: routing.create_key(a, {"name": "new"})),
    ("keys:update", lambda a: routing.update_key(a, "k", {"rpm": 5})),
    ("keys:rotate", lambda a: routing.rotate_key(a, "k")),
    ("keys:delete", lambda a: routing.delete_key(a, "k")),
]
ACTORS = {"admin": ADMIN, "operator": OPERATOR, "viewer": VIEWER, "auditor": AUDITOR, "gateway": GATEWAY, "nobody": NOBODY}


@pytest.fixture
def stocked(database: str) -> None:
    """One of everything."""
    for name in ("openai-a", "free"):
        credentials.create_credential(ADMIN, a_credential(name))
    workspaces.create_workspace(ADMIN, a_workspace())
    addresses.allow_address(ADMIN, {"name": "10.1.1.1", "reason": "ours"})
    for name in ("main", "spare"):
        routing.create_pool(ADMIN, a_pool(name))
    routing.create_route(ADMIN, {"models": ["a"], "pool": "main"})
    routing.create_key(ADMIN, {"name": "k", "owner": "somebody"})
    routing.create_key(ADMIN, {"name": "own", "owner": MEMBER.id})


@pytest.mark.parametrize("who", ACTORS)
def test_every_service_asks(stocked: None, who: str) -> None:
    """Each service lets in exactly those whose role may do its action; whom it refuses changes nothing."""
    actor = ACTORS[who]
    for action, call in SERVICES:
        before = revision()
        if allowed(actor, action):
            call(actor)
        else:
            with pytest.raises(Forbidden):
                call(actor)
            assert revision() == before, action


def test_no_service_is_forgotten() -> None:
    """The table above has every function that these modules offer and that takes an actor."""
    offered = {
        name for module in (credentials, workspaces, addresses, routing) for name in vars(module)
        if name.startswith(("list_", "export_", "get_", "create_", "update_", "delete_", "rotate_", "allow_", "disallow_"))
    } - {"allow_entry", "delete_key", "get_key"}
    called = {word for _, call in SERVICES for word in call.__code__.co_names}
    assert offered <= called | {"get_key"}


def test_members_see_their_own_keys(stocked: None) -> None:
    """A member's lists hold their own keys only; another's is refused, as are writes and every other noun."""
    assert [row["name"] for row in routing.list_keys(MEMBER, Q).items] == ["own"]
    assert routing.list_keys(MEMBER, Q).total == 1
    assert routing.get_key(MEMBER, "own")["name"] == "own"
    for other in ("k", "nobody"):
        with pytest.raises((Forbidden, NotFound)):
            routing.get_key(MEMBER, other)
    for action, call in SERVICES:
        if action != "keys:read":
            with pytest.raises(Forbidden):
                call(MEMBER)
    assert routing.list_keys(replace(MEMBER, id=""), Q).total == 0
