"""Chunked bodies: what is taken and refused, at any cut of the bytes, beside llhttp."""

import re
from collections.abc import Sequence
from itertools import pairwise

import httptools
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.feeding import FEW, MANY, feed_three_ways, seeds, single
from stationmaster.gateway.core.chunked import LAST_CHUNK, MAX_LINE, ChunkedReader, chunk
from stationmaster.gateway.core.wire import ProtocolError

GOOD: dict[bytes, bytes] = {
    b"0\r\n\r\n": b"",
    b"5\r\nhello\r\n0\r\n\r\n": b"hello",
    b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n": b"hello world",
    b"00000005\r\nhello\r\n000\r\n\r\n": b"hello",
    b"A\r\n0123456789\r\n0\r\n\r\n": b"0123456789",
    b"a\r\n0123456789\r\n0\r\n\r\n": b"0123456789",
    b"2\r\n\r\n\r\n0\r\n\r\n": b"\r\n",
    b"7\r\n0\r\n\r\n0\n\r\n0\r\n\r\n": b"0\r\n\r\n0\n",
    b"5;a\r\nhello\r\n0;b\r\n\r\n": b"hello",
    b'5;a=b;c="d e"\r\nhello\r\n0\r\n\r\n': b"hello",
    b"5 ; a = b\r\nhello\r\n0\r\n\r\n": b"hello",
    b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n": b"hello",
    b"5\r\nhello\r\n0\r\nX-Sum:\r\nY: \xe9\tz\r\n\r\n": b"hello",
    b"1\r\n\x00\r\n1\r\n\r\r\n1\r\n\n\r\n0\r\n\r\n": b"\x00\r\n",
}
BAD = (
    b"\r\n",
    b"g\r\n",
    b"+5\r\n",
    b"-5\r\n",
    b"0x5\r\n",
    b"5_0\r\n",
    b" 5\r\n",
    b"5 \r\n",
    b"5\t\r\n",
    b"\t5\r\n",
    b"5,\r\n",
    b"5.0\r\n",
    b"123456789\r\n",
    b"000000000\r\n",
    b"5\n",
    b"5\nhello\r\n",
    b"5\rhello",
    b"\n5\r\n",
    b"5\x00\r\n",
    b"\x005\r\n",
    b"5;a\nb\r\n",
    b"5;a\rb\r\n",
    b"5;a\x00\r\n",
    b"5;a\x7f\r\n",
    b"5;\x1b\r\n",
    b"5;" + b"a" * MAX_LINE + b"\r\n",
    b"5\r\nhello",
    b"5\r\nhelloX",
    b"5\r\nhello\n0\r\n\r\n",
    b"5\r\nhello\r0\r\n",
    b"5\r\nhello0\r\n\r\n",
    b"5\r\nhell\r\n0\r\n\r\n",
    b"5\r\nhello!\r\n0\r\n\r\n",
    b"0\n\n",
    b"0\r\n\n",
    b"0\r\n\rX",
    b"0\r\n\r\r\n",
    b"0\r\nX\r\n\r\n",
    b"0\r\nX : 1\r\n\r\n",
    b"0\r\n: 1\r\n\r\n",
    b"0\r\nX: \x00\r\n\r\n",
    b"0\r\nX: a\nY: b\r\n\r\n",
    b"0\r\nX: a\rY: b\r\n\r\n",
    b"0\r\n X: a\r\n\r\n",
    b"0\r\nX: a\r\n b\r\n\r\n",
    b"0\r\n\xe9: a\r\n\r\n",
    b"0\r\nX: " + b"a" * MAX_LINE + b"\r\n\r\n",
    b"0\r\n" + b"X: aaaaaaaaaaaa\r\n" * 4000 + b"\r\n",
    b"0\r\nX: \x7f\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"\xff\xfe\r\n",
)
REFUSED_LATER = (b"5\r\nhello",)  # no more than unfinished


def run(pieces: Sequence[bytes]) -> tuple[str, bytes, bool]:
    """What came of a body: whether it was refused, its payload so far, and whether it ended."""
    reader = ChunkedReader()
    payload, left = b"", b""
    try:
        for piece in pieces:
            if reader.done:
                left += piece
            else:
                payload += reader.feed(piece)
                left = reader.rest
    except ProtocolError as error:
        return "refused" if error.status == 400 else f"refused as {error.status}", b"", False
    return "taken", payload, reader.done


@pytest.mark.parametrize("body", GOOD, ids=repr)
def test_good_bodies_come_out(body: bytes) -> None:
    """A well-formed body gives its payload, however it is cut; what follows belongs to the next message."""
    assert feed_three_ways(body, run, b"GET / HTTP/1.1\r\n\r\n") == ("taken", GOOD[body], True)
    reader = ChunkedReader()
    reader.feed(body + b"next")
    assert reader.rest == b"next"


@pytest.mark.parametrize("body", [bad for bad in BAD if bad not in REFUSED_LATER], ids=lambda bad: repr(bad[:30]))
def test_bad_bodies_are_refused(body: bytes) -> None:
    """A malformed body is refused, however it is cut."""
    assert feed_three_ways(body, run, b"more") == ("refused", b"", False)


@pytest.mark.parametrize("body", GOOD, ids=repr)
def test_every_two_cuts(body: bytes) -> None:
    """Cut at every two places the payload is the same."""
    for first in range(len(body)):
        for second in range(first, len(body)):
            assert run([body[:first], body[first:second], body[second:]]) == ("taken", GOOD[body], True)


@pytest.mark.parametrize(
    "extension", [b";", b";;a", b';a="b', b';a="b"c', b";a=\xf1", b";a=", b";=a", b";a b", b';a="\t']
)
def test_extensions_keep_to_the_grammar(extension: bytes) -> None:
    """An extension that the grammar does not know is refused, as llhttp refuses it (RFC 9112 7.1.1)."""
    assert run([b"5" + extension + b"\r\nhello\r\n" + LAST_CHUNK])[0] == "refused"


@pytest.mark.parametrize("name", [b"Content-Length", b"transfer-encoding"])
def test_trailers_frame_nothing(name: bytes) -> None:
    """A trailer that would frame the message is refused (RFC 9110 6.5.1)."""
    assert run([b"0\r\n" + name + b": 3\r\n\r\n"])[0] == "refused"


def test_endless_parts_are_bounded() -> None:
    """No line and no run of trailers can make the reader hold more than a few KiB."""
    for start in (b"", b"5;", b"0\r\nX: "):
        reader = ChunkedReader()
        if start:
            reader.feed(start)
        reader.feed(b"0" * 8)
        for _ in range(MAX_LINE):
            try:
                reader.feed(b"0")
            except ProtocolError:
                break
        else:
            pytest.fail("held without limit")


# Beside llhttp.

_HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
# Spaces around `;` and `=` are in the grammar (BWS), but llhttp takes none.
SPACED = re.compile(rb"[0-9A-Fa-f][ \t]+;|;[ \t]|[ \t]=|=[ \t]|;[^\r\n]*[ \t]+(?:;|\r)")


class Collected:
    """What llhttp saw of a body."""

    def __init__(self) -> None:
        self.body = b""
        self.complete = False

    def on_body(self, body: bytes) -> None:
        """A piece of the payload."""
        self.body += body

    def on_message_complete(self) -> None:
        """The end."""
        self.complete = True


def compare(body: bytes) -> None:
    """Feed both; what we take whole llhttp takes too, with the same payload and the same end."""
    reader = ChunkedReader()
    payload, fed = b"", 0
    try:
        for piece in (body[:7], body[7:]):
            if piece and not reader.done:
                payload += reader.feed(piece)
                fed += len(piece)
    except ProtocolError:
        return
    if not reader.done:
        return
    used = body[: fed - len(reader.rest)]
    if SPACED.search(used):
        return
    seen = Collected()
    parser = httptools.HttpRequestParser(seen)
    parser.feed_data(_HEAD + used)
    assert (seen.body, seen.complete) == (payload, True)


_PIECES = st.sampled_from(
    [
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"0\r\n",
        b"\r\n",
        b"3",
        b"abc",
        b"A;x=y\r\n0123456789\r\n",
        b";",
        b"a=b",
        b"=",
        b'"',
        b"X: y\r\n",
        b"x-a:\r\n",
        b"x: \xe9\r\n",
        b"Connection: close\r\n",
        b"\n",
        b"\r",
        b"00",
        b"F",
        b"f\r\n",
        b":",
        b",",
        b"2\r\n\r\n\r\n",
        b'5;a="b c"\r\nhello\r\n',
        b"5;a;b;c=d\r\nhello\r\n",
        b'5;a="b\\"c"\r\nhello\r\n',
        b"Content-Length: 3\r\n",
    ]
)


@MANY
@given(st.lists(_PIECES, max_size=8), st.integers(0, 60), st.binary(max_size=1))
def test_never_laxer_than_llhttp(pieces: list[bytes], at: int, byte: bytes) -> None:
    """Of odd pieces in any order, with a byte changed: whatever we take, llhttp takes the same way."""
    body = b"".join(pieces)
    compare(body[:at] + byte + body[at + len(byte) :])


@FEW
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=6), st.lists(st.integers(0, 2000), max_size=6))
def test_own_framing_comes_back(payloads: list[bytes], cuts: list[int]) -> None:
    """What `chunk` frames is what both readers give back, at any cut."""
    body = b"".join(map(chunk, payloads)) + LAST_CHUNK
    assume(len(body) < 2000)
    places = sorted({0, *(cut % len(body) for cut in cuts), len(body)})
    parts = [body[start:end] for start, end in pairwise(places)]
    assert run(parts) == ("taken", b"".join(payloads), True)
    compare(body)


@pytest.mark.parametrize("seed", seeds("chunked"), ids=lambda seed: repr(seed[:24]))
def test_seeds(seed: bytes) -> None:
    """Kept inputs: no laxer than llhttp, and the same at any cut."""
    compare(seed)
    assert run(single(seed)) == run([seed])
