"""The door itself: who comes in, how bodies are taken, how it holds many, how it closes."""

import asyncio
import itertools
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
import zstandard
from django.db import connections

from asking import PLAIN
from controlkit import ADMIN, CLI, a_credential
from internal.kit import Control, until
from stationmaster.credentials import services as credentials
from stationmaster.entrances.internal import door
from stationmaster.operators import services as operators
from stationmaster.operators.models import GatewayToken
from stationmaster.routing import services as routing
from stationmaster.store.changes import change
from stationmaster.store.listing import Query
from stationmaster.usage import services as usage
from usage.kit import body, request

PATHS = [("GET", "snapshot"), ("POST", "events"), ("POST", "hello"), ("POST", "spent")]


def test_nobody_comes_in_without_a_token(control: Control) -> None:
    """Whatever is asked: without a valid gateway token there is a 401 that tells nothing, whether the path exists or not."""
    paths = [*PATHS, ("GET", "events"), ("GET", "nothing"), ("GET", "")]
    for (method, path), token in itertools.product(paths, ["", "sm-gw-wrong", "x" * 5000, "\xff"]):
        headers = {"authorization": f"Bearer {token}".encode("latin-1")} if token else {}
        answer = control.ask(path, method=method, token="", headers=headers)
        assert answer.status_code == 401, (method, path, token)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["error"]["code"] in ("error.access.no_token", "error.access.unauthenticated")
        assert not token or token not in answer.text


def test_an_operators_token_does_not_open_it(control: Control) -> None:
    """API tokens, an admin's as well, are not gateway tokens; and a gateway token opens nothing but this door."""
    token = operators.create_token(CLI, {"name": "all", "role": "admin"}).secret.text
    assert control.ask(token=token).status_code == 401
    answer = httpx.get(f"{control.url}/api/v1/me", headers={"authorization": f"Bearer {control.token}"}, trust_env=False)
    assert answer.status_code == 401


def test_a_token_that_ran_out_or_was_deleted_is_refused(control: Control) -> None:
    """A token is good until it expires or is deleted; a rotated one until its overlap is over."""
    made = operators.rotate_gateway_token(CLI, "here", overlap=timedelta(hours=1))
    assert control.ask().status_code == 200
    assert control.ask(token=made.secret.text).status_code == 200
    operators.rotate_gateway_token(CLI, "here", overlap=timedelta())
    assert control.ask(token=made.secret.text).status_code == 401
    operators.delete_gateway_token(CLI, "here")
    assert control.ask().status_code == 401
    assert not GatewayToken.objects.exists()


def test_a_token_that_ends_while_its_gateway_waits_gets_nothing(control: Control) -> None:
    """Who waits with a token that is deleted meanwhile is refused the configuration that the deletion made."""
    at = control.records()[0]
    found: list[httpx.Response] = []
    waiting = threading.Thread(target=lambda: found.append(control.ask(params={"have": at, "wait": 30})))
    waiting.start()
    until(lambda: control.application._door.watch._waiting == 1)
    operators.delete_gateway_token(CLI, "here")
    waiting.join()
    assert found[0].status_code == 401


_REFUSED = [
    ("POST", "snapshot", 405), ("GET", "events", 405), ("DELETE", "hello", 405), ("GET", "snapshots", 404), ("GET", "", 404),
    ("GET", "snapshot/", 404), ("GET", "snapsho%74", 404), ("GET", "snapshot?have=x", 400), ("GET", "snapshot?have=-1", 400),
    ("GET", "snapshot?" + "x=1&" * 30, 400), ("GET", "snapshot?have=1e3", 400), ("GET", "snapshot?wait=²", 400),
    ("POST", "hello", 415), ("POST", "events", 415),
]  # fmt: skip
_SPELLINGS = ["//internal/v1/snapshot", "/Internal/v1/snapshot", "/internal%2fv1/snapshot", "/x/../internal/v1/snapshot",
              "/internal/v1//snapshot", "/internal;x/v1/snapshot", "/%69nternal/v1/snapshot", "/internal/v1/../v1/snapshot",
              "/internal"]  # fmt: skip


def test_other_requests_are_refused(control: Control) -> None:
    """Another method, path, spelling, number or type is refused in the one shape of errors."""
    for method, path, status in _REFUSED:
        answer = control.ask(path, method=method)
        assert answer.status_code == status, (method, path)
        assert answer.json()["error"]["request_id"] == answer.headers["x-stationmaster-request-id"]


def test_other_spellings_lead_nowhere(control: Control) -> None:
    """No other spelling of the door's path is answered with a configuration, with or without a token."""
    for path, token in itertools.product(_SPELLINGS, (control.token, "")):
        answer = asyncio.run(_raw(control, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                                           f"Authorization: Bearer {token}\r\n\r\n"))  # fmt: skip
        assert answer.split(b" ", 2)[1] in (b"302", b"400", b"401", b"404", b"421")


def test_batches_come_plain_or_compressed(control: Control) -> None:
    """Events are taken as they are and as zstd, and answered with how many were stored."""
    for encoding in ("", "zstd", "identity"):
        batch = body(request())
        content = zstandard.compress(batch) if encoding == "zstd" else batch
        answer = control.post("events", content, **({"content-encoding": encoding} if encoding else {}))
        assert answer.json() == {"stored": 1, "known": False, "refused": 0}
    assert usage.list_events(ADMIN, Query()).total == 3


def test_the_same_batch_twice_says_so(control: Control) -> None:
    """A batch that is sent again is known."""
    batch = body(request(), batch="batch-twice")
    assert [control.post("events", batch).json()["known"] for _ in range(2)] == [False, True]


def test_a_small_body_does_not_become_a_large_one(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """What decompresses to more than is allowed is refused, and so is a body that is too long as it comes."""
    monkeypatch.setattr(door, "MAX_PLAIN", 10_000)
    monkeypatch.setattr(door, "MAX_BODY", 20_000)
    bomb = zstandard.compress(b"\0" * 10_000_000)
    assert control.post("events", bomb, **{"content-encoding": "zstd"}).status_code == 413
    assert control.post("events", b"\0" * 20_001).status_code == 413


_BODIES = [
    (b"no zstd", "zstd", 400), (b"x", "gzip", 415), (b"x", "br", 415), (b"no msgpack", "", 400), (b"", "zstd", 400),
]  # fmt: skip


def test_bodies_that_cannot_be_read_are_refused(control: Control) -> None:
    """A gateway is told that sending it again is of no use."""
    for content, encoding, status in _BODIES:
        answer = control.post("events", content, **({"content-encoding": encoding} if encoding else {}))
        assert (answer.status_code, answer.json()["error"]["retryable"]) == (status, False), (content, encoding)


def test_a_hello_is_answered_with_the_revision(control: Control) -> None:
    """A gateway that says hello is listed, and told the present revision."""
    said = control.post("hello", {"gateway": "gw-1", "version": "0.1.0", "revision": 0, "workers": 2})
    assert said.json() == {"revision": control.records()[0]}
    (shown,) = usage.list_gateways(ADMIN, Query()).items
    assert shown["workers"] == 2


def test_a_database_that_is_away_is_said_so(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the database does not answer a gateway gets 503, retryable, and keeps its batch; nothing of the cause is told."""
    from django.db.utils import OperationalError

    def away(*_: Any) -> None:
        raise OperationalError("password=hunter2")

    monkeypatch.setattr("stationmaster.entrances.internal.door.usage.store", away)
    answer = control.post("events", body(request()))
    assert (answer.status_code, answer.json()["error"]["retryable"]) == (503, True)
    assert "hunter2" not in answer.text


def test_two_hundred_waiters_cost_no_thread_each(control: Control) -> None:
    """Two hundred gateways that wait hold fewer than twenty threads between them, others are served meanwhile, and one
    change reaches them all."""
    at = control.records()[0]
    threads, statuses = asyncio.run(_two_hundred(control, at))
    assert threads < 20
    assert statuses == [b"200"] * 200


async def _two_hundred(control: Control, at: int) -> tuple[int, list[bytes]]:
    ask = f"GET /internal/v1/snapshot?have={at}&wait=30 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {control.token}\r\n\r\n"
    before = threading.active_count()  # what other tests of this process left running is none of theirs
    waiting = [asyncio.create_task(_raw(control, ask, head_only=True)) for _ in range(200)]
    await _comes(lambda: control.application._door.watch._waiting == 200)
    threads = threading.active_count() - before
    assert (await asyncio.to_thread(control.post, "hello", {"gateway": "gw-1"})).status_code == 200
    await asyncio.to_thread(_change)
    heads = await asyncio.gather(*waiting)
    return threads, [head.split(b" ", 2)[1] for head in heads]


async def _comes(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(until, condition)


def _change() -> None:
    credentials.create_credential(ADMIN, a_credential())
    connections.close_all()


def test_nobody_looks_while_nobody_waits(control: Control) -> None:
    """The revision is asked for only while a gateway waits; one that left is noticed."""
    at = control.records()[0]
    watch = control.application._door.watch

    async def come_and_go() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(control.url).port)
        writer.write(f"GET /internal/v1/snapshot?have={at}&wait=30 HTTP/1.1\r\nHost: x\r\n"
                     f"Authorization: Bearer {control.token}\r\n\r\n".encode())  # fmt: skip
        await _comes(lambda: watch._waiting == 1)
        writer.close()
        await writer.wait_closed()

    asyncio.run(come_and_go())
    until(lambda: watch._waiting == 0)
    until(lambda: watch._task is not None and watch._task.done())


def test_waiters_are_let_go_at_the_end(control: Control) -> None:
    """When the control plane ends, whoever waits is answered at once and does not hold it up."""
    at = control.records()[0]
    found: list[httpx.Response] = []
    waiting = threading.Thread(target=lambda: found.append(control.ask(params={"have": at, "wait": 30})))
    waiting.start()
    until(lambda: control.application._door.watch._waiting == 1)
    began = time.monotonic()
    control.application.wake()
    waiting.join()
    assert found[0].status_code == 204
    assert time.monotonic() - began < 25       # it would have waited for 30


def test_gateways_wait_through_an_outage(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that waits while the database is away for a while goes on waiting, and gets the change made after."""
    at = control.records()[0]
    watch, failing = control.application._door.watch, threading.Event()
    found: list[Any] = []
    refresh = watch._compiler.refresh

    def away() -> Any:
        if failing.is_set():
            raise ConnectionError
        return refresh()

    monkeypatch.setattr(watch._compiler, "refresh", away)
    waiting = threading.Thread(target=lambda: found.append(control.update(at, wait=30)))
    waiting.start()
    until(lambda: watch._waiting == 1)
    failing.set()
    until(lambda: watch._blind)
    with change(CLI) as edit:
        edit.record("settings:x:touch")
    failing.clear()
    waiting.join()
    assert found[0].revision == at + 1


def test_health_checks_need_no_token(control: Control) -> None:
    """`/healthz` and `/readyz` answer anybody, with nothing but how it stands."""
    for path in ("/healthz", "/readyz"):
        answer = httpx.get(control.url + path, trust_env=False, verify=PLAIN)
        assert (answer.status_code, answer.json()) == (200, {"ok": True})


def test_readiness_is_the_databases(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its database a control plane is alive and not ready."""
    def away() -> int:
        raise ConnectionError

    monkeypatch.setattr("stationmaster.entrances.application.revision", away)
    assert httpx.get(f"{control.url}/healthz", trust_env=False, verify=PLAIN).status_code == 200
    assert httpx.get(f"{control.url}/readyz", trust_env=False, verify=PLAIN).status_code == 503


async def _raw(control: Control, text: str, *, head_only: bool = False) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(control.url).port)
    writer.write(text.encode())
    answer = await (reader.readuntil(b"\r\n\r\n") if head_only else reader.read())
    writer.close()
    await writer.wait_closed()
    return answer


def test_batch_ids_are_the_gateways(control: Control) -> None:
    """Batches are told apart by the id that the gateway gave them, and by nothing in the connection."""
    told = msgspec.msgpack.encode({"gateway": "gw-1", "batch": str(uuid.uuid4()), "events": [request()]})
    assert control.post("events", told).json()["stored"] == 1
    operators.rotate_gateway_token(CLI, "here", overlap=timedelta(hours=1))
    assert control.post("events", told).json() == {"stored": 0, "known": True, "refused": 0}


def test_while_the_database_takes_nothing_in(control: Control, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody holds SQLite's lock, those who bring something are told so, with the time to come again, however many there
    are; who asks for the configuration is answered meanwhile."""
    if database != "sqlite":
        pytest.skip("others wait for rows, not for all of it")
    routing.create_key(ADMIN, {"name": "all"})
    monkeypatch.setattr(door, "PATIENCE", 1.0)
    monkeypatch.setitem(connections.settings["default"]["OPTIONS"], "timeout", 2.0)
    file = connections["default"].settings_dict["NAME"]
    message = {"account": "account1", "spent": {"all": {"day": "", "month": "", "today": 0, "this_month": 0, "total": 5}}}
    assert control.ask().status_code == 200      # that the token is used is noted once an hour
    with sqlite3.connect(file, isolation_level=None) as other, ThreadPoolExecutor(12) as threads:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        bringing = [threads.submit(control.post, "spent", message) for _ in range(12)]
        time.sleep(0.3)
        assert control.ask().status_code == 200
        assert time.monotonic() - began < 3
        answers = [each.result() for each in bringing]
        other.execute("ROLLBACK")
    assert {each.status_code for each in answers} == {503}
    assert {each.headers["retry-after"] for each in answers} == {"2"}
    assert {each.json()["error"]["code"] for each in answers} == {"error.store.busy", "error.internal.busy"}
    assert control.post("spent", message).status_code == 200
