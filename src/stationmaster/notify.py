"""What a service tells systemd: that it serves, reloads, ends, lives (sd_notify(3)). Owns that protocol; knows nothing of us.

A datagram to the socket that NOTIFY_SOCKET names, and nothing where it names none. Every call may be made anywhere, any time.
"""

import os
import socket
import time
from collections.abc import MutableMapping

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Notifier:
    """Take it once, early: it takes the variables out of `environ`, so that no child speaks for the service."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        # Kept for a program that takes our place.
        self.environ = {name: environ.pop(name) for name in _VARIABLES if name in environ}
        place, watchdog, process = (self.environ.get(name, "") for name in _VARIABLES)
        self._address = "\0" + place[1:] if place.startswith("@") else place      # "@": Linux's abstract names
        mine = not process or process == str(os.getpid())
        self.every = int(watchdog) / 2_000_000 if watchdog.isdigit() and mine and place else 0.0
        self._due = 0.0

    def ready(self, status: str = "") -> None:
        """It serves: again, behind `reloading`."""
        self._tell("READY=1", f"STATUS={status}" if status else "")

    def reloading(self) -> None:
        """It reads its settings again, since a signal or by itself; `ready` ends that."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str = "") -> None:
        """It begins to end."""
        self._tell("STOPPING=1", f"STATUS={status}" if status else "")

    def alive(self) -> None:
        """It lives. Call it in the loop that is to be watched, at least each `every` seconds: 0 means that nobody watches."""
        now = time.monotonic()
        if self.every and now >= self._due:
            self._due = now + self.every
            self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto("\n".join(filter(None, lines)).encode(), self._address)
        except OSError:      # nobody is there, or reads: nothing that a service could do about it
            return
