"""Every row of `malformed_requests`, on a real gateway: whole, byte by byte, and with a good request behind it."""

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

import rig
from stationmaster.sandbox.server import SandboxServer
from wire.malformed_requests import (
    BODY,
    CHAT,
    HEALTH,
    KEY,
    MARK,
    NAMED,
    NAMED_SIZE,
    ROWS,
    SMALL,
    UNUSUAL,
    Row,
    Unusual,
    get,
    sized,
)
from wire.raw import WAYS, Answer, Crooked, Heard, Way, closes_within, listen, send

PATIENCE = 20.0
AT_ONCE = 24
REFUSED = [(row, way) for row in ROWS for way in WAYS if way != "bytewise" or len(row.raw) <= SMALL]
SERVED = [
    (row, way) for row in UNUSUAL for way in WAYS if way != "bytewise" or (len(row.raw) <= SMALL and not row.at_once)
]


@dataclass
class Outcome:
    """What one row came to: the answers, whether the connection was closed behind them, what went wrong on our
    side of it, and what the upstream was asked in the row's name and in the name of the request behind it."""

    answers: list[Answer]
    closed: bool
    trouble: str
    arrived: list[str]
    behind: list[str]

    @property
    def statuses(self) -> list[int]:
        """The statuses in order."""
        return [answer.status for answer in self.answers]


def marked(raw: bytes, mark: bytes) -> bytes:
    """The bytes with their mark filled in; same length."""
    return raw.replace(MARK, mark)


def follower(mark: bytes) -> bytes:
    """A good request that the upstream would see."""
    return marked(get(sized(), line=CHAT) + BODY, mark.replace(b"row", b"end"))


def asked(upstream: SandboxServer, mark: bytes) -> list[str]:
    """What reached the upstream with this mark, in its path or as its model."""
    text = mark.decode()
    return [f"{e.method} {e.path} {e.model}" for e in upstream.asked() if text in e.path or text in e.model]


def talk(gateway: rig.Gateway, raw: bytes, way: Way, methods: list[str], expected: int) -> tuple[Heard, bool, str]:
    """Send, hear, and see whether the connection ends."""
    with gateway.connect() as client:
        try:
            send(client, raw, way)
            heard = listen(client, methods, PATIENCE, expected)
            told = bool(heard.answers) and heard.answers[-1].header("connection") == "close"
            closed = heard.end != "open" or closes_within(client, PATIENCE if told else 0.4)
        except Crooked as crooked:
            return Heard([], b"", "open"), False, str(crooked)
        return heard, closed, f"bytes left over: {heard.rest[:100]!r}" if heard.rest else ""


def refuse(gateway: rig.Gateway, upstream: SandboxServer, row: Row, way: Way, number: int) -> Outcome:
    """Run one malformed row one way."""
    mark = b"row-%04d" % number
    for first in row.primed:
        talk(gateway, marked(first, mark), "whole", ["GET"], 1)
    known = asked(upstream, mark)
    tail = follower(mark) if way == "trailing" and row.tail else b""
    heard, closed, trouble = talk(gateway, marked(row.raw, mark) + tail, way, ["GET"], 2 if tail else 1)
    return Outcome(
        heard.answers,
        closed,
        trouble,
        asked(upstream, mark)[len(known) :],
        asked(upstream, mark.replace(b"row", b"end")),
    )


@pytest.fixture(scope="module")
def refusals(strict: rig.Gateway, upstream: SandboxServer, complaints: list[str]) -> dict[tuple[str, Way], Outcome]:
    """All malformed rows, all ways, many at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {
            (row.id, way): pool.submit(refuse, strict, upstream, row, way, number)
            for number, (row, way) in sorted(enumerate(REFUSED), key=lambda item: len(item[1][0].raw))
        }
        return {key: job.result() for key, job in running.items()}


@pytest.mark.parametrize(("row", "way"), REFUSED, ids=[f"{row.id}-{way}" for row, way in REFUSED])
def test_malformed_requests_are_refused(row: Row, way: Way, refusals: dict[tuple[str, Way], Outcome]) -> None:
    """A malformed request gets one JSON error of an allowed status; the connection closes where it must; neither
    it nor what is hidden in it or stands behind it reaches an upstream."""
    outcome = refusals[row.id, way]
    assert not outcome.trouble, outcome.trouble
    assert outcome.answers, "no answer at all"
    first = outcome.answers[0]
    assert first.status in row.statuses, (first.status, first.body)
    check_error(first)
    assert outcome.arrived == []
    must_close = row.closes if row.closes is not None else outcome.closed and len(outcome.answers) == 1
    if must_close:
        assert outcome.closed, "the connection stays open"
        assert outcome.statuses == [first.status], "something behind the refused request was answered"
        assert outcome.behind == []
    elif way == "trailing" and row.tail:
        assert outcome.statuses[1:] == [200]
        assert len(outcome.behind) == 1


def check_error(answer: Answer) -> None:
    """One of our own errors: JSON, in an envelope, with our id, never a page."""
    assert answer.header("content-type") == "application/json"
    assert answer.whole
    assert (answer.header("x-stationmaster-request-id") or "").startswith("req_")
    assert isinstance(answer.json()["error"], dict), answer.body
    assert b"<html" not in answer.body.lower()


def serve(gateway: rig.Gateway, row: Unusual, way: Way, number: int) -> Outcome:
    """Run one unusual row one way."""
    mark = b"odd-%04d" % number
    tail = HEALTH if way == "trailing" else b""
    expected = len(row.statuses) + (1 if tail and not row.closes else 0)
    methods = [*row.methods] * (len(row.statuses) if len(row.methods) == 1 else 1) + ["GET"]
    heard, closed, trouble = talk(gateway, marked(row.raw, mark) + tail, way, methods, expected)
    return Outcome(heard.answers, closed, trouble, [], [])


@pytest.fixture(scope="module")
def services(strict: rig.Gateway, complaints: list[str]) -> dict[tuple[str, Way], Outcome]:
    """All unusual rows, all ways, many at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {
            (row.id, way): pool.submit(serve, strict, row, way, number) for number, (row, way) in enumerate(SERVED)
        }
        return {key: job.result() for key, job in running.items()}


@pytest.mark.parametrize(("row", "way"), SERVED, ids=[f"{row.id}-{way}" for row, way in SERVED])
def test_unusual_requests_are_served(row: Unusual, way: Way, services: dict[tuple[str, Way], Outcome]) -> None:
    """What is rare but right is answered, in order, and the connection ends only where the client said so."""
    outcome = services[row.id, way]
    assert not outcome.trouble, outcome.trouble
    behind = (200,) if way == "trailing" and not row.closes else ()
    assert tuple(outcome.statuses) == row.statuses + behind, outcome.answers
    assert outcome.closed is row.closes
    if row.closes:
        assert outcome.answers[-1].header("connection") == "close"


def test_no_row_harmed_the_worker(
    refusals: dict[tuple[str, Way], Outcome],
    services: dict[tuple[str, Way], Outcome],
    strict: rig.Gateway,
    complaints: list[str],
) -> None:
    """Behind all of it the worker still serves, holds no body, has let go of every connection, and made no mistake
    that its loop had to catch."""
    assert complaints == []
    answer = strict.talk(get(b"Connection: close", NAMED_SIZE, line=CHAT) + NAMED)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    deadline = time.monotonic() + 20
    while strict.worker.clients and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not strict.worker.clients
    assert strict.worker.buffered == 0


# What needs more than bytes in and bytes out.


def test_expectation_gets_its_100(strict: rig.Gateway) -> None:
    """A client that waits for `100 Continue` gets it at once, then its answer (RFC 9110 10.1.1)."""
    with strict.connect() as client:
        client.sendall(get(b"Expect: 100-continue", NAMED_SIZE, line=CHAT))
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(NAMED)
        assert listen(client, ["POST"], PATIENCE, 1).statuses == [200]


def test_expectation_of_a_refused_request_gets_no_100(strict: rig.Gateway) -> None:
    """Who will be refused is told so before the body is sent, and the connection ends (RFC 9110 10.1.1)."""
    with strict.connect() as client:
        client.sendall(get(b"Expect: 100-continue", NAMED_SIZE, line=CHAT).replace(KEY, b""))
        heard = listen(client, ["POST"], PATIENCE)
        assert heard.statuses == [401]
        assert heard.answers[0].interim == []
        assert heard.end == "closed"


def test_expectation_over_the_limit_gets_no_100(strict: rig.Gateway) -> None:
    """A body that is too large is refused before it is sent."""
    with strict.connect() as client:
        client.sendall(get(b"Expect: 100-continue", b"Content-Length: 9000000", line=CHAT))
        heard = listen(client, ["POST"], PATIENCE)
        assert (heard.statuses, heard.end) == ([413], "closed")
        assert heard.answers[0].interim == []


def test_http10_client_gets_no_100(strict: rig.Gateway) -> None:
    """HTTP/1.0 has no interim answers: the expectation is ignored (RFC 9110 10.1.1)."""
    with strict.connect() as client:
        client.sendall(get(b"Expect: 100-continue", NAMED_SIZE, line=CHAT[:-1] + b"0"))
        client.settimeout(0.6)
        with pytest.raises(TimeoutError):
            client.recv(100)
        client.sendall(NAMED)
        heard = listen(client, ["POST"], PATIENCE)
        assert (heard.statuses, heard.answers[0].interim) == ([200], [])


def test_http10_keep_alive_is_confirmed(strict: rig.Gateway) -> None:
    """An HTTP/1.0 client learns from `Connection: keep-alive` that it may go on, or from `close` that it may
    not; silence would leave it waiting for an end that does not come (RFC 9112 9.3, appendix C.2.2)."""
    raw = get(b"Connection: keep-alive", NAMED_SIZE, line=CHAT[:-1] + b"0") + NAMED
    with strict.connect() as client:
        client.sendall(raw)
        heard = listen(client, ["POST"], PATIENCE, 1)
        assert heard.answers[0].header("transfer-encoding") is None
        closed = closes_within(client, PATIENCE if heard.answers[0].header("connection") == "close" else 0.5)
        assert heard.answers[0].header("connection") == ("close" if closed else "keep-alive")


def test_empty_lines_in_front_are_not_hoarded(strict: rig.Gateway) -> None:
    """Endless empty lines cost no memory, and do not go on for ever."""
    with strict.connect() as client:
        with contextlib.suppress(OSError):
            for _ in range(64):
                client.sendall(b"\r\n" * 4096)
            client.sendall(HEALTH)
        listen(client, ["GET"], PATIENCE, 1)     # by then all of them were read
        held = sum(len(other._buffer) for other in list(strict.worker.clients))
        assert held <= 64


def test_answer_comes_while_the_refused_body_is_still_sent(strict: rig.Gateway) -> None:
    """A refusal is readable although the client goes on sending; then the connection ends (RFC 9112 9.6)."""
    with strict.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        try:
            client.sendall(get(b"Content-Length: 30000000", line=CHAT) + b" " * 3_000_000)
        except OSError:
            pytest.fail("reset before the answer could be read")
        heard = listen(client, ["POST"], PATIENCE)
        assert (heard.statuses, heard.end) == ([413], "closed")


def test_slow_drip_of_a_head_is_ended(strict: rig.Gateway) -> None:
    """One byte now and then does not keep a head open beyond its deadline."""
    with strict.connect() as client:
        raw = get(b"X-Slow: " + b"s" * 800)      # takes ten times as long as a head may
        answered = b""
        client.settimeout(0.05)
        for at in range(len(raw)):
            try:
                client.sendall(raw[at : at + 1])
                answered = client.recv(2048)
            except TimeoutError:
                continue
            except OSError:
                break
            break
        assert answered.startswith(b"HTTP/1.1 408 ")


def test_restricted_key_sees_no_list_of_the_vendor(strict: rig.Gateway, upstream: SandboxServer) -> None:
    """The local doors stay local with whatever body they are asked: what a key may not use it does not see."""
    for fields in (
        [b"Content-Length: 0"],
        [b"Content-Length: 2"],
        [b"Transfer-Encoding: chunked"],
        [b"Content-Length: 2", b"Content-Type: application/json"],
        [b"Content-Length: 2", b"Content-Type: multipart/form-data; boundary=b"],
    ):
        body = b"0\r\n\r\n" if b"chunked" in fields[0] else b"{}"[: int(fields[0].rpartition(b" ")[2])]
        raw = get(*fields, line=b"GET /v1/models HTTP/1.1").replace(KEY, KEY[:-2] + b"-narrow\r\n") + body
        with strict.connect() as client:
            client.sendall(raw)
            answer = listen(client, ["GET"], PATIENCE, 1).answers[0]
        assert answer.status == 200
        assert all(model["id"].startswith(("gpt-4o", "fast")) for model in answer.json()["data"]), fields


@pytest.mark.parametrize(
    "path",
    [
        b"/openai/deployments/fast-azure",
        b"/openai/deployments/fast-azure/models/x",
        b"/openai/deployments/fast-azure/models/x:y",
        b"/openai/deployments/fast-azure/chat/completions",
    ],
)
def test_alias_in_a_path_is_replaced_where_it_stands(path: bytes, strict: rig.Gateway, upstream: SandboxServer) -> None:
    """An alias in a path reaches the upstream as its target, in the segment that was authorised, whatever else
    the path says; never an answerless end."""
    mark = b"alias" + path.replace(b"/", b"-")
    with strict.connect() as client:
        client.sendall(
            get(
                b"X-Sandbox-Nonce: " + mark,
                NAMED_SIZE,
                b"Content-Type: application/json",
                line=b"POST " + path + b" HTTP/1.1",
            )
            + NAMED
        )
        heard = listen(client, ["POST"], PATIENCE, 1)
    assert heard.answers, "the connection ended without an answer"
    sent = [entry.path for entry in upstream.asked() if entry.nonce == mark.decode()]
    assert sent in ([], [path.decode().replace("fast-azure", "azure-mini")])


@pytest.mark.parametrize("kind", [b"multipart/mixed; boundary=b", b"text/plain", b"application/octet-stream", b""])
def test_batch_models_are_checked_whatever_the_body_is_called(kind: bytes, upstream: SandboxServer) -> None:
    """A restricted key's batch is judged by the models in it, not by its Content-Type."""
    snapshot = rig.snapshot_for(upstream.url)
    settings = type(snapshot.settings)(default_pool="anthropic")
    body = b'{"requests":[{"custom_id":"a","params":{"model":"claude-forbidden","max_tokens":1,"messages":[]}}]}'
    with (
        rig.running_gateway(
            type(snapshot)(settings, snapshot.credentials, snapshot.pools, snapshot.routes, snapshot.keys)
        ) as gateway,
        gateway.connect() as client,
    ):
        raw = get(
            b"X-Sandbox-Nonce: batch-kind",
            sized(body),
            b"Content-Type: " + kind,
            line=b"POST /v1/messages/batches HTTP/1.1",
        )
        client.sendall(raw.replace(KEY, KEY[:-2] + b"-narrow\r\n") + body)
        heard = listen(client, ["POST"], PATIENCE, 1)
    assert heard.statuses[0] in (400, 403, 415)
    assert not [entry for entry in upstream.asked() if entry.nonce == "batch-kind"]


@pytest.mark.parametrize(
    "fields",
    [
        (b"Content-Type: multipart/form-data; boundary=a", b"Content-Type: multipart/form-data; boundary=b"),
        (b"Content-Type: multipart/form-data; boundary=a; boundary=b",),
        (b"Content-Type: multipart/form-data; boundary=b; boundary=a",),
        (b'Content-Type: multipart/form-data; boundary=a; x="; boundary=b; y"',),
        (b'Content-Type: multipart/form-data; boundary=b; x="; boundary=a; y"',),
        (b"Content-Type: multipart/form-data; boundary=a", b"Content-Type: application/json"),
    ],
)
def test_forms_with_two_boundaries_are_never_read_two_ways(
    fields: tuple[bytes, ...], strict: rig.Gateway, upstream: SandboxServer
) -> None:
    """A form that one server would split here and another there is refused, or its model read in the one way
    that the standard knows: no restricted key gets another model past us (RFC 2046 5.1.1, RFC 9110 5.3)."""
    part = b'--%b\r\nContent-Disposition: form-data; name="model"\r\n\r\n%b\r\n--%b--\r\n'
    body = part % (b"a", b"gpt-4o-allowed", b"a") + part % (b"b", b"dall-e-forbidden", b"b")
    with strict.connect() as client:
        raw = get(b"X-Sandbox-Nonce: two-boundaries", sized(body), *fields, line=b"POST /v1/images/edits HTTP/1.1")
        client.sendall(raw.replace(KEY, KEY[:-2] + b"-narrow\r\n") + body)
        heard = listen(client, ["POST"], PATIENCE, 1)
    assert heard.statuses[0] in (400, 403, 415), heard.answers
    assert not [entry for entry in upstream.asked() if entry.nonce == "two-boundaries"]
