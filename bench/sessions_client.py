"""A client of many sessions: `PORT CONNECTIONS PER_SECOND SECONDS FILE_BEFORE FILE_AFTER`. Prints its counts.

h2load sends the same bytes with every request, so all of them are one session. This sends the same as well, but for
the session's name, which stands between the two files' bytes. `SESSIONS` take turns; one that asked `TURNS` times
ends, and a new one takes its place, a few at a time. `PER_SECOND` 0: as fast as it goes. Answers are read as far as
needed to know their status and their end: they must have a Content-Length.
"""

import heapq
import itertools
import json
import random
import re
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import wire

SESSIONS, TURNS = 1000, 20
PATIENCE = 10.0            # seconds to wait for what is under way when time is up
READ = 1 << 16
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


class BadAnswerError(ValueError):
    """An answer whose end cannot be told, or none."""


def sessions(first: int) -> Iterator[int]:
    """The session of each request, for ever. Numbers begin at `first` and leave none out; none comes more than `TURNS`
    times, nor again before `SESSIONS` - 1 others came."""
    born = first + SESSIONS
    present = list(range(first, born))
    for turn in itertools.count(1):
        for place in range(SESSIONS):
            yield present[place]
            if (turn + place) % TURNS == 0:
                present[place], born = born, born + 1


def status_of(answer: bytes) -> int:
    """The status of an answer that is whole; 0: it is not. Raises BadAnswerError when that cannot be told."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return 0
    length = _LENGTH.search(answer, 0, end + 2)
    if length is None:
        raise BadAnswerError("no Content-Length")
    return int(answer[9:12]) if len(answer) >= end + 4 + int(length[1]) else 0


@dataclass
class Wire:
    """One connection. It sends its next request when the last is answered and `due` has come."""

    place: int
    socket: socket.socket
    due: float
    asked: bool = False
    got: bytes = b""

    def read(self) -> int:
        """Take what came; the answer's status, 0 while it is not whole. Raises OSError, ValueError when it never will."""
        piece = self.socket.recv(READ)
        if not (piece and self.asked):
            raise BadAnswerError("closed, or not asked for")
        self.got += piece
        return status_of(self.got)


class Clients:
    """All connections together: what was answered, and how."""

    def __init__(self, port: int, connections: int, per_second: float, request: tuple[bytes, bytes]) -> None:
        self.port = port
        self.before, self.after = request
        self.every = connections / per_second if per_second else 0.0
        self.first = self.newest = random.randrange(10**9)    # nobody has seen these sessions before
        self.sessions = sessions(self.first)
        self.poll = select.epoll()
        self.succeeded = self.failed = 0
        now = time.monotonic()
        self.wires = [Wire(at, self._open(), now + self.every * at / connections) for at in range(connections)]
        self.by_socket = {one.socket.fileno(): one for one in self.wires}
        self.idle = [(one.due, one.place) for one in self.wires]    # a heap

    def _open(self) -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        opened.settimeout(None)    # else each read would poll first
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.poll.register(opened, select.EPOLLIN)
        return opened

    def run(self, seconds: float) -> float:
        """Ask for so long, then wait for what is under way; how many seconds that took together."""
        began = time.monotonic()
        until = began + seconds
        while (now := time.monotonic()) < until:
            self._send_due(now)
            self._read(max(0.0, (min(self.idle[0][0], until) if self.idle else until) - now))
        while len(self.idle) < len(self.wires) and time.monotonic() < until + PATIENCE:
            self._read(PATIENCE)
        self.failed += len(self.wires) - len(self.idle)
        return time.monotonic() - began

    def _send_due(self, now: float) -> None:
        while self.idle and self.idle[0][0] <= now:
            one = self.wires[heapq.heappop(self.idle)[1]]
            one.due = max(one.due + self.every, now - self.every)    # who is late does not catch up in a burst
            one.asked = True
            self.newest = max(self.newest, session := next(self.sessions))
            try:
                one.socket.sendall(self.before + wire.session_name(session) + self.after)
            except OSError:
                self._renew(one)

    def _read(self, wait: float) -> None:
        for number, _ in self.poll.poll(wait):
            one = self.by_socket[number]
            try:
                status = one.read()
            except (OSError, ValueError):
                self._renew(one)
                continue
            if status:
                self._end(one, good=200 <= status < 300)

    def _end(self, one: Wire, *, good: bool) -> None:
        """A request has ended."""
        self.succeeded += good
        self.failed += not good
        one.asked, one.got = False, b""
        heapq.heappush(self.idle, (one.due, one.place))

    def _renew(self, one: Wire) -> None:
        """A connection is of no use any more; if it had been asked, its request failed."""
        del self.by_socket[one.socket.fileno()]
        one.socket.close()
        one.socket = self._open()
        self.by_socket[one.socket.fileno()] = one
        if one.asked:
            self._end(one, good=False)


def main(words: list[str]) -> None:
    """Run, and print the counts as one line of JSON."""
    port, connections, per_second, seconds = int(words[0]), int(words[1]), float(words[2]), float(words[3])
    clients = Clients(port, connections, per_second, (Path(words[4]).read_bytes(), Path(words[5]).read_bytes()))
    took = clients.run(seconds)
    asked = clients.newest - clients.first + 1
    counts = {"succeeded": clients.succeeded, "failed": clients.failed, "seconds": took, "sessions": asked}
    sys.stdout.write(json.dumps(counts) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
