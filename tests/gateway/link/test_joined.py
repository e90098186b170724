"""A joined gateway as a process: configurations come, whatever the control plane does; nothing bad is ever served."""

import os
import signal
import socket
import ssl
import threading
import time
from pathlib import Path

import msgspec
import pytest
import trustme

import rig
from gateway import kit, plain, station
from gateway.link.conftest import Host, Joined, with_key
from gateway.link.plane import TOKEN, Plane
from stationmaster.gateway.core.records import Records
from stationmaster.gateway.core.snapshot import Member, Pool, VirtualKey
from stationmaster.sandbox.server import SandboxServer


def test_it_serves_what_the_control_plane_says(plane: Plane, host: Host) -> None:
    """Keys, pools and settings come from there; the listener from the flags; the control plane hears who serves what."""
    gateway = host.start(plane.url)
    assert gateway.status() == 200
    assert gateway.status("sm-nobody") == 401
    assert len(gateway.workers()) == 2
    kit.wait_for(lambda: plane.hellos)
    assert plane.hellos[-1].items() >= {"gateway": "here", "revision": 1, "workers": 2}.items()
    assert plane.most_open == 1, "one question at a time, whatever the number of workers"


def test_a_revoked_key_ends_everywhere(plane: Plane, host: Host) -> None:
    """A revoked key is refused by every worker, also on connections that used it; another key's go on."""
    gateway = host.start(plane.url)
    plane.change(key=with_key(plane.records, "other", "sm-other"))
    kit.wait_for(lambda: plane.hellos and plane.hellos[-1]["revision"] == 2)
    body = plain.dump(plain.responses())
    raw = plain.head("POST", "/v1/responses", [plain.BEARER, plain.JSON], length=len(body)) + body
    socks = [gateway_socket(gateway.port) for _ in range(8)]
    others = [gateway_socket(gateway.port) for _ in range(4)]
    for sock in socks:
        for _ in range(2):             # the second is recognised at a glance
            sock.sendall(raw)
            assert plain.read(sock).status == 200
    other = raw.replace(rig.KEY.encode(), b"sm-other")
    for sock in others:
        sock.sendall(other)
        assert plain.read(sock).status == 200
    plane.without_key("rig")
    kit.wait_for(lambda: plane.hellos[-1]["revision"] == 3)
    for sock in socks:
        sock.sendall(raw)
        assert plain.read(sock).status == 401
        sock.close()
    for sock in others:
        sock.sendall(other)
        assert plain.read(sock).status == 200
        sock.close()


def gateway_socket(port: int) -> socket.socket:
    """A connection that stays."""
    return socket.create_connection(("127.0.0.1", port), 10)


def test_no_request_is_lost_while_things_change(plane: Plane, host: Host) -> None:
    """Fifty changes of keys, pools, credentials and prices under traffic: every request of an untouched key is answered
    with 200."""
    gateway = host.start(plane.url)
    seen: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            seen.append(gateway.status())

    threads = [kit.in_background(ask) for _ in range(4)]
    for turn in range(50):
        records = plane.records
        plane.change(
            key=with_key(records, f"key-{turn}", f"sm-{turn}"),
            pool={**records.pool, "all": Pool("all", tuple(Member(name, weight=1 + turn % 3) for name in ("openai", "gemini")))},
            credential={**records.credential, "gemini": msgspec.structs.replace(
                records.credential["gemini"], organisation=f"org-{turn}")},
        )
        stop.wait(0.02)
    kit.wait_for(lambda: plane.hellos and plane.hellos[-1]["revision"] == plane.revision)
    stop.set()
    for thread in threads:
        thread.join()
    assert seen.count(200) == len(seen) > 50
    assert [gateway.status(f"sm-{turn}") for turn in (0, 49)] == [200, 200]


@pytest.mark.parametrize("fault", ["garbage", "cut", "digest", "hang up", "500", "html", "base", "forgotten"])
def test_a_bad_answer_changes_nothing(plane: Plane, host: Host, fault: str) -> None:
    """An answer that is no configuration, or not the one that was asked for, leaves the old one served; the next good
    one is taken whole."""
    gateway = host.start(plane.url)
    plane.faults += [fault] * 3
    plane.change(key=with_key(plane.records, "new", "sm-new"))
    kit.wait_for(lambda: not plane.faults)
    assert gateway.status() == 200
    kit.wait_for(lambda: gateway.status("sm-new") == 200)
    said = gateway.err.read_text()
    lines = [line for line in said.splitlines() if "serving on" in line]
    assert 1 <= len(lines) == len(set(lines)) <= 2, "each told once"
    assert "Traceback" not in said
    assert TOKEN not in said


def test_a_configuration_that_cannot_be_served(plane: Plane, host: Host) -> None:
    """One that is well-formed and wrong in itself (a pool that is not there, a hash that is none, an address that
    is none) changes nothing, and is told by ids without values."""
    gateway = host.start(plane.url)
    good = plane.records
    bad = msgspec.structs.replace(good.credential["openai"], base_url="gopher://sm-secret-place")
    plane.change(credential={**good.credential, "openai": bad})
    gateway.said("the base_url of the credential 'openai' is none")
    plane.change(credential=good.credential, key={"k": VirtualKey("k", "zz-not-a-hash")})
    gateway.said("the key 'k' has no SHA-256")
    assert gateway.status() == 200
    said = gateway.err.read_text()
    assert "sm-secret-place" not in said
    assert "zz-not-a-hash" not in said
    plane.change(key=good.key)
    gateway.said("answers again")


def test_a_slow_answer(plane: Plane, host: Host) -> None:
    """An answer that takes its time is taken."""
    gateway = host.start(plane.url)
    plane.faults.append("slow")
    plane.change(key=with_key(plane.records, "new", "sm-new"))
    kit.wait_for(lambda: gateway.status("sm-new") == 200)


def test_a_start_without_a_control_plane(plane: Plane, host: Host) -> None:
    """The kept configuration is served, and people are told; when the control plane is back, its changes come."""
    host.start(plane.url).end()
    plane.stop()
    gateway = host.start(plane.url)
    assert "serving the kept configuration, revision 1" in gateway.err.read_text()
    assert gateway.status() == 200
    plane.change(key=with_key(plane.records, "new", "sm-new"))
    plane.start()
    kit.wait_for(lambda: gateway.status("sm-new") == 200)
    gateway.said("answers again")


def test_what_is_kept_follows_every_change(plane: Plane, host: Host) -> None:
    """A key that was revoked before the control plane went is refused after a restart without it."""
    gateway = host.start(plane.url)
    for turn in range(5):
        plane.change(key=with_key(plane.records, f"key-{turn}", f"sm-{turn}"))
        kit.wait_for(lambda: plane.hellos and plane.hellos[-1]["revision"] == plane.revision)
    plane.without_key("key-2")
    kit.wait_for(lambda: plane.hellos[-1]["revision"] == plane.revision)
    gateway.process.kill()
    gateway.process.wait()
    plane.stop()
    kit.wait_for(lambda: not kit.answers(host.port))
    again = host.start(plane.url)
    assert [again.status(f"sm-{turn}") for turn in range(5)] == [200, 200, 401, 200, 200]
    plane.start()


def test_what_is_kept_is_sealed(plane: Plane, host: Host) -> None:
    """No secret, key hash or token is legible in what is kept, and only its owner may read it."""
    host.start(plane.url).end()
    kept = host.folder / "data" / "snapshot.sealed"
    data = kept.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600
    for text in (rig.SECRET, rig.sha256(rig.KEY), TOKEN, "openai"):
        assert text.encode() not in data


@pytest.mark.parametrize("harm", ["token", "edited", "short"])
def test_what_is_kept_and_cannot_be_opened(plane: Plane, host: Host, harm: str) -> None:
    """With another token, or edited, it is not served: without a control plane the start fails and says why; with one
    its answer is served instead."""
    host.start(plane.url).end()
    plane.stop()
    kept = host.folder / "data" / "snapshot.sealed"
    data = kept.read_bytes()
    if harm == "token":
        (host.folder / "token").write_text("smg-another")
        plane.token = "smg-another"
    else:
        kept.write_bytes(data[:200] + bytes([data[200] ^ 1]) + data[201:] if harm == "edited" else data[:60])
    gateway = host.start(plane.url, ready=False)
    assert gateway.process.wait(20) == 1
    assert "The kept configuration cannot be used" in gateway.err.read_text()
    assert "Traceback" not in gateway.err.read_text()
    plane.start()
    assert host.start(plane.url).status() == 200


def test_a_refused_token(plane: Plane, host: Host) -> None:
    """A token that the control plane does not know ends a start, kept configuration or not. While it serves, a gateway
    goes on, and takes the token that the file holds by then."""
    gateway = host.start(plane.url)
    plane.stop()               # a question that is open was asked with the old one
    plane.token = "smg-a-newer-one"
    plane.change(key=with_key(plane.records, "new", "sm-new"))
    plane.start()
    gateway.said("the control plane refuses the gateway token")
    assert gateway.status() == 200
    assert gateway.status("sm-new") == 401
    gateway.end()
    refused = host.start(plane.url, ready=False)
    assert refused.process.wait(20) == 1
    assert "refuses the gateway token" in refused.err.read_text()
    plane.token = TOKEN
    gateway = host.start(plane.url)
    plane.stop()
    plane.token = "smg-a-newer-one"
    plane.start()
    (host.folder / "token").write_text("smg-a-newer-one\n")
    plane.change(key=with_key(plane.records, "newer", "sm-newer"))
    gateway.signal(signal.SIGHUP)
    kit.wait_for(lambda: gateway.status("sm-newer") == 200)


def test_nothing_to_serve_yet(plane: Plane, host: Host) -> None:
    """Without a control plane and without anything kept a start waits, and goes on when the control plane is there."""
    plane.stop()
    gateway = host.start(plane.url, ready=False)
    gateway.said("waiting")
    plane.start()
    gateway.wait_ready()
    assert gateway.status() == 200


def test_a_dead_worker_gets_the_newest(plane: Plane, host: Host) -> None:
    """Workers that die are replaced by ones that serve the newest configuration, and follow the next changes."""
    gateway = host.start(plane.url)
    plane.change(key=with_key(plane.records, "new", "sm-new"))
    kit.wait_for(lambda: plane.hellos and plane.hellos[-1]["revision"] == 2)
    before = set(gateway.workers())
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    kit.wait_for(lambda: len(set(gateway.workers()) - before) == 2 and kit.answers(gateway.port))
    kit.wait_for(lambda: _tries(gateway, "sm-new") == 200)
    plane.without_key("new")
    kit.wait_for(lambda: [_tries(gateway, "sm-new") for _ in range(6)] == [401] * 6)


def _tries(gateway: Joined, key: str) -> int:
    try:
        return gateway.status(key)
    except OSError:
        return 0


def test_two_gateways_and_one_folder(plane: Plane, host: Host) -> None:
    """A second gateway with the same data folder does not start."""
    host.start(plane.url)
    second = Joined(host.folder, station.free_port(), plane.url)
    try:
        assert second.process.wait(20) == 1
        assert "Another gateway uses" in second.err.read_text()
    finally:
        second.end()


def test_tls(records: Records, host: Host, tmp_path: Path) -> None:
    """https is verified: with the CA that is named it works, without it nothing is asked."""
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    plane = Plane(records, context)
    try:
        gateway = host.start(plane.url, ready=False)
        gateway.said("does not answer")
        assert not plane.questions
        gateway.process.kill()
        gateway.process.wait()
        assert host.start(plane.url, "--control-ca", str(tmp_path / "ca.pem")).status() == 200
    finally:
        plane.stop()


@pytest.mark.parametrize("url", [
    "http://192.0.2.1:4001", "http://example.com", "ftp://127.0.0.1", "https://user:pw@example.com", "nonsense", "https://a/?b=c",
])
def test_an_address_that_may_not_be_used(host: Host, url: str) -> None:
    """Plain http to anything but this machine is refused, and so is what is no address; nothing is sent."""
    gateway = host.start(url, ready=False)
    assert gateway.process.wait(20) == 2
    assert "error:" in gateway.err.read_text()
    assert "pw@" not in gateway.err.read_text()


def test_fifty_thousand_keys(plane: Plane, host: Host, vendor: SandboxServer) -> None:
    """50,000 keys arrive at every worker, once, and later changes travel as differences."""
    many = {f"key-{n}": VirtualKey(f"key-{n}", rig.sha256(f"sm-{n}")) for n in range(50_000)}
    plane.change(key={**plane.records.key, **many})
    gateway = host.start(plane.url)
    assert [gateway.status(f"sm-{n}") for n in (0, 24_999, 49_999)] == [200] * 3
    plane.without_key("key-0")
    kit.wait_for(lambda: plane.hellos and plane.hellos[-1]["revision"] == plane.revision)
    assert [gateway.status(f"sm-{n}") for n in (0, 0, 0, 49_999)] == [401, 401, 401, 200]
    assert [have for have, _ in plane.questions].count(0) == 1, "asked for whole once"


def test_a_change_arrives_soon(plane: Plane, host: Host) -> None:
    """Twenty changes, one after another, each reach every worker by the question that is open: none needs a second."""
    gateway = host.start(plane.url)
    kit.wait_for(lambda: plane.hellos)
    begun = len(plane.questions)
    for _ in range(20):
        plane.change(key=with_key(plane.records, "same", f"sm-{time.monotonic_ns()}"))
        kit.wait_for(lambda: plane.hellos[-1]["revision"] == plane.revision)
    assert len(plane.questions) - begun <= 21
    assert gateway.process.poll() is None


def test_certificates_that_are_not_here(plane: Plane, host: Host) -> None:
    """A `ca_bundle` that this machine does not have is told once and not gone by; a key that is revoked with it is revoked."""
    gateway = host.start(plane.url)
    assert gateway.status() == 200
    settings = msgspec.structs.replace(plane.records.settings[""], ca_bundle="/nowhere/ca.pem")
    plane.change(settings={"": settings})
    gateway.said("Cannot load the CA bundle /nowhere/ca.pem: No such file or directory. Going by the system store alone.")
    assert gateway.status() == 200
    plane.without_key("rig")
    kit.wait_for(lambda: gateway.status() == 401)
    assert gateway.err.read_text().count("Cannot load the CA bundle") == 1
