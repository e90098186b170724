"""Every service asks who is asking, before anything else."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from controlkit import ADMIN, AUDITOR, GATEWAY, MEMBER, NOBODY, OPERATOR, VIEWER, a_credential, a_pool, a_workspace
from stationmaster.bills import services as bills
from stationmaster.credentials import services as credentials
from stationmaster.errors import Conflict, Forbidden, NotFound
from stationmaster.line.errors import RemoteError
from stationmaster.operators.access import allowed
from stationmaster.people import services as people
from stationmaster.publishing import exporting
from stationmaster.publishing import services as publishing
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change, revision
from stationmaster.store.listing import Query
from stationmaster.workspaces import addresses, seats
from stationmaster.workspaces import services as workspaces

Q = Query()


def stands_against(call: Callable[..., object], *given: object) -> None:
    """Whoever may ask is told that it cannot be done just now."""
    with suppress(Conflict, NotFound, RemoteError):
        call(*given)


A_SOURCE = {
    "kind": "oauth2_client_credentials", "secret": "the-client-and-its-secret", "vendor": "openai_compatible",
    "base_url": "https://models.example.com/v1",
    "options": {"token_url": "https://login.example.com/token", "client_id": "stationmaster"},
}  # fmt: skip


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
    ("seats:read", lambda a: workspaces.seats_by_state(a)),
    ("seats:export", lambda a: workspaces.export_seats(a, Q, "csv")),
    ("seats:read", lambda a: workspaces.get_seat(a, workspaces.list_seats(ADMIN, Q).items[0]["id"])),
    ("jobs:read", lambda a: workspaces.get_run(a, "acme")),
    ("assignments:delete", lambda a: workspaces.delete_assignment(a, _assignment())),
    ("credentials:read", lambda a: credentials.list_credentials(a, Q)),
    ("credentials:export", lambda a: credentials.export_credentials(a, Q, "csv")),
    ("credentials:read", lambda a: credentials.get_credential(a, "openai-a")),
    ("credentials:read", lambda a: credentials.holders(a, ["gen_x"])),
    ("credentials:create", lambda a: credentials.create_credential(a, a_credential("new"))),
    ("credentials:update", lambda a: credentials.update_credential(a, "openai-a", {"disabled": True})),
    ("credentials:read", lambda a: credentials.list_history(a, "openai-a", Q)),
    ("credentials:read", credentials.ending),
    ("credentials:create", lambda a: credentials.recognise(a, "any", {"secret": "sk-proj-anything"})),
    ("credentials:rotate", lambda a: credentials.rotate_credential(a, "openai-a", {"secret": "sk-proj-the-next-one"})),
    ("credentials:rotate", lambda a: credentials.roll_back(a, "openai-a", {})),
    ("credentials:rotate", lambda a: stands_against(credentials.rotate_workspace, a, "acme", {})),
    ("credentials:create", lambda a: credentials.guide(a, "anthropic", {})),
    ("credentials:rotate", lambda a: credentials.paste_credential(a, "pasted", {"secret": "sk-ant-api03-pasted"})),
    ("bills:read", lambda a: bills.list_bills(a, Q)),
    ("bills:export", lambda a: bills.export_bills(a, Q, "csv")),
    ("bills:read", bills.alarming),
    ("bills:update", lambda a: bills.read_bills(a, "acme", {})),
    ("credentials:mint", lambda a: stands_against(credentials.mint_credential, a, "openai-a", {})),
    ("credentials:probe", lambda a: credentials.probe_credential(a, "all", {})),
    ("credentials:source", lambda a: credentials.put_source(a, "models", A_SOURCE)),
    ("credentials:read", lambda a: stands_against(credentials.get_source, a, "openai-a")),
    ("credentials:read", lambda a: credentials.list_sources(a, Q)),
    ("credentials:export", lambda a: credentials.export_sources(a, Q, "csv")),
    ("credentials:refresh", lambda a: stands_against(credentials.refresh_credential, a, "openai-a", {})),
    ("credentials:source", lambda a: stands_against(credentials.delete_source, a, "openai-a")),
    ("credentials:hold", lambda a: credentials.override_credential(a, "openai-a", {"state": "out"})),
    ("credentials:revoke", lambda a: stands_against(credentials.revoke_kept, a, "openai-a", {})),
    ("credentials:revoke", lambda a: stands_against(credentials.mark_revoked, a, "openai-a", {"generation": 9})),
    ("credentials:revoke", lambda a: credentials.revoke_credential(a, "free", {})),
    ("calendars:create", lambda a: credentials.create_feed(a, {"name": "new"})),
    ("calendars:read", lambda a: credentials.list_feeds(a, Q)),
    ("calendars:export", lambda a: credentials.export_feeds(a, Q, "csv")),
    ("calendars:read", lambda a: credentials.get_feed(a, "ops")),
    ("calendars:delete", lambda a: credentials.delete_feed(a, "ops")),
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
    ("pools:read", lambda a: routing.list_pool_names(a, Q)),
    ("pools:read", lambda a: routing.pool_standings(a, [])),
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
    ("seatrequests:read", lambda a: workspaces.list_seat_requests(a, Q)),
    ("seats:read", lambda a: workspaces.list_presence(a, Q, ())),
    ("seatrequests:export", lambda a: workspaces.export_seat_requests(a, Q, "csv")),
    ("seatrequests:read", lambda a: stands_against(workspaces.get_seat_request, a, "sreq_none")),
    ("seatrequests:create", workspaces.seat_places),
    ("seatrequests:create", lambda a: stands_against(workspaces.ask_for_seat, a, {"workspace": "acme", "person": "nobody"})),
    ("seatrequests:decide", lambda a: stands_against(workspaces.grant_seat_request, a, "sreq_none", {})),
    ("seatrequests:decide", lambda a: stands_against(workspaces.refuse_seat_request, a, "sreq_none", {"reason": "no"})),
    ("keys:read", lambda a: routing.list_keys(a, Q)),
    ("keys:export", lambda a: routing.export_keys(a, Q, "csv")),
    ("keys:create", lambda a: routing.create_key(a, {"name": "new"})),
    ("keys:update", lambda a: routing.update_key(a, "k", {"rpm": 5})),
    ("keys:rotate", lambda a: routing.rotate_key(a, "k")),
    ("keys:delete", lambda a: routing.delete_key(a, "k")),
    ("targets:read", lambda a: publishing.list_targets(a, Q)),
    ("targets:export", lambda a: publishing.export_targets(a, Q, "csv")),
    ("targets:read", lambda a: publishing.get_target(a, "relay")),
    ("targets:read", lambda a: publishing.list_kinds(a)),
    ("targets:create", lambda a: publishing.create_target(a, _target("new"))),
    ("targets:update", lambda a: publishing.update_target(a, "relay", {"label": "in Paris"})),
    ("targets:test", lambda a: stands_against(publishing.test_target, a, {}, "relay")),
    ("targets:test", lambda a: stands_against(publishing.list_groups, a, "relay")),
    ("targets:delete", lambda a: publishing.delete_target(a, "spare")),
    ("publications:read", lambda a: publishing.list_publications(a, Q)),
    ("publications:export", lambda a: publishing.export_publications(a, Q, "csv")),
    ("publications:read", lambda a: stands_against(publishing.get_publication, a, "pub_none")),
    ("publications:read", lambda a: publishing.copies_of(a, "openai-a")),
    ("publications:read", lambda a: publishing.list_plans(a, Q)),
    ("publications:read", lambda a: stands_against(publishing.get_plan, a, "pplan_none")),
    ("publications:read", lambda a: stands_against(publishing.list_steps, a, "pplan_none", Q)),
    ("publications:plan", lambda a: stands_against(publishing.make_plan, a, {"target": "relay", "credentials": ["openai-a"]})),
    ("publications:apply", lambda a: stands_against(publishing.apply_plan, a, "pplan_none", {"hash": ""})),
    ("publications:remove", lambda a: stands_against(publishing.withdraw, a, {"target": "relay", "credentials": ["openai-a"]})),
    ("publications:check", lambda a: stands_against(publishing.read_back, a, "relay")),
    ("credentials:read", lambda a: exporting.export_declared(a, "kong", {"credentials": ["openai-a"]})),
]
ACTORS = {"admin": ADMIN, "operator": OPERATOR, "viewer": VIEWER, "auditor": AUDITOR, "gateway": GATEWAY, "nobody": NOBODY}


def _assignment() -> str:
    return str(workspaces.list_assignments(ADMIN, Query(sort="created_at")).items[0]["id"])


def _target(name: str) -> dict[str, str]:
    """A target of which nobody answers."""
    return {"name": name, "kind": "s2a", "base_url": f"https://{name}.invalid", "secret": "an-admin-key"}


def _plan() -> str:
    return str(workspaces.list_plans(ADMIN, Q).items[0]["id"])


@pytest.fixture
def stocked(database: str) -> None:
    """One of everything."""
    for name in ("openai-a", "free"):
        credentials.create_credential(ADMIN, a_credential(name))
    credentials.create_feed(ADMIN, {"name": "ops"})
    workspaces.create_workspace(ADMIN, a_workspace())
    for name in ("first", "second"):
        people.create_person(ADMIN, {"user_name": name, "email": f"{name}@example.test"})
    first = workspaces.create_assignment(ADMIN, {"workspace": "acme", "person": "first"})
    with change(ADMIN) as edit:
        seats.seat_for(edit, first["person"], str(workspaces.get_workspace(ADMIN, "acme")["id"]))
    workspaces.make_plan(ADMIN, {"workspaces": ["acme"]})
    for name in ("10.1.1.1", "login.example.com"):
        addresses.allow_address(ADMIN, {"name": name, "reason": "ours"})
    for name in ("main", "spare"):
        routing.create_pool(ADMIN, a_pool(name))
    for name in ("relay", "spare"):
        publishing.create_target(ADMIN, _target(name))
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
        name for module in (credentials, workspaces, addresses, routing, publishing, exporting) for name in vars(module)
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
        if action not in ("keys:read", "seats:read", "seatrequests:read", "seatrequests:create"):      # of these, too, their own
            with pytest.raises(Forbidden):
                call(MEMBER)
    assert routing.list_keys(replace(MEMBER, id=""), Q).total == 0
