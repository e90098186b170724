"""SIGTERM: what is open finishes in its time or ends audibly; nobody is left hanging."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import rig
from gateway import kit, plain
from gateway.upstream import Request, Upstream
from stationmaster.sandbox.server import SandboxServer


@contextmanager
def stopping(url: str, drain_seconds: float) -> Iterator[rig.Gateway]:
    """A gateway that a test will stop."""
    with rig.running_gateway(kit.wide(url, drain_seconds=drain_seconds, drain_after_disconnect=0.2)) as running:
        yield running


def ended(gateway: rig.Gateway) -> bool:
    """Whether the worker has ended, waited for."""
    gateway._thread.join(20)
    return not gateway._thread.is_alive()


def begin(sock: socket.socket, target: str, value: object, mark: bytes) -> None:
    """Send a request and wait for the first of its answer."""
    body = plain.dump(value)
    sock.sendall(plain.head("POST", target, [plain.BEARER, plain.JSON], length=len(body)) + body)
    plain.until(sock, mark)


def test_a_stream_finishes(vendor: SandboxServer) -> None:
    """A stream that ends within the window ends as it would have; then its connection is closed."""
    with stopping(vendor.url, 30.0) as gateway, plain.connected(gateway.port) as sock:
        begin(sock, "/v1/responses", plain.responses("sandbox-slow", stream=True), b"response.created")
        gateway.stop()
        rest = rig.read_all(sock)
    assert b"response.completed" in rest
    assert rest.endswith(b"0\r\n\r\n")


STREAMS = [
    ("/v1/chat/completions", plain.chat(), b"data: ", b'"code":"draining"'),
    ("/v1/responses", plain.responses(), b"response.created", b"event: response.failed"),
    ("/v1/messages", plain.messages(), b"message_start", b"event: error"),
    ("/v1beta/models/gemini-x:streamGenerateContent?alt=sse", plain.gemini(), b"data: ", b""),
]


@pytest.mark.parametrize(("target", "value", "mark", "ending"), STREAMS)
def test_a_stream_that_does_not(
    vendor: SandboxServer, target: str, value: dict[str, object], mark: bytes, ending: bytes
) -> None:
    """One that does not is ended by the dialect's own error, and recorded."""
    target += ("&" if "?" in target else "?") + "sandbox_fault=sandbox-stall"
    with stopping(vendor.url, 0.5) as gateway, plain.connected(gateway.port) as sock:
        begin(sock, target, {**value, "stream": True}, mark)
        started = time.monotonic()
        gateway.stop()
        rest = rig.read_all(sock)
        assert time.monotonic() - started > 0.3, "not before the window's end"
        assert ended(gateway)
        event = gateway.events()[-1]
    assert ending in rest
    assert rest.endswith(b"0\r\n\r\n")
    assert event["error"] == "draining"
    assert event["usage_source"] == ("upstream_partial" if "gemini" in target else "estimated")


def test_an_answer_that_has_not_begun(vendor: SandboxServer) -> None:
    """A request still waiting for its answer is told 503 at the end of the window."""
    with stopping(vendor.url, 0.5) as gateway, plain.connected(gateway.port) as sock:
        body = plain.dump(plain.responses("sandbox-hang"))
        sock.sendall(plain.head("POST", "/v1/responses", [plain.BEARER, plain.JSON], length=len(body)) + body)
        kit.wait_for(lambda: any(client.exchange for client in list(gateway.worker.clients)))
        gateway.stop()
        answer = plain.read(sock)
    assert (answer.status, answer.json()["error"]["code"]) == (503, "draining")
    assert (answer.header("retry-after"), answer.header("connection")) == ("1", "close")


def test_idle_connections_are_closed(vendor: SandboxServer) -> None:
    """Connections without a request are closed at once; the worker ends without waiting for anybody."""
    with stopping(vendor.url, 600.0) as gateway, contextlib.ExitStack() as stack:
        socks = [stack.enter_context(plain.connected(gateway.port)) for _ in range(10)]
        for sock in socks[:5]:
            sock.sendall(plain.head("GET", "/healthz"))
            plain.read(sock)
        gateway.stop()
        assert [rig.read_all(sock) for sock in socks] == [b""] * 10
        assert ended(gateway)


def test_a_request_that_is_arriving(vendor: SandboxServer) -> None:
    """A body that is on its way when the signal comes is still served, and told that the connection closes."""
    body = plain.dump(plain.responses())
    with stopping(vendor.url, 30.0) as gateway, plain.connected(gateway.port) as sock:
        sock.sendall(plain.head("POST", "/v1/responses", [plain.BEARER, plain.JSON], length=len(body)) + body[:9])
        kit.wait_for(lambda: gateway.worker.buffered)
        gateway.stop()
        kit.wait_for(lambda: gateway.worker.draining)
        sock.sendall(body[9:])
        answer = plain.read(sock)
    assert (answer.status, answer.header("connection")) == (200, "close")


def _twice(call: Callable[[], None]) -> None:
    call()
    call()


def test_a_second_signal(vendor: SandboxServer) -> None:
    """A second signal ends the window, even when it comes together with the first."""
    for pause in (-1.0, 0.0, 0.3):
        with stopping(vendor.url, 600.0) as gateway, plain.connected(gateway.port) as sock:
            begin(sock, "/v1/responses", plain.responses("sandbox-stall", stream=True), b"response.created")
            if pause < 0:
                gateway.loop.call_soon_threadsafe(_twice, gateway.worker.stop)
            else:
                gateway.stop()
                time.sleep(pause)
                gateway.stop()
            assert b"response.failed" in rig.read_all(sock)


def test_those_who_left_are_recorded(vendor: SandboxServer) -> None:
    """A request whose client left leaves its event though the gateway ends first."""
    snapshot = kit.wide(vendor.url, drain_seconds=0.3, drain_after_disconnect=30.0)
    with rig.running_gateway(snapshot) as gateway:
        with plain.connected(gateway.port) as sock:
            begin(sock, "/v1/responses", plain.responses("sandbox-stall", stream=True), b"response.created")
        kit.wait_for(lambda: gateway.worker.orphans)
        gateway.stop()
        assert ended(gateway)
        events = gateway.events()
    assert [(event["client_left"], event["usage_source"]) for event in events] == [(True, "estimated")]


def test_a_websocket_is_closed() -> None:
    """An upgraded connection is closed at the end of the window."""

    def upgrade(request: Request) -> None:
        request.wire.sendall(b"HTTP/1.1 101 X\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n")
        request.wire.recv(10)

    with Upstream(upgrade) as upstream, stopping(upstream.url, 0.3) as gateway, plain.connected(gateway.port) as sock:
        fields = [plain.BEARER, ("connection", "Upgrade"), ("upgrade", "websocket")]
        sock.sendall(plain.head("GET", "/v1/realtime?model=gpt-4o", fields))
        plain.until(sock, b"\r\n\r\n")
        gateway.stop()
        assert rig.read_all(sock) == b""
