"""Event streams: the same events at any cut of the bytes, by a reading of the standard of the test's own."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import CORPUS, FEW, costing, feed_three_ways, seeds, single
from stationmaster.gateway.core.sse import MAX_EVENT, EventSplitter, data_of, events

NAMES = [file.stem for file in sorted((CORPUS / "sse").glob("*.bin"))]
SEEDS = seeds("sse")


def standard(stream: bytes, *, first: bool = True) -> list[tuple[bytes, bytes]]:
    """The events of a stream as (type, data): WHATWG HTML 9.2.6, written down plainly."""
    if first and stream.startswith(b"\xef\xbb\xbf"):
        stream = stream[3:]
    lines: list[bytes] = []
    line, at = b"", 0
    while at < len(stream):
        byte = stream[at : at + 1]
        if byte in b"\r\n":
            lines.append(line)
            line = b""
            at += 2 if stream[at : at + 2] == b"\r\n" else 1
        else:
            line += byte
            at += 1
    found: list[tuple[bytes, bytes]] = []
    kind = b""
    data: bytes | None = None
    for line in lines:
        if not line:
            if data is not None:
                found.append((kind, data))
            kind, data = b"", None
            continue
        name, _, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if name == b"data":
            data = value if data is None else data + b"\n" + value
        elif name == b"event":
            kind = value
    return found


def run(pieces: Sequence[bytes]) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The events and what is left, each run of whole events read on its own."""
    splitter = EventSplitter()
    found: list[tuple[bytes, bytes]] = []
    passed = b""
    for piece in pieces:
        if not piece:
            continue
        run = splitter.feed(piece)
        found += standard(run, first=not passed)
        passed += run
        assert splitter.clean is (not splitter.tail)
    assert passed + splitter.tail == b"".join(pieces), "bytes were lost"
    return found, splitter.tail


def run_events(pieces: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """The events only: how much of the blank after the last one is left is no promise."""
    return run(pieces)[0]


@pytest.mark.parametrize("stream", SEEDS, ids=NAMES)
def test_seeds_three_ways(stream: bytes) -> None:
    """Every recorded stream gives the standard's events, whole, byte by byte and with more behind it.

    A CR at the very end may be half of a line end, so that its event waits for the next byte."""
    settled = stream + b":" if stream.endswith(b"\r") else stream
    assert feed_three_ways(settled, run_events) == standard(settled)
    behind = run([settled + b"data: behind\n\n"])[0]
    assert behind[: len(standard(settled + b"data: behind\n\n"))] == standard(settled + b"data: behind\n\n")


@pytest.mark.parametrize("stream", SEEDS, ids=NAMES)
def test_every_cut(stream: bytes) -> None:
    """Exhaustively: every recorded stream cut at every one place, and the short ones at every two."""
    settled = stream + b":" if stream.endswith(b"\r") else stream
    wanted = standard(settled)
    for first in range(len(settled) + 1):
        assert run_events([settled[:first], settled[first:]]) == wanted, first
        if len(settled) <= 90:
            for second in range(first, len(settled) + 1):
                assert run_events([settled[:first], settled[first:second], settled[second:]]) == wanted, (first, second)


@FEW
@given(
    st.lists(
        st.sampled_from(
            [b"data: a", b"data:b", b":c", b"event: d", b"\n", b"\r", b"\r\n", b"\n\n", b"\xc3\xa9", b"data"]
        ),
        max_size=30,
    ),
    st.lists(st.integers(0, 200), max_size=8),
)
def test_any_stream_any_cuts(parts: list[bytes], cuts: list[int]) -> None:
    """Of odd parts in any order, cut anywhere, the events are the standard's."""
    stream = b"".join(parts) + b":"
    places = sorted({0, *(cut % len(stream) for cut in cuts), len(stream)})
    pieces = [stream[start:end] for start, end in pairwise(places)]
    assert run_events(pieces) == standard(stream)
    assert run_events(single(stream)) == standard(stream)


@pytest.mark.parametrize("stream", SEEDS, ids=NAMES)
def test_data_is_the_standards(stream: bytes) -> None:
    """`events` and `data_of` read what the standard reads: BOM, comments, bare names, missing spaces."""
    whole = EventSplitter().feed(stream)
    read = [data_of(event) for event in events(whole)]
    assert b"".join(events(whole)) == whole
    assert [data for data in read if data] == [data for _, data in standard(whole) if data]


def test_one_large_event_costs_its_size() -> None:
    """An event of 2 MiB, in lines and small pieces, is cut out in time that grows with its size only."""
    line = b"data: " + b"x" * 1017 + b"\n"
    stream = line * 2048 + b"\n"
    splitter = EventSplitter()
    with costing(1.0):
        runs = [splitter.feed(stream[at : at + 1024]) for at in range(0, len(stream), 1024)]
    assert b"".join(runs) == stream
    assert sum(map(bool, runs)) == 1
    assert splitter.clean


def test_two_mebibytes_without_a_line_end() -> None:
    """A large event comes out whole, in one run, byte for byte."""
    event = b"data: " + bytes(range(32, 127)) * 22_200 + b"\n\n"
    assert len(event) > 2 * 1024 * 1024
    splitter = EventSplitter()
    runs = [splitter.feed(event[at : at + 8191]) for at in range(0, len(event), 8191)]
    assert [run for run in runs if run] == [event]


def test_an_event_without_end_is_not_hoarded() -> None:
    """Beyond its limit an event is let through in pieces rather than held."""
    splitter = EventSplitter()
    piece = b"x" * (1024 * 1024)
    passed = sum(len(splitter.feed(piece)) for _ in range(20))
    assert passed + len(splitter.tail) == 20 * len(piece)
    assert len(splitter.tail) <= MAX_EVENT


def test_clean_says_where_something_may_be_put() -> None:
    """Between two events, and nowhere else."""
    splitter = EventSplitter()
    assert splitter.clean
    for piece, clean in ((b"data: a", False), (b"\n", False), (b"\n", True), (b"data: b\r\n\r", False), (b"\n", True)):
        splitter.feed(piece)
        assert splitter.clean is clean, piece
