"""Every service asks who is asking, before anything else."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from controlkit import ADMIN, AUDITOR, GATEWAY, MEMBER, NOBODY, OPERATOR, VIEWER, a_credential, a_pool, a_workspace
from stationmaster.credentials import services as credentials
from stationmaster.errors import Forbidden, NotFound
from stationmaster.operators.access import allowed
from stationmaster.people import services as people
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change, revision
from stationmaster.store.listing import Query
from stationmaster.workspaces import addresses, seats
from stationmaster.workspaces import services as workspaces

Q = Query()
# Every service function, the action that it takes, and a call of it that would work.
SERVICES: list[tuple[str, Callable[[Actor], object]]] = [
    ("workspaces:read", lambda a: workspaces.list_vendors(a)),
    ("workspaces:read", lambda a: workspaces.list_listed(a, "acme", "members", Q)),
    ("assignments:read", lambda a: workspaces.list_assignments(a, Q)),
    ("assignments:export", lambda a: workspaces.export_assignments(a, Q, "csv")),
    ("assignments:read", lambda a: workspaces.get_assignment(a, _assignment())),
    ("assignments:create", lambda a: workspaces.create_assignment(a, {"workspace": "acme", "person": "second"})),
    ("assignments:update", lambda a: workspaces.update_assignment(a, _assignment(), {"role": "owner"})),
    ("plans:read", lambda a: workspaces.list_plans(a, Q)),
    ("plans:export", lambda a: workspaces.export_plans(a, Q, "csv")),
    ("plans:read", lambda a: workspaces.get_plan(a, _plan())),
    ("plans:read", lambda a: workspaces.list_steps(a, _plan(), Q)),
    ("plans:export", lambda a: workspaces.export_steps(a, _plan(), Q, "csv")),
    ("seats:read", lambda a: workspaces.list_seats(a, Q)),
    ("seats:export", lambda a: workspaces.export_seats(a, Q, "csv")),
    ("seats:read", lambda a: workspaces.get_seat(a, workspaces.list_seats(ADMIN, Q).items[0]["id"])),
    ("jobs:read", lambda a: workspaces.get_run(a, "acme")),
    ("assignments:delete", lambda a: workspaces.delete_assignment(a, _assignment())),
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


def _assignment() -> str:
    return str(workspaces.list_assignments(ADMIN, Query(sort="created_at")).items[0]["id"])


def _plan() -> str:
    return str(workspaces.list_plans(ADMIN, Q).items[0]["id"])


@pytest.fixture
def stocked(database: str) -> None:
    """One of everything."""
    for name in ("openai-a", "free"):
        credentials.create_credential(ADMIN, a_credential(name))
    workspaces.create_workspace(ADMIN, a_workspace())
    for name in ("first", "second"):
        people.create_person(ADMIN, {"user_name": name, "email": f"{name}@example.test"})
    first = workspaces.create_assignment(ADMIN, {"workspace": "acme", "person": "first"})
    with change(ADMIN) as edit:
        seats.seat_for(edit, first["person"], str(workspaces.get_workspace(ADMIN, "acme")["id"]))
    workspaces.make_plan(ADMIN, {"workspaces": ["acme"]})
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
        if action not in ("keys:read", "seats:read"):      # of seats, too, their own
            with pytest.raises(Forbidden):
                call(MEMBER)
    assert routing.list_keys(replace(MEMBER, id=""), Q).total == 0
