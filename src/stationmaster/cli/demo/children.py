"""The demo's child processes. Owns: starting one, waiting for it, ending it by its own process id."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from stationmaster.cli.talk import say
from stationmaster.errors import StationmasterError

_START = 20.0  # seconds a child has to get ready
_END = 8.0  # seconds a child has to end by itself
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def check_free(port: int, option: str) -> None:
    """Raise when something listens on `port` already."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            message = f"port {port} cannot be listened on: {error.strerror}"
            hint = f"choose another with {option}"
            raise StationmasterError("error.demo.port", message, hint=hint) from None


class Child:
    """One `stationmaster` command running beside us, its output in a file."""

    def __init__(self, noun: str, options: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
        self.noun = noun
        self._log = folder / f"{noun}.log"
        command = [sys.executable, "-m", "stationmaster", noun, *options]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own command
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ
            )

    def wait(self, ready: Callable[[], bool]) -> None:
        """Return once `ready` says so; raise when the child ends first or takes too long."""
        deadline = time.monotonic() + _START
        while not ready():
            self.check_alive()
            if time.monotonic() > deadline:
                raise self._failure(f"the {self.noun} was not ready after {_START:.0f} seconds")
            time.sleep(0.05)
        self.check_alive()

    def check_alive(self) -> None:
        """Raise when the child has ended."""
        if (code := self._process.poll()) is not None:
            raise self._failure(f"the {self.noun} ended with exit code {code}")

    def end(self) -> None:
        """End the child and wait for it, by force if it takes too long."""
        with _undisturbed():
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END)
                return
            self._process.kill()
            self._process.wait()

    def _failure(self, message: str) -> StationmasterError:
        for line in self._log.read_text(errors="replace").splitlines()[-15:]:
            say(f"{self.noun}: {line}")
        return StationmasterError("error.demo.child", message, who="us")


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore Ctrl-C for a while: the children have had it too, and must be waited for."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
