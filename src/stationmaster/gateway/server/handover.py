"""A gateway's supervisor takes another's place without anybody noticing. Owns: what goes along from one to the next.

On SIGUSR2 the supervisor becomes a new one: the same process, begun anew from what is installed now (`exec`). The listening
socket and the channels of its workers stay open meanwhile, so that the old workers serve on. Once the new ones serve, the old
ones are told to retire, and what they tell until they end is heard (docs/decisions/0027-restarts.md).
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Final

from stationmaster.errors import StationmasterError

VARIABLE: Final = "STATIONMASTER_HANDOVER"      # descriptors and process ids; set by ourselves, for ourselves
_PATIENCE: Final = 60.0                         # seconds for what is installed to say that it can be started


@dataclass(frozen=True)
class Place:
    """A worker that goes on: its process id, and the descriptor of our end of its channel."""

    process: int
    channel: int


@dataclass(frozen=True)
class Handed:
    """What one supervisor leaves to the next: the descriptor of the listening socket, and the workers that serve."""

    listener: int
    workers: tuple[Place, ...]

    def text(self) -> str:
        """As a value of the environment: numbers only."""
        return " ".join([str(self.listener), *(f"{each.process}:{each.channel}" for each in self.workers)])

    @classmethod
    def read(cls, text: str) -> "Handed":
        """The reverse. Raises ValueError for anything else."""
        listener, *workers = text.split()
        pairs = [each.split(":") for each in workers]
        return cls(int(listener), tuple(Place(int(process), int(channel)) for process, channel in pairs))


def taken(environ: MutableMapping[str, str]) -> Handed | None:
    """What a supervisor before this one left, if there was one; said once. Raises ValueError when that is no such thing."""
    text = environ.pop(VARIABLE, "")
    return Handed.read(text) if text else None


def check() -> None:
    """See whether what is installed now can be started at all. Raises StationmasterError when it cannot."""
    try:
        done = subprocess.run([sys.executable, "-c", "import stationmaster.cli.app"], capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=_PATIENCE, check=False)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unable(str(type(error).__name__)) from None
    if done.returncode:
        raise _unable((done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1])


def succeed(handed: Handed, sockets: Iterable[socket.socket], environ: Mapping[str, str]) -> None:
    """Become the next supervisor; returns only when that cannot be, by StationmasterError. Until the next one listens for
    signals, it is not ended by one that asks it to read its file again, or to do this. `environ`: variables that it needs too."""
    for each in sockets:
        os.set_inheritable(each.fileno(), True)
    for number in (signal.SIGHUP, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **environ, VARIABLE: handed.text()})  # noqa: S606
    except OSError as error:
        raise _unable(error.strerror or "it cannot be executed") from None


def _unable(why: str) -> StationmasterError:
    return StationmasterError("error.gateway.restart", f"What is installed cannot be started: {why}.",
                              hint="The gateway goes on as it is. Mend the installation, then send SIGUSR2 again.")  # fmt: skip


class Adopted:
    """A process that the supervisor before started: our child, as it was its. What `subprocess.Popen` has of the same names."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended; None while it has not."""
        if self.returncode is None:
            self._take(os.WNOHANG)
        return self.returncode

    def wait(self) -> int:
        """Wait for its end."""
        while self.returncode is None:
            self._take(0)
        return self.returncode

    def _take(self, how: int) -> None:
        try:
            pid, status = os.waitpid(self.pid, how)
        except ChildProcessError:
            self.returncode = -1
            return
        if pid:
            self.returncode = os.waitstatus_to_exitcode(status)

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Have it finish what is open."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def channel_of(place: Place) -> socket.socket:
    """Our end of a worker's channel, no longer handed on."""
    os.set_inheritable(place.channel, False)
    return socket.socket(fileno=place.channel)


def listener_of(handed: Handed, host: str, port: int) -> socket.socket | None:
    """The listening socket, if it is at this address; else it is closed, once its workers retire."""
    listener = socket.socket(fileno=handed.listener)
    os.set_inheritable(handed.listener, False)
    if listener.getsockname()[:2] == (host, port):
        return listener
    listener.close()
    return None
