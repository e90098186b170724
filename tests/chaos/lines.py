"""Callers for storms over `wires`: connections that are kept, each with a pool of its own, so that one's faults are its own."""

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import BinaryIO, TypeVar

from chaos.kit import HERE
from chaos.pools import Member
from gateway import kit as waiting
from gateway import plain, station

T = TypeVar("T")
R = TypeVar("R")
LETTERS = "abcdefgh"
_said = count()


@contextmanager
def wires() -> Iterator[str]:
    """The URL of a vendor that answers bytes."""
    port = station.free_port()
    environ = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    process = subprocess.Popen([sys.executable, "-m", "chaos.wires", str(port)], env=environ)
    try:
        waiting.wait_for(lambda: waiting.answers(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def pairs(url: str) -> dict[str, tuple[Member, ...]]:
    """For each caller a pool of a bad member that is asked first, and a good one."""
    return {f"{each}-*": (Member(f"bad-{each}", f"{url}/v1"), Member(f"good-{each}", f"{url}/v1", 1)) for each in LETTERS}


def lone(url: str) -> dict[str, tuple[Member, ...]]:
    """For each caller a pool of a bad member alone."""
    return {f"{each}-*": (Member(f"bad-{each}", f"{url}/v1"),) for each in LETTERS}


class Caller:
    """One that asks over a connection that is kept, as long as the gateway keeps it."""

    def __init__(self, port: int, letter: str) -> None:
        self._port, self._letter = port, letter
        self._sock: socket.socket | None = None
        self._reader: BinaryIO

    def ask(self, model: str, **more: object) -> plain.Answer:
        """What comes of one call, unlike all before; status 0: nothing that is an answer."""
        body = plain.dump(plain.chat(f"{self._letter}-{model}", f"say {next(_said)}", **more))
        try:
            answer = self._sent(plain.head("POST", "/v1/chat/completions", [plain.BEARER, plain.JSON], length=len(body)) + body)
        except (OSError, http.client.HTTPException):
            answer = plain.Answer(0, [], b"", whole=False)
        told = answer.status < 400 and b"stationmaster_error" in answer.body     # a stream that broke ends the connection
        if told or not answer.whole or answer.header("connection") == "close":
            self.close()
        return answer

    def stream(self, model: str) -> plain.Answer:
        """The same with a stream, which tells its usage."""
        return self.ask(model, stream=True, stream_options={"include_usage": True})

    def _sent(self, raw: bytes) -> plain.Answer:
        if self._sock is None:
            self._sock = socket.create_connection(("127.0.0.1", self._port), 60)
            self._reader = self._sock.makefile("rb")
        self._sock.sendall(raw)
        return plain.read_from(self._reader, "POST")

    def close(self) -> None:
        """Hang up."""
        if self._sock is not None:
            self._reader.close()
            self._sock.close()
            self._sock = None


def by_all(port: int, items: Sequence[T], work: Callable[[Caller, T], R]) -> list[R]:
    """`work` for each, by as many callers as there are letters, each one after the other."""
    def share(at: int) -> list[R]:
        caller = Caller(port, LETTERS[at])
        try:
            return [work(caller, item) for item in items[at :: len(LETTERS)]]
        finally:
            caller.close()

    with ThreadPoolExecutor(len(LETTERS)) as threads:
        return [each for found in threads.map(share, range(len(LETTERS))) for each in found]
