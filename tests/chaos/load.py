"""Load for storms, as a process of its own: calls at a rate, open loop, over connections that are kept; and streams, each begun
anew when it is over. Prints one JSON object at the end: what came back how often, and how long calls took.

    python load.py PORT KEY --rps 500 --streams 500 --stream-seconds 5 --seconds 30
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from typing import Any

import uvloop

TIMEOUT = 30.0      # seconds for one call's answer, and between two events


class Load:
    """What is sent, and what came of it."""

    def __init__(self, port: int, key: str, asked: argparse.Namespace) -> None:
        self.port, self.key, self.asked = port, key, asked
        self.counts: Counter[str] = Counter()
        self.took: list[float] = []
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.until = 0.0

    async def run(self) -> dict[str, Any]:
        """Send until the time is over, wait for what is open."""
        began = time.monotonic()
        self.until = began + self.asked.seconds
        streams = [asyncio.create_task(self._streams(each)) for each in range(self.asked.streams)]
        calls: set[asyncio.Task[None]] = set()
        number = 0
        while (now := time.monotonic()) < self.until:
            due = int((now - began) * self.asked.rps)
            for _ in range(number, due):
                if len(calls) >= self.asked.at_once:
                    self.counts["held back"] += 1
                    continue
                task = asyncio.create_task(self._call())
                calls.add(task)
                task.add_done_callback(calls.discard)
            number = max(number, due)
            await asyncio.sleep(0.005)
        await asyncio.gather(*calls, *streams)
        self.took.sort()
        return {"sent": number, **self.counts, **self._times(), "overtime_s": round(time.monotonic() - self.until, 2)}

    def _times(self) -> dict[str, float]:
        if not self.took:
            return {}
        return {name: round(1000 * self.took[min(len(self.took) - 1, int(len(self.took) * part))], 2)
                for name, part in (("p50_ms", 0.5), ("p99_ms", 0.99), ("max_ms", 1.0))}  # fmt: skip

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in range(2):       # the second try is counted: no client would see the first as more than a pause
            try:
                return await asyncio.open_connection("127.0.0.1", self.port)
            except OSError as error:
                self.counts[f"refused {type(error).__name__}"] += 1
        return None

    async def _call(self) -> None:
        began = time.perf_counter()
        pair = self._kept() or await self._connect()
        if pair is None:
            return
        outcome = await self._one(pair, {"model": "plain", "messages": [{"role": "user", "content": "hi"}]})
        self.counts[outcome] += 1
        if outcome == "ok":
            self.took.append(time.perf_counter() - began)

    def _kept(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection that is kept and that the gateway did not close meanwhile, as every client's pool looks."""
        while self.idle:
            pair = self.idle.pop()
            if not pair[0].at_eof():
                return pair
            pair[1].close()
        return None

    async def _one(self, pair: tuple[asyncio.StreamReader, asyncio.StreamWriter], body: dict[str, Any]) -> str:
        reader, writer = pair
        try:
            async with asyncio.timeout(TIMEOUT):
                writer.write(self._request(body))
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = int(head.partition("content-length:")[2].partition("\r\n")[0])
                await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            writer.close()
            return f"reset {type(error).__name__}"
        except TimeoutError:
            writer.close()
            return "timeout"
        if "connection: close" in head:
            writer.close()
        else:
            self.idle.append(pair)
        status = head[9:12]
        return "ok" if status == "200" else f"status {status}"

    def _request(self, body: dict[str, Any]) -> bytes:
        raw = json.dumps(body).encode()
        head = (f"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway.test\r\nauthorization: Bearer {self.key}\r\n"
                f"content-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n")  # fmt: skip
        return head.encode() + raw

    async def _streams(self, number: int) -> None:
        await asyncio.sleep(number % 100 * self.asked.stream_seconds / 100)       # not all at once
        while time.monotonic() < self.until:
            pair = await self._connect()
            if pair is not None:
                self.counts[await self._stream(pair)] += 1

    async def _stream(self, pair: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> str:
        reader, writer = pair
        seconds, every = self.asked.stream_seconds, self.asked.every
        body = {"model": f"stream-{seconds:g}-{every:g}", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        told = b""
        try:
            writer.write(self._request(body))
            while piece := await asyncio.wait_for(reader.read(65_536), TIMEOUT):
                told += piece
                if told.endswith(b"0\r\n\r\n"):
                    break
        except (OSError, TimeoutError) as error:
            return f"stream reset {type(error).__name__}"
        finally:
            writer.close()
        if not told:
            return "stream reset before its head"
        if not told.startswith(b"HTTP/1.1 200"):
            return f"stream status {told[9:12].decode()}"
        whole = told.count(b"chat.completion.chunk") >= int(seconds / every) and b"data: [DONE]" in told
        return "stream whole" if whole else "stream told" if b"stationmaster_error" in told else "stream cut"


def main() -> None:
    """Send what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("key")
    parser.add_argument("--rps", type=float, default=500)
    parser.add_argument("--streams", type=int, default=0)
    parser.add_argument("--stream-seconds", type=float, default=5)
    parser.add_argument("--every", type=float, default=0.25, help="seconds between two events of a stream")
    parser.add_argument("--at-once", type=int, default=1_000_000, help="calls that may be open; more are held back, and counted")
    parser.add_argument("--seconds", type=float, default=10)
    asked = parser.parse_args()
    print(json.dumps(uvloop.run(Load(asked.port, asked.key, asked).run())))


if __name__ == "__main__":
    main()
