"""Appends lines to segments: files of bounded size in a folder, in which they wait to be sent on. Owns: a segment's
name, who writes it, when the next begins. Who sends and removes them is not known here (`link.spool`).

A segment is written by one process only, which holds a lock on it for so long. Names sort by age.
"""

import fcntl
import os
import time
from pathlib import Path

SEGMENT = 4 * 1024 * 1024  # bytes after which another begins
ENDING = ".events"


class Segments:
    """One process's segments: `write`, and `close` at the end."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError when nothing can be written there."""
        self._folder = folder
        self._file, self._size = self._begin(), 0

    def _begin(self) -> int:
        """Open another segment. It gets its name once it is locked, so that nobody takes it for one left behind."""
        name = f"{time.time_ns():016x}-{os.getpid()}-{os.urandom(3).hex()}"
        draft = self._folder / f"{name}.new"
        file = os.open(draft, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        draft.rename(self._folder / f"{name}{ENDING}")
        return file

    def write(self, lines: bytes) -> None:
        """Append whole lines. Raises OSError and leaves no part of them when they do not all fit."""
        if self._size and self._size + len(lines) > SEGMENT:
            file = self._begin()
            os.close(self._file)
            self._file, self._size = file, 0
        try:
            at = 0
            while at < len(lines):
                at += os.write(self._file, lines[at:])
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(lines)

    def close(self) -> None:
        """Write no more."""
        os.close(self._file)
