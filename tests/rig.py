"""A gateway worker in a thread, for tests: real sockets on loopback, no processes.

    with running_gateway(snapshot) as gateway:
        gateway.url, gateway.port, gateway.events()
"""

import asyncio
import hashlib
import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop

from stationmaster.gateway.core.health import Health, Witness
from stationmaster.gateway.core.life import Happening
from stationmaster.gateway.core.memory import Standing
from stationmaster.gateway.core.snapshot import (
    Credential,
    Member,
    Pool,
    Route,
    Settings,
    Snapshot,
    Vendor,
    VirtualKey,
)
from stationmaster.gateway.server.tracing import Tracing
from stationmaster.gateway.server.worker import Worker

KEY = "sm-test-key-of-the-rig"
SECRET = "upstream-secret-of-the-rig"
VENDORS: tuple[Vendor, ...] = ("openai", "anthropic", "gemini", "azure_openai", "openai_compatible")


def sha256(text: str) -> str:
    """Hex SHA-256 of a virtual key."""
    return hashlib.sha256(text.encode()).hexdigest()


def snapshot_for(url: str, **settings: Any) -> Snapshot:
    """One credential a vendor, all at `url`; `gpt-*` and the rest to OpenAI, `claude*`, `gemini*`, `azure-*` and
    `compat-*` to theirs. `fast` is an alias of `gpt-4o-mini` (and has twins in the other dialects)."""
    bases = {"openai": f"{url}/v1", "openai_compatible": f"{url}/v1"}
    credentials = tuple(
        Credential(vendor, vendor, f"{SECRET}-{vendor}", bases.get(vendor, url)) for vendor in VENDORS
    )
    pools = tuple(Pool(vendor, (Member(vendor),)) for vendor in VENDORS)
    routes = (
        Route(("claude*", "anthropic-*"), "anthropic", {"fast-claude": "claude-mini"}),
        Route(("gemini*",), "gemini", {"fast-gemini": "gemini-mini"}),
        Route(("azure-*",), "azure_openai", {"fast-azure": "azure-mini"}),
        Route(("compat-*",), "openai_compatible"),
        Route(("*",), "openai", {"fast": "gpt-4o-mini"}),
    )
    keys = (
        VirtualKey("rig", sha256(KEY), "the rig", "rig", shared_resources=True),
        VirtualKey("narrow", sha256(KEY + "-narrow"), "the rig", "narrow", ("gpt-4o*", "fast")),
    )
    given = {"default_pool": "openai", "health_check_enabled": False, **settings}    # nobody asks but the test
    return Snapshot(Settings(**given), credentials, pools, routes, keys)


class Calm(Health):
    """A health keeper that hears of successes only."""

    def __init__(self, real: Health) -> None:
        for name in Health.__slots__:
            setattr(self, name, getattr(real, name))

    def tell(self, standing: Standing, happening: Happening, by: Witness | None = None, turn: int = 0) -> None:
        """Take note of a success."""
        if happening.signal == "ok":
            super().tell(standing, happening, by, turn)


class Gateway:
    """A worker that serves in its own thread."""

    def __init__(self, snapshot: Snapshot, events: Path, *, calm: bool, tracing: Tracing | None = None) -> None:
        self._events = events
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.worker = Worker(snapshot, events, tracing=tracing)
        if calm:
            self.worker.health = Calm(self.worker.health)
        self.loop: asyncio.AbstractEventLoop
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gateway")
        self._thread.start()
        assert self._ready.wait(20), "the worker did not start"

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            self.loop = runner.get_loop()
            self.loop.call_soon(self._ready.set)
            runner.run(self.worker.run(self.socket))

    def connect(self, timeout: float = 10.0) -> socket.socket:
        """A raw client socket."""
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def talk(self, raw: bytes, timeout: float = 10.0) -> bytes:
        """Send bytes, read until the gateway closes (or `timeout`, which raises)."""
        with self.connect(timeout) as client:
            client.sendall(raw)
            return read_all(client)

    def events(self) -> list[dict[str, Any]]:
        """The request events written so far (flushed twice a second)."""
        return [event for event in self.all_events() if event["event"] == "request"]

    def all_events(self) -> list[dict[str, Any]]:
        """The same with what befell credentials."""
        text = self._events.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]   # the last may be under way

    def event(self, request_id: str, within: float = 20.0) -> dict[str, Any]:
        """The event of one request, waited for."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            for event in self.events():
                if event.get("request_id") == request_id:
                    return event
            time.sleep(0.05)
        raise AssertionError(f"no event for {request_id}")

    def apply(self, snapshot: Snapshot) -> None:
        """Serve from another snapshot."""
        applied = threading.Event()
        self.loop.call_soon_threadsafe(self.worker.apply, snapshot)
        self.loop.call_soon_threadsafe(applied.set)
        assert applied.wait(20), "the worker did not take the snapshot"

    def stop(self) -> None:
        """Begin to drain, as SIGTERM does."""
        self.loop.call_soon_threadsafe(self.worker.stop)

    def close(self) -> None:
        """Stop at once and wait for the thread."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.worker.stop)
            self.loop.call_soon_threadsafe(self.worker.stop)
        self._thread.join(20)
        assert not self._thread.is_alive(), "the worker did not end"
        self.socket.close()


def read_all(client: socket.socket) -> bytes:
    """Everything until the peer closes; a reset ends it too."""
    data = b""
    try:
        while piece := client.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


@contextmanager
def running_gateway(snapshot: Snapshot, *, calm: bool = True, tracing: Tracing | None = None) -> Iterator[Gateway]:
    """A gateway for the length of a with block; a `calm` one holds no fault against a credential, so that one
    test's faults are not another's."""
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.jsonl"
        events.touch()
        gateway = Gateway(snapshot, events, calm=calm, tracing=tracing)
        try:
            yield gateway
        finally:
            gateway.close()
