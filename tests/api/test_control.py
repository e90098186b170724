"""`stationmaster control`: one process that brings its database up to date, serves, and ends when it is told to."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import trustme

import certificates
from internal.kit import PATIENCE, until


@dataclass
class Process:
    """A running `stationmaster control`, and what it said."""

    process: "subprocess.Popen[str]"
    url: str
    said: list[str] = field(default_factory=list)

    def get(self, path: str, **more: object) -> httpx.Response:
        """Ask it something."""
        with httpx.Client(trust_env=False, verify=False, timeout=PATIENCE) as client:  # noqa: S501  a certificate of ours
            return client.get(self.url + path, **more)  # type: ignore[arg-type]

    def answers(self) -> bool:
        """Tell whether it serves."""
        assert self.process.poll() is None, "".join(self.said)
        try:
            return self.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False


def _run(folder: Path, *words: str) -> "subprocess.Popen[str]":
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    command = [sys.executable, "-m", "stationmaster", "control", "--data", str(folder / "data"), *words]
    return subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Process]:
    """A control plane on a free port, of an installation that did not exist before."""
    port = _free_port()
    yield from _started(tmp_path, port, f"http://127.0.0.1:{port}")


def _started(folder: Path, port: int, url: str, *words: str) -> Iterator[Process]:
    with _run(folder, "--port", str(port), *words) as process:
        running = Process(process, url)
        assert process.stderr is not None
        stream = process.stderr
        reader = threading.Thread(target=lambda: running.said.extend(stream))
        reader.start()
        try:
            until(running.answers)
            yield running
        finally:
            process.kill()
            reader.join()


def test_the_first_start_prints_a_link_once(started: Process, tmp_path: Path) -> None:
    """A new installation is ready, closed to everybody, and prints one link that makes an admin; the link opens."""
    assert started.get("/api/v1/me").status_code == 401
    until(lambda: any("/welcome/" in line for line in started.said))
    (link,) = re.findall(r"http://\S+(/welcome/\S+)", "".join(started.said))
    assert started.get(link, follow_redirects=True).status_code == 200
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_it_ends_when_it_is_told_though_gateways_wait(started: Process) -> None:
    """SIGTERM ends it in order, though a request is being held open for a gateway."""
    token = _gateway_token(started)
    have = _revision(started, token)
    statuses: list[int] = []

    def wait() -> None:
        asked = started.get("/internal/v1/snapshot", params={"have": have, "wait": 30}, headers=_bearer(token))
        statuses.append(asked.status_code)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.5)      # for it to arrive; if it did not, it is refused below
    began = time.monotonic()
    started.process.send_signal(signal.SIGTERM)
    assert started.process.wait(PATIENCE) in (0, -signal.SIGTERM)
    waiting.join()
    assert statuses == [204]
    assert time.monotonic() - began < 25      # it would have been held for 30


def test_it_serves_tls(tmp_path: Path) -> None:
    """With a certificate it serves TLS, where it would refuse to listen without."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "chain.pem")
    port = _free_port()
    words = ("--host", "0.0.0.0", "--tls-certificate", str(tmp_path / "chain.pem"), "--tls-key", str(tmp_path / "key.pem"))
    for running in _started(tmp_path, port, f"https://127.0.0.1:{port}", *words):
        assert running.get("/healthz").json() == {"ok": True}


def test_certificates_are_replaced_while_it_serves(tmp_path: Path) -> None:
    """New files are shown without a signal, and at once at SIGHUP, which ends nothing; a pair that cannot be used is told, and
    the one before goes on. No request fails, on a connection that stays or on a new one."""
    authority = trustme.CA()
    pair, port = certificates.files(tmp_path, authority.issue_cert("127.0.0.1")), _free_port()
    words = ("--tls-certificate", str(pair.chain), "--tls-key", str(pair.key))

    def shown() -> str:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as raw:
            client = certificates.trusting(authority)
            with client.wrap_socket(raw, server_hostname="127.0.0.1") as wrapped:
                return str(wrapped.getpeercert()["serialNumber"])  # type: ignore[index]

    steps = _started(tmp_path, port, f"https://127.0.0.1:{port}", *words)
    running = next(steps)
    kept = http.client.HTTPSConnection("127.0.0.1", port, context=certificates.trusting(authority))
    seen = [shown()]

    def another() -> bool:
        return _healthy(kept) and running.get("/healthz").status_code == 200 and shown() not in seen

    pair.put(authority.issue_cert("127.0.0.1", key_type=certificates.RSA))
    until(another)
    seen.append(shown())
    pair.put(authority.issue_cert("127.0.0.1"))
    running.process.send_signal(signal.SIGHUP)
    until(another)
    last = shown()
    pair.key.write_text("no key")
    until(lambda: _healthy(kept) and any("the new one is refused" in line for line in running.said))
    assert shown() == last
    kept.close()
    steps.close()  # type: ignore[attr-defined]


def _healthy(connection: http.client.HTTPConnection) -> bool:
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b'{"ok":true}')
    return True


@pytest.mark.parametrize(("words", "said"), [
    (("--host", "0.0.0.0"), "without TLS"), (("--tls-certificate", "nothing.pem", "--tls-key", "nothing.pem"), "certificate"),
    (("--tls-certificate", "nothing.pem"), "belong together"),
])  # fmt: skip
def test_what_it_refuses(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Clear text over a network, and certificates that are none, are refused before anything is served."""
    process = _run(tmp_path, "--port", str(_free_port()), *words)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode in (1, 2)
    assert said in errors
    assert "Traceback" not in errors


def _gateway_token(started: Process) -> str:
    data = str(started.process.args[5])  # type: ignore[index]
    words = ("gateway-token", "create", "here", "--data", data, "--output", "json")
    done = subprocess.run([sys.executable, "-m", "stationmaster", *words], capture_output=True, text=True, check=True)
    return str(json.loads(done.stdout)["token"])


def _revision(started: Process, token: str) -> int:
    answer = started.get("/internal/v1/snapshot", headers=_bearer(token))
    assert answer.status_code == 200
    from stationmaster.gateway.link.frames import unpack

    return unpack(answer.content).revision


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
