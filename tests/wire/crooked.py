"""An upstream that answers whatever bytes a test tells it to, and keeps the books of its connections."""

import contextlib
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, NamedTuple, Self

End = Literal["keep", "fin", "rst"]

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_MARK = re.compile(rb"bad-[0-9]{4}")
NO_LIST = b"HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"


class Play(NamedTuple):
    """What to do with a request: bytes to send (None: not even those), how to end, and how fast to send."""

    raw: bytes
    end: End = "keep"
    bytewise: bool = False
    pieces: tuple[bytes, ...] = ()  # sent behind `raw`, each in a packet of its own


@dataclass
class Line:
    """One connection's requests, in order, by mark (or by first line where there is none), and whether it has ended."""

    asked: list[bytes] = field(default_factory=list)
    over: bool = False


class CrookedUpstream:
    """Listens on loopback; `script` says what each request gets, and sees its mark and its place on the line."""

    def __init__(self, script: Callable[[bytes, int], Play]) -> None:
        self._script = script
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.lines: list[Line] = []
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._ending = False
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending = True
        self._socket.shutdown(socket.SHUT_RDWR)
        with self._lock:
            wires = list(self._open)
        for wire in wires:
            _hush(wire)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        self._socket.close()

    def asked(self, mark: bytes) -> int:
        """How often a mark was asked for."""
        return sum(line.asked.count(mark) for line in self.lines)

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name="crooked")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ending:
            try:
                wire, _ = self._socket.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(wire)
                line = Line()
                self.lines.append(line)
            self._start(lambda wire=wire, line=line: self._serve(wire, line))  # type: ignore[misc]

    def _serve(self, wire: socket.socket, line: Line) -> None:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = b""
        try:
            while True:
                request, data = _read(wire, data)
                if request is None:
                    return
                if request.startswith(b"GET ") and b"/models" in request.split(b"\r\n", 1)[0]:
                    wire.sendall(NO_LIST)  # and close, so that the pool holds what tests put there and nothing else
                    return
                found = _MARK.search(request)
                mark = found[0] if found else request.split(b"\r\n", 1)[0]
                line.asked.append(mark)
                if not _play(wire, self._script(mark, len(line.asked))):
                    return
        except OSError:
            return
        finally:
            with self._lock:
                self._open.discard(wire)
            wire.close()
            line.over = True


def _hush(wire: socket.socket) -> None:
    with contextlib.suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)


def _read(wire: socket.socket, data: bytes) -> tuple[bytes | None, bytes]:
    """One whole request with a length, and what came behind it."""
    while b"\r\n\r\n" not in data:
        piece = wire.recv(65536)
        if not piece:
            return None, b""
        data += piece
    end = data.index(b"\r\n\r\n") + 4
    found = _LENGTH.search(data, 0, end)
    whole = end + (int(found[1]) if found else 0)
    while len(data) < whole:
        piece = wire.recv(65536)
        if not piece:
            return None, b""
        data += piece
    return data[:whole], data[whole:]


def _play(wire: socket.socket, play: Play) -> bool:
    """Do what the script says; whether the connection goes on."""
    if play.bytewise:
        for at in range(len(play.raw)):
            wire.sendall(play.raw[at : at + 1])
            time.sleep(0.0004)
    elif play.raw:
        wire.sendall(play.raw)
    for piece in play.pieces:
        time.sleep(0.02)
        wire.sendall(piece)
    if play.end == "keep":
        return True
    if play.end == "rst":
        time.sleep(0.05)  # what was sent must arrive before the reset overtakes it
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False
