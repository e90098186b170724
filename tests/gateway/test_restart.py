"""SIGUSR2: the gateway begins anew in its place. `tests/chaos/test_restarts.py` does so under traffic."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import rig
from gateway import kit, plain, processes, station
from gateway.station import Station
from stationmaster.gateway.server import handover
from stationmaster.sandbox.server import SandboxServer


@pytest.fixture
def gateway(vendor: SandboxServer) -> Iterator[Station]:
    """Two workers, with time for what is open."""
    with station.running(vendor.url, "workers = 2\ndrain_seconds = 20\nstate_file = 'state.json'") as running:
        yield running


def begin_anew(gateway: Station) -> None:
    """Have it, and wait until it serves."""
    before = gateway.err.read_text().count("gateway listens on")
    gateway.signal(signal.SIGUSR2)
    kit.wait_for(lambda: gateway.err.read_text().count("gateway listens on") > before, within=40)


def ask(port: int, model: str = "gpt-4o") -> int:
    """One request's status."""
    fields = [("authorization", f"Bearer {rig.KEY}"), plain.JSON]
    return plain.ask(port, "POST", "/v1/responses", plain.dump(plain.responses(model=model)), fields).status


def test_same_process_other_workers(gateway: Station) -> None:
    """The process is the same, its workers are others, and those before end; as often as it is asked for."""
    for _ in range(3):
        before = gateway.workers()
        begin_anew(gateway)
        kit.wait_for(lambda before=before: not any(map(processes.is_alive, before)), within=20)  # type: ignore[misc]
        assert gateway.process.poll() is None
        assert len(gateway.workers()) == 2
        assert ask(gateway.port) == 200


def test_what_cannot_be_started_changes_nothing(gateway: Station) -> None:
    """With a file that cannot be used, or a program that cannot be imported, the gateway says why and goes on as it is."""
    good, before = gateway.config.read_text(), gateway.workers()
    gateway.config.write_text("[gateway]\nprot = 1\n")
    gateway.signal(signal.SIGUSR2)
    assert "prot" in gateway.said("goes on as it is")
    gateway.config.write_text(good)
    assert gateway.workers() == before
    assert ask(gateway.port) == 200


def slow(sock: socket.socket) -> None:
    """Begin a stream that takes a while."""
    body = plain.dump(plain.responses("sandbox-slow", stream=True))
    sock.sendall(plain.head("POST", "/v1/responses", [plain.BEARER, plain.JSON], length=len(body)) + body)
    plain.until(sock, b"response.created")


def test_settings_of_the_start(gateway: Station) -> None:
    """Another port and number of workers hold from then on; what is open on the old port finishes, and it is closed."""
    old, new = gateway.port, station.free_port()
    with plain.connected(old) as sock:
        slow(sock)
        text = gateway.config.read_text().replace(f"port = {old}", f"port = {new}")
        gateway.config.write_text(text.replace("workers = 2", "workers = 3"))
        begin_anew(gateway)
        assert ask(new) == 200
        assert b"response.completed" in plain.until(sock, b"\r\n0\r\n\r\n")
    kit.wait_for(lambda: not answers(old), within=20)
    kit.wait_for(lambda: len(gateway.workers()) == 3, within=20)


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        ask(port)
    except OSError:
        return False
    return True


def test_an_idle_connection_may_ask_once_more(gateway: Station) -> None:
    """Who kept a connection to a worker that retires is answered on it, and told that it closes."""
    with plain.connected(gateway.port) as sock:
        body = plain.dump(plain.responses())
        request = plain.head("POST", "/v1/responses", [plain.BEARER, plain.JSON], length=len(body)) + body
        sock.sendall(request)
        assert plain.read(sock).header("connection") != "close"
        begin_anew(gateway)
        sock.sendall(request)
        answer = plain.read(sock)
        assert (answer.status, answer.header("connection")) == (200, "close")


def test_who_is_let_in_no_more(gateway: Station, vendor: SandboxServer) -> None:
    """A key that the new file does not have is refused by the workers that retire as well."""
    with plain.connected(gateway.port) as sock:
        body = plain.dump(plain.responses())
        request = plain.head("POST", "/v1/responses", [plain.BEARER, plain.JSON], length=len(body)) + body
        sock.sendall(request)
        assert plain.read(sock).status == 200
        station.write_config(gateway.folder, vendor.url, "workers = 2\ndrain_seconds = 20", "sm-new", gateway.port)
        begin_anew(gateway)
        time.sleep(0.5)      # the file reaches all of them like every other change
        sock.sendall(request)
        assert plain.read(sock).status == 401


def test_an_end_meanwhile(gateway: Station) -> None:
    """SIGTERM while workers retire: what is open still finishes, and all of them end."""
    with plain.connected(gateway.port) as sock:
        slow(sock)
        begin_anew(gateway)
        everybody = gateway.workers()
        gateway.signal(signal.SIGTERM)
        assert b"response.completed" in plain.until(sock, b"\r\n0\r\n\r\n")
    assert gateway.process.wait(20) == 0
    assert not any(map(processes.is_alive, everybody))


def test_what_was_spent_is_kept(vendor: SandboxServer) -> None:
    """What a key spent before, after, and through a worker that retires adds up: nothing is lost, nothing is counted twice."""
    with station.running(vendor.url, "workers = 2\nstate_file = 'state.json'\nmetrics_port = 0") as gateway:
        budget = "shared_resources = true\nbudget = { total_usd = 50 }"
        text = gateway.config.read_text().replace("shared_resources = true", budget)
        priced = 'prices = { "sandbox-slow" = { input = 100, output = 100 } }\nsecret = "env:SECRET_OPENAI"'
        gateway.config.write_text(text.replace('secret = "env:SECRET_OPENAI"', priced))
        begin_anew(gateway)
        kit.wait_for(lambda: len(gateway.workers()) == 2, within=20)
        events = gateway.folder / "stdout"
        assert {ask(gateway.port) for _ in range(10)} == {200}
        with plain.connected(gateway.port) as sock:
            slow(sock)
            begin_anew(gateway)
            plain.until(sock, b"\r\n0\r\n\r\n")
        assert {ask(gateway.port) for _ in range(10)} == {200}
        kit.wait_for(lambda: len(costs(events)) == 21)
        kit.wait_for(lambda: spent(gateway) == sum(costs(events)))


def spent(gateway: Station) -> int:
    """What the state file says that the key spent, in the unit of events."""
    try:
        return int(json.loads((gateway.folder / "state.json").read_text()).get("main", {}).get("total", 0))
    except FileNotFoundError:
        return 0


def costs(events: Path) -> list[int]:
    """What each request cost, by its event."""
    return [event["cost"] for event in map(json.loads, events.read_text().splitlines()) if event["event"] == "request"]


def test_what_is_left_to_the_next() -> None:
    """What goes along is numbers; anything else in its place is refused, and it is read once."""
    handed = handover.Handed(7, (handover.Place(4242, 9), handover.Place(4243, 11)))
    environ = {handover.VARIABLE: handed.text(), "OTHER": "1"}
    assert handover.taken(environ) == handed
    assert (handover.taken(environ), environ) == (None, {"OTHER": "1"})
    for text in ("x", "7 1", "7 1:2:3", "7 a:b"):
        with pytest.raises(ValueError, match=r".+"):
            handover.taken({handover.VARIABLE: text})
