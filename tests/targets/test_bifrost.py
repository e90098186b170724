"""Bifrost: what is particular to it. What holds for every kind is in tests/conformance."""

from collections.abc import Callable

import pytest

from stationmaster.line.errors import NotFound, Rejected, StopRun
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets.bifrost import MASK, Bifrost
from stationmaster.targets.bifrost import OPEN
from stationmaster.targets.matching import differences
from targets.openings import OTHER, SECRET, opened, wanted

NAME = "stationmaster:cred_1"
PROXY = "https://proxy.example.test/v1"


def key(gateway: Bifrost, provider: str = "openai") -> dict[str, object]:
    """The one key of a provider."""
    (row,) = gateway.keys[provider].values()
    return row


def test_a_key_of_the_vendors_provider(sandbox: SandboxServer) -> None:
    """Under an id and a name of ours; a provider that is there is not touched, and one that is not is made."""
    gateway, adapter = opened(sandbox, Bifrost)
    entry = adapter.create(wanted())
    assert (entry.id, entry.place, entry.name) == (NAME, "openai", f"{NAME} Acme 1")
    assert (key(gateway)["value"], key(gateway)["models"]) == (SECRET, ["gpt-4o", "gpt-5"])
    assert [write.operation for write in gateway.writes()] == ["POST /api/providers/openai/keys"]
    adapter.create(wanted(2, vendor="anthropic", models=("claude",)))
    assert list(gateway.keys["anthropic"]) == ["stationmaster:cred_2"]


def test_no_models_are_said_as_all(sandbox: SandboxServer) -> None:
    """An empty list would serve none; patterns are none there."""
    gateway, adapter = opened(sandbox, Bifrost)
    adapter.create(wanted(models=()))
    assert key(gateway)["models"] == ["*"]
    assert adapter.entries()[0].models == ()
    key(gateway)["models"] = []
    assert differences(adapter.expected(wanted(models=())), adapter.entries()[0]) == ("models",)
    with pytest.raises(Rejected):
        adapter.expected(wanted(models=("gpt-*",)))


def test_an_address_has_a_provider_of_its_own(sandbox: SandboxServer) -> None:
    """One for all credentials of this address, which goes with the last of them; private ones are said to be."""
    gateway, adapter = opened(sandbox, Bifrost)
    first, second = adapter.create(wanted(1, base_url=PROXY)), adapter.create(wanted(2, base_url=PROXY))
    assert first.place == second.place
    row = gateway.providers[first.place]
    assert row["network_config"]["base_url"] == "https://proxy.example.test"
    assert row["custom_provider_config"]["base_provider_type"] == "openai"
    adapter.withdraw(first)
    assert first.place in gateway.providers
    adapter.withdraw(second)
    assert first.place not in gateway.providers
    assert "openai" in gateway.providers
    local = adapter.create(wanted(vendor="openai_compatible", base_url="http://10.1.2.3:8000/v1"))
    assert gateway.providers[local.place]["network_config"]["allow_private_network"] is True


def test_a_provider_of_ours_with_other_keys_stays(sandbox: SandboxServer) -> None:
    """Deleting a provider deletes its keys, whoever made them."""
    gateway, adapter = opened(sandbox, Bifrost)
    entry = adapter.create(wanted(base_url=PROXY))
    gateway.keys[entry.place]["theirs"] = {"id": "theirs", "name": "theirs", "value": "v", "models": ["*"], "enabled": True}
    adapter.withdraw(entry)
    assert list(gateway.keys[entry.place]) == ["theirs"]


def test_another_address_is_another_provider(sandbox: SandboxServer) -> None:
    """Names are unique over all of them, so that the key moves: never two, never under the old address."""
    gateway, adapter = opened(sandbox, Bifrost)
    entry = adapter.create(wanted())
    moved = adapter.update(entry, wanted(base_url=PROXY))
    assert gateway.keys["openai"] == {}
    assert list(gateway.keys[moved.place]) == [NAME]
    assert [each.base_url for each in adapter.entries()] == ["https://proxy.example.test"]


def test_no_secret_goes_to_a_provider_that_leads_elsewhere(sandbox: SandboxServer) -> None:
    """Somebody gave the vendor's name to another address."""
    gateway, adapter = opened(sandbox, Bifrost)
    gateway.providers["openai"]["network_config"]["base_url"] = "https://elsewhere.example.test"
    with pytest.raises(Rejected, match="another address"):
        adapter.create(wanted())
    assert not any(SECRET.encode() in call.body for call in gateway.heard())


def test_a_replaced_key_keeps_what_others_set(sandbox: SandboxServer) -> None:
    """An update is of the whole key: weights and aliases are sent back, a mask never is."""
    gateway, adapter = opened(sandbox, Bifrost)
    entry = adapter.create(wanted())
    key(gateway).update(weight=0.25, aliases={"fast": "gpt-5"})
    gateway.forget()
    adapter.update(entry, wanted(models=("gpt-5",)))
    assert (key(gateway)["weight"], key(gateway)["aliases"], key(gateway)["models"]) == (0.25, {"fast": "gpt-5"}, ["gpt-5"])
    assert not any(MASK.encode() in call.body for call in gateway.heard())
    assert key(gateway)["value"] == SECRET


def test_an_update_of_nothing_asks_nothing_of_the_vendor(sandbox: SandboxServer) -> None:
    """Each write has the models listed there."""
    gateway, adapter = opened(sandbox, Bifrost)
    entry = adapter.create(wanted())
    assert gateway.listed == [NAME]
    adapter.update(entry, wanted())
    assert gateway.listed == [NAME]
    adapter.update(entry, wanted(secret=OTHER), secret=True)
    assert (gateway.listed, key(gateway)["value"]) == ([NAME, NAME], OTHER)


@pytest.mark.parametrize("fault", ["500-after", "close-after", "bad-json-after"])
def test_a_create_whose_answer_was_lost_is_adopted(sandbox: SandboxServer, fault: str) -> None:
    """By its marker, with this secret."""
    gateway, adapter = opened(sandbox, Bifrost)
    gateway.faults.set(fault, on="POST /api/providers/*/keys")
    assert adapter.create(wanted()).id == NAME
    assert key(gateway)["value"] == SECRET


def test_a_name_that_is_taken_is_ours_or_refused(sandbox: SandboxServer) -> None:
    """409: with our marker it is adopted; under a marker of its own it stays somebody else's."""
    gateway, adapter = opened(sandbox, Bifrost)
    gateway.keys["openai"]["old"] = {"id": "old", "name": f"{NAME} Acme 1", "value": "v", "models": ["*"], "enabled": True}
    entry = adapter.create(wanted())
    assert (entry.id, key(gateway)["value"]) == ("old", SECRET)
    gateway.faults.set("409", on="POST /api/providers/*/keys")
    with pytest.raises(Rejected):
        adapter.create(wanted(2))


def test_ids_that_the_target_gives(sandbox: SandboxServer) -> None:
    """Releases that choose ids themselves: the name says whose it is."""
    gateway, adapter = opened(sandbox, Bifrost, chooses_ids=True)
    entry = adapter.create(wanted(name="like stationmaster:cred_2"))
    assert entry.id != NAME
    assert [each.marker for each in adapter.entries()] == ["cred_1"]
    adapter.withdraw(adapter.update(entry, wanted(models=("gpt-5",))))
    assert gateway.keys["openai"] == {}


def test_a_secret_that_names_a_variable_is_refused(sandbox: SandboxServer) -> None:
    """The target would read its own environment."""
    gateway, adapter = opened(sandbox, Bifrost)
    with pytest.raises(Rejected):
        adapter.create(wanted(secret="env.OPENAI_API_KEY"))
    assert gateway.heard() == []


def test_addresses_that_cannot_be_said_are_refused(sandbox: SandboxServer) -> None:
    """Its client for OpenAI adds /v1; that for Gemini adds no version, and is given it."""
    gateway, adapter = opened(sandbox, Bifrost)
    with pytest.raises(Rejected):
        adapter.expected(wanted(vendor="openai_compatible", base_url="https://llm.example.test/api/v3"))
    entry = adapter.create(wanted(vendor="gemini", base_url="https://proxy.example.test"))
    assert gateway.providers[entry.place]["network_config"]["base_url"] == "https://proxy.example.test/v1beta"
    assert adapter.entries() == [entry]


def test_an_open_interface_is_a_warning(sandbox: SandboxServer) -> None:
    """With a credential it is none; a wrong one is asked once, and so is none where one is wanted."""
    _, adapter = opened(sandbox, Bifrost, guarded=False)
    assert (adapter.test().version, adapter.test().warnings) == ("v1.6.2", (OPEN,))
    _, adapter = opened(sandbox, Bifrost)
    assert adapter.test().warnings == ()
    for secret in ("wrong-token", ""):
        gateway, adapter = opened(sandbox, Bifrost, access={"secret": secret})
        with pytest.raises(StopRun):
            adapter.test()
        assert len(gateway.heard()) == 1


def test_another_address_is_told(sandbox: SandboxServer) -> None:
    """Whoever answers there is no such gateway: nothing can be published."""
    _, adapter = opened(sandbox, Bifrost, access={"base_url": f"{sandbox.url}/targets/nothing/here"})
    with pytest.raises(StopRun, match="no Bifrost"):
        adapter.test()


def test_health_is_what_it_learnt_last(sandbox: SandboxServer) -> None:
    """When it listed the models of the key; reading asks for nothing again."""
    gateway, adapter = opened(sandbox, Bifrost)
    entry = adapter.create(wanted())
    assert adapter.read_back()[0].health.state == "active"
    key(gateway).update(status="list_models_failed", description="401 Unauthorized: Incorrect API key")
    assert adapter.read_back()[0].health.state == "invalid"
    key(gateway).update(description="connection refused")
    assert adapter.read_back()[0].health.state == "unknown"
    adapter.update(entry, wanted(enabled=False))
    assert (adapter.read_back()[0].health.state, key(gateway)["enabled"]) == ("paused", False)
    assert gateway.listed == [NAME, NAME]


def test_what_is_not_ours_any_more_is_left_alone(sandbox: SandboxServer) -> None:
    """A key that was made anew under the old id, without our marker."""
    gateway, adapter = opened(sandbox, Bifrost, chooses_ids=True)
    entry = adapter.create(wanted())
    key(gateway)["name"] = "mine now"
    gateway.forget()
    acts: tuple[Callable[[], object], ...] = (
        lambda: adapter.update(entry, wanted(models=("gpt-5",))), lambda: adapter.withdraw(entry),
    )  # fmt: skip
    for act in acts:
        with pytest.raises(NotFound):
            act()
    assert gateway.writes() == []
