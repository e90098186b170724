"""AWS event streams: what botocore reads we read, at any cut; what is damaged is noticed, and goes no further."""

import base64
import json
import struct
import zlib

import pytest
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from stationmaster.gateway.core.eventstream import MAX_FRAME, FrameSplitter, encode, parse
from stationmaster.sandbox import frames

_TEXT = st.text(max_size=20)
_FRAMES = st.lists(
    st.tuples(st.dictionaries(st.text("abc:-", min_size=1, max_size=12), _TEXT, max_size=4), st.binary(max_size=60)),
    min_size=1,
    max_size=4,
)
STREAM = [
    frames.event("messageStart", {"role": "assistant"}),
    frames.event("chunk", {"bytes": base64.b64encode(b"{}").decode()}),
    frames.exception("throttlingException", "Too many."),
]


@settings(deadline=None)
@given(_FRAMES)
def test_what_is_written_is_read(made: list[tuple[dict[str, str], bytes]]) -> None:
    """What we write, botocore reads, and so do we."""
    wire = [encode(headers, payload) for headers, payload in made]
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(wire))
    assert [(message.headers, message.payload) for message in buffer] == made
    assert [(frame.headers, frame.payload) for raw in wire if (frame := parse(raw))] == made


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_cut(data: st.DataObject) -> None:
    """However the bytes are cut, the frames come out whole, in order, each as it came."""
    wire = b"".join(STREAM)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=12)))
    splitter, found = FrameSplitter(), []
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        found += splitter.feed(wire[start:end])
    assert (found, splitter.tail, splitter.broken) == (STREAM, 0, False)


def test_byte_by_byte() -> None:
    """A frame comes out with its last byte and not before."""
    splitter = FrameSplitter()
    first = STREAM[0]
    assert not any(splitter.feed(first[at : at + 1]) for at in range(len(first) - 1))
    assert splitter.tail == len(first) - 1
    assert splitter.feed(first[-1:]) == [first]


@pytest.mark.parametrize("at", range(len(STREAM[1])))
def test_every_damaged_byte_is_noticed(at: int) -> None:
    """One bit of any byte of a frame: the frame before passes, this one does not, nor anything behind it."""
    damaged = bytearray(STREAM[1])
    damaged[at] ^= 0x10
    splitter = FrameSplitter()
    found = splitter.feed(STREAM[0] + bytes(damaged) + STREAM[2])
    assert found == [STREAM[0]]
    assert splitter.broken or splitter.tail
    assert splitter.feed(STREAM[2] * 3) == []


@settings(deadline=None)
@given(st.binary(min_size=12, max_size=200))
def test_anything_else_is_no_frame(noise: bytes) -> None:
    """Bytes that are no frame are refused with the first twelve of them."""
    splitter = FrameSplitter()
    assert splitter.feed(noise) == []
    assert splitter.broken


@pytest.mark.parametrize(("total", "headers"), [(15, 0), (16, 1), (MAX_FRAME + 1, 0), (2**32 - 1, 2**32 - 1)])
def test_lengths_that_cannot_be(total: int, headers: int) -> None:
    """A frame shorter than its parts, or longer than the format allows, is none, however sound its checksum: nothing is
    waited for."""
    lengths = struct.pack(">II", total, headers)
    splitter = FrameSplitter()
    assert splitter.feed(lengths + struct.pack(">I", zlib.crc32(lengths)) + bytes(64)) == []
    assert splitter.broken


def test_headers_of_every_type() -> None:
    """Headers that are no texts are passed over; the texts behind them are read."""
    block = b"".join([
        b"\x01a\x00", b"\x01b\x01", b"\x01c\x02\x07", b"\x01d\x03\x00\x07", b"\x01e\x04" + bytes(4), b"\x01f\x05" + bytes(8),
        b"\x01g\x06\x00\x02\xff\xfe", b"\x01h\x08" + bytes(8), b"\x01i\x09" + bytes(16), b"\x01j\x07\x00\x02ok",
    ])  # fmt: skip
    frame = parse(_raw(block, b"{}"))
    assert frame is not None
    assert (frame.headers, frame.payload) == ({"j": "ok"}, b"{}")


@pytest.mark.parametrize(
    "block", [b"\x01a\x0a", b"\x05a", b"\x01a\x07\x00\x09x", b"\x01a\x07\x00", b"\x01\xff\x07\x00\x00", b"\x01a"]
)
def test_headers_that_are_none(block: bytes) -> None:
    """A sound frame whose headers cannot be read is not guessed at."""
    assert parse(_raw(block, b"")) is None


def _raw(block: bytes, payload: bytes) -> bytes:
    lengths = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    front = lengths + struct.pack(">I", zlib.crc32(lengths)) + block + payload
    return front + struct.pack(">I", zlib.crc32(front))


def test_what_a_frame_tells() -> None:
    """Events and exceptions have a name; an error without one has its code."""
    start, _, failed = (parse(raw) for raw in STREAM)
    assert start is not None
    assert failed is not None
    assert (start.event, start.exception) == ("messageStart", "")
    assert (failed.event, failed.exception, json.loads(failed.payload)) == ("", "throttlingException", {"message": "Too many."})
    error = parse(encode({":message-type": "error", ":error-code": "InternalFailure", ":error-message": "x"}, b""))
    assert error is not None
    assert error.exception == "InternalFailure"
