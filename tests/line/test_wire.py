"""TLS to an address that was checked: the name stays what it was."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from line.scripted import answer
from stationmaster import outbound
from stationmaster.line import wire
from stationmaster.line.wire import Call, Unanswered, Wire

NAME = "api.vendor.example"


@contextmanager
def tls_peer(authority: trustme.CA) -> Iterator[tuple[int, list[str]]]:
    """A peer with a certificate for `NAME`; what it was called in TLS and in `Host`."""
    context, seen = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    authority.issue_cert(NAME).configure_cert(context)
    context.sni_callback = lambda _socket, name, _context: seen.append(str(name))

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                plain, _ = listener.accept()
                with context.wrap_socket(plain, server_side=True) as peer:
                    head = peer.recv(65536).decode()
                    seen.extend(line for line in head.split("\r\n") if line.lower().startswith("host:"))
                    peer.sendall(answer({"ok": True}, headers=["connection: close"]))
            except ssl.SSLError:
                continue
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1], seen
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    """An authority that is trusted for the test, as a company's own is: by SSL_CERT_FILE."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    wire.trust.cache_clear()
    yield made
    wire.trust.cache_clear()


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every name leads to loopback; which were looked up."""
    asked: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(outbound.resolve_and_check, "__kwdefaults__", {"resolve": resolve})
    return asked


def test_the_name_is_in_tls_and_in_host(authority: trustme.CA, resolved: list[str]) -> None:
    """A connection to the address that was checked is still one to the vendor's name, and its certificate is looked at."""
    with tls_peer(authority) as (port, seen):
        got = Wire({NAME}, 20.0).exchange(Call("GET", f"https://{NAME}:{port}/x"))
    assert got.json() == {"ok": True}
    assert seen == [NAME, f"Host: {NAME}:{port}"]
    assert resolved == [NAME]


def test_another_ones_certificate_is_not_taken(authority: trustme.CA, resolved: list[str]) -> None:
    """A peer that cannot prove the name gets no request."""
    with tls_peer(authority) as (port, seen), pytest.raises(Unanswered) as caught:
        Wire({"other.vendor.example"}, 20.0).exchange(Call("POST", f"https://other.vendor.example:{port}/x", body=b"{}"))
    assert (caught.value.why, caught.value.left) == ("the certificate is not trusted", False)
    assert not [line for line in seen if line.startswith("Host")]
