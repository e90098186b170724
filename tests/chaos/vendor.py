"""A simulated vendor for storms, as a process of its own: it answers at once or streams for as long as the model's name says
(`stream-5`: five seconds, four events a second; `stream-60-1`: a minute, one event a second), refuses the first of `limited-5`
and wants to be left alone for five, and keeps a ledger of what it was asked. `python vendor.py PORT [HOST]`."""

import asyncio
import json
import sys
import time
from collections import Counter

import uvloop

LEDGER: Counter[str] = Counter()
ANSWER = json.dumps({
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "plain",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "OK"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11},
}).encode()  # fmt: skip
EVERY = 0.25
_GONE = (OSError, RuntimeError)      # as uvloop calls it when the connection is closed already
LIMITED: list[float] = []      # until when nobody should come


async def main(port: int, host: str = "127.0.0.1") -> None:
    """Serve until killed."""
    server = await asyncio.start_server(_serve, host, port, backlog=4096)
    async with server:
        await server.serve_forever()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while (head := await _head(reader)) is not None:
            line, fields = head
            body = await reader.readexactly(int(fields.get("content-length", "0")))
            await _answer(line, body, writer)
    except (*_GONE, asyncio.IncompleteReadError):
        LEDGER["left"] += 1
    finally:
        writer.close()


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]] | None:
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    line, *rest = text[:-4].split("\r\n")
    return line, {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}


async def _answer(line: str, body: bytes, writer: asyncio.StreamWriter) -> None:
    if line.startswith("GET /ledger"):
        return _write(writer, json.dumps(LEDGER).encode())
    if line.startswith("GET"):
        return _write(writer, b'{"object": "list", "data": []}')
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        LEDGER["no json"] += 1
        return _write(writer, b'{"error": {"type": "invalid_request_error", "message": "no JSON"}}', b"400 Bad Request")
    if asked["model"].startswith("limited"):
        return _limit(float(asked["model"].partition("-")[2]), writer)
    if not asked.get("stream"):
        LEDGER["plain"] += 1
        return _write(writer, ANSWER)
    LEDGER["stream"] += 1
    try:
        await _stream(*map(float, asked["model"].split("-")[1:3]), writer=writer)
    except _GONE:
        LEDGER["let go"] += 1
        raise
    LEDGER["whole"] += 1
    return None


def _limit(seconds: float, writer: asyncio.StreamWriter) -> None:
    """Refuse the first, and count who comes before the time that it was told; then answer."""
    now = time.monotonic()
    if not LIMITED:
        LIMITED.append(now + seconds)
        text = b'{"error": {"type": "rate_limit_error", "code": "rate_limit_exceeded", "message": "slow down"}}'
        head = b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: %d\r\n" % seconds
        writer.write(head + b"content-length: %d\r\n\r\n%b" % (len(text), text))
        return
    LEDGER["early" if now < LIMITED[0] - 0.05 else "plain"] += 1
    _write(writer, ANSWER)


def _write(writer: asyncio.StreamWriter, body: bytes, status: bytes = b"200 OK") -> None:
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (status, len(body))
    writer.write(head + body)


async def _stream(seconds: float, every: float = EVERY, *, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    for number in range(int(seconds / every)):
        part = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{"index": 0, "delta": {"content": f"{number} "}, "finish_reason": None}]}  # fmt: skip
        _event(writer, json.dumps(part))
        await writer.drain()
        await asyncio.sleep(every)
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    _event(writer, json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
                               "usage": usage}))  # fmt: skip
    _event(writer, "[DONE]")
    writer.write(b"0\r\n\r\n")


def _event(writer: asyncio.StreamWriter, data: str) -> None:
    raw = f"data: {data}\n\n".encode()
    writer.write(b"%x\r\n%b\r\n" % (len(raw), raw))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), *sys.argv[2:]))
