"""The side towards upstreams: connections, their pool, and where one answer ends. Owns: framing of answers
and the rule that a connection is used again only if its answer was read to the end. Decides nothing else.
"""

import asyncio
import errno
import ssl
import sys
from collections.abc import Callable
from typing import Protocol, cast

from stationmaster.gateway.core import faults
from stationmaster.gateway.core.chunked import ChunkedReader
from stationmaster.gateway.core.faults import Fault
from stationmaster.gateway.core.replies import Reply, ReplyHead, read_reply
from stationmaster.gateway.core.upstreams import Origin
from stationmaster.gateway.core.wire import MAX_HEAD, ProtocolError
from stationmaster.gateway.server.dial import Dialer

READ_SIZE = 32 * 1024       # one read; also what a slow client can make us hold
IDLE_LIFE = 50.0            # seconds; vendors' load balancers close at 60
MAX_IDLE = 1024             # an origin
_FULL = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})     # of this process, or of this machine
TELL_EVERY = 30.0           # seconds between two lines about one origin
MAX_INTERIM = 32            # 1xx answers to one request

class Listener(Protocol):
    """Who is told of an answer, in this order."""

    method: str

    def on_connected(self, connection: "UpstreamConnection") -> None:
        """A connection is there; the request may be sent."""

    def on_unreachable(self, fault: Fault) -> None:
        """No connection could be made."""

    def on_reply(self, reply: Reply) -> Callable[[bytes], None]:
        """The final answer's head (no 1xx). Returns who takes the body's pieces, framing removed; of an
        upgraded connection, its bytes."""

    def on_end(self) -> None:
        """The answer is whole."""

    def on_whole(self, reply: Reply, body: bytes) -> None:
        """Instead of the three before: an answer with a length that came in one piece."""

    def on_broken(self, fault: Fault, *, unanswered: bool) -> None:
        """The connection died before the answer was whole; `unanswered`: before any byte of it."""

    def on_upload_paused(self, paused: bool) -> None:
        """Whether the upstream takes no more of the request just now."""


class UpstreamConnection(asyncio.BufferedProtocol):
    """One connection to an origin. Serves one exchange (its listener) at a time."""

    __slots__ = (
        "_carry", "_chunks", "_framing", "_interim", "_last", "_left", "_pool", "_take", "heard", "idle_since",
        "listener", "origin", "paused", "private", "reusable", "transport", "used", "whole_request",
    )

    def __init__(self, pool: "UpstreamPool", origin: Origin, private: tuple[str, ...] | None = None) -> None:
        """`private`: what was allowed when it was made (`Dialer`)."""
        self._pool = pool
        self.origin = origin
        self.private = private
        self.listener: Listener | None = None
        self.transport: asyncio.Transport
        self.used = 0
        self.idle_since = 0.0
        self.reusable = True
        self.whole_request = True
        self.paused = False
        self.heard = False     # since this was last set to False
        self._take: Callable[[bytes], None]
        self._carry = b""
        self._framing = ""     # of the answer being read; empty: its head has not come
        self._left = 0
        self._interim = 0
        self._chunks: ChunkedReader | None = None
        self._last: ReplyHead | None = None    # most likely the next answer's head as well

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's do not inherit from it
        # Any byte that waits pauses. A TLS transport counts differently: with 0 an empty buffer would be full.
        self.transport.set_write_buffer_limits(high=1 if transport.get_extra_info("sslcontext") else 0, low=0)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._pool.buffer

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self._pool.view[:nbytes])
        self.heard = True
        try:
            if self.listener is None:
                self.discard()  # nobody asked: an answer to nothing must not meet the next request
            elif self._framing:
                self._body(data)
            else:
                self._head(self.listener, data)
        except Exception as error:  # noqa: BLE001  a mistake of ours must not leave a client without an end
            self._pool.report(error)
            self._break(faults.INTERNAL, unanswered=False)

    def send(self, listener: Listener, request: bytes, *, whole: bool = True) -> None:
        """Start an exchange with the first bytes of its request (all of them when `whole`)."""
        self.listener = listener
        self._framing = ""
        self._interim = 0
        self.whole_request = whole
        self.used += 1
        self.transport.write(request)

    def pause(self) -> None:
        """Read no more until `resume`: whoever takes the answer is slower than the upstream."""
        if not self.paused and not self.transport.is_closing():
            self.paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Undo `pause`."""
        if self.paused:
            self.paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def _head(self, listener: Listener, data: bytes) -> None:
        last = self._last
        reply = last.again(data) if last is not None and not self._carry and listener.method != "HEAD" else None
        if reply is not None:
            self._begin(listener, reply, data[reply.size :])
            return
        if self._carry:
            data, self._carry = self._carry + data, b""
        end = data.find(b"\r\n\r\n") + 4
        if end == 3 or end > MAX_HEAD or not data.startswith(b"HTTP/1"):
            self._partial_head(data)
            return
        try:
            reply = read_reply(data[:end], listener.method)
        except ProtocolError:
            self._garbage()
            return
        if reply.head.status < 200 and reply.head.status != 101:
            self._skip_interim(listener, data[end:])
            return
        if listener.method != "HEAD":
            self._last = reply.head
        self._begin(listener, reply, data[end:])

    def _partial_head(self, data: bytes) -> None:
        if len(data) > MAX_HEAD or not data.startswith(b"HTTP/1"[: len(data)]):
            self._garbage()
        else:
            self._carry = data

    def _skip_interim(self, listener: Listener, rest: bytes) -> None:
        self._interim += 1
        if self._interim > MAX_INTERIM:
            self._garbage()
        elif rest:
            self._head(listener, rest)

    def _begin(self, listener: Listener, reply: Reply, rest: bytes) -> None:
        head = reply.head
        framing = head.framing
        self.reusable = head.keep_alive and self.whole_request
        if framing == "length" and reply.length == len(rest):
            self._release()
            listener.on_whole(reply, rest)
            return
        self._framing = framing
        if framing == "length":
            self._left = reply.length
        elif framing == "chunked":
            self._chunks = ChunkedReader()
        elif head.status == 101:
            self.reusable, self._framing = False, "tunnel"
        self._take = listener.on_reply(reply)
        if self.listener is not listener:
            return
        if self._framing == "none":
            self._finish(rest)
        elif rest:
            self._body(rest)

    def _body(self, data: bytes) -> None:
        if self._framing == "length":
            left = self._left = self._left - len(data)
            if left > 0:
                self._take(data)
            elif not left:
                self._take(data)
                self._finish(b"")
            else:
                self._take(data[:left])
                self._finish(data[left:])
        elif self._framing == "chunked":
            self._body_by_chunks(data)
        else:
            self._take(data)

    def _body_by_chunks(self, data: bytes) -> None:
        chunks = self._chunks
        assert chunks is not None  # noqa: S101  set in _begin
        try:
            payload = chunks.feed(data)
        except ProtocolError:
            self._garbage()
            return
        if payload:
            self._take(payload)
        if chunks.done and self.listener is not None:
            self._finish(chunks.rest)

    def _finish(self, rest: bytes) -> None:
        """The answer is whole. Bytes behind it belong to nothing, so the connection goes with them."""
        listener = self.listener
        self._framing, self._chunks = "", None
        self.reusable = self.reusable and not rest
        self._release()
        if listener is not None:
            listener.on_end()

    def _release(self) -> None:
        """Let go of the listener; wait for the next one, or close."""
        self.listener = None
        if self.paused:
            self.resume()
        if self.reusable:
            self._pool.put(self)
        else:
            self.discard()

    def _garbage(self) -> None:
        self._break(faults.STREAM_BROKEN if self._framing else faults.UPSTREAM_GARBAGE, unanswered=False)

    def _break(self, fault: Fault, *, unanswered: bool) -> None:
        listener, self.listener = self.listener, None
        self.discard()
        if listener is not None:
            listener.on_broken(fault, unanswered=unanswered)

    def discard(self) -> None:
        """Close now and never use again; whatever was still to come is lost on purpose."""
        self.listener = None
        self.reusable = False
        self._pool.forget(self)
        self.transport.abort()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.forget(self)
        if self.listener is None:
            return
        if self._framing == "close" and exc is None:
            self.reusable = False
            self._finish(b"")
        elif self._framing:
            self._break(faults.STREAM_BROKEN, unanswered=False)
        else:
            self._break(faults.UPSTREAM_CLOSED, unanswered=not self._carry and not self._interim)

    def pause_writing(self) -> None:
        if self.listener is not None:
            self.listener.on_upload_paused(True)

    def resume_writing(self) -> None:
        if self.listener is not None:
            self.listener.on_upload_paused(False)


class UpstreamPool:
    """Idle connections by origin, and the making of new ones."""

    def __init__(self, dialer: Dialer, report: Callable[[Exception], None]) -> None:
        self.dialer = dialer
        self.report = report
        self.buffer = bytearray(READ_SIZE)     # one for every connection: it is read and emptied in one step of the loop
        self.view = memoryview(self.buffer)
        self._all: set[UpstreamConnection] = set()
        self._told: dict[Origin, float] = {}
        self._idle: dict[Origin, list[UpstreamConnection]] = {}
        self._dials: set[asyncio.Task[None]] = set()

    def use(self, dialer: Dialer) -> None:
        """Connect with `dialer` from now on. If other private addresses are allowed now, connections made before serve no
        further request."""
        before, self.dialer = self.dialer, dialer
        if dialer.private != before.private:
            self._close_idle()

    def acquire(self, origin: Origin, listener: Listener, *, fresh: bool = False) -> None:
        """Give `listener` a connection: an idle one at once, else a new one when it is there."""
        idle = self._idle.get(origin)
        if idle and not fresh:
            listener.on_connected(idle.pop())
            return
        dial = asyncio.get_running_loop().create_task(self._dial(origin, listener))
        self._dials.add(dial)
        dial.add_done_callback(self._dials.discard)

    async def _dial(self, origin: Origin, listener: Listener) -> None:
        dialer = self.dialer
        try:
            connection = await dialer.connect(origin, lambda: UpstreamConnection(self, origin, dialer.private))
        except ssl.SSLError as error:
            self._tell(origin, error)
            listener.on_unreachable(faults.UPSTREAM_TLS)
        except (OSError, TimeoutError) as error:
            self._tell(origin, error)
            listener.on_unreachable(self._whose(error))
        except Exception as error:  # noqa: BLE001  whoever waits must hear of it
            self.report(error)
            listener.on_unreachable(faults.UNREACHABLE)
        else:
            self._all.add(connection)
            listener.on_connected(connection)

    def _whose(self, error: OSError) -> Fault:
        """The upstream's fault, or ours: where we may open nothing more, what idles anywhere makes room for the next."""
        if error.errno not in _FULL:
            return faults.UNREACHABLE
        self._close_idle()
        return faults.NO_FILES

    def _close_idle(self) -> None:
        for idle in self._idle.values():
            while idle:
                idle.pop().transport.abort()

    def _tell(self, origin: Origin, error: Exception) -> None:
        """One line for the operator, now and then: who cannot be reached, and why."""
        now = asyncio.get_running_loop().time()
        if now - self._told.get(origin, -TELL_EVERY) >= TELL_EVERY:
            self._told[origin] = now
            why = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or type(error).__name__
            print(f"stationmaster: cannot reach {origin[1]}:{origin[2]}: {why}", file=sys.stderr, flush=True)

    def put(self, connection: UpstreamConnection) -> None:
        """Keep `connection` for the next exchange."""
        idle = self._idle.get(connection.origin)
        if idle is None:
            idle = self._idle[connection.origin] = []
        if len(idle) < MAX_IDLE and connection.private == self.dialer.private:
            connection.idle_since = 0.0   # the next sweep dates it, coarsely
            idle.append(connection)
        else:
            connection.transport.abort()

    def forget(self, connection: UpstreamConnection) -> None:
        """`connection` is closing: it must not be given out again."""
        self._all.discard(connection)
        idle = self._idle.get(connection.origin)
        if idle and connection in idle:
            idle.remove(connection)

    def sweep(self, now: float) -> None:
        """Close what has been idle too long. The longest idle stand first."""
        for idle in self._idle.values():
            for connection in idle:
                if not connection.idle_since:
                    connection.idle_since = now
            while idle and now - idle[0].idle_since > IDLE_LIFE:
                idle.pop(0).transport.abort()

    async def close(self) -> None:
        """Close every connection and end every dial."""
        for dial in self._dials:
            dial.cancel()
        await asyncio.gather(*self._dials, return_exceptions=True)
        for connection in list(self._all):
            connection.discard()
