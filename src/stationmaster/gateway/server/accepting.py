"""Taking clients' connections. Owns: the server on the listening socket, and that it takes several at a time.

libuv takes one connection each time that it looks at its sockets (https://github.com/libuv/libuv/pull/3696), and serves up to a
thousand others before it looks again. A worker that has all it can do would take a few dozen in a second, and whoever only asks
whether it is healthy would wait behind everybody.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

BACKLOG = 4096
MORE = 16                  # that are taken with one; few, so that workers that have nothing to do share what comes at once


class Accepting:
    """`start` and `close`; every connection is one of `factory`'s."""

    def __init__(self, listener: socket.socket, factory: Callable[[], asyncio.Protocol], encryption: dict[str, Any]) -> None:
        """`encryption`: what `create_server` is told of TLS."""
        self._listener, self._factory, self._encryption = listener, factory, encryption
        self._server: asyncio.Server | None = None
        self._taken: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Serve from now on."""
        self._listener.setblocking(False)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._first, sock=self._listener, backlog=BACKLOG, **self._encryption)

    def close(self) -> None:
        """Take no more."""
        if self._server is not None:
            self._server.close()

    def _first(self) -> asyncio.Protocol:
        for _ in range(MORE):
            try:
                taken, _ = self._listener.accept()
            except OSError:      # nobody waits, whoever waited left, or there are no files: what comes next is libuv's matter
                break
            taken.setblocking(False)
            task = asyncio.get_running_loop().create_task(self._open(taken))
            self._taken.add(task)
            task.add_done_callback(self._taken.discard)
        return self._factory()

    async def _open(self, taken: socket.socket) -> None:
        """As the server does with its own: who leaves within the handshake, or does not speak TLS, is gone without a word."""
        try:
            await asyncio.get_running_loop().connect_accepted_socket(self._factory, taken, **self._encryption)
        except OSError:
            taken.close()
