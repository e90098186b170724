"""What a request's client is sent: the head held back until the first body byte, the body, its end. Knows the
client's connection and nothing of where the answer comes from.
"""

from stationmaster.gateway.core import faults
from stationmaster.gateway.core.replies import Reply
from stationmaster.gateway.core.requests import RequestHead
from stationmaster.gateway.server.ports import Client, House


class Response:
    """The answering half of an exchange."""

    __slots__ = ("_chunked", "_close", "_first_byte", "_pending", "bytes_out", "client", "head", "request_id", "status",
                 "stream", "upload_open", "worker")

    # Set by `Exchange`, all at once: a request makes one of these, and each call counts.
    worker: House
    client: Client | None
    head: RequestHead
    request_id: str
    status: int
    bytes_out: int
    stream: bool
    upload_open: bool          # the request's body is still passing
    _pending: bytes            # a head waiting for the first body bytes
    _chunked: bool
    _close: bool
    _first_byte: float

    def pass_head(self, reply: Reply, length: int = -1) -> None:
        """Compose the head for the client. Framing is ours (`length` when we know better), and the id."""
        head, mine, client = reply.head, self.head, self.client
        self.status = head.status
        if length >= 0:
            framing = b"content-length: %d\r\n" % length
        elif head.framing == "length" and not self.stream:   # what we may have to add to a stream has no room in it
            framing = b"content-length: %d\r\n" % reply.length
        elif head.framing == "none":
            framing = b"content-length: %d\r\n" % reply.length if reply.length >= 0 and mine.head_only else b""
        elif mine.http11:
            self._chunked, framing = True, b"transfer-encoding: chunked\r\n"
        else:
            self._close, framing = True, b""
        if self._close or self.upload_open or client is None or not client.keeps_alive(mine):
            self._close, framing = True, framing + b"connection: close\r\n"
        self._pending = b"".join((
            head.stream_start if self.stream else head.start, reply.lines,
            b"\r\nx-stationmaster-request-id: ", self.request_id.encode(), b"\r\n", framing, b"\r\n",
        ))

    def take_back(self) -> None:
        """Forget a head that was composed and not sent: another answer follows."""
        self._pending = b""
        self._chunked = self._close = self.stream = False
        self.status = 0

    def write(self, payload: bytes) -> None:
        """Body bytes to the client, with the head before the first ones."""
        client = self.client
        if client is None:
            return
        self.bytes_out += len(payload)
        if self._pending:
            self.begin()
            head, self._pending = self._pending, b""
            payload = b"%b%x\r\n%b\r\n" % (head, len(payload), payload) if self._chunked else head + payload
        elif self._chunked:
            payload = b"%x\r\n%b\r\n" % (len(payload), payload)
        client.transport.write(payload)

    @property
    def begun(self) -> bool:
        """Whether the client has seen a byte of the answer."""
        return self._first_byte > 0

    def begin(self) -> None:
        """The first byte leaves: from here on there is no other answer."""
        self._first_byte = self.worker.clock()

    def write_whole(self, reply: Reply, body: bytes, client: Client) -> None:
        """A usual answer that came in one piece: 200, a length, and the connection stays open."""
        self.status = 200
        self.bytes_out = reply.length
        self._first_byte = self.worker.clock()
        client.transport.write(b"%b%b\r\nx-stationmaster-request-id: %b\r\ncontent-length: %d\r\n\r\n%b" % (
            reply.head.start, reply.lines, self.request_id.encode(), reply.length, body
        ))

    def write_own(self, status: int, body: bytes, client: Client) -> None:
        """An answer of our own, with a JSON text."""
        self._close = not client.keeps_alive(self.head)
        self.status = status
        self._pending = faults.own_head(status, len(body), self.request_id, close=self._close)
        if not self.head.head_only:
            self.write(body)

    def write_fault(self, fault: faults.Fault, client: Client) -> None:
        """An error of our own, instead of any answer."""
        self._pending = b""
        self.status = fault.status
        self._close = fault.close or self.upload_open or not client.keeps_alive(self.head)
        client.transport.write(faults.answer(
            fault, self.head.dialect, self.request_id, close=self._close, head_only=self.head.head_only
        ))

    def end_body(self) -> None:
        """What follows the last payload byte on the wire: the held head if there was no payload, last chunk."""
        client = self.client
        data, self._pending = self._pending, b""
        if self._chunked:
            data += b"0\r\n\r\n"
        if client is not None and data:
            client.transport.write(data)
