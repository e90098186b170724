"""SCIM at size, called by `bench.control`: requests through the whole door, in this process, one after the other.

10,000 users of whom all are in one group. What is measured is what a directory does: read, find, list, change, create, and
put one into the large group and take them out.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

USERS, ROUNDS, TARGET = 10_000, 100, 150.0
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"


@dataclass(frozen=True)
class Measured:
    """What one kind of request took, in milliseconds."""

    name: str
    p50: float
    p99: float


def figures(scale: float = 1.0) -> Iterator[tuple[str, float, str, float | None]]:
    """What `bench.control` shows: name, value, unit, target. A group with all its members has none."""
    for each in measure(scale):
        aside = each.name.endswith("(aside)")
        yield f"SCIM, {int(USERS * scale):,} users, {each.name}, p50", each.p50, "ms", None
        yield "… p99", each.p99, "ms", None if aside else TARGET


def measure(scale: float = 1.0) -> Iterator[Measured]:
    """Fill the open database and measure. The store is configured and migrated, `live.use` was called."""
    from django.conf import settings

    from stationmaster.entrances.scim import door as scim
    from stationmaster.operators import services as operators
    from stationmaster.store.actor import Actor

    settings.ALLOWED_HOSTS, settings.STATIONMASTER_PUBLIC_URL = ["127.0.0.1"], ""
    scim.rates._per_second = 1e9      # as often as it goes
    token = operators.create_scim_token(Actor("cli", "cli", "admin"), {"name": "bench"}).secret.text
    ids, group = _fill(int(USERS * scale))
    ask = _Asking(scim.ScimDoor(), token)
    for name, rounds, request in _requests(ids, group):
        times = [_timed(ask, request(number)) for number in range(rounds + 2)][2:]      # two to warm up
        yield Measured(name, statistics.median(times), statistics.quantiles(times, n=100, method="inclusive")[98])


def _requests(ids: list[str], group: str) -> Iterator[tuple[str, int, Callable[[int], tuple[str, str, str, Any]]]]:
    def user(number: int) -> str:
        return ids[number * 7919 % len(ids)]

    def patch(at: str, **operation: Any) -> tuple[str, str, str, Any]:
        return "PATCH", at, "", {"schemas": [PATCH], "Operations": [operation]}

    last = len(ids) - 99
    yield "GET user", ROUNDS, lambda n: ("GET", f"/Users/{user(n)}", "", None)
    yield "userName eq", ROUNDS, lambda n: ("GET", "/Users", _found("userName", n), None)
    yield "emails.value eq", ROUNDS, lambda n: ("GET", "/Users", _found("emails.value", n), None)
    yield "externalId eq", ROUNDS, lambda n: ("GET", "/Users", _found("externalId", n), None)
    yield "list 100, first page", ROUNDS, lambda _: ("GET", "/Users", "count=100", None)
    yield "list 100, last page", ROUNDS, lambda _: ("GET", "/Users", f"count=100&startIndex={last}", None)
    yield "list 100, attributes", ROUNDS, lambda _: ("GET", "/Users", "count=100&attributes=userName,emails", None)
    yield "PATCH user", ROUNDS, lambda n: patch(f"/Users/{user(n)}", op="replace", path="title", value=f"t{n}")
    yield "PUT user", ROUNDS, lambda n: ("PUT", f"/Users/{user(n)}", "", _body(n, user(n)))
    yield "POST user", ROUNDS, lambda n: ("POST", "/Users", "", {"schemas": [CORE], "userName": f"new-{n}", "active": True})
    yield "GET group without members", ROUNDS, lambda _: ("GET", f"/Groups/{group}", "excludedAttributes=members", None)
    members = f"/Groups/{group}"
    yield "PATCH group, remove one", ROUNDS, lambda n: patch(members, op="remove", path=f'members[value eq "{ids[n]}"]')
    yield "PATCH group, add one", ROUNDS, lambda n: patch(members, op="add", path="members", value=[{"value": ids[n]}])
    yield "PATCH group, rename", ROUNDS, lambda n: patch(members, op="replace", path="displayName", value=f"all-{n}")
    yield "GET group, all members (aside)", 5, lambda _: ("GET", members, "", None)


def _found(name: str, number: int) -> str:
    place = number * 7919 % 1000
    value = f"user-{place:05}" if name == "externalId" else f"user-{place:05}@example.test"
    return f'filter={name}%20eq%20"{value}"'


def _body(number: int, which: str) -> dict[str, Any]:
    return {"schemas": [CORE], "userName": f"put-{which}@example.test", "displayName": f"N {number}", "active": True}


def _fill(count: int) -> tuple[list[str], str]:
    from django.db import connection

    from stationmaster.people.models import Group, Membership, Person
    from stationmaster.store.actor import SYSTEM
    from stationmaster.store.changes import change

    with change(SYSTEM) as edit:
        people = [Person(user_name=f"user-{n:05}@example.test", email=f"user-{n:05}@example.test", display_name=f"User {n}",
                         external_id=f"user-{n:05}", given_name="User", family_name=str(n), source="scim")
                  for n in range(count)]  # fmt: skip
        Person.objects.bulk_create(people, batch_size=500)
        group = Group(name="all", source="scim")
        group.save(force_insert=True)
        Membership.objects.bulk_create([Membership(group=group, person=each) for each in people], batch_size=500)
        edit.saved.clear()
        edit.record("bench:people:fill", None, {"rows": count})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return [str(each.id) for each in people], str(group.id)


class _Asking:
    """Asks a door as uvicorn would."""

    def __init__(self, door: Any, token: str) -> None:
        self._door, self._token, self._runner = door, token, asyncio.Runner()

    def __call__(self, method: str, path: str, query: str, body: Any) -> int:
        return self._runner.run(self._ask(method, path, query, b"" if body is None else json.dumps(body).encode()))

    async def _ask(self, method: str, path: str, query: str, body: bytes) -> int:
        headers = [(b"host", b"127.0.0.1"), (b"authorization", f"Bearer {self._token}".encode()),
                   (b"content-type", b"application/scim+json")]  # fmt: skip
        scope = {"type": "http", "method": method, "path": f"/scim/v2{path}", "query_string": query.encode(), "scheme": "http",
                 "headers": headers}  # fmt: skip
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._door(scope, receive, send)
        return int(sent[0]["status"])


def _timed(ask: _Asking, request: tuple[str, str, str, Any]) -> float:
    began = time.perf_counter()
    status = ask(*request)
    took = (time.perf_counter() - began) * 1000
    if status >= 300:
        raise RuntimeError(f"{request[0]} {request[1]} was answered {status}")
    return took
