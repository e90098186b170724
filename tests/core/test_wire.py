"""Heads: refused whole or in part, the same at any cut; with bytes behind them."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW, feed_three_ways, seeds
from stationmaster.gateway.core.wire import (
    MAX_FIELDS,
    MAX_HEAD,
    PartialHead,
    ProtocolError,
    ResponseLine,
    parse_request,
    parse_response,
)
from wire.malformed_answers import ROWS as ANSWERS
from wire.malformed_requests import ROWS, UNUSUAL

HOST = b"Host: x\r\n"
HEADS = [row for row in ROWS if not row.primed and b"\r\n\r\n" in row.raw and len(row.raw) < 3000]


def run(pieces: Sequence[bytes]) -> object:
    """Read a head as the server does: judge it while it comes, read it when its end is there."""
    data = b""
    for piece in pieces:
        data += piece
        end = data.find(b"\r\n\r\n")
        try:
            if end >= 0 and data[0] not in b"\r\n":
                return parse_request(data[: end + 4])
            PartialHead().feed(data)
        except ProtocolError as error:
            return "refused" if error.status in (400, 414, 431, 501, 505) else f"refused as {error.status}"
    return "waiting"


@pytest.mark.parametrize("row", HEADS, ids=lambda row: row.id)
def test_malformed_heads_at_any_cut(row: object) -> None:
    """A head of the table of malformed requests comes out the same however it is cut."""
    raw: bytes = row.raw  # type: ignore[attr-defined]
    head = raw[: raw.index(b"\r\n\r\n") + 4]
    result = feed_three_ways(head, run, b"GET / HTTP/1.1\r\n\r\n")
    if head[0] not in b"\r\n":
        for cut in range(1, len(head), 7):
            assert run([head[:cut], head[cut:]]) == result, cut


@pytest.mark.parametrize("row", UNUSUAL, ids=lambda row: row.id)
def test_good_heads_are_never_refused_early(row: object) -> None:
    """No beginning of a good head is refused: what is judged early is judged as the whole would be."""
    raw: bytes = row.raw  # type: ignore[attr-defined]
    head = raw[: raw.index(b"\r\n\r\n") + 4].lstrip(b"\r\n") + (b"\r\n\r\n" if raw.startswith(b"\r\n") else b"")
    if raw.startswith(b"\r\n"):
        stripped = raw.lstrip(b"\r\n")
        head = stripped[: stripped.index(b"\r\n\r\n") + 4]
    assert run([head]) not in ("refused", "waiting")
    for cut in range(1, len(head)):
        PartialHead().feed(head[:cut])


_FIELDS = st.lists(
    st.sampled_from(
        [
            b"X: a",
            b"X:",
            b"X: \t a \t",
            b"X : a",
            b" X: a",
            b"X",
            b": a",
            b"X: a\nb",
            b"X: a\rb",
            b"X: \x00",
            b"X: \xff",
            b"Content-Length: 5",
            b"content-length:5",
            b"Content-Length: +5",
            b"Content-Length: 5, 5",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: identity",
            b"Transfer-Encoding: CHUNKED",
            b"Connection: close",
            b"Connection: upgrade",
            b"Upgrade: websocket",
            b"Host: y",
            b"Expect: 100-continue",
        ]
    ),
    max_size=5,
)


@FEW
@given(
    _FIELDS,
    st.sampled_from(
        [b"GET / HTTP/1.1", b"POST / HTTP/1.0", b"GET  / HTTP/1.1", b"GET /\x00 HTTP/1.1", b"PRI * HTTP/2.0"]
    ),
    st.lists(st.integers(1, 300), max_size=5),
)
def test_any_head_any_cuts(fields: list[bytes], line: bytes, cuts: list[int]) -> None:
    """A head of odd fields is read or refused the same however it is cut, and what is read is unambiguous."""
    head = line + b"\r\n" + HOST + b"".join(field + b"\r\n" for field in fields) + b"\r\n"
    if head.index(b"\r\n\r\n") + 4 != len(head):
        return
    places = sorted({0, *(cut % len(head) for cut in cuts), len(head)})
    read = run([head])
    assert run([head[start:end] for start, end in pairwise(places)]) == read
    if read != "refused":
        names = [field.partition(b":")[0].lower() for field in fields]
        assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
        assert b"host" not in names


def test_limits() -> None:
    """A head has at most so many bytes and fields; more is 431, not a wait."""
    most = b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * (MAX_FIELDS - 1) + b"\r\n"
    assert len(parse_request(most).headers) == MAX_FIELDS
    with pytest.raises(ProtocolError) as many:
        parse_request(most[:-2] + b"X: a\r\n\r\n")
    assert many.value.status == 431
    with pytest.raises(ProtocolError) as large:
        PartialHead().feed(b"GET / HTTP/1.1\r\nX: " + b"a" * MAX_HEAD)
    assert large.value.status == 431


@pytest.mark.parametrize("value", [b"5", b"05", b"5 ", b" 5", b"5\t"])
def test_lengths_are_read_without_their_spaces(value: bytes) -> None:
    """Optional whitespace is no part of a value (RFC 9110 5.5), on both sides."""
    assert parse_request(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: " + value + b"\r\n\r\n").length == 5
    assert parse_response(b"HTTP/1.1 200 OK\r\nContent-Length: " + value + b"\r\n\r\n", "POST").length == 5


# Answers.

FRAMING: list[tuple[str, bytes, bytes, str, int]] = [
    ("GET", b"200", b"Content-Length: 5\r\n", "length", 5),
    ("GET", b"200", b"Content-Length: 0\r\n", "length", 0),
    ("GET", b"200", b"Transfer-Encoding: chunked\r\n", "chunked", -1),
    ("GET", b"200", b"", "close", -1),
    ("HEAD", b"200", b"Content-Length: 5\r\n", "none", 5),
    ("HEAD", b"200", b"Transfer-Encoding: chunked\r\n", "none", -1),
    ("HEAD", b"404", b"", "none", -1),
    ("GET", b"204", b"Content-Length: 5\r\n", "none", 5),
    ("GET", b"304", b"Content-Length: 5\r\n", "none", 5),
    ("GET", b"100", b"", "none", -1),
    ("GET", b"199", b"Content-Length: 5\r\n", "none", 5),
    ("POST", b"599", b"", "close", -1),
]


@pytest.mark.parametrize(("method", "status", "fields", "framing", "length"), FRAMING)
def test_framing_of_answers(method: str, status: bytes, fields: bytes, framing: str, length: int) -> None:
    """RFC 9112 section 6.3, case by case."""
    read = parse_response(b"HTTP/1.1 " + status + b" X\r\n" + fields + b"\r\n", method)
    assert (read.framing, read.length) == (framing, length)
    assert read.keep_alive is (framing != "close" and status != b"204")  # a 204 that states a body may send it


@pytest.mark.parametrize(
    ("head", "keep_alive"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: Keep-Alive\r\n", True),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", True),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: x\r\nConnection: CLOSE\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: keep-alive\r\n", False),
    ],
)
def test_reuse_of_answers(head: bytes, keep_alive: bool) -> None:
    """Whether the upstream lets its connection be used again (RFC 9112 9.3)."""
    assert parse_response(head + b"Content-Length: 0\r\n\r\n", "GET").keep_alive is keep_alive


def test_faulty_old_framing_ends_its_connection() -> None:
    """HTTP/1.0 knows no chunks: refused, or the connection ends behind it (RFC 9112 6.1)."""
    raw = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
    try:
        keep_alive = parse_response(raw, "GET").keep_alive
    except ProtocolError:
        keep_alive = False
    assert not keep_alive


def answer(pieces: Sequence[bytes]) -> object:
    """Read an answer's head as the server does."""
    data = b"".join(pieces)
    try:
        return parse_response(data[: data.index(b"\r\n\r\n") + 4], "POST")
    except ProtocolError as error:
        return "refused" if error.status == 502 else f"refused as {error.status}"


@pytest.mark.parametrize(
    "row", [row for row in ANSWERS if b"\r\n\r\n" in row.raw and len(row.raw) < 3000], ids=lambda row: row.id
)
def test_malformed_answer_heads(row: object) -> None:
    """A head of the table of malformed answers is refused or read, never anything else, and alike with bytes behind."""
    raw: bytes = row.raw  # type: ignore[attr-defined]
    head = raw[: raw.index(b"\r\n\r\n") + 4]
    result = feed_three_ways(head, answer, b"HTTP/1.1 200 OK\r\n\r\n")
    assert result == "refused" or isinstance(result, ResponseLine)


@FEW
@given(st.binary(max_size=200))
def test_noise_is_refused_cleanly(noise: bytes) -> None:
    """Random bytes are refused by both readers and raise nothing else."""
    for head in (
        noise + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + noise + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + noise + b"\r\n\r\n",
    ):
        answer([head])
        run([head])


@pytest.mark.parametrize("seed", seeds("requests"), ids=lambda seed: repr(seed[-60:]))
def test_request_seeds(seed: bytes) -> None:
    """Kept heads are read alike at any cut."""
    feed_three_ways(seed, run, b"more")
