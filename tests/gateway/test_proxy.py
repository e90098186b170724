"""HTTPS_PROXY and NO_PROXY: tunnels through a proxy, with its password, or past it."""

import base64
import contextlib
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import trustme

from gateway import kit, plain, station
from gateway.test_tls import server, tell
from gateway.upstream import Upstream


class Proxy:
    """Takes CONNECT and carries bytes; remembers the heads."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n") -> None:
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.heads: list[bytes] = []
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, name="proxy", daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._socket.accept()
                self._open.append(near)
                thread = threading.Thread(target=self._serve, args=(near,), name="proxy-tunnel", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError, AssertionError):
            head = plain.until(near, b"\r\n\r\n")
            self.heads.append(head)
            found = re.match(rb"CONNECT ([^ ]+):(\d+) HTTP/1\.1\r\n", head)
            assert found is not None
            if b" 200 " not in self._answer:
                near.sendall(self._answer)
                near.shutdown(socket.SHUT_RDWR)
                return
            far = socket.create_connection((found[1].decode().strip("[]"), int(found[2])))
            self._open.append(far)
            near.sendall(self._answer)
            back = kit.in_background(lambda: _carry(far, near))
            _carry(near, far)
            back.join()

    def close(self) -> None:
        """Close everything."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(20)
        for each in self._open:
            each.close()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy that lets everybody through."""
    made = Proxy()
    yield made
    made.close()


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Upstream, str]]:
    """An upstream over TLS, and the setting that trusts it."""
    ca = trustme.CA()
    path: Path = tmp_path_factory.mktemp("proxy") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    with Upstream(tell, server(ca.issue_cert("localhost"))) as upstream:
        yield upstream, f'ca_bundle = "{path}"\nmodels_refresh_seconds = 3600'


def ask_through(secure: tuple[Upstream, str], environ: Mapping[str, str]) -> plain.Answer:
    """Ask once through a gateway with that environment."""
    upstream, setting = secure
    none = dict.fromkeys(("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"), "")
    with station.running(f"https://localhost:{upstream.port}", setting, environ={**none, **environ}) as gateway:
        answer = plain.post(gateway.port, "/v1/responses", plain.responses())
        for _ in range(2):
            plain.post(gateway.port, "/v1/responses", plain.responses())
        return answer


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_through_a_proxy(secure: tuple[Upstream, str], proxy: Proxy, name: str) -> None:
    """A TLS upstream is reached through CONNECT; the proxy sees a place, never a secret."""
    answer = ask_through(secure, {name: f"http://127.0.0.1:{proxy.port}"})
    assert answer.status == 200
    assert proxy.heads
    for head in proxy.heads:
        assert head.startswith(b"CONNECT localhost:%d HTTP/1.1\r\nhost: localhost:%d\r\n" % ((secure[0].port,) * 2))
        assert b"authorization" not in head.lower()


def test_with_a_password(secure: tuple[Upstream, str], proxy: Proxy) -> None:
    """User and password of the address go to the proxy, unescaped."""
    answer = ask_through(secure, {"HTTPS_PROXY": f"http://us%40er:p%3Aass@127.0.0.1:{proxy.port}"})
    assert answer.status == 200
    wanted = b"proxy-authorization: Basic " + base64.b64encode(b"us@er:p:ass") + b"\r\n"
    assert all(wanted in head for head in proxy.heads)


@pytest.mark.parametrize("exempt", ["localhost", "*", "example.com, localhost", "localhost:{port}", ".localhost"])
def test_past_the_proxy(secure: tuple[Upstream, str], proxy: Proxy, exempt: str) -> None:
    """NO_PROXY names hosts that are reached directly."""
    environ = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}", "NO_PROXY": exempt.format(port=secure[0].port)}
    assert ask_through(secure, environ).status == 200
    assert proxy.heads == []


@pytest.mark.parametrize("exempt", ["example.com", "localhost.example.com", "localhost:1", "ocalhost"])
def test_other_exemptions(secure: tuple[Upstream, str], proxy: Proxy, exempt: str) -> None:
    """Other names do not match."""
    environ = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}", "NO_PROXY": exempt}
    assert ask_through(secure, environ).status == 200
    assert proxy.heads


@pytest.mark.parametrize("answer", [b"HTTP/1.1 407 Denied\r\n\r\n", b"HTTP/1.1 502 Bad\r\n\r\n", b"no\r\n\r\n", b""])
def test_a_proxy_that_refuses(secure: tuple[Upstream, str], answer: bytes) -> None:
    """A proxy that lets nobody through is 502; the upstream is not reached round it."""
    before = secure[0].connections
    refusing = Proxy(answer)
    try:
        found = ask_through(secure, {"HTTPS_PROXY": f"http://127.0.0.1:{refusing.port}"})
    finally:
        refusing.close()
    assert (found.status, found.json()["error"]["code"]) == (502, "upstream_unreachable")
    assert secure[0].connections == before


def test_no_proxy_there(secure: tuple[Upstream, str]) -> None:
    """A proxy that is not there is 502 as well."""
    with station.deaf_port() as port:
        found = ask_through(secure, {"HTTPS_PROXY": f"http://127.0.0.1:{port}"})
    assert (found.status, found.json()["error"]["code"]) == (502, "upstream_unreachable")


def test_plain_upstreams_need_no_proxy(proxy: Proxy) -> None:
    """Upstreams in the clear (a lab's, on loopback) are reached directly."""
    with Upstream(tell) as upstream:
        environ = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}", "NO_PROXY": ""}
        with station.running(upstream.url, environ=environ) as gateway:
            assert plain.post(gateway.port, "/v1/responses", plain.responses()).status == 200
    assert proxy.heads == []


@pytest.mark.parametrize("address", ["https://proxy:3128", "socks5://user:hunter2@proxy", "http://user:hun/ter2@proxy:1"])
def test_an_address_that_is_none(tmp_path: Path, address: str) -> None:
    """A proxy's address that cannot be used ends the start with a sentence that does not repeat its password."""
    port = station.write_config(tmp_path, "http://127.0.0.1:9")
    (tmp_path / "azure.key").write_text("azure-key")
    secrets = {f"SECRET_{vendor.upper()}": secret for vendor, secret in kit.SECRETS.items()}
    gateway = station.Station(tmp_path, port, {**secrets, "HTTPS_PROXY": address, "https_proxy": ""})
    try:
        assert gateway.process.wait(40) in (1, 2)
    finally:
        gateway.end()
    said = gateway.err.read_text()
    assert "HTTPS_PROXY" in said
    assert "Traceback" not in said
    assert "hun" not in said
