"""A client of many event streams: `PORT STREAMS FILE_BEFORE FILE_AFTER`. Answers each line on stdin with its counts.

Every stream is a session of its own, whose name stands between the two files' bytes. Opens at most `AT_ONCE`
streams that have no answer yet. Events are counted by their closing blank line; nothing is parsed, so the client is
cheaper than what it measures.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import cast

import uvloop

from bench import wire

AT_ONCE = 32


class Fleet:
    """All streams together: how many are open, how many events came."""

    def __init__(self, port: int, wanted: int, request: tuple[bytes, bytes]) -> None:
        self.port, self.wanted = port, wanted
        self.before, self.after = request
        self.begun = self.open = self.failed = self.lost = self.events = 0
        self.tasks: set[asyncio.Task[None]] = set()

    def fill(self) -> None:
        """Begin as many streams as may wait for an answer."""
        while self.begun < self.wanted and self.begun - self.open - self.failed < AT_ONCE:
            self.begun += 1
            task = asyncio.ensure_future(self.connect())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def connect(self) -> None:
        """Begin one stream."""
        loop = asyncio.get_running_loop()
        request = self.before + wire.session_name(self.begun) + self.after
        try:
            await loop.create_connection(lambda: Stream(self, request), "127.0.0.1", self.port)
        except OSError:
            self.failed += 1

    def answer(self) -> None:
        """One line of counts to stdout; the end of stdin ends the program."""
        if not sys.stdin.readline():
            asyncio.get_running_loop().stop()
            return
        counts = {"open": self.open, "failed": self.failed, "lost": self.lost, "events": self.events}
        sys.stdout.write(json.dumps(counts) + "\n")
        sys.stdout.flush()


class Stream(asyncio.Protocol):
    """One connection with one streaming request."""

    def __init__(self, fleet: Fleet, request: bytes) -> None:
        self.fleet, self.request = fleet, request
        self.answered = self.good = self.after_newline = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request at once."""
        cast("asyncio.Transport", transport).write(self.request)

    def data_received(self, data: bytes) -> None:
        """Count the events in these bytes."""
        if not self.answered:
            self.begin(data)
        events = data.count(b"\n\n")
        if self.after_newline and data[0] == 10:
            events += 1
        self.after_newline = data[-1] == 10 and not data.endswith(b"\n\n")
        if self.good:
            self.fleet.events += events

    def begin(self, data: bytes) -> None:
        """The first bytes say whether this is a stream."""
        self.answered = True
        self.good = data.startswith(b"HTTP/1.1 200")
        if self.good:
            self.fleet.open += 1
        else:
            self.fleet.failed += 1
        self.fleet.fill()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """A stream that ends was not ours to end."""
        if not self.answered:
            self.fleet.failed += 1
            self.fleet.fill()
        elif self.good:
            self.fleet.lost += 1


def main(port: int, streams: int, request: tuple[bytes, bytes]) -> None:
    """Run until stdin ends."""
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    fleet = Fleet(port, streams, request)
    loop.add_reader(0, fleet.answer)
    loop.call_soon(fleet.fill)
    loop.run_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), (Path(sys.argv[3]).read_bytes(), Path(sys.argv[4]).read_bytes()))
