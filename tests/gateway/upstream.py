"""An upstream that does to the wire what a test tells it to: real sockets, a thread a connection."""

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)

NO_LIST = b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}"


class Request(NamedTuple):
    """One request as it came, and the socket to answer it on."""

    head: bytes
    body: bytes
    wire: socket.socket

    @property
    def target(self) -> str:
        """The request target."""
        return self.head.split(b" ", 2)[1].decode()

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        found = re.search(rf"\r\n{re.escape(name)}: *([^\r]*)", self.head.decode("latin-1"), re.IGNORECASE)
        return found[1] if found else None

    def answer(self, body: bytes, content_type: str = "application/json", status: int = 200, *more: str) -> None:
        """Answer with a length."""
        lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", f"content-length: {len(body)}", *more]
        self.wire.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def open_stream(self, *more: str) -> None:
        """Begin a chunked event stream."""
        lines = ["HTTP/1.1 200 OK", "content-type: text/event-stream", "transfer-encoding: chunked", *more]
        self.wire.sendall("\r\n".join([*lines, "", ""]).encode())

    def chunk(self, data: bytes) -> None:
        """One chunk."""
        self.wire.sendall(b"%x\r\n%b\r\n" % (len(data), data))


Handler = Callable[[Request], None]


class Upstream:
    """Listens on loopback; calls `handler` for every request, and answers model lists itself (with none).

    Without `reads_bodies` a request's body is what happened to arrive with its head.
    """

    def __init__(
        self, handler: Handler, tls: ssl.SSLContext | None = None, *, reads_bodies: bool = True, lists: bytes = NO_LIST,
        lists_after: float = 0.0,
    ) -> None:
        self._handler = handler
        self._tls = tls
        self._reads_bodies = reads_bodies
        self.lists = lists
        self._lists_after = lists_after
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._threads = [threading.Thread(target=self._accept, name="upstream", daemon=True)]
        self._wires: set[socket.socket] = set()
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.connections = 0
        self.requests = 0
        self.listed = 0                        # model lists told
        self.first_bytes: list[bytes] = []     # of every connection, before any TLS
        self.ending = threading.Event()

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ending.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() alone does not
        self._socket.close()
        for wire in list(self._wires):
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while not self.ending.is_set():
            try:
                wire, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._wires.add(wire)
            thread = threading.Thread(target=self._serve, args=(wire,), name="upstream-connection", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, wire: socket.socket) -> None:
        plain = wire
        try:
            if self._tls is not None:
                self.first_bytes.append(plain.recv(1, socket.MSG_PEEK))
                wire = self._tls.wrap_socket(plain, server_side=True)
                self._wires.add(wire)
            self._serve_requests(wire)
        except OSError:
            pass
        finally:
            for each in {plain, wire}:
                self._wires.discard(each)
                each.close()

    def _serve_requests(self, wire: socket.socket) -> None:
        data = b""
        while not self.ending.is_set():
            while b"\r\n\r\n" not in data:
                piece = wire.recv(65536)
                if not piece:
                    return
                data += piece
            head, _, data = data.partition(b"\r\n\r\n")
            found = _LENGTH.search(b"\r\n" + head)
            length = int(found[1]) if found and self._reads_bodies else 0
            while len(data) < length:
                piece = wire.recv(65536)
                if not piece:
                    return
                data += piece
            if not self._reads_bodies:
                length = len(data)
            body, data = data[:length], data[length:]
            if head.startswith(b"GET ") and b"/models" in head.split(b" ", 2)[1]:
                self.ending.wait(self._lists_after)
                wire.sendall(self.lists)
                self.listed += 1
                continue
            self.requests += 1
            self._handler(Request(head, body, wire))
