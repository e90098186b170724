"""A worker process. Owns: its name, and that a signal ends it in order: what is under way is finished, jobs are handed back."""

import os
import re
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from stationmaster.jobs.engine import engine
from stationmaster.jobs.engine._base import Working
from stationmaster.jobs.housekeeping import Housekeeping

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def name() -> str:
    """What this process is called for good: where it runs, and something that no other ever had."""
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:80] or "here"
    return f"{host}-{os.getpid()}-{secrets.token_hex(4)}"


def work(working: Working, ready: Callable[[], None]) -> int:
    """Run jobs until a signal comes; return the exit code. `ready` is called when it begins to look for them. Only in a
    process's first thread. Raises `StationmasterError` when it cannot work here."""
    with _ending(working.stop):
        chosen = engine()
        chosen.work(working, Housekeeping(working, chosen), ready)
    return 0


@contextmanager
def _ending(stop: threading.Event) -> Iterator[None]:
    """Set `stop` at a signal. In a thread: an event that is waited for in a signal's handler could hold itself up."""
    def end(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=stop.set, daemon=True).start()

    before = {number: signal.signal(number, end) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
