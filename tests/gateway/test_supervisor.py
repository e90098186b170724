"""The command as a process: workers come back, files are read again, signals do what they say."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import rig
from gateway import kit, plain, processes, station
from gateway.station import Station
from stationmaster.sandbox.server import SandboxServer


@pytest.fixture
def gateway(vendor: SandboxServer) -> Iterator[Station]:
    """Two workers, with a short window."""
    with station.running(vendor.url, "workers = 2\ndrain_seconds = 1", "--events", "events.jsonl") as running:
        yield running


def status(port: int, key: str = rig.KEY) -> int:
    """What a key gets."""
    fields = [("authorization", f"Bearer {key}"), plain.JSON]
    return plain.ask(port, "POST", "/v1/responses", plain.dump(plain.responses()), fields).status


def test_two_workers_serve(gateway: Station) -> None:
    """Both workers take connections, their events go to one file, whole lines each."""
    assert len(gateway.workers()) == 2
    assert gateway.said("with 2 worker(s)")
    ids = {plain.post(gateway.port, "/v1/responses", plain.responses()).request_id for _ in range(100)}
    assert len(ids) == 100
    assert len({name[:16] for name in ids}) == 2, "of both"
    kit.wait_for(lambda: len(requests_in(gateway.events)) == 100)
    assert set(requests_in(gateway.events)) == ids


def requests_in(events: Path) -> list[str]:
    """The ids of the requests whose events were written, whole lines only."""
    lines = [line for line in events.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [event["request_id"] for event in map(json.loads, lines) if event["event"] == "request"]


def test_a_killed_worker_comes_back(gateway: Station) -> None:
    """A worker that dies is replaced; meanwhile the other serves."""
    first = gateway.workers()
    os.kill(first[0], signal.SIGKILL)
    kit.wait_for(lambda: not processes.is_alive(first[0]))
    assert {status(gateway.port) for _ in range(40)} == {200}
    kit.wait_for(lambda: len(set(gateway.workers()) - set(first)) == 1)
    assert "starting another" in gateway.said("starting another")
    assert gateway.process.poll() is None


def test_all_workers_killed(gateway: Station) -> None:
    """Even when all die at once."""
    for pid in gateway.workers():
        os.kill(pid, signal.SIGKILL)
    kit.wait_for(lambda: _serves(gateway.port))


def _serves(port: int) -> bool:
    try:
        return status(port) == 200
    except OSError:
        return False


def test_reload(gateway: Station, vendor: SandboxServer) -> None:
    """SIGHUP: a new key works and the old one does not; a request under way is not touched."""
    with plain.connected(gateway.port) as sock:
        body = plain.dump(plain.responses("sandbox-slow", stream=True))
        request = plain.head("POST", "/v1/responses", [plain.BEARER, plain.JSON], length=len(body)) + body
        sock.sendall(request)
        plain.until(sock, b"response.created")
        station.write_config(gateway.folder, vendor.url, "workers = 2\ndrain_seconds = 1", "sm-new", gateway.port)
        gateway.signal(signal.SIGHUP)
        gateway.said("configuration reloaded")
        kit.wait_for(lambda: status(gateway.port, "sm-new") == 200)
        kit.wait_for(lambda: [status(gateway.port) for _ in range(4)] == [401] * 4)
        assert b"response.completed" in plain.until(sock, b"\r\n0\r\n\r\n")

        def refused() -> bool:
            sock.sendall(request)
            return plain.read(sock).status == 401

        kit.wait_for(refused)     # an open connection does not keep the old key


def test_a_bad_file_is_refused(gateway: Station) -> None:
    """SIGHUP with a bad file keeps the old configuration and says what is wrong with the new one."""
    gateway.config.write_text(gateway.config.read_text().replace("[[pool]]", "[[pol]]", 1))
    gateway.signal(signal.SIGHUP)
    said = gateway.said("configuration kept")
    assert "gateway.toml:" in said
    assert 'did you mean "pool"' in said
    assert status(gateway.port) == 200
    for pid in gateway.workers():
        os.kill(pid, signal.SIGKILL)
    kit.wait_for(lambda: _serves(gateway.port))


def test_what_a_reload_cannot_change(gateway: Station, vendor: SandboxServer) -> None:
    """Another port or number of workers is said to wait for the next start."""
    station.write_config(gateway.folder, vendor.url, "workers = 1", port=station.free_port())
    gateway.signal(signal.SIGHUP)
    gateway.said("change at the next start only")
    assert status(gateway.port) == 200
    assert len(gateway.workers()) == 2


def test_what_a_reload_cannot_change_is_said_of_what_runs(gateway: Station, vendor: SandboxServer) -> None:
    """A file that differs from what runs is said to wait at every reload, and one that is as before is not."""
    def said(workers: int, reloads: int) -> int:
        station.write_config(gateway.folder, vendor.url, f"workers = {workers}\ndrain_seconds = 1", port=gateway.port)
        gateway.signal(signal.SIGHUP)
        kit.wait_for(lambda: gateway.err.read_text().count("configuration reloaded") == reloads)
        return gateway.err.read_text().count("change at the next start only")

    assert [said(1, 1), said(1, 2), said(2, 3)] == [1, 2, 2]


def test_what_is_said_from_start_to_end(vendor: SandboxServer) -> None:
    """The start line names the process that takes signals, and where metrics are; a drain says how long it may take; the
    last line is that of the end."""
    page = station.free_port()
    with station.running(vendor.url, f"drain_seconds = 1.5\nmetrics_port = {page}") as gateway:
        said = gateway.said("gateway listens on")
        assert f"with 1 worker(s), process {gateway.process.pid}, metrics on http://127.0.0.1:{page}/metrics\n" in said
        gateway.signal(signal.SIGTERM)
        assert gateway.process.wait(20) == 0
        said = gateway.err.read_text()
    assert "gateway finishes what is open, for at most 1.5 s; a second signal ends it at once" in said
    assert said.endswith("stationmaster: gateway ended\n")


def test_a_credential_goes_and_comes_back(vendor: SandboxServer) -> None:
    """With two workers that both see it refused: one line when a credential goes out of service, with its cause and next
    probe, and one when it is back, here because its secret is another."""
    bad, good = "told-once-azure", "told-once-azure-new"
    vendor.spoil(bad, "sandbox-deactivated")
    try:
        with station.running(vendor.url, "workers = 2", secrets={**kit.SECRETS, "azure_openai": bad}) as gateway:
            body = plain.responses("azure-x")
            kit.wait_for(lambda: plain.post(gateway.port, "/v1/responses", body).status == 503)
            said = gateway.said("is out of service")
            for _ in range(10):
                plain.post(gateway.port, "/v1/responses", body)
            (gateway.folder / "azure.key").write_text(good)
            gateway.signal(signal.SIGHUP)
            gateway.said("credential azure is back in service")
            kit.wait_for(lambda: plain.post(gateway.port, "/v1/responses", body).status == 200)
            said = gateway.err.read_text()
    finally:
        vendor.mend(bad)
    lines = [line for line in said.splitlines() if "credential azure" in line]
    assert len(lines) == 2
    assert "credential azure is out of service: terminated (account_deactivated), next probe 20" in lines[0]
    assert bad not in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(gateway: Station, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C: exit code 0, no process left, the port free."""
    workers = gateway.workers()
    gateway.signal(number)
    assert gateway.process.wait(20) == 0
    assert not kit.answers(gateway.port)
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_the_window(vendor: SandboxServer) -> None:
    """During the window a stream goes on and newcomers are turned away at once, not left waiting; then it ends."""
    window = "workers = 2\ndrain_seconds = 6"
    with station.running(vendor.url, window) as gateway, plain.connected(gateway.port) as sock:
        body = plain.dump(plain.responses("sandbox-stall", stream=True))
        sock.sendall(plain.head("POST", "/v1/responses", [plain.BEARER, plain.JSON], length=len(body)) + body)
        plain.until(sock, b"response.created")
        gateway.signal(signal.SIGTERM)
        gateway.said("finishes what is open")
        kit.wait_for(lambda: _refuses(gateway.port), within=5)
        assert gateway.process.poll() is None
        assert b"response.failed" in rig.read_all(sock)
        assert gateway.process.wait(20) == 0


def _refuses(port: int) -> bool:
    """Whether a newcomer is refused, or told 503."""
    try:
        return plain.ask(port, "GET", "/readyz", None, [], timeout=1.0).status == 503
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def test_a_second_signal(vendor: SandboxServer) -> None:
    """A second signal ends a long window, audibly."""
    with station.running(vendor.url, "drain_seconds = 600") as gateway, plain.connected(gateway.port) as sock:
        body = plain.dump(plain.responses("sandbox-stall", stream=True))
        sock.sendall(plain.head("POST", "/v1/responses", [plain.BEARER, plain.JSON], length=len(body)) + body)
        plain.until(sock, b"response.created")
        gateway.signal(signal.SIGTERM)
        gateway.said("a second signal ends it at once")
        time.sleep(0.3)
        assert gateway.process.poll() is None
        gateway.signal(signal.SIGTERM)
        assert b"response.failed" in rig.read_all(sock)
        assert gateway.process.wait(20) == 0


@pytest.mark.parametrize("hung", [False, True])
def test_the_supervisor_dies(vendor: SandboxServer, hung: bool) -> None:
    """Workers whose supervisor was killed finish what is open and end, also when it had not read what they told."""
    with station.running(vendor.url, "drain_seconds = 1") as gateway:
        workers = gateway.workers()
        if hung:
            gateway.signal(signal.SIGSTOP)
            assert plain.post(gateway.port, "/v1/responses", plain.responses()).status == 200
            time.sleep(1.2)    # two ticks: the reports are out
        gateway.process.kill()
        gateway.process.wait()
        kit.wait_for(lambda: not any(processes.is_alive(pid) for pid in workers))


def test_a_port_in_use(gateway: Station) -> None:
    """A second gateway on the port says so and exits 1; the first is not disturbed."""
    command = [sys.executable, "-m", "stationmaster", "gateway", "--config", str(gateway.config)]
    secrets = {f"SECRET_{vendor.upper()}": secret for vendor, secret in kit.SECRETS.items()}
    environ = {**os.environ, **secrets}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=40)
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{gateway.port}" in done.stderr
    assert "Traceback" not in done.stderr
    assert status(gateway.port) == 200


def test_events_that_cannot_be_written(tmp_path: Path, vendor: SandboxServer) -> None:
    """An events file in a folder that is not there ends the start with a sentence, not a traceback."""
    port = station.write_config(tmp_path, vendor.url)
    (tmp_path / "azure.key").write_text("azure-key")
    secrets = {f"SECRET_{vendor.upper()}": secret for vendor, secret in kit.SECRETS.items()}
    gateway = Station(tmp_path, port, secrets, "--events", "nowhere/events.jsonl")
    assert gateway.process.wait(40) == 1
    said = gateway.err.read_text()
    assert "Traceback" not in said
    assert "nowhere/events.jsonl" in said


def test_events_to_stdout(vendor: SandboxServer) -> None:
    """Without --events the events are lines on stdout, and nothing else is."""
    with station.running(vendor.url) as gateway:
        answer = plain.post(gateway.port, "/v1/responses", plain.responses())
        kit.wait_for(lambda: gateway.out.read_text().endswith("\n"))
        kit.wait_for(lambda: requests_in(gateway.out) == [answer.request_id])


def test_nobody_reads_the_events(vendor: SandboxServer, tmp_path: Path) -> None:
    """A pipe that nobody empties costs events, counted, and no request."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with station.running(vendor.url, "", "--events", str(pipe)) as gateway:
            threads = [
                kit.in_background(lambda: [status(gateway.port) for _ in range(60)]) for _ in range(6)
            ]
            for thread in threads:
                thread.join()
            assert status(gateway.port) == 200
    finally:
        os.close(reader)
    assert not [thread for thread in threading.enumerate() if thread.name == "background"]


LOADED = """
import sys
import stationmaster.gateway.server.process
from importlib.metadata import packages_distributions
owners = packages_distributions()
names = {name.partition(".")[0] for name in sys.modules}
print(sorted({owner for name in names for owner in owners.get(name, [])}))
print(sorted(names & {"django", "typer", "rich", "click", "aiohttp", "zstandard", "pydantic", "openai", "httpx2"}))
"""


def test_what_a_worker_loads() -> None:
    """A worker loads ten distributions at most: no web framework, no command line, no HTTP client."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    distributions, unwanted = (json.loads(line.replace("'", '"')) for line in done.stdout.splitlines())
    assert len(distributions) <= 10, distributions
    assert unwanted == []


def test_many_keys(vendor: SandboxServer) -> None:
    """A configuration larger than what a socket takes at once reaches every worker, and a killed one's replacement."""
    keys = "".join(f'\n[[key]]\nid = "k{number}"\nsecret_sha256 = "{rig.sha256(str(number))}"\n' for number in range(3000))
    with station.running(vendor.url, f"workers = 2\nmetrics_port = 0\n{keys}") as gateway:
        first = gateway.workers()
        os.kill(first[0], signal.SIGKILL)
        kit.wait_for(lambda: len(set(gateway.workers()) - set(first)) == 1)
        for number in (0, 2999):
            fields = [("authorization", f"Bearer {number}"), plain.JSON]
            assert plain.ask(gateway.port, "POST", "/v1/responses", plain.dump(plain.responses()), fields).status == 200
