"""Writes one JSON line a request, off the loop's thread. Owns: the file or pipe, and a bounded backlog: a
reader that stalls costs events (counted), never requests."""

import os
import queue
import stat
import threading
from pathlib import Path

from stationmaster.gateway.core.events import Event, encode_all, encode_dropped
from stationmaster.gateway.core.health import Transition

MAX_BACKLOG = 200          # batches; a batch is what one tick of the worker gathered
_PIPE_ATOMIC = 4096        # bytes a pipe takes in one piece, so that workers' lines do not mix (POSIX PIPE_BUF)


class EventLog:
    """`add` from the loop, `flush` from its tick, `close` at the end."""

    def __init__(self, path: Path | None) -> None:
        """Append to `path`, or write to stdout. Raises OSError."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o640) if path else os.dup(1)
        self._is_pipe = stat.S_ISFIFO(os.fstat(self._file).st_mode)
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
            try:
                lines = encode_all(batch)
                if self._dropped:
                    lines += encode_dropped(self._dropped)
                self._write(lines)
                self._dropped = 0
            except (OSError, ValueError):   # a full disk; a value that JSON cannot hold
                self._dropped += len(batch)
        os.close(self._file)

    def _write(self, lines: bytes) -> None:
        at = 0
        while at < len(lines):
            end = len(lines)
            if self._is_pipe and end - at > _PIPE_ATOMIC:
                end = (lines.rfind(b"\n", at, at + _PIPE_ATOMIC) + 1) or (lines.find(b"\n", at) + 1)
            at += os.write(self._file, lines[at:end])
