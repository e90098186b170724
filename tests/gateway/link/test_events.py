"""Events reach the control plane: every one, stored once, whatever is killed or away in between."""

import json
import os
import re
import signal
from pathlib import Path

import pytest

import rig
from gateway import kit, plain
from gateway.link.conftest import Host, Joined
from gateway.link.plane import Plane


def ask(gateway: Joined, times: int) -> set[str]:
    """The ids of so many requests, all answered."""
    answers = [plain.post(gateway.port, "/v1/responses", plain.responses()) for _ in range(times)]
    assert {answer.status for answer in answers} == {200}
    return {answer.request_id for answer in answers}


def stored(plane: Plane) -> list[str]:
    """The ids of the requests that the control plane stored, as often as it did."""
    return [event["request_id"] for event in plane.events()]


def arrive(plane: Plane, ids: set[str], within: float = 30) -> None:
    """Wait until all of these are stored; each once."""
    kit.wait_for(lambda: ids <= set(stored(plane)), within)
    assert len(stored(plane)) == len(set(stored(plane)))


def test_events_arrive(plane: Plane, host: Host) -> None:
    """Requests and changes of credentials arrive, with all their fields; a file that was asked for has the same lines;
    stdout has none; nothing is left behind on disk."""
    gateway = host.start(plane.url, "--events", "events.jsonl")
    ids = ask(gateway, 30)
    arrive(plane, ids)
    kit.wait_for(lambda: len(gateway.events.read_text().splitlines()) >= len(plane.events()))
    lines = [json.loads(line) for line in gateway.events.read_text().splitlines()]
    by_id = {line["request_id"]: line for line in lines if line["event"] == "request"}
    assert {event["request_id"]: event for event in plane.events()} == by_id
    kit.wait_for(lambda: plane.events("credential"))
    gateway.end()
    assert gateway.out.read_bytes() == b""
    assert len(stored(plane)) == 30


def test_the_control_plane_is_away(plane: Plane, host: Host) -> None:
    """What happens while it is away waits on disk, and arrives once when it is back."""
    gateway = host.start(plane.url)
    plane.stop()
    first = ask(gateway, 20)
    kit.wait_for(lambda: waiting(gateway) >= 20)
    second = ask(gateway, 20)
    plane.start()
    arrive(plane, first | second)


def waiting(gateway: Joined) -> int:
    """How many events lie in the spool."""
    return sum(path.read_bytes().count(b"\n") for path in (gateway.data / "spool").glob("*.events"))


@pytest.mark.parametrize("turn", range(3))
def test_killed_while_sending(plane: Plane, host: Host, turn: int) -> None:
    """The control plane stored a batch and its answer was lost; the supervisor is killed with -9; the next one sends
    the same batch under the same id, which changes nothing."""
    gateway = host.start(plane.url)
    plane.deaf = True
    ids = ask(gateway, 10 + 7 * turn)
    kit.wait_for(lambda: len(plane.received) > turn)
    workers = gateway.workers()
    gateway.process.kill()
    gateway.process.wait()
    kit.wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), within=20)
    plane.deaf = False
    host.start(plane.url)
    arrive(plane, ids)
    assert len(plane.received) > len(plane.batches), "a batch came again"


def test_a_killed_supervisor_loses_nothing(plane: Plane, host: Host) -> None:
    """Workers whose supervisor was killed write down what they finish; the next gateway sends it."""
    gateway = host.start(plane.url)
    plane.stop()
    with plain.connected(gateway.port) as sock:
        body = plain.dump(plain.responses("sandbox-slow", stream=True))
        sock.sendall(plain.head("POST", "/v1/responses", [plain.BEARER, plain.JSON], length=len(body)) + body)
        plain.until(sock, b"response.created")
        ids = ask(gateway, 10)
        gateway.process.kill()
        gateway.process.wait()
        assert rig.read_all(sock)
    kit.wait_for(lambda: not kit.answers(host.port), within=10)
    plane.start()
    host.start(plane.url)
    arrive(plane, ids)
    kit.wait_for(lambda: len(stored(plane)) == 11)


def test_a_killed_worker(plane: Plane, host: Host) -> None:
    """What a worker wrote before it was killed is sent, and its segment goes."""
    gateway = host.start(plane.url)
    ids = ask(gateway, 10)
    arrive(plane, ids)
    before = gateway.workers()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    kit.wait_for(lambda: len(set(gateway.workers()) - set(before)) == 2, within=20)
    kit.wait_for(lambda: not [path for path in (gateway.data / "spool").glob("*.events") if f"-{before[0]}-" in path.name])
    kit.wait_for(lambda: kit.answers(gateway.port))
    assert len(stored(plane)) == 10


def test_a_batch_that_is_never_taken(plane: Plane, host: Host) -> None:
    """A batch that the control plane refuses for good does not hold up those behind it: it is dropped, and counted."""
    gateway = host.start(plane.url)
    plane.refuses = 422
    ask(gateway, 5)
    told = re.compile(r"(\d+) events dropped: the control plane refuses it with 422")
    kit.wait_for(lambda: sum(map(int, told.findall(gateway.err.read_text()))) >= 5)      # in one batch, or in several
    plane.refuses = 0
    ids = ask(gateway, 5)
    arrive(plane, ids)
    kit.wait_for(lambda: sum(event["count"] for event in plane.events("events_dropped")) >= 5)


def test_a_server_error_costs_nothing(plane: Plane, host: Host) -> None:
    """Events that are answered with 503 wait, and arrive once."""
    gateway = host.start(plane.url)
    plane.refuses = 503
    ids = ask(gateway, 5)
    kit.wait_for(lambda: waiting(gateway) >= 5)
    plane.refuses = 0
    arrive(plane, ids)
