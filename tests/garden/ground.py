"""What stands behind a proxy in these tests: a tap that keeps the bytes between proxy and gateway, the gateway, and an
upstream with a ledger. All of it on loopback, in threads of the test's own process.

    with Ground() as ground:
        ground.door        the port that a proxy is told to forward to
        ground.wires()     what went over each connection to it
        ground.asked()     what arrived behind the gateway
"""

import asyncio
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self

import rig

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked\r\n", re.IGNORECASE)

_LIST = re.compile(rb"GET [^ ]*/models[ ?]")


class Arrived(NamedTuple):
    """One request at the upstream: first line and body."""

    line: bytes
    body: bytes


@dataclass
class Wire:
    """One connection from a proxy to the gateway: bytes in either direction, and whether the gateway has ended it."""

    forwarded: bytearray = field(default_factory=bytearray)
    answered: bytearray = field(default_factory=bytearray)
    ended: bool = False
    left: bool = False


class Ground:
    """Tap, gateway and upstream for the length of a with block."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="garden")
        self._wires: list[Wire] = []
        self._tapped: set[asyncio.StreamWriter] = set()
        self._upstream: set[asyncio.StreamWriter] = set()
        self._servers: list[asyncio.Server] = []
        self._asked: list[Arrived] = []
        self._end = contextlib.ExitStack()
        self.door = 0
        self.served = 0     # requests at the upstream since the beginning
        self.gateway: rig.Gateway

    def __enter__(self) -> Self:
        self._thread.start()
        vendor = self._run(self._listen(self._serve))
        settings = rig.snapshot_for(f"http://127.0.0.1:{vendor}", head_timeout=3.0, body_timeout=2.0, max_body_bytes=2**20)
        self.gateway = self._end.enter_context(rig.running_gateway(settings))
        self.door = self._run(self._listen(self._tap))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end.close()
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    def wires(self) -> list[Wire]:
        """The connections since `clear`, oldest first."""
        return list(self._wires)

    def asked(self) -> list[Arrived]:
        """The requests at the upstream since `clear`, oldest first; the gateway's own looks at model lists left out."""
        return [each for each in self._asked if not _LIST.match(each.line)]

    def clear(self) -> None:
        """End the connections to the gateway and forget what went over them."""
        self._run(self._clear())

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self, serve: Any) -> int:
        self._servers.append(await asyncio.start_server(serve, "127.0.0.1", 0, backlog=256))
        return int(self._servers[-1].sockets[0].getsockname()[1])

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for writer in self._tapped | self._upstream:
            writer.transport.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=20)

    async def _clear(self) -> None:
        for writer in self._tapped:
            writer.close()
        self._wires.clear()
        self._asked.clear()
        await asyncio.sleep(0)

    # The tap: what a proxy sends goes to the gateway as it is, and back.

    async def _tap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire()
        self._wires.append(wire)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.gateway.port)
        self._tapped |= {writer, far_writer}
        await asyncio.gather(self._to_gateway(wire, reader, far_writer), self._to_proxy(wire, far_reader, writer))
        self._tapped -= {writer, far_writer}
        writer.close()
        far_writer.close()

    async def _to_gateway(self, wire: Wire, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                wire.forwarded += data
                target.write(data)
                await target.drain()
        wire.left = True
        with contextlib.suppress(OSError):
            target.write_eof()

    async def _to_proxy(self, wire: Wire, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                wire.answered += data
                target.write(data)
        wire.ended = True
        target.close()

    # The upstream: answers each request with a fingerprint of its body, so that nobody can be given another's answer unseen.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._upstream.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await _body(reader, head)
                self._asked.append(Arrived(head.split(b"\r\n", 1)[0], body))
                self.served += not _LIST.match(head)
                writer.write(_answer(head, body))
        self._upstream.discard(writer)
        writer.close()


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    if _CHUNKED.search(head):
        body = b""
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
        return body
    found = _LENGTH.search(head)
    return await reader.readexactly(int(found[1])) if found else b""


def fingerprint(body: bytes) -> str:
    """What the upstream says of a body."""
    return hashlib.sha256(body).hexdigest()


def _answer(head: bytes, body: bytes) -> bytes:
    said = {"id": "x", "choices": [], "echo": fingerprint(body), "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    text = json.dumps(said).encode()
    size = b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(text)
    return b"HTTP/1.1 200 OK\r\n" + size + (b"" if head.startswith(b"HEAD ") else text)
