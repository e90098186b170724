"""Request heads, remembered: a head read through the table's memory is the head read without."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rig
from core.feeding import FEW, seeds
from stationmaster.gateway.core.requests import RequestHead, find_length
from stationmaster.gateway.core.table import Table
from stationmaster.gateway.core.wire import ProtocolError

SNAPSHOT = rig.snapshot_for("http://127.0.0.1:9")
KEY = b"authorization: Bearer " + rig.KEY.encode()
CHAT = b"POST /v1/chat/completions HTTP/1.1"

Read = tuple[object, ...]


def told(table: Table, raw: bytes) -> tuple[Read, RequestHead | None]:
    """All that a head decides, or how it was refused."""
    try:
        head, length = table.understand(raw)
    except ProtocolError as error:
        return (error.status, error.code), None
    upstream = next((one for one in table.upstreams.values() if one.speaks(head.dialect)), None)
    prefix = (
        head.prefix(upstream, "gpt-4o")
        if upstream is not None and head.fault is None and head.key and not head.public
        else b""
    )
    return (
        head.method,
        head.suffix,
        head.query,
        head.dialect,
        head.model,
        head.body,
        head.chunked,
        head.keep_alive,
        head.http11,
        head.fault,
        head.public,
        head.key,
        head.encoding,
        head.expects,
        head.boundary,
        head.websocket,
        head.simple,
        head.reads_body,
        prefix,
        length,
    ), head


def afresh(raw: bytes) -> Read:
    """The same by a table that has seen nothing."""
    return told(Table(SNAPSHOT), raw)[0]


FIELDS = st.sampled_from(
    [
        b"Content-Length: 5",
        b"content-length: 7",
        b"Content-Length: 61",
        b"Content-Length:5",
        b"CONTENT-LENGTH: 5",
        b"Content-length: 5",
        b"content-Length: 9",
        b"Content-Length: 0000000000005",
        b"Content-Length: 000000000005",
        b"Content-Length: 5 ",
        b"Content-Length:  5",
        b"Content-Length: +5",
        b"Content-Length: ",
        b"Content-Length: 5, 5",
        b"x-content-length: 5",
        b"X: content-length: 5",
        b"xcontent-length: 5",
        b"Transfer-Encoding: chunked",
        b"transfer-encoding: CHUNKED",
        b"Transfer-Encoding: identity",
        b"X: a",
        b"Y: b",
        b":",
        b": 5",
        b" folded",
        b"Connection: close",
        b"Expect: 100-continue",
        b"Content-Type: application/json",
        b"Content-Type: multipart/form-data; boundary=b",
        b"Content-Encoding: gzip",
        b"Host: y",
    ]
)
LINES = st.sampled_from(
    [
        CHAT,
        CHAT,
        b"GET /v1/files/a HTTP/1.1",
        b"GET /v1/models HTTP/1.1",
        b"POST /v1/messages HTTP/1.1",
        b"POST /v1/chat/completions HTTP/1.0",
        b"GET /v1/files/content-length: HTTP/1.1",
    ]
)


def head_of(line: bytes, fields: list[bytes]) -> bytes:
    """The bytes of a head."""
    return b"\r\n".join([line, b"Host: x", KEY, *fields]) + b"\r\n\r\n"


@FEW
@given(
    st.lists(st.tuples(LINES, st.lists(FIELDS, max_size=4)), min_size=1, max_size=8), st.randoms(use_true_random=False)
)
def test_memory_changes_nothing(heads: list[tuple[bytes, list[bytes]]], order: object) -> None:
    """Whatever heads came before, in whatever order, a head is refused or understood as if it were the first; and
    neighbours that differ in one length line are the ones tried most."""
    raws = [head_of(line, fields) for line, fields in heads]
    raws += [
        head_of(line, [extra, *fields])
        for line, fields in heads
        for extra in (b"content-length: 5", b"Content-Length: 7")
    ]
    raws += [head_of(line, [*fields, b"Content-Length: 61"]) for line, fields in heads]
    order.shuffle(raws)  # type: ignore[attr-defined]
    table = Table(SNAPSHOT)
    for _ in range(2):
        for raw in raws:
            if raw.index(b"\r\n\r\n") + 4 == len(raw):
                assert told(table, raw)[0] == afresh(raw), raw


@FEW
@given(LINES, st.lists(FIELDS, max_size=3), st.lists(FIELDS, max_size=3), st.binary(max_size=30))
def test_known_at_a_glance_is_known_rightly(line: bytes, fields: list[bytes], others: list[bytes], body: bytes) -> None:
    """What a connection takes for its last head again is that head, with its own length and nothing hidden."""
    raw = head_of(line, fields)
    if raw.index(b"\r\n\r\n") + 4 != len(raw):
        return
    _, head = told(Table(SNAPSHOT), raw)
    if head is None or not head.simple:
        return
    for other in (
        raw,
        head_of(line, others),
        head_of(line, [*fields, *others]),
        head_of(line, [*others, *fields]),
        raw.replace(b": 5", b": %d" % len(body)),
        raw.replace(b": 5", b": 123456789012345"),
        raw.replace(b": 5", b": "),
    ):
        again = head.body_again(other + body)
        if again is None:
            continue
        end = (other + body).index(b"\r\n\r\n") + 4
        read = afresh((other + body)[:end])
        assert again == (other + body)[end:]
        assert len(again) == read[-1], other
        assert read[:-1] == afresh(raw)[:-1]


def test_the_usual_head_is_known_at_a_glance() -> None:
    """The memory is worth its name: the usual head is met again, with another length."""
    raw = head_of(CHAT, [b"Content-Type: application/json", b"Content-Length: 5", b"Accept: */*"])
    _, head = told(Table(SNAPSHOT), raw)
    assert head is not None
    assert head.body_again(raw + b"12345") == b"12345"
    assert head.body_again(raw.replace(b": 5", b": 4711") + b"x" * 4711) == b"x" * 4711
    for cut in range(len(raw) + 5):
        assert head.body_again((raw + b"12345")[:cut]) is None
    assert head.body_again(raw + b"12345P") is None
    for wrong in (b": -5", b": 5 ", b": 0x5", b": 5,5", b": ", b":5", b": \xb2", b": 5\r\nContent-Length: 6"):
        assert head.body_again(raw.replace(b": 5", wrong) + b"12345") is None


FOUND: list[tuple[bytes, int | None]] = [
    (b"Content-Length: 5", 5),
    (b"content-length: 5", 5),
    (b"Content-length: 5", 5),
    (b"content-Length: 05", 5),
    (b"CONTENT-LENGTH: 5", None),
    (b"Content-Length:5", None),
    (b"Content-Length:  5", None),
    (b"Content-Length: 5 ", None),
    (b"Content-Length: +5", None),
    (b"Content-Length: 5,5", None),
    (b"Content-Length: ", None),
    (b"Content-Length: 1234567890123", None),
    (b"X-Content-Length: 5", None),
    (b"X: content-length: 5", None),
    (b"X: a\nContent-Length: 5", None),
    (b"X: a\rContent-Length: 5", None),
    (b" Content-Length: 5", None),
    (b"Content-Length: \xb2", None),
    (b"Content-Length: \xd9\xa5", None),
    (b"Content-Length : 5", None),
]


@pytest.mark.parametrize(("field", "length"), FOUND, ids=[repr(field) for field, _ in FOUND])
def test_find_length(field: bytes, length: int | None) -> None:
    """Only a plain line of its own is cut out; anything unusual stays for the strict reader."""
    raw = CHAT + b"\r\nHost: x\r\n" + field + b"\r\nY: z\r\n\r\nContent-Length: 99\r\n"
    end = raw.index(b"\r\n\r\n") + 4
    cut = find_length(raw, end)
    if length is None:
        assert cut is None
        return
    assert cut is not None
    assert cut[2] == length
    assert raw[cut[0] : cut[1]] == b"\r\n" + field


def test_memory_is_bounded_and_the_callers_own() -> None:
    """Only known keys' heads are kept, at most so many and so large."""
    table = Table(SNAPSHOT)
    told(table, head_of(CHAT, [b"Content-Length: 5"]).replace(rig.KEY.encode(), b"unknown"))
    told(table, head_of(CHAT, [b"Content-Length: +5"]))
    told(table, head_of(b"GET /nowhere HTTP/1.1", []))
    assert not table.heads
    told(table, head_of(CHAT, [b"X: " + b"a" * 5000, b"Content-Length: 5"]))
    assert not table.heads
    for number in range(5000):
        told(table, head_of(CHAT, [b"X: %d" % number, b"Content-Length: 5"]))
    assert 0 < len(table.heads) <= 4096


@pytest.mark.parametrize("seed", seeds("requests"), ids=lambda seed: repr(seed[-60:]))
def test_seeds(seed: bytes) -> None:
    """Kept heads, behind their neighbours: understood as if alone."""
    neighbours = seeds("requests")
    table = Table(SNAPSHOT)
    keyed = [raw.replace(b"Host: x\r\n", b"Host: x\r\n" + KEY + b"\r\n") for raw in neighbours]
    for raw in keyed:
        told(table, raw)
    own = seed.replace(b"Host: x\r\n", b"Host: x\r\n" + KEY + b"\r\n")
    assert told(table, own)[0] == afresh(own)
