"""Where a gateway connects on behalf of stored credentials: the addresses that it connects to are what is checked."""

import asyncio
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest

import rig
from gateway import kit, plain
from gateway.test_proxy import Proxy
from gateway.upstream import Request, Upstream
from stationmaster.gateway.core.networks import may_connect
from stationmaster.gateway.core.snapshot import Snapshot
from stationmaster.gateway.server import dial
from stationmaster.gateway.server.dial import Dialer, tls_context
from stationmaster.gateway.server.proxies import Proxies, from_environ

ANSWER = b'{"id":"r","object":"response","status":"completed","model":"gpt-4o","output":[]}'
CLOSED = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "224.0.0.1",
    "255.255.255.255", "198.18.0.1", "100.100.100.200", "::1", "::", "::127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1",
    "64:ff9b:1::1", "2002:a00:1::1", "fe80::1", "fe80::1%eth0", "fd00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
]
NEVER = ["169.254.169.254", "169.254.170.2", "100.100.100.200", "fe80::1", "fd00:ec2::254", "::ffff:169.254.169.254"]


class Names(asyncio.SelectorEventLoop):
    """An event loop whose resolver gives `answers`, one list after the other."""

    def __init__(self, *answers: Sequence[str]) -> None:
        super().__init__()
        self.answers = deque(answers)

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        """The next answer."""
        kinds = {True: socket.AF_INET6, False: socket.AF_INET}
        found = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        return [(kinds[":" in each], socket.SOCK_STREAM, 6, "", (each, port)) for each in found]


def connect(loop: Names, port: int, private: tuple[str, ...] | None, times: int = 1, proxies: Proxies | None = None) -> list[str]:
    """Connect to `vendor.example` so often; where each connection ended, or the class of what was raised."""

    async def once(dialer: Dialer) -> str:
        try:
            protocol = await dialer.connect((False, "vendor.example", port), _Silent)
        except (OSError, TimeoutError) as error:
            return type(error).__name__
        peer = str(protocol.transport.get_extra_info("peername")[0])
        protocol.transport.abort()
        return peer

    async def all_of_them() -> list[str]:
        dialer = Dialer(tls_context(), proxies or Proxies(), 10.0, private)
        return [await once(dialer) for _ in range(times)]

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(all_of_them())


class _Silent(asyncio.Protocol):
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport


@pytest.fixture
def port() -> Iterator[int]:
    """A port on which 127.0.0.1 and ::1 both listen."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        number = int(one.getsockname()[1])
        with socket.create_server(("::1", number), family=socket.AF_INET6):
            yield number


@pytest.mark.parametrize("address", CLOSED)
def test_a_name_that_leads_inside(port: int, address: str) -> None:
    """A name whose address is private is not connected to, nor one that has a private address beside others."""
    for answers in ([address], ["8.8.8.8", address], [address, "8.8.8.8"], ["127.0.0.1", address]):
        allowed = ("127.0.0.1",) if address != "127.0.0.1" else ()
        assert connect(Names(answers), port, allowed) == ["PermissionError"]


@pytest.mark.parametrize("entry", ["127.0.0.1", "127.0.0.0/31", "vendor.example"])
def test_an_entry_opens_it(port: int, entry: str) -> None:
    """An entry for the address, its network or the name lets the connection through; without, there is none."""
    assert connect(Names(["127.0.0.1"]), port, (entry,)) == ["127.0.0.1"]
    assert connect(Names(["127.0.0.1"]), port, ("127.0.0.9", "other.example", "10.0.0.0/8")) == ["PermissionError"]


def test_an_entry_opens_nothing_beside(port: int) -> None:
    """An entry for one address does not open its neighbour, where somebody listens as well."""
    assert connect(Names(["::1"]), port, ("127.0.0.1",)) == ["PermissionError"]
    assert connect(Names(["::1"]), port, ("::1/128",)) == ["::1"]


@pytest.mark.parametrize("address", NEVER)
def test_metadata_is_never_connected_to(address: str) -> None:
    """No entry opens what instance metadata is served on."""
    assert not may_connect("vendor.example", address, ("vendor.example", address, "169.254.0.0/16", "0.0.0.0/0", "::/0"))


def test_a_name_that_changes_its_mind(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads elsewhere at the next connection is checked again, as soon as it is asked for again."""
    monkeypatch.setattr(dial, "_ADDRESS_LIFE", 0.0)
    rebinding = Names(["127.0.0.1"], ["::1"], ["127.0.0.1"])
    assert connect(rebinding, port, ("127.0.0.1",), 3) == ["127.0.0.1", "PermissionError", "127.0.0.1"]


def test_what_is_checked_is_what_is_connected_to(port: int) -> None:
    """Between the check and the connection nothing is asked a second time: one answer, one connection."""
    rebinding = Names(["127.0.0.1"], ["::1"])
    assert connect(rebinding, port, ("127.0.0.1",), 3) == ["127.0.0.1"] * 3
    assert list(rebinding.answers) == [["::1"]]


def test_the_operators_own_file_is_trusted(port: int) -> None:
    """With gateway.toml every address may be connected to: who wrote it is the operator of the machine."""
    assert connect(Names(["::1"]), port, None) == ["::1"]
    assert rig.snapshot_for("http://x").settings.private is None


def test_through_a_proxy_addresses_are_checked_too() -> None:
    """The proxy's own address is the environment's; a private address behind it is refused before the proxy is asked."""
    proxy = Proxy()
    try:
        proxies = from_environ({"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"})
        for host in ("10.0.0.1", "::1", "169.254.169.254"):
            with pytest.raises(PermissionError):
                asyncio.run(Dialer(tls_context(), proxies, 10.0, ()).connect((True, host, 443), _Silent))
        assert proxy.heads == []
    finally:
        proxy.close()


def tell(request: Request) -> None:
    """Answer a request."""
    request.answer(ANSWER)


def allowing(snapshot: Snapshot, private: tuple[str, ...] | None) -> Snapshot:
    """The same, with these entries."""
    return msgspec.structs.replace(snapshot, settings=msgspec.structs.replace(snapshot.settings, private=private))


def ask(gateway: rig.Gateway) -> int:
    """One request; its status."""
    return plain.post(gateway.port, "/v1/responses", plain.responses()).status


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_gateway_keeps_to_the_list(host: str) -> None:
    """A worker sends nothing to a private address that is not on the list, and does once it is."""
    with Upstream(tell) as upstream:
        snapshot = rig.snapshot_for(f"http://{host}:{upstream.port}")
        with rig.running_gateway(allowing(snapshot, ())) as gateway:
            assert ask(gateway) == 502
            assert upstream.connections == 0
            gateway.apply(allowing(snapshot, (host,)))
            assert ask(gateway) == 200


def test_an_entry_taken_away_ends_its_connections() -> None:
    """A connection that was kept from before the entry went is not used again."""
    with Upstream(tell) as upstream:
        snapshot = rig.snapshot_for(upstream.url)
        with rig.running_gateway(allowing(snapshot, ("127.0.0.1",))) as gateway:
            assert ask(gateway) == 200
            gateway.apply(allowing(snapshot, ()))
            assert ask(gateway) == 502
            assert upstream.requests == 1


def test_a_connection_in_use_is_not_kept() -> None:
    """A request under way when the entry goes is answered, and its connection serves no other."""
    held: list[Request] = []
    with Upstream(held.append) as upstream:
        snapshot = rig.snapshot_for(upstream.url)
        with rig.running_gateway(allowing(snapshot, ("127.0.0.1",))) as gateway, gateway.connect() as client:
            body = plain.dump(plain.responses())
            client.sendall(plain.head("POST", "/v1/responses", [plain.BEARER, plain.JSON], length=len(body)) + body)
            kit.wait_for(lambda: held)
            gateway.apply(allowing(snapshot, ()))
            held[0].answer(ANSWER)
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
            assert ask(gateway) == 502
            assert upstream.requests == 1


def test_the_list_travels() -> None:
    """Settings that were packed for a worker or a gateway say the same list when they are unpacked."""
    for private in (None, (), ("10.0.0.0/8", "vllm.internal")):
        settings = allowing(rig.snapshot_for("http://x"), private).settings
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(settings), type=type(settings)).private == private


def test_the_operator_reads_why(capfd: pytest.CaptureFixture[str]) -> None:
    """One line says which address was not connected to, and why."""
    with Upstream(tell) as upstream, rig.running_gateway(allowing(rig.snapshot_for(upstream.url), ())) as gateway:
        ask(gateway)
    assert f"cannot reach 127.0.0.1:{upstream.port}: it leads to a private address that is not allowed" in capfd.readouterr().err
