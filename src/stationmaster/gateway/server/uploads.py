"""A request body passed on as it comes, with back-pressure. Owns: its framing towards the upstream, and for
forms the wait until the model is known. Held back at most as long as that takes.
"""

from typing import Protocol

from stationmaster.gateway.core import faults
from stationmaster.gateway.core.chunked import LAST_CHUNK, ChunkedReader, chunk
from stationmaster.gateway.core.endpoints import ModelIn
from stationmaster.gateway.core.multipart import BadMultipart, ModelField
from stationmaster.gateway.core.peek import Refused
from stationmaster.gateway.core.requests import Body
from stationmaster.gateway.core.wire import ProtocolError
from stationmaster.gateway.server.exchange import Exchange

FLOW_LIMIT = 64 * 1024     # bytes held while the upstream is being connected


class Uploader(Protocol):
    """What an upload asks of the connection it comes from."""

    def hold(self, hold: bool) -> None:
        """Stop reading from the client, or go on."""

    def body_deadline(self) -> None:
        """More of the body came: the wait for it begins anew."""

    def reserve(self, size: int) -> faults.Fault | None:
        """Room for bytes that have to wait, or why there is none."""

    def unreserve(self) -> None:
        """The bytes that waited are gone."""

    def uploaded(self, rest: bytes) -> None:
        """The body is over; `rest` belongs to the next request."""

    def upload_refused(self, fault: faults.Fault) -> None:
        """The body cannot be passed on."""


class Upload:
    """One streamed body. `feed` takes bytes off the wire; they leave through the exchange."""

    __slots__ = ("_chunked", "_chunks", "_client", "_ended", "_exchange", "_field", "_left", "_rest", "_size",
                 "_started", "_waiting")

    def __init__(self, client: Uploader, exchange: Exchange, length: int | None) -> None:
        head = exchange.head
        self._client = client
        self._exchange = exchange
        self._chunks = ChunkedReader() if head.chunked else None
        self._chunked = head.chunked       # towards the upstream; a known length stays known
        self._left = length or 0
        self._field = ModelField(head.boundary) if head.body is Body.FORM else None
        self._waiting: list[bytes] = []
        self._size = 0
        self._started = False
        self._ended = False
        self._rest = b""
        exchange.upload_open = True

    def feed(self, data: bytes) -> None:
        """Bytes off the client's wire."""
        if self._ended:
            self._behind(data)
            return
        self._client.body_deadline()
        try:
            payload = self._unframe(data)
            if self._field is not None and payload:
                self._field.feed(payload)
        except BadMultipart:
            self._client.upload_refused(faults.BAD_MULTIPART)
            return
        except ProtocolError as error:
            self._client.upload_refused(faults.Fault(error.status, error.code, error.message))
            return
        self._exchange.bytes_in += len(payload)
        fault = self._keep(payload) if payload else None
        if fault is not None:
            self._client.upload_refused(fault)
        else:
            self._go()

    def _behind(self, data: bytes) -> None:
        """The body is whole and only its connection is awaited: what comes now belongs to the next request."""
        self._rest += data
        if len(self._rest) > FLOW_LIMIT:
            self._client.hold(True)

    def _keep(self, payload: bytes) -> faults.Fault | None:
        self._waiting.append(payload)
        self._size += len(payload)
        return self._client.reserve(len(payload)) if self._exchange.connection is None else None

    def _unframe(self, data: bytes) -> bytes:
        if self._chunks is not None:
            payload = self._chunks.feed(data)
            self._ended, self._rest = self._chunks.done, self._chunks.rest
            return payload
        payload, self._rest = data[: self._left], data[self._left :]
        self._left -= len(payload)
        self._ended = not self._left
        return payload

    def _go(self) -> None:
        if self._started:
            self.flow()
        elif self._known():
            self._start()

    def _known(self) -> bool:
        """Whether enough has come to choose a route: for a form its model, or its end."""
        field = self._field
        return field is None or field.model is not None or field.done or self._ended

    def _start(self) -> None:
        exchange = self._exchange
        self._started = True
        if self._field is not None and not (self._field.done or self._field.model is not None):
            self._client.upload_refused(faults.BAD_MULTIPART)
            return
        fault = exchange.understand_anew()
        if fault is not None:
            self._client.upload_refused(fault)
            return
        if self._field is not None:
            exchange.model = self._field.model or ""
        try:
            exchange.route()
            exchange.find_owner(b"")
        except Refused as refused:
            self._client.upload_refused(refused.fault)
            return
        changed = self._rename()
        exchange.framing = b"transfer-encoding: chunked\r\n\r\n" if self._chunked else b"content-length: %d\r\n\r\n" % (
            self._size + self._left + changed
        )
        if self._size > FLOW_LIMIT:
            self._client.hold(True)
        exchange.attempt(fresh=True)

    def _rename(self) -> int:
        """Put an alias's target into the form; return by how many bytes that changed its length."""
        exchange, field = self._exchange, self._field
        same = exchange.sent_model == exchange.model
        if field is None or exchange.head.endpoint.model_in is not ModelIn.BODY or not exchange.model or same:
            return 0
        whole = b"".join(self._waiting)
        start, end = field.span
        renamed = exchange.sent_model.encode()
        self._waiting = [whole[:start] + renamed + whole[end:]]
        return len(renamed) - (end - start)

    def flow(self) -> None:
        """Hand over what waits, if there is anybody to take it."""
        exchange = self._exchange
        if exchange.connection is None:
            if self._size > FLOW_LIMIT:
                self._client.hold(True)
            return
        waiting, self._waiting, self._size = b"".join(self._waiting), [], 0
        self._client.unreserve()
        if waiting:
            exchange.upload(chunk(waiting) if self._chunked else waiting)
        if self._ended:
            if self._chunked:
                exchange.upload(LAST_CHUNK)
            exchange.upload_done()
            self._client.uploaded(self._rest)
        else:
            self._client.hold(exchange.upload_held)
