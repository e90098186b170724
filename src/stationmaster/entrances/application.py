"""The control plane as one ASGI application. Owns: which door a request goes to, what runs beside requests, the end.

The gateways' door stands in front of Django, since what waits there would take a thread each behind it; so does SCIM's, whose
library knows no Django. Everything else but the two health checks is Django's. Can be imported once Django is set up.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application

from stationmaster.entrances import live
from stationmaster.entrances.bounding import bounded
from stationmaster.entrances.chores import keep_doing
from stationmaster.entrances.console import streaming
from stationmaster.entrances.internal.call import Answer, Call, Receive, Scope, Send, answered
from stationmaster.entrances.internal.compiler import Compiler
from stationmaster.entrances.internal.door import PREFIX, Door
from stationmaster.entrances.internal.watch import Watch
from stationmaster.entrances.refreshing import keep_refreshing
from stationmaster.entrances.requestlines import note, told
from stationmaster.entrances.scim.door import ScimDoor
from stationmaster.operators.services import gateway_actor
from stationmaster.store.changes import revision
from stationmaster.store.keyholder import digests

_log = logging.getLogger(__name__)

App = Callable[[Any, Any, Any], Awaitable[None]]


class Application:
    """ASGI: the whole control plane."""

    def __init__(self) -> None:
        self._door = Door(Watch(Compiler(live.of_gateways)), gateway_actor)
        self._scim = ScimDoor()
        self._django: App = get_asgi_application()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the process's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await told(self._route, scope, receive, send)

    @property
    def door(self) -> Door:
        """The gateways' door alone, an application too."""
        return self._door

    def wake(self) -> None:
        """Let gateways that wait go, and browsers that watch, since the process is about to end; from any thread."""
        streaming.let_go()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._door.watch.wake)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == PREFIX or path.startswith(f"{PREFIX}/"):
            await self._door(scope, receive, send)
        elif ScimDoor.takes(path):
            await self._scim(scope, receive, send)
        elif path in ("/healthz", "/readyz") and scope["method"] in ("GET", "HEAD"):
            call = Call(scope, receive)
            note(scope, path, "")
            await answered(await self._health(path), call.id, send)
        else:
            await bounded(self._django, scope, receive, send)

    async def _health(self, path: str) -> Answer:
        """`/healthz`: the process answers. `/readyz`: the database does, and the keys open it."""
        if path == "/readyz" and not await self._door.do(_ready):
            return Answer(503, "application/json", b'{"ok":false}')
        return Answer(200, "application/json", b'{"ok":true}')

    async def _live(self, receive: Receive, send: Send) -> None:
        self._loop = asyncio.get_running_loop()
        await receive()
        chores, stop = asyncio.create_task(keep_doing()), threading.Event()
        refreshing = keep_refreshing(stop)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        stop.set()
        chores.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await chores
        await self._door.close()
        self._scim.close()
        await asyncio.to_thread(refreshing.join, 5.0)
        await send({"type": "lifespan.shutdown.complete"})


def _ready() -> bool:
    try:
        revision()
        digests()
    except Exception as error:  # noqa: BLE001  whatever it is: not ready
        _log.warning("not ready: %s", type(error).__name__)
        return False
    return True
