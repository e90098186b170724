"""Pages of pools and routes: members and routes are put in order, changed, tried; nothing is asked of a vendor."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console import kit
from controlkit import ADMIN, a_credential, a_pool
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential, HealthEvent
from stationmaster.errors import Invalid, Stale
from stationmaster.routing import services as routing
from stationmaster.routing.models import Pool, Route

_EVIL = "<script>alert(1)</script>"


def a_pool_of(*names: str, pool: str = "main") -> str:
    """The id of a pool of new credentials."""
    for name in names:
        credentials.create_credential(ADMIN, a_credential(name, secret=f"sk-proj-{name}-0123456789"))
    return str(routing.create_pool(ADMIN, a_pool(pool, *names))["id"])


def order() -> list[tuple[str, int]]:
    """The members of the pool with their priorities."""
    return [(each.credential.name, each.priority) for each in Pool.objects.get(name="main").ordered()]


def test_members_are_put_in_order_by_buttons_and_by_dragging(database: str) -> None:
    """A row that moves takes the priority of its new place; nobody is lost."""
    browser, which = kit.signed_in(), a_pool_of("a", "b", "c")
    path = f"/pools/{which}"
    kit.do(browser, f"{path}/member?credential=c", "save", {"weight": "3", "priority": "1", "models": "gpt-*"})
    assert order() == [("a", 0), ("b", 0), ("c", 1)]
    kit.do(browser, path, "order", {"credential": ["a", "b", "c"], "move": "credential:c:up"})
    assert order() == [("a", 0), ("c", 0), ("b", 1)]
    kit.do(browser, path, "order", {"credential": ["b", "a", "c"]})
    assert order() == [("b", 0), ("a", 0), ("c", 1)]


def test_members_come_and_go(database: str) -> None:
    """One is added by name, one taken out; a name that there is not is refused with its words; the last one stays."""
    browser, which = kit.signed_in(), a_pool_of("a")
    credentials.create_credential(ADMIN, a_credential("b", secret="sk-proj-another-01234567"))
    path = f"/pools/{which}"
    assert "nobody-like-that" in kit.do(browser, path, "add", {"credential": "nobody-like-that"}, 422).content.decode()
    kit.do(browser, path, "add", {"credential": "b", "weight": "2", "priority": "0"})
    assert len(order()) == 2
    kit.do(browser, f"{path}/member?credential=a", "remove")
    assert order() == [("b", 0)]
    kit.do(browser, f"{path}/member?credential=b", "remove", status=422)
    assert kit.do(browser, path, "delete")["Location"] == "/pools"


def test_a_pool_tells_how_its_members_stood(database: str) -> None:
    """The lanes show what gateways told of the last day, begun by what was before."""
    which = a_pool_of("a")
    row, now = Credential.objects.get(), timezone.now()
    for hours, state in ((30, "cooling"), (2, "healthy")):
        HealthEvent.objects.create(credential=row, gateway="gw-1", state=state, cause="", at=now - timedelta(hours=hours))
    found = credentials.stretches(ADMIN, [row.id], now - timedelta(hours=24))
    assert [each["state"] for each in found[row.id]] == ["cooling", "healthy"]
    assert "rests for a while" in kit.page(kit.signed_in("viewer"), f"/pools/{which}")


def test_routes_are_made_and_put_in_order(database: str) -> None:
    """Made by a form, moved by a button; an order in which one could never be reached is refused, and names it."""
    browser = kit.signed_in()
    a_pool_of("a")
    kit.do(browser, "/routes/new", "create", {"models": "gpt-5*", "pool": "main", "aliases": "fast=gpt-5-mini"})
    kit.do(browser, "/routes/new", "create", {"models": "claude-*", "pool": "main"})
    kit.do(browser, "/routes/new", "create", {"models": "o3", "pool": "nowhere"}, 422)
    first, second = (str(row.id) for row in Route.objects.order_by("position"))
    kit.do(browser, "/routes", "order", {"route": [first, second], "move": f"route:{second}:up"})
    assert [str(row.id) for row in Route.objects.order_by("position")] == [second, first]
    kit.do(browser, f"/routes/{second}", "save", {"models": "*", "pool": "main"}, 422)
    kit.do(browser, f"/routes/{second}", "save", {"models": "*", "pool": "main", "position": "2"})
    refused = kit.do(browser, "/routes", "order", {"route": [second, first]}, 422).content.decode()
    assert "route[" in refused
    kit.do(browser, f"/routes/{first}", "delete")
    assert Route.objects.count() == 1


def test_an_order_is_of_all_routes(database: str) -> None:
    """One that misses a route, or names another, was made from an earlier list."""
    a_pool_of("a")
    row = routing.create_route(ADMIN, {"models": ["gpt-*"], "pool": "main"})
    for ids in ([], [row["id"], row["id"]], ["route_nobody"]):
        with pytest.raises(Stale):
            routing.order_routes(ADMIN, ids)


def test_trying_a_model(database: str) -> None:
    """The route that takes it, what is sent, who could serve and why the others not; without a route the client's error."""
    a_pool_of("a", "b")
    routing.create_route(ADMIN, {"models": ["gpt-*"], "pool": "main", "aliases": {"fast": "gpt-5-mini"}})
    Credential.objects.filter(name="b").observe(health="cooling")
    found = routing.try_model(ADMIN, {"model": "fast"})
    assert (found["position"], found["sent"], found["error"]) == (1, "gpt-5-mini", None)
    assert [(each["credential"], each["why"]) for each in found["pools"][0]["members"]] == [("a", ""), ("b", "cooling")]
    assert routing.try_model(ADMIN, {"model": "gpt-5", "dialect": "anthropic"})["error"]["code"] == "dialect_not_served"
    Credential.objects.filter(name="a").observe(health="disabled")
    assert routing.try_model(ADMIN, {"model": "gpt-5"})["error"]["code"] == "pool_cooling"
    routing.create_key(ADMIN, {"name": "k", "models": ["o3"]})
    assert routing.try_model(ADMIN, {"model": "gpt-5", "key": "k"})["error"]["code"] == "model_not_allowed"
    with pytest.raises(Invalid):
        routing.try_model(ADMIN, {"model": "", "dialect": "latin"})
    browser = kit.signed_in("viewer")
    assert "model_not_found" in kit.page(browser, f"/routes/try?model={_EVIL}")
    assert "rests for a while" in kit.page(browser, "/routes/try?model=fast")
    assert "expected one of" in kit.page(browser, "/routes/try?model=fast&dialect=latin", 422)


def test_who_may(database: str) -> None:
    """A viewer sees pools and routes and no form; a member neither."""
    which = a_pool_of("a")
    viewer, member = kit.signed_in("viewer"), kit.signed_in("member")
    assert "Delete it" not in kit.page(viewer, f"/pools/{which}")
    for path in ("/pools/new", "/routes/new", f"/pools/{which}/member"):
        kit.page(viewer, path, 403)
    for path in ("/pools", "/routes", "/routes/try?model=x", f"/pools/{which}"):
        kit.page(member, path, 403)


def test_ten_times_the_rows_cost_no_more_questions(database: str) -> None:
    """Lists and a pool's page ask as much of thirty rows as of three."""
    browser, which = kit.signed_in(), a_pool_of("a", "b", "c")
    routing.create_route(ADMIN, {"models": ["first-*"], "pool": "main"})
    paths, before = ("/pools", f"/pools/{which}", "/routes", "/keys", "/routes/try?model=first-1"), {}
    routing.create_key(ADMIN, {"name": "k", "owner": "ada", "pools": ["main"]})
    for path in paths:
        kit.page(browser, path)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            kit.page(browser, path)
        before[path] = len(asked)
    for number in range(27):
        name = f"more-{number}"
        a_pool_of(name, pool=f"pool-{number}")
        routing.create_route(ADMIN, {"models": [f"{name}-*"], "pool": f"pool-{number}"})
        routing.create_key(ADMIN, {"name": name, "owner": "ada", "pools": ["main"]})
    members = [{"credential": each} for each in ("a", "b", "c", *(f"more-{number}" for number in range(27)))]
    routing.update_pool(ADMIN, which, {"members": members})
    for path in paths:
        with CaptureQueriesContext(connection) as asked:
            kit.page(browser, path)
        assert len(asked) <= before[path], path
