"""Applications that ask by a real gateway with a key that the vendor made; the vendor's own report of it; and calls past it."""

import json
import signal
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import rig
from bills.kit import midnight, read
from bills.test_reconciling import told
from controlkit import ADMIN
from credentials.kit import an_organisation, minted
from gateway import plain, station
from gateway.link.conftest import Joined
from internal.kit import Control, serving
from jobs.harness import until
from stationmaster.bills import services as bills
from stationmaster.routing import services as routing
from stationmaster.sandbox.admin import Organisation
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.listing import Query
from stationmaster.usage.models import DailyUsage, Gateway
from stationmaster.workspaces import addresses

# What the sandbox's vendors bill: dollars a million tokens.
PRICES = {"*": {"input": 3.0, "cache_read": 0.3, "output": 15.0}}
ASKED = 12


@pytest.fixture
def control(database: str) -> Iterator[Control]:
    """A control plane."""
    with serving() as running:
        yield running


@pytest.fixture
def org(sandbox: SandboxServer) -> Organisation:
    """A vendor whose reports tell what was called."""
    return an_organisation(sandbox, consumption="called")


@pytest.fixture
def gateway(control: Control, sandbox: SandboxServer, org: Organisation, tmp_path: Path) -> Iterator[Joined]:
    """A gateway that serves one minted key."""
    addresses.allow_address(ADMIN, {"name": "127.0.0.1", "reason": "the sandbox"})
    minted(sandbox, org)
    from stationmaster.credentials import services as credentials

    credentials.update_credential(ADMIN, "slot", {"prices": PRICES})
    routing.create_pool(ADMIN, {"name": "main", "members": [{"credential": "slot"}]})
    routing.create_route(ADMIN, {"models": ["*"], "pool": "main"})
    routing.create_key(ADMIN, {"name": "rig", "secret_sha256": rig.sha256(rig.KEY)})
    (tmp_path / "token").write_text(control.token + "\n")
    started = Joined(tmp_path, station.free_port(), control.url, "--name", "gw-a")
    try:
        started.wait_ready()
        until(lambda: Gateway.objects.filter(revision__gt=0).count() == 1, "the gateway")
        yield started
    finally:
        started.process.send_signal(signal.SIGTERM)
        started.process.kill()
        started.process.wait()


def ask(url: str, key: str) -> None:
    """One request that succeeds."""
    body = plain.dump(plain.responses())
    fields = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/v1/responses", body, fields), timeout=30) as answer:  # noqa: S310
        assert json.load(answer)["status"] == "completed"


def yesterday(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done today was done yesterday, as far as reports are concerned."""
    tomorrow = midnight(-1) + timedelta(hours=7)
    monkeypatch.setattr("stationmaster.bills.reconciling.now", lambda: tomorrow)


def test_what_went_through_is_on_the_bill_and_what_went_past_is_told(
    gateway: Joined, org: Organisation, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests through the gateway are on the vendor's report to the token and to the nanodollar: 100 %. Then somebody uses a key
    of the organisation's past the gateway: the day is told, with how much it was and by which of the vendor's keys."""
    for _ in range(ASKED):
        ask(f"http://127.0.0.1:{gateway.port}", rig.KEY)
    until(lambda: sum(row.requests for row in DailyUsage.objects.all()) == ASKED, "the gateway's report")
    day = midnight(0)
    with monkeypatch.context() as clock:
        yesterday(clock)
        read(org)
    (found,) = [row for row in bills.list_bills(ADMIN, Query()).items if row["day"] == day]
    assert found["ours"] == found["theirs"]
    assert found["ours"]["requests"] == ASKED
    assert found["ours"]["cost"] > 0
    assert (found["rate"], found["verdict"]) == (1.0, "agrees")

    secret = org.issue_key("laptop of somebody")
    for _ in range(ASKED):
        ask(sandbox.url, secret)
    with monkeypatch.context() as clock:
        yesterday(clock)
        read(org)
    found = bills.get_bill(ADMIN, found["id"])
    assert (found["rate"], found["verdict"], found["past"]["requests"]) == (0.5, "low", ASKED)
    foreign = [part for part in bills.list_parts(ADMIN, found["id"], Query()).items if not part["credential"]]
    assert [org.keys.get(part["key"]).name for part in foreign] == ["laptop of somebody"]  # type: ignore[union-attr]
    assert told() == [f"gap_low {day:%Y-%m-%d}"]
