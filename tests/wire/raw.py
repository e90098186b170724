"""A client of plain sockets for the wire tests: sends bytes as told, reads answers strictly, hides nothing."""

import json
import socket
import time
from dataclasses import dataclass, field
from typing import Any, Literal

Way = Literal["whole", "bytewise", "trailing"]
WAYS: tuple[Way, ...] = ("whole", "bytewise", "trailing")

End = Literal["closed", "reset", "open"]
NO_BODY = (204, 304)


class Crooked(AssertionError):
    """The gateway's own bytes are no well-formed answer."""


@dataclass
class Answer:
    """One answer as it stood on the wire, framing removed. `whole` is False when its body was cut."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    whole: bool = True
    interim: list[int] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """The first value of a field."""
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name: str) -> list[str]:
        """Every value of a field."""
        return [value for key, value in self.headers if key == name]

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Heard:
    """All that came back on one connection, and how it ended."""

    answers: list[Answer]
    rest: bytes
    end: End

    @property
    def statuses(self) -> list[int]:
        """The final statuses, in order."""
        return [answer.status for answer in self.answers]


def read_answer(data: bytes, method: str, *, ended: bool) -> tuple[Answer, bytes] | None:
    """Take one answer off `data`. None: it is not whole yet. With `ended`, what there is counts, cut or not."""
    interim: list[int] = []
    while True:
        head, mark, rest = data.partition(b"\r\n\r\n")
        if not mark:
            return None
        status, headers = _head(head)
        if status >= 200 or status == 101:
            break
        interim.append(status)
        data = rest
    answer = Answer(status, headers, interim=interim)
    if method == "HEAD" or status in NO_BODY or status == 101:
        return answer, rest
    length, coding = answer.header("content-length"), answer.header("transfer-encoding")
    if length is not None and coding is not None:
        raise Crooked("both lengths in one answer")
    if coding is not None:
        return _chunked(answer, rest, ended=ended)
    if length is not None:
        if len(rest) < int(length) and not ended:
            return None
        answer.body, answer.whole = rest[: int(length)], len(rest) >= int(length)
        return answer, rest[int(length) :]
    if not ended:
        return None
    answer.body = rest
    return answer, b""


def _head(head: bytes) -> tuple[int, list[tuple[str, str]]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, status = first.partition(" ")
    if version != "HTTP/1.1" or not status[:3].isdigit() or status[3:4] != " ":
        raise Crooked(f"no status line: {first[:80]!r}")
    headers = []
    for line in lines:
        name, colon, value = line.partition(": ")
        if not colon or (name != name.lower() and not name.isascii()) or "\n" in line or "\r" in line:
            raise Crooked(f"bad field line: {line[:80]!r}")
        headers.append((name.lower(), value))
    return int(status[:3]), headers


def _chunked(answer: Answer, rest: bytes, *, ended: bool) -> tuple[Answer, bytes] | None:
    body = b""
    while True:
        line, mark, behind = rest.partition(b"\r\n")
        if not mark:
            break
        size = int(line, 16)
        if len(behind) < size + 2:
            body += behind[:size]
            break
        if behind[size : size + 2] != b"\r\n":
            raise Crooked("a chunk's data is not followed by CRLF")
        if not size:
            answer.body = body
            return answer, behind[2:]
        body += behind[:size]
        rest = behind[size + 2 :]
    if not ended:
        return None
    answer.body, answer.whole = body, False
    return answer, b""


def send(client: socket.socket, raw: bytes, way: Way) -> None:
    """Send, in one piece or one byte a packet. A peer that has closed already is no error here."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        if way != "bytewise":
            client.sendall(raw)
            return
        for at in range(len(raw)):
            client.sendall(raw[at : at + 1])
            time.sleep(0.0004)
    except (BrokenPipeError, ConnectionResetError):
        pass


def listen(client: socket.socket, methods: list[str], patience: float, expected: int = 0) -> Heard:
    """Read until the peer closes, `expected` answers are whole (0: any number), or `patience` seconds of
    silence have passed."""
    client.settimeout(patience)
    data, end = b"", "open"
    answers: list[Answer] = []

    def take(*, ended: bool) -> None:
        nonlocal data
        while data:
            method = methods[min(len(answers), len(methods) - 1)]
            found = read_answer(data, method, ended=ended)
            if found is None:
                return
            answers.append(found[0])
            data = found[1]

    while not (expected and len(answers) >= expected):
        try:
            piece = client.recv(65536)
        except TimeoutError:
            break
        except ConnectionResetError:
            end = "reset"
            break
        if not piece:
            end = "closed"
            break
        data += piece
        take(ended=False)
    if end != "open":
        take(ended=True)
    return Heard(answers, data, end)  # type: ignore[arg-type]


def closes_within(client: socket.socket, seconds: float) -> bool:
    """Whether the peer ends the connection within `seconds`; bytes that still come are a fault of their own."""
    client.settimeout(seconds)
    try:
        piece = client.recv(65536)
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True
    if piece:
        raise Crooked(f"bytes behind the last answer: {piece[:120]!r}")
    return True
