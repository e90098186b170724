"""F6: the database is away for a minute under a whole installation. Gateways do not need it; what they counted comes in later."""

import time
from pathlib import Path

import pytest

import databases
import rig
from chaos import kit
from chaos.kit import LONG
from databases import KINDS, postgresql_stopped
from stationmaster.sandbox.server import SandboxServer
from up.conftest import ALLOWED
from up.kit import KEY, ROUTING, Traffic, requests_counted, running, until

AWAY = 60.0 if LONG else 4.0      # seconds
pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("database", KINDS[1:], indirect=True)
def test_no_call_fails(database: str, vendor: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL stopped under traffic and started again: every call is answered, the console comes back by itself, and each call
    is in the sums once."""
    url = databases._new_postgresql("template0")
    monkeypatch.setenv("STATIONMASTER_DATABASE_URL", url)
    file = tmp_path / "gateway.toml"
    file.write_text(ROUTING.format(vendor=vendor.url, sha256=rig.sha256(KEY)))
    environ = {**ALLOWED, "STATIONMASTER_DATABASE_URL": url}
    done = f"PostgreSQL stopped (immediate) for {AWAY:g} s under calls through a gateway of the same installation"
    with kit.figure("F6", done, "no call fails; each is counted once when it is back") as tell, \
            running(tmp_path, "--config", str(file), environ=environ) as up:
        with Traffic(up) as traffic:
            with postgresql_stopped():
                time.sleep(AWAY)
            until(up.healthy, "the console's return")
        failed = sum(status != 200 for status in traffic.statuses)
        with up.rest() as rest:
            until(lambda: requests_counted(rest) >= len(traffic.statuses), "all of it")
            time.sleep(1.5)
            counted = requests_counted(rest)
        tell(f"{failed} of {len(traffic.statuses):,} calls failed; {counted:,} counted",
             not failed and counted == len(traffic.statuses))  # fmt: skip
    assert failed == 0
    assert counted == len(traffic.statuses)
