"""The gateways' door, as an ASGI application in front of Django. Owns: its four paths, and who may come in.

    GET  /internal/v1/snapshot?have=REVISION&wait=SECONDS
    POST /internal/v1/events
    POST /internal/v1/hello
    POST /internal/v1/spent

A request that waits costs a coroutine here, and would cost a thread under Django. Paths are taken as they are written:
any other spelling is somebody else's path, and there is nothing under it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec
from django.db import connection
from django.db.utils import Error as DatabaseError

from stationmaster.entrances.internal.call import Answer, Call, Receive, Scope, Send, answered, problem
from stationmaster.entrances.internal.watch import Watch
from stationmaster.entrances.problems import of_database
from stationmaster.entrances.requestlines import note
from stationmaster.errors import StationmasterError
from stationmaster.gateway.core import faults
from stationmaster.gateway.core.peek import Refused
from stationmaster.gateway.server.decode import decode
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.usage import services as usage

_T = TypeVar("_T")

PREFIX = "/internal"
FRAMES = "application/vnd.stationmaster.frames"
MESSAGE = "application/msgpack"
MAX_WAIT = 30                            # seconds
MAX_BODY = 16 * 1024 * 1024              # bytes, as they come
MAX_PLAIN = 64 * 1024 * 1024             # decoded
PATIENCE = 4.0                           # seconds that who brings something waits for a thread to take it
_THREADS = 4                             # that read, and as many that write
_log = logging.getLogger(__name__)

Authenticate = Callable[[str, str], Actor]       # a bearer token and the request's id → who it is; raises


class Door:
    """The application. `authenticate` knows gateway tokens."""

    def __init__(self, watch: Watch, authenticate: Authenticate) -> None:
        self.watch = watch
        self._authenticate = authenticate
        self._desk = ThreadPoolExecutor(_THREADS, "internal")
        self._intake = ThreadPoolExecutor(_THREADS, "intake")      # of its own: nobody waits for a database that takes nothing in
        self._turns = asyncio.Semaphore(_THREADS)
        self._paths: dict[str, tuple[str, Callable[[Call, Actor], Awaitable[Answer]]]] = {
            f"{PREFIX}/v1/snapshot": ("GET", self._snapshot),
            f"{PREFIX}/v1/events": ("POST", self._events),
            f"{PREFIX}/v1/hello": ("POST", self._hello),
            f"{PREFIX}/v1/spent": ("POST", self._spent),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        call = Call(scope, receive)
        try:
            answer = await self._answer(call)
        except StationmasterError as error:
            answer = problem(error, call.id)
        except DatabaseError as error:
            answer = problem(of_database(error) or _BROKEN, call.id)
        except Exception:  # noqa: BLE001  whatever it is: the gateway learns that it is our fault, and no more
            _log.exception("request %s", call.id)
            answer = problem(_BROKEN, call.id)
        note(scope, call.path if call.path in self._paths else "", call.actor)
        await answered(answer, call.id, send)

    async def close(self) -> None:
        """Let waiters go, stop threads."""
        await self.watch.close()
        self._desk.shutdown()
        self._intake.shutdown()

    async def _answer(self, call: Call) -> Answer:
        actor = await self.do(lambda: self._who(call))
        call.actor = actor.id
        method, handler = self._paths.get(call.path, ("", None))
        if handler is None:
            raise StationmasterError("error.internal.no_such_path", "there is nothing here", status=404)
        if call.method != method:
            raise StationmasterError("error.internal.method", f"this takes {method}", status=405)
        return await handler(call, actor)

    def _who(self, call: Call) -> Actor:
        scheme, _, token = call.header("authorization").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise StationmasterError("error.access.no_token", "this takes a gateway token", status=401)
        return self._authenticate(token.strip(), call.id)

    async def _snapshot(self, call: Call, actor: Actor) -> Answer:
        require(actor, "snapshot:read")
        have, wait = call.number("have", 0, 2**62), call.number("wait", 0, MAX_WAIT)
        gone = asyncio.create_task(call.gone())
        try:
            compiled = await self.watch.newer(have, gone, wait)
        finally:
            gone.cancel()
        if compiled is None:
            return Answer(204)
        require(await self.do(lambda: self._who(call)), "snapshot:read")      # it may have been revoked meanwhile
        return Answer(200, FRAMES, await self.watch.body(compiled, have))

    async def _events(self, call: Call, actor: Actor) -> Answer:
        body = await self._body(call)
        stored = await self._take(lambda: usage.store(actor, body))
        return Answer(200, "application/json", msgspec.json.encode(stored))

    async def _hello(self, call: Call, actor: Actor) -> Answer:
        body = await self._body(call)
        revision = await self._take(lambda: usage.hello(actor, body))
        return Answer(200, "application/json", msgspec.json.encode({"revision": revision}))

    async def _spent(self, call: Call, actor: Actor) -> Answer:
        body = await self._body(call)
        return Answer(200, MESSAGE, await self._take(lambda: msgspec.msgpack.encode(usage.exchange(actor, body))))

    async def _body(self, call: Call) -> bytes:
        """The message that was sent. Raises `StationmasterError`."""
        if call.header("content-type").partition(";")[0].strip().lower() != MESSAGE:
            raise StationmasterError("error.internal.content_type", f"this takes {MESSAGE}", status=415)
        encoding = call.header("content-encoding").strip().lower()
        if encoding not in ("", "identity", "zstd"):
            raise StationmasterError("error.internal.content_encoding", "this takes zstd or nothing", status=415)
        body = await call.body(MAX_BODY)
        return await self.do(lambda: _plain(body)) if encoding == "zstd" else body

    async def _take(self, work: Callable[[], _T]) -> _T:
        """Run what writes on a thread. Raises `StationmasterError` 503 where none was free in time: while the database is held by
        somebody else, each that writes takes seconds to find out."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._turns.acquire()
        except TimeoutError:
            raise _BUSY from None
        try:
            return await asyncio.get_running_loop().run_in_executor(self._intake, _connected, work)
        finally:
            self._turns.release()

    async def do(self, work: Callable[[], _T]) -> _T:
        """Run `work` on a thread, with a database connection for as long as it takes."""
        return await asyncio.get_running_loop().run_in_executor(self._desk, _connected, work)


_BUSY = StationmasterError("error.internal.busy", "too many bring something just now", hint="try again in a moment",
                           retryable=True, fault="ours", status=503)  # fmt: skip
_BROKEN = StationmasterError("error.internal", "something is broken here", hint="see the log", fault="ours")


def _plain(body: bytes) -> bytes:
    try:
        return decode(body, b"zstd", MAX_PLAIN)
    except Refused as refused:
        large = refused.fault is faults.BODY_TOO_LARGE
        status = 413 if large else 400
        raise StationmasterError("error.internal.bad_encoding", "this is not zstd, or too large", status=status) from None


def _connected(work: Callable[[], _T]) -> _T:
    try:
        return work()
    finally:
        connection.close()
