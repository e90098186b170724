"""One worker: a loop, a listening socket, and everything that serves from one snapshot at a time. Owns: the
clock, the connections, drain. Started by the supervisor as a process of its own, or by a test in a thread.
"""

import asyncio
import os
import resource
import socket
import sys
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stationmaster.gateway.core.building import Building
from stationmaster.gateway.core.events import Event
from stationmaster.gateway.core.health import Health
from stationmaster.gateway.core.memory import Memory
from stationmaster.gateway.core.records import BadUpdate, Update, records_of, whole
from stationmaster.gateway.core.requests import RequestHead
from stationmaster.gateway.core.retries import RetryBudget
from stationmaster.gateway.core.snapshot import Settings, Snapshot
from stationmaster.gateway.core.table import Table
from stationmaster.gateway.server.accepting import Accepting
from stationmaster.gateway.server.catalogue import Catalogue
from stationmaster.gateway.server.dial import Dialer, tls_context
from stationmaster.gateway.server.eventlog import EventLog
from stationmaster.gateway.server.inbound import ClientConnection
from stationmaster.gateway.server.outbound import UpstreamPool
from stationmaster.gateway.server.ports import Waiting
from stationmaster.gateway.server.probes import Prober
from stationmaster.gateway.server.proxies import Proxies
from stationmaster.gateway.server.sharing import Sharing
from stationmaster.tls.context import Front, Material

if TYPE_CHECKING:
    from stationmaster.gateway.server.tracing import Tracing

TICK = 0.5                 # seconds; every timeout is checked this often, so it is never exact
TURN = 0.002               # seconds for which a new configuration keeps requests waiting at a time
MANY = 1000                # parts that are not let go of while the table is in use that had them
SPARE_FILES = 64           # open files kept for what is no connection
FAREWELL_IDLE = 5.0        # seconds for an idle connection to ask once more of a worker that retires
FAREWELL = 2.0             # seconds for a client to end TLS too, once we have


class Worker:
    """Serves one listening socket. `run` until `stop`; `adopt` an update, or `apply` a snapshot, in between."""

    def __init__(
        self, snapshot: Snapshot, events: Path | None = None, proxies: Proxies | None = None, *, probes: bool = True,
        spool: Path | None = None, tls: Material | None = None, tracing: "Tracing | None" = None,
    ) -> None:
        """`tls`: what clients are shown; None: they speak plain HTTP. `tracing`: who makes spans of events. Raises OSError
        (`events`, `spool`, `ca_bundle`) or ssl.SSLError before anything is served."""
        self.memory = Memory(snapshot.settings.workers)
        self.table = Table(snapshot, self.memory)
        settings = snapshot.settings
        self.clock = time.monotonic
        self.epoch = time.time() - self.clock()   # what makes wall-clock time of the clock's
        self.now = self.clock()            # coarse: as of the last tick
        self.buffered = 0                  # bytes of request bodies held
        self.draining = False
        self.farewell = 0.0        # seconds for which an idle connection is kept while we drain
        self.orphans: set[Waiting] = set()
        self.clients: set[ClientConnection] = set()
        self._proxies = proxies or Proxies()
        self.upstreams = UpstreamPool(self._dialer(settings), self.report)
        self.catalogue = Catalogue(self)
        self._tracing = tracing
        self.traced = tracing is not None
        if tracing is not None:
            tracing.vendor_of = lambda name: upstream.vendor if (upstream := self.table.upstreams.get(name)) else ""
        self._log = EventLog(events, spool, tracing.take if tracing is not None else None)
        self.record: Callable[[Event], None] = self._log.add
        self.health = Health(self.memory, settings, self.clock, self.epoch, self._log.add)
        self.health.first = probes
        self.retries = RetryBudget()
        self.sharing = Sharing(self.memory, self.health, lambda: self.table)
        self.sharing.pushed = self.traced
        self._prober = Prober(self) if probes else None    # of several workers one probes
        self._id_base = f"req_{os.urandom(6).hex()}"
        self._ids = 0
        self._turn = 0
        self._room = settings.max_connections or _room()
        self._releasing: set[asyncio.Task[None]] = set()
        self._stops = 0
        self._stopping: asyncio.Event | None = None
        self._accepting: Accepting | None = None
        self._front = Front(tls) if tls is not None else None

    # What connections and exchanges ask for.

    def new_request_id(self) -> str:
        """Unique over workers and restarts."""
        self._ids += 1
        return "%s%x" % (self._id_base, self._ids)   # noqa: UP031  half the cost of an f-string

    def anybody(self) -> int:
        """The number of a session that nobody named: steps of the golden ratio spread evenly over the 64 bits."""
        self._turn = (self._turn + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        return self._turn

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call something in a while."""
        asyncio.get_running_loop().call_later(seconds, call)

    def tell_owners(self) -> None:
        """Let the other workers know at once whose the ids are that were learned."""
        self.sharing.tell_owners()

    def admit(self, client: ClientConnection) -> bool:
        """Count a new connection; False when there is no room for it."""
        self.clients.add(client)
        return len(self.clients) + len(self.orphans) <= self._room

    def leave(self, client: ClientConnection) -> None:
        """A connection is gone."""
        self.clients.discard(client)

    def public_answer(self, head: RequestHead, *, close: bool) -> bytes:
        """The doors without a key: alive, ready, hello."""
        body = b'{"status":"ok"}'
        return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%b\r\n%b" % (
            len(body), b"connection: close\r\n" if close else b"", b"" if head.head_only else body
        )

    # Its life.

    def _dialer(self, settings: Settings) -> Dialer:
        return Dialer(tls_context(settings.ca_bundle), self._proxies, settings.connect_timeout, settings.private)

    def apply(self, snapshot: Snapshot) -> None:
        """Serve from `snapshot` from the next request on; requests under way keep theirs. Raises OSError or
        ssl.SSLError and changes nothing when its `ca_bundle` cannot be read."""
        dialer = self._dialer(snapshot.settings)
        building = Building(whole(records_of(snapshot), snapshot.version), self.memory, self.table.parts)
        for _ in building.steps():
            pass
        self._switch(building, dialer)
        for _ in building.release():
            pass

    async def adopt(self, update: Update) -> None:
        """The same for what an update makes of the snapshot, with requests served in between. Raises BadUpdate when it
        was made for another one, and as `apply` does."""
        if update.base not in (None, self.table.version):
            raise BadUpdate(f"it is for revision {update.base}, and {self.table.version} is served")
        dialer, settings = self.upstreams.dialer, next(iter(update.puts.get("settings", ())), None)
        if isinstance(settings, Settings):    # certificates are read, which takes time
            dialer = await asyncio.get_running_loop().run_in_executor(None, self._dialer, settings)
        building = Building(update, self.memory, self.table.parts)
        await self._in_turns(building.steps())
        before = weakref.ref(self.table)
        self._switch(building, dialer)
        task = asyncio.get_running_loop().create_task(self._release(building, before))
        self._releasing.add(task)
        task.add_done_callback(self._releasing.discard)

    def _switch(self, building: Building, dialer: Dialer) -> None:
        """From here on it is the new table."""
        self.table = self.table.succeed(building)
        self.upstreams.use(dialer)
        if self.memory.standings.keys() != self.table.upstreams.keys():
            self.memory.keep(self.table.upstreams)
        if self.memory.incoming:
            self.memory.keep_incoming({name for name, each in self.table.upstreams.items() if each.other is not None})
        self.health.apply(self.table.settings)
        if building.upstreams:
            self.catalogue.refresh(building.upstreams)

    async def _in_turns(self, steps: Iterator[None]) -> None:
        """Take the steps, and let others have their turn in between."""
        until = self.clock() + TURN
        for _ in steps:
            if self.clock() >= until:
                await asyncio.sleep(0)
                until = self.clock() + TURN

    async def _release(self, building: Building, before: "weakref.ref[Table]") -> None:
        """Let go of what was replaced. If that is much, only once no request uses the table before: with it, all would
        go at once."""
        while building.unused > MANY and before() is not None:  # noqa: ASYNC110  a table says nothing when it goes
            await asyncio.sleep(TICK)
        await self._in_turns(building.release())

    def report(self, error: Exception) -> None:
        """Say that we made a mistake, and where. Neither values nor messages: they may hold what passed by."""
        places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
        print(f"stationmaster: {type(error).__name__} at {' > '.join(places)}", file=sys.stderr, flush=True)

    async def run(self, listener: socket.socket) -> None:
        """Serve `listener` until `stop`, then drain."""
        loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._accepting = Accepting(listener, lambda: ClientConnection(self), self._encryption())
        await self._accepting.start()
        self.catalogue.refresh()
        ticking = loop.create_task(self._tick_forever())
        try:
            await self._stopping.wait()
            await self._drain()
        finally:
            for task in (ticking, *self._releasing):
                task.cancel()
            await asyncio.gather(ticking, *self._releasing, return_exceptions=True)
            await self.catalogue.close()
            if self._prober is not None:
                await self._prober.close()
            await self.upstreams.close()
            try:
                self._share()
            finally:
                self._log.close()
                if self._tracing is not None:
                    self._tracing.close()

    def _encryption(self) -> dict[str, Any]:
        """How the listener speaks TLS, if it does: a handshake takes as long as a request's head may."""
        if self._front is None:
            return {}
        patience = self.table.settings.head_timeout
        return {"ssl": self._front.context, "ssl_handshake_timeout": patience, "ssl_shutdown_timeout": FAREWELL}

    def show(self, material: Material) -> None:
        """Show clients another certificate from now on. One that cannot be used changes nothing; the supervisor tried it."""
        try:
            if self._front is not None:
                self._front.use(material)
        except OSError as error:      # ssl.SSLError is one
            self.report(error)

    def stop(self) -> None:
        """Begin to drain; a second call ends the drain."""
        self._stops += 1
        if self._stopping is not None:
            self._stopping.set()

    def retire(self) -> None:
        """Begin to drain because another worker has our place: nobody is in a hurry, so that idle connections get a moment for
        one more request."""
        if not self._stops and self._stopping is not None:
            self.farewell = FAREWELL_IDLE
            self._stopping.set()

    async def _drain(self) -> None:
        """Stop accepting, let what is open finish, then end it audibly."""
        assert self._accepting is not None  # noqa: S101  run() set it
        self.draining = True
        self._accepting.close()
        deadline = self.clock() + self.table.settings.drain_seconds
        for client in list(self.clients):
            client.drain(self.farewell)
        while (self.clients or self.orphans) and self.clock() < deadline and self._stops <= 1:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        open_exchanges = [client.exchange for client in self.clients if client.exchange is not None]
        for exchange in [*open_exchanges, *self.orphans]:
            exchange.drain()
        await asyncio.sleep(0.05)
        for client in list(self.clients):
            client.transport.abort()
        await asyncio.sleep(0)

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            try:
                self._tick()
            except Exception as error:  # noqa: BLE001  no mistake of ours may end every timeout
                self.report(error)

    def _tick(self) -> None:
        self.now = now = self.clock()
        self.epoch = time.time() - now
        self.health.look()
        if self._prober is not None:
            self._prober.tick(now)
        for client in list(self.clients):
            client.tick(now)
        for exchange in list(self.orphans):
            exchange.tick(now)
        self.upstreams.sweep(now)
        self._share()

    def _share(self) -> None:
        """Tell the other workers what they should know, and write the events."""
        now = self.clock()
        self.retries.admit(len(self._log.pending))
        try:
            unsent = self._tracing.dropped() if self._tracing is not None else 0
            self.sharing.tick(self._log.pending, self._log.dropped(), now, self.epoch + now, unsent)
        finally:
            self._log.flush()


def _room() -> int:
    """How many clients the open-file limit leaves room for: each may need a connection upstream as well."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        limit = 1_000_000
    return max(16, (limit - SPARE_FILES) // 2)
