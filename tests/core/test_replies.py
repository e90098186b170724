"""Answer heads, remembered: a head read through memory is the head read without."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW, seeds
from stationmaster.gateway.core import replies
from stationmaster.gateway.core.forward import to_caller
from stationmaster.gateway.core.replies import SHAPE_AFTER, ReplyHead, read_reply
from stationmaster.gateway.core.wire import ProtocolError, parse_response

Read = tuple[object, ...]


def told(raw: bytes, method: str, last: ReplyHead | None = None) -> tuple[Read, ReplyHead | None]:
    """All that an answer's head decides, or that it was refused."""
    try:
        again = last.again(raw) if last is not None else None
        assert again is None or again.size == len(raw)
        reply = again or read_reply(raw, method)
    except ProtocolError as error:
        return (error.status,), None
    head = reply.head
    fields = sorted(_plain(line) for line in (head.start.partition(b"\r\n")[2] + reply.lines).split(b"\r\n") if line)
    return (
        head.status,
        head.framing,
        head.keep_alive,
        head.encoded,
        head.json,
        head.stream,
        reply.length,
        fields,
        _value(reply.vendor_id),
    ), head


def _plain(line: bytes) -> bytes:
    """A line as a name and a value: spelling and the space behind the colon are no part of what is said."""
    name, _, value = line.partition(b":")
    return name.lower() + b": " + value.strip()


def _value(vendor_id: bytes) -> bytes:
    return vendor_id.strip()


def afresh(raw: bytes, method: str) -> Read:
    """The same without any memory, checked against the head's own fields."""
    replies._cache.clear()
    read, _ = told(raw, method)
    replies._cache.clear()
    if len(read) > 1:
        line = parse_response(raw, method)
        assert read[:3] == (line.status, line.framing, line.keep_alive)
        assert read[6] == line.length
        passing = sorted(_plain(field) for field in to_caller(line.headers, stream=False).split(b"\r\n") if field)
        assert read[7] == passing
    return read


FIELDS = st.sampled_from(
    [
        b"date: a",
        b"Date: b",
        b"DATE: c",
        b"date:d",
        b"date:  e ",
        b"date: \x00",
        b"date: a\rb",
        b"date:",
        b"openai-processing-ms: 5",
        b"OpenAI-Processing-Ms: 6",
        b"content-length: 2",
        b"Content-Length: 3",
        b"content-length:2",
        b"content-length:  2",
        b"content-length: 2 ",
        b"CONTENT-LENGTH: 2",
        b"content-length: 02",
        b"content-length: +2",
        b"content-length: 1234567890123456",
        b"x-request-id: r1",
        b"X-Request-ID: r2",
        b"request-id: r3",
        b"Request-Id: r4",
        b"apim-request-id: r5",
        b"cf-ray: 1",
        b"set-cookie: a=b",
        b"Set-Cookie: c",
        b"x-ratelimit-limit: 1",
        b"x-ratelimit-limit: \x01",
        b"transfer-encoding: chunked",
        b"Transfer-Encoding: gzip",
        b"content-type: application/json",
        b"content-type: text/event-stream",
        b"content-encoding: gzip",
        b"connection: close",
        b"connection: keep-alive",
        b"etag: x",
        b"x-unknown: y",
        b"retry-after: 1",
        b"server: z",
        b" folded",
        b"nocolon",
        b": empty",
    ]
)
LINES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 429 Slow",
        b"HTTP/1.0 200 OK",
        b"HTTP/1.1 204 No",
        b"HTTP/1.1 999 X",
    ]
)
METHODS = st.sampled_from(["POST", "POST", "GET", "HEAD"])


def head_of(line: bytes, fields: list[bytes]) -> bytes:
    """The bytes of a head."""
    return b"\r\n".join([line, *fields]) + b"\r\n\r\n"


@FEW
@given(st.lists(st.tuples(LINES, st.lists(FIELDS, max_size=5), METHODS), min_size=1, max_size=8))
def test_memory_changes_nothing(heads: list[tuple[bytes, list[bytes], str]]) -> None:
    """Whatever was read before, a head decides what it decides alone."""
    wanted = [afresh(head_of(line, fields), method) for line, fields, method in heads]
    replies._cache.clear()
    last: ReplyHead | None = None
    for _ in range(2):
        for (line, fields, method), want in zip(heads, wanted, strict=True):
            read, head = told(head_of(line, fields), method, last if method != "HEAD" else None)
            assert read == want, (line, fields)
            last = head if head is not None and method != "HEAD" else last


BASES = [
    [
        b"date: a",
        b"content-type: application/json",
        b"x-request-id: r1",
        b"content-length: 2",
        b"set-cookie: c",
        b"etag: x",
    ],
    [
        b"Date: a",
        b"Content-Type: text/event-stream",
        b"Transfer-Encoding: chunked",
        b"openai-processing-ms: 9",
        b"x-ratelimit-limit: 1",
    ],
    [b"content-length: 2", b"request-id: a", b"apim-request-id: b", b"date: d", b"date: e"],
    [b"content-type: application/json", b"content-length: 2"],
    [b"content-type: application/json"],
]


@FEW
@given(
    st.sampled_from(BASES),
    st.lists(
        st.tuples(
            st.sampled_from(["replace", "insert", "drop", "value"]), st.integers(0, 6), FIELDS, st.binary(max_size=3)
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_a_pattern_takes_nothing_else(base: list[bytes], changes: list[tuple[str, int, bytes, bytes]]) -> None:
    """A head that came back often enough to get a pattern, then a neighbour of it: read as if alone."""
    raw = head_of(b"HTTP/1.1 200 OK", base)
    fields = list(base)
    for kind, at, field, noise in changes:
        place = at % len(fields) if fields else 0
        if kind == "insert" or not fields:
            fields.insert(place, field)
        elif kind == "replace":
            fields[place] = field
        elif kind == "drop":
            del fields[place]
        else:
            fields[place] += noise
    changed = head_of(b"HTTP/1.1 200 OK", fields)
    if changed.index(b"\r\n\r\n") + 4 != len(changed):
        return
    want, same = afresh(changed, "POST"), afresh(raw, "POST")
    replies._cache.clear()
    last: ReplyHead | None = None
    for _ in range(SHAPE_AFTER + 3):
        read, last = told(raw, "POST", last)
        assert read == same
    assert told(changed, "POST", last)[0] == want, changed
    assert told(raw, "POST", last)[0] == same


@pytest.mark.parametrize("spelling", [bytes.lower, bytes.upper, bytes.title])
def test_ids_are_found_in_any_spelling(spelling: object) -> None:
    """The vendor's id of a request, for the event, whatever the case of its name."""
    for name in (b"x-request-id", b"request-id", b"apim-request-id"):
        written: bytes = spelling(name)  # type: ignore[operator]
        reply = read_reply(head_of(b"HTTP/1.1 200 OK", [written + b": the-id", b"content-length: 0"]), "POST")
        assert reply.vendor_id.endswith(b"the-id")
        assert b"the-id" in reply.lines


@pytest.mark.parametrize("seed", seeds("answers"), ids=lambda seed: repr(seed[:60]))
def test_seeds(seed: bytes) -> None:
    """Kept heads: the second reading is the first."""
    want = afresh(seed, "POST")
    assert told(seed, "POST")[0] == want
    assert told(seed, "POST")[0] == want


def test_memory_is_bounded() -> None:
    """Endless kinds of heads do not fill the memory."""
    for number in range(replies.MAX_CACHED * 2 + 5):
        read_reply(head_of(b"HTTP/1.1 200 OK", [b"x-%d: y" % number, b"content-length: 0"]), "POST")
    assert len(replies._cache) <= replies.MAX_CACHED
    read_reply(head_of(b"HTTP/1.1 200 OK", [b"x: " + b"y" * replies.MAX_CACHED_HEAD, b"content-length: 0"]), "POST")
    assert max(map(len, replies._cache)) <= replies.MAX_CACHED_HEAD
