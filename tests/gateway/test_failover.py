"""Failover on the wire: whatever one member does before its first byte, the client gets another's whole answer; after
that byte nothing is sent twice. Faults are the sandbox's, or an upstream that writes the vendor's own words.
"""

import functools
import itertools
import json
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

import rig
from gateway import kit, plain, station
from gateway.doors import FORM, form
from gateway.upstream import Request, Upstream
from stationmaster.gateway.core.life import UNKNOWN
from stationmaster.gateway.core.snapshot import (
    Credential,
    Member,
    Pool,
    Route,
    Settings,
    Snapshot,
    Vendor,
    VirtualKey,
)
from stationmaster.sandbox.ledger import Entry, fingerprint
from stationmaster.sandbox.server import SandboxServer

MANY = 5000 if os.environ.get("SOAK") else 300
LONG = "say it words:20"


class Door(NamedTuple):
    """One way in; `{model}` in the target, or `model` in the body, chooses the route."""

    name: str
    vendor: Vendor
    stream: bool


VENDORS: dict[str, Vendor] = {"chat": "openai", "responses": "openai", "messages": "anthropic", "gemini": "gemini"}
DOORS = [Door(name, vendor, stream) for name, vendor in VENDORS.items() for stream in (False, True)]
DOOR_IDS = [f"{door.name}{'-stream' if door.stream else ''}" for door in DOORS]


def wish(door: Door, model: str, said: str = "say OK") -> tuple[str, dict[str, object]]:
    """Target and body of a request. Usage is asked for, so that the gateway has nothing to add."""
    if door.name == "gemini":
        verb = "streamGenerateContent?alt=sse" if door.stream else "generateContent"
        return f"/v1beta/models/{model}:{verb}", plain.gemini(said)
    more: dict[str, object] = {"stream": True} if door.stream else {}
    if door.name == "messages":
        return "/v1/messages", plain.messages(model, said, **more)
    if door.name == "responses":
        return "/v1/responses", plain.responses(model, said, **more)
    more |= {"stream_options": {"include_usage": True}} if door.stream else {}
    return "/v1/chat/completions", plain.chat(model, said, **more)


def base(vendor: Vendor, url: str) -> str:
    """What the vendor's SDK would be given."""
    return f"{url}/v1" if vendor in ("openai", "openai_compatible") else url


def made(
    pools: Sequence[Pool], credentials: Sequence[Credential], routes: Sequence[Route] = (), **settings: Any
) -> Snapshot:
    """A snapshot with the rig's key. Nobody is probed; without routes everything goes to the first pool."""
    given = Settings(default_pool=pools[0].id, **{"health_check_enabled": False, **settings})
    key = VirtualKey("rig", rig.sha256(rig.KEY), shared_resources=True)
    return Snapshot(given, tuple(credentials), tuple(pools), tuple(routes) or (Route(("*",), pools[0].id),), (key,))


def pair(name: str, vendor: Vendor, bad: str, good: str, secret: str) -> tuple[Pool, list[Credential]]:
    """A pool whose first member is at `bad` with `secret`, and whose second at `good` has a secret that works."""
    pool = Pool(name, (Member(f"{name}.bad"), Member(f"{name}.good", priority=1)))
    return pool, [
        Credential(f"{name}.bad", vendor, secret, base(vendor, bad)),
        Credential(f"{name}.good", vendor, f"{name}-good", base(vendor, good)),
    ]


def calls(vendor: SandboxServer, *secrets: str) -> list[Entry]:
    """What credentials asked of the sandbox, model lists left out."""
    prints = {fingerprint(secret) for secret in secrets}
    return [entry for entry in vendor.asked() if entry.credential in prints and entry.method == "POST"]


def life(gateway: rig.Gateway, credential: str) -> Any:
    """What is known of a credential just now."""
    return gateway.worker.memory.standings[credential].life


def key_of(vendor: Vendor) -> tuple[str, str]:
    """The header in which a vendor is told the good credential, `{}` to be filled in."""
    return {"anthropic": ("x-api-key", "{}"), "gemini": ("x-goog-api-key", "{}")}.get(vendor, ("authorization", "Bearer {}"))


def straight(vendor: SandboxServer, door: Door, target: str, value: object, secret: str) -> plain.Answer:
    """What the sandbox answers without a gateway."""
    field, form_ = key_of(door.vendor)
    more = [("anthropic-version", "2023-06-01")] if door.name == "messages" else []
    fields = [(field, form_.format(secret)), plain.JSON, *more]
    return plain.ask(vendor.port, "POST", target, plain.dump(value), fields)


# One cause each.


class Cause(NamedTuple):
    """How the first member fails: the sandbox's fault ("": nobody listens), and what the event tells of it for
    OpenAI, Anthropic and Gemini."""

    fault: str
    status: int
    outcomes: tuple[str, str, str]
    codes: tuple[str, str, str]

    def told(self, door: Door) -> tuple[int, str, str]:
        """Status, outcome and code in the event's `tried`."""
        at = {"openai": 0, "anthropic": 1, "gemini": 2}[door.vendor]
        return self.status, self.outcomes[at], self.codes[at]


def _same(word: str) -> tuple[str, str, str]:
    return word, word, word


_ALL_UPSTREAM = _same("upstream")
CAUSES = [
    Cause("", 0, _ALL_UPSTREAM, _same("upstream_unreachable")),
    Cause("sandbox-close", 0, _ALL_UPSTREAM, _same("upstream_closed")),
    Cause("sandbox-garbage", 0, _ALL_UPSTREAM, _same("upstream_garbage")),
    Cause("sandbox-500", 500, _ALL_UPSTREAM, ("server_error", "api_error", "INTERNAL")),
    Cause("sandbox-503", 503, _ALL_UPSTREAM, ("server_is_overloaded", "api_error", "UNAVAILABLE")),
    Cause("sandbox-529", 529, _ALL_UPSTREAM, ("server_is_overloaded", "overloaded_error", "UNAVAILABLE")),
    Cause("sandbox-429", 429, _same("rate_limited"), ("rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED")),
    Cause("sandbox-429-bare", 429, _same("rate_limited"), ("rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED")),
    Cause("sandbox-402", 402, _same("billing"), ("billing_not_active", "billing_error", "FAILED_PRECONDITION")),
    Cause("sandbox-401", 401, _same("invalid_key"), ("invalid_api_key", "authentication_error", "UNAUTHENTICATED")),
    Cause("sandbox-403", 403, _same("denied"), ("insufficient_permissions", "permission_error", "PERMISSION_DENIED")),
    Cause(
        "sandbox-deactivated", 401, ("terminated", "suspended", "invalid_key"),
        ("account_deactivated", "organization_on_hold", "API_KEY_INVALID"),
    ),
    Cause(
        "sandbox-quota", 429, ("billing", "billing", "rate_limited"),
        ("insufficient_quota", "enforced_spend_limit_reached", "RESOURCE_EXHAUSTED"),
    ),
    Cause("sandbox-echo-secret-401", 401, _same("invalid_key"), ("invalid_api_key", "authentication_error", "UNAUTHENTICATED")),
]  # fmt: skip
FIRST_EVENT = Cause("sandbox-error-first", 200, _ALL_UPSTREAM, ("server_error", "overloaded_error", "UNAVAILABLE"))


def _pool_name(cause: Cause, door: Door) -> str:
    return f"{cause.fault.removeprefix('sandbox-') or 'refused'}-{door.name}{'-stream' if door.stream else ''}"


def _rows(causes: Sequence[Cause], doors: Sequence[Door] = DOORS) -> list[Any]:
    return [pytest.param(cause, door, id=_pool_name(cause, door)) for cause, door in itertools.product(causes, doors)]


STREAMED = [door for door in DOORS if door.stream]
ROWS = [*_rows(CAUSES), *_rows([FIRST_EVENT], STREAMED)]


def paired(url: str, rows: Sequence[Any], nowhere: str = "", **settings: Any) -> Snapshot:
    """A pool of two for every row, chosen by the model `<pool>`: the first member fails as the row says, or is at
    `nowhere`."""
    pools, credentials, routes = [], [], []
    for row in rows:
        cause, door = row.values
        name = _pool_name(cause, door)
        where = url if cause.fault else nowhere
        pool, both = pair(name, door.vendor, where, url, f"{name}-bad{cause.fault and '-' + cause.fault}")
        pools.append(pool)
        credentials += both
        routes.append(Route((name,), name))
    return made(pools, credentials, routes, **settings)


@pytest.fixture(scope="module")
def pairs(vendor: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway with a pool of two for every cause and door, so that no test's faults are another's."""
    with (
        station.deaf_port() as port,
        rig.running_gateway(paired(vendor.url, ROWS, f"http://127.0.0.1:{port}"), calm=False) as running,
    ):
        yield running


def untimed(tried: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Attempts less when they began and how long they took, which an event tells of each."""
    assert all(each["began_us"] >= 0 < each["duration_us"] for each in tried)
    return [{name: value for name, value in each.items() if not name.endswith("_us")} for each in tried]


def fails_over(gateway: rig.Gateway, vendor: SandboxServer, cause: Cause, door: Door) -> None:
    """One request through the pair: all the good member's bytes, and an event that tells of the other."""
    name = _pool_name(cause, door)
    target, value = wish(door, name)
    answer = plain.post(gateway.port, target, value)
    wanted = straight(vendor, door, target, value, f"{name}-good")
    assert (answer.status, answer.whole, wanted.status) == (200, True, 200)
    assert answer.body == wanted.body
    assert answer.header("content-type") == wanted.header("content-type")
    event = gateway.event(answer.request_id)
    status, outcome, code = cause.told(door)
    tried = {"credential": f"{name}.bad", "status": status, "outcome": outcome, "code": code, "pool": event["pool"]}
    assert untimed(event["tried"]) == [tried]
    assert (event["credential"], event["status"], event["upstream_status"]) == (f"{name}.good", 200, 200)
    assert event["error"] == ""
    assert event["tokens"] is not None, "of the answer that was given"


@pytest.mark.parametrize(("cause", "door"), ROWS)
def test_the_other_answers(pairs: rig.Gateway, vendor: SandboxServer, cause: Cause, door: Door) -> None:
    """A member that fails before its first byte, however it does: the client gets the other's whole answer, byte for
    byte, and the event tells who was tried and why it failed."""
    fails_over(pairs, vendor, cause, door)


def test_an_answer_that_does_not_come(vendor: SandboxServer) -> None:
    """A member that stays silent for `answer_timeout` counts as failed: the other one answers, at every door."""
    cause = Cause("sandbox-hang", 0, _ALL_UPSTREAM, _same("upstream_timeout"))
    rows = _rows([cause])
    with (
        rig.running_gateway(paired(vendor.url, rows, answer_timeout=4.0), calm=False) as gateway,
        ThreadPoolExecutor(len(rows)) as doors,
    ):
        list(doors.map(functools.partial(fails_over, gateway, vendor, cause), [row.values[1] for row in rows]))


GEMINI_KEY = (
    b'{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT",'
    b'"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID",'
    b'"domain":"googleapis.com"}]}}'
)


@pytest.mark.parametrize("door", [door for door in DOORS if door.name == "gemini"])
def test_gemini_calls_a_bad_key_a_bad_request(vendor: SandboxServer, door: Door) -> None:
    """Google answers a bad key with 400 and `reason: API_KEY_INVALID` (ai.google.dev, troubleshooting): that is ours,
    not the caller's, and the other member answers."""
    with Upstream(lambda request: request.answer(GEMINI_KEY, status=400)) as bad:
        pool, both = pair("two", "gemini", bad.url, vendor.url, "refused")
        with rig.running_gateway(made([pool], both), calm=False) as gateway:
            target, value = wish(door, "gemini-x")
            answer = plain.post(gateway.port, target, value)
            assert (answer.status, answer.body) == (200, straight(vendor, door, target, value, "two-good").body)
            event = gateway.event(answer.request_id)
            assert untimed(event["tried"]) == [
                {"credential": "two.bad", "status": 400, "outcome": "invalid_key", "code": "API_KEY_INVALID", "pool": "two"}
            ]
            assert (life(gateway, "two.bad").state, life(gateway, "two.bad").faults) == ("suspect", 1)


# What is the caller's own doing.

CALLERS = [
    (400, b'{"error":{"message":"Invalid value","type":"invalid_request_error","param":"n","code":"invalid_value"}}'),
    (400, b'{"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}}'),
    (404, b'{"error":{"message":"no such model","type":"invalid_request_error","code":"model_not_found"}}'),
    (405, b'{"error":{"message":"Not allowed","type":"invalid_request_error","code":null}}'),
    (409, b'{"error":{"message":"conflict","type":"invalid_request_error","code":null}}'),
    (413, b'{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}'),
    (422, b'{"error":{"message":"unprocessable","type":"invalid_request_error","code":null}}'),
    (422, b"not even JSON"),
    (400, b""),
]


@pytest.mark.parametrize(("status", "body"), CALLERS, ids=[f"{status}-{at}" for at, (status, _) in enumerate(CALLERS)])
def test_the_callers_errors_stay_the_callers(status: int, body: bytes) -> None:
    """What the caller did wrong is told to the caller, verbatim; nobody else is asked, and no credential is blamed,
    however often it happens."""
    with Upstream(lambda request: request.answer(body, status=status)) as upstream:
        pool, both = pair("two", "openai", upstream.url, upstream.url, "first")
        with rig.running_gateway(made([pool], both, error_threshold=2), calm=False) as gateway:
            for number in range(1, 9):
                answer = plain.post(gateway.port, "/v1/chat/completions", plain.chat(said=f"say {number}"))
                assert (answer.status, answer.body) == (status, body)
                assert upstream.requests == number, "one request each"
            event = gateway.event(answer.request_id)
            assert (event["tried"], event["credential"], event["error"]) == ([], "two.bad", "")
            assert life(gateway, "two.bad") == life(gateway, "two.good") == UNKNOWN
            assert [each for each in gateway.all_events() if each["event"] == "credential"] == []


# After the first byte.

BREAKS = ["sandbox-cut", "sandbox-cut-fin", "sandbox-cut-clean"]


def broken(vendor: SandboxServer, door: Door, fault: str) -> tuple[plain.Answer, dict[str, Any], list[Entry]]:
    """A request to a pair whose first member breaks off: answer, event, and all that the sandbox was asked for it."""
    name = f"broken-{DOOR_IDS[DOORS.index(door)]}-{fault}"
    pool, both = pair(name, door.vendor, vendor.url, vendor.url, name)
    with rig.running_gateway(made([pool], both), calm=False) as gateway:
        answer = plain.post(gateway.port, *wish(door, f"{door.name}-x", LONG))
        event = gateway.event(answer.request_id)
    assert event["credential"] == f"{name}.bad"
    return answer, event, calls(vendor, name, f"{name}-good")


def last_event(body: bytes) -> bytes:
    """The last event of a stream."""
    return body.rstrip(b"\n").rpartition(b"\n\n")[2]


@pytest.mark.parametrize("fault", BREAKS)
@pytest.mark.parametrize("door", STREAMED, ids=[door.name for door in STREAMED])
def test_nothing_is_sent_twice(vendor: SandboxServer, door: Door, fault: str) -> None:
    """A stream that breaks after some events ends as the dialect's clients notice it, cleanly
    ended or not; nobody is asked again, and no event comes twice."""
    answer, event, asked = broken(vendor, door, fault)
    assert (answer.status, answer.whole) == (200, True)
    assert len(asked) == 1
    assert event["tried"] == []
    events = [each for each in answer.body.split(b"\n\n") if each]
    assert len(events) > 2, "what had come was passed"
    assert len(set(events)) == len(events)
    assert event["error"] == "upstream_disconnected"
    assert (b"broke off" in last_event(answer.body)) == (door.name != "gemini")
    assert answer.body.count(b"broke off") <= 1
    assert b"finishReason" not in answer.body


# In each dialect: an event with text, and the error event behind it.
EVENTS: dict[str, tuple[bytes, bytes]] = {
    "chat": (
        b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"half"}}]}\n\n',
        b'data: {"error":{"message":"The server had an error","type":"server_error","code":"server_error"}}\n\n',
    ),
    "responses": (
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"half"}\n\n',
        b'event: error\ndata: {"type":"error","code":"server_error","message":"The server had an error"}\n\n',
    ),
    "messages": (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"half"}}\n\n',
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
    ),
    "gemini": (
        b'data: {"candidates":[{"content":{"parts":[{"text":"half"}],"role":"model"},"index":0}]}\n\n',
        b'data: {"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}\n\n',
    ),
}  # fmt: skip


@pytest.mark.parametrize("door", STREAMED, ids=[door.name for door in STREAMED])
def test_an_error_event_later_on_passes(vendor: SandboxServer, door: Door) -> None:
    """The vendor's own error event after one that the client has passes as it is; the request is not sent again."""
    text, error = EVENTS[door.name]
    seen = threading.Event()

    def handle(request: Request) -> None:
        request.open_stream()
        request.chunk(text)
        assert seen.wait(20)
        request.chunk(error)
        request.wire.sendall(b"0\r\n\r\n")

    with Upstream(handle) as bad:
        name = f"later-{door.name}"
        pool, both = pair(name, door.vendor, bad.url, vendor.url, f"{name}-bad")
        with rig.running_gateway(made([pool], both), calm=False) as gateway, plain.connected(gateway.port) as sock:
            target, value = wish(door, "any")
            body = plain.dump(value)
            sock.sendall(plain.head("POST", target, [plain.BEARER, plain.JSON], length=len(body)) + body)
            plain.until(sock, b"half")
            seen.set()
            rest = plain.until(sock, b"0\r\n\r\n")
            kit.wait_for(gateway.events)
            assert [(event["tried"], event["credential"]) for event in gateway.events()] == [([], f"{name}.bad")]
        assert error.strip() in rest
        assert b"broke off" not in rest
        assert bad.requests == 1
        assert calls(vendor, f"{name}-good") == []


@pytest.mark.parametrize("door", STREAMED, ids=[door.name for door in STREAMED])
def test_an_error_event_before_anything_left(vendor: SandboxServer, door: Door) -> None:
    """What came together with an error event has not left yet: the other member's answer takes its place, whole."""
    text, error = EVENTS[door.name]

    def handle(request: Request) -> None:
        request.open_stream()
        request.chunk(text + text + error)

    with Upstream(handle) as bad:
        name = f"together-{door.name}"
        pool, both = pair(name, door.vendor, bad.url, vendor.url, f"{name}-bad")
        with rig.running_gateway(made([pool], both), calm=False) as gateway:
            target, value = wish(door, "any")
            answer = plain.post(gateway.port, target, value)
            assert answer.body == straight(vendor, door, target, value, f"{name}-good").body
            assert [each["outcome"] for each in gateway.event(answer.request_id)["tried"]] == ["upstream"]


@pytest.mark.parametrize("fault", BREAKS)
@pytest.mark.parametrize("door", [door for door in DOORS if not door.stream], ids=DOOR_IDS[::2])
def test_half_a_body_is_not_mended(vendor: SandboxServer, door: Door, fault: str) -> None:
    """A JSON body that breaks in its middle never looks whole, and is not asked for again."""
    answer, event, asked = broken(vendor, door, fault)
    assert (answer.status, answer.whole) == (200, False)
    assert len(asked) == 1
    assert (event["tried"], event["error"]) == ([], "upstream_disconnected")


# A body that was sent as it came.

UPLOADS = [
    ("/v1/files", form(("purpose", b"batch"), ("file", b"x" * 300_000))),
    ("/v1/audio/transcriptions", form(("model", b"whisper-1"), ("file", b"x" * 300_000))),
]
UPLOAD_IDS = [target for target, _ in UPLOADS]


@pytest.mark.parametrize(("target", "body"), UPLOADS, ids=UPLOAD_IDS)
@pytest.mark.parametrize(("fault", "status"), [("sandbox-500", 500), ("sandbox-close", 502), ("sandbox-429", 429)])
def test_an_upload_is_sent_once(vendor: SandboxServer, target: str, body: bytes, fault: str, status: int) -> None:
    """A streamed body is gone once it was sent: no other member is asked, and the client hears of the failure."""
    name = f"upload-{target.rpartition('/')[2]}"
    pool, both = pair("two", "openai", vendor.url, vendor.url, f"{name}-{fault}")
    own = [both[0], Credential("two.good", "openai", f"{name}-{fault}-good", f"{vendor.url}/v1")]
    with rig.running_gateway(made([pool], own), calm=False) as gateway:
        answer = plain.ask(gateway.port, "POST", target, body, [plain.BEARER, ("content-type", FORM)])
        event = gateway.event(answer.request_id)
    assert answer.status == status
    assert event["tried"] == []
    assert len(calls(vendor, own[0].secret)) == 1
    assert calls(vendor, own[1].secret) == []


@pytest.mark.parametrize(("target", "body"), UPLOADS, ids=UPLOAD_IDS)
def test_an_upload_that_never_left(vendor: SandboxServer, target: str, body: bytes) -> None:
    """A member that cannot be reached had nothing of the body: another takes it, whole."""
    name = f"unsent-{target.rpartition('/')[2]}"
    with station.deaf_port() as port:
        pool, both = pair(name, "openai", f"http://127.0.0.1:{port}", vendor.url, f"{name}-bad")
        with rig.running_gateway(made([pool], both), calm=False) as gateway:
            answer = plain.ask(gateway.port, "POST", target, body, [plain.BEARER, ("content-type", FORM)])
            event = gateway.event(answer.request_id)
    assert answer.status == 200
    assert [each["code"] for each in event["tried"]] == ["upstream_unreachable"]
    heard = calls(vendor, f"{name}-good")
    assert [entry.body_length for entry in heard] == [len(body)]


# Other pools.


def with_fallback(url: str, fault: str, name: str) -> Snapshot:
    """A pool of three that all have a fault, and a pool of one behind it."""
    first = Pool("first", tuple(Member(f"f{at}") for at in range(3)))
    bad = [Credential(f"f{at}", "openai", f"{name}-{at}-{fault}", f"{url}/v1") for at in range(3)]
    last = Credential("last", "openai", f"{name}-last", f"{url}/v1")
    route = Route(("*",), "first", fallback=("second",))
    return made([first, Pool("second", (Member("last"),))], [*bad, last], [route])


@pytest.mark.parametrize("fault", ["sandbox-500", "sandbox-402", "sandbox-429-long", "sandbox-401"])
def test_the_fallback_pool(vendor: SandboxServer, fault: str) -> None:
    """When nobody of a route's pool can answer, its fallback does: within the same request, and for those after it
    without asking who is out of service again."""
    with rig.running_gateway(with_fallback(vendor.url, fault, f"fallback-{fault}"), calm=False) as gateway:
        answers = [plain.post(gateway.port, "/v1/responses", plain.responses(said=f"say {at}")) for at in range(8)]
        assert [answer.status for answer in answers] == [200] * 8
        events = [gateway.event(answer.request_id) for answer in answers]
    assert sorted((each["credential"], each["pool"]) for each in events[0]["tried"]) == [(f"f{at}", "first") for at in range(3)]
    assert {(event["pool"], event["credential"]) for event in events} == {("second", "last")}
    if fault in ("sandbox-402", "sandbox-429-long"):
        assert all(event["tried"] == [] for event in events[1:])
        assert events[-1]["skipped"] == dict.fromkeys(("f0", "f1", "f2"), {"sandbox-402": "billing"}.get(fault, "rate_limited"))


def test_a_key_that_may_not_use_the_fallback(vendor: SandboxServer) -> None:
    """A fallback pool that the key may not use serves it nothing."""
    snapshot = with_fallback(vendor.url, "sandbox-500", "fallback-narrow")
    narrow = VirtualKey("rig", rig.sha256(rig.KEY), pools=("first",))
    own = Snapshot(snapshot.settings, snapshot.credentials, snapshot.pools, snapshot.routes, (narrow,))
    with rig.running_gateway(own, calm=False) as gateway:
        assert plain.post(gateway.port, "/v1/responses", plain.responses()).status == 500
    assert calls(vendor, "fallback-narrow-last") == []


# Nobody left.


def limited(waits: Sequence[int | None]) -> Upstream:
    """An upstream that limits credentials, by the number in which their secrets end, for so many seconds (None: not)."""

    def handle(request: Request) -> None:
        wait = waits[int((request.header("authorization") or "").rpartition("-")[2])]
        if wait is None:
            request.answer(b'{"id":"x","object":"response","usage":null}')
        else:
            request.answer(b'{"error":{"code":"rate_limit_exceeded"}}', "application/json", 429, f"retry-after: {wait}")

    return Upstream(handle)


def several(url: str, count: int, secret: str, **settings: Any) -> Snapshot:
    """A pool of `count` members `m0`, `m1`, … of equal weight, whose secrets are `secret` and the number."""
    credentials = [Credential(f"m{at}", "openai", f"{secret}{at}", f"{url}/v1") for at in range(count)]
    return made([Pool("main", tuple(Member(each.id) for each in credentials))], credentials, **settings)


@pytest.mark.parametrize(
    ("waits", "least"), [((40, 20, 50), 20), ((20, 600, 600), 20), ((300, 120, 900), 120), ((1800,) * 4, 1800)]
)
def test_all_are_rate_limited(waits: Sequence[int], least: int) -> None:
    """429 with the shortest of the members' waits, rounded up: not less than the truth. Above a minute it says that
    waiting makes no sense, for SDKs would sleep through it. Those after it are refused without asking anybody."""
    with (
        limited(waits) as upstream,
        rig.running_gateway(several(upstream.url, len(waits), "limited-member-"), calm=False) as gateway,
    ):
        for _ in range(3):
            answer = plain.post(gateway.port, "/v1/responses", plain.responses())
            assert (answer.status, answer.json()["error"]["code"]) == (429, "pool_rate_limited")
            assert least - 15 <= int(answer.header("retry-after") or 0) <= least + 1
            assert answer.header("x-should-retry") == ("false" if least > 60 else None)
        assert upstream.requests == len(waits), "each once, by the first request"
        assert {life(gateway, f"m{at}").state for at in range(len(waits))} == {"cooling"}


def test_one_of_several_is_rate_limited_only_once() -> None:
    """While one member is free, nobody hears of the others' limits."""
    with (
        limited([600, None, 600]) as upstream,
        rig.running_gateway(several(upstream.url, 3, "limited-member-"), calm=False) as gateway,
    ):
        answers = [plain.post(gateway.port, "/v1/responses", plain.responses(said=f"say {at}")) for at in range(30)]
        assert {answer.status for answer in answers} == {200}
        assert upstream.requests <= 32


def test_all_are_out_of_service(vendor: SandboxServer) -> None:
    """All disabled: 503 that says that trying again will not help, and nobody is asked."""
    with rig.running_gateway(several(vendor.url, 3, "all-out-"), calm=False) as gateway:
        for secret in (secrets := [f"all-out-{at}" for at in range(3)]):
            vendor.spoil(secret, "sandbox-402")
        plain.post(gateway.port, "/v1/responses", plain.responses())
        assert {life(gateway, f"m{at}").state for at in range(3)} == {"disabled"}
        before = len(calls(vendor, *secrets))
        answer = plain.post(gateway.port, "/v1/responses", plain.responses())
        assert (answer.status, answer.json()["error"]["code"]) == (503, "pool_out_of_service")
        assert (answer.header("x-should-retry"), answer.header("retry-after")) == ("false", None)
        assert len(calls(vendor, *secrets)) == before
        assert gateway.event(answer.request_id)["skipped"] == {"m0": "billing", "m1": "billing", "m2": "billing"}


def test_a_retry_storm(vendor: SandboxServer) -> None:
    """With everything failing, a request asks each member once at most, and the breaker soon stops even that: 503 with
    a short wait. Nobody is disabled for what is the vendor's failure."""
    members = 4
    secrets = [f"storm-{at}" for at in range(members)]
    for secret in secrets:
        vendor.spoil(secret, "sandbox-500")
    with rig.running_gateway(several(vendor.url, members, "storm-"), calm=False) as gateway:
        answers = []
        for at in range(200):
            before = len(calls(vendor, *secrets))
            answers.append(plain.post(gateway.port, "/v1/responses", plain.responses(said=f"say {at}")))
            assert len(calls(vendor, *secrets)) - before <= members
        kit.wait_for(lambda: len(gateway.events()) == len(answers))
        assert all(event["attempts"] <= members for event in gateway.events())
        states = {life(gateway, f"m{at}").state for at in range(members)}
    # Three strikes open a breaker; after its pause of 1, 2, 4, … s one request may try, so six more in a minute.
    assert len(calls(vendor, *secrets)) <= members * (3 + 6)
    ours = [answer for answer in answers if answer.status == 503]
    assert len(ours) >= 200 - members * (3 + 6)
    assert {answer.json()["error"]["code"] for answer in ours} == {"pool_cooling"}
    assert all(1 <= int(answer.header("retry-after") or 0) <= 61 for answer in ours)
    assert {answer.status for answer in answers} <= {500, 503}
    assert "disabled" not in states


def test_a_storm_ends(vendor: SandboxServer) -> None:
    """Once the vendor works again, so does the pool, by itself."""
    with rig.running_gateway(several(vendor.url, 2, "ends-"), calm=False) as gateway:
        for secret in ("ends-0", "ends-1"):
            vendor.spoil(secret, "sandbox-503")
        for at in range(5):
            plain.post(gateway.port, "/v1/responses", plain.responses(said=f"say {at}"))
        kit.wait_for(lambda: _cooled(gateway) == {"m0", "m1"})
        for secret in ("ends-0", "ends-1"):
            vendor.mend(secret)
        kit.wait_for(lambda: plain.post(gateway.port, "/v1/responses", plain.responses()).status == 200, within=40)


def _cooled(gateway: rig.Gateway) -> set[str]:
    """Who was sent to cool, by the events."""
    return {event["credential"] for event in gateway.all_events() if event.get("state") == "cooling"}


# One good one.

FAULTS = [
    "sandbox-500", "sandbox-503", "sandbox-529", "sandbox-429", "sandbox-429-bare", "sandbox-429-long", "sandbox-401",
    "sandbox-402", "sandbox-403", "sandbox-quota", "sandbox-deactivated", "sandbox-close", "sandbox-garbage",
]  # fmt: skip


def one_good(url: str, name: str) -> Snapshot:
    """Twenty members, one of whom works; the others have every fault there is."""
    faults = ["good", *itertools.islice(itertools.cycle(FAULTS), 19)]
    credentials = [Credential(f"m{at}", "openai", f"{name}-{at}-{fault}", f"{url}/v1") for at, fault in enumerate(faults)]
    return made([Pool("main", tuple(Member(each.id) for each in credentials))], credentials)


def test_one_good_of_twenty(vendor: SandboxServer) -> None:
    """With nineteen of twenty failing in every way, every request succeeds, streamed or not, eight clients at once."""
    with rig.running_gateway(one_good(vendor.url, "twenty"), calm=False) as gateway, ThreadPoolExecutor(8) as clients:

        def ask(at: int) -> tuple[int, bool]:
            value = plain.responses(said=f"say turn {at}", stream=at % 2 == 1)
            answer = plain.post(gateway.port, "/v1/responses", value)
            return answer.status, answer.whole and (b"response.completed" in answer.body or at % 2 == 0)

        assert set(clients.map(ask, range(MANY))) == {(200, True)}
        kit.wait_for(lambda: len(gateway.events()) == MANY)
        assert {event["credential"] for event in gateway.events()} == {"m0"}


# Repeats.


def test_a_turn_that_is_tried_again_counts_once(vendor: SandboxServer) -> None:
    """A client repeats one turn as often as it likes: that is one error towards `error_threshold`. Another turn is
    another."""
    with rig.running_gateway(several(vendor.url, 1, "again-", error_threshold=3), calm=False) as gateway:
        vendor.spoil("again-0", "sandbox-401")
        for turn, faults, state in (("one", 1, "suspect"), ("two", 2, "suspect"), ("three", 3, "disabled")):
            for _ in range(6):
                answer = plain.post(gateway.port, "/v1/responses", plain.responses(said=f"say {turn}"))
                assert answer.status in (502, 503)
            now = life(gateway, "m0")
            assert (now.faults, now.state) == (faults, state)


def test_two_turns_that_are_tried_again_by_turns(vendor: SandboxServer) -> None:
    """Two clients repeat a turn each, at the same time: those are two errors, in whatever order they come."""
    with rig.running_gateway(several(vendor.url, 1, "by-turns-", error_threshold=5), calm=False) as gateway:
        vendor.spoil("by-turns-0", "sandbox-401")
        for said in ("one", "two") * 4:
            plain.post(gateway.port, "/v1/responses", plain.responses(said=f"say {said}"))
        assert (life(gateway, "m0").faults, life(gateway, "m0").state) == (2, "suspect")


def test_secrets_of_who_failed_reach_nobody(vendor: SandboxServer) -> None:
    """A member whose error repeats its secret: neither the other's answer nor any event tells it."""
    secret = "failed-secret-sandbox-echo-secret-401"
    pool, both = pair("two", "openai", vendor.url, vendor.url, secret)
    with rig.running_gateway(made([pool], both), calm=False) as gateway:
        answer = plain.post(gateway.port, "/v1/responses", plain.responses())
        assert len(gateway.event(answer.request_id)["tried"]) == 1
        assert calls(vendor, secret)
        assert "failed-secret" not in json.dumps(gateway.all_events()) + repr(answer)


def test_a_stale_connection_is_no_fault() -> None:
    """A kept connection that the upstream closed meanwhile is replaced by a new one: for the second member as well, which
    would answer."""
    dead, both_here = threading.Event(), threading.Barrier(2)
    used: set[socket.socket] = set()

    def handle(request: Request) -> None:
        if not dead.is_set():
            both_here.wait(20)       # so that two connections are left
        elif request.wire in used or "bad" in (request.header("authorization") or ""):
            raise ConnectionResetError
        used.add(request.wire)
        request.answer(b'{"id":"resp_x","object":"response"}')

    with Upstream(handle) as upstream:
        pool, both = pair("two", "openai", upstream.url, upstream.url, "secret-of-bad")
        with rig.running_gateway(made([pool], both), calm=False) as gateway, ThreadPoolExecutor(2) as clients:
            ask = functools.partial(plain.post, gateway.port, "/v1/responses", plain.responses())
            assert [each.result().status for each in [clients.submit(ask), clients.submit(ask)]] == [200, 200]
            dead.set()
            answer = ask()
            assert answer.status == 200
            assert gateway.event(answer.request_id)["credential"] == "two.good"
