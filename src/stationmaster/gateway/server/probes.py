"""Asks vendors whether credentials work: now and then for a worker, at once for the command line.

Owns: asking, and how long an answer may take. What is asked, when, and what an answer means is `core.probes`'s.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence

import msgspec

from stationmaster.gateway.core import faults, probes
from stationmaster.gateway.core.faults import Fault
from stationmaster.gateway.core.life import UPSTREAM, Happening
from stationmaster.gateway.core.probes import Answer, Finding
from stationmaster.gateway.core.replies import Reply
from stationmaster.gateway.core.snapshot import Credential, Settings
from stationmaster.gateway.core.upstreams import Upstream
from stationmaster.gateway.core.verdict import MAX_BODY
from stationmaster.gateway.server.dial import Dialer, tls_context
from stationmaster.gateway.server.outbound import UpstreamConnection, UpstreamPool
from stationmaster.gateway.server.ports import House
from stationmaster.gateway.server.proxies import Proxies

TIMEOUT = 10.0             # seconds for a whole answer, connecting included
AT_ONCE = 16               # probes under way

_STARTED = Happening("probe_started")


class _Question:
    """One probe under way. Implements `outbound.Listener`; what comes of it is a future."""

    method = "GET"

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._reply: Reply | None = None
        self._body = bytearray()
        self._connection: UpstreamConnection | None = None
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def on_connected(self, connection: UpstreamConnection) -> None:
        """Send it, unless it is too late."""
        if self.answer.done():
            connection.discard()
            return
        self._connection = connection
        connection.send(self, self._request)

    def on_unreachable(self, fault: Fault) -> None:
        """No answer."""
        self._settle(Answer(fault=fault.code))

    def on_reply(self, reply: Reply) -> Callable[[bytes], None]:
        """The answer begins."""
        self._reply = reply
        return self._take

    def _take(self, payload: bytes) -> None:
        """A list longer than this is one all the same; the rest of it is not read."""
        self._body += payload
        if len(self._body) > MAX_BODY:
            self.on_end()
            self.abandon()

    def on_end(self) -> None:
        """The answer is whole, or enough of it."""
        reply = self._reply
        if reply is not None:
            self._settle(Answer(reply.head.status, reply.fields(), bytes(self._body[:MAX_BODY])))

    def on_whole(self, reply: Reply, body: bytes) -> None:
        """The answer came at once."""
        self._reply = reply
        self._body += body
        self._connection = None
        self.on_end()

    def on_broken(self, fault: Fault, *, unanswered: bool) -> None:  # noqa: ARG002  no probe is sent twice
        """No whole answer."""
        self._connection = None
        self._settle(Answer(fault=fault.code))

    def on_upload_paused(self, paused: bool) -> None:
        """Never matters: the request is one small write."""

    def abandon(self) -> None:
        """Close the connection if the answer is still coming over it."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.listener is self:
            connection.discard()
        if not self.answer.done():
            self.answer.cancel()

    def _settle(self, answer: Answer) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)


async def ask(pool: UpstreamPool, upstream: Upstream) -> Answer:
    """Probe once. Always an answer, within `TIMEOUT`. Over a connection of its own: that one which was kept has
    gone stale would say nothing of the vendor."""
    question = _Question(probes.request(upstream, time.time()))
    pool.acquire(upstream.origin, question, fresh=True)
    try:
        async with asyncio.timeout(TIMEOUT):
            return await question.answer
    except TimeoutError:
        return Answer(fault=faults.UPSTREAM_TIMEOUT.code)
    finally:
        question.abandon()


class _Witness(msgspec.Struct):
    """A probe, as an event about a credential names it: no caller's request, and the vendor's status."""

    request_id: str
    upstream_status: int


class Prober:
    """One worker's probes. `tick` starts those that are due; each tells the worker's health what it found."""

    def __init__(self, worker: House) -> None:
        self._worker = worker
        self._last: dict[str, float] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def tick(self, now: float) -> None:
        """Start what is due at `now`, at most `AT_ONCE` together; the rest waits for a later tick."""
        table = self._worker.table
        if not table.settings.health_check_enabled or self._worker.draining:
            return
        self._last = {name: self._last.get(name, now) for name in table.upstreams}
        standings = [each.standing for name, each in table.upstreams.items() if name not in self._running]
        ready = probes.due(standings, now, table.settings.health_check_interval, self._last)
        for name in ready[: AT_ONCE - len(self._running)]:
            self._start(table.upstreams[name], now)

    def _start(self, upstream: Upstream, now: float) -> None:
        self._last[upstream.id] = now
        if upstream.standing.life.state == "disabled":
            self._worker.health.tell(upstream.standing, _STARTED)
        task = asyncio.get_running_loop().create_task(self._probe(upstream))
        self._running[upstream.id] = task
        task.add_done_callback(lambda _: self._running.pop(upstream.id, None))

    async def _probe(self, upstream: Upstream) -> None:
        answer = await ask(self._worker.upstreams, upstream)
        standing, known = upstream.standing, self._worker.table.upstreams.get(upstream.id)
        if known is None or known.standing is not standing or standing.life.state == "disabled":
            return   # of another secret, or something disabled it meanwhile and is the newer word
        happening = self._verdict(upstream, answer)
        if happening is not None:
            self._worker.health.tell(standing, happening, _Witness("", answer.status))

    def _verdict(self, upstream: Upstream, answer: Answer) -> Happening | None:
        now = self._worker.clock()
        life, wall = upstream.standing.life, self._worker.epoch + now
        try:
            return probes.verdict_of(upstream.vendor, answer, life, now=now, wall=wall)
        except Exception as error:  # noqa: BLE001  no mistake of ours may leave a credential half probed
            self._worker.upstreams.report(error)
            return Happening("upstream_fault", UPSTREAM, faults.INTERNAL.code)

    async def close(self) -> None:
        """End what still runs."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Checked(msgspec.Struct, frozen=True):
    """One credential as a check found it, and how many milliseconds that took."""

    credential: str
    vendor: str
    finding: Finding
    milliseconds: int


def check(
    credentials: Sequence[Credential], settings: Settings, proxies: Proxies, heard: Callable[[Checked], None]
) -> list[Checked]:
    """Probe each of `credentials` once, from this process, `AT_ONCE` together. `heard` is told of each as it comes;
    the result is in the order given. Raises OSError (ssl.SSLError among them) when `ca_bundle` cannot be read."""
    dialer = Dialer(tls_context(settings.ca_bundle), proxies, settings.connect_timeout, settings.private)
    return asyncio.run(_check_all([Upstream(each) for each in credentials], UpstreamPool(dialer, _report), heard))


def _report(error: Exception) -> None:
    """Say that we made a mistake; no values nor messages, which may hold what passed by."""
    print(f"stationmaster: {type(error).__name__} in a probe", file=sys.stderr, flush=True)


async def _check_all(
    upstreams: Sequence[Upstream], pool: UpstreamPool, heard: Callable[[Checked], None]
) -> list[Checked]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(upstream: Upstream) -> Checked:
        async with room:
            checked = await _check(pool, upstream)
        heard(checked)
        return checked

    try:
        return await asyncio.gather(*map(one, upstreams))
    finally:
        await pool.close()


async def _check(pool: UpstreamPool, upstream: Upstream) -> Checked:
    started = time.monotonic()
    answer = await ask(pool, upstream)
    now = time.monotonic()
    found = probes.finding(upstream.vendor, answer, now=now, wall=time.time())
    return Checked(upstream.id, upstream.vendor, found, round((now - started) * 1000))
