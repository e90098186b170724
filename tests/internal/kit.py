"""A control plane that is served on a port of this machine, and what asks it."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
import uvicorn

import databases  # noqa: F401  it sets Django up
from asking import PLAIN
from controlkit import CLI
from stationmaster.entrances import live
from stationmaster.entrances.application import Application
from stationmaster.gateway.core.records import Records, Update, apply
from stationmaster.gateway.link.frames import unpack
from stationmaster.operators import services as operators
from stationmaster.settings import Settings

PATIENCE = 30.0


@dataclass
class Control:
    """A running control plane: its address, a gateway's token, its application and server."""

    url: str
    token: str
    application: Application
    server: uvicorn.Server

    def ask(self, path: str = "snapshot", *, token: str | None = None, **more: Any) -> httpx.Response:
        """One request to the gateways' door, with the gateway's token unless another is given ("": none)."""
        given = self.token if token is None else token
        headers = {**({"authorization": f"Bearer {given}"} if given else {}), **more.pop("headers", {})}
        method = more.pop("method", "GET")
        with httpx.Client(base_url=f"{self.url}/internal/v1/", trust_env=False, verify=PLAIN, timeout=PATIENCE) as client:
            return client.request(method, path, headers=headers, **more)

    def update(self, have: int = 0, wait: int = 0) -> Update | None:
        """The update from `have`; None for a 204."""
        answer = self.ask(params={"have": have, "wait": wait})
        assert answer.status_code in (200, 204), answer.text
        return unpack(answer.content) if answer.status_code == 200 else None

    def records(self) -> tuple[int, Records]:
        """The whole configuration, as a gateway that has none gets it."""
        update = self.update()
        assert update is not None
        assert update.base is None
        return update.revision, apply(Records(), update)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """Hand something over, as msgpack."""
        content = body if isinstance(body, bytes) else msgspec.msgpack.encode(body)
        return self.ask(path, method="POST", content=content, headers={"content-type": "application/msgpack", **headers})


@contextlib.contextmanager
def serving() -> Iterator[Control]:
    """Serve the open database for as long as the body runs."""
    live.use(Settings())
    token = operators.create_gateway_token(CLI, {"name": "here"}).secret.text
    application = Application()
    config = uvicorn.Config(application, lifespan="on", http="httptools", ws="none", log_config=None,
                            timeout_graceful_shutdown=2, limit_concurrency=None)  # fmt: skip
    server = uvicorn.Server(config)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), name="control")
    thread.start()
    try:
        until(lambda: server.started)
        yield Control(f"http://127.0.0.1:{listener.getsockname()[1]}", token, application, server)
    finally:
        application.wake()
        server.should_exit = True
        thread.join(PATIENCE)
        listener.close()
        assert not thread.is_alive(), "the server did not end"
        assert not getattr(server.lifespan, "error_occurred", True), "it did not end in order"


def until(condition: Callable[[], bool]) -> None:
    """Wait for `condition`."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)
