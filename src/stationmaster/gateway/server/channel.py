"""What the supervisor and its workers send each other: frames of one kind byte and a length, over a socket pair.

The supervisor never waits for a worker: what one does not take yet is kept, and a worker that takes nothing for
long gets no further news.
"""

import asyncio
import select
import signal
import socket
import struct
import time
from collections.abc import Iterable, Iterator

import msgspec

from stationmaster.gateway.core.records import Update
from stationmaster.gateway.core.updates import Reader
from stationmaster.tls.context import Material

_HEADER = struct.Struct("!cI")
_REVISION = struct.Struct("!Q")
MAX_KEPT = 64 * 1024 * 1024   # bytes for one worker that does not take them

UPDATE, NEWS = b"U", b"N"     # to a worker: a frame of an update, what the others told
TLS = b"S"                    # to one as well: the certificate to show from now on
READY, REPORT = b"R", b"T"    # from one
APPLIED, BEHIND = b"A", b"B"  # from one: it serves this revision; it could not apply an update, and needs a whole one
OWNERS = b"O"                 # from one as well: ids that others have to know before the next report

Frame = tuple[bytes, bytes]

RETIRE = signal.SIGUSR1       # to a worker as well, as a signal: another one has its place


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    """One frame, ready to write."""
    return _HEADER.pack(kind, len(payload)) + payload


def applied(revision: int) -> bytes:
    """The frame of a worker that serves `revision`."""
    return frame(APPLIED, _REVISION.pack(revision))


def revision_of(payload: bytes) -> int:
    """What `applied` says."""
    return int(_REVISION.unpack(payload)[0])


class Line:
    """The supervisor's end. Nothing here blocks but `wait`."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._out = bytearray()
        self._in = bytearray()
        self.ended = False         # the worker hung up
        sock.setblocking(False)

    @property
    def kept(self) -> int:
        """Bytes that the worker did not take yet."""
        return len(self._out)

    def send_update(self, frames: Iterable[bytes]) -> None:
        """Hand over an update. Raises OSError when the worker is gone."""
        self._send(b"".join(frame(UPDATE, each) for each in frames))

    def send_news(self, payload: bytes) -> None:
        """Hand over news, unless the worker has long taken none. Raises OSError when it is gone."""
        if len(self._out) < MAX_KEPT:
            self._send(frame(NEWS, payload))

    def send_tls(self, material: Material) -> None:
        """Hand over a certificate and its key. Raises OSError when the worker is gone."""
        self._send(frame(TLS, msgspec.msgpack.encode(material)))

    def _send(self, data: bytes) -> None:
        self._out += data
        self.flush()

    def flush(self) -> None:
        """Write what the worker takes now. Raises OSError when it is gone."""
        while self._out:
            try:
                del self._out[: self.socket.send(self._out)]
            except BlockingIOError:
                return

    def receive(self) -> Iterator[Frame]:
        """The whole frames that are here."""
        try:
            while piece := self.socket.recv(1 << 16):
                self._in += piece
            self.ended = True
        except BlockingIOError:
            pass
        except OSError:
            self.ended = True
        while len(self._in) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._in)
            if len(self._in) < _HEADER.size + length:
                return
            payload = bytes(self._in[_HEADER.size : _HEADER.size + length])
            del self._in[: _HEADER.size + length]
            yield kind, payload

    def wait(self, timeout: float) -> bytes:
        """The kind of the worker's next frame, or empty when none comes in `timeout` seconds, or ever. What it has yet
        to take is written meanwhile."""
        until, poll = time.monotonic() + timeout, select.poll()
        while (left := until - time.monotonic()) > 0:
            try:
                self.flush()
            except OSError:
                return b""
            kind = next((kind for kind, _ in self.receive()), b"")
            if kind or self.ended:
                return kind
            poll.register(self.socket, select.POLLIN | (select.POLLOUT if self._out else 0))
            poll.poll(left * 1000)
        return b""

    def close(self) -> None:
        """Let go of it."""
        self.socket.close()


def first_words(channel: socket.socket) -> tuple[Update, bytes]:
    """A worker's first configuration and the news that it begins with, blocking. Raises EOFError when the supervisor is
    gone, and BadUpdate."""
    reader, update = Reader(), None
    while update is None:
        update = reader.feed(_next(channel))
    return update, _next(channel)


def next_tls(channel: socket.socket) -> Material:
    """What a worker of a gateway that speaks TLS hears next, blocking. Raises EOFError as above."""
    return material_of(_next(channel))


def material_of(payload: bytes) -> Material:
    """What `Line.send_tls` handed over."""
    return msgspec.msgpack.decode(payload, type=Material)


def _next(channel: socket.socket) -> bytes:
    _, length = _HEADER.unpack(_exactly(channel, _HEADER.size))
    return _exactly(channel, length)


def _exactly(channel: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = channel.recv(size - len(data))
        if not piece:
            raise EOFError("the supervisor is gone")
        data += piece
    return bytes(data)


async def next_frame(reader: asyncio.StreamReader) -> Frame:
    """Wait for what the supervisor sends next. Raises asyncio.IncompleteReadError when it is gone."""
    kind, length = _HEADER.unpack(await reader.readexactly(_HEADER.size))
    return kind, await reader.readexactly(length)
