"""Money: what calls cost, that budgets hold when a thousand calls come at once, that nobody's leaving makes a call free,
and that what was spent outlives the gateway."""

import asyncio
import contextlib
import json
import signal
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

import rig
from gateway import kit, plain, station
from gateway.station import Station
from gateway.upstream import Request, Upstream
from stationmaster.gateway.core.prices import Clause, ModelPrice, Rates, rate
from stationmaster.gateway.core.snapshot import Budget, Route, Snapshot, VirtualKey
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.values import data, event

USD = 10**9                  # nanodollars
TOKEN = 10**6                # of them, for one token of output: a thousand dollars a million
POOR = "sm-a-poor-key"
SAID = "one two three four five say OK now"     # eight words in, two of them cached, two out


def price(**dollars: float) -> tuple[ModelPrice, ...]:
    """What every model costs, in dollars per million tokens."""
    rates = {name: round(value * USD) for name, value in dollars.items()}
    return (ModelPrice(Clause("pattern", "*"), Rates(rate(**rates))),)


OUTPUT_ONLY = price(paid_in=0, paid_out=1000)


def priced(snapshot: Snapshot, prices: tuple[ModelPrice, ...], *credentials: str) -> Snapshot:
    """The same, where the named credentials (none named: all) have these prices."""
    changed = [
        msgspec.structs.replace(each, prices=prices) if not credentials or each.id in credentials else each
        for each in snapshot.credentials
    ]
    return msgspec.structs.replace(snapshot, credentials=tuple(changed))


def with_budget(snapshot: Snapshot, **budget: int) -> Snapshot:
    """The same with a poor key."""
    poor = VirtualKey("poor", rig.sha256(POOR), budget=Budget(**budget))
    return msgspec.structs.replace(snapshot, keys=(*snapshot.keys, poor))


# What a call costs.

PER_KIND = price(paid_in=3, paid_out=15, cache_read=0.3, cache_write=3.75, reasoning=20)
COSTS: list[tuple[str, dict[str, object], int]] = [
    ("/v1/chat/completions", plain.chat(said=SAID), 6 * 3000 + 2 * 300 + 2 * 15_000),
    ("/v1/chat/completions", plain.chat(said=SAID, reasoning_effort="low"), 6 * 3000 + 2 * 300 + 2 * 15_000 + 3 * 20_000),
    ("/v1/chat/completions", plain.chat(said=SAID, stream=True), 6 * 3000 + 2 * 300 + 2 * 15_000),
    ("/v1/responses", plain.responses(said=SAID), 6 * 3000 + 2 * 300 + 2 * 15_000),
    ("/v1/responses", plain.responses(said=SAID, stream=True), 6 * 3000 + 2 * 300 + 2 * 15_000),
    ("/v1/messages", plain.messages(said=SAID), 6 * 3000 + 2 * 300 + 2 * 15_000),
    ("/v1/messages", plain.messages(said=SAID, stream=True), 6 * 3000 + 2 * 300 + 2 * 15_000),
    ("/v1beta/models/gemini-x:generateContent", plain.gemini(SAID), 6 * 3000 + 2 * 300 + 2 * 15_000),
    ("/v1beta/models/gemini-x:streamGenerateContent?alt=sse", plain.gemini(SAID), 6 * 3000 + 2 * 300 + 2 * 15_000),
    ("/v1/embeddings", {"model": "text-embedding-3", "input": "one two three four"}, 4 * 3000),
]


@pytest.fixture(scope="module")
def by_kind(vendor: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway with a price for each kind of token."""
    with rig.running_gateway(priced(rig.snapshot_for(vendor.url), PER_KIND)) as running:
        yield running


@pytest.mark.parametrize(("target", "value", "cost"), COSTS)
def test_a_price_of_its_own(by_kind: rig.Gateway, target: str, value: dict[str, object], cost: int) -> None:
    """What a credential's own prices make of the vendor's counts, in whole nanodollars, by kind."""
    assert by_kind.event(plain.post(by_kind.port, target, value).request_id)["cost"] == cost


# What has a price of its own, as vendors state it, and what it costs.
DEARER = price(paid_in=4, paid_out=16, cache_read=0.4, cache_write=5, cache_write_1h=8, input_audio=32, cache_read_audio=0.8,
               output_audio=64)  # fmt: skip
CHAT_SOUND = {
    "prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 30, "audio_tokens": 60},
    "completion_tokens": 50, "completion_tokens_details": {"audio_tokens": 40},
}  # fmt: skip
TRANSCRIBED = {"type": "tokens", "input_tokens": 14, "input_token_details": {"audio_tokens": 4}, "output_tokens": 45}
HOURLY = {
    "input_tokens": 20, "cache_read_input_tokens": 8, "cache_creation_input_tokens": 5, "output_tokens": 9,
    "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3},
}  # fmt: skip
GEMINI_SOUND = {
    "promptTokenCount": 100, "cachedContentTokenCount": 30, "candidatesTokenCount": 50,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 20}, {"modality": "AUDIO", "tokenCount": 80}],
    "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 25}],
    "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 40}],
}  # fmt: skip
SOUND_COSTS = 10 * 4000 + 60 * 32_000 + 30 * 400 + 10 * 16_000 + 40 * 64_000
HOURLY_COSTS = 20 * 4000 + 8 * 400 + 2 * 5000 + 3 * 8000 + 9 * 16_000
GEMINI_COSTS = 15 * 4000 + 55 * 32_000 + 5 * 400 + 25 * 800 + 10 * 16_000 + 40 * 64_000
STATED: list[tuple[str, dict[str, object], list[object], int]] = [
    ("/v1/chat/completions", plain.chat(), [{"choices": [], "usage": CHAT_SOUND}], SOUND_COSTS),
    (
        "/v1/chat/completions", plain.chat(stream=True),
        [{"choices": [{"delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": CHAT_SOUND}], SOUND_COSTS,
    ),
    ("/v1/audio/transcriptions", {"model": "gpt-4o-transcribe"}, [{"usage": TRANSCRIBED}], 10 * 4000 + 4 * 32_000 + 45 * 16_000),
    ("/v1/messages", plain.messages(), [{"type": "message", "usage": HOURLY}], HOURLY_COSTS),
    (
        "/v1/messages", plain.messages(stream=True),
        [
            {"type": "message_start", "message": {"usage": {**HOURLY, "output_tokens": 1}}},
            {"type": "message_delta", "usage": {"output_tokens": 9}}, {"type": "message_stop"},
        ],
        HOURLY_COSTS,
    ),
    ("/v1beta/models/gemini-x:generateContent", plain.gemini(), [{"usageMetadata": GEMINI_SOUND}], GEMINI_COSTS),
    (
        "/v1beta/models/gemini-x:streamGenerateContent?alt=sse", plain.gemini(),
        [{"candidates": [{"finishReason": "STOP"}], "usageMetadata": GEMINI_SOUND}], GEMINI_COSTS,
    ),
]  # fmt: skip


def scripted(told: list[object], *, streamed: bool) -> Callable[[Request], None]:
    """A vendor that says this: as one body, or each as an event."""

    def handler(asked: Request) -> None:
        if not streamed:
            asked.answer(plain.dump(told[0]))
            return
        asked.open_stream()
        for value in told:
            asked.chunk(data(value))
        asked.chunk(b"")

    return handler


@pytest.mark.parametrize(("target", "value", "told", "cost"), STATED)
def test_sound_and_hours(target: str, value: dict[str, object], told: list[object], cost: int) -> None:
    """Sound and what is written to a cache for an hour cost what they do, of whole answers and of streams."""
    streamed = "stream" in value or "alt=sse" in target
    with Upstream(scripted(told, streamed=streamed)) as upstream, rig.running_gateway(
        priced(rig.snapshot_for(upstream.url), DEARER)
    ) as gateway:
        found = gateway.event(plain.post(gateway.port, target, value).request_id)
    assert (found["cost"], found["usage_source"]) == (cost, "upstream_final")


def test_what_is_said_aloud(vendor: SandboxServer) -> None:
    """A realtime conversation costs what its sound does, not what as many tokens of text would."""

    async def talk(port: int) -> Any:
        fields = {"authorization": f"Bearer {rig.KEY}"}
        door = f"http://127.0.0.1:{port}/v1/realtime?model=gpt-realtime"
        async with aiohttp.ClientSession() as session, session.ws_connect(door, headers=fields) as sock:
            await sock.send_json({"type": "session.update", "session": {"output_modalities": ["audio"]}})
            await sock.send_json({"type": "response.create", "response": {"input": SAID}})
            while (said := await sock.receive_json())["type"] != "response.done":
                pass
            return said["response"]["usage"]

    with rig.running_gateway(priced(rig.snapshot_for(vendor.url), DEARER)) as gateway:
        usage = asyncio.run(talk(gateway.port))
        (found,) = kit.wait_for(lambda: [one for one in gateway.events() if one["endpoint"] == "realtime"])
    cached, spoken = usage["input_token_details"]["cached_tokens"], usage["output_token_details"]["audio_tokens"]
    assert min(cached, spoken, found["tokens"]["output_audio"]) > 0
    fresh, written = usage["input_tokens"] - cached, usage["output_tokens"] - spoken
    assert found["cost"] == fresh * 4000 + cached * 400 + written * 16_000 + spoken * 64_000


@pytest.mark.parametrize("fault", ["sandbox-500", "sandbox-429", "sandbox-401", "sandbox-close", "sandbox-no-usage"])
def test_what_costs_nothing(by_kind: rig.Gateway, fault: str) -> None:
    """Without any usage there is no cost: null, not 0."""
    answer = plain.post(by_kind.port, "/v1/responses", plain.responses(), ("x-sandbox-fault", fault))
    assert by_kind.event(answer.request_id)["cost"] is None


def test_an_unknown_price(gateway: rig.Gateway) -> None:
    """Tokens whose price nobody knows have no cost: null, not 0."""
    found = gateway.event(plain.post(gateway.port, "/v1/responses", plain.responses("nobody-lists-this")).request_id)
    assert (found["cost"], found["tokens"]["output"]) == (None, 1)


def test_unknown_prices_spend_no_budget(vendor: SandboxServer) -> None:
    """A budget counts known prices only."""
    with rig.running_gateway(with_budget(rig.snapshot_for(vendor.url), total=1)) as gateway:
        assert {ask(gateway.port).status for _ in range(3)} == {200}


# A budget when many come at once.


def request(model: str = "gpt-4o", most: int = 1, fault: str = "", **more: Any) -> bytes:
    """A Chat request by the poor key, answered with one token, as bytes."""
    body = plain.dump(plain.chat(model, max_tokens=most, **more))
    fields = [("authorization", f"Bearer {POOR}"), plain.JSON, ("connection", "close")]
    return plain.head("POST", "/v1/chat/completions", [*fields, ("x-sandbox-fault", fault)], length=len(body)) + body


def ask(port: int, **asked: Any) -> plain.Answer:
    """The same, asked alone."""
    with plain.connected(port) as sock:
        sock.sendall(request(**asked))
        return plain.read(sock, "POST")


def storm(port: int, count: int, asked: bytes) -> Counter[int]:
    """So many clients ask at once; the statuses that they get. All connect before the first of them asks."""

    few = asyncio.Semaphore(100)       # who connect at the same moment

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with few:
            return await asyncio.open_connection("127.0.0.1", port)

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        try:
            head = await reader.readuntil(b"\r\n")
            await reader.read(-1)
            return int(head.split(b" ")[1])
        finally:
            writer.close()

    async def all_of_them() -> list[int]:
        pairs = await asyncio.gather(*(connect() for _ in range(count)))
        for _, writer in pairs:
            writer.write(asked)
        return await asyncio.gather(*(one(*pair) for pair in pairs))

    return Counter(asyncio.run(all_of_them()))


def spent(gateway: rig.Gateway | Station, calls: int) -> int:
    """What the poor key spent in nanodollars by so many events, waited for."""
    kit.wait_for(lambda: len(_events_of(gateway)) >= calls)
    costs: list[int | None] = [one["cost"] for one in _events_of(gateway)]
    return sum(cost or 0 for cost in costs)


def _events_of(gateway: rig.Gateway | Station) -> list[dict[str, Any]]:
    all_of_them = gateway.events() if isinstance(gateway, rig.Gateway) else requests_in(gateway.events)
    return [one for one in all_of_them if one["key"] == "poor"]


def requests_in(events: Path) -> list[dict[str, Any]]:
    """The requests' events in a file, whole lines only."""
    lines = [line for line in events.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [one for one in map(json.loads, lines) if one["event"] == "request"]


STORMS = [
    # the most output a call states, the fault that makes it last, what it really costs in tokens
    (1, "", 1),
    (1, "sandbox-slow", 20),
    (1, "sandbox-500", 0),
    (1, "sandbox-cut", 100),      # half an answer, by its bytes
]


@pytest.mark.parametrize("period", ["day", "month", "total"])
@pytest.mark.parametrize(("most", "fault", "cost"), STORMS)
def test_a_thousand_calls(vendor: SandboxServer, period: str, most: int, fault: str, cost: int) -> None:
    """Room for ten calls and a thousand at once: ten are let in at a time, and the budget is exceeded by no more than
    what those cost beyond their estimates. Whoever comes later is refused."""
    made = with_budget(priced(rig.snapshot_for(vendor.url, error_threshold=1000), OUTPUT_ONLY), **{period: 10 * TOKEN})
    with rig.running_gateway(made) as gateway:
        count = 1000 if period == "total" else 100
        statuses = storm(gateway.port, count, request(most=most, fault=fault))
        assert sum(statuses.values()) == count
        paid = spent(gateway, count)
        assert paid <= 10 * TOKEN + 10 * max(0, cost - most) * TOKEN
        if fault == "sandbox-500":
            assert (paid, ask(gateway.port).status) == (0, 200), "what failed was given back"
        else:
            assert statuses[402] >= count - 10
            assert 0 < statuses[200] <= 10
            assert paid >= 10 * TOKEN
            assert ask(gateway.port).status == 402


def test_estimates_that_were_too_high(vendor: SandboxServer) -> None:
    """Calls that cost a tenth of what they state use the whole budget, ten times as many of them, and not more."""
    made = with_budget(priced(rig.snapshot_for(vendor.url), OUTPUT_ONLY), total=50 * TOKEN)
    with rig.running_gateway(made) as gateway:
        statuses = [ask(gateway.port, most=10).status for _ in range(60)]
    assert statuses == [200] * 41 + [402] * 19, "the last call needs room for its estimate"


def test_the_price_of_whoever_may_serve(vendor: SandboxServer) -> None:
    """In a pool of several vendors the estimate is that of a member that can serve the call, not of one that cannot."""
    base = kit.wide(vendor.url)
    made = msgspec.structs.replace(base, routes=(Route(("*",), "all"),))
    made = with_budget(priced(made, OUTPUT_ONLY, "anthropic"), total=10 * TOKEN)
    body = plain.dump(plain.messages(max_tokens=1))
    fields = [("authorization", f"Bearer {POOR}"), plain.JSON, ("connection", "close"), ("x-sandbox-fault", "sandbox-slow")]
    with rig.running_gateway(made) as gateway:
        statuses = storm(gateway.port, 60, plain.head("POST", "/v1/messages", fields, length=len(body)) + body)
    assert statuses == {200: 10, 402: 50}


# The same with several processes.

TABLES = """
[[credential]]
id = "priced"
vendor = "openai"
base_url = "{url}/v1"
secret = "env:SECRET_OPENAI"
prices = {{ "priced-*" = {{ input = 0, output = 1000 }} }}

[[pool]]
id = "priced"
members = [{{ credential = "priced" }}]

[[route]]
models = ["priced-*"]
pool = "priced"

[[key]]
id = "poor"
secret_sha256 = "{digest}"
budget = {{ {period}_usd = {dollars} }}
"""
EVENTS = ("--events", "events.jsonl")


def tables(url: str, settings: str, period: str = "total", dollars: float = 0.01) -> str:
    """Settings, and behind them a poor key that may buy ten tokens of `priced-x`."""
    return f"{settings}\n{TABLES.format(url=url, digest=rig.sha256(POOR), period=period, dollars=dollars)}"


@pytest.mark.parametrize(("fault", "each"), [("", 1), ("sandbox-slow", 20)])
def test_a_thousand_calls_over_two_workers(vendor: SandboxServer, fault: str, each: int) -> None:
    """Two workers begin with half of what is left each. Should the calls move from one to the other just then, the
    second has at most nine tenths (docs/reference/limits.md): together fourteen calls instead of ten, and one for what is
    rounded. Once they heard of each other, all further calls are refused."""
    with station.running(vendor.url, tables(vendor.url, "workers = 2\nmetrics_port = 0"), *EVENTS) as gateway:
        assert len(gateway.workers()) == 2
        statuses = storm(gateway.port, 1000, request("priced-x", fault=fault))
        assert set(statuses) == {200, 402}
        assert 5 <= statuses[200] <= 15
        asked: list[int] = []

        def all_refused() -> bool:
            asked.extend(ask(gateway.port, model="priced-x").status for _ in range(20))
            return asked[-20:] == [402] * 20

        kit.wait_for(all_refused)
        assert spent(gateway, 1000 + len(asked)) <= 15 * each * TOKEN
        assert [ask(gateway.port, model="priced-x").status for _ in range(20)] == [402] * 20


# Clients that leave.

STREAMS: dict[str, tuple[str, dict[str, object]]] = {
    "chat": ("/v1/chat/completions", plain.chat(said=SAID, stream=True)),
    "responses": ("/v1/responses", plain.responses(said=SAID, stream=True)),
    "messages": ("/v1/messages", plain.messages(said=SAID, stream=True)),
    "gemini": ("/v1beta/models/gemini-x:streamGenerateContent?alt=sse", plain.gemini(SAID)),
}
EVENTS_IN_STREAM = {"chat": 23, "responses": 28, "messages": 26, "gemini": 20}


def leave(gateway: rig.Gateway, target: str, value: object, after: int, *fields: tuple[str, str], reset: bool) -> None:
    """Read so many events of a stream and hang up: by a reset, or in good order."""
    body = plain.dump(value)
    with plain.connected(gateway.port) as sock:
        sock.sendall(plain.head("POST", target, [plain.BEARER, plain.JSON, *fields], length=len(body)) + body)
        seen = b""
        while len(seen.split(b"\n\n")) <= after:
            piece = sock.recv(4096)
            if not piece:
                break
            seen += piece.replace(b"\r\n\r\n", b"\n\n" if not seen else b"\r\n")
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def stated(vendor: SandboxServer, target: str, value: dict[str, object]) -> dict[str, int]:
    """What the vendor itself says that the same call costs, when asked without the gateway and not streamed."""
    target = target.replace(":streamGenerateContent?alt=sse", ":generateContent")
    fields = [("authorization", "Bearer x"), ("x-api-key", "x"), ("x-goog-api-key", "x"), plain.JSON,
              ("x-sandbox-fault", "sandbox-slow")]  # fmt: skip
    said = plain.ask(vendor.port, "POST", target, plain.dump({**value, "stream": False}), fields).json()
    if "usageMetadata" in said:
        usage = said["usageMetadata"]
        return {"input": usage["promptTokenCount"], "output": usage["candidatesTokenCount"]}
    usage = said["usage"]
    cached = usage.get("cache_read_input_tokens", 0)
    return {"input": usage.get("prompt_tokens", usage.get("input_tokens", 0)) + cached,
            "output": usage.get("completion_tokens", usage.get("output_tokens", 0))}  # fmt: skip


@pytest.mark.parametrize("dialect", list(STREAMS))
def test_leaving_at_every_event(vendor: SandboxServer, dialect: str) -> None:
    """Wherever in a stream its client hangs up: with time to read on, what is booked is to the token what the vendor
    counted, and every stream that the vendor began is booked."""
    target, value = STREAMS[dialect]
    count = EVENTS_IN_STREAM[dialect] + 1
    each = stated(vendor, target, value)
    vendor.forget()
    with rig.running_gateway(rig.snapshot_for(vendor.url, drain_after_disconnect=86_400.0)) as gateway:
        fields = [("x-sandbox-fault", "sandbox-slow"), ("x-sandbox-nonce", f"{dialect}-left")]
        leavers = [
            kit.in_background(lambda after=after: leave(gateway, target, value, after, *fields, reset=after % 2 == 1))  # type: ignore[misc]
            for after in range(1, count)
        ]
        leavers.append(kit.in_background(lambda: _leave_at_once(gateway, vendor, target, value, fields)))
        for leaver in leavers:
            leaver.join()
        kit.wait_for(lambda: len(gateway.events()) >= count)
        events = gateway.events()
        assert len(events) == len(kit.asked(vendor, f"{dialect}-left")) + len(kit.asked(vendor, "at-once")) == count
        kit.wait_for(lambda: {entry.outcome for entry in vendor.asked() if entry.nonce} == {"answered"})
        assert {one["usage_source"] for one in events} == {"upstream_final"}
        assert sum(one["tokens"]["input"] + one["tokens"]["cache_read"] for one in events) == count * each["input"]
        assert sum(one["tokens"]["output"] for one in events) == count * each["output"]
        assert sum(one["client_left"] for one in events) >= count // 3, "all but those that left too near the end"


def _leave_at_once(gateway: rig.Gateway, vendor: SandboxServer, target: str, value: object, fields: plain.Fields) -> None:
    """Hang up before the answer begins."""
    body = plain.dump(value)
    named = [*(field for field in fields if field[0] != "x-sandbox-nonce"), ("x-sandbox-nonce", "at-once")]
    with plain.connected(gateway.port) as sock:
        sock.sendall(plain.head("POST", target, [plain.BEARER, plain.JSON, *named], length=len(body)) + body)
        kit.wait_for(lambda: kit.asked(vendor, "at-once"))


PROMPT = "The quick brown fox jumps over the lazy dog and then goes home to sleep. " * 20      # about 320 tokens
PROMPT_TOKENS = 320


def frames(dialect: str) -> tuple[bytes, bytes]:
    """How a stream begins, and one further event: a token of its answer."""
    delta = {"delta": {"content": " word"}, "index": 0, "finish_reason": None}
    if dialect == "chat":
        return b"", data({"object": "chat.completion.chunk", "choices": [delta]})
    if dialect == "responses":
        begin = event({"type": "response.created", "response": {"id": "resp_1", "usage": None}})
        return begin, event({"type": "response.output_text.delta", "delta": " word"})
    begin = event({"type": "message_start", "message": {"usage": {"input_tokens": PROMPT_TOKENS, "output_tokens": 1}}})
    return begin, event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " word"}})


def gemini_frame(number: int) -> bytes:
    """Gemini restates its counts in every event."""
    usage = {"promptTokenCount": PROMPT_TOKENS, "candidatesTokenCount": number}
    return data({"candidates": [{"content": {"parts": [{"text": " word"}]}}], "usageMetadata": usage})


class Talker:
    """A vendor that sends a token every five milliseconds until its caller hangs up, and counts them."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.sent: dict[str, int] = {}

    def __call__(self, asked: Request) -> None:
        """Answer one request."""
        name = asked.header("x-sandbox-nonce") or ""
        begin, delta = frames(self.dialect) if self.dialect != "gemini" else (b"", b"")
        pause = threading.Event()
        self.sent[name] = 0
        asked.wire.settimeout(0)
        with contextlib.suppress(OSError):
            asked.open_stream()
            if begin:
                asked.chunk(begin)
            while not _hung_up(asked.wire):
                asked.chunk(delta or gemini_frame(self.sent[name] + 1))
                self.sent[name] += 1
                pause.wait(0.005)


def _hung_up(wire: socket.socket) -> bool:
    try:
        return wire.recv(1) == b""
    except BlockingIOError:
        return False


ESTIMATES = [("chat", "estimated"), ("responses", "estimated"), ("messages", "estimated"), ("gemini", "upstream_partial")]


@pytest.mark.parametrize(("dialect", "source"), ESTIMATES)
def test_estimates_of_what_was_cut(dialect: str, source: str) -> None:
    """Streams that outlast the window are cut, flagged, and booked near what the vendor sent. `-s` shows how near."""
    target, value = STREAMS[dialect]
    value = json.loads(json.dumps(value).replace(SAID, PROMPT))
    talker = Talker(dialect)
    with Upstream(talker) as upstream, rig.running_gateway(
        rig.snapshot_for(upstream.url, drain_after_disconnect=1.0)
    ) as gateway:
        names = {str(after): after for after in (1, 2, 3, 5, 10, 20, 50, 100, 200)}
        leavers = [
            kit.in_background(lambda name=name, after=after: leave(  # type: ignore[misc]
                gateway, target, value, after, ("x-sandbox-nonce", name), reset=after % 2 == 0))
            for name, after in names.items()
        ]  # fmt: skip
        for leaver in leavers:
            leaver.join()
        kit.wait_for(lambda: len(gateway.events()) == len(names))
        events = gateway.events()
        kit.wait_for(lambda: not gateway.worker.orphans)
    assert {one["usage_source"] for one in events} == {source}
    assert all(one["client_left"] for one in events)
    sent, booked = sorted(talker.sent.values()), sorted(one["tokens"]["output"] for one in events)
    errors = [count / really - 1 for count, really in zip(booked, sent, strict=True)]
    read = events[0]["tokens"]["input"] / PROMPT_TOKENS - 1
    together = sum(booked) / sum(sent) - 1
    print(f"\n{dialect}: output {min(errors):+.1%} to {max(errors):+.1%}, together {together:+.1%}; input {read:+.1%}")
    assert all(abs(error) <= 0.5 for error in errors)
    assert abs(together) <= 0.25
    assert abs(read) <= 0.5


def test_who_left_still_pays(vendor: SandboxServer) -> None:
    """A key that always hangs up before the count comes spends its budget all the same."""
    made = with_budget(priced(rig.snapshot_for(vendor.url, drain_after_disconnect=0.0), OUTPUT_ONLY), total=10 * TOKEN)
    asked = request(stream=True, fault="sandbox-slow")
    with rig.running_gateway(made) as gateway:
        for _ in range(10):
            with plain.connected(gateway.port) as sock:
                sock.sendall(asked)
                if b" 402 " in sock.recv(16):
                    break
                plain.until(sock, b'"content":"OK"')
        assert kit.wait_for(lambda: ask(gateway.port).status == 402)


# Over a restart.


def state(folder: Path) -> str:
    """Settings with a state file that outlives a gateway's own folder."""
    return f'metrics_port = 0\nstate_file = "{folder / "spent.json"}"'


def kept(folder: Path) -> int:
    """What the state file says that the poor key spent in all."""
    found = json.loads((folder / "spent.json").read_text()).get("poor", {})
    return int(found.get("total", 0))


@pytest.mark.parametrize("period", ["day", "month", "total"])
def test_a_restart(vendor: SandboxServer, tmp_path: Path, period: str) -> None:
    """What was spent before the gateway stopped is spent after it starts again."""
    made = tables(vendor.url, state(tmp_path), period)
    with station.running(vendor.url, made, *EVENTS) as gateway:
        assert [ask(gateway.port, model="priced-x").status for _ in range(6)] == [200] * 6
    assert kept(tmp_path) == 6 * TOKEN
    with station.running(vendor.url, made, *EVENTS) as gateway:
        assert [ask(gateway.port, model="priced-x").status for _ in range(6)] == [200] * 4 + [402] * 2
    assert kept(tmp_path) == 10 * TOKEN


def test_a_killed_gateway(vendor: SandboxServer, tmp_path: Path) -> None:
    """What was written a second before somebody pulled the plug is still spent; no file is half."""
    made = tables(vendor.url, state(tmp_path))
    with station.running(vendor.url, made, *EVENTS) as gateway:
        assert [ask(gateway.port, model="priced-x").status for _ in range(10)] == [200] * 10
        kit.wait_for(lambda: kept(tmp_path) == 10 * TOKEN)
        gateway.signal(signal.SIGKILL)
        gateway.process.wait()
    with station.running(vendor.url, made, *EVENTS) as gateway:
        assert ask(gateway.port, model="priced-x").status == 402


def test_a_larger_budget(vendor: SandboxServer, tmp_path: Path) -> None:
    """A reload with a larger budget lets further calls in, and keeps what was spent."""
    with station.running(vendor.url, tables(vendor.url, state(tmp_path)), *EVENTS) as gateway:
        assert [ask(gateway.port, model="priced-x").status for _ in range(11)] == [200] * 10 + [402]
        station.write_config(gateway.folder, vendor.url, tables(vendor.url, state(tmp_path), dollars=0.012), port=gateway.port)
        gateway.signal(signal.SIGHUP)
        gateway.said("configuration reloaded")
        kit.wait_for(lambda: ask(gateway.port, model="priced-x").status == 200)
        assert [ask(gateway.port, model="priced-x").status for _ in range(2)] == [200, 402]


def test_a_budget_that_comes_later(vendor: SandboxServer, tmp_path: Path) -> None:
    """A key that gets its budget, or comes back, by a reload has spent what it had spent."""
    made = tables(vendor.url, state(tmp_path))
    with station.running(vendor.url, made, *EVENTS) as gateway:
        assert [ask(gateway.port, model="priced-x").status for _ in range(10)] == [200] * 10
    with station.running(vendor.url, state(tmp_path), *EVENTS) as gateway:
        station.write_config(gateway.folder, vendor.url, made, port=gateway.port)
        gateway.signal(signal.SIGHUP)
        gateway.said("configuration reloaded")
        kit.wait_for(lambda: ask(gateway.port, model="priced-x").status != 401)
        assert [ask(gateway.port, model="priced-x").status for _ in range(3)] == [402] * 3


BROKEN = [b"", b"{", b"[]", b'{"poor": 5}', b'{"poor": {"total": "much"}}', b'{"k\xff": {}}', b'{"poor": {"x": ' + b"[" * 100_000]


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_state_file(vendor: SandboxServer, tmp_path: Path, text: bytes) -> None:
    """A state file that cannot be understood refuses the start, names the file and says what to do: going on with
    nothing would give every budget anew. The file stays as it was."""
    (tmp_path / "spent.json").write_bytes(text)
    with pytest.raises(AssertionError) as refused, station.running(vendor.url, tables(vendor.url, state(tmp_path))):
        pass
    said = str(refused.value)
    assert "Cannot use the state file" in said
    assert "spent.json" in said
    assert "move it away" in said
    assert "Traceback" not in said
    assert "Error" not in said.replace("AssertionError", "")
    assert (tmp_path / "spent.json").read_bytes() == text


def test_a_state_file_that_cannot_be_written(vendor: SandboxServer, tmp_path: Path) -> None:
    """A folder that is not there refuses the start likewise, and so does a place that is a folder itself."""
    with pytest.raises(AssertionError, match=r"the folder of .* does not exist"), station.running(
        vendor.url, tables(vendor.url, state(tmp_path / "nowhere"))
    ):
        pass
    (tmp_path / "spent.json.new").mkdir()
    with pytest.raises(AssertionError, match="Cannot write the state file"), station.running(
        vendor.url, tables(vendor.url, state(tmp_path))
    ):
        pass


def test_one_gateway_to_a_state_file(vendor: SandboxServer, tmp_path: Path) -> None:
    """A second gateway on the same file does not start and says whose it is, also after the first reloaded; the first may
    be killed in any way, and the next one starts."""
    with station.running(vendor.url, tables(vendor.url, state(tmp_path)), *EVENTS) as first:
        first.signal(signal.SIGHUP)
        first.said("configuration reloaded")
        with pytest.raises(AssertionError) as refused, station.running(vendor.url, tables(vendor.url, state(tmp_path))):
            pass
        said = str(refused.value)
        assert f"Another running gateway (process {first.process.pid}) keeps its state in" in said
        assert "a state_file of its own" in said
        assert "Traceback" not in said
        assert ask(first.port, model="priced-x").status == 200
        first.process.kill()
        first.process.wait()
        with station.running(vendor.url, tables(vendor.url, state(tmp_path))) as second:
            assert ask(second.port, model="priced-x").status == 200
    with station.running(vendor.url, tables(vendor.url, state(tmp_path))) as third:
        assert ask(third.port, model="priced-x").status == 200


def test_without_a_state_file(vendor: SandboxServer) -> None:
    """A gateway that forgets what was spent says so when it starts, where a budget would need it."""
    with station.running(vendor.url, tables(vendor.url, "metrics_port = 0")) as gateway:
        assert "set state_file" in gateway.said("budgets count from this start on")
