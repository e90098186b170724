"""How a reply reaches the wire, whole or in events, healthy or broken. Owns every trick with the connection;
knows nothing of what the bytes mean."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import Never

from aiohttp import web

from stationmaster.sandbox.values import Reply

BREAK_AFTER = 8
BEFORE_HEAD = 0.2
BETWEEN_EVENTS = 0.02
SETTLE = 0.05
GARBAGE = b"\x16\x03\x01\x02SANDBOX this is no HTTP\r\n\x00\xff\r\n\r\n"
HTML = b"<!doctype html><html><head><title>Sandbox</title></head><body><h1>A page</h1></body></html>\n"


class Written(web.StreamResponse):
    """Stands for an answer that was written to the transport by hand; sends nothing itself."""

    def __init__(self, *, keep: bool = False) -> None:
        super().__init__()
        self._keep_alive = keep

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send no head."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send no end."""


async def deliver(request: web.Request, reply: Reply, fault: str) -> web.StreamResponse:
    """Send a reply, in the way the fault wants it or else properly."""
    return await _WAYS.get(fault, _send)(request, reply)


async def _send(request: web.Request, reply: Reply) -> web.StreamResponse:
    if not reply.streamed:
        return web.Response(body=_body(reply), status=reply.status, headers=_head(reply))
    sent = await _pour(request, reply, reply.frames)
    await sent.write_eof()
    return sent


async def _pour(
    request: web.Request, reply: Reply, frames: Iterable[bytes], length: int | None = None, gap: float = 0
) -> web.StreamResponse:
    """Send a head and then frames, each in its own write; the end is left to the caller."""
    sent = web.StreamResponse(status=reply.status, headers=_head(reply))
    sent.content_length = length
    await sent.prepare(request)
    for number, frame in enumerate(frames):
        await sent.write(frame)
        if gap or number % 64 == 63:
            await asyncio.sleep(gap)
    return sent


async def _some(request: web.Request, reply: Reply) -> web.StreamResponse:
    """Send the first events, or half of a whole body whose full length was announced."""
    if reply.streamed:
        return await _pour(request, reply, islice(reply.frames, BREAK_AFTER))
    body = _body(reply)
    return await _pour(request, reply, (body[: len(body) // 2],), len(body))


async def _slow(request: web.Request, reply: Reply) -> web.StreamResponse:
    await asyncio.sleep(BEFORE_HEAD)
    if not reply.streamed:
        return await _send(request, reply)
    sent = await _pour(request, reply, reply.frames, gap=BETWEEN_EVENTS)
    await sent.write_eof()
    return sent


async def _stall(request: web.Request, reply: Reply) -> Never:
    await _some(request, reply)
    await _hang(request, reply)


async def _hang(_request: web.Request, _reply: Reply) -> Never:
    """Wait until the peer leaves: the server then cancels this."""
    await asyncio.Event().wait()
    raise ConnectionResetError("nobody waits any more")


async def _cut(request: web.Request, reply: Reply) -> web.StreamResponse:
    await _some(request, reply)
    await asyncio.sleep(SETTLE)
    wire = _transport(request)
    wire.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.abort()
    return Written()


async def _cut_clean(request: web.Request, reply: Reply) -> web.StreamResponse:
    sent = await _some(request, reply)
    if reply.streamed:
        await sent.write_eof()
    return Written()


async def _cut_fin(request: web.Request, reply: Reply) -> web.StreamResponse:
    await _some(request, reply)
    return Written()


async def _close(_request: web.Request, _reply: Reply) -> web.StreamResponse:
    return Written()


async def _garbage(request: web.Request, _reply: Reply) -> web.StreamResponse:
    _transport(request).write(GARBAGE)
    return Written()


async def _html(request: web.Request, reply: Reply) -> web.StreamResponse:
    page = replace(reply, frames=(HTML,), streamed=False, content_type="text/html; charset=utf-8")
    return await _send(request, page)


async def _error_event(request: web.Request, reply: Reply) -> web.StreamResponse:
    """The first events, then the error; `sent` tells the error which number it has."""
    return await _fail(request, reply, BREAK_AFTER)


async def _error_first(request: web.Request, reply: Reply) -> web.StreamResponse:
    return await _fail(request, reply, 0)


async def _fail(request: web.Request, reply: Reply, sent: int) -> web.StreamResponse:
    frames = chain(islice(reply.frames, sent), (reply.broken(sent),))
    return await _send(request, replace(reply, frames=frames) if reply.streamed else reply)


async def _close_delimited(request: web.Request, reply: Reply) -> web.StreamResponse:
    wire = _transport(request)
    wire.write(_raw_head(reply, "connection: close"))
    for frame in reply.frames:
        wire.write(frame)
    return Written()


async def _trailers(request: web.Request, reply: Reply) -> web.StreamResponse:
    wire = _transport(request)
    wire.write(_raw_head(reply, "transfer-encoding: chunked", "trailer: x-sandbox-trailer"))
    for frame in reply.frames:
        wire.write(b"%x\r\n%b\r\n" % (len(frame), frame))
    wire.write(b"0\r\nx-sandbox-trailer: last\r\n\r\n")
    return Written(keep=True)


async def _early_hints(request: web.Request, reply: Reply) -> web.StreamResponse:
    _transport(request).write(b"HTTP/1.1 103 Early Hints\r\nlink: </sandbox.css>; rel=preload\r\n\r\n")
    return await _send(request, reply)


def _transport(request: web.Request) -> asyncio.Transport:
    if request.transport is None:
        raise ConnectionResetError("the peer has left")
    return request.transport


def _body(reply: Reply) -> bytes:
    return b"".join(reply.frames)


def _head(reply: Reply) -> dict[str, str]:
    head = {**reply.headers, "content-type": reply.content_type}
    return head | {"cache-control": "no-cache"} if reply.streamed else head


def _raw_head(reply: Reply, *more: str) -> bytes:
    lines: Iterator[str] = (f"{name}: {value}" for name, value in _head(reply).items())
    return "\r\n".join((f"HTTP/1.1 {reply.status} OK", *lines, *more, "", "")).encode("latin-1")


_WAYS: dict[str, Callable[[web.Request, Reply], Awaitable[web.StreamResponse]]] = {
    "sandbox-slow": _slow,
    "sandbox-stall": _stall,
    "sandbox-hang": _hang,
    "sandbox-cut": _cut,
    "sandbox-cut-clean": _cut_clean,
    "sandbox-cut-fin": _cut_fin,
    "sandbox-close": _close,
    "sandbox-garbage": _garbage,
    "sandbox-html": _html,
    "sandbox-error-event": _error_event,
    "sandbox-error-first": _error_first,
    "sandbox-close-delimited": _close_delimited,
    "sandbox-trailers": _trailers,
    "sandbox-1xx": _early_hints,
}
