"""One gateway to a state file. Owns the lock beside it, which ends with the process that holds it, however it ends."""

import contextlib
import fcntl
import os
from pathlib import Path

from stationmaster.errors import StationmasterError

_LONGEST = 20              # digits of a process id, and more


class StateLock:
    """Holds `<state_file>.lock` until `close`; without a state file, nothing. The file stays: who removes one that is
    locked lets the next start lock another of that name."""

    def __init__(self, state_file: str) -> None:
        """Raises StationmasterError when another process holds it, or it cannot be had."""
        self._file: int | None = None
        if not state_file:
            return
        path = Path(f"{state_file}.lock")
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.truncate(self._file, 0)
            os.pwrite(self._file, b"%d\n" % os.getpid(), 0)
        except OSError as error:
            refused = _held(state_file, self._holder()) if isinstance(error, BlockingIOError) else _unusable(path, error)
            self.close()
            raise refused from error

    def _holder(self) -> str:
        """Who holds it, as far as that is written there."""
        with contextlib.suppress(OSError):
            text = os.pread(self._file, _LONGEST, 0).strip() if self._file is not None else b""
            return f" (process {int(text)})" if text.isdigit() else ""
        return ""

    def close(self) -> None:
        """Let another have it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _held(state_file: str, holder: str) -> StationmasterError:
    return StationmasterError(
        "error.gateway.state", f"Another running gateway{holder} keeps its state in {state_file}.",
        hint="Stop it first, or give each gateway a state_file of its own: together they would lose what was spent.",
    )


def _unusable(path: Path, error: OSError) -> StationmasterError:
    return StationmasterError(
        "error.gateway.state", f"Cannot lock {path}: {error.strerror}.",
        hint="Name a state_file in a folder that exists and may be written to.",
    )
