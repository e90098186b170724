"""A peer that answers what it is told, byte for byte: what a well-behaved simulated vendor cannot say."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Script = bytes | Callable[[socket.socket], None]

SECRET = "sk-scripted/secret+of==tests"


def answer(body: object, status: int = 200, headers: Sequence[str] = ()) -> bytes:
    """A whole HTTP answer; `body` is JSON, or bytes as they are."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Said", f"content-length: {len(sent)}", "content-type: application/json", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + sent


def drip(piece: bytes, pause: float) -> Callable[[socket.socket], None]:
    """An answer that comes byte by byte and never ends."""

    def send(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 Said\r\ncontent-length: 100000\r\n\r\n")
        while True:
            peer.sendall(piece)
            time.sleep(pause)

    return send


def nothing(peer: socket.socket) -> None:
    """Close without a byte."""


def half(peer: socket.socket) -> None:
    """Close in the middle of an answer."""
    peer.sendall(b"HTTP/1.1 200 Said\r\ncontent-length: 99\r\n\r\n{")


@dataclass
class Peer:
    """What arrived: one (head, body) a request, in order."""

    port: int
    requests: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def heads(self) -> list[str]:
        """The first line of each request."""
        return [head.partition("\r\n")[0] for head, _ in self.requests]

    def header(self, name: str, at: int = -1) -> str:
        """A header of a request."""
        for line in self.requests[at][0].split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name:
                return value.strip()
        return ""


@contextmanager
def scripted(*script: Script) -> Iterator[Peer]:
    """A peer that answers the nth request with the nth entry, and every later one with the last."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = Peer(listener.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(listener, peer, script), daemon=True)
        thread.start()
        yield peer
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _serve(listener: socket.socket, peer: Peer, script: Sequence[Script]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_converse, args=(connection, peer, script), daemon=True).start()


def _converse(connection: socket.socket, peer: Peer, script: Sequence[Script]) -> None:
    with connection:
        try:
            while (request := _request(connection)) is not None:
                peer.requests.append(request)
                entry = script[min(len(peer.requests), len(script)) - 1]
                if callable(entry):
                    entry(connection)
                    return
                connection.sendall(entry)
        except OSError:
            return


def _request(connection: socket.socket) -> tuple[str, bytes] | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    while len(body) < _length(head):
        body += connection.recv(65536)
    return head.decode("latin-1"), body


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


@dataclass
class Watch:
    """The hooks of an `Access`, written down in the order in which they were called."""

    events: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def pace(self) -> None:
        """Noted."""
        self.events.append("pace")

    def before_write(self, what: str) -> None:
        """Noted."""
        self.events.append(what)

    def hooks(self) -> dict[str, Any]:
        """For `Access(**watch.hooks())`."""
        return {"pace": self.pace, "before_write": self.before_write, "told": self.told.append}
