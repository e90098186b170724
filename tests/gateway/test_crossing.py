"""Answers never cross: clients that come, stall and leave at random get their own nonces or nothing.

10,000 answers in a usual run; `make soak` (SOAK=1) takes 100,000.
"""

import asyncio
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import rig
from gateway import kit, plain, station

ANSWERS = 100_000 if os.environ.get("SOAK") else 10_000
CLIENTS = 64
NONCE = re.compile(rb"nonce:([0-9a-f]{16})")
MODEL_WEIGHTS = {
    "gpt-4o": 800, "sandbox-slow": 4, "sandbox-stall": 4, "sandbox-cut": 20, "sandbox-cut-fin": 20,
    "sandbox-cut-clean": 20, "sandbox-close": 10, "sandbox-garbage": 10, "sandbox-500": 10, "sandbox-429": 10,
    "sandbox-1xx": 20, "sandbox-trailers": 20, "sandbox-close-delimited": 20, "sandbox-error-event": 10,
    "sandbox-hang": 3,
}  # fmt: skip
DOORS = [
    ("/v1/chat/completions", plain.chat),
    ("/v1/responses", plain.responses),
    ("/v1/messages", plain.messages),
]


@pytest.fixture(scope="module")
def vendor_url() -> Iterator[str]:
    """Simulated vendors in a process of their own: they would slow the gateway in ours."""
    port = station.free_port()
    command = [sys.executable, "-m", "stationmaster", "sandbox", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        kit.wait_for(lambda: kit.answers(port), within=40)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


class Client:
    """One client: asks over and over, keeps or drops its connection, leaves in the middle of answers."""

    def __init__(self, port: int, seed: int, tally: Counter[str]) -> None:
        self._port = port
        self._chance = random.Random(seed)
        self._tally = tally
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, left: Iterator[int]) -> None:
        """Ask until the numbers run out."""
        for _ in left:
            await self._ask()
        self._drop()

    async def _ask(self) -> None:
        chance = self._chance
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        nonce = b"%016x" % chance.getrandbits(64)
        model = chance.choices(list(MODEL_WEIGHTS), list(MODEL_WEIGHTS.values()))[0]
        target, make = chance.choice(DOORS)
        words = chance.choice((1, 5, 9 if model == "sandbox-slow" else 200))
        said = f"say nonce:{nonce.decode()} words:{words}"
        body = plain.dump(make(model, said, stream=chance.random() < 0.6))
        fields = [plain.BEARER, plain.JSON, ("x-sandbox-fault", model)]
        if target == "/v1/messages":
            body = body.replace(model.encode(), b"claude-x")
        raw = plain.head("POST", target, fields, length=len(body)) + body
        leaves = chance.random() < 0.4
        try:
            async with asyncio.timeout(0.3 if model in ("sandbox-stall", "sandbox-hang") else 10):
                if leaves and chance.random() < 0.2:
                    writer.write(raw[: chance.randrange(len(raw))])
                    await asyncio.sleep(chance.choice((0, 0.002, 0.02)))
                    got = await self._some(reader, 0)
                elif leaves:
                    writer.write(raw)
                    got = await self._some(reader, chance.choice((0, 1, 50, 300, 1000, 5000)))
                else:
                    writer.write(raw)
                    got = await _whole(reader)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, ValueError) as error:
            self._tally[type(error).__name__] += 1
            self._drop()
            return
        self._check(got, nonce, model, whole=not leaves)
        if leaves or b"\r\nconnection: close" in got[:2000]:
            self._drop()

    async def _some(self, reader: asyncio.StreamReader, most: int) -> bytes:
        """Read a piece or two of at most `most` bytes, then leave."""
        got = b""
        if most:
            got = await reader.read(self._chance.randrange(1, most + 1))
        if got and self._chance.random() < 0.3 and not got.endswith((b"}", b"\r\n")):
            got += await reader.read(self._chance.randrange(1, most + 1))
        self._tally["left"] += 1
        return got

    def _check(self, got: bytes, nonce: bytes, model: str, *, whole: bool) -> None:
        found = set(NONCE.findall(got))
        if found - {nonce}:
            self._tally["CROSSED"] += 1
        if whole and model == "gpt-4o":
            self._tally["good" if found == {nonce} and got.startswith(b"HTTP/1.1 200 ") else "BAD"] += 1

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def _whole(reader: asyncio.StreamReader) -> bytes:
    """Read one whole answer off a connection that stays open."""
    head = await reader.readuntil(b"\r\n\r\n")
    got = head
    if b"\r\ntransfer-encoding: chunked" in head:
        while True:
            line = await reader.readuntil(b"\r\n")
            piece = await reader.readexactly(int(line, 16) + 2)
            got += piece
            if line == b"0\r\n":
                return got
    length = re.search(rb"\r\ncontent-length: (\d+)", head)
    assert length is not None
    return got + await reader.readexactly(int(length[1]))


def open_files() -> int:
    """How many files and sockets this process holds open."""
    return len(list(Path("/dev/fd").iterdir()))


@pytest.mark.timeout(3600 if ANSWERS > 10_000 else 300)
def test_crossing(vendor_url: str) -> None:
    """64 clients, random aborts, stalls and faults: none gets another's nonce, and nothing is left behind."""
    before = open_files()
    seed = random.SystemRandom().getrandbits(32)
    tally: Counter[str] = Counter()
    snapshot = kit.wide(vendor_url, drain_after_disconnect=0.3)
    with rig.running_gateway(snapshot) as gateway:

        async def all_clients() -> None:
            left = iter(range(ANSWERS))
            await asyncio.gather(*(Client(gateway.port, seed + number, tally).run(left) for number in range(CLIENTS)))

        asyncio.run(all_clients())
        said = f"seed {seed}: {dict(tally)}"
        assert tally["CROSSED"] == 0, said
        assert tally["BAD"] == 0, said
        assert tally["good"] > ANSWERS * 0.3, said
        assert tally["left"] > ANSWERS * 0.3, said
        worker = gateway.worker
        kit.wait_for(lambda: not worker.clients and not worker.orphans)
        assert worker.buffered == 0
        assert plain.post(gateway.port, "/v1/responses", plain.responses()).status == 200
        kit.wait_for(lambda: len(gateway.events()) >= tally["good"])
    kit.wait_for(lambda: open_files() <= before + 2)
