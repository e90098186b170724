"""A vendor that only streams: every POST gets an endless event stream. `PORT EVENTS_PER_SECOND EVENT_BYTES`.

One timer paces all streams. They are dealt over the slots of one period, a slot a millisecond, so that
events arrive spread out and no stream needs a timer of its own.
"""

import asyncio
import json
import sys
from typing import cast

import httptools
import uvloop

TICK = 0.001
DIFFERENT = 256  # events; LiteLLM ends a stream that says the same a hundred times
HEAD = (
    b"HTTP/1.1 200 OK\r\ndate: Sat, 21 Nov 2026 09:00:00 GMT\r\nserver: bench\r\n"
    b"content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n"
    b"cache-control: no-cache\r\nopenai-processing-ms: 112\r\nopenai-version: 2020-10-01\r\n"
    b"x-ratelimit-limit-requests: 10000\r\nx-ratelimit-limit-tokens: 2000000\r\n"
    b"x-ratelimit-remaining-requests: 9999\r\nx-ratelimit-remaining-tokens: 1999784\r\n"
    b"x-ratelimit-reset-requests: 6ms\r\nx-ratelimit-reset-tokens: 6ms\r\n"
    b"cf-ray: 8f2a1b3c4d5e6f70-FRA\r\nx-request-id: req_%032x\r\n\r\n"
)


def event_chunk(size: int, number: int) -> bytes:
    """One HTTP chunk holding one `chat.completion.chunk` event of exactly `size` bytes."""
    text = f" word {number:04d}"
    padding = size - len(_framed(_event(text)))
    data = _framed(_event(text + "." * padding))
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(text: str) -> dict[str, object]:
    return {
        "id": "chatcmpl-Bench01",
        "object": "chat.completion.chunk",
        "created": 1760000000,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}],
    }


def _framed(event: dict[str, object]) -> bytes:
    return b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


LIMITED = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 2\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


class Pacer:
    """Writes one event to every stream once a period; no two in a row are alike, as with a real model."""

    def __init__(self, per_second: float, size: int) -> None:
        self.chunks = [event_chunk(size, number) for number in range(DIFFERENT)]
        self.slots: list[set[asyncio.Transport]] = [set() for _ in range(max(1, round(1 / per_second / TICK)))]
        self.joined = 0

    def join(self, transport: asyncio.Transport) -> int:
        """Deal a new stream the next slot."""
        self.joined += 1
        slot = self.joined % len(self.slots)
        self.slots[slot].add(transport)
        return slot

    async def run(self) -> None:
        """Tick for ever; late ticks are made up for."""
        loop = asyncio.get_running_loop()
        started, served = loop.time(), 0
        while True:
            due = int((loop.time() - started) / TICK)
            for tick in range(served, due):
                turn, slot = divmod(tick, len(self.slots))
                self.tick(self.slots[slot], self.chunks[turn % DIFFERENT])
            served = due
            await asyncio.sleep(TICK)

    def tick(self, streams: set[asyncio.Transport], chunk: bytes) -> None:
        """One event to each stream of one slot."""
        for transport in streams:
            transport.write(chunk)


class Vendor(asyncio.Protocol):
    """One connection: waits for a whole request, then streams until the other side leaves."""

    def __init__(self, pacer: Pacer) -> None:
        self.pacer = pacer
        self.slot = -1
        self.limited = False
        self.parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Feed the request's parser."""
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Whoever asks here is over its limit."""
        self.limited = url.startswith(b"/limited/")

    def on_message_complete(self) -> None:
        """The request is whole: head and first event in one write, then the pacer's turn."""
        if self.limited:
            self.transport.write(LIMITED)
            return
        self.slot = self.pacer.join(self.transport)
        self.transport.write(HEAD % self.pacer.joined + self.pacer.chunks[-1])

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """Leave the slot."""
        if self.slot >= 0:
            self.pacer.slots[self.slot].discard(self.transport)


async def main(port: int, per_second: float, size: int) -> None:
    """Serve until ended."""
    pacer = Pacer(per_second, size)
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Vendor(pacer), "127.0.0.1", port, backlog=4096)
    await pacer.run()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
