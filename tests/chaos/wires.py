"""A vendor that answers bytes, as a process of its own, with a ledger: `python -m chaos.wires PORT`. The model, behind its
pool's name, says which:

    cut-N            the stream of numbers, reset after N bytes, for members whose id begins with `bad`; whole for others
    split-NAME-N     the event stream NAME in two writes, the first of N bytes
    end-NAME-N       the first N bytes of it, and the end of the connection
    garbage-N        the reply of that seed, for members whose id begins with `bad`
    anything else    a good answer
"""

import asyncio
import json
import re
import socket
import struct
import sys
from collections import Counter

import uvloop

from chaos import replies

LEDGER: Counter[str] = Counter()
WHO = re.compile(rb"key-of-(bad|good)")


class Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._spoilt = False

    async def serve(self) -> None:
        """Answer until either side has enough."""
        try:
            while await self._one():
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            LEDGER["left"] += 1
        finally:
            self._writer.close()

    async def _one(self) -> bool:
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        body = await self._reader.readexactly(int(length[1]) if length else 0)
        if head.startswith(b"GET /ledger"):
            return await self._say(_json(json.dumps(LEDGER).encode()))
        if head.startswith(b"GET"):
            return await self._say(_json(b'{"object": "list", "data": []}'))
        LEDGER["reused"] += self._spoilt
        who = WHO.search(head)
        return await self._answer((who[1] if who else b"").decode(), str(json.loads(body)["model"]))

    async def _answer(self, who: str, model: str) -> bool:
        LEDGER[f"asked {who}"] += 1
        kind, _, rest = model.partition("-")[2].partition("-")      # before it: which pool
        bad = who == "bad"
        if kind == "cut":
            return await self._cut(int(rest)) if bad else await self._say(replies.NUMBERS)
        if kind in ("split", "end"):
            name, _, at = rest.rpartition("-")
            return await self._pieces(replies.LARGE if name == "large" else replies.SPELT[name], int(at), whole=kind == "split")
        if kind == "garbage" and bad:
            return await self._garbage(int(rest))
        return await self._say(replies.FINE)

    async def _say(self, raw: bytes) -> bool:
        self._writer.write(raw)
        await self._writer.drain()
        return True

    async def _cut(self, at: int) -> bool:
        await self._say(replies.NUMBERS[:at])
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))      # its end is a reset
        return False

    async def _pieces(self, body: bytes, at: int, *, whole: bool) -> bool:
        """In chunks of their own; without `whole` the second one, and the last, never come."""
        await self._say(replies.STREAM + (replies.chunk(body[:at]) if at else b""))
        if whole:
            await asyncio.sleep(0.002)      # for the first to be read by itself
            await self._say(replies.chunk(body[at:]) + b"0\r\n\r\n")
        return whole

    async def _garbage(self, seed: int) -> bool:
        """The connection stays, where the other side lets it: whether it is used again is counted."""
        kind, raw = replies.garbage(seed)
        LEDGER[kind] += 1
        self._spoilt = kind in replies.SPOILS
        await self._say(raw)
        return kind not in replies.ENDS


def _json(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


async def main(port: int) -> None:
    """Serve until killed."""
    async with await asyncio.start_server(lambda *ends: Line(*ends).serve(), "127.0.0.1", port, backlog=4096) as server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
