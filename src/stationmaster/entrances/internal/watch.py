"""Who waits for news. Owns: one look at the revision for all who wait, the packed updates, letting everyone go at the end.

A change made in this process is seen at once, one made by another within a quarter of a second. While nobody waits
nobody looks.
"""

import asyncio
import logging
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from django.db import connection

from stationmaster.entrances.internal.compiler import Compiled, Compiler
from stationmaster.gateway.link.frames import pack
from stationmaster.store import changes

_T = TypeVar("_T")

POLL = 0.25           # seconds
_log = logging.getLogger(__name__)


class Watch:
    """The configuration as it stands, for any number of waiters on one event loop."""

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler
        self._thread = ThreadPoolExecutor(1, "snapshot")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._latest: Compiled | None = None
        self._waiting = 0
        self._news = asyncio.Event()
        self._poke = asyncio.Event()
        self._blind = False
        self.closing = False
        _watches.add(self)

    async def newer(self, have: int, gone: "asyncio.Task[None]", seconds: float) -> Compiled | None:
        """The configuration once it is another revision than `have`. None: it was not for `seconds`, the asker is gone,
        or we close. Raises Django's database errors."""
        deadline = asyncio.get_running_loop().time() + seconds
        latest = await self._look()
        self._begin_watching()
        try:
            while latest.revision == have and not self.closing:
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0 or gone.done():
                    return None
                await self._news_or(gone, left)
                latest = self._latest or latest
            return latest if latest.revision != have else None
        finally:
            self._waiting -= 1

    async def body(self, compiled: Compiled, have: int) -> bytes:
        """The update from `have` to `compiled`, packed: once for all who are at `have`."""
        return await self._run(lambda: _pack(compiled, have))

    def poke(self) -> None:
        """Have a look soon; from any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):       # the loop is closed
                self._loop.call_soon_threadsafe(self._poke.set)

    def wake(self) -> None:
        """Let everyone go; from the loop's thread."""
        self.closing = True
        self._news.set()
        self._poke.set()

    async def close(self) -> None:
        """Stop looking, and close the thread's connection."""
        self.wake()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        await self._run(_let_go)
        self._thread.shutdown()

    def _begin_watching(self) -> None:
        self._waiting += 1
        self._loop = asyncio.get_running_loop()
        if self._task is None or self._task.done():
            self._task = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        while self._waiting and not self.closing:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._poke.wait(), POLL)
            self._poke.clear()
            await self._look_again()

    async def _look_again(self) -> None:
        try:
            await self._look()
            self._blind = False
        except Exception as error:  # noqa: BLE001  whatever the database says: it is asked again
            if not self._blind:
                _log.warning("the configuration cannot be read: %s", type(error).__name__)
            self._blind = True

    async def _look(self) -> Compiled:
        latest = await self._run(self._compiler.refresh)
        if latest is not self._latest:
            self._latest = latest
            self._news.set()
            self._news = asyncio.Event()
        return latest

    async def _news_or(self, gone: "asyncio.Task[None]", seconds: float) -> None:
        news = asyncio.create_task(self._news.wait())
        await asyncio.wait([news, gone], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        news.cancel()

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, _guarded, work)


def _pack(compiled: Compiled, have: int) -> bytes:
    base = compiled.base(have)
    if base not in compiled.packed:
        compiled.packed[base] = b"".join(pack(compiled.update(base)))
    return compiled.packed[base]


def _guarded(work: Callable[[], _T]) -> _T:
    """Run `work` on the thread's own connection, which is given up once it failed."""
    try:
        return work()
    except Exception:
        connection.close()
        raise


def _let_go() -> None:
    connection.close()      # the thread's own


def _poke_all(_: int) -> None:
    for watch in list(_watches):
        watch.poke()


_watches: "weakref.WeakSet[Watch]" = weakref.WeakSet()
changes.on_commit(_poke_all)
