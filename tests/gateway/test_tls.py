"""Upstreams over TLS: the right certificate or nothing, and never in the clear."""

import datetime as dt
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

import rig
from gateway import kit, plain
from gateway.upstream import Request, Upstream
from stationmaster.gateway.core.snapshot import Snapshot

BIG = b"{" + b" " * 3_000_000 + b"}"
OLD = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """An authority of our own."""
    return trustme.CA()


@pytest.fixture(scope="module")
def bundle(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its certificate in a file."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return path


def server(cert: trustme.LeafCert) -> ssl.SSLContext:
    """A server's side with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cert.configure_cert(context)
    return context


def tell(request: Request) -> None:
    """Answer in the way that the prompt asks for."""
    if b"big" in request.body:
        request.answer(BIG)
    elif b"stream" in request.body:
        request.open_stream()
        for number in range(50):
            request.chunk(b'data: {"choices":[{"delta":{"content":"%d"}}]}\n\n' % number)
        request.chunk(b"data: [DONE]\n\n")
        request.wire.sendall(b"0\r\n\r\n")
    elif request.header("upgrade"):
        request.wire.sendall(b"HTTP/1.1 101 X\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n")
        while data := request.wire.recv(65536):
            request.wire.sendall(data)
    else:
        request.answer(request.head.split(b"\r\n")[1])


def over_tls(upstream: Upstream, host: str = "localhost", **settings: object) -> Snapshot:
    """The rig's snapshot, with https:// for every base URL."""
    return kit.wide(f"https://{host}:{upstream.port}", **settings)


@pytest.fixture(scope="module")
def trusted(ca: trustme.CA, bundle: Path) -> Iterator[rig.Gateway]:
    """A gateway that knows our authority, before an upstream that it signed."""
    with (
        Upstream(tell, server(ca.issue_cert("localhost"))) as upstream,
        rig.running_gateway(over_tls(upstream, ca_bundle=str(bundle))) as gateway,
    ):
        yield gateway


def test_a_known_authority(trusted: rig.Gateway) -> None:
    """A certificate of the extra bundle is accepted; small, large and streamed answers arrive."""
    answer = plain.post(trusted.port, "/v1/responses", plain.responses())
    assert answer.status == 200
    assert answer.body.startswith(b"host: localhost:")
    assert plain.post(trusted.port, "/v1/responses", plain.responses(said="big")).body == BIG
    stream = plain.post(trusted.port, "/v1/chat/completions", plain.chat(stream=True))
    assert stream.body.count(b"data: ") == 51


def test_large_uploads(trusted: rig.Gateway) -> None:
    """Megabytes go up as well, streamed."""
    for _ in range(2):
        kind = ("content-type", "application/octet-stream")
        answer = plain.ask(trusted.port, "POST", "/v1/files", bytes(5_000_000), [plain.BEARER, kind])
        assert answer.status == 200


def test_a_websocket(trusted: rig.Gateway) -> None:
    """An upgraded connection carries bytes both ways, many times over."""
    fields = [plain.BEARER, ("connection", "Upgrade"), ("upgrade", "websocket")]
    with plain.connected(trusted.port) as sock:
        sock.sendall(plain.head("GET", "/v1/realtime?model=gpt-4o", fields))
        plain.until(sock, b"\r\n\r\n")
        for number in range(20):
            said = b"message %d." % number
            sock.sendall(said)
            assert plain.until(sock, b".") == said


def refused(upstream: Upstream, snapshot: Snapshot) -> None:
    """Ask; expect 502 `upstream_tls`, and that the upstream saw nothing but the beginning of TLS."""
    with rig.running_gateway(snapshot) as gateway:
        answer = plain.post(gateway.port, "/v1/responses", plain.responses())
        event = gateway.event(answer.request_id)
    assert (answer.status, answer.json()["error"]["code"]) == (502, "upstream_tls")
    assert answer.header("x-should-retry") == "false"
    assert (event["error"], event["upstream_status"]) == ("upstream_tls", 0)
    assert upstream.requests == 0
    assert set(upstream.first_bytes) == {b"\x16"}


def test_an_unknown_authority(ca: trustme.CA) -> None:
    """A certificate that the system's store does not know is refused."""
    with Upstream(tell, server(ca.issue_cert("localhost"))) as upstream:
        refused(upstream, over_tls(upstream))


def test_another_host(ca: trustme.CA, bundle: Path) -> None:
    """A certificate for another name is refused, by name and by address."""
    with Upstream(tell, server(ca.issue_cert("elsewhere.test"))) as upstream:
        refused(upstream, over_tls(upstream, ca_bundle=str(bundle)))
    with Upstream(tell, server(ca.issue_cert("localhost"))) as upstream:
        refused(upstream, over_tls(upstream, "127.0.0.1", ca_bundle=str(bundle)))


def test_an_address(ca: trustme.CA, bundle: Path) -> None:
    """A certificate for an address is good for that address."""
    with (
        Upstream(tell, server(ca.issue_cert("127.0.0.1"))) as upstream,
        rig.running_gateway(over_tls(upstream, "127.0.0.1", ca_bundle=str(bundle))) as gateway,
    ):
        assert plain.post(gateway.port, "/v1/responses", plain.responses()).status == 200


def test_an_expired_certificate(ca: trustme.CA, bundle: Path) -> None:
    """A certificate whose time is over is refused."""
    old = ca.issue_cert("localhost", not_before=OLD, not_after=OLD + dt.timedelta(days=1))
    with Upstream(tell, server(old)) as upstream:
        refused(upstream, over_tls(upstream, ca_bundle=str(bundle)))


def test_an_old_protocol(ca: trustme.CA, bundle: Path) -> None:
    """TLS below 1.2 is refused."""
    context = server(ca.issue_cert("localhost"))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with Upstream(tell, context) as upstream:
        refused(upstream, over_tls(upstream, ca_bundle=str(bundle)))


def test_an_upstream_without_tls() -> None:
    """An upstream that answers in the clear where TLS was configured gets no request."""
    seen: list[bytes] = []

    def note(request: Request) -> None:
        seen.append(request.head)

    with Upstream(note) as upstream, rig.running_gateway(over_tls(upstream, connect_timeout=1.0)) as gateway:
        answer = plain.post(gateway.port, "/v1/responses", plain.responses())
    assert answer.status == 502
    assert rig.SECRET.encode() not in b"".join(seen)


def test_a_reload_takes_a_new_bundle(ca: trustme.CA, bundle: Path) -> None:
    """A bundle that a reload brings is used for the next connection."""
    with (
        Upstream(tell, server(ca.issue_cert("localhost"))) as upstream,
        rig.running_gateway(over_tls(upstream)) as gateway,
    ):
        assert plain.post(gateway.port, "/v1/responses", plain.responses()).status == 502
        gateway.apply(over_tls(upstream, ca_bundle=str(bundle)))
        assert plain.post(gateway.port, "/v1/responses", plain.responses()).status == 200


def test_what_comes_behind_a_body_waits_for_its_connection(ca: trustme.CA, bundle: Path) -> None:
    """Requests behind an upload are kept whole and in order while its upstream is still being connected."""
    shaken = threading.Event()
    context = server(ca.issue_cert("localhost"))
    context.sni_callback = lambda *_: shaken.wait(10) and None
    doors = ["/healthz", "/", "/readyz"]
    with (
        Upstream(tell, context) as upstream,
        rig.running_gateway(over_tls(upstream, ca_bundle=str(bundle))) as gateway,
        plain.connected(gateway.port) as sock,
    ):
        sock.sendall(plain.head("POST", "/v1/files", [plain.BEARER], length=5) + b"12345")
        kit.wait_for(lambda: upstream.connections > 0)
        for door in doors:
            raw = plain.head("GET", door, [], length=None)
            for piece in (raw[:7], raw[7:]):
                sock.sendall(piece)
                time.sleep(0.02)
        shaken.set()
        reader = sock.makefile("rb")
        with reader:
            assert plain.read_from(reader, "POST").body.startswith(b"host: ")
            assert [plain.read_from(reader, "GET").status for _ in doors] == [200] * 3
