"""F22: the configuration changes all the time under load: a real control plane, two workers, keys that come and go."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

import rig
from chaos import kit
from chaos.kit import LONG
from controlkit import ADMIN, a_credential
from databases import KINDS
from gateway import station
from gateway.link.conftest import Joined
from internal.kit import Control, serving
from stationmaster.credentials import services as credentials
from stationmaster.routing import services as routing
from stationmaster.workspaces import addresses

CHANGES, RPS = (1_000, 100) if LONG else (30, 40)
AFTER = 2.0              # seconds within which a revoked key is refused by every worker
pytestmark = [pytest.mark.timeout(900), pytest.mark.parametrize("database", KINDS[:1], indirect=True)]


@pytest.fixture
def url() -> Iterator[str]:
    """A vendor."""
    with kit.vendor() as running:
        yield running


@pytest.fixture
def control(database: str, url: str) -> Iterator[Control]:
    """A control plane with two credentials in a pool, and the key that nobody touches."""
    with serving() as running:
        addresses.allow_address(ADMIN, {"name": "127.0.0.1", "reason": "the simulated vendor"})
        for name in ("one", "two"):
            credentials.create_credential(ADMIN, a_credential(name, base_url=f"{url}/v1"))
        routing.create_pool(ADMIN, {"name": "main", "members": [{"credential": "one"}, {"credential": "two"}]})
        routing.create_route(ADMIN, {"models": ["*"], "pool": "main"})
        routing.create_key(ADMIN, {"name": "rig", "secret_sha256": rig.sha256(rig.KEY)})
        yield running
    connections.close_all()


@pytest.fixture
def gateway(control: Control, tmp_path: Path) -> Iterator[Joined]:
    """A gateway that it configures."""
    (tmp_path / "token").write_text(control.token + "\n")
    made = Joined(tmp_path, station.free_port(), control.url, "--workers", "2")
    made.wait_ready()
    yield made
    made.end()


def changed(number: int) -> None:
    """One change that touches nothing of the key under load but what serves it."""
    if number % 3 == 0:
        routing.update_pool(ADMIN, "main", {"members": [{"credential": "one", "weight": 1 + number % 7}, {"credential": "two"}]})
    elif number % 3 == 1:
        credentials.update_credential(ADMIN, "two", {"disabled": number % 2 == 0})
    else:
        routing.update_key(ADMIN, f"k{number // 30}", {"rpm": 1_000 + number})


class Revoked:
    """A key that was revoked: how long it still got in."""

    def __init__(self, gateway: Joined, key: str) -> None:
        self.last, self.began = 0.0, time.monotonic()
        self._gateway, self._key = gateway, key
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        while time.monotonic() - self.began < AFTER + 1:
            if self._gateway.status(self._key) == 200:
                self.last = time.monotonic() - self.began
            time.sleep(0.02)

    def end(self) -> float:
        """Seconds after which it got in for the last time."""
        self._thread.join()
        return self.last


def test_changes_under_load(database: str, gateway: Joined) -> None:
    """No call of a key that nobody touches fails; a revoked key is refused by every worker in a moment."""
    done = f"{CHANGES:,} changes (members, credentials off and on, limits, every 30th a key revoked) at {RPS} calls/s; sqlite"
    revoked: list[Revoked] = []
    with kit.figure("F22", done, "0 failed calls of others; revoked keys refused within 1 s, 2 s at most") as tell:
        routing.create_key(ADMIN, {"name": "k0", "secret_sha256": rig.sha256("sm-key-0")})
        with kit.load(gateway.port, rps=RPS, seconds=CHANGES / 12 + 4) as load:
            for number in range(CHANGES):
                changed(number)
                if number % 30 == 29:
                    revoked.append(replaced(gateway, number // 30))
                time.sleep(0.05)
            seen = load.end(within=600)
        wrong, times = kit.faults(seen, *kit.WRONG), sorted(each.end() for each in revoked)
        told = Counter("at once" if each < 0.05 else "within 1 s" if each < 1 else "later" for each in times)
        tell(f"{seen['ok']:,} calls answered, else {wrong or 'nothing'}, the longest in {seen['max_ms']} ms; {len(times)} keys "
             f"revoked: {dict(told)}, the last call got in after {times[-1]:.2f} s", not wrong and times[-1] <= 1.0)  # fmt: skip
        assert wrong == {}
        assert times[-1] < AFTER


def replaced(gateway: Joined, number: int) -> Revoked:
    """Revoke a key that works, and make the next one."""
    key = f"sm-key-{number}"
    assert gateway.status(key) == 200
    routing.create_key(ADMIN, {"name": f"k{number + 1}", "secret_sha256": rig.sha256(f"sm-key-{number + 1}")})
    routing.delete_key(ADMIN, f"k{number}")
    return Revoked(gateway, key)
