"""Limits: what is too large, too much, too slow is refused in time, and what is held stays small."""

import contextlib
import gzip
import select
import time
from collections.abc import Iterator

import pytest

import rig
from gateway import kit, plain
from gateway.doors import FORM, form
from stationmaster.sandbox.server import SandboxServer

MIB = 1 << 20


@pytest.fixture(scope="module")
def small(vendor: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway with small limits, and patience."""
    snapshot = kit.wide(
        vendor.url, max_body_bytes=MIB, body_budget_bytes=4 * MIB, max_connections=40, drain_after_disconnect=0.2
    )
    with rig.running_gateway(snapshot) as running:
        yield running


@pytest.fixture(scope="module")
def hasty(vendor: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway that does not wait long for its clients."""
    snapshot = kit.wide(vendor.url, head_timeout=0.5, body_timeout=0.5, keepalive_timeout=1.0)
    with rig.running_gateway(snapshot) as running:
        yield running


def test_too_large_by_its_length(small: rig.Gateway) -> None:
    """A Content-Length over the limit is 413 before the body is sent; the connection closes."""
    with plain.connected(small.port) as sock:
        sock.sendall(plain.head("POST", "/v1/responses", [plain.BEARER, plain.JSON], length=MIB + 1))
        answer = plain.read(sock)
    assert (answer.status, answer.json()["error"]["code"]) == (413, "body_too_large")
    assert answer.header("connection") == "close"
    assert answer.header("x-should-retry") == "false"


def test_too_large_in_chunks(small: rig.Gateway) -> None:
    """A chunked body is 413 where it passes the limit."""
    chunk = b"8000\r\n" + bytes(0x8000) + b"\r\n"
    with plain.connected(small.port) as sock:
        sock.sendall(plain.head("POST", "/v1/responses", [plain.BEARER, plain.JSON, ("transfer-encoding", "chunked")]))
        with contextlib.suppress(ConnectionError):
            for _ in range(60):
                sock.sendall(chunk)
        assert plain.read(sock).status == 413
    kit.wait_for(lambda: small.worker.buffered == 0)


def test_at_the_limit(small: rig.Gateway) -> None:
    """A body of exactly the limit passes."""
    body = plain.dump(plain.responses(pad=""))
    body = body.replace(b'"pad":""', b'"pad":"%b"' % (b"x" * (MIB - len(body))))
    assert len(body) == MIB
    assert plain.ask(small.port, "POST", "/v1/responses", body, [plain.BEARER, plain.JSON]).status == 200


@pytest.mark.parametrize("size", [2 * MIB, 200 * MIB])
def test_a_bomb(small: rig.Gateway, size: int) -> None:
    """A small body that decodes to a large one is 413; the connection serves on, nothing stays reserved."""
    packed = gzip.compress(bytes(size), 9)
    fields = [plain.BEARER, plain.JSON, ("content-encoding", "gzip")]
    with plain.connected(small.port) as sock:
        sock.sendall(plain.head("POST", "/v1/responses", fields, length=len(packed)) + packed)
        assert plain.read(sock).status == 413
    kit.wait_for(lambda: small.worker.buffered == 0)


def test_over_the_budget(small: rig.Gateway) -> None:
    """Bodies that wait for their upstreams use up the budget: 503 with Retry-After, until they go."""
    body = plain.dump(plain.responses("sandbox-hang", pad="x" * 900_000))
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(plain.connected(small.port)) for _ in range(4)]
        for sock in socks:
            sock.sendall(plain.head("POST", "/v1/responses", [plain.BEARER, plain.JSON], length=len(body)) + body)
        kit.wait_for(lambda: small.worker.buffered >= 4 * len(body))
        refused = plain.ask(small.port, "POST", "/v1/responses", body, [plain.BEARER, plain.JSON])
        assert (refused.status, refused.json()["error"]["code"]) == (503, "bodies_over_budget")
        assert refused.header("retry-after") == "1"
        assert plain.post(small.port, "/v1/responses", plain.responses()).status == 200, "small ones still pass"
    kit.wait_for(lambda: small.worker.buffered == 0)


def test_decoded_bodies_count(small: rig.Gateway) -> None:
    """A compressed body counts in the budget as what it became."""
    packed = gzip.compress(plain.dump(plain.responses("sandbox-hang", pad="x" * 900_000)))
    fields = [plain.BEARER, plain.JSON, ("content-encoding", "gzip")]
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            sock = stack.enter_context(plain.connected(small.port))
            sock.sendall(plain.head("POST", "/v1/responses", fields, length=len(packed)) + packed)
        kit.wait_for(lambda: small.worker.buffered >= 4 * 900_000)
        assert plain.ask(small.port, "POST", "/v1/responses", packed, fields).status == 503
    kit.wait_for(lambda: small.worker.buffered == 0)


def test_refused_bodies_are_given_back(small: rig.Gateway) -> None:
    """Ten refused bodies over one connection do not add up."""
    packed = b"no gzip" * 20_000
    fields = [plain.BEARER, plain.JSON, ("content-encoding", "gzip")]
    with plain.connected(small.port) as sock:
        for _ in range(10):
            sock.sendall(plain.head("POST", "/v1/responses", fields, length=len(packed)) + packed)
            assert plain.read(sock).status == 400
            assert small.worker.buffered < MIB
        kit.wait_for(lambda: small.worker.buffered == 0)


def test_a_slow_head(hasty: rig.Gateway) -> None:
    """A head that does not arrive in time is 408, however steadily it drips."""
    with plain.connected(hasty.port) as sock:
        for byte in plain.head("GET", "/v1/files", [plain.BEARER, ("x-slow", "s" * 400)]):
            if select.select([sock], [], [], 0.05)[0]:
                break
            sock.sendall(bytes([byte]))
        else:
            pytest.fail("nothing was said while the head dripped")
        assert plain.read(sock).status == 408


@pytest.mark.parametrize(
    ("target", "kind"), [("/v1/responses", "application/json"), ("/v1/files", FORM), ("/v1/images/edits", FORM)]
)
def test_a_body_that_stops(hasty: rig.Gateway, target: str, kind: str) -> None:
    """A body that stops arriving is 408, buffered or streamed, and lets go of what it held."""
    body = form(("model", b"gpt-4o"))[:300] if kind == FORM else b'{"model":'
    with plain.connected(hasty.port) as sock:
        sock.sendall(plain.head("POST", target, [plain.BEARER, ("content-type", kind)], length=9000) + body)
        answer = plain.read(sock)
    assert (answer.status, answer.json()["error"]["code"]) == (408, "body_timeout")
    kit.wait_for(lambda: hasty.worker.buffered == 0)


def test_an_idle_connection(hasty: rig.Gateway) -> None:
    """A connection without a request is closed after its time, and no sooner, without a word."""
    started = time.monotonic()
    with plain.connected(hasty.port) as sock:
        assert rig.read_all(sock) == b""
        assert time.monotonic() - started > 0.5


def test_too_many_connections(small: rig.Gateway) -> None:
    """Over the limit a connection is told 503 and closed; those that were there are served."""
    kit.wait_for(lambda: len(small.worker.clients) == 0)
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(plain.connected(small.port)) for _ in range(40)]
        kit.wait_for(lambda: len(small.worker.clients) == 40)
        with plain.connected(small.port) as more:
            answer = plain.read(more)
            assert (answer.status, answer.json()["error"]["code"]) == (503, "too_many_connections")
        socks[0].sendall(plain.head("GET", "/healthz"))
        assert plain.read(socks[0]).status == 200
    kit.wait_for(lambda: plain.ask(small.port, "GET", "/healthz", None, []).status == 200)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /v1/files HTTP/1.1\r\nhost: a\r\n" + b"".join(b"x-%d: y\r\n" % n for n in range(200)) + b"\r\n", 431),
        (b"GET /v1/files HTTP/1.1\r\nhost: a\r\nx-long: " + b"y" * (1 << 20) + b"\r\n\r\n", 431),
        (b"GET /" + b"y" * (10 << 20) + b" HTTP/1.1\r\nhost: a\r\n\r\n", 414),
        (b"GET /v1/files HTTP/1.1\r\nhost: a\r\n" + b"x: y\r\n" * 100_000, 431),
    ],
)
def test_heads_beyond_measure(small: rig.Gateway, raw: bytes, status: int) -> None:
    """A head of too many or too long fields is refused while it still arrives."""
    with plain.connected(small.port) as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(raw)
        answer = plain.read(sock)
    assert (answer.status, answer.header("connection")) == (status, "close")


def test_nothing_is_left(small: rig.Gateway) -> None:
    """After all that the worker still serves, and holds nothing."""
    assert plain.post(small.port, "/v1/responses", plain.responses()).status == 200
    kit.wait_for(lambda: not small.worker.clients and not small.worker.orphans)
    assert small.worker.buffered == 0
