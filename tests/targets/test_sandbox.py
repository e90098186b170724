"""The simulated gateways from another process: made, broken, looked into."""

from collections.abc import Iterator

import httpx
import pytest

from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets import Targets
from stationmaster.sandbox.targets.kinds import GATEWAYS
from targets.kit import opened, wanted


@pytest.fixture
def http(sandbox: SandboxServer) -> Iterator[httpx.Client]:
    """A client of the sandbox."""
    with httpx.Client(base_url=sandbox.url, trust_env=False, timeout=20) as client:
        yield client


def test_there_is_one_of_each_kind_to_try(http: httpx.Client) -> None:
    """With its address and its made-up credential, and nothing in it."""
    told = {each["kind"]: each for each in http.get("/sandbox/targets").json() if each["name"] == "demo"}
    assert told.keys() == GATEWAYS.keys()
    assert http.get("/sandbox/targets/crs/demo").json()["held"] == []


def test_one_is_made_filled_and_looked_into_without_its_secrets(http: httpx.Client, sandbox: SandboxServer) -> None:
    """What was published is told by its marker."""
    made = http.post("/sandbox/targets/s2a", json={"name": "made", "shape": "later"})
    assert (made.status_code, made.json()["base_url"]) == (201, f"{sandbox.url}/targets/s2a/made")
    opened(sandbox.targets.find("s2a", "made"), sandbox).create(wanted())
    shown = http.get("/sandbox/targets/s2a/made")
    assert [each["marker"] for each in shown.json()["held"]] == [wanted().id]
    assert "canary" not in shown.text
    assert [each["done"] for each in http.get("/sandbox/targets/s2a/made/writes").json()] == [True]
    http.delete("/sandbox/targets/s2a/made/writes")
    assert http.get("/sandbox/targets/s2a/made/writes").json() == []


def test_faults_are_set_seen_and_taken_away(http: httpx.Client, sandbox: SandboxServer) -> None:
    """As for organisations."""
    http.post("/sandbox/targets/cpa", json={"name": "broken"})
    root = "/sandbox/targets/cpa/broken"
    assert http.post(f"{root}/faults", json={"name": "500", "times": None}).json()["faults"][0]["name"] == "500"
    gateway = sandbox.targets.find("cpa", "broken")
    path, key = f"/targets/cpa/broken{'/v0/management/debug'}", {"x-management-key": gateway.secret}
    assert http.get(path, headers=key).status_code == 500
    assert http.delete(f"{root}/faults").json() == {"faults": [], "held": 0}
    assert http.get(path, headers=key).status_code == 200
    assert http.post(f"{root}/release").json()["held"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [("POST", "/sandbox/targets/nobody", {"name": "x"}, 400), ("POST", "/sandbox/targets/crs", {"name": "demo"}, 400),
     ("POST", "/sandbox/targets/crs", {"name": "y", "odd": 1}, 400), ("POST", "/sandbox/targets/crs", [], 400),
     ("POST", "/sandbox/targets/crs/demo/faults", {"name": "odd"}, 400), ("GET", "/sandbox/targets/crs/nobody", None, 404),
     ("GET", "/targets/crs/nobody/health", None, 404)],
)  # fmt: skip
def test_mistakes_are_told(http: httpx.Client, method: str, path: str, body: object, status: int) -> None:
    """With a status of the caller's."""
    assert http.request(method, path, json=body).status_code == status


def test_a_world_of_ones_own_can_be_given() -> None:
    """Its clock and its chance come from outside."""
    targets = Targets(clock=lambda: 1_790_000_000.0)
    with SandboxServer(targets=targets) as sandbox:
        gateway = sandbox.targets.find("crs", "demo")
        opened(gateway, sandbox).create(wanted())
    assert [write.at for write in gateway.writes()] == [1_790_000_000.0]
