"""The spool by itself: segments, batches, the cursor, what is dropped."""

import json
import os
from pathlib import Path

import pytest

from stationmaster.gateway.link import spool as spools
from stationmaster.gateway.link.spool import Spool
from stationmaster.gateway.server import segments
from stationmaster.gateway.server.segments import Segments

ROOM = 1 << 20


def line(number: int, size: int = 0) -> bytes:
    """An event."""
    return json.dumps({"event": "request", "n": number, "pad": "x" * size}).encode() + b"\n"


def numbers(spool: Spool) -> list[int]:
    """Take everything that waits, as a sender would."""
    found: list[int] = []
    while (batch := spool.batch()) is not None:
        found += [json.loads(each)["n"] for each in spool.lines(batch) if b'"n"' in each]
        spool.stored(batch)
    return found


def test_oldest_first_each_once(tmp_path: Path) -> None:
    """Lines come in the order of their segments, each once, also those that are written later."""
    spool = Spool(tmp_path, ROOM)
    one, two = Segments(tmp_path), Segments(tmp_path)
    one.write(line(1) + line(2))
    two.write(line(3))
    assert numbers(spool) == [1, 2, 3]
    assert numbers(spool) == []
    one.write(line(4))
    assert numbers(spool) == [4]
    one.close()
    two.close()


def test_segments_go_when_their_writer_did(tmp_path: Path) -> None:
    """A segment that somebody writes stays; one that nobody writes goes once it was sent."""
    spool = Spool(tmp_path, ROOM)
    writer = Segments(tmp_path)
    writer.write(line(1))
    assert numbers(spool) == [1]
    assert list(tmp_path.glob("*.events"))
    writer.close()
    assert numbers(spool) == []
    assert not list(tmp_path.glob("*.events"))
    assert json.loads((tmp_path / "cursor.json").read_text())["sent"] == {}


def test_the_same_bytes_under_the_same_id(tmp_path: Path) -> None:
    """Whoever begins anew finds the batch that was under way: the same id, the same lines, whatever came since."""
    writer = Segments(tmp_path)
    writer.write(line(1) + line(2))
    first = Spool(tmp_path, ROOM)
    batch = first.batch()
    assert batch is not None
    lines = first.lines(batch)
    writer.write(line(3))
    again = Spool(tmp_path, ROOM)
    assert again.batch() == batch
    assert again.lines(batch) == lines
    again.stored(batch)
    assert numbers(again) == [3]
    writer.close()


def test_half_a_line_waits_or_is_counted(tmp_path: Path) -> None:
    """A line without its end is not sent while its writer lives; of a killed writer it is dropped and counted."""
    spool = Spool(tmp_path, ROOM)
    writer = Segments(tmp_path)
    writer.write(line(1) + b'{"event":"requ')
    assert numbers(spool) == [1]
    writer.close()
    batch = spool.batch()
    assert batch is not None
    assert [json.loads(each) for each in spool.lines(batch)] == [{"event": "events_dropped", "count": 1}]
    spool.close()


def test_a_refused_batch_is_counted_once(tmp_path: Path) -> None:
    """What is refused is counted, also what it counted itself, and told behind the first batch that is taken; a control
    plane that refuses everything is not told again and again."""
    spool = Spool(tmp_path, ROOM)
    writer = Segments(tmp_path)
    writer.write(line(1) + line(2) + b'{"event":"events_dropped","count":40}\n')
    batch = spool.batch()
    assert batch is not None
    assert spool.refused(batch) == 42
    assert spool.batch() is None
    writer.write(line(3))
    again = Spool(tmp_path, ROOM)
    batch = again.batch()
    assert batch is not None
    assert [json.loads(each).get("n") for each in again.lines(batch)] == [3]
    again.stored(batch)
    batch = again.batch()
    assert batch is not None
    assert [json.loads(each) for each in again.lines(batch)] == [{"event": "events_dropped", "count": 42}]
    again.stored(batch)
    assert again.batch() is None
    again.close()
    spool.close()
    writer.close()


def test_batches_have_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch holds whole lines of at most so many bytes, and one line when that is longer."""
    monkeypatch.setattr(spools, "MOST_BYTES", 1000)
    writer = Segments(tmp_path)
    writer.write(b"".join(line(number, 100) for number in range(30)) + line(30, 5000) + line(31))
    spool = Spool(tmp_path, ROOM)
    sizes, found = [], []
    while (batch := spool.batch()) is not None:
        sizes.append(sum(piece.end - piece.start for piece in batch.pieces))
        found += [json.loads(each)["n"] for each in spool.lines(batch)]
        spool.stored(batch)
    assert found == list(range(32))
    assert sorted(sizes)[-2] <= 1000
    writer.close()


def test_a_full_spool_drops_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its size the oldest segments go, what was already sent of them is not counted, and the count is told."""
    monkeypatch.setattr(segments, "SEGMENT", 1000)
    writer = Segments(tmp_path)
    for number in range(40):
        writer.write(line(number, 200))
    spool = Spool(tmp_path, 4000)
    dropped = spool.trim()
    assert 20 <= dropped <= 30
    assert sum(path.stat().st_size for path in tmp_path.glob("*.events")) <= 4000 + 100
    assert spool.trim() == 0
    found = numbers(spool)
    assert found == list(range(dropped, 40))
    writer.close()
    spool.close()


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails in the middle leaves the segment as it was."""
    writer = Segments(tmp_path)
    writer.write(line(1))
    real, calls = os.write, []

    def full(file: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(file, data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="space"):
            writer.write(line(2))
    writer.write(line(3))
    assert numbers(Spool(tmp_path, ROOM)) == [1, 3]
    writer.close()


def test_a_new_segment_is_never_taken_for_an_old_one(tmp_path: Path) -> None:
    """An empty segment that is being written stays."""
    writer = Segments(tmp_path)
    spool = Spool(tmp_path, ROOM)
    assert spool.batch() is None
    assert len(list(tmp_path.glob("*.events"))) == 1
    writer.write(line(1))
    assert numbers(spool) == [1]
    writer.close()
