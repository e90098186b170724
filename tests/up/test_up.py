"""`stationmaster up`: what the first start does, what later ones do, what it refuses, how it ends."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import trustme

import certificates
from gateway.processes import is_alive
from up.conftest import ALLOWED
from up.kit import KEY, Up, free_ports, link_in, running, until

pytestmark = pytest.mark.timeout(300)      # seconds: everything is started anew each time


def test_the_first_start_serves_and_prints_a_link(tmp_path: Path) -> None:
    """An empty folder becomes an installation that is its owner's alone; console, gateway and metrics are where it says, and
    the link leads to the page that makes the first admin."""
    with running(tmp_path) as up:
        assert f"Console  {up.console}" in up.said
        assert f"Metrics  http://127.0.0.1:{up.metrics_port}/metrics" in up.said
        page = httpx.get(link_in(up.said), trust_env=False, follow_redirects=True)
        assert (page.status_code, "password" in page.text) == (200, True)
        assert httpx.get(f"{up.gateway}/readyz", trust_env=False).status_code == 200
        assert httpx.get(f"http://127.0.0.1:{up.metrics_port}/metrics", trust_env=False).status_code == 200
        modes = {stat.S_IMODE(path.lstat().st_mode) & 0o077 for path in (up.data, *up.data.rglob("*"))}
        assert modes == {0}
        assert up.end() == 0


def test_it_says_where_metrics_are(tmp_path: Path) -> None:
    """At whatever address they were asked for, it is that one which is said, and they are there."""
    with running(tmp_path, environ={"STATIONMASTER__GATEWAY__METRICS_HOST": "localhost"}) as up:
        assert f"Metrics  http://localhost:{up.metrics_port}/metrics" in up.said
        assert httpx.get(f"http://localhost:{up.metrics_port}/metrics", trust_env=False).status_code == 200


def test_no_link_once_there_is_an_admin(tmp_path: Path) -> None:
    """The link is printed as long as nobody could come in, and not after; the link of an earlier start is void then."""
    with running(tmp_path) as up:
        first = link_in(up.said)
        up.end()
    with running(tmp_path) as up:
        second = link_in(up.said)
        assert httpx.get(f"{up.console}/welcome/{first.rpartition('/')[2]}", trust_env=False).status_code == 410
        _become_admin(f"{up.console}/welcome/{second.rpartition('/')[2]}")
        up.end()
    with running(tmp_path) as up:
        assert "/welcome/" not in up.said


def _become_admin(link: str) -> None:
    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        page = browser.get(link)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token
        words = "a long enough password 7"
        form = {"email": "first@example.com", "password": words, "repeated": words, "csrfmiddlewaretoken": token[1]}
        answer = browser.post(page.url, data=form, headers={"Origin": str(page.url).removesuffix("/welcome")})
        assert (answer.status_code, answer.history[0].status_code) == (200, 302)


def test_a_file_of_a_gateway_to_begin_with(up: Up) -> None:
    """`--config gateway.toml` of a gateway without a control plane is taken over at the first start, with its keys."""
    assert "5 things were taken over" in up.said
    assert up.ask() == 200


def test_a_file_is_taken_over_once(tmp_path: Path, routing: Path) -> None:
    """At a later start the file changes nothing: what was changed since stands."""
    with running(tmp_path, "--config", str(routing), environ=ALLOWED) as up:
        up.command("key", "revoke", "file-key", "--yes")
        up.end()
    with running(tmp_path, "--config", str(routing), environ=ALLOWED) as up:
        assert "something is configured already" in up.said
        assert up.ask() == 401


@pytest.mark.parametrize("taken", ["--port", "--console-port", "--metrics-port"])
def test_a_taken_port(tmp_path: Path, taken: str) -> None:
    """A port that somebody listens on is told, with the option that changes it, before anything is made or started."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = dict(zip(("--port", "--console-port", "--metrics-port"), map(str, free_ports(3)), strict=True))
        ports[taken] = str(other.getsockname()[1])
        words = [word for pair in ports.items() for word in pair]
        done = subprocess.run(
            [sys.executable, "-m", "stationmaster", "up", "--data", str(tmp_path / "data"), *words],
            capture_output=True, text=True, timeout=50, check=False,
        )
    assert done.returncode == 1
    assert f"127.0.0.1:{ports[taken]} cannot be listened on: another program listens there" in done.stderr
    assert f"choose another with {taken}," in done.stderr
    assert not (tmp_path / "data").exists()


def test_ports_of_a_later_start(tmp_path: Path, routing: Path) -> None:
    """A port that a flag gives holds at once, whatever configuration the gateway kept from the last start."""
    with running(tmp_path, "--config", str(routing), environ=ALLOWED) as up:
        before = up.gateway_port
        up.end()
    with running(tmp_path, environ=ALLOWED) as up:
        assert up.gateway_port != before
        assert up.ask() == 200
        assert "does not answer" not in up.said, "the gateway begins first: that is no outage"


def test_settings_of_a_later_start(tmp_path: Path, routing: Path) -> None:
    """What the file says of the gateway reaches it at the next start and at SIGHUP, though no row was changed."""
    file = tmp_path / "stationmaster.toml"
    with running(tmp_path, "--config", str(routing), environ=ALLOWED) as up:
        assert up.ask(words="x" * 2_000_000) == 200
        up.end()
    file.write_text("[gateway]\nmax_body_mib = 1\n")
    with running(tmp_path, environ=ALLOWED) as up:
        until(lambda: up.ask(words="x" * 2_000_000) == 413, "the smaller limit")
        file.write_text("[gateway]\nmax_body_mib = 3\n")
        up.process.send_signal(signal.SIGHUP)
        until(lambda: up.ask(words="x" * 2_000_000) == 200, "the larger limit")


def test_a_control_plane_that_does_not_start(tmp_path: Path, routing: Path) -> None:
    """A gateway serves what it kept when the control plane cannot start; that comes when its trouble is over."""
    with running(tmp_path, "--config", str(routing), environ=ALLOWED) as up:
        up.end()
    keys = tmp_path / "data" / "master.keys"
    keys.chmod(0o644)
    up = Up(tmp_path, environ=ALLOWED)
    try:
        until(lambda: up.ask() == 200, "serving what was kept")
        until(lambda: "control ended with 1; starting it again" in up.said)
        keys.chmod(0o600)
        until(up.healthy, "the control plane's return")
        assert up.end() == 0
    finally:
        up.clear()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_end_waits_for_open_answers(up: Up, number: int) -> None:
    """At the first signal a stream is finished, new connections are refused, and the exit code is 0."""
    stream, everybody = up.stream(), up.everybody()
    up.process.send_signal(number)
    until(lambda: up.ask() == 0, "refusing")
    assert stream.rest().rstrip().endswith(b"data: [DONE]")
    assert up.process.wait(40) == 0
    assert not any(map(is_alive, everybody))


def test_a_second_signal_ends_it_at_once(up: Up) -> None:
    """Whoever asks twice does not wait for a stream."""
    stream, everybody = up.stream(words=1500), up.everybody()
    up.process.send_signal(signal.SIGTERM)
    until(lambda: up.ask() == 0, "refusing")
    assert up.end() == 0
    assert b"[DONE]" not in stream.rest()
    assert not any(map(is_alive, everybody))


def test_hangup_reads_the_settings_again(tmp_path: Path) -> None:
    """SIGHUP ends nothing: settings in the file take effect, and a bad file changes nothing."""
    file = tmp_path / "stationmaster.toml"
    file.write_text("[retention]\nraw_events_days = 7\n")
    with running(tmp_path) as up, up.rest() as rest:
        planes = up.plane("control"), up.plane("gateway")

        def days() -> int:
            return int(rest.get("/settings/retention.raw_events_days").json()["value"])

        def reads(text: str) -> None:
            file.write_text(f"[retention]\n{text}\n")
            up.process.send_signal(signal.SIGHUP)

        reads("raw_events_days = 9")
        until(lambda: days() == 9)
        reads("raw_events_dais = 3")
        until(lambda: "settings kept, the new ones are refused" in up.said)
        assert days() == 9
        reads("raw_events_days = 5")
        until(lambda: days() == 5)
        assert (up.plane("control"), up.plane("gateway")) == planes


def test_two_over_one_folder(tmp_path: Path) -> None:
    """A second one over the same data folder, on other ports, gives up and disturbs nobody."""
    with running(tmp_path) as up:
        other = Up(tmp_path)
        try:
            assert other.process.wait(60) == 1
            assert "Stationmaster runs already over" in other.said
            assert up.healthy()
        finally:
            other.clear()


def test_a_console_with_a_certificate(tmp_path: Path, routing: Path) -> None:
    """A console that serves TLS under a name of its own: the gateway beside it joins all the same."""
    authority = trustme.CA()
    certificate = authority.issue_cert("stationmaster.example.com")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    certificate.private_key_pem.write_to_path(key)
    chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    given = {"STATIONMASTER__CONSOLE__TLS_CERTIFICATE": str(chain), "STATIONMASTER__CONSOLE__TLS_KEY": str(key)}
    with running(tmp_path, "--config", str(routing), environ={**ALLOWED, **given}) as up:
        assert f"Console  https://127.0.0.1:{up.console_port}" in up.said
        assert up.ask() == 200


def test_no_vendor_sdk_is_loaded(tmp_path: Path) -> None:
    """What serves the control plane has loaded none of the vendors' SDKs, which would take seconds of every start."""
    program = (
        "import sys; from pathlib import Path; from stationmaster import settings; from stationmaster.entrances import asgi\n"
        "asgi.prepare(settings.load(environ={'STATIONMASTER_DATA': sys.argv[1]}, folder=Path(sys.argv[1])))\n"
        "from stationmaster.entrances.application import Application; Application(); import stationmaster.cli.planes.opening\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=50, check=True)
    loaded = set(done.stdout.split())
    assert "django" in loaded
    assert not loaded & {"openai", "anthropic", "azure", "botocore", "google", "githubkit", "aiohttp"}


def test_the_supervisor_is_small(up: Up) -> None:
    """Whoever only waits has loaded nothing that serves: no Django, no event loop."""
    maps = Path(f"/proc/{up.process.pid}/maps")
    if not maps.exists():
        pytest.skip("only Linux says what a process has loaded")
    assert not any(word in maps.read_text() for word in ("uvloop", "_sqlite3", "_argon2"))
    assert os.getpgid(up.plane("gateway")) != os.getpgid(up.process.pid)


def test_the_key_of_the_file_is_the_only_one(up: Up) -> None:
    """Whoever presents another key is not let in."""
    assert up.ask(f"{KEY}x") == 401


def test_both_doors_over_tls(tmp_path: Path) -> None:
    """With a certificate for each, console and gateway speak TLS, and the start says so; a renewed one is taken by both."""
    authority = trustme.CA()
    pair = certificates.files(tmp_path, authority.issue_cert("127.0.0.1"))
    names = f'tls_certificate = "{pair.chain}"\ntls_key = "{pair.key}"\n'
    (tmp_path / "stationmaster.toml").write_text(f"[console]\n{names}\n[gateway]\n{names}")
    client = certificates.trusting(authority)

    def shown(port: int) -> str:
        raw = socket.create_connection(("127.0.0.1", port), 30)
        with client.wrap_socket(raw, server_hostname="127.0.0.1") as wrapped:
            return str(wrapped.getpeercert()["serialNumber"])  # type: ignore[index]

    with running(tmp_path) as up:
        assert f"Gateway  https://127.0.0.1:{up.gateway_port}" in up.said
        assert f"Console  https://127.0.0.1:{up.console_port}" in up.said
        before = shown(up.gateway_port)
        assert shown(up.console_port) == before
        pair.put(authority.issue_cert("127.0.0.1"))
        until(lambda: before not in {shown(up.gateway_port), shown(up.console_port)})
        for port in (up.gateway_port, up.console_port):
            answer = httpx.get(f"https://127.0.0.1:{port}/readyz", verify=client, trust_env=False)
            assert answer.status_code == 200
        assert up.end() == 0
