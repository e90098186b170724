"""Targets, publishing and exports over REST: through the whole application, with simulated gateways as targets."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from api.kit import Callers, code
from controlkit import ADMIN, SECRET, a_credential, a_pool
from credentials.kit import run
from stationmaster.credentials import services as credentials
from stationmaster.entrances.api.publications import PLANS, PUBLICATIONS
from stationmaster.entrances.api.targets import TARGETS
from stationmaster.routing import services as routing
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets import Gateway
from stationmaster.workspaces import addresses
from targets.kit import fresh

ANY = {"if-match": "*"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    """Where the simulated gateways are."""
    with SandboxServer() as server:
        yield server


@pytest.fixture(autouse=True)
def near(database: str) -> None:
    """This machine may be reached."""
    addresses.allow_address(ADMIN, {"name": "127.0.0.1", "reason": "the simulated gateways are there"})


@pytest.fixture
def admin(callers: Callers) -> httpx.Client:
    """An admin's program."""
    return callers["admin"]


def reached(gateway: Gateway, sandbox: SandboxServer) -> dict[str, Any]:
    """How a gateway is reached."""
    return {"base_url": gateway.base_url(sandbox.url), "secret": gateway.secret, "allow_insecure_http": True}


def good(answer: httpx.Response) -> Any:
    """What was answered."""
    assert answer.is_success, answer.text
    assert SECRET not in answer.text
    return answer.json()


def a_target(admin: httpx.Client, sandbox: SandboxServer, name: str = "relay") -> Gateway:
    """A target, stored and tested."""
    gateway = sandbox.targets.make("s2a", fresh())
    good(admin.post("targets", json={"name": name, "kind": "s2a", **reached(gateway, sandbox)}))
    assert good(admin.post(f"targets/{name}/test", json={}))["stored"]
    return gateway


def test_from_a_target_to_what_was_read_back(admin: httpx.Client, sandbox: SandboxServer) -> None:
    """Made, tested, planned, applied by the plan's hash, read back, withdrawn: every answer is as described, and shows no
    secret."""
    gateway = a_target(admin, sandbox)
    credentials.create_credential(ADMIN, a_credential("first"))
    routing.create_pool(ADMIN, a_pool("gpt", "first"))
    plan = good(admin.post("publish-plans", json={"target": "relay", "pool": "gpt"}))
    assert set(plan) == set(PLANS.example)
    assert plan["counts"]["create"] == 1
    assert [step["action"] for step in good(admin.get(f"publish-plans/{plan['id']}/steps"))["items"]] == ["create"]
    assert code(admin.post(f"publish-plans/{plan['id']}/apply", json={"hash": "another"})) == "error.publication.other_plan"
    again = {"idempotency-key": "once"}
    job = good(admin.post(f"publish-plans/{plan['id']}/apply", json={"hash": plan["hash"]}, headers=again))
    assert good(admin.post(f"publish-plans/{plan['id']}/apply", json={"hash": plan["hash"]}, headers=again))["id"] == job["id"]
    assert run(job["id"])["state"] == "succeeded"
    assert len(gateway.ours()) == 1
    assert run(good(admin.post("targets/relay/read-back", json={}))["id"])["state"] == "succeeded"
    (row,) = good(admin.get("publications", params={"filter": ["seen:eq:present", "state:eq:published"]}))["items"]
    assert set(row) == set(PUBLICATIONS.example)
    assert good(admin.get("credentials/first/publications"))["items"] == [good(admin.get(f"publications/{row['id']}"))]
    assert code(admin.delete("targets/relay", headers=ANY)) == "error.store.in_use"
    assert run(good(admin.post("targets/relay/withdraw", json={"credentials": ["first"]}))["id"])["state"] == "succeeded"
    assert gateway.ours() == []
    assert admin.delete("targets/relay", headers=ANY).status_code == 204


def test_a_target_is_as_described(admin: httpx.Client, sandbox: SandboxServer) -> None:
    """One and a list of them have the fields of the document; a change names the version that it is of; of the admin's secret it
    is only said that there is one."""
    gateway = a_target(admin, sandbox)
    one = good(admin.get("targets/relay"))
    assert set(one) == {*TARGETS.example, *TARGETS.detail}
    assert one["secret_set"] is True
    assert gateway.secret not in str(one)
    assert [set(row) for row in good(admin.get("targets"))["items"]] == [set(TARGETS.example)]
    assert admin.patch("targets/relay", json={"label": "x"}).status_code == 428
    old = {"if-match": f'"{one["revision"]}"'}
    assert good(admin.patch("targets/relay", json={"label": "in Paris"}, headers=old))["label"] == "in Paris"
    assert admin.patch("targets/relay", json={"label": "x"}, headers=old).status_code == 412
    moved = admin.patch("targets/relay", json={"base_url": "https://other.example.com"}, headers=ANY)
    assert code(moved) == "error.secret.needed"
    assert good(admin.post("targets/relay/groups", json={}))["items"] is not None
    assert good(admin.post("targets/relay/forget", json={}))["id"] == one["id"]


def test_a_connection_is_tested_before_anything_is_stored(admin: httpx.Client, sandbox: SandboxServer) -> None:
    """What nobody stored is tried, with the rights of who may store it; nothing is stored and nothing written there; a refusal is
    an answer, not an error."""
    gateway = sandbox.targets.make("s2a", fresh())
    assert good(admin.post("target-kinds/s2a/test", json=reached(gateway, sandbox)))["ok"] is True
    wrong = good(admin.post("target-kinds/s2a/test", json={**reached(gateway, sandbox), "secret": "admin-wrong"}))
    assert (wrong["ok"], wrong["code"].startswith("error.target.")) == (False, True)
    assert "admin-wrong" not in str(wrong)
    assert code(admin.post("target-kinds/nothing/test", json=reached(gateway, sandbox))) == "error.target.unknown_kind"
    assert good(admin.get("targets"))["total"] == 0
    assert gateway.writes() == []


def test_a_target_that_is_away_is_502(admin: httpx.Client, sandbox: SandboxServer) -> None:
    """A plan cannot be made while the target does not answer; that is said as such, and no plan is there."""
    gateway = a_target(admin, sandbox)
    credentials.create_credential(ADMIN, a_credential("first"))
    gateway.faults.set("503", times=None)
    answer = admin.post("publish-plans", json={"target": "relay", "credentials": ["first"]})
    assert (answer.status_code, code(answer)) == (502, "error.target.transient")
    assert good(admin.get("publish-plans"))["total"] == 0


@pytest.mark.parametrize("how", [{"params": {"format": "yaml"}}, {"headers": {"accept": "application/yaml"}}])
def test_a_file_is_answered_as_a_file(callers: Callers, how: dict[str, Any]) -> None:
    """To whoever may see credentials: the text alone, to be kept, without a secret; and in JSON the places of the secrets."""
    credentials.create_credential(ADMIN, a_credential("first"))
    credentials.create_credential(ADMIN, a_credential("off", disabled=True))
    made = good(callers["viewer"].post("exports/kong", json={"credentials": ["first", "off"]}))
    assert [each["place"] for each in made["secrets"]] == ["DECK_STATIONMASTER_FIRST"]
    answer = callers["viewer"].post("exports/kong", json={"credentials": ["first", "off"]}, **how)
    assert answer.headers["content-disposition"] == 'attachment; filename="stationmaster-kong.yaml"'
    assert answer.headers["content-type"] == "application/yaml"
    assert answer.text == made["text"]
    assert SECRET not in answer.text
    assert yaml.safe_load(answer.text)["_info"]
    assert code(callers["viewer"].post("exports/kong", json={"credentials": ["off"]}, **how)) == "error.export.empty"
    assert callers["viewer"].post("exports/kong?format=xml", json={"credentials": ["off"]}).status_code == 422
    assert callers["viewer"].post("exports/helm", json={"credentials": ["first"]}).status_code == 404
