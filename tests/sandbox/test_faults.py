"""Every fault does on the wire what its sentence says."""

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai as sdk
import pytest
from openai import OpenAI

from stationmaster.sandbox.faults import ERRORS, SENTENCES
from stationmaster.sandbox.server import SandboxServer

KEY = "sk-sandbox-test"

Connect = Callable[[], socket.socket]
CHAT = "/v1/chat/completions"


def ask(model: str, *, stream: bool, path: str = "/v1/chat/completions") -> bytes:
    """A chat request as bytes."""
    body = json.dumps({"model": model, "stream": stream, "messages": [{"role": "user", "content": "say OK"}]})
    head = f"POST {path} HTTP/1.1\r\nhost: sandbox\r\nauthorization: Bearer {KEY}\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


def read_to_end(peer: socket.socket, patience: float = 10) -> tuple[bytes, str]:
    """All bytes until the peer ends, and how: `fin`, `reset` or, when patience is over, `silence`."""
    received = b""
    peer.settimeout(patience)
    while True:
        try:
            more = peer.recv(65_536)
        except ConnectionResetError:
            return received, "reset"
        except TimeoutError:
            return received, "silence"
        if not more:
            return received, "fin"
        received += more


@pytest.fixture
def connect(sandbox: SandboxServer) -> Iterator[Connect]:
    """Open plain connections, closed at the end."""
    opened: list[socket.socket] = []

    def connect() -> socket.socket:
        opened.append(socket.create_connection((sandbox.host, sandbox.port), timeout=10))
        return opened[-1]

    yield connect
    for each in opened:
        each.close()


def wish(model: str, *, stream: bool = False) -> dict[str, Any]:
    """A chat request's body."""
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": "say OK"}]}


def heard(connect: Connect, model: str, *, stream: bool) -> tuple[bytes, str]:
    """Everything that came on a connection of its own, and how it ended."""
    peer = connect()
    peer.sendall(ask(model, stream=stream))
    return read_to_end(peer)


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_error_faults_have_their_status(http: httpx2.Client, name: str) -> None:
    """Status, Retry-After and envelope are those of the table, in all three dialects."""
    for path, body in (
        (CHAT, wish(name)),
        ("/messages", wish(name)),
        (f"/v1beta/models/{name}:generateContent", {}),
    ):
        answer = http.post(path, json=body)
        assert answer.status_code == ERRORS[name].status
        assert answer.headers.get("retry-after") == ERRORS[name].headers.get("retry-after")
        assert answer.json()["error"]["message"]


def test_a_lent_secret_is_said_back(http: httpx2.Client) -> None:
    """The echoing faults repeat the credential in the body; no other does."""
    told = {name for name in ERRORS if KEY in http.post(CHAT, json=wish(name)).text}
    assert told == {"sandbox-echo-secret", "sandbox-echo-secret-401"}


def test_causes_are_told_in_the_body(http: httpx2.Client) -> None:
    """An empty account and a closed one say so in each vendor's code."""
    codes = []
    for name in ("sandbox-quota", "sandbox-deactivated"):
        codes.append(http.post(CHAT, json=wish(name)).json()["error"]["code"])
        codes.append(http.post("/v1/messages", json=wish(name)).json()["error"]["details"]["error_code"])
    assert codes == [
        "insufficient_quota",
        "enforced_spend_limit_reached",
        "account_deactivated",
        "organization_on_hold",
    ]


@pytest.mark.parametrize(
    ("name", "ending"), [("sandbox-cut", "reset"), ("sandbox-cut-clean", "fin"), ("sandbox-cut-fin", "fin")]
)
def test_a_cut_stream_has_some_events_and_no_end(connect: Connect, name: str, ending: str) -> None:
    """Eight events arrive, then a reset or a FIN; only the clean cut ends its chunks."""
    received, how = heard(connect, name, stream=True)
    assert how == ending
    assert received.count(b"data: ") == 8
    assert b"[DONE]" not in received
    assert received.endswith(b"0\r\n\r\n") is (name == "sandbox-cut-clean")


@pytest.mark.parametrize(
    ("name", "ending"), [("sandbox-cut", "reset"), ("sandbox-cut-clean", "fin"), ("sandbox-cut-fin", "fin")]
)
def test_a_cut_body_is_shorter_than_announced(connect: Connect, name: str, ending: str) -> None:
    """A whole answer stops half-way."""
    received, how = heard(connect, name, stream=False)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    assert how == ending
    assert 0 < len(body) == int(length.split(b":")[1]) // 2


@pytest.mark.parametrize(
    "path", ["/v1/responses", "/v1/messages", "/v1beta/models/{}:streamGenerateContent?alt=sse"]
)
def test_every_dialects_stream_can_be_cut(connect: Connect, path: str) -> None:
    """The cut comes after text and before the terminal event."""
    peer = connect()
    peer.sendall(ask("sandbox-cut", stream=True, path=path.format("sandbox-cut")))
    received, how = read_to_end(peer)
    assert how == "reset"
    assert b"word" in received or b"OK" in received
    for terminal in (b"response.completed", b"message_stop", b"finishReason"):
        assert terminal not in received


def test_close_and_garbage_are_no_answers(connect: Connect) -> None:
    """One closes before any byte, the other sends bytes that are no HTTP."""
    assert heard(connect, "sandbox-close", stream=False) == (b"", "fin")
    received, how = heard(connect, "sandbox-garbage", stream=True)
    assert how == "fin"
    assert b"HTTP/1.1" not in received


def test_hang_and_stall_end_when_the_peer_leaves(connect: Connect, sandbox: SandboxServer) -> None:
    """One sends nothing, the other a head and some events; the ledger notes that the peer left."""
    silent, stalled = connect(), connect()
    silent.sendall(ask("sandbox-hang", stream=True))
    stalled.sendall(ask("sandbox-stall", stream=True))
    received = b""
    while received.count(b"data: ") < 8:
        received += stalled.recv(65_536)
    silent.settimeout(0.3)
    with pytest.raises(TimeoutError):
        silent.recv(1)
    more, how = read_to_end(stalled, patience=0.3)
    assert how == "silence"
    assert (received + more).count(b"data: ") == 8
    silent.close()
    stalled.close()
    deadline = time.monotonic() + 20
    while {entry.outcome for entry in sandbox.asked()} != {"left"} and time.monotonic() < deadline:
        time.sleep(0.01)
    assert {entry.outcome for entry in sandbox.asked()} == {"left"}


def test_html_comes_with_200(http: httpx2.Client) -> None:
    """A page instead of an answer, streamed or not."""
    for stream in (True, False):
        answer = http.post(CHAT, json=wish("sandbox-html", stream=stream))
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/html")


def test_error_events_are_the_dialects(openai: OpenAI, http: httpx2.Client) -> None:
    """Chat raises in the client, Responses fail with the next number or with a bare error, Anthropic names it."""
    with pytest.raises(sdk.APIError):
        list(openai.chat.completions.create(model="sandbox-error-event", messages=[], stream=True))
    events = list(openai.responses.create(model="sandbox-error-event", input="x", stream=True))
    assert events[-1].type == "response.failed"
    assert [event.sequence_number for event in events] == list(range(9))
    bare = http.post("/responses", json=wish("sandbox-error-first", stream=True)).text
    assert bare.startswith("event: error\n")
    first = http.post("/v1/messages", json=wish("sandbox-error-first", stream=True)).text
    assert first.startswith("event: error\n")
    assert json.loads(first.split("data: ")[1])["error"]["type"] == "overloaded_error"


def test_slow_is_slow(http: httpx2.Client) -> None:
    """At least 200 ms pass before the head and 20 ms between events."""
    start = time.monotonic()
    with http.stream("POST", CHAT, json=wish("sandbox-slow", stream=True)) as answer:
        head = time.monotonic()
        events = answer.read().count(b"data: ")
    assert head - start >= 0.2
    assert time.monotonic() - start >= 0.2 + 0.02 * (events - 1)


def test_big_and_long(http: httpx2.Client) -> None:
    """One answer has a megabyte of text, the other 10,000 text events."""
    text = http.post(CHAT, json=wish("sandbox-big")).json()["choices"][0]["message"]["content"]
    assert len(text) == 1_000_000
    assert http.post(CHAT, json=wish("sandbox-long", stream=True)).text.count('"content":"') == 10_001


def test_no_usage_leaves_usage_out(http: httpx2.Client) -> None:
    """Nothing in a stream tells a count, even if it was asked for."""
    body = wish("sandbox-no-usage", stream=True) | {"stream_options": {"include_usage": True}}
    gemini = "/v1beta/models/sandbox-no-usage:streamGenerateContent?alt=sse"
    for path in (CHAT, "/v1/responses", "/v1/messages", gemini):
        text = http.post(path, json=body).text
        assert re.search(r'okens":\d|TokenCount', text) is None


def test_odd_framings_are_still_the_same_answer(connect: Connect, http: httpx2.Client) -> None:
    """Close-delimited, with trailers and after early hints, the body is the usual one."""
    closed, how = heard(connect, "sandbox-close-delimited", stream=True)
    head, _, body = closed.partition(b"\r\n\r\n")
    assert how == "fin"
    assert b"content-length" not in head.lower()
    assert b"transfer-encoding" not in head.lower()
    assert body.startswith(b"data: ")
    assert body.endswith(b"data: [DONE]\n\n")
    peer = connect()
    for _ in range(2):
        peer.sendall(ask("sandbox-trailers", stream=True))
        received = b""
        while not received.endswith(b"\r\n0\r\nx-sandbox-trailer: last\r\n\r\n"):
            received += peer.recv(65_536)
        assert received.startswith(b"HTTP/1.1 200")
    early = connect()
    early.sendall(ask("sandbox-1xx", stream=False).replace(b"host:", b"connection: close\r\nhost:"))
    received, _ = read_to_end(early)
    assert received.startswith(b"HTTP/1.1 103 Early Hints\r\n")
    assert b"\r\n\r\nHTTP/1.1 200 OK\r\n" in received
    assert http.post(CHAT, json=wish("sandbox-1xx")).status_code == 200


def test_faults_may_be_asked_for_in_five_ways(http: httpx2.Client, sandbox: SandboxServer) -> None:
    """By header, query, form field, the credential's own ending, and at run time until it is mended."""
    form = {"file": ("a.wav", b"x")}
    answers = [
        http.get("/v1/files", headers={"x-sandbox-fault": "sandbox-503"}),
        http.get("/v1/files?sandbox_fault=sandbox-503"),
        http.post("/v1/audio/transcriptions", data={"model": "sandbox-503"}, files=form),
        http.get("/v1/files", headers={"authorization": "Bearer sk-one-sandbox-503"}),
    ]
    sandbox.spoil(KEY, "sandbox-503")
    answers.append(http.get("/v1/files"))
    sandbox.mend(KEY)
    assert [answer.status_code for answer in answers] == [503] * 5
    assert http.get("/v1/files").status_code == 200


def test_faults_are_listed(http: httpx2.Client) -> None:
    """Every fault is listed with a sentence."""
    listed = {each["name"]: each["sentence"] for each in http.get("/sandbox/faults").json()}
    assert listed == SENTENCES
