"""The gateway's parent process: binds the socket, starts workers, replaces dead ones, passes configurations on, stops.

Owns: processes and signals. Serves nothing itself; every worker accepts from the one inherited socket, so
no connection is lost when a worker goes (docs/decisions/0004-processes.md). Where configurations come from is a
`Source`'s: a file, or a control plane (docs/decisions/0010-joining.md).
"""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Protocol

from stationmaster.errors import StationmasterError
from stationmaster.gateway.core.records import Configuration, Update, diff, records_of, snapshot_of, whole
from stationmaster.gateway.core.snapshot import Settings, Snapshot
from stationmaster.gateway.core.updates import encode_end, encode_frames
from stationmaster.gateway.server import channel as channels
from stationmaster.gateway.server import handover
from stationmaster.gateway.server.accepting import BACKLOG
from stationmaster.gateway.server.booked import Ledger
from stationmaster.gateway.server.dial import tls_context
from stationmaster.gateway.server.proxies import from_environ
from stationmaster.gateway.server.steward import Steward
from stationmaster.notify import Notifier
from stationmaster.telemetry.config import from_environ as telemetry
from stationmaster.tls.context import Certificates, Material

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD)
_START_TIMEOUT = 30.0      # seconds for a worker to say that it serves
_ROUND = 0.2               # seconds between two looks at what workers tell
_BUSY = 0.005              # the same while a worker has yet to take something
_RESPAWN_PAUSE = 0.2       # seconds; doubles up to 2 while workers die before they serve


class Source(Protocol):
    """Where configurations come from. `ledger`: where what keys spent is kept besides, if anywhere."""

    @property
    def ledger(self) -> Ledger | None:
        """None: on this machine alone."""

    def first(self) -> Configuration:
        """What to serve at first. May wait. Raises StationmasterError."""

    def fileno(self) -> int:
        """A descriptor that is readable when there may be something to `take`; -1: never."""

    def take(self) -> Configuration | None:
        """Another configuration, if one came."""

    def again(self) -> Configuration | None:
        """SIGHUP: look at once. Raises StationmasterError when what is found cannot be used."""

    def show(self, revision: int, workers: int) -> None:
        """Take note of what all workers serve."""

    def close(self) -> None:
        """Nothing is served any more."""


class Files:
    """A file as a source: `load` reads it."""

    ledger = None

    def __init__(self, load: Callable[[], Snapshot]) -> None:
        self._load = load
        self._revision = 0

    def first(self) -> Configuration:
        """Read it."""
        records = records_of(self._load())
        self._revision += 1
        return Configuration(self._revision, records)

    again = first

    def fileno(self) -> int:
        """Files do not call."""
        return -1

    def take(self) -> None:
        """Only a signal makes it read again."""

    def show(self, revision: int, workers: int) -> None:
        """Nobody asks."""

    def close(self) -> None:
        """Nothing is open."""


Watching = Callable[[Path, Path, Callable[[str], None]], Certificates]


class _Child:
    """One worker process and our end of its channel. `tls`: what it shows to clients, if they speak TLS."""

    def __init__(
        self, listener: socket.socket, outputs: list[str], current: Configuration, steward: Steward, tls: Material | None, *,
        probes: bool,
    ) -> None:
        self.probes = probes       # one of the workers asks vendors whether the credentials work
        self.process: subprocess.Popen[bytes] | handover.Adopted
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                [sys.executable, "-m", "stationmaster.gateway.server.process", str(listener.fileno()),
                 str(theirs.fileno()), *outputs, *(["probes"] if probes else []), *(["tls"] if tls else [])],
                pass_fds=(listener.fileno(), theirs.fileno()),
                stdin=subprocess.DEVNULL,
            )
        self._begin(channels.Line(ours), current)
        self.line.send_update(_frames(whole(current.records, current.revision)))
        self.line.send_news(steward.welcome(self.name))   # it knows what was spent before it serves
        if tls is not None:
            self.line.send_tls(tls)

    def _begin(self, line: channels.Line, current: Configuration) -> None:
        self.name = str(self.process.pid)
        self.ready = False         # it serves
        self.retiring = False      # another one has its place
        self.started = time.monotonic()
        self.line = line
        self.revision = current.revision
        self._sent_whole = 0       # the last revision that it was sent whole because it could not follow

    @classmethod
    def adopted(cls, place: handover.Place, current: Configuration, steward: Steward) -> "_Child":
        """One that the supervisor before started, and that goes by its configuration until it retires."""
        child = cls.__new__(cls)
        child.probes, child.process = False, handover.Adopted(place.process)
        child._begin(channels.Line(handover.channel_of(place)), current)
        child.ready = child.retiring = True
        steward.welcome(child.name)
        child.send(_frames(whole(current.records, current.revision)))   # it may be another one, with fewer keys
        return child

    def wait_ready(self) -> bool:
        """Whether the worker serves within the time a start may take."""
        self.ready = self.line.wait(_START_TIMEOUT) == channels.READY
        return self.ready

    def hear(self, current: Configuration) -> Iterator[channels.Frame]:
        """What it tells the steward. One that could not follow gets the whole configuration, once."""
        for kind, payload in self.line.receive():
            if kind == channels.READY:
                self.ready = True
            elif kind == channels.APPLIED:
                self.revision = channels.revision_of(payload)
            elif kind == channels.BEHIND and self._sent_whole != current.revision:
                self._sent_whole = current.revision
                self.send(_frames(whole(current.records, current.revision)))
            else:
                yield kind, payload

    def send(self, frames: Iterable[bytes]) -> None:
        """Hand over an update. A worker that has long taken nothing would serve for ever what was revoked: it goes."""
        with contextlib.suppress(OSError):  # a worker that just died gets it when it is replaced
            self.line.send_update(frames)
        if self.line.kept > channels.MAX_KEPT:
            self.process.kill()

    def show(self, tls: Material) -> None:
        """Hand over another certificate."""
        with contextlib.suppress(OSError):  # as above: its successor begins with it
            self.line.send_tls(tls)

    def close(self) -> None:
        """Wait for the process and let go of the channel."""
        self.process.wait()
        self.line.close()


class Supervisor:
    """Runs until a signal ends it. `say` takes one line for people. `watching` opens the files of a certificate; it is
    asked when the settings name some. `spool`: a folder for events, beside or instead of the file `events`. `valkey`: the URL of
    what several gateways share."""

    def __init__(
        self, source: Source, events: Path | None, say: Callable[[str], None], watching: Watching, *, spool: Path | None = None,
        valkey: str = "",
    ) -> None:
        self._notifier = Notifier(os.environ)
        self._handed = handover.taken(os.environ)
        self._source = source
        self._outputs = [str(events) if events else "-", *([f"spool={spool}"] if spool else [])]
        self._say = say
        check_environment(os.environ)
        check_events(events)
        self._current = source.first()
        check_bundle(self._settings)
        self._runs = _fixed(self._settings)
        self._watching = watching
        self._certificates = _certificates(self._settings, watching, say)
        self._steward = Steward(snapshot_of(self._current.records, 1), say, valkey, telemetry(os.environ), source.ledger)
        self._children: list[_Child] = []
        self._steward.certified(self._certificates)
        self._stopping = False
        self._vacant: list[bool] = []      # places of workers that ended: whether they asked vendors
        self._due = 0.0                    # when those may be taken
        self._pause = _RESPAWN_PAUSE
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_write.setblocking(False)

    @property
    def _settings(self) -> Settings:
        return self._current.records.settings[""]

    def run(self) -> int:
        """Bind, start, supervise. Returns the exit code. Raises StationmasterError when it cannot start."""
        settings = self._settings
        self._listener = (self._handed and handover.listener_of(self._handed, settings.host, settings.port)) or bind(settings)
        with self._wake_read, self._wake_write, self._listener as listener:
            previous = {number: signal.signal(number, _ignore) for number in _SIGNALS}
            fd = signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
            try:
                self._start_all(listener, settings)
                self._supervise(listener)
            finally:
                self._end_all()
                self._steward.close()
                self._source.close()
                signal.set_wakeup_fd(fd)
                for number, handler in previous.items():
                    signal.signal(number, handler)
        self._say("gateway ended")
        return 0

    def _start_all(self, listener: socket.socket, settings: Settings) -> None:
        before = [_Child.adopted(place, self._current, self._steward) for place in (self._handed.workers if self._handed else ())]
        fresh = [self._child(listener, probes=not slot) for slot in range(settings.workers)]
        self._children = [*before, *fresh]
        ready = [child.wait_ready() for child in fresh]
        for child in before:
            child.process.send_signal(channels.RETIRE)
        if not all(ready):
            raise StationmasterError("error.gateway.start", "A worker did not start.",
                                     hint="Its own message stands above.", fault="ours")
        host, port = listener.getsockname()[:2]
        place = _place(host, port)
        metrics = self._steward.metrics_port
        shown = f", metrics on http://{_place(settings.metrics_host, metrics)}/metrics" if metrics else ""
        scheme = "http" if self._certificates is None else "https"
        self._say(f"gateway listens on {scheme}://{place} with {settings.workers} worker(s), process {os.getpid()}{shown}")
        self._notifier.ready(f"listening on {scheme}://{place}")

    def _child(self, listener: socket.socket, *, probes: bool) -> _Child:
        tls = None if self._certificates is None else self._certificates.pair.material
        return _Child(listener, self._outputs, self._current, self._steward, tls, probes=probes)

    def _supervise(self, listener: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            if self._source.fileno() >= 0:
                selector.register(self._source.fileno(), selectors.EVENT_READ)
            while self._children or self._vacant:
                self._watch(selector)
                for key, _ in selector.select(timeout=_BUSY if any(child.line.kept for child in self._children) else _ROUND):
                    self._on_event(key.fd)
                self._pass_on()
                self._certify()
                self._notifier.alive()
                self._reap()
                self._refill(listener)

    def _watch(self, selector: selectors.BaseSelector) -> None:
        """Wake as well when a worker tells something; one that hung up has nothing more to tell."""
        lines = {child.line.socket for child in self._children if not child.line.ended}
        known = {key.fileobj for key in selector.get_map().values()} - {self._wake_read, self._source.fileno()}
        for gone in known - lines:
            selector.unregister(gone)
        for line in lines - known:
            selector.register(line, selectors.EVENT_READ)

    def _on_event(self, fd: int) -> None:
        if fd == self._wake_read.fileno():
            for number in self._wake_read.recv(256):
                self._on_signal(number)
        elif fd == self._source.fileno() and (found := self._source.take()) is not None:
            self._change(found)

    def _pass_on(self) -> None:
        """Let the workers hear of each other."""
        for child in self._children:
            self._steward.take(child.name, child.hear(self._current))
        self._steward.look()
        for child in self._children:
            with contextlib.suppress(OSError):  # a worker that just died is replaced in a moment
                news = self._steward.news(child.name)
                child.line.send_news(news) if news else child.line.flush()
        if self._children:
            self._source.show(min(child.revision for child in self._children), len(self._children))

    def _on_signal(self, number: int) -> None:
        if number == signal.SIGHUP and not self._stopping:
            self._notifier.reloading()
            self._reload()
            self._certify(at_once=True)
            self._notifier.ready()
        elif number == signal.SIGUSR2 and not self._stopping:
            self._succeed()
        elif number in (signal.SIGTERM, signal.SIGINT):
            longest = f"for at most {self._settings.drain_seconds:g} s"
            self._say(f"gateway finishes what is open, {longest}; a second signal ends it at once" if not self._stopping
                      else "gateway ends at once")
            self._notifier.stopping(f"finishing what is open, {longest}")
            self._stopping = True
            self._listener.close()     # ours too: who connects now is refused, not left waiting
            self._vacant = []
            for child in self._children:
                child.process.terminate() if child.ready else child.process.kill()

    def _succeed(self) -> None:
        """Begin anew, as what is installed and configured now; workers serve on meanwhile. What cannot start changes nothing."""
        try:
            handover.check()
            found = self._source.again() or self._current
            _certificates(found.records.settings[""], self._watching, lambda _: None)
        except StationmasterError as error:
            self._say(f"gateway goes on as it is:\n{error}")
            return
        self._notifier.reloading()
        self._say("gateway begins anew, and serves meanwhile")
        self._steward.close()
        self._source.close()
        serving = [child for child in self._children if child.process.poll() is None]
        places = tuple(handover.Place(child.process.pid, child.line.socket.fileno()) for child in serving)
        handed = handover.Handed(self._listener.fileno(), places)
        handover.succeed(handed, [self._listener, *(child.line.socket for child in serving)], self._notifier.environ)

    def _certify(self, *, at_once: bool = False) -> None:
        """See whether there is another certificate to show, and have the workers show it. Connections go on as they are."""
        if self._certificates is None:
            return
        if self._certificates.look(at_once=at_once):
            for child in self._children:
                child.show(self._certificates.pair.material)
        self._steward.certified(self._certificates)

    def _reload(self) -> None:
        """Look for another configuration at once. A bad one changes nothing."""
        try:
            found = self._source.again()
            if found is None:
                return
            check_bundle(found.records.settings[""])
        except StationmasterError as error:
            self._say(f"configuration kept, the new one is refused:\n{error}")
            return
        self._change(found, bundle=True)
        self._say("configuration reloaded")

    def _change(self, found: Configuration, *, bundle: bool = False) -> None:
        """Hand a configuration on, as what is different. `bundle`: settings go along in any case, since the CA bundle may
        be another under the same name."""
        before, self._current = self._current, found
        if _fixed(self._settings) != self._runs:
            names = "host, port, workers, metrics_host, metrics_port, state_file, tls_certificate and tls_key"
            self._say(f"{names} change at the next start only")
        update = diff(before.records, found.records, base=before.revision, revision=found.revision)
        if bundle:
            update.puts["settings"] = [self._settings]
        frames = list(_frames(update))
        for child in self._children:
            child.send(frames)
        if update.puts.get("settings") or update.puts.get("credential") or update.drops.get("credential"):
            self._steward.apply(snapshot_of(found.records, 1))

    def _reap(self) -> None:
        """Let go of workers that ended, or never began; their places are vacant unless we are stopping."""
        now = time.monotonic()
        for child in self._children:
            if not child.ready and now - child.started > _START_TIMEOUT:
                child.process.kill()
        for child in [child for child in self._children if child.process.poll() is not None]:
            self._children.remove(child)
            self._steward.take(child.name, child.hear(self._current))
            self._steward.leave(child.name)
            child.close()
            if self._stopping or child.retiring:
                continue
            self._say(f"worker {child.process.pid} ended with {child.process.returncode}; starting another")
            self._pause = _RESPAWN_PAUSE if child.ready else min(self._pause * 2, 2.0)
            self._due = now if child.ready else now + self._pause
            self._vacant.append(child.probes)

    def _refill(self, listener: socket.socket) -> None:
        """Start workers in vacant places. Nobody waits for them: that they serve is heard like everything else."""
        if time.monotonic() >= self._due:
            vacant, self._vacant = self._vacant, []
            self._children += [self._child(listener, probes=probes) for probes in vacant]

    def _end_all(self) -> None:
        for child in self._children:
            child.process.kill()
            child.close()
        self._children = []


def _frames(update: Update) -> Iterator[bytes]:
    yield from encode_frames(update)
    yield encode_end(update.revision)


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _fixed(settings: Settings) -> tuple[object, ...]:
    """What cannot change while the gateway runs."""
    return (
        settings.host, settings.port, settings.workers, settings.metrics_port, settings.state_file, settings.tls_certificate,
        settings.tls_key, settings.metrics_host,
    )


def _certificates(settings: Settings, watching: Watching, say: Callable[[str], None]) -> Certificates | None:
    """The files of the certificate that the settings name. Raises StationmasterError when they cannot be used."""
    if not settings.tls_certificate:
        return None
    return watching(Path(settings.tls_certificate), Path(settings.tls_key), say)


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


def run(
    load: Callable[[], Snapshot], *, config: Path, events: Path | None, log_level: str, watching: Watching, valkey: str = ""
) -> int:
    """Run a gateway from the file `config` until SIGTERM or SIGINT; SIGHUP reads it again through `load`. `watching` opens a
    certificate's files; `valkey` is the URL of what several gateways share.

    Raises StationmasterError (ConfigError among them) before anything listens.
    """
    if log_level == "debug":
        say(f"configuration {config}, events to {events or 'stdout'}")
    return Supervisor(Files(load), events, say, watching, valkey=valkey).run()


def say(line: str) -> None:
    """Tell the people who run it."""
    print(f"stationmaster: {line}", file=sys.stderr, flush=True)
