"""Events on their way to the control plane: read from the segments that workers write (`server.segments`), taken in
batches, let go of once they are stored. Owns the segments' end, and the cursor: what was sent, and what is under way.

A batch is a list of byte ranges with an id, and is written down before it is sent: whoever is killed in between sends
the same bytes under the same id again, and the control plane stores them once. What does not fit into `most` bytes is
dropped with the oldest segment first, counted, and told as an `events_dropped` event.
"""

import contextlib
import fcntl
import os
import uuid
from pathlib import Path

import msgspec

from stationmaster.gateway.core.events import encode_dropped
from stationmaster.gateway.server.segments import ENDING, Segments

MOST_BYTES = 1024 * 1024   # of lines in one batch
CURSOR = "cursor.json"


class Piece(msgspec.Struct, frozen=True):
    """A byte range of a segment, of whole lines."""

    segment: str
    start: int
    end: int


class Batch(msgspec.Struct, frozen=True):
    """What is sent at once, and the id under which it is stored once."""

    id: str
    pieces: tuple[Piece, ...]


class _Missing(msgspec.Struct):
    count: int


class _Cursor(msgspec.Struct):
    """What was stored of each segment, the batch that may have been, and how many events went that nobody was told of."""

    sent: dict[str, int] = {}
    under_way: Batch | None = None
    dropped: int = 0


class Spool:
    """One gateway's spool. `batch`, send it, `stored`; `trim` now and then."""

    def __init__(self, folder: Path, most: int) -> None:
        """Raises OSError when the folder cannot be used."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._most = most
        self._cursor = self._load()
        self._own: Segments | None = None      # for what we have to tell ourselves
        self._refused = False                  # the last batch was

    def _load(self) -> _Cursor:
        try:
            return msgspec.json.decode((self._folder / CURSOR).read_bytes(), type=_Cursor)
        except (FileNotFoundError, msgspec.DecodeError):
            return _Cursor()

    def _save(self) -> None:
        draft = self._folder / f"{CURSOR}.new"
        with draft.open("wb") as file:
            file.write(msgspec.json.encode(self._cursor))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._folder / CURSOR)

    # Sending.

    def batch(self) -> Batch | None:
        """The batch that is under way, or another one of the oldest lines. None: nothing waits. Raises OSError."""
        if self._cursor.under_way is None:
            pieces = self._next_pieces()
            if not pieces and self._cursor.dropped and not self._refused:
                self._tell_dropped()
                pieces = self._next_pieces()
            if not pieces:
                return None
            self._cursor.under_way = Batch(str(uuid.uuid4()), pieces)
            self._save()
        return self._cursor.under_way

    def _next_pieces(self) -> tuple[Piece, ...]:
        pieces: list[Piece] = []
        room = MOST_BYTES
        for segment in self._segments():
            start = self._cursor.sent.get(segment.name, 0)
            size = _whole_lines(segment, start, room)
            if size:
                pieces.append(Piece(segment.name, start, start + size))
                room -= size
            elif _is_left(segment):
                self._finish(segment, start)
            if room <= 0:
                break
        return tuple(pieces)

    def _finish(self, segment: Path, start: int) -> None:
        """Its writer is gone, and all whole lines are stored: let go of it."""
        if segment.stat().st_size > start:     # the writer was killed in the middle of a line
            self._cursor.dropped += 1
        self._remove(segment)

    def lines(self, batch: Batch) -> list[bytes]:
        """The lines of a batch. Raises OSError."""
        found: list[bytes] = []
        for piece in batch.pieces:
            with contextlib.suppress(FileNotFoundError), (self._folder / piece.segment).open("rb") as file:
                file.seek(piece.start)
                found += file.read(piece.end - piece.start).splitlines()
        return found

    def stored(self, batch: Batch) -> None:
        """The control plane has it. Raises OSError."""
        self._refused = False
        self._done(batch)

    def refused(self, batch: Batch) -> int:
        """The control plane will never take it. Returns how many events are lost. Raises OSError."""
        lost = sum(map(_events_in, self.lines(batch)))
        self._cursor.dropped += lost
        self._refused = True       # no use in telling it that before it takes something
        self._done(batch)
        return lost

    def _done(self, batch: Batch) -> None:
        self._cursor.sent.update({piece.segment: piece.end for piece in batch.pieces})
        self._cursor.under_way = None
        self._save()

    # Bounds.

    def trim(self) -> int:
        """Drop the oldest segments until the rest fits. Returns how many events went. Raises OSError."""
        segments = self._segments()
        excess = sum(segment.stat().st_size for segment in segments) - self._most
        busy = {piece.segment for piece in self._cursor.under_way.pieces} if self._cursor.under_way is not None else set()
        dropped = 0
        for segment in segments:
            if excess <= 0:
                break
            if segment.name not in busy and _is_left(segment):
                excess -= segment.stat().st_size
                dropped += self._count(segment)
                self._remove(segment)
        if dropped:
            self._cursor.dropped += dropped
            self._save()
        return dropped

    def _count(self, segment: Path) -> int:
        with segment.open("rb") as file:
            file.seek(self._cursor.sent.get(segment.name, 0))
            return sum(map(_events_in, file))

    def _tell_dropped(self) -> None:
        if self._own is None:
            self._own = Segments(self._folder)
        self._own.write(encode_dropped(self._cursor.dropped))
        self._cursor.dropped = 0

    def _remove(self, segment: Path) -> None:
        segment.unlink()
        if self._cursor.sent.pop(segment.name, None) is not None:
            self._save()

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{ENDING}"))

    def close(self) -> None:
        """Write no more."""
        if self._own is not None:
            self._own.close()
            self._own = None


def _events_in(line: bytes) -> int:
    """How many events a line stands for: one, or those that it says are missing."""
    if b'"events_dropped"' not in line:
        return 1
    try:
        return msgspec.json.decode(line, type=_Missing).count
    except msgspec.DecodeError:
        return 1


def _whole_lines(segment: Path, start: int, room: int) -> int:
    """How many bytes of whole lines stand behind `start`, at most `room`; one line may be longer."""
    with segment.open("rb") as file:
        file.seek(start)
        data = file.read(room)
        end = data.rfind(b"\n") + 1
        if end or len(data) < room:
            return end
        return len(data) + len(file.readline())


def _is_left(segment: Path) -> bool:
    """Whether nobody writes it any more."""
    with segment.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
