"""Opens connections to upstreams: names resolved off the loop, addresses raced (RFC 8305), proxies crossed,
certificates verified. Owns: nothing that outlives a connection but a small address cache, and that none goes to a private
address which nobody allowed: what is checked are the addresses that are then connected to."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

import aiohappyeyeballs

from stationmaster.gateway.core.networks import address_of, may_connect
from stationmaster.gateway.core.upstreams import Origin
from stationmaster.gateway.server.proxies import Proxies, Proxy

_RACE_DELAY = 0.25        # seconds; RFC 8305 section 5
_ADDRESS_LIFE = 30.0      # seconds an address is used before it is asked for again
_ADDRESS_GRACE = 600.0    # seconds it still serves when asking fails
_PATIENCE = 0.25          # seconds a new answer is waited for where an old one would serve

P = TypeVar("P", bound=asyncio.BaseProtocol)
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]


def tls_context(ca_bundle: str = "") -> ssl.SSLContext:
    """Verify against the system's store, and `ca_bundle` (a PEM file) beside it. Raises OSError, SSLError."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_bundle:
        context.load_verify_locations(cafile=ca_bundle)
    return context


class Dialer:
    """Connects to origins. One a worker. `private`: entries that open private addresses; None opens all of them, which is
    for who wrote the addresses himself, into gateway.toml."""

    def __init__(
        self, tls: ssl.SSLContext, proxies: Proxies, timeout: float, private: tuple[str, ...] | None = None
    ) -> None:
        self.private = private
        self._tls = tls
        self._proxies = proxies
        self._timeout = timeout
        self._addresses: dict[tuple[str, int], tuple[float, list[AddressInfo]]] = {}
        self._asking: dict[tuple[str, int], asyncio.Task[list[AddressInfo]]] = {}

    async def connect(self, origin: Origin, factory: Callable[[], P]) -> P:
        """A connected protocol. Raises OSError (ssl.SSLError among them; PermissionError for a private address that is
        not allowed) or TimeoutError."""
        tls, host, _ = origin
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._timeout):
            sock = await self._socket(origin)
            try:
                _, protocol = await loop.create_connection(
                    factory, sock=sock, ssl=self._tls if tls else None, server_hostname=host if tls else None
                )
            except BaseException:
                sock.close()
                raise
        return protocol

    async def _socket(self, origin: Origin) -> socket.socket:
        _, host, port = origin
        proxy = self._proxies.for_origin(origin)
        if proxy:     # its address is the environment's. It resolves names itself, so only an address can be judged here
            self._check(host, [host] if address_of(host) else [])
            addresses = await self._resolve(proxy.host, proxy.port)
        else:
            addresses = await self._resolve(host, port)
            self._check(host, [str(each[4][0]) for each in addresses])
        sock = await aiohappyeyeballs.start_connection(
            addresses, happy_eyeballs_delay=_RACE_DELAY, loop=asyncio.get_running_loop()
        )
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if proxy:
            try:
                await _cross(sock, proxy, host, port)
            except BaseException:
                sock.close()
                raise
        return sock

    def _check(self, host: str, addresses: list[str]) -> None:
        """One private address among public ones refuses the name: no vendor has both."""
        if self.private is not None and not all(may_connect(host, each, self.private) for each in addresses):
            raise PermissionError(errno.EACCES, "it leads to a private address that is not allowed")

    async def _resolve(self, host: str, port: int) -> list[AddressInfo]:
        """Where it is. An answer serves as long as it lives, and longer where no new one comes soon: a name server that is
        slow or gone delays no connection to a place that is known."""
        known, now = self._addresses.get((host, port)), asyncio.get_running_loop().time()
        if known and now - known[0] < _ADDRESS_LIFE:
            return known[1]
        asking = self._asked(host, port)
        if not known or now - known[0] >= _ADDRESS_GRACE:
            return await asyncio.shield(asking)
        try:
            return await asyncio.wait_for(asyncio.shield(asking), _PATIENCE)
        except OSError:     # TimeoutError is one of them
            return known[1]

    def _asked(self, host: str, port: int) -> asyncio.Task[list[AddressInfo]]:
        """The question after it, asked once for all that wait: each that hangs holds one of the few threads that ask."""
        asking = self._asking.get((host, port))
        if asking is None:
            asking = self._asking[host, port] = asyncio.create_task(self._ask(host, port))
            asking.add_done_callback(_looked_at)
        return asking

    async def _ask(self, host: str, port: int) -> list[AddressInfo]:
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        finally:
            del self._asking[host, port]
        found: list[AddressInfo] = [(*answer,) for answer in answers]
        self._addresses[host, port] = (loop.time(), found)
        return found


def _looked_at(asking: asyncio.Task[list[AddressInfo]]) -> None:
    """Its failure is everybody's who waits, and nobody's where all went by an old answer: no reason to complain."""
    if not asking.cancelled():
        asking.exception()


async def _cross(sock: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """Ask the proxy for a tunnel. Raises OSError when it refuses."""
    loop = asyncio.get_running_loop()
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    secret = b"proxy-authorization: %b\r\n" % proxy.authorization if proxy.authorization else b""
    await loop.sock_sendall(sock, f"CONNECT {place} HTTP/1.1\r\nhost: {place}\r\n".encode() + secret + b"\r\n")
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        piece = await loop.sock_recv(sock, 1)  # byte by byte: what follows the head belongs to TLS
        if not piece or len(answer) > 8192:
            raise OSError("the proxy broke off")
        answer += piece
    if not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
        raise OSError("the proxy refused the tunnel")
