"""Runs planes until a signal ends them. Owns: signals, who is started again, the order of the end.

What planes tell is passed on to whoever put them together; that one says what is begun when, and what cannot go on.
"""

import selectors
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

from stationmaster.notify import Notifier
from stationmaster.running.plane import Plane

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_ROUND = 0.1           # seconds between two looks
AT_ONCE = 8.0          # seconds for everything to end by itself, after a second signal

Say = Callable[[str], None]
Told = Callable[[Plane, Mapping[str, Any]], None]
Fatal = Callable[[Plane], bool]


class Supervisor:
    """`stages`: the planes, in the order in which they end; those of a stage end together. `told` hears what they tell, and
    {"event": "ready"} of each that serves. `fatal` says of one that ended before it ever served whether all is over."""

    def __init__(
        self, stages: Sequence[Sequence[Plane]], say: Say, told: Told, fatal: Fatal, *, hangup_ends: bool = False,
        notifier: Notifier | None = None,
    ) -> None:
        self._notifier = notifier or Notifier({})      # whom a service manager hears of us by
        self._stages = stages
        self._planes = [plane for stage in stages for plane in stage]
        self._say, self._told, self._fatal = say, told, fatal
        self._enders = {signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if hangup_ends else [])}
        self._stopping: set[Plane] = set()
        self._wanted: set[Plane] = set()
        self._signals = 0
        self._limit = float("inf")
        self._code = 0
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)

    def begin(self, plane: Plane) -> None:
        """Start a plane, and keep it running from now on."""
        if plane not in self._wanted and not self._signals:
            self._wanted.add(plane)
            plane.start()

    def end(self, code: int = 0) -> None:
        """End everything in order; `code` is what `run` returns."""
        self._code = self._code or code
        self._signals = max(self._signals, 1)

    def run(self, first: Sequence[Plane]) -> int:
        """Begin with `first`; return the exit code when everything has ended."""
        previous = {number: signal.signal(number, _ignore) for number in _SIGNALS}
        fd = signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        try:
            for plane in first:
                self.begin(plane)
            while not self._over():
                self._round()
        finally:
            for plane in self._planes:
                plane.close()
            signal.set_wakeup_fd(fd)
            for number, handler in previous.items():
                signal.signal(number, handler)
            self._wake_read.close()
            self._wake_write.close()
        return self._code

    def _over(self) -> bool:
        return self._signals > 0 and not any(plane.running for plane in self._planes)

    def _round(self) -> None:
        self._notifier.alive()
        self._wait()
        for plane in self._planes:
            self._hear(plane)
            if (code := plane.ended()) is not None:
                self._on_end(plane, code)
        if self._signals:
            self._stop()
        else:
            for plane in self._wanted:
                if plane.due():
                    plane.start()

    def _wait(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            for plane in self._planes:
                if plane.fileno() >= 0:
                    selector.register(plane.fileno(), selectors.EVENT_READ)
            selector.select(_ROUND)
        try:
            for number in self._wake_read.recv(256):
                self._on_signal(number)
        except BlockingIOError:
            pass

    def _hear(self, plane: Plane) -> None:
        was = plane.ready
        for news in plane.hear():
            if news["event"] == "ready":
                plane.serves()
            else:
                self._told(plane, news)
        if not self._signals:
            plane.look()
        if plane.ready and not was:
            self._told(plane, {"event": "ready"})

    def _on_end(self, plane: Plane, code: int) -> None:
        if self._signals:
            return
        if not plane.was_ready and self._fatal(plane):
            self.end(code if code > 0 else 1)
            return
        self._say(f"{plane.name} ended with {code}; starting it again")

    def _on_signal(self, number: int) -> None:
        if number in self._enders:
            self._signals += 1
            self._notifier.stopping()
            if self._signals == 2:
                self._limit = time.monotonic() + AT_ONCE
                for plane in self._planes:
                    self._stopping.add(plane)
                    plane.signal(signal.SIGTERM)
        elif number == signal.SIGHUP:
            self._notifier.reloading()
            for plane in self._planes:
                if plane.reloads and plane.ready:
                    plane.signal(number)
            self._notifier.ready()      # they go on serving while they look

    def _stop(self) -> None:
        """Tell the first stage that still runs to end; the next ones have to wait for it."""
        running = next(([plane for plane in stage if plane.running] for stage in self._stages
                        if any(plane.running for plane in stage)), [])  # fmt: skip
        for plane in running:
            if plane not in self._stopping:
                self._stopping.add(plane)
                plane.signal(signal.SIGTERM)
        if time.monotonic() > self._limit:
            for plane in self._planes:
                plane.kill()


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """The wake-up descriptor carries the signal; a handler must exist for it to be written."""
