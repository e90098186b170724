"""One Stationmaster a data folder. Owns: that, and waiting for a predecessor that is about to end."""

import fcntl
import os
import time
from pathlib import Path

from stationmaster.cli.talk import say
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr
from stationmaster.running import places

_OURS = "up.lock"
_GATEWAYS = "gateway/lock"     # made and held by the gateway itself
LEAVE = 20.0                   # seconds for one that was killed: its processes finish what is open for a while


def wait(folder: Path) -> None:
    """Return when nobody runs over `folder`. Raises `StationmasterError` when somebody stays. Makes nothing."""
    end, told = time.monotonic() + LEAVE, False
    while any(map(_is_held, (folder / _OURS, folder / _GATEWAYS))):
        if time.monotonic() > end:
            raise _running(folder)
        if not told:
            told = True
            say(tr("Another Stationmaster runs over {folder}; waiting {seconds} s for it to end",
                   folder=folder, seconds=round(LEAVE)))  # fmt: skip
        time.sleep(0.1)


def take(folder: Path) -> int:
    """Keep others out for as long as the descriptor is open; a new folder is its owner's alone. Raises
    `StationmasterError`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / _OURS, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise _running(folder) from None
    return lock


def _is_held(path: Path) -> bool:
    try:
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:      # not there yet; or not ours to open, which whoever needs it will say
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(lock)


def _running(folder: Path) -> StationmasterError:
    process = places.found(folder).get("process")
    who = f" (process {process})" if process else ""
    return StationmasterError(
        "error.up.running", f"Stationmaster runs already over {folder}{who}", fault="operator",
        hint="end that one, or name another folder with --data",
    )
