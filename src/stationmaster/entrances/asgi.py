"""Serving the control plane. Owns: from settings to an open, migrated database, to a listening server, to its end.

Nothing is served before the database is up to date.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from django.conf import settings as django_settings
from django.db import connection

from stationmaster import logs
from stationmaster.diagnosis.django_database import check_ring
from stationmaster.errors import StationmasterError
from stationmaster.notify import Notifier
from stationmaster.operators.policy import console_url
from stationmaster.running import places
from stationmaster.settings import Settings, with_saved
from stationmaster.settings.listener import in_clear_text
from stationmaster.store.config import StoreConfig, configure, wait_at_most
from stationmaster.telemetry import recording
from stationmaster.vault import keyring

CHECK = 0.5           # seconds between two looks at what is not a request
GRACE = 2             # seconds for open requests, after SIGTERM
PATIENCE = 4          # seconds that a request waits for somebody else who writes; then it is told to come again
KEEPALIVE = 75        # seconds that an idle connection is kept
MOST = 2000           # open connections

_log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from stationmaster.entrances.application import Application


class _Door(uvicorn.Server):
    """The gateways' door on a socket of its own. It ends when it is told to; signals are the other server's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield


class _Encryption:
    """TLS of the console's listener. Raises `StationmasterError` when the certificate cannot be used."""

    def __init__(self, certificate: Path, key: Path) -> None:
        from stationmaster.tls.context import Front
        from stationmaster.tls.files import Watch

        self._watch = Watch(certificate, key, _log.warning)
        self._front = Front(self._watch.pair.material)
        self.context = self._front.context

    def look(self) -> None:
        """Show another certificate from now on, if there is one."""
        from stationmaster.entrances.metrics.process import certified
        from stationmaster.entrances.reloading import HURRY

        at_once = HURRY.is_set()
        HURRY.clear()
        if self._watch.look(at_once=at_once):
            self._front.use(self._watch.pair.material)
        certified(self._watch.pair.expires, refused=bool(self._watch.refused))


class _Server(uvicorn.Server):
    """uvicorn, which serves the door beside, says when it listens, and lets waiting gateways go when it is told to end."""

    def __init__(
        self, config: uvicorn.Config, application: "Application", door: socket.socket | None, started: Callable[[], None],
        encryption: _Encryption | None, notifier: Notifier,
    ) -> None:
        super().__init__(config)
        self._application, self._socket, self._started = application, door, started
        self._encryption, self._notifier = encryption, notifier
        self._door: _Door | None = None
        self._tending: asyncio.Task[None] | None = None
        self._serving: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started and self._socket is not None:
            self._door = _Door(_config(self._application.door, lifespan="off"))
            self._serving = asyncio.create_task(self._door.serve([self._socket]))
        if self.started:
            self._started()
            self._notifier.ready()
            self._tending = asyncio.create_task(self._tend())

    async def _tend(self) -> None:
        """Say that we live, and see whether there is another certificate, for as long as the loop runs."""
        while True:
            await asyncio.sleep(CHECK)
            self._notifier.alive()
            if self._encryption is not None:
                await asyncio.to_thread(self._encryption.look)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut the door first: the application ends with the rest."""
        if self._door is not None and self._serving is not None:
            self._door.should_exit = True
            await self._serving
        await super().shutdown(sockets)
        if self._tending is not None:
            self._tending.cancel()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM or SIGINT came."""
        self._notifier.stopping()
        self._application.wake()
        super().handle_exit(sig, frame)


def prepare(given: Settings) -> Settings:
    """Set the log up, open the store, bring its database up to date, and take what admins saved: all that comes before
    serving. Return the settings. Raises `StationmasterError`."""
    from stationmaster.entrances.web.setup import django_settings as web  # here: it needs Django

    check_listener(given)
    _encryption(given)
    logs.set_up(given.log.format, given.log.level)
    master_key = given.vault.master_key.get_secret_value()
    environ = {keyring.VARIABLE: master_key} if master_key else {}
    check_ring(given, environ)
    ring = keyring.load(given.folder, environ)
    url = given.database.url.get_secret_value()
    configure(StoreConfig(given.folder, ring, url, allowed=given.outbound.allowed_private, extra=web(given)))
    from stationmaster.entrances import effective, live, policies, telemetry
    from stationmaster.store import stored
    from stationmaster.store.migrating import migrate

    migrate()
    whole = with_saved(given, stored.load())
    logs.set_up(whole.log.format, whole.log.level)
    for name, value in web(whole).items():      # what was saved may say under which name we are reached
        setattr(django_settings, name, value)
    live.use(whole)
    policies.use(live.settings)
    effective.note(whole)
    telemetry.begin(whole, "control")
    connection.close()
    wait_at_most(PATIENCE)
    return whole


def serve(
    settings: Settings, door: socket.socket | None = None, started: Callable[[], None] = lambda: None,
    notifier: Notifier | None = None,
) -> int:
    """Serve what `prepare` made ready, until a signal comes; return the exit code. `started` is called when it listens.
    `door`: a bound socket of this machine's own, on which the gateways' door is served too, and without TLS; `notifier`: whom
    a service manager hears of us by. Raises `StationmasterError` when the certificate cannot be used."""
    from stationmaster.entrances.application import Application

    check_listener(settings)
    application = Application()
    console = settings.console
    encryption = _encryption(settings)
    config = _config(application, host=console.host, port=console.port, lifespan="on")
    config.load()
    config.ssl = encryption.context if encryption is not None else None
    with contextlib.ExitStack() as stack:

        def listening() -> None:
            held = places.leave(settings.folder, _places(settings, beside=door is not None))
            if held is not None:
                stack.callback(os.close, held)
            started()

        server = _Server(config, application, door, listening, encryption, notifier or Notifier({}))
        server.run()
    recording.close()
    return 0 if server.started else 1


def _encryption(settings: Settings) -> _Encryption | None:
    """TLS, if there is a certificate. Raises `StationmasterError` when it cannot be used."""
    certificate, key = settings.console.tls_certificate, settings.console.tls_key
    return _Encryption(certificate, key) if certificate is not None and key is not None else None


def _places(settings: Settings, *, beside: bool) -> dict[str, Any]:
    """Where we are reached; `beside`: and the gateway that is run with us."""
    names = ["console.host", "console.port", "console.public_url"]
    names += ["gateway.host", "gateway.port", "gateway.metrics_port"] if beside else []
    return {"console": console_url(settings), **{name: settings.value(name) for name in names}}


def _config(application: Any, **more: Any) -> uvicorn.Config:
    return uvicorn.Config(
        application, http="httptools", ws="none", loop="uvloop", log_config=None, access_log=False, proxy_headers=False,
        server_header=False, timeout_keep_alive=KEEPALIVE, timeout_graceful_shutdown=GRACE, limit_concurrency=MOST, **more,
    )


def check_listener(settings: Settings) -> None:
    """Raise `StationmasterError` for passwords and tokens that would go over a network in clear text."""
    if not in_clear_text(settings):
        return
    raise StationmasterError(
        "error.control.clear_text", f"On {settings.console.host} without TLS, passwords and tokens could be read on the way.",
        hint="Set console.tls_certificate and console.tls_key; or, behind a reverse proxy that ends TLS, console.public_url.",
        fault="operator",
    )
