"""The upstreams' model lists: fetched in the background, kept, shown through routes, aliases and the key.

Owns: when to fetch. What a list looks like is `core.models`'s.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator

from stationmaster.gateway.core import faults, models
from stationmaster.gateway.core.faults import Fault
from stationmaster.gateway.core.replies import Reply
from stationmaster.gateway.core.table import Table
from stationmaster.gateway.core.upstreams import Upstream
from stationmaster.gateway.server.exchange import Exchange
from stationmaster.gateway.server.outbound import UpstreamConnection
from stationmaster.gateway.server.ports import House

FIRST_WAIT = 0.8             # seconds a request waits for the first lists; Claude Code gives up after 3
FETCH_TIMEOUT = 10.0
AT_ONCE = 32                 # lists that are fetched at the same time
MAX_LIST = 8 * 1024 * 1024


class _Fetch:
    """One GET of a model list. Implements `outbound.Listener`; its outcome is a future."""

    method = "GET"

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._status = 0
        self._body = b""
        self._connection: UpstreamConnection | None = None
        self.outcome: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def on_connected(self, connection: UpstreamConnection) -> None:
        if self.outcome.done():
            connection.discard()
            return
        self._connection = connection
        connection.send(self, self._request)

    def on_unreachable(self, fault: Fault) -> None:
        self._settle(b"")

    def on_reply(self, reply: Reply) -> Callable[[bytes], None]:
        self._status = reply.head.status
        return self._take

    def _take(self, payload: bytes) -> None:
        self._body += payload
        if len(self._body) > MAX_LIST:
            self.abandon()

    def on_end(self) -> None:
        self._connection = None
        self._settle(self._body if self._status == 200 else b"")

    def on_whole(self, reply: Reply, body: bytes) -> None:
        self.on_reply(reply)
        self._take(body)
        self.on_end()

    def on_broken(self, fault: Fault, *, unanswered: bool) -> None:
        self._connection = None
        self._settle(b"")

    def on_upload_paused(self, paused: bool) -> None:
        """Never matters: the request is one small write."""

    def abandon(self) -> None:
        """Give up and close."""
        if self._connection is not None:
            self._connection.discard()
        self._settle(b"")

    def _settle(self, body: bytes) -> None:
        if not self.outcome.done():
            self.outcome.set_result(body)


class Catalogue:
    """All lists of one worker, by credential. A list that cannot be fetched keeps its last content."""

    def __init__(self, worker: House) -> None:
        self._worker = worker
        self._lists: dict[str, models.Listing] = {}
        self._fetched = -1e9
        self._running: asyncio.Task[None] | None = None
        self._wanted: set[str] | None = set()    # to be fetched once more after those that run now; None: all
        self._waits: set[asyncio.Task[None]] = set()

    def serve(self, exchange: Exchange) -> None:
        """Answer a models request: at once when lists are there, else after a short wait for them."""
        self._refresh_if_old()
        if self._lists or self._running is None:
            self._answer(exchange)
            return
        wait = asyncio.get_running_loop().create_task(self._answer_soon(exchange, self._running))
        self._waits.add(wait)
        wait.add_done_callback(self._waits.discard)

    async def _answer_soon(self, exchange: Exchange, running: "asyncio.Task[None]") -> None:
        await asyncio.wait([running], timeout=FIRST_WAIT)
        if not exchange.over:
            try:
                self._answer(exchange)
            except Exception as error:  # noqa: BLE001  a mistake of ours must not leave a client without an answer
                self._worker.upstreams.report(error)
                exchange.fail(faults.INTERNAL)

    def _answer(self, exchange: Exchange) -> None:
        head, key = exchange.head, exchange.head.key
        assert key is not None  # noqa: S101  the door needs one
        visible = models.visible(exchange.table, key, self._lists, head.dialect)
        if head.endpoint.kind == "models":
            exchange.answer_locally(200, models.listing(visible, head.dialect))
            return
        found = models.item(visible, head.model, head.dialect)
        if found is None:
            exchange.fail(faults.no_route(head.model))
        else:
            exchange.answer_locally(200, found)

    def _refresh_if_old(self) -> None:
        age = self._worker.clock() - self._fetched
        if self._running is None and age > self._worker.table.settings.models_refresh:
            self.refresh()

    def refresh(self, only: Collection[str] | None = None) -> None:
        """Fetch the lists of these credentials anew, or every list, in the background."""
        if self._running is not None:
            self._wanted = None if only is None or self._wanted is None else {*self._wanted, *only}
            return
        if only is None:
            self._fetched = self._worker.clock()
        self._running = asyncio.get_running_loop().create_task(self._fetch_all(self._worker.table, only))
        self._running.add_done_callback(self._done)

    def _done(self, _task: "asyncio.Task[None]") -> None:
        self._running = None
        wanted, self._wanted = self._wanted, set()
        if wanted is None or wanted:
            self.refresh(wanted)

    async def _fetch_all(self, table: Table, only: Collection[str] | None) -> None:
        self._lists = {known: listing for known, listing in self._lists.items() if known in table.upstreams}
        names = iter(list(table.upstreams if only is None else only))
        await asyncio.gather(*(self._fetch_in_turn(table, names) for _ in range(AT_ONCE)))

    async def _fetch_in_turn(self, table: Table, names: Iterator[str]) -> None:
        """Take what is left, one after the other: so many tasks as there are fetches at once, not as credentials."""
        for name in names:
            if name in table.upstreams and models.lists(table.upstreams[name]):
                await self._fetch(table.upstreams[name])

    async def _fetch(self, upstream: Upstream) -> None:
        fetch = _Fetch(models.request(upstream))
        self._worker.upstreams.acquire(upstream.origin, fetch, fresh=True)
        try:
            async with asyncio.timeout(FETCH_TIMEOUT):
                body = await fetch.outcome
        except TimeoutError:
            return
        finally:
            if not fetch.outcome.done() or fetch.outcome.cancelled():
                fetch.abandon()
        listing = models.read(upstream, body)
        if listing is not None:
            self._lists[upstream.id] = listing

    async def close(self) -> None:
        """End what still runs."""
        self._wanted = set()
        tasks = [*self._waits, *([self._running] if self._running else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
