"""Workers that are replaced: the supervisor waits for none of them."""

import os
import signal
from collections.abc import Iterator

import pytest

from gateway import kit, plain, station
from gateway.station import Station
from stationmaster.sandbox.server import SandboxServer


@pytest.fixture
def gateway(vendor: SandboxServer) -> Iterator[Station]:
    """Two workers, with a short window."""
    with station.running(vendor.url, "workers = 2\ndrain_seconds = 1", "--events", "events.jsonl") as running:
        yield running


def stuck(gateway: Station) -> int:
    """Kill a worker, and stop the one that takes its place before it serves. Its process id."""
    before = gateway.workers()
    os.kill(before[0], signal.SIGKILL)
    fresh = kit.wait_for(lambda: set(gateway.workers()) - set(before))
    pid = fresh.pop()
    os.kill(pid, signal.SIGSTOP)
    return pid


def test_a_worker_that_never_serves(gateway: Station) -> None:
    """While a replacement hangs before it serves, the other worker serves, and SIGTERM ends everything; nobody is left."""
    pid = stuck(gateway)
    assert plain.post(gateway.port, "/v1/responses", plain.responses()).status == 200
    gateway.signal(signal.SIGTERM)
    assert gateway.process.wait(20) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_news_while_one_hangs(gateway: Station, vendor: SandboxServer) -> None:
    """While a replacement hangs, the others get a new configuration; so does it, once it goes on."""
    pid = stuck(gateway)
    station.write_config(gateway.folder, vendor.url, "workers = 2\ndrain_seconds = 1", "sm-new", gateway.port)
    gateway.signal(signal.SIGHUP)
    fields = [("authorization", "Bearer sm-new"), plain.JSON]

    def status() -> int:
        return plain.ask(gateway.port, "POST", "/v1/responses", plain.dump(plain.responses()), fields).status

    kit.wait_for(lambda: status() == 200)
    os.kill(pid, signal.SIGCONT)
    kit.wait_for(lambda: len(gateway.workers()) == 2)
    kit.wait_for(lambda: [status() for _ in range(12)] == [200] * 12)
