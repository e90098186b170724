"""F24, where it ends: a worker that may open no more files, with more streams wanted than it has files for. What it serves it
serves to its end, what it cannot take it says at once, it does not spin, and nobody's credential is blamed."""

import asyncio
import json
import os
import resource
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

import rig
from chaos import kit
from chaos.kit import LONG
from gateway import kit as waiting

FILES, WANTED, SECONDS = (4_000, 4_000, 40.0) if LONG else (120, 120, 6.0)
RATE = 400                           # streams that begin in a second
WATCHED = 10.0 if LONG else 2.0      # seconds
PLAIN = {"model": "plain", "messages": [{"role": "user", "content": "hi"}]}
pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")


def test_no_more_files() -> None:
    """A worker is given files for half of the streams that come, each of which takes two. Those that began are whole; the rest is
    told 503 or closed at once; the worker rests meanwhile, and serves when files are free again."""
    done = f"{WANTED:,} streams of {SECONDS:g} s come to a worker that may open {FILES:,} files more"
    reach = "told 503 or closed at once; those begun are whole; CPU ≤ 10 % while full; nobody blamed"
    with kit.figure("F24", done, reach) as tell:
        with kit.vendor() as url, kit.gateway(url, workers=1) as gateway:
            (worker,) = gateway.workers()
            most = limited(worker, FILES)
            crowd = asyncio.run(a_crowd(gateway.port, worker, most))
            waiting.wait_for(lambda: asks(gateway.port) == 200, within=10)
            events = [json.loads(line) for line in gateway.events.read_text().splitlines()]
        blamed = [each for each in events if each.get("event") == "credential" and each["state"] != "healthy"]
        ends = Counter(crowd.ends)
        wrong = {name: number for name, number in ends.items() if name not in ("whole", "503", "closed")}
        tell(f"{ends['whole']:,} whole, {ends['503']:,} told 503, {ends['closed']:,} closed, in {crowd.refused_ms:.0f} ms, "
             f"else {wrong or 'nothing'}; {crowd.cpu:.1%} of a core while full; {len(blamed)} credentials blamed",
             not wrong and crowd.cpu <= 0.1 and not blamed)  # fmt: skip
        assert wrong == {}
        assert ends["whole"] >= FILES * 0.4
        assert ends["whole"] < WANTED
        assert crowd.cpu <= 0.1
        assert blamed == []


def limited(pid: int, more: int) -> int:
    """Let it open so many files beyond those it has; how many that are in all."""
    most = files_of(pid) + more
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
    return most


def files_of(pid: int) -> int:
    """How many it has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


@dataclass(frozen=True)
class Crowd:
    """How each ended, what share of a core the worker took while it could open nothing, the longest that a refused one waited."""

    ends: list[str]
    cpu: float
    refused_ms: float


async def a_crowd(port: int, worker: int, most: int) -> Crowd:
    """All of them within seconds."""
    refused: list[float] = []
    streams = [asyncio.create_task(one(port, number / RATE, refused)) for number in range(WANTED)]
    while files_of(worker) < most - 4:      # noqa: ASYNC110  another process' files
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.0)
    began, used = time.monotonic(), cpu_of(worker)
    await asyncio.sleep(WATCHED)
    share = (cpu_of(worker) - used) / (time.monotonic() - began)
    return Crowd(await asyncio.gather(*streams), share, 1000 * max(refused, default=0.0))


async def one(port: int, pause: float, refused: list[float]) -> str:
    """How one stream ended that began after a pause."""
    await asyncio.sleep(pause)
    began = time.monotonic()
    told = b""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request())
        while piece := await asyncio.wait_for(reader.read(65_536), 30):
            told += piece
            if told.endswith(b"0\r\n\r\n") or told.startswith(b"HTTP/1.1 503"):
                break
        writer.close()
    except OSError:
        told = told or b"closed"
    if told.startswith(b"HTTP/1.1 200"):
        return "whole" if b"data: [DONE]" in told else "cut"
    refused.append(time.monotonic() - began)
    return told[9:12].decode() if told.startswith(b"HTTP") else "closed"


def request() -> bytes:
    """One stream's."""
    body = json.dumps({**PLAIN, "model": f"stream-{SECONDS:g}-2", "stream": True}).encode()
    return (f"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway.test\r\nauthorization: Bearer {rig.KEY}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n").encode() + body  # fmt: skip


def cpu_of(pid: int) -> float:
    """Seconds of a core that it took so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def asks(port: int) -> int:
    """The status of one more call."""
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", json.dumps(PLAIN).encode(),
                                   {"authorization": f"Bearer {rig.KEY}", "content-type": "application/json"})  # fmt: skip
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310  ours
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
