"""A worker process of the engine over PostgreSQL. Owns: its event loop, entries of workers that are gone, going on when the
database was away. Jobs run in threads.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import procrastinate
from django.db import Error, connections
from django.utils import timezone
from procrastinate import exceptions
from procrastinate.jobs import Status

from stationmaster.jobs.engine._base import Chores, Engine, Working

if TYPE_CHECKING:
    from procrastinate.jobs import Job as Entry

QUEUE: Final = "stationmaster"
URGENT: Final = "stationmaster_urgent"      # of jobs with a priority above 0, for which one thread does nothing else
_OWN: Final = 4            # threads beside those of jobs
_log = logging.getLogger(__name__)

T = TypeVar("T")


class Ringing(Engine, Protocol):
    """What the worker needs of its engine."""

    def application(self, working: Working) -> procrastinate.App:
        """A worker's application, with a pool of connections of its own."""

    def chase(self) -> None:
        """Defer what waits and has no entry."""


class ProcrastinateWorker:
    """One process's work, in its event loop; jobs run in threads."""

    def __init__(self, engine: Ringing, working: Working, chores: Chores, ready: Callable[[], None]) -> None:
        self._engine, self._working, self._ready = engine, working, ready
        self._chores = chores
        self._app: procrastinate.App | None = None

    async def work(self) -> None:
        """Until told to stop; when the database goes away, again once it is back."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(self._working.threads + 1 + _OWN, "job"))
        chores = asyncio.create_task(self._keep_house())
        try:
            while not self._working.stop.is_set():
                try:
                    await self._run()
                except (exceptions.ConnectorException, Error, OSError) as error:
                    _log.warning("the database says %s; trying again", type(error).__name__)
                    await asyncio.sleep(self._working.poll)
        finally:
            chores.cancel()
            await asyncio.gather(chores, return_exceptions=True)
            await _in_thread(self._end)

    async def _run(self) -> None:
        app = self._engine.application(self._working)
        async with app.open_async():
            self._app = app
            running = [self._fetching(app, [URGENT, QUEUE], self._working.threads), self._fetching(app, [URGENT], 1)]
            self._ready()
            stopping = asyncio.create_task(self._stop())
            try:
                await asyncio.wait({*running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._app = None
                for each in (stopping, *running):
                    each.cancel()      # which waits for what runs; and that has been told to end
                ended = await asyncio.gather(*running, stopping, return_exceptions=True)
            for came in ended:
                if isinstance(came, Exception):
                    raise came

    def _fetching(self, app: procrastinate.App, queues: list[str], threads: int) -> asyncio.Task[None]:
        """Fetch from these queues, and run so many at a time."""
        working = self._working
        return asyncio.create_task(app.run_worker_async(
            queues=queues, name=working.id, concurrency=threads, fetch_job_polling_interval=working.poll,
            update_heartbeat_interval=working.lease / 5, stalled_worker_timeout=working.lease, delete_jobs="always",
            install_signal_handlers=False,
        ))  # fmt: skip

    async def _stop(self) -> None:
        while not self._working.stop.is_set():  # noqa: ASYNC110  threads wait for it as well, so it is none of asyncio's
            await asyncio.sleep(0.1)

    async def _keep_house(self) -> None:
        while True:
            try:
                await _in_thread(self._look)
                await self._take_up_stalled()
            except (exceptions.ConnectorException, Error, OSError) as error:
                _log.warning("housekeeping waits: the database says %s", type(error).__name__)
            await asyncio.sleep(max(1.0, self._working.poll))

    def _look(self) -> None:
        self._chores.look()
        self._engine.chase()

    def _end(self) -> None:
        try:
            self._chores.end()
        except Error as error:
            _log.warning("this worker's row stays: the database says %s", type(error).__name__)

    async def _take_up_stalled(self) -> None:
        """Entries of workers that are gone hold their lock: they run again, and find what became of their jobs."""
        app = self._app
        if app is None:
            return
        for entry in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=self._working.lease):
            _log.warning("%s stalled; it is taken up", entry.call_string)
            await _again(app, entry)


async def _again(app: procrastinate.App, entry: "Entry") -> None:
    try:
        await app.job_manager.retry_job(entry, retry_at=timezone.now())
    except exceptions.UniqueViolation:      # another entry waits for the same job
        await app.job_manager.finish_job(entry, Status.FAILED, delete_job=True)
    except exceptions.ConnectorException:   # another worker was quicker
        _log.debug("%s is not ours to take up", entry.call_string)


async def _in_thread(work: Callable[[], T]) -> T:
    """Do `work` in a thread that keeps no connection."""
    def closing() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    return await asyncio.to_thread(closing)
