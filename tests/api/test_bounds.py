"""Bodies that are too large are refused before anybody keeps them."""

import socket
import tempfile
from pathlib import Path

import httpx
import pytest

from internal.kit import Control
from stationmaster.entrances.bounding import MAX_BODY

PIECE = b"x" * 65_536


def _asked(control: Control, fields: str, pieces: list[bytes]) -> bytes:
    """What is answered to a POST of these pieces by nobody in particular, sent as far as the server takes them."""
    host, port = control.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 30) as sock:
        head = f"POST /api/v1/keys HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n{fields}\r\n"
        sock.sendall(head.encode())
        try:
            for piece in pieces:
                sock.sendall(piece)
        except OSError:      # it has answered, and reads no more
            pass
        answer = b""
        while b"\r\n\r\n" not in answer and (read := sock.recv(65_536)):
            answer += read
    return answer


@pytest.mark.parametrize("framing", ["stated", "in pieces"])
def test_a_body_that_is_too_large(control: Control, framing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whether it says so or grows while it comes: 413, and no more of it than the bound was ever written down."""
    kept: list[int] = []
    written = tempfile.SpooledTemporaryFile.write

    def write(file: tempfile.SpooledTemporaryFile[bytes], data: bytes) -> int:
        kept.append(len(data))
        return written(file, data)

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "write", write)
    number = 4 * MAX_BODY // len(PIECE)
    if framing == "stated":
        answer = _asked(control, f"Content-Length: {number * len(PIECE)}\r\n", [PIECE] * number)
    else:
        chunk = f"{len(PIECE):x}\r\n".encode() + PIECE + b"\r\n"
        answer = _asked(control, "Transfer-Encoding: chunked\r\n", [chunk] * number)
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:200]
    assert sum(kept) <= MAX_BODY


def test_more_fields_than_anybody_asks_for(control: Control) -> None:
    """Any number of fields in a query is a question that can be answered, were it with a refusal."""
    for path in ("/api/v1/keys", "/healthz", "/login"):
        with httpx.Client(base_url=control.url, trust_env=False) as client:
            assert client.get(f"{path}?{'filter=x&' * 300}").status_code < 500


def test_a_body_within_the_bound(control: Control) -> None:
    """The largest that is allowed goes on to whoever asks who is there."""
    answer = _asked(control, f"Content-Length: {MAX_BODY}\r\n", [b" " * MAX_BODY])
    assert answer.startswith(b"HTTP/1.1 401 "), answer[:200]
