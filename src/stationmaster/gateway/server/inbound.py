"""The side towards clients: one connection, its requests one after another. Owns: reading requests whole and
in order, and when the connection ends. What a request means is `gateway.core`'s, its way is `Exchange`'s.
"""

import asyncio
from typing import Protocol, cast

from stationmaster.gateway.core import faults
from stationmaster.gateway.core.chunked import ChunkedReader
from stationmaster.gateway.core.endpoints import dialect_of
from stationmaster.gateway.core.faults import Fault
from stationmaster.gateway.core.peek import Refused
from stationmaster.gateway.core.requests import Body, RequestHead
from stationmaster.gateway.core.wire import PartialHead, ProtocolError
from stationmaster.gateway.server.catalogue import Catalogue
from stationmaster.gateway.server.decode import decode
from stationmaster.gateway.server.exchange import Exchange
from stationmaster.gateway.server.ports import House
from stationmaster.gateway.server.uploads import Upload

PIPELINE_LIMIT = 64 * 1024     # bytes of further requests held while one is served
LINGER = 2.0                   # seconds in which a refused client may still read our answer
DECODE_ASIDE = 16 * 1024      # compressed bodies larger than this are decoded off the loop


class Host(House, Protocol):
    """What a client connection asks of its worker."""

    @property
    def catalogue(self) -> Catalogue:
        """The model lists."""

    def admit(self, client: "ClientConnection") -> bool:
        """Count a new connection; False when there is no room for it."""

    def leave(self, client: "ClientConnection") -> None:
        """The connection is gone."""

    def public_answer(self, head: RequestHead, *, close: bool) -> bytes:
        """The answer of a door without a key."""

    def report(self, error: Exception) -> None:
        """We made a mistake: say where."""


class ClientConnection(asyncio.Protocol):
    """One client's connection. At most one exchange at a time; what comes early waits in order."""

    __slots__ = (
        "_body", "_buffer", "_chunks", "_closing", "_early", "_head", "_held", "_known", "_left", "_likely", "_reserved",
        "_upload", "_waiting", "deadline", "exchange", "slow", "transport", "worker",
    )

    def __init__(self, worker: Host) -> None:
        self.worker = worker
        self.transport: asyncio.Transport
        self.exchange: Exchange | None = None
        self.slow = False              # the client takes no more just now
        self.deadline = 0.0
        self._buffer = b""             # bytes that no request has taken yet
        self._head: RequestHead | None = None   # of a request whose body is still coming
        self._body: list[bytes] = []
        self._left = 0
        self._chunks: ChunkedReader | None = None
        self._reserved = 0
        self._upload: Upload | None = None
        self._closing = False          # our last answer is out; what comes now is thrown away
        self._held = False             # reading is paused
        self._waiting = False          # a further request is here, and its turn is about to come
        self._early: PartialHead | None = None   # reads a head that comes in pieces
        self._known: RequestHead | None = None   # the last simple head, most likely the next one as well
        self._likely: RequestHead | None = None  # the same, while nothing is under way and no byte is kept

    # The socket.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's do not inherit from it
        # Any byte that waits pauses. A TLS transport counts differently: with 0 an empty buffer would be full.
        self.transport.set_write_buffer_limits(high=0 if transport.get_extra_info("sslcontext") is None else 1, low=0)
        patience = self.worker.table.settings.keepalive_timeout if not self.worker.draining else self.worker.farewell
        self.deadline = self.worker.now + patience   # accepted while the drain began: serve what is here, then close
        if not self.worker.admit(self):
            self._refuse(faults.TOO_MANY_CONNECTIONS, "openai")

    def data_received(self, data: bytes) -> None:
        try:
            likely = self._likely
            if likely is not None:
                self._likely = None
                body = likely.body_again(data) if likely.keys is self.worker.table.keys else None
                if body is not None and len(data) <= PIPELINE_LIMIT:
                    exchange = self.exchange = Exchange(self.worker, self, likely)
                    exchange.start(body)
                    return
            self._take(data)
        except Exception as error:  # noqa: BLE001  a mistake of ours must not leave a client without an answer
            self.worker.report(error)
            self._refuse(faults.INTERNAL, "openai")

    def _take(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is None and self._head is None and not self._closing and not self._waiting:
            self._request(self._buffer + data if self._buffer else data)
        elif self._closing:
            return
        elif self._upload is not None:
            self._upload.feed(data)
        elif self._head is not None:
            self._collect(data)
        elif exchange is not None and exchange.tunnel:
            exchange.tunnel_up(data)
        else:
            self._wait_in_line(data)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.worker.leave(self)
        self.unreserve()
        self._closing = True
        exchange, self.exchange, self._upload = self.exchange, None, None
        if exchange is not None:
            exchange.client_gone()

    def pause_writing(self) -> None:
        self.slow = True
        if self.exchange is not None:
            self.exchange.client_slow(True)

    def resume_writing(self) -> None:
        self.slow = False
        if self.exchange is not None:
            self.exchange.client_slow(False)
        elif self._waiting:
            self._resume()

    # A request's head.

    def _request(self, data: bytes) -> None:
        """Begin a request with what has come."""
        end = data.find(b"\r\n\r\n")
        if end < 0 or data[0] in b"\r\n":
            self._partial(data, end)
            return
        self._early = None
        table = self.worker.table
        try:
            head, length = table.understand(data[: end + 4])
        except ProtocolError as error:
            self._refuse_bytes(error, data)
            return
        if head.simple and length is not None:
            self._known = head
            self._simple(head, length, data, end + 4)
        else:
            self._begin(head, length, data[end + 4 :])

    def _simple(self, head: RequestHead, length: int, data: bytes, at: int) -> None:
        """The usual request; usually its body is here as well and nothing behind it."""
        if len(data) == at + length <= PIPELINE_LIMIT:
            self._buffer = b""
            exchange = self.exchange = Exchange(self.worker, self, head)
            exchange.start(data[at:])
        else:
            self._begin_json(head, length, data[at:])

    def _partial(self, data: bytes, end: int) -> None:
        """No whole head yet, or empty lines before it, which are skipped (RFC 9112 2.2)."""
        stripped = data
        while stripped.startswith(b"\r\n"):
            stripped = stripped[2:]
        if stripped is not data:
            self._early = None         # it had begun with what turned out to be an empty line
        if stripped is not data and (end >= 0 or len(stripped) < 2):
            self._buffer = stripped
            if len(stripped) > 1:
                self._request(stripped)
            return
        if self._early is None:
            self.deadline = self.worker.now + self.worker.table.settings.head_timeout
            self._early, fresh = PartialHead(), stripped
        else:
            fresh = data[len(self._buffer) :]
        try:
            self._early.feed(fresh)
        except ProtocolError as error:
            self._refuse_bytes(error, data)
            return
        self._buffer = stripped

    def _begin(self, head: RequestHead, length: int | None, rest: bytes) -> None:
        self._buffer = b""
        if head.fault is not None or head.public is not None:
            self._answer_plain(head, length, rest)
        elif head.body is Body.JSON:
            self._begin_json(head, length, rest)
        elif head.body is Body.NONE:
            self._buffer = rest
            self.dispatch(head, b"")
        else:
            self._begin_upload(head, length, rest)

    def _answer_plain(self, head: RequestHead, length: int | None, rest: bytes) -> None:
        """Refusals and the doors without a key. A body that is not here yet is not waited for."""
        whole = not head.chunked and len(rest) >= (length or 0)
        self._buffer = rest[length or 0 :] if whole else b""
        if head.public is not None:
            answer = self.worker.public_answer(head, close=not whole or not self.keeps_alive(head))
            self.transport.write(answer)
            self._next(close=not whole or not self.keeps_alive(head))
        elif head.fault is not None:
            self._fail_early(head, head.fault, close=not whole)

    def _fail_early(self, head: RequestHead, fault: Fault, *, close: bool) -> None:
        exchange = Exchange(self.worker, self, head)
        self.exchange = exchange
        exchange.upload_open = close
        exchange.reserved, self._reserved = self._reserved, 0
        exchange.fail(fault)

    # A JSON body, taken in whole.

    def _begin_json(self, head: RequestHead, length: int | None, rest: bytes) -> None:
        self._buffer = b""
        if length is not None and len(rest) >= length:
            self._buffer = rest[length:] if len(rest) > length else b""
            if length > self.worker.table.settings.max_body_bytes:
                self._fail_early(head, faults.BODY_TOO_LARGE, close=True)
            else:
                self._whole(head, rest if len(rest) == length else rest[:length])
            return
        if (length or 0) > self.worker.table.settings.max_body_bytes:
            self._fail_early(head, faults.BODY_TOO_LARGE, close=True)
            return
        self._head, self._body, self._left = head, [], length or 0
        self._chunks = ChunkedReader() if head.chunked else None
        if head.expects:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if rest:
            self._collect(rest)
        else:
            self.body_deadline()

    def reserve(self, size: int) -> Fault | None:
        """Room for `size` more bytes of this body, out of the body's own limit and the worker's budget."""
        settings = self.worker.table.settings
        if self._reserved + size > settings.max_body_bytes:
            return faults.BODY_TOO_LARGE
        if self.worker.buffered + size > settings.body_budget_bytes:
            return faults.BUDGET_SPENT
        self._reserved += size
        self.worker.buffered += size
        return None

    def unreserve(self) -> None:
        """The body's bytes are gone."""
        self.worker.buffered -= self._reserved
        self._reserved = 0

    def body_deadline(self) -> None:
        """A piece of the body came (or the body begins): the next must follow in time."""
        self.deadline = self.worker.now + self.worker.table.settings.body_timeout

    def _collect(self, data: bytes) -> None:
        self.body_deadline()
        head = self._head
        assert head is not None  # noqa: S101  the state that leads here
        if self._chunks is not None:
            self._collect_chunks(head, self._chunks, data)
            return
        piece, rest = data[: self._left], data[self._left :]
        if not self._take_in(head, piece):
            return
        self._left -= len(piece)
        if not self._left:
            self._collected(head, rest)

    def _take_in(self, head: RequestHead, piece: bytes) -> bool:
        """Keep a piece of a body, if there is room for it: what came counts, not what was announced."""
        fault = self.reserve(len(piece))
        if fault is not None:
            self._head = None
            self._fail_early(head, fault, close=True)
            return False
        self._body.append(piece)
        return True

    def _collect_chunks(self, head: RequestHead, chunks: ChunkedReader, data: bytes) -> None:
        try:
            piece = chunks.feed(data)
        except ProtocolError as error:
            self._head = None
            self._refuse_bytes(error, b"", head)
            return
        if self._take_in(head, piece) and chunks.done:
            self._collected(head, chunks.rest)

    def _collected(self, head: RequestHead, rest: bytes) -> None:
        body = b"".join(self._body)
        self._head, self._body, self._chunks = None, [], None
        self._buffer = rest
        self._whole(head, body)

    def _whole(self, head: RequestHead, body: bytes) -> None:
        if not head.encoding or head.encoding == b"identity":
            self.dispatch(head, body)
        elif len(body) > DECODE_ASIDE:
            self._decode_aside(head, body)
        else:
            try:
                self._plain(head, decode(body, head.encoding, self._decode_cap()))
            except Refused as refused:
                self._fail_early(head, self._decode_fault(refused), close=False)

    def _decode_fault(self, refused: Refused) -> Fault:
        """Too large for its own limit, or only for what the budget has left?"""
        short = self._decode_cap() < self.worker.table.settings.max_body_bytes
        return faults.BUDGET_SPENT if short and refused.fault is faults.BODY_TOO_LARGE else refused.fault

    def _decode_cap(self) -> int:
        """How large a compressed body may become: its own limit, or what the budget has left."""
        settings = self.worker.table.settings
        return max(0, min(settings.max_body_bytes, settings.body_budget_bytes - self.worker.buffered))

    def _plain(self, head: RequestHead, body: bytes) -> None:
        """A body that was compressed. It weighs what it is now, not what came over the wire."""
        self.unreserve()
        fault = self.reserve(len(body))
        if fault is not None:
            self._fail_early(head, fault, close=False)
        else:
            self.dispatch(head, body)

    def _decode_aside(self, head: RequestHead, body: bytes) -> None:
        self._head = head
        self.hold(True)
        cap = self._decode_cap()
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, decode, body, head.encoding, cap).add_done_callback(
            lambda done: self._decoded(head, done)
        )

    def _decoded(self, head: RequestHead, done: "asyncio.Future[bytes]") -> None:
        self._head = None
        error = done.exception()
        if self.transport.is_closing():
            return
        self.hold(False)
        if error is None:
            self._plain(head, done.result())
        else:
            fault = self._decode_fault(error) if isinstance(error, Refused) else faults.BAD_ENCODING
            self._fail_early(head, fault, close=False)

    # A body passed on as it comes.

    def _begin_upload(self, head: RequestHead, length: int | None, rest: bytes) -> None:
        if head.expects and not rest:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.exchange = Exchange(self.worker, self, head)
        self._upload = Upload(self, self.exchange, length)
        self.body_deadline()
        self._upload.feed(rest)

    def upload_may_flow(self) -> None:
        """The upstream is connected: hand over what waited."""
        if self._upload is not None:
            self._upload.flow()

    def uploaded(self, rest: bytes) -> None:
        """The upload saw its body's end; `rest` belongs to the next request."""
        self._upload = None
        self._buffer = rest

    def upload_refused(self, fault: Fault) -> None:
        """The body cannot be passed on."""
        self._upload = None
        if self.exchange is not None:
            self.exchange.fail(fault)

    # What became of it.

    def dispatch(self, head: RequestHead, body: bytes) -> None:
        """Send a whole request on its way. If the snapshot changed while its body came, it is understood anew:
        what a key may do is what it may do now."""
        exchange = Exchange(self.worker, self, head)
        self.exchange = exchange
        exchange.reserved, self._reserved = self._reserved, 0
        fault, head = exchange.understand_anew(), exchange.head
        if fault is not None:
            exchange.fail(fault)
        elif head.endpoint.local and head.caller is not None and head.caller.expired(self.worker.epoch + self.worker.clock()):
            exchange.fail(faults.KEY_EXPIRED)
        elif head.endpoint.local:
            self.worker.catalogue.serve(exchange)
        else:
            exchange.start(body)

    def _wait_in_line(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > PIPELINE_LIMIT:
            self.hold(True)

    def hold(self, hold: bool) -> None:
        """Stop reading from the client, or go on."""
        if hold == self._held or self.transport.is_closing():
            return
        self._held = hold
        (self.transport.pause_reading if hold else self.transport.resume_reading)()

    def keeps_alive(self, head: RequestHead) -> bool:
        """Whether this connection can take another request after this one."""
        return head.keep_alive and not self._closing and not self.worker.draining

    def tunnel_open(self) -> None:
        """The connection now carries upgraded bytes: hand over what came early."""
        data, self._buffer = self._buffer, b""
        if data and self.exchange is not None:
            self.exchange.tunnel_up(data)

    def exchange_over(self, *, close: bool) -> None:
        """The exchange is done with this connection."""
        self.exchange = self._upload = None
        if close or self._buffer or self._held or self.worker.draining:
            self._next(close=close)
        else:
            self._rest()

    def _rest(self) -> None:
        """Nothing is under way: wait for the next request."""
        worker = self.worker
        self.deadline = worker.now + worker.table.settings.keepalive_timeout
        self._likely = self._known

    def _next(self, *, close: bool) -> None:
        if close or self.worker.draining:
            self._linger()
            return
        self._rest()
        if self._buffer and not self._early:
            self._likely, self._waiting = None, True
            if not self.slow:          # else resume_writing goes on: who does not read gets no further answers
                asyncio.get_running_loop().call_soon(self._resume)
        elif self._held:
            self.hold(False)

    def _resume(self) -> None:
        self._waiting = False
        if self._held and len(self._buffer) <= PIPELINE_LIMIT:
            self.hold(False)
        if self._buffer and self.exchange is None and self._head is None and not self._closing:
            self._request(self._buffer)

    def _refuse_bytes(self, error: ProtocolError, data: bytes, head: RequestHead | None = None) -> None:
        """Answer what is no HTTP, in the dialect that the bytes suggest, and close."""
        target = data.split(b" ", 2)[1:2]
        path = target[0].decode("latin-1") if target else ""
        names = {b"anthropic-version"} if b"anthropic-version" in data.lower() else set()
        self._refuse(Fault(error.status, error.code, error.message), head.dialect if head else dialect_of(path, names))

    def _refuse(self, fault: Fault, dialect: str) -> None:
        request_id = self.worker.new_request_id()
        self.transport.write(faults.answer(fault, dialect, request_id, close=True))  # type: ignore[arg-type]
        self._linger()

    def _linger(self) -> None:
        """Close so that the last answer is read: say that no more comes, take in what is still being sent."""
        self._closing = True
        self._buffer, self._body, self._chunks = b"", [], None
        if self.transport.is_closing():
            return
        self.hold(False)
        self.deadline = self.worker.now + LINGER
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:                              # TLS says so itself, and throws away what still comes
            self.transport.close()

    # Time.

    def tick(self, now: float) -> None:
        """Called once a coarse tick."""
        if self.exchange is not None:
            self.exchange.tick(now)
            if self._upload is None or self._held:
                return
        if now < self.deadline:
            return
        if self._closing or not (self._buffer or self._head or self._upload):
            self.transport.abort() if self._closing else self.transport.close()
        elif self._upload is not None:
            self.upload_refused(faults.BODY_TIMEOUT)
        elif self._head is not None:
            head, self._head = self._head, None
            self._fail_early(head, faults.BODY_TIMEOUT, close=True)
        else:
            self._refuse(faults.HEAD_TIMEOUT, "openai")

    def drain(self, patience: float) -> None:
        """The worker is stopping: leave if idle, in `patience` seconds. A busy connection closes behind its answer."""
        if self.exchange is None and self._head is None:
            if patience:
                self.deadline = min(self.deadline, self.worker.now + patience)
            else:
                self.transport.close()
