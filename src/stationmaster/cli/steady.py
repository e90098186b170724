"""Files that other programs use too. Owns: reading one while nobody writes it, and replacing one whole or not at all.

Locks are `flock`'s, on the file itself, as setups that lock theirs do it; whoever takes no lock is noticed by what their writing
changes. The file that is read is never written.
"""

import fcntl
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from stationmaster.errors import Conflict, StationmasterError

PATIENCE: Final = 10.0      # seconds that another program's lock is waited for
_LOOK: Final = 0.1


@contextmanager
def reading(file: Path, patience: float = PATIENCE) -> Iterator[BinaryIO]:
    """The file, open and locked against writers that lock it; "-" is stdin. Raises `Conflict` when somebody writes it, at the end
    too: then what was read may be half of it."""
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise _unusable(file, error) from None
    with stream:
        _lock(stream, fcntl.LOCK_SH, file, patience)
        before = _seen(stream)
        yield stream
        if _seen(stream) != before:
            raise Conflict("error.import.half", f"{file} was changed while it was read", hint="try again when nobody writes it")


def replace(file: Path, pieces: Iterable[str], patience: float = PATIENCE) -> None:
    """Write a file anew, under its own lock: whoever reads it finds the old one or the new one, whole. It has the old one's
    permissions, a new one is its owner's alone. Raises `Conflict` while another program holds its lock."""
    try:
        with _own(file, patience) as mode:
            _write(file, pieces, mode)
    except OSError as error:
        raise _unusable(file, error) from None


def _write(file: Path, pieces: Iterable[str], mode: int) -> None:
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            for piece in pieces:
                stream.write(piece)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        Path(name).replace(file)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    _sync(file.parent)


@contextmanager
def _own(file: Path, patience: float) -> Iterator[int]:
    """Hold the lock of the file that is there; its permissions. One that was replaced while we waited is another file."""
    end = time.monotonic() + patience
    while True:
        try:
            stream = file.open("rb")
        except FileNotFoundError:
            yield 0o600
            return
        with stream:
            _lock(stream, fcntl.LOCK_EX, file, end - time.monotonic())
            mine, now = os.fstat(stream.fileno()), file.stat() if file.exists() else None
            if now is not None and (mine.st_dev, mine.st_ino) == (now.st_dev, now.st_ino):
                yield mine.st_mode & 0o777
                return


def _lock(stream: BinaryIO, how: int, file: Path, patience: float) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(stream.fileno(), how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                message = f"another program holds the lock of {file}"
                raise Conflict("error.import.locked", message, hint="try again when it is done", retryable=True) from None
            time.sleep(_LOOK)
        else:
            return


def _seen(stream: BinaryIO) -> tuple[int, int]:
    found = os.fstat(stream.fileno())
    return found.st_size, found.st_mtime_ns


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(file: Path, error: OSError) -> StationmasterError:
    return StationmasterError("error.usage.file", f"{file} cannot be used: {error.strerror or type(error).__name__}")
