"""F11, F26: clients that hardly read, and clients that vanish."""

import asyncio
import contextlib
import os
import random
import selectors
import signal
import socket
import time
from pathlib import Path

import pytest

from chaos import kit
from chaos.kit import LONG
from gateway import kit as waiting
from gateway import plain, processes, station
from gateway.station import Station
from gateway.test_slow_readers import KERNEL, MIB, Fountain
from gateway.upstream import Upstream

READERS, READING = (300, 60.0) if LONG else (40, 2.0)
ROUNDS, AT_ONCE, LASTING = (20, 400, 4.0) if LONG else (2, 60, 2.0)
DRAIN = 1.0        # seconds for which the gateway reads on behind a client that left
SEED = 2_611
pytestmark = pytest.mark.timeout(600)


def request(model: str) -> bytes:
    """A stream that is asked for."""
    body = plain.dump(plain.chat(model, stream=True))
    return plain.head("POST", "/v1/chat/completions", [plain.BEARER, plain.JSON], length=len(body)) + body


def test_clients_that_hardly_read() -> None:
    """Streams of 50 MiB at a byte a second: what the gateway holds of each is small, and it reads no more of its upstream."""
    fountain = Fountain("events")
    done = f"{READERS:,} clients read a byte a second of a stream of 50 MiB for {READING:g} s"
    reach = "≤ 64 KiB of memory a client; the upstream is stopped"
    with kit.figure("F11", done, reach) as tell, Upstream(fountain.pour) as upstream, \
            station.running(upstream.url) as gateway, contextlib.ExitStack() as stack:  # fmt: skip
        worker = gateway.workers()[0]
        plain.ask(gateway.port, "GET", "/v1/models")
        before = processes.resident(worker)
        clients = [stack.enter_context(plain.connected(gateway.port, receive_buffer=4096)) for _ in range(READERS)]
        for each in clients:
            each.sendall(request("m"))
        waiting.wait_for(lambda: len(fountain.taken) == READERS, within=60)
        read = sip(clients, READING)
        grown, most = processes.resident(worker) - before, max(fountain.taken.values())
        alive = plain.ask(gateway.port, "GET", "/healthz", None, []).status == 200
        kept = grown <= READERS * 64 * 1024 and most < KERNEL and alive
        tell(f"{grown / READERS / 1024:.1f} KiB a client; of each upstream {most / MIB:.1f} MiB were read at most, which fill "
             f"the buffers of sockets; {read:,} bytes reached clients", kept)  # fmt: skip
        assert most < KERNEL
        assert grown <= READERS * 64 * 1024 + 4 * MIB
        assert alive


def sip(clients: list[socket.socket], seconds: float) -> int:
    """Read a byte of each every second; how many that were."""
    read, until = 0, time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for each in clients:
            selector.register(each, selectors.EVENT_READ)
        while time.monotonic() < until:
            read += sum(len(os.read(key.fd, 1)) for key, _ in selector.select(0.1))
            time.sleep(1)
    return read


def test_clients_that_vanish() -> None:
    """Half of all streams are broken off by their clients, at random moments: each upstream is let go, nothing is left behind,
    and the key has room for as many as before."""
    done = (f"{ROUNDS * AT_ONCE:,} streams of {LASTING:g} s, {AT_ONCE} at once, which is all that the key may have; half of them "
            f"aborted at random (seed {SEED}), read on for {DRAIN:g} s")  # fmt: skip
    settings = f"workers = 1\nmetrics_port = 0\ndrain_after_disconnect_seconds = {DRAIN:g}"
    with kit.figure("F26", done, "every upstream let go; 0 sockets, calls, or streams left") as tell, kit.vendor() as url, \
            station.running(url, settings) as gateway:  # fmt: skip
        limited(gateway)
        worker = gateway.workers()[0]
        plain.ask(gateway.port, "GET", "/v1/models")
        before, chance = sockets(worker), random.Random(SEED)
        aborted = whole = 0
        for _ in range(ROUNDS):
            left, ended = asyncio.run(storm(gateway.port, chance))
            aborted, whole = aborted + left, whole + ended
            waiting.wait_for(lambda: open_streams(url) == 0)
        waiting.wait_for(lambda: sockets(worker) <= before + 1 + KEPT)
        asked, after = kit.ledger(url), sockets(worker)
        tell(f"{aborted:,} aborted, {whole:,} whole; of {asked['stream']:,} the vendor saw {asked['whole']:,} to the end and "
             f"{asked.get('left', 0):,} let go; {max(0, after - before - KEPT)} sockets left, 0 calls",
             aborted + whole == ROUNDS * AT_ONCE)  # fmt: skip
        assert aborted + whole == ROUNDS * AT_ONCE == asked["stream"]
        assert gateway.workers() == [worker]


KEPT = AT_ONCE       # connections to the vendor that may be kept for later


def limited(gateway: Station) -> None:
    """The key may have so many calls under way, and no more."""
    gateway.config.write_text(gateway.config.read_text() + f"max_concurrency = {AT_ONCE}\n")
    gateway.signal(signal.SIGHUP)
    gateway.said("configuration")


def sockets(pid: int) -> int:
    """How many a process has open."""
    links = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()]
    return sum(link.startswith("socket:") for link in links)


def open_streams(url: str) -> int:
    """How many the vendor writes to."""
    asked = kit.ledger(url)
    return asked.get("stream", 0) - asked.get("whole", 0) - asked.get("let go", 0)


async def storm(port: int, chance: random.Random) -> tuple[int, int]:
    """As many streams as there may be; how many were aborted, and how many were whole."""
    plans = [chance.uniform(0.05, LASTING * 0.8) if at % 2 else None for at in range(AT_ONCE)]
    outcomes = await asyncio.gather(*(one(port, plan) for plan in plans))
    return outcomes.count("aborted"), outcomes.count("whole")


async def one(port: int, leaves_after: float | None) -> str:
    """One stream: what became of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=MIB)
    writer.write(request(f"stream-{LASTING:g}"))
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        return head[9:12].decode()
    if leaves_after is not None:
        await asyncio.sleep(leaves_after)
        writer.transport.abort()
        return "aborted"
    body = await reader.readuntil(b"\r\n0\r\n\r\n")
    writer.close()
    return "whole" if b"data: [DONE]" in body else "cut"
