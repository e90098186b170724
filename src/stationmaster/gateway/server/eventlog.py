"""Writes one JSON line a request, off the loop's thread. Owns: the file or pipe, and a bounded backlog: a
reader that stalls costs events (counted), never requests. For a control plane they go into segments, too."""

import contextlib
import os
import queue
import stat
import threading
from collections.abc import Callable
from pathlib import Path

from stationmaster.gateway.core.events import Event, encode_all, encode_dropped
from stationmaster.gateway.core.health import Transition
from stationmaster.gateway.server.segments import Segments

Batch = list[Event | Transition]

MAX_BACKLOG = 200          # batches; a batch is what one tick of the worker gathered
_PIPE_ATOMIC = 4096        # bytes a pipe takes in one piece, so that workers' lines do not mix (POSIX PIPE_BUF)


class _Sink:
    """One place that lines go to, and how many events it lost since it last said so."""

    def __init__(self, write: Callable[[bytes], None], close: Callable[[], None]) -> None:
        self._write = write
        self.close = close
        self.dropped = 0

    def take(self, lines: bytes, events: int) -> None:
        """Write them, or count them as lost: the disk is full, nobody reads the pipe any more."""
        try:
            self._write(lines + encode_dropped(self.dropped) if self.dropped else lines)
            self.dropped = 0
        except OSError:
            self.dropped += events


class EventLog:
    """`add` from the loop, `flush` from its tick, `close` at the end."""

    def __init__(self, path: Path | None, spool: Path | None = None, also: Callable[[Batch], None] | None = None) -> None:
        """Append to `path`, and to segments in the folder `spool`; without either, write to stdout. `also` sees each batch, from
        the thread that writes. Raises OSError."""
        self._also = also
        self._sinks = [] if spool is None else [_segments(spool)]
        if path is not None or spool is None:
            self._sinks.append(_file(path))
        self._pending: list[Event | Transition] = []
        self._dropped = self._lost = 0
        self._queue: queue.Queue[list[Event | Transition] | None] = queue.Queue(MAX_BACKLOG)
        self._thread = threading.Thread(target=self._write_all, name="events", daemon=True)
        self._thread.start()
        self.add = self._pending.append

    @property
    def pending(self) -> list[Event | Transition]:
        """What was added since the last flush."""
        return self._pending

    def dropped(self) -> int:
        """How many events were lost since this was last asked."""
        lost, self._lost = self._lost, 0
        return lost

    def flush(self) -> None:
        """Hand what was added to the writer; drop and count it when the writer is far behind."""
        if not self._pending:
            return
        batch = self._pending.copy()
        self._pending.clear()
        try:
            self._queue.put_nowait(batch)
        except queue.Full:
            self._dropped += len(batch)
            self._lost += len(batch)

    def close(self, timeout: float = 5.0) -> None:
        """Write what is left, for at most `timeout` seconds."""
        self.flush()
        try:
            self._queue.put(None, timeout=timeout)
        except queue.Full:
            return
        self._thread.join(timeout)

    def _write_all(self) -> None:
        while (batch := self._queue.get()) is not None:
            dropped, self._dropped = self._dropped, 0
            for sink in self._sinks:
                sink.dropped += dropped
            try:
                lines = encode_all(batch)
            except ValueError:   # a value that JSON cannot hold
                self._dropped += len(batch)
                continue
            for sink in self._sinks:
                sink.take(lines, len(batch))
            if self._also is not None:
                self._also(batch)
        for sink in self._sinks:
            sink.close()


def _segments(folder: Path) -> _Sink:
    segments = Segments(folder)
    return _Sink(segments.write, segments.close)


def _file(path: Path | None) -> _Sink:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    file = os.open(path, flags, 0o640) if path else os.dup(1)
    is_pipe = stat.S_ISFIFO(os.fstat(file).st_mode)
    return _Sink(lambda lines: _write(file, lines, whole=is_pipe), lambda: os.close(file))


def _write(file: int, lines: bytes, *, whole: bool) -> None:
    """Write all of it; `whole`: lines in one piece, each. Raises OSError, and then leaves no part of it in a file."""
    at = 0
    try:
        while at < len(lines):
            end = len(lines)
            if whole and end - at > _PIPE_ATOMIC:
                end = (lines.rfind(b"\n", at, at + _PIPE_ATOMIC) + 1) or (lines.find(b"\n", at) + 1)
            at += os.write(file, lines[at:end])
    except OSError:
        with contextlib.suppress(OSError):      # a pipe has no place to go back to
            _take_back(file, at)
        raise


def _take_back(file: int, written: int) -> None:
    """Take away what was just appended, so that no line is cut, unless another worker appended behind it."""
    end = os.lseek(file, 0, os.SEEK_CUR)
    if written and end == os.fstat(file).st_size:
        os.ftruncate(file, end - written)
