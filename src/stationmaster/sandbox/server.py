"""The sandbox running: in the foreground for the command line, or in a thread for tests. Owns the event loop,
the listening socket and the end; knows no routes."""

import asyncio
import signal
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import uvloop
from aiohttp import web

from stationmaster.errors import StationmasterError
from stationmaster.sandbox.admin import Admin
from stationmaster.sandbox.app import make_app
from stationmaster.sandbox.faults import SENTENCES
from stationmaster.sandbox.ledger import Entry, Ledger
from stationmaster.sandbox.targets import Targets
from stationmaster.sandbox.tokens import Tokens

KEEP_ALIVE = 75.0
GRACE = 0.1
BACKLOG = 1024
LONGEST_LINE = 64 * 1024

Started = Callable[[int], None]


async def serve(app: web.Application, host: str, port: int, started: Started, ended: asyncio.Event) -> None:
    """Serve until `ended` is set; `started` is told the port once connections are taken.

    A handler whose peer has left is cancelled, so that nothing waits for nobody.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=KEEP_ALIVE,
        shutdown_timeout=GRACE,
        max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_LINE,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
        started(runner.addresses[0][1])
        await ended.wait()
    finally:
        await runner.cleanup()


def run(host: str, port: int, started: Started) -> None:
    """Serve in the foreground until SIGINT or SIGTERM; what vendors say was used is what was called.

    A port in use is `error.sandbox.cannot_listen`.
    """

    async def until_signal() -> None:
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        await serve(make_app(Ledger(), admin=Admin(consumption="called")), host, port, started, ended)

    try:
        uvloop.run(until_signal())
    except OSError as error:
        hint = "Choose another with --port."
        raise StationmasterError(
            "error.sandbox.cannot_listen", f"Cannot listen on {host}:{port}: {error.strerror}.", hint=hint
        ) from error


class SandboxServer:
    """The sandbox in a background thread, on loopback, for tests.

    ```python
    with SandboxServer() as sandbox:
        client = OpenAI(base_url=sandbox.url + "/v1", api_key="sk-one")
        sandbox.asked()[-1].model
        sandbox.admin.make("openai", "acme", people=4).invitations("member-009@example.test")
        sandbox.targets.make("crs", "relay").ours()
        sandbox.tokens.make("entra", "directory").asked()
    ```
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, admin: Admin | None = None, targets: Targets | None = None,
        tokens: Tokens | None = None,
    ) -> None:  # fmt: skip
        self.host = host
        self.port = port
        self.ledger = Ledger()
        self.admin = admin or Admin()
        self.targets = targets or Targets()
        self.tokens = tokens or Tokens()
        self._spoiled: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, without a path."""
        return f"http://{self.host}:{self.port}"

    def asked(self) -> list[Entry]:
        """What it was asked so far, oldest first."""
        return self.ledger.asked()

    def forget(self) -> None:
        """Empty the ledger."""
        self.ledger.forget()

    def spoil(self, credential: str, fault: str) -> None:
        """Let every request with this credential have a fault from now on."""
        if fault not in SENTENCES:
            raise ValueError(f"no fault named {fault}")
        self._spoiled[credential] = fault

    def mend(self, credential: str) -> None:
        """Let this credential work again."""
        self._spoiled.pop(credential, None)

    def start(self) -> None:
        """Start and wait until connections are taken; an error on the way is raised here."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def close(self) -> None:
        """Stop: open answers are dropped, and the thread has ended on return."""
        if self._loop is not None and self._ended is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        try:
            uvloop.run(self._serve())
        except BaseException as error:  # noqa: BLE001  # handed to the thread that called start()
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        app = make_app(self.ledger, self._spoiled, self.admin, self.targets, self.tokens)
        await serve(app, self.host, self.port, self._started, self._ended)

    def _started(self, port: int) -> None:
        self.port = port
        self._ready.set()
