"""Fuzz targets for what vendors stream: events, frames, and usage in every dialect."""

import msgspec

from core import test_sse
from fuzz.chance import halves, pieces
from stationmaster.gateway.core.endpoints import Meter
from stationmaster.gateway.core.eventstream import FrameSplitter, encode, parse
from stationmaster.gateway.core.framed import FrameUsage
from stationmaster.gateway.core.sse import EventSplitter, data_of, events
from stationmaster.gateway.core.tokens import Tokens
from stationmaster.gateway.core.usage import StreamUsage, of_body, of_tail, settle, unread

_MOST = 2**53
_FRAMED = (Meter.INVOKE, Meter.CONVERSE)


def sse(data: bytes) -> None:
    """A stream's events are the standard's, at any cut."""
    step, raw = halves(data)
    settled = raw + b":"        # a CR at the end may be half of a line end
    wanted = test_sse.standard(settled)
    assert test_sse.run_events([settled]) == wanted
    assert test_sse.run_events(pieces(settled, step)) == wanted
    whole = EventSplitter().feed(raw)
    assert b"".join(events(whole)) == whole
    assert [found for found in map(data_of, events(whole)) if found] == [text for _, text in test_sse.standard(whole) if text]


def frames(data: bytes) -> None:
    """AWS' frames are the same at any cut, read or refused without a crash, and what is read is written the same way."""
    step, raw = halves(data)
    whole, cut = _frames([raw]), _frames(pieces(raw, step))
    assert whole == cut
    for frame in whole[0]:
        read = parse(frame)
        if read is None:
            continue
        again = parse(encode(read.headers, read.payload))
        assert again == read
        for meter in _FRAMED:
            _framed(meter, frame)
    made = encode({":message-type": "event", ":event-type": "chunk"}, raw)
    assert _frames([made]) == ([made], False)
    for meter in _FRAMED:
        _framed(meter, made)


def _frames(parts: list[bytes]) -> tuple[list[bytes], bool]:
    splitter = FrameSplitter()
    found = [frame for part in parts for frame in splitter.feed(part)]
    return found, splitter.broken


def _framed(meter: Meter, frame: bytes) -> None:
    read = parse(frame)
    assert read is not None
    usage = FrameUsage(meter)
    usage.see(read)
    for whole in (True, False):
        _sane(usage.settle(whole=whole, request_bytes=100)[0])


def usage(data: bytes) -> None:
    """Usage is read from anything without a crash, in every dialect; what is read is no nonsense, and the same at any cut."""
    step, raw = halves(data)
    for meter in Meter:
        _sane(of_body(meter, raw))
        _sane(of_tail(meter, raw))
        _sane(unread(meter, raw, len(raw))[0])
        if meter not in _FRAMED:
            assert _stream(meter, [raw]) == _stream(meter, pieces(raw, step)), meter


def _stream(meter: Meter, parts: list[bytes]) -> list[object]:
    splitter, seen = EventSplitter(), StreamUsage(meter)
    for part in [*parts, b"\n\n"]:
        for event in events(splitter.feed(part)):
            if text := data_of(event):
                seen.see(text)
    told = [settle(meter, seen, whole=whole, request_bytes=100) for whole in (True, False)]
    for tokens, _ in told:
        _sane(tokens)
    return [*told, seen.broken_off, seen.ended, seen.response_id]


def _sane(tokens: Tokens | None) -> None:
    if tokens is None:
        return
    counts = msgspec.structs.astuple(tokens)
    assert all(isinstance(count, int) and 0 <= count <= 4 * _MOST for count in counts), counts
