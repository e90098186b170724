"""A client that does not read costs little: its upstream is stopped, whatever the size of the answer."""

import contextlib
import socket
import threading
import time

import pytest

import rig
from gateway import kit, plain, processes, station
from gateway.upstream import Request, Upstream

MIB = 1 << 20
SIZE = 50 * MIB
CLIENTS = 50
KERNEL = 20 * MIB       # what four socket buffers may grow to, at the most generous of defaults


class Fountain:
    """Answers with 50 MiB, and counts how much of it was taken."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.taken: dict[int, int] = {}
        self._numbers = iter(range(1 << 30))
        self._lock = threading.Lock()

    def pour(self, request: Request) -> None:
        """Send it, as events or as one body of JSON or bytes."""
        with self._lock:
            number = next(self._numbers)
        self.taken[number] = 0
        if self.kind == "events":
            request.open_stream()
            piece = b"data: " + b'{"choices":[{"index":0,"delta":{"content":"' + b"x" * 16_000 + b'"}}]}\n\n'
            frame = b"%x\r\n%b\r\n" % (len(piece), piece)
        else:
            kind = "application/json" if self.kind == "json" else "application/octet-stream"
            head = f"HTTP/1.1 200 X\r\ncontent-type: {kind}\r\ncontent-length: {SIZE}\r\n\r\n"
            request.wire.sendall(head.encode())
            frame = b" " * 16_384
        while self.taken[number] < SIZE:
            request.wire.sendall(frame)
            self.taken[number] += len(frame)
        if self.kind == "events":
            request.wire.sendall(b"0\r\n\r\n")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", ["events", "bytes", "json"])
def test_fifty_that_do_not_read(kind: str) -> None:
    """Fifty answers of 50 MiB at 0 B/s: each upstream is stopped, and 64 KiB a client are held at most."""
    fountain = Fountain(kind)
    value = plain.chat(stream=kind == "events")
    body = plain.dump(value)
    request = plain.head("POST", "/v1/chat/completions", [plain.BEARER, plain.JSON], length=len(body)) + body
    if kind == "bytes":
        request = plain.head("GET", "/v1/files/file-1/content", [plain.BEARER])
    with Upstream(fountain.pour) as upstream, station.running(upstream.url) as gateway, contextlib.ExitStack() as stack:
        worker = gateway.workers()[0]
        plain.ask(gateway.port, "GET", "/v1/models")
        before = processes.resident(worker)
        for _ in range(CLIENTS):
            sock = stack.enter_context(plain.connected(gateway.port, receive_buffer=4096))
            sock.sendall(request)
        kit.wait_for(lambda: len(fountain.taken) == CLIENTS)
        taken = -1
        while taken != (taken := sum(fountain.taken.values())):
            time.sleep(0.4)
        grown = processes.resident(worker) - before
        assert max(fountain.taken.values()) < KERNEL
        assert grown <= CLIENTS * 64 * 1024 + 4 * MIB, f"{grown / CLIENTS / 1024:.0f} KiB a client"
        assert plain.ask(gateway.port, "GET", "/healthz", None, []).status == 200


@pytest.mark.parametrize("kind", ["events", "bytes", "json"])
def test_one_that_reads_later(kind: str) -> None:
    """A reader that pauses gets all of it in the end, in order."""
    fountain = Fountain(kind)
    with Upstream(fountain.pour) as upstream, rig.running_gateway(kit.wide(upstream.url)) as gateway:
        body = plain.dump(plain.chat(stream=kind == "events"))
        with plain.connected(gateway.port, receive_buffer=8192) as sock:
            sock.sendall(
                plain.head("POST", "/v1/chat/completions", [plain.BEARER, plain.JSON], length=len(body)) + body
            )
            time.sleep(0.3)
            answer = plain.read(sock)
    assert answer.whole
    assert len(answer.body) >= SIZE * 0.99


def test_one_that_never_reads_is_given_up() -> None:
    """A client that takes nothing for the idle time is let go, and its upstream with it."""
    fountain = Fountain("events")
    with Upstream(fountain.pour) as upstream:
        snapshot = kit.wide(upstream.url, idle_timeout=1.0)
        with rig.running_gateway(snapshot) as gateway, plain.connected(gateway.port, receive_buffer=4096) as sock:
            body = plain.dump(plain.chat(stream=True))
            sock.sendall(
                plain.head("POST", "/v1/chat/completions", [plain.BEARER, plain.JSON], length=len(body)) + body
            )
            events = kit.wait_for(gateway.events)
            assert [event["error"] for event in events] == ["client_stalled"]
            kit.wait_for(lambda: not gateway.worker.clients)


def test_a_pooled_connection_is_never_left_paused() -> None:
    """A small answer to a client that still has to read a large one frees its connection for others, in full."""
    large = bytes(MIB)

    def tell(request: Request) -> None:
        request.answer(large if "content" in request.target else b'{"object":"file"}')

    both = plain.head("GET", "/v1/files/a/content", [plain.BEARER]) + plain.head("GET", "/v1/files/b", [plain.BEARER])
    with Upstream(tell) as upstream, rig.running_gateway(kit.wide(upstream.url)) as gateway:
        gateway.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)  # full at once; accepted ones inherit it
        for _ in range(16):
            with plain.connected(gateway.port, receive_buffer=4096) as slow:
                asked = upstream.requests
                slow.sendall(both)
                while upstream.requests < asked + 2:     # until the large answer has left the upstream
                    slow.recv(16384)
                time.sleep(0.03)                         # until the small one is answered, its connection free
                assert plain.ask(gateway.port, "GET", "/v1/files/c").status == 200
