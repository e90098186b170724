"""HTTP by hand: a request written byte for byte, an answer read to where it ends."""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple, cast

import rig

Fields = Sequence[tuple[str, str]]

BEARER = ("authorization", f"Bearer {rig.KEY}")
JSON = ("content-type", "application/json")


class Answer(NamedTuple):
    """An answer as it came. `whole` is False when its framing says that more should have come."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    whole: bool = True

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever its spelling."""
        return next((value for field, value in self.headers if field.lower() == name.lower()), None)

    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def request_id(self) -> str:
        """The id under which the gateway records the request."""
        return self.header("x-stationmaster-request-id") or ""


def head(method: str, target: str, fields: Fields = (), *, length: int | None = None) -> bytes:
    """A request head with a Host, the fields given, and a Content-Length unless `length` is None."""
    host = [] if any(name == "host" for name, _ in fields) else ["host: gateway.test"]
    lines = [f"{method} {target} HTTP/1.1", *host, *(f"{name}: {value}" for name, value in fields)]
    if length is not None:
        lines.append(f"content-length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


class _Shared:
    """Stands for a socket whose bytes are read through one buffer, answer after answer."""

    def __init__(self, reader: BinaryIO) -> None:
        self._reader = reader

    def makefile(self, _mode: str) -> BinaryIO:
        """The shared buffer, which an answer's end does not close."""
        return cast("BinaryIO", _KeptOpen(self._reader))


class _KeptOpen:
    def __init__(self, reader: BinaryIO) -> None:
        self.readline, self.read, self.readinto = reader.readline, reader.read, reader.readinto  # type: ignore[attr-defined]

    def close(self) -> None:
        """Leave it to its owner."""

    def flush(self) -> None:
        """Nothing is written."""


def read(sock: socket.socket, method: str = "GET") -> Answer:
    """Read one answer (interim ones skipped), or what came of it. What is sent behind it is lost."""
    with sock.makefile("rb") as reader:
        return read_from(reader, method)


def read_from(reader: BinaryIO, method: str = "GET") -> Answer:
    """Read one of several answers that share a buffer."""
    while True:
        answer = _read_any(reader, method)
        if answer.status >= 200 or answer.status == 101:
            return answer


def _read_any(reader: BinaryIO, method: str) -> Answer:
    found = http.client.HTTPResponse(cast("socket.socket", _Shared(reader)), method=method)
    try:
        found.begin()
        try:
            return Answer(found.status, found.getheaders(), found.read())
        except http.client.IncompleteRead as cut:
            return Answer(found.status, found.getheaders(), cut.partial, whole=False)
        except ConnectionResetError:
            return Answer(found.status, found.getheaders(), b"", whole=False)
    finally:
        found.close()


@contextmanager
def connected(port: int, timeout: float = 20.0, receive_buffer: int = 0) -> Iterator[socket.socket]:
    """A client's socket, closed behind the block."""
    with socket.socket() as sock:
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(timeout)
        sock.connect(("127.0.0.1", port))
        yield sock


def ask(
    port: int, method: str, target: str, body: bytes | None = None, fields: Fields = (BEARER,), timeout: float = 20.0
) -> Answer:
    """One request over its own connection. A body that the server stops taking is given up, not an error."""
    with connected(port, timeout) as sock:
        sock.sendall(head(method, target, fields, length=None if body is None else len(body)))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(body or b"")
        return read(sock, method)


def dump(value: object) -> bytes:
    """JSON, compact."""
    return json.dumps(value, separators=(",", ":")).encode()


def load(text: bytes) -> Any:
    """JSON, decoded."""
    return json.loads(text)


def post(port: int, target: str, value: object, *fields: tuple[str, str], timeout: float = 20.0) -> Answer:
    """POST a JSON value with the rig's key."""
    return ask(port, "POST", target, dump(value), (BEARER, JSON, *fields), timeout)


def chat(model: str = "gpt-4o", said: str = "say OK", **more: object) -> dict[str, object]:
    """A Chat request."""
    return {"model": model, "messages": [{"role": "user", "content": said}], **more}


def messages(model: str = "claude-x", said: str = "say OK", **more: object) -> dict[str, object]:
    """A Messages request."""
    return {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": said}], **more}


def responses(model: str = "gpt-4o", said: str = "say OK", **more: object) -> dict[str, object]:
    """A Responses request."""
    return {"model": model, "input": said, **more}


def gemini(said: str = "say OK") -> dict[str, object]:
    """A generateContent request."""
    return {"contents": [{"role": "user", "parts": [{"text": said}]}]}


def until(sock: socket.socket, mark: bytes, most: int = 1 << 20) -> bytes:
    """Read up to and with `mark`; raises AssertionError when the peer closes before."""
    data = b""
    while mark not in data:
        piece = sock.recv(1)  # what follows the mark belongs to the next reader
        assert piece, f"closed after {data[-200:]!r}"
        data += piece
        assert len(data) <= most
    return data
