"""Taking connections: many at once, over both kinds of listener, by a worker that takes several at a time."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import cast

import pytest
import trustme
import uvloop

from certificates import trusting
from stationmaster.gateway.server import accepting
from stationmaster.gateway.server.accepting import Accepting

MANY = 200


class Greeting(asyncio.Protocol):
    """Greets whoever is connected, and closes. `made`: how many were."""

    made = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        type(self).made += 1
        cast("asyncio.WriteTransport", transport).write(b"hello")      # uvloop's do not inherit from it
        transport.close()


def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's, and that of a client that trusts it."""
    ca, server = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(server)
    return server, trusting(ca)


async def greeted(port: int, context: ssl.SSLContext | None) -> bytes:
    """What one client is sent."""
    name = "127.0.0.1" if context else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    try:
        return await reader.read()
    finally:
        writer.close()


def run(tls: dict[str, object], then: Callable[[int], object]) -> object:
    """What came of `then` at a port on which somebody accepts."""

    async def serve() -> object:
        listener = socket.create_server(("127.0.0.1", 0), backlog=accepting.BACKLOG)
        served = Accepting(listener, Greeting, tls)
        await served.start()
        try:
            return await then(listener.getsockname()[1])  # type: ignore[misc]
        finally:
            served.close()

    return uvloop.run(serve())


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_crowd_that_comes_at_once(encrypted: bool) -> None:
    """Whoever waits is taken, each once, whether the loop's server or the worker itself took them; with TLS as without."""
    server, client = contexts() if encrypted else (None, None)
    before = Greeting.made

    async def crowd(port: int) -> list[bytes]:
        return await asyncio.gather(*(greeted(port, client) for _ in range(MANY)))

    tls = {"ssl": server, "ssl_handshake_timeout": 20.0, "ssl_shutdown_timeout": 5.0} if server else {}
    assert run(tls, crowd) == [b"hello"] * MANY
    assert Greeting.made - before == MANY


def test_several_are_taken_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a loop is busy, those that came meanwhile are taken together in the next moment, as many as may be and not all."""
    monkeypatch.setattr(accepting, "MORE", 3)

    async def count(port: int) -> int:
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]      # while the loop cannot look
        before = Greeting.made
        while Greeting.made == before:      # noqa: ASYNC110  look by look
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        seen = Greeting.made - before
        for client in clients:
            client.close()
        return seen

    assert 1 < int(str(run({}, count))) <= 8


def test_who_does_not_speak_tls_is_gone_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    """Clients that send something else, or leave within the handshake, cost nobody anything; who comes later is served."""
    server, client = contexts()

    async def odd(port: int) -> bytes:
        for number in range(40):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            if number % 2:
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
                await reader.read()
            writer.close()
        return await greeted(port, client)

    assert run({"ssl": server, "ssl_handshake_timeout": 20.0}, odd) == b"hello"
    assert "never retrieved" not in capsys.readouterr().err
