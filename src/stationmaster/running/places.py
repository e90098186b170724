"""Where what runs over a data folder can be reached: a file there, for commands that are run beside it.

Owns that file, and that it is believed only while whoever wrote it lives: its ports may have come from the command line, so
that nobody else can know them. Holds no secret.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

FILE: Final = "running.json"
_MOST = 65_536      # bytes


def leave(folder: Path, places: Mapping[str, Any]) -> int | None:
    """Write `places` (a setting's name → its value) down, and return a descriptor: they hold as long as it is open. None
    where another process over the same folder was first, or the folder cannot be written to; that stops nobody."""
    try:
        descriptor = os.open(folder / FILE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({**places, "process": os.getpid()}).encode(), 0)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def found(folder: Path) -> Mapping[str, Any]:
    """What was left by a process that runs; nothing when none does. `process`: its id."""
    try:
        descriptor = os.open(folder / FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return {}
    try:
        return {} if _is_free(descriptor) else _read(descriptor)
    finally:
        os.close(descriptor)


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(descriptor: int) -> Mapping[str, Any]:
    try:
        told = json.loads(os.pread(descriptor, _MOST, 0))
    except ValueError:      # it is being written
        return {}
    return told if isinstance(told, dict) else {}
