"""TLS towards clients, as processes serve it: versions, protocols, certificates that are replaced under load."""

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

import certificates
import rig
from certificates import ECDSA, RSA, Files
from gateway import kit, plain, processes, station
from gateway.station import Station
from stationmaster.sandbox.server import SandboxServer
from stationmaster.tls.context import Front, Material

HEADERS = {"authorization": f"Bearer {rig.KEY}", "content-type": "application/json"}


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """An authority of our own."""
    return trustme.CA()


@pytest.fixture
def pair(ca: trustme.CA, tmp_path: Path) -> Files:
    """What the gateway shows."""
    return certificates.files(tmp_path, ca.create_child_ca().issue_cert("127.0.0.1", key_type=RSA))


@pytest.fixture
def gateway(vendor: SandboxServer, pair: Files) -> Iterator[Station]:
    """Two workers that speak TLS, with metrics."""
    metrics = station.free_port()
    settings = f"workers = 2\ndrain_seconds = 5\nmetrics_port = {metrics}\n{pair.settings}"
    with station.running(vendor.url, settings) as running:
        running.metrics = metrics  # type: ignore[attr-defined]
        yield running


def connected(gateway: Station, context: ssl.SSLContext) -> http.client.HTTPSConnection:
    """A client's connection."""
    return http.client.HTTPSConnection("127.0.0.1", gateway.port, timeout=30, context=context)


def ask(connection: http.client.HTTPConnection) -> int:
    """One request; its status, once the answer is read whole."""
    connection.request("POST", "/v1/responses", json.dumps(plain.responses()), HEADERS)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def encrypted(gateway: Station, ca: trustme.CA) -> ssl.SSLSocket:
    """A raw client's connection."""
    raw = socket.create_connection(("127.0.0.1", gateway.port), 30)
    return certificates.trusting(ca).wrap_socket(raw, server_hostname="127.0.0.1")


def shown(gateway: Station, ca: trustme.CA) -> int:
    """The serial number of the certificate that a new connection is shown."""
    with encrypted(gateway, ca) as sock:
        return int(str(sock.getpeercert()["serialNumber"]), 16)  # type: ignore[index]


def gauge(gateway: Station, name: str) -> float:
    """A gauge without labels."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.metrics, timeout=10)  # type: ignore[attr-defined]
    with contextlib.closing(connection):
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def test_versions_and_protocols(gateway: Station, ca: trustme.CA) -> None:
    """1.2 and 1.3 are spoken, 1.1 is not; HTTP/1.1 is what is agreed on; who speaks HTTP without TLS gets nothing."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        client = certificates.trusting(ca, minimum_version=version, maximum_version=version)
        client.set_alpn_protocols(["h2", "http/1.1"])
        connection = connected(gateway, client)
        assert ask(connection) == 200
        assert connection.sock.selected_alpn_protocol() == "http/1.1"
        connection.close()
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old = certificates.trusting(ca, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        connected(gateway, old).connect()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)) as clear:
        clear.request("GET", "/healthz")
        with pytest.raises((http.client.HTTPException, OSError)):
            clear.getresponse()
    assert "https://127.0.0.1" in gateway.said("gateway listens on")


def test_streams_and_large_bodies(gateway: Station, ca: trustme.CA) -> None:
    """Streamed answers and megabytes go over TLS as they do without."""
    connection = connected(gateway, certificates.trusting(ca))
    connection.request("POST", "/v1/chat/completions", json.dumps(plain.chat(stream=True)), HEADERS)
    assert connection.getresponse().read().count(b"data: ") > 2
    large = plain.responses(said="x" * 3_000_000)
    connection.request("POST", "/v1/responses", json.dumps(large), HEADERS)
    assert connection.getresponse().read()
    connection.close()


def test_a_refusal_is_read_before_the_end(gateway: Station, ca: trustme.CA) -> None:
    """What is no HTTP is answered, and the connection ended, though more is being sent."""
    with encrypted(gateway, ca) as sock:
        lengths = b"content-length: 1\r\ncontent-length: 2\r\n"
        sock.sendall(b"POST /v1/responses HTTP/1.1\r\nhost: a\r\n" + lengths + b"\r\n" + bytes(9000))
        assert rig.read_all(sock).startswith(b"HTTP/1.1 400 ")


class Load:
    """Clients that ask one request after another, on connections that stay and on new ones, until the block ends."""

    def __init__(self, gateway: Station, ca: trustme.CA) -> None:
        self._gateway, self._context = gateway, certificates.trusting(ca)
        self.statuses: list[int] = []
        self.faults: list[BaseException] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(kept,)) for kept in (True, True, False, False)]

    def _ask(self, kept: bool) -> None:
        connection = connected(self._gateway, self._context)
        try:
            while not self._over.is_set():
                if not kept:
                    connection = connected(self._gateway, self._context)
                self.statuses.append(ask(connection))
                if not kept:
                    connection.close()
        except BaseException as fault:  # noqa: BLE001  told by whoever waits
            self.faults.append(fault)
        finally:
            connection.close()

    def more(self) -> None:
        """Wait for some more answers."""
        least = len(self.statuses) + 40
        kit.wait_for(lambda: self.faults or len(self.statuses) >= least, within=60)

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        assert not self.faults
        assert set(self.statuses) == {200}


def test_replaced_under_load(gateway: Station, pair: Files, ca: trustme.CA) -> None:
    """New files, of another kind of key, are shown by both workers without a signal; no request fails, no connection ends, a
    worker that dies later begins with the new ones, and the page of metrics says until when they are valid."""
    first = shown(gateway, ca)
    with Load(gateway, ca) as load:
        load.more()
        pair.put(ca.issue_cert("127.0.0.1", key_type=ECDSA))
        kit.wait_for(lambda: shown(gateway, ca) != first)
        load.more()
        second = shown(gateway, ca)
        assert {shown(gateway, ca) for _ in range(20)} == {second}
        pair.put(ca.issue_cert("127.0.0.1", key_type=RSA))
        gateway.signal(signal.SIGHUP)
        kit.wait_for(lambda: shown(gateway, ca) not in {first, second})
        load.more()
    third = shown(gateway, ca)
    assert gateway.said("certificate replaced").count("certificate replaced") == 2
    assert gauge(gateway, "stationmaster_tls_certificate_expiry_timestamp_seconds") > time.time()
    assert gauge(gateway, "stationmaster_tls_certificate_refused") == 0
    workers = gateway.workers()
    for pid in workers:
        processes_end(gateway, pid)
    kit.wait_for(lambda: len(gateway.workers()) == 2 and not set(gateway.workers()) & set(workers))
    kit.wait_for(lambda: gateway.said("starting another").count("starting another") == 2)
    assert {shown(gateway, ca) for _ in range(10)} == {third}


def processes_end(gateway: Station, pid: int) -> None:
    """Kill a worker."""
    os.kill(pid, signal.SIGKILL)
    kit.wait_for(lambda: not processes.is_alive(pid))


def test_a_bad_one_changes_nothing(gateway: Station, pair: Files, ca: trustme.CA) -> None:
    """A pair that cannot be used is told and measured; the one before is shown, by workers that are started then, too."""
    before = shown(gateway, ca)
    ends = gauge(gateway, "stationmaster_tls_certificate_expiry_timestamp_seconds")
    with Load(gateway, ca) as load:
        load.more()
        pair.key.write_text("no key at all")
        assert "holds no private key" in gateway.said("TLS certificate kept, the new one is refused")
        kit.wait_for(lambda: gauge(gateway, "stationmaster_tls_certificate_refused") == 1)
        load.more()
        assert shown(gateway, ca) == before
        assert gauge(gateway, "stationmaster_tls_certificate_expiry_timestamp_seconds") == ends
    victim = gateway.workers()[0]
    processes_end(gateway, victim)
    kit.wait_for(lambda: len(gateway.workers()) == 2)
    gateway.said("starting another")
    assert {shown(gateway, ca) for _ in range(10)} == {before}


def test_begun_anew_under_load(gateway: Station, pair: Files, ca: trustme.CA) -> None:
    """SIGUSR2 takes what the files hold now, and no request fails; with a pair that cannot be used it goes on as it is."""
    before = shown(gateway, ca)
    with Load(gateway, ca) as load:
        load.more()
        pair.put(ca.issue_cert("127.0.0.1", key_type=ECDSA))
        gateway.signal(signal.SIGUSR2)
        kit.wait_for(lambda: gateway.said("gateway listens on").count("gateway listens on") == 2, within=60)
        kit.wait_for(lambda: shown(gateway, ca) != before)
        load.more()
        pair.key.write_text("no key at all")
        gateway.signal(signal.SIGUSR2)
        assert "holds no private key" in gateway.said("gateway goes on as it is")
        load.more()
    assert gateway.process.poll() is None


def test_drain_over_tls(gateway: Station, ca: trustme.CA) -> None:
    """SIGTERM lets an answer that is under way end whole, and the client hears that TLS ended, too."""
    connection = connected(gateway, certificates.trusting(ca))
    assert ask(connection) == 200
    gateway.signal(signal.SIGTERM)
    assert gateway.process.wait(30) == 0
    assert connection.sock.recv(10) == b""  # an end without close_notify would raise
    connection.close()


@pytest.mark.parametrize(("settings", "said"), [
    ('tls_certificate = "{0}"', "tls_certificate and tls_key belong together"),
    ('tls_certificate = "{0}"\ntls_key = "{0}"', "holds no private key"),
    ('tls_certificate = "/nowhere/chain.pem"\ntls_key = "{1}"', "cannot be read"),
])  # fmt: skip
def test_what_cannot_start(vendor: SandboxServer, pair: Files, settings: str, said: str) -> None:
    """A gateway that cannot show a certificate does not start, and says why in a line or two; never in clear text instead."""
    with pytest.raises(AssertionError) as raised, station.running(vendor.url, settings.format(pair.chain, pair.key)):
        pass
    assert said in str(raised.value)
    assert "Traceback" not in str(raised.value)


def test_a_handshake_that_does_not_end(vendor: SandboxServer, ca: trustme.CA, pair: Files) -> None:
    """Who begins TLS and says no more is sent away within the time that a head may take; others are served meanwhile."""
    with (
        station.running(vendor.url, f"head_timeout_seconds = 1\n{pair.settings}") as gateway,
        socket.create_connection(("127.0.0.1", gateway.port), 30) as idle,
    ):
        idle.sendall(b"\x16\x03\x01")
        connection = connected(gateway, certificates.trusting(ca))
        assert ask(connection) == 200
        connection.close()
        rig.read_all(idle)      # raises when the end does not come


def test_nobody_names_a_host(ca: trustme.CA) -> None:
    """Clients that name no host (SNI) are shown the newest certificate, too."""
    def material(name: str) -> Material:
        leaf = ca.issue_cert(name)
        return Material(certificates.pem(leaf), leaf.private_key_pem.bytes())

    front = Front(material("one.example.test"))
    front.use(material("two.example.test"))
    client = certificates.trusting(ca)
    client.check_hostname = False
    names = {_handshake(front.context, client, name) for name in (None, "one.example.test")}
    assert names == {"two.example.test"}


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str | None) -> str:
    """Shake hands in memory; the name in the certificate that the client saw."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = client.wrap_bio(down, up, server_hostname=name)
    ours = server.wrap_bio(up, down, server_side=True)
    for side in (theirs, ours, theirs, ours):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    return str(theirs.getpeercert()["subjectAltName"][0][1])  # type: ignore[index]
