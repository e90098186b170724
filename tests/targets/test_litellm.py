"""LiteLLM: what is particular to it. What holds for every kind is in tests/conformance."""

from typing import Any

import pytest

from stationmaster.line.errors import NotFound, Rejected, RemoteError, StopRun, Transient
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets.litellm import LiteLlm
from stationmaster.targets.matching import differences
from targets.openings import OTHER, SECRET, opened, said, wanted

NAME = "stationmaster:cred_1"


def operations(gateway: LiteLlm) -> list[str]:
    """What changed something, without ids."""
    return [f"{write.operation.split('/stationmaster')[0]}" for write in gateway.writes()]


def test_a_credential_and_a_deployment_a_model(sandbox: SandboxServer) -> None:
    """Under names of ours, with what the proxy keeps; the secret is in the credential alone."""
    gateway, adapter = opened(sandbox, LiteLlm)
    entry = adapter.create(wanted(priority=7, concurrency=4, groups=("beta",)))
    assert (entry.id, entry.marker) == (NAME, "cred_1")
    assert gateway.credentials[NAME]["credential_values"] == {"api_key": SECRET}
    rows = {row["model_name"]: row for row in gateway.of(NAME)}
    assert set(rows) == {"gpt-4o", "gpt-5"}
    assert rows["gpt-5"]["litellm_params"] == {
        "model": "openai/gpt-5", "litellm_credential_name": NAME, "order": 7, "max_parallel_requests": 4,
    }  # fmt: skip
    assert rows["gpt-5"]["model_info"]["access_groups"] == ["beta"]
    assert differences(adapter.expected(wanted(priority=7, concurrency=4, groups=("beta",))), adapter.entries()[0]) == ()


def test_every_model_of_a_vendor(sandbox: SandboxServer) -> None:
    """By one deployment, which reads as no models; a compatible server has no name for all of its models."""
    gateway, adapter = opened(sandbox, LiteLlm)
    adapter.create(wanted(vendor="anthropic", models=()))
    assert [(row["model_name"], row["litellm_params"]["model"]) for row in gateway.of(NAME)] == [("anthropic/*", "anthropic/*")]
    assert adapter.entries()[0].models == ()
    with pytest.raises(Rejected):
        adapter.expected(wanted(vendor="openai_compatible", models=(), base_url="https://llm.example.test/v1"))


def test_a_credential_that_is_there_is_no_second_one(sandbox: SandboxServer) -> None:
    """409: it has our name, so that it is brought in line, with this secret."""
    gateway, adapter = opened(sandbox, LiteLlm)
    adapter.create(wanted(secret=OTHER))
    gateway.lag, gateway._unseen, gateway._before = 2, 2, ({}, {})
    gateway.forget()
    adapter.create(wanted())
    assert gateway.credentials[NAME]["credential_values"]["api_key"] == SECRET
    assert len(gateway.deployments) == 2
    assert operations(gateway)[:2] == ["POST /credentials", "PATCH /credentials"]


def test_a_deployment_that_is_there_is_an_error_500_and_no_second_one(sandbox: SandboxServer) -> None:
    """The clash of ids looks like a fault of the server: it is changed instead, which finds it by its id."""
    gateway, adapter = opened(sandbox, LiteLlm)
    adapter.create(wanted(priority=90))
    gateway._before, gateway._unseen = ({}, {}), 2
    gateway.forget()
    adapter.create(wanted(priority=2))
    assert [write.status for write in gateway.writes() if write.operation == "POST /model/new"] == [500, 500]
    assert {row["litellm_params"]["order"] for row in gateway.of(NAME)} == {2}
    assert len(gateway.deployments) == 2


@pytest.mark.parametrize("where", ["POST /credentials", "POST /model/new"])
@pytest.mark.parametrize("fault", ["500-after", "close-after", "bad-json-after"])
def test_answers_that_were_lost_change_nothing(sandbox: SandboxServer, where: str, fault: str) -> None:
    """What was made is found by its name."""
    gateway, adapter = opened(sandbox, LiteLlm)
    gateway.faults.set(fault, on=where)
    adapter.create(wanted())
    assert (len(gateway.credentials), len(gateway.deployments)) == (1, 2)


def test_what_really_failed_may_be_tried_again(sandbox: SandboxServer) -> None:
    """The error that came is raised, not that of looking; another try finishes what was begun."""
    gateway, adapter = opened(sandbox, LiteLlm)
    gateway.faults.set("503", on="POST /model/new")
    with pytest.raises(Transient) as caught:
        adapter.create(wanted())
    assert (caught.value.answered, caught.value.maybe_done) == (503, True)
    adapter.create(wanted())
    assert (len(gateway.credentials), len(gateway.deployments)) == (1, 2)


def test_masked_values_are_never_sent_back(sandbox: SandboxServer) -> None:
    """Neither in a body nor anywhere else; an update without another secret sends none."""
    gateway, adapter = opened(sandbox, LiteLlm)
    entry = adapter.create(wanted())
    gateway.forget()
    adapter.update(entry, wanted(models=("gpt-5", "o9"), priority=2))
    bodies = b"".join(call.body for call in gateway.heard())
    assert b"****" not in bodies
    assert SECRET.encode() not in bodies
    assert b"api_key" not in bodies
    adapter.update(entry, wanted(secret=OTHER), secret=True)
    assert gateway.credentials[NAME]["credential_values"]["api_key"] == OTHER


def test_addresses_come_and_go(sandbox: SandboxServer) -> None:
    """As SDKs take them; going back to the vendor's own takes the address out."""
    gateway, adapter = opened(sandbox, LiteLlm)
    adapter.create(wanted(base_url="https://proxy.example.test/v1"))
    assert gateway.credentials[NAME]["credential_values"]["api_base"] == "https://proxy.example.test/v1"
    adapter.update(adapter.entries()[0], wanted())
    assert "api_base" not in gateway.credentials[NAME]["credential_values"]
    assert adapter.entries()[0].base_url == ""


def test_models_come_and_go(sandbox: SandboxServer) -> None:
    """Each its own deployment; the others are not touched."""
    gateway, adapter = opened(sandbox, LiteLlm)
    entry = adapter.create(wanted())
    gateway.forget()
    adapter.update(entry, wanted(models=("gpt-5", "o9")))
    assert sorted(row["model_name"] for row in gateway.of(NAME)) == ["gpt-5", "o9"]
    assert operations(gateway) == ["POST /model/new", "POST /model/delete"]


def test_a_limit_that_goes_away(sandbox: SandboxServer) -> None:
    """Nothing can be taken out of a deployment: it is made anew."""
    gateway, adapter = opened(sandbox, LiteLlm)
    entry = adapter.create(wanted(concurrency=3))
    adapter.update(entry, wanted())
    assert all("max_parallel_requests" not in row["litellm_params"] for row in gateway.of(NAME))
    assert adapter.entries()[0].concurrency == 0


def test_blocking_is_said_as_a_value(sandbox: SandboxServer) -> None:
    """Block and unblock, never the other way round when it is asked twice; some of several is a drift either way."""
    gateway, adapter = opened(sandbox, LiteLlm)
    entry = adapter.create(wanted(enabled=False))
    assert {row["blocked"] for row in gateway.of(NAME)} == {True}
    assert adapter.read_back()[0].health.state == "paused"
    adapter.update(entry, wanted())
    assert {row["blocked"] for row in gateway.of(NAME)} == {False}
    gateway.of(NAME)[0]["blocked"] = True
    for enabled in (True, False):
        (entry,) = adapter.entries()
        assert "models" in differences(adapter.expected(wanted(enabled=enabled)), entry)
        adapter.update(entry, wanted(enabled=enabled))
        assert differences(adapter.expected(wanted(enabled=enabled)), adapter.entries()[0]) == ()
        gateway.of(NAME)[0]["blocked"] = enabled


@pytest.mark.parametrize("edit", [
    {"litellm_credential_name": "theirs"}, {"model": "openai/other"}, {"order": 99},
])  # fmt: skip
def test_edits_by_hand_are_seen_and_mended(sandbox: SandboxServer, edit: dict[str, Any]) -> None:
    """Of any part that is ours."""
    gateway, adapter = opened(sandbox, LiteLlm)
    adapter.create(wanted())
    gateway.of(NAME)[0]["litellm_params"] |= edit
    (entry,) = adapter.entries()
    assert differences(adapter.expected(wanted()), entry)
    adapter.update(entry, wanted())
    assert differences(adapter.expected(wanted()), adapter.entries()[0]) == ()


def test_a_secret_that_was_changed_by_hand_is_seen_by_its_ends(sandbox: SandboxServer) -> None:
    """The proxy shows two characters of each end: another secret there is seen, and ours is sent again."""
    gateway, adapter = opened(sandbox, LiteLlm)
    adapter.create(wanted())
    (entry,) = adapter.entries()
    assert differences(adapter.expected(wanted()), entry) == ()
    gateway.credentials[NAME]["credential_values"]["api_key"] = "sk-somebody-elses-key-zz"
    (entry,) = adapter.entries()
    assert differences(adapter.expected(wanted()), entry) == ("secret",)
    adapter.update(entry, wanted())
    (entry,) = adapter.entries()
    assert differences(adapter.expected(wanted()), entry) == ()


def test_another_secret_is_one_call(sandbox: SandboxServer) -> None:
    """A rotation of a thousand credentials lists nothing."""
    gateway, adapter = opened(sandbox, LiteLlm)
    entry = adapter.create(wanted())
    assert all(call.method != "GET" for call in gateway.heard())
    gateway.forget()
    adapter.update(entry, wanted(secret=OTHER), secret=True)
    assert [call.line for call in gateway.heard()] == [f"PATCH /credentials/{NAME}"]
    gateway.credentials.clear()
    with pytest.raises(NotFound):
        adapter.update(entry, wanted(), secret=True)


def test_what_others_have_there_is_theirs(sandbox: SandboxServer) -> None:
    """Models of the same name are a group by design, and names that only look like ours are not."""
    gateway, adapter = opened(sandbox, LiteLlm)
    theirs = {"model_id": "t", "model_name": "gpt-5", "litellm_params": {"model": "openai/gpt-5"}, "model_info": {"id": "t"},
              "blocked": False}  # fmt: skip
    gateway.deployments["t"] = theirs
    gateway.credentials["x stationmaster:cred_1"] = {"credential_name": "x stationmaster:cred_1", "credential_values": {}}
    assert adapter.entries() == []
    entry = adapter.create(wanted())
    adapter.withdraw(entry)
    assert list(gateway.deployments) == ["t"]
    assert list(gateway.credentials) == ["x stationmaster:cred_1"]
    with pytest.raises(NotFound):
        adapter.withdraw(entry)


def test_a_withdrawal_leaves_nothing_and_goes_on(sandbox: SandboxServer) -> None:
    """Deployments first; one that broke off is gone on with, and what is gone meanwhile is no fault."""
    gateway, adapter = opened(sandbox, LiteLlm)
    entry = adapter.create(wanted())
    gateway.faults.set("503", on="DELETE /credentials/*")
    with pytest.raises(Transient):
        adapter.withdraw(entry)
    assert gateway.deployments == {}
    adapter.withdraw(adapter.entries()[0])
    assert gateway.credentials == {}
    entry = adapter.create(wanted())
    gateway.meanwhile("POST /model/delete", gateway.deployments.clear)
    adapter.withdraw(entry)
    assert (gateway.deployments, gateway.credentials) == ({}, {})


def test_all_pages_of_models(sandbox: SandboxServer) -> None:
    """Hundreds of ours among hundreds."""
    _, adapter = opened(sandbox, LiteLlm)
    models = tuple(f"m{number}" for number in range(230))
    adapter.create(wanted(models=models))
    assert adapter.entries()[0].models == tuple(sorted(models))


def test_a_proxy_without_a_database_is_told_at_once(sandbox: SandboxServer) -> None:
    """As it was seen: a wrong key is a 400 there, and every write a 500."""
    gateway, adapter = opened(sandbox, LiteLlm, database=False)
    with pytest.raises(StopRun, match="database"):
        adapter.test()
    for act in (adapter.entries, lambda: adapter.create(wanted()), adapter.read_back):
        with pytest.raises(StopRun):
            act()
    _, wrong = opened(sandbox, LiteLlm, database=False, access={"secret": "sk-wrong-key"})
    with pytest.raises(StopRun):
        wrong.test()
    assert gateway.spent == 0


def test_a_proxy_that_stores_no_models_stops_the_run(sandbox: SandboxServer) -> None:
    """The next item would fail alike."""
    _, adapter = opened(sandbox, LiteLlm, stores=False)
    with pytest.raises(StopRun, match="STORE_MODEL_IN_DB"):
        adapter.create(wanted())


def test_the_connection_is_one_question(sandbox: SandboxServer) -> None:
    """Which calls no vendor; a wrong key is asked once."""
    gateway, adapter = opened(sandbox, LiteLlm)
    assert adapter.test().version == "1.106.2"
    assert [call.line for call in gateway.heard()] == ["GET /health/readiness/details"]
    gateway, adapter = opened(sandbox, LiteLlm, access={"secret": "sk-wrong-key"})
    with pytest.raises(StopRun):
        adapter.test()
    assert len(gateway.heard()) == 1


def test_another_address_is_told(sandbox: SandboxServer) -> None:
    """Whoever answers there is no such proxy: nothing can be published."""
    _, adapter = opened(sandbox, LiteLlm, access={"base_url": f"{sandbox.url}/targets/nothing/here"})
    with pytest.raises(StopRun, match="no LiteLLM"):
        adapter.test()


def test_health_is_read_from_what_is_stored(sandbox: SandboxServer) -> None:
    """The worst deployment counts; a refused key is invalid, anything else is not known; nothing is spent."""
    gateway, adapter = opened(sandbox, LiteLlm)
    adapter.create(wanted())
    assert adapter.read_back()[0].health.state == "unknown"
    first, second = (row["model_info"]["id"] for row in gateway.of(NAME))
    gateway.checks[first] = {"status": "healthy", "checked_at": "2026-11-01T10:00:00+00:00"}
    assert adapter.read_back()[0].health == type(adapter.read_back()[0].health)("active", "checked 2026-11-01 10:00")
    gateway.checks[second] = {"status": "unhealthy", "error_message": "AuthenticationError: 401 Incorrect API key"}
    assert adapter.read_back()[0].health.state == "invalid"
    gateway.checks[second] = {"status": "unhealthy", "error_message": "upstream is slow"}
    assert (adapter.read_back()[0].health.state, gateway.spent) == ("unknown", 0)


@pytest.mark.parametrize("fault", ["echo-secret", "echo-secret-after"])
def test_no_error_shows_a_secret(sandbox: SandboxServer, fault: str) -> None:
    """Ours, or that of the target."""
    gateway, adapter = opened(sandbox, LiteLlm)
    adapter.create(wanted())
    gateway.faults.set(fault, on="writes", times=None)
    with pytest.raises(RemoteError) as caught:
        adapter.update(adapter.entries()[0], wanted(secret=OTHER, models=("o9",)), secret=True)
    assert not any(secret in said(caught.value) for secret in (SECRET, OTHER, gateway.secret))
