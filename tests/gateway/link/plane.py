"""A control plane for tests: the four doors of docs/reference/joining.md on a server of our own, in a thread, with the
faults that a test asks for. What it was told is read from it.
"""

import asyncio
import ssl
import threading
from collections import deque
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import zstandard

from stationmaster.gateway.core.records import Records, diff, whole
from stationmaster.gateway.link.frames import MEDIA_TYPE, pack

TOKEN = "smg-the-gateway-token-of-the-tests"
_Answer = tuple[int, str, bytes]


class Plane:
    """Serves `records`; `change` them. `faults` are for the next snapshots, one each: `garbage`, `cut`, `digest`, `slow`,
    `hang up`, `500`, `html`, `base`, `forgotten` (a delta that refers to a key nobody has)."""

    def __init__(self, records: Records, tls: ssl.SSLContext | None = None) -> None:
        self.token = TOKEN
        self.history = {1: records}
        self.revision = 1
        self.faults: deque[str] = deque()
        self.questions: list[tuple[int, int]] = []
        self.open = self.most_open = 0
        self.batches: dict[str, list[dict[str, Any]]] = {}
        self.received: list[str] = []          # ids of batches, as often as they came
        self.deaf = False                      # takes events, and loses its answer
        self.refuses = 0                       # status for events, when not 0
        self.hellos: list[dict[str, Any]] = []
        self.spent: dict[tuple[str, str], Any] = {}      # by account and key
        self.knows_spending = True             # an older one has no such door
        self.port = 0
        self._tls = tls
        self._loop: asyncio.AbstractEventLoop
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.start()

    # As the test sees it.

    @property
    def url(self) -> str:
        """Its address."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    @property
    def records(self) -> Records:
        """What it says now."""
        return self.history[self.revision]

    def change(self, **kinds: Any) -> int:
        """Replace records of some kinds; the revision that this makes."""
        made = msgspec.structs.replace(self.records, **kinds)
        self.history[self.revision + 1] = made
        self.revision += 1
        return self.revision

    def without_key(self, *names: str) -> int:
        """Revoke keys."""
        return self.change(key={name: key for name, key in self.records.key.items() if name not in names})

    def events(self, kind: str = "request") -> list[dict[str, Any]]:
        """The events that were stored, of all batches."""
        return [event for batch in self.batches.values() for event in batch if event["event"] == kind]

    def start(self) -> None:
        """Begin to listen, on the same port as before."""
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(ready)), name="plane")
        self._thread.start()
        ready.wait(10)

    def stop(self) -> None:
        """Go away: nobody listens, and open questions are cut."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(10)

    async def _run(self, ready: threading.Event) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._came, "127.0.0.1", self.port, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._end.wait()
        self._loop.remove_reader(server.sockets[0].fileno())
        await asyncio.sleep(0.02)     # CPython 3.11 forgets, unclosed, whom it was just about to let in when a server closes
        server.close()
        for _ in range(4):            # who had just come, too; then transports say goodbye
            for task, writer in list(self._clients.items()):
                task.cancel()
                writer.transport.abort()
            await asyncio.gather(*self._clients, return_exceptions=True)
            await asyncio.sleep(0.02)
        self._clients.clear()

    # HTTP.

    def _came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Known from its first moment: who comes while this goes away is cut, too."""
        self._clients[asyncio.get_running_loop().create_task(self._client(reader, writer))] = writer

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._request(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
        body = await reader.readexactly(int(fields.get("content-length", "0")))
        target = urlsplit(lines[0].split(" ")[1])
        if fields.get("authorization") != f"Bearer {self.token}":
            writer.write(_http((401, "application/json", b"{}")))
        elif target.path == "/internal/v1/snapshot":
            return await self._snapshot(parse_qs(target.query), writer)
        elif target.path == "/internal/v1/events":
            answer = self._events(fields, body)
            if self.deaf:
                return False
            writer.write(_http(answer))
        elif target.path == "/internal/v1/hello":
            self.hellos.append(msgspec.msgpack.decode(body))
            writer.write(_http((204, "", b"")))
        elif target.path == "/internal/v1/spent" and self.knows_spending:
            writer.write(_http(self._spent(msgspec.msgpack.decode(body))))
        else:
            writer.write(_http((404, "text/plain", b"no such door")))
        await writer.drain()
        return True

    async def _snapshot(self, query: dict[str, list[str]], writer: asyncio.StreamWriter) -> bool:
        have, wait = int(query["have"][0]), int(query["wait"][0])
        self.questions.append((have, wait))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            until = self._loop.time() + wait
            while self.revision == have and not self.faults and self._loop.time() < until:  # noqa: ASYNC110  set by another thread
                await asyncio.sleep(0.005)
            return await self._answer(have, writer)
        finally:
            self.open -= 1

    async def _answer(self, have: int, writer: asyncio.StreamWriter) -> bool:
        fault = self.faults.popleft() if self.faults else ""
        if self.revision == have and not fault:
            writer.write(_http((204, "", b"")))
            return True
        status, kind, data = self._faulty(have, fault)
        if fault == "hang up":
            return False
        if fault == "slow":
            await asyncio.sleep(1.5)
        raw = _http((status, kind, data))
        writer.write(raw[: len(raw) * 2 // 3] if fault == "cut" else raw)
        await writer.drain()
        return fault != "cut"

    def _faulty(self, have: int, fault: str) -> _Answer:
        update = whole(self.records, self.revision)
        if have in self.history and fault != "whole":
            update = diff(self.history[have], self.records, base=have, revision=self.revision)
        if fault == "base":
            update = msgspec.structs.replace(update, base=have + 7)
        if fault == "forgotten":
            update = msgspec.structs.replace(update, base=have, drops={"key": ["nobody"]})
        data = b"".join(pack(update))
        if fault == "digest":
            data = data.replace(b"rig", b"rog", 1) if b"rig" in data else data[:-3] + b"abc"
        if fault == "garbage":
            data = bytes(reversed(data))
        if fault == "500":
            return 500, "text/plain", b"oops"
        return 200, "text/html" if fault == "html" else MEDIA_TYPE, data

    def _events(self, fields: dict[str, str], body: bytes) -> _Answer:
        if self.refuses:
            return self.refuses, "application/json", b"{}"
        if fields.get("content-encoding") == "zstd":
            body = zstandard.ZstdDecompressor().decompress(body, max_output_size=1 << 26)
        told = msgspec.msgpack.decode(body)
        self.received.append(told["batch"])
        known = told["batch"] in self.batches
        self.batches.setdefault(told["batch"], told["events"])
        return 200, "application/json", msgspec.json.encode({"stored": 0 if known else len(told["events"]), "known": known})

    def _spent(self, told: dict[str, Any]) -> _Answer:
        self.spent.update({(told["account"], key): value for key, value in told["spent"].items()})
        found = [[account, key, value] for (account, key), value in self.spent.items()] if told["ask"] else []
        return 200, "application/msgpack", msgspec.msgpack.encode(found)


def _http(answer: _Answer) -> bytes:
    status, kind, body = answer
    about = f"content-type: {kind}\r\ncontent-length: {len(body)}\r\n" if status != 204 else ""
    return f"HTTP/1.1 {status} X\r\n{about}\r\n".encode() + body
