"""Processes that are killed, stopped and cut off under `stationmaster up`."""

import os
import signal
import time

import pytest

from gateway.processes import is_alive
from up.conftest import ALLOWED
from up.kit import Traffic, Up, requests_counted, running, until

pytestmark = pytest.mark.timeout(3600 if os.environ.get("SOAK") else 300)      # seconds; everything is started anew each time
AWAY = 600.0 if os.environ.get("SOAK") else 4.0      # seconds without a control plane


def test_control_is_killed(up: Up) -> None:
    """Control killed under traffic: no call fails, and another one takes its place."""
    with Traffic(up) as traffic:
        old = up.plane("control")
        os.kill(old, signal.SIGKILL)
        until(lambda: up.plane("control") not in (0, old) and up.healthy(), "its return")
    assert set(traffic.statuses) == {200}
    assert "control ended with -9; starting it again" in up.said


def test_the_gateways_supervisor_is_killed(up: Up) -> None:
    """A stream goes on to its end without its supervisor, and another gateway serves."""
    stream, old = up.stream(), up.plane("gateway")
    os.kill(old, signal.SIGKILL)
    until(lambda: up.plane("gateway") not in (0, old) and up.ask() == 200, "its return")
    assert stream.rest().rstrip().endswith(b"data: [DONE]")


def test_all_of_it_goes_with_the_first_process(up: Up) -> None:
    """The first process killed with a stream open: every other process ends by itself. A new start waits for that, and
    serves."""
    stream, everybody = up.stream(words=3000), up.everybody()
    assert len(everybody) >= 4       # itself, control, gateway, a worker
    up.process.kill()
    up.process.wait()
    with running(up.folder, environ=ALLOWED) as again:
        assert not any(map(is_alive, everybody))
        assert again.ask() == 200
    stream.rest()


def test_a_change_reaches_the_gateway(up: Up) -> None:
    """A virtual key made over REST lets in, one that is revoked does not any more, and both within seconds."""
    with up.rest() as rest:
        made = rest.post("/keys", json={"name": "fresh"})
        assert made.status_code == 201, made.text
        key = made.json()["key"]
        until(lambda: up.ask(key) == 200, "the new key")
        assert rest.delete("/keys/fresh", headers={"If-Match": "*"}).is_success
        until(lambda: up.ask(key) == 401, "the revocation")
        assert up.ask() == 200


def test_usage_lands_once(up: Up) -> None:
    """What the gateway served is in the sums, each call once."""
    assert {up.ask() for _ in range(20)} == {200}
    with up.rest() as rest:
        until(lambda: requests_counted(rest) >= 20, "all of it")
        time.sleep(1.5)
        assert requests_counted(rest) == 20


def test_control_is_away_under_traffic(up: Up) -> None:
    """Control stopped for a while, killed, and back: no call fails, and afterwards each call is in the sums once."""
    with Traffic(up) as traffic:
        stopped = up.plane("control")
        os.kill(stopped, signal.SIGSTOP)
        time.sleep(AWAY)
        os.kill(stopped, signal.SIGKILL)
        until(lambda: up.plane("control") not in (0, stopped) and up.healthy(), "its return")
    assert set(traffic.statuses) == {200}
    with up.rest() as rest:
        until(lambda: requests_counted(rest) >= len(traffic.statuses), "all of it")
        time.sleep(1.5)
        assert requests_counted(rest) == len(traffic.statuses)


def test_the_end_leaves_no_usage_behind(up: Up) -> None:
    """Usage of the last calls before an end is stored before the control plane ends."""
    assert {up.ask() for _ in range(5)} == {200}
    assert up.end() == 0
    counted = up.command("usage", "totals", "--output", "json")
    assert '"requests": 5' in counted
