"""The gateway's parent process: binds the socket, starts workers, replaces dead ones, reloads, stops.

Owns: processes and signals. Serves nothing itself; every worker accepts from the one inherited socket, so
no connection is lost when a worker goes (docs/decisions/0004-processes.md).
"""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

from stationmaster.errors import StationmasterError
from stationmaster.gateway.core.snapshot import Settings, Snapshot
from stationmaster.gateway.server import channel as channels
from stationmaster.gateway.server.dial import tls_context
from stationmaster.gateway.server.proxies import from_environ
from stationmaster.gateway.server.steward import Steward
from stationmaster.gateway.server.worker import BACKLOG

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_START_TIMEOUT = 30.0      # seconds for a worker to say that it serves
_ROUND = 0.2               # seconds between two looks at what workers tell
_RESPAWN_PAUSE = 0.2       # seconds; doubles up to 2 while workers die young


class _Child:
    """One worker process and our end of its channel."""

    def __init__(
        self, listener: socket.socket, events: Path | None, snapshot: Snapshot, steward: Steward, *, probes: bool
    ) -> None:
        self.probes = probes       # one of the workers asks vendors whether the credentials work
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                [sys.executable, "-m", "stationmaster.gateway.server.process", str(listener.fileno()),
                 str(theirs.fileno()), str(events) if events else "-", *(["probes"] if probes else [])],
                pass_fds=(listener.fileno(), theirs.fileno()),
                stdin=subprocess.DEVNULL,
            )
        self.name = str(self.process.pid)
        self.line = channels.Line(ours)
        self.line.send_snapshot(snapshot)
        self.line.send_news(steward.welcome(self.name))   # it knows what was spent before it serves

    def wait_ready(self) -> bool:
        """Whether the worker serves within the time a start may take."""
        return self.line.wait(_START_TIMEOUT) == channels.READY

    def close(self) -> None:
        """Wait for the process and let go of the channel."""
        self.process.wait()
        self.line.close()


class Supervisor:
    """Runs until a signal ends it. `say` takes one line for people, `load` reads the configuration anew."""

    def __init__(self, load: Callable[[], Snapshot], events: Path | None, say: Callable[[str], None]) -> None:
        self._load = load
        self._events = events
        self._say = say
        check_environment(os.environ)
        self._snapshot = load()
        check_bundle(self._snapshot.settings)
        check_events(events)
        self._runs = _fixed(self._snapshot.settings)
        self._steward = Steward(self._snapshot, say)
        self._children: list[_Child] = []
        self._stopping = False
        self._pause = _RESPAWN_PAUSE
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_write.setblocking(False)

    def run(self) -> int:
        """Bind, start, supervise. Returns the exit code. Raises StationmasterError when it cannot start."""
        settings = self._snapshot.settings
        self._listener = bind(settings)
        with self._wake_read, self._wake_write, self._listener as listener:
            previous = {number: signal.signal(number, _ignore) for number in _SIGNALS}
            fd = signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
            try:
                self._start_all(listener, settings)
                self._supervise(listener)
            finally:
                self._end_all()
                self._steward.close()
                signal.set_wakeup_fd(fd)
                for number, handler in previous.items():
                    signal.signal(number, handler)
        self._say("gateway ended")
        return 0

    def _start_all(self, listener: socket.socket, settings: Settings) -> None:
        self._children = [
            _Child(listener, self._events, self._snapshot, self._steward, probes=not slot)
            for slot in range(settings.workers)
        ]
        ready = [child.wait_ready() for child in self._children]
        if not all(ready):
            raise StationmasterError("error.gateway.start", "A worker did not start.",
                                     hint="Its own message stands above.", who="us")
        host, port = listener.getsockname()[:2]
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        metrics = self._steward.metrics_port
        shown = f", metrics on http://127.0.0.1:{metrics}/metrics" if metrics else ""
        self._say(f"gateway listens on http://{place} with {settings.workers} worker(s), process {os.getpid()}{shown}")

    def _supervise(self, listener: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            while self._children:
                self._watch(selector)
                if self._wake_read in [key.fileobj for key, _ in selector.select(timeout=_ROUND)]:
                    for number in self._wake_read.recv(256):
                        self._on_signal(number)
                self._pass_on()
                self._reap(listener)

    def _watch(self, selector: selectors.BaseSelector) -> None:
        """Wake as well when a worker tells something; one that hung up has nothing more to tell."""
        lines = {child.line.socket for child in self._children if not child.line.ended}
        known = {key.fileobj for key in selector.get_map().values()} - {self._wake_read}
        for gone in known - lines:
            selector.unregister(gone)
        for line in lines - known:
            selector.register(line, selectors.EVENT_READ)

    def _pass_on(self) -> None:
        """Let the workers hear of each other."""
        for child in self._children:
            self._steward.take(child.name, child.line.receive())
        self._steward.look()
        for child in self._children:
            with contextlib.suppress(OSError):  # a worker that just died is replaced in a moment
                news = self._steward.news(child.name)
                child.line.send_news(news) if news else child.line.flush()

    def _on_signal(self, number: int) -> None:
        if number == signal.SIGHUP and not self._stopping:
            self._reload()
        elif number in (signal.SIGTERM, signal.SIGINT):
            longest = f"for at most {self._snapshot.settings.drain_seconds:g} s"
            self._say(f"gateway finishes what is open, {longest}; a second signal ends it at once" if not self._stopping
                      else "gateway ends at once")
            self._stopping = True
            self._listener.close()     # ours too: who connects now is refused, not left waiting
            for child in self._children:
                child.process.terminate()

    def _reload(self) -> None:
        """Read the file again. A bad one changes nothing."""
        try:
            snapshot = self._load()
            check_bundle(snapshot.settings)
        except StationmasterError as error:
            self._say(f"configuration kept, the new one is refused:\n{error}")
            return
        if _fixed(snapshot.settings) != self._runs:
            self._say("host, port, workers, metrics_port and state_file change at the next start only")
        self._snapshot = snapshot
        for child in self._children:
            with contextlib.suppress(OSError):  # a worker that just died gets it when it is replaced
                child.line.send_snapshot(snapshot)
        self._steward.apply(snapshot)
        self._say("configuration reloaded")

    def _reap(self, listener: socket.socket) -> None:
        """Let go of workers that ended; replace them unless we are stopping."""
        for child in [child for child in self._children if child.process.poll() is not None]:
            self._children.remove(child)
            self._steward.take(child.name, child.line.receive())
            self._steward.leave(child.name)
            child.close()
            if self._stopping:
                continue
            self._say(f"worker {child.process.pid} ended with {child.process.returncode}; starting another")
            replacement = _Child(listener, self._events, self._snapshot, self._steward, probes=child.probes)
            self._children.append(replacement)
            ready = replacement.wait_ready()
            self._pause = _RESPAWN_PAUSE if ready else min(self._pause * 2, 2.0)
            if self._pause > _RESPAWN_PAUSE:
                time.sleep(self._pause)

    def _end_all(self) -> None:
        for child in self._children:
            child.process.kill()
            child.close()
        self._children = []


def _fixed(settings: Settings) -> tuple[object, ...]:
    """What cannot change while the gateway runs."""
    return settings.host, settings.port, settings.workers, settings.metrics_port, settings.state_file


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """The wake-up descriptor carries the signal; a handler must exist for it to be written."""


def check_environment(environ: Mapping[str, str]) -> None:
    """Refuse proxy settings that no worker could use. Raises StationmasterError, which names no value."""
    try:
        from_environ(environ)
    except ValueError:
        raise StationmasterError(
            "error.gateway.proxy", "HTTPS_PROXY is no http:// address.",
            hint="Write http://host:port; escape / @ and : in a user name or password.",
        ) from None


def check_bundle(settings: Settings) -> None:
    """Refuse a `ca_bundle` that cannot be loaded. Raises StationmasterError."""
    try:
        tls_context(settings.ca_bundle)
    except OSError as error:
        raise StationmasterError(
            "error.gateway.ca_bundle", f"Cannot load the CA bundle {settings.ca_bundle}: {error.strerror or error}.",
            hint="It is a PEM file of certificates.",
        ) from error


def check_events(events: Path | None) -> None:
    """Refuse an events file that cannot be appended to. Raises StationmasterError."""
    try:
        if events is not None:
            events.open("ab").close()
    except OSError as error:
        raise StationmasterError(
            "error.gateway.events", f"Cannot write events to {events}: {error.strerror}.",
            hint="Name a file in a folder that exists and may be written to.",
        ) from error


def bind(settings: Settings) -> socket.socket:
    """The listening socket. Raises StationmasterError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StationmasterError(
            "error.gateway.bind", f"Cannot listen on {settings.host}:{settings.port}: {os.strerror(error.errno or 0)}.",
            hint="Choose another --port, or end what uses it.",
        ) from error
    return listener


def run(load: Callable[[], Snapshot], *, config: Path, events: Path | None, log_level: str) -> int:
    """Run a gateway until SIGTERM or SIGINT; SIGHUP reads `config` again through `load`.

    Raises StationmasterError (ConfigError among them) before anything listens.
    """

    def say(line: str) -> None:
        print(f"stationmaster: {line}", file=sys.stderr, flush=True)

    if log_level == "debug":
        say(f"configuration {config}, events to {events or 'stdout'}")
    return Supervisor(load, events, say).run()
