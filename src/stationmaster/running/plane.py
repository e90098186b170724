"""One of the processes that run together. Owns: its start, what it tells, when it may start again, its end.

It runs in a session of its own: what a terminal sends to its foreground reaches the supervisor alone, which decides.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

SHORTEST, LONGEST = 0.2, 5.0       # seconds before it starts again; doubled while it ends before it is ready
_READ = 65_536

Options = Mapping[str, Any]        # plain JSON values; no secrets, since others see a command line


class Plane:
    """`python -m module OPTIONS`, again and again. `options` makes them, given how often it was started before; `probe`
    tells whether it serves, where it does not tell so itself; `fds` are open descriptors that it inherits; variables that
    begin with `without` it does not, and those of `more` it has beside."""

    def __init__(
        self, name: str, module: str, options: Callable[[int], Options], *, probe: Callable[[], bool] | None = None,
        fds: Sequence[int] = (), reloads: bool = False, without: str = "", more: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.name, self.reloads = name, reloads
        self._module, self._options, self._probe, self._fds = module, options, probe, tuple(fds)
        self._without, self._more = without, more
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._heard = b""
        self._starts = 0
        self._pause = SHORTEST
        self._due = 0.0
        self.ready = False           # it serves now
        self.was_ready = False       # it did once

    def start(self) -> None:
        """Start it."""
        self._hang_up()
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", "-m", self._module, json.dumps(self._options(self._starts))]
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and modules
                command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, pass_fds=self._fds, start_new_session=True,
                env=self._environment(),
            )
        ours.setblocking(False)
        self._line, self._heard, self.ready = ours, b"", False
        self._starts += 1

    def _environment(self) -> dict[str, str]:
        kept = os.environ.items()
        return {name: value for name, value in kept if not self._without or not name.startswith(self._without)} | {**self._more()}

    @property
    def running(self) -> bool:
        """Whether there is a process, or was one whose end nobody has looked at."""
        return self._process is not None

    def due(self) -> bool:
        """Whether it may be started again by now."""
        return not self.running and self._starts > 0 and time.monotonic() >= self._due

    def fileno(self) -> int:
        """A descriptor that is readable when it told something."""
        return -1 if self._line is None else self._line.fileno()

    def hear(self) -> Iterator[Mapping[str, Any]]:
        """What it told since."""
        while self._line is not None:
            try:
                piece = self._line.recv(_READ)
            except OSError:            # nothing more for now
                break
            self._heard += piece
            if not piece:
                self._hang_up()
        *whole, self._heard = self._heard.split(b"\n")
        for line in whole:
            yield json.loads(line)

    def look(self) -> None:
        """Ask whether it serves, if it is one that has to be asked."""
        if self.running and not self.ready and self._probe is not None and self._probe():
            self.serves()

    def serves(self) -> None:
        """It serves: its next end will not be held against it."""
        self.ready = self.was_ready = True
        self._pause = SHORTEST

    def ended(self) -> int | None:
        """Its exit code, once after each end."""
        code = None if self._process is None else self._process.poll()
        if code is None:
            return None
        self._due = time.monotonic() + self._pause
        if not self.ready:
            self._pause = min(self._pause * 2, LONGEST)
        self._process, self.ready = None, False
        return code

    def signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it and its own children, and wait for it."""
        if self._process is not None:
            with suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def close(self) -> None:
        """Let go of everything."""
        self.kill()
        self._process = None
        self._hang_up()

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
