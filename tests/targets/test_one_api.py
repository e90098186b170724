"""one-api: what is particular to it. What holds for every kind is in tests/conformance."""

from collections.abc import Callable

import pytest

from stationmaster.line.errors import NotFound, Rejected, StopRun, Transient
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets.oneapi import OFF, OFF_BY_ITSELF, ON, OneApi
from stationmaster.targets._base import Entry
from targets.openings import OTHER, SECRET, opened, said, wanted


def only(gateway: OneApi) -> dict[str, object]:
    """The one channel."""
    (row,) = gateway.rows.values()
    return row


def test_a_wrong_token_is_refused_although_the_status_is_200(sandbox: SandboxServer) -> None:
    """And asked once: some gateways ban whoever asks again."""
    gateway, adapter = opened(sandbox, OneApi, access={"secret": "x" * 32})
    with pytest.raises(StopRun) as caught:
        adapter.test()
    assert (caught.value.code, caught.value.answered, len(gateway.heard())) == ("error.target.stop_run", 200, 1)
    with pytest.raises(StopRun):
        adapter.entries()
    with pytest.raises(StopRun):
        adapter.create(wanted())
    assert gateway.rows == {}


def test_the_connection_tells_the_version(sandbox: SandboxServer) -> None:
    """And changes nothing."""
    gateway, adapter = opened(sandbox, OneApi)
    assert adapter.test().version == "v0.6.11-preview.7"
    assert gateway.writes() == []


def test_another_kind_at_the_address_is_told(sandbox: SandboxServer) -> None:
    """A new-api lists its channels in another shape; elsewhere nothing answers."""
    newer = sandbox.targets.make("new_api", "newer", recent=False)
    _, adapter = opened(sandbox, OneApi, access={"base_url": f"{sandbox.url}/targets/nothing/here"})
    with pytest.raises(StopRun, match="no one-api"):
        adapter.test()
    _, adapter = opened(sandbox, OneApi, access={"base_url": newer.base_url(sandbox.url), "secret": newer.secret})
    with pytest.raises(StopRun):
        adapter.test()


def test_a_create_without_an_id_is_found_by_its_marker(sandbox: SandboxServer) -> None:
    """Among channels of others, one of which has a name that begins alike."""
    gateway, adapter = opened(sandbox, OneApi)
    gateway.add(name="stationmaster:cred_12 someone else's", key="k", models="m", type=1)
    gateway.add(name="stationmasterXcred_1", key="k", models="m", type=1)
    entry = adapter.create(wanted())
    assert (entry.marker, entry.name, entry.id) == ("cred_1", "Acme 1", "3")
    row = gateway.rows[3]
    assert row["name"] == "stationmaster:cred_1 Acme 1"
    assert (row["key"], row["type"], row["base_url"], row["models"]) == (SECRET, 1, "https://api.openai.com", "gpt-4o,gpt-5")
    assert [each.marker for each in adapter.entries()] == ["cred_12", "cred_1"]


@pytest.mark.parametrize("fault", ["500-after", "close-after", "bad-json-after", "wrong-shape-after"])
def test_a_create_whose_answer_was_lost_is_adopted(sandbox: SandboxServer, fault: str) -> None:
    """By its marker, once, with this secret; a second publication changes nothing."""
    gateway, adapter = opened(sandbox, OneApi)
    gateway.faults.set(fault, on="POST /api/channel/")
    adapter.create(wanted())
    assert len(gateway.rows) == 1
    assert only(gateway)["key"] == SECRET
    assert gateway.duplicates() == {}


def test_a_create_that_failed_half_way_is_finished(sandbox: SandboxServer) -> None:
    """A channel without its routing rows serves nobody: it is written once more, which makes them."""
    gateway, adapter = opened(sandbox, OneApi, half_made=1)
    adapter.create(wanted())
    assert [write.operation for write in gateway.writes()][:2] == ["POST /api/channel/", "PUT /api/channel/"]
    assert len(gateway.rows) == 1


def test_a_lost_create_that_cannot_be_looked_for_may_be_done(sandbox: SandboxServer) -> None:
    """So that nobody tries it again blindly."""
    gateway, adapter = opened(sandbox, OneApi)
    gateway.faults.set("500", on="POST /api/channel/")
    gateway.faults.set("503", on="GET /api/channel/search", times=None)
    with pytest.raises(Transient) as caught:
        adapter.create(wanted())
    assert caught.value.maybe_done
    assert SECRET not in said(caught.value)


def test_a_refused_create_is_refused(sandbox: SandboxServer) -> None:
    """With the target's words, when nothing is there."""
    gateway, adapter = opened(sandbox, OneApi)
    gateway.faults.set("echo-secret", on="POST /api/channel/")
    with pytest.raises(Rejected) as caught:
        adapter.create(wanted())
    assert gateway.rows == {}
    assert SECRET not in said(caught.value)


def test_a_secret_of_two_lines_makes_no_two_channels(sandbox: SandboxServer) -> None:
    """The target takes each line for a key, so that it is never sent."""
    gateway, adapter = opened(sandbox, OneApi)
    with pytest.raises(Rejected):
        adapter.create(wanted(secret="sk-one\nsk-two"))
    assert gateway.heard() == []


@pytest.mark.parametrize("models", [(), ("*",), ("gpt-*",), ("a,b",)])
def test_models_are_named_one_by_one(sandbox: SandboxServer, models: tuple[str, ...]) -> None:
    """A channel without models has no routing rows, and patterns are none there."""
    _, adapter = opened(sandbox, OneApi)
    with pytest.raises(Rejected):
        adapter.expected(wanted(models=models))


@pytest.mark.parametrize(("ours", "theirs"), [(1, 100), (50, 51), (100, 1)])
def test_priorities_turn_round_and_are_never_zero(sandbox: SandboxServer, ours: int, theirs: int) -> None:
    """Higher comes first there, and a zero would be passed over by an update."""
    gateway, adapter = opened(sandbox, OneApi)
    entry = adapter.create(wanted(priority=30))
    adapter.update(entry, wanted(priority=ours))
    assert only(gateway)["priority"] == theirs
    assert [each.priority for each in adapter.entries()] == [ours]


def test_an_update_back_to_the_vendors_address_is_written_out(sandbox: SandboxServer) -> None:
    """Empty means the vendor's own there, and an update passes over what is empty."""
    gateway, adapter = opened(sandbox, OneApi)
    entry = adapter.create(wanted(base_url="https://proxy.example.test/v1"))
    assert only(gateway)["base_url"] == "https://proxy.example.test"
    entry = adapter.update(entry, wanted())
    assert only(gateway)["base_url"] == "https://api.openai.com"
    only(gateway)["base_url"] = ""
    assert adapter.entries()[0].base_url == "https://api.openai.com"


def test_an_update_sends_what_differs_and_no_key(sandbox: SandboxServer) -> None:
    """Unless there is another secret; the echo of the key in the answer is in no word that leaves."""
    told: list[str] = []
    gateway, adapter = opened(sandbox, OneApi, access={"told": told.append})
    entry = adapter.create(wanted())
    gateway.forget()
    adapter.update(entry, wanted(models=("gpt-5",)))
    (put,) = [call.fields() for call in gateway.heard() if call.method == "PUT"]
    assert put == {"id": 1, "models": "gpt-5"}
    adapter.update(entry, wanted(models=("gpt-5",), secret=OTHER), secret=True)
    assert only(gateway)["key"] == OTHER
    assert SECRET not in "".join(told)
    assert OTHER not in "".join(told)


def test_a_success_that_did_nothing_is_no_success(sandbox: SandboxServer) -> None:
    """An update of nothing succeeds there: what was written is read again."""
    gateway, adapter = opened(sandbox, OneApi)
    entry = adapter.create(wanted())
    gateway.meanwhile("PUT /api/channel/", gateway.rows.clear)
    with pytest.raises(NotFound):
        adapter.update(entry, wanted(priority=9))
    gateway.add(name="stationmaster:cred_1 Acme 1", key="k", models="gpt-4o,gpt-5", type=1, priority=51)

    def locked() -> None:
        gateway.rows[2] = type("Fixed", (dict,), {"__ior__": lambda self, _: self})(gateway.rows[2])

    gateway.meanwhile("PUT /api/channel/", locked)
    with pytest.raises(Rejected, match="priority"):
        adapter.update(adapter.entries()[0], wanted(priority=9))


def test_what_is_not_ours_any_more_is_left_alone(sandbox: SandboxServer) -> None:
    """Somebody made another use of the channel: neither changed nor deleted."""
    gateway, adapter = opened(sandbox, OneApi)
    entry = adapter.create(wanted())
    only(gateway)["name"] = "mine now"
    gateway.forget()
    acts: tuple[Callable[[], object], ...] = (lambda: adapter.update(entry, wanted(priority=9)), lambda: adapter.withdraw(entry))
    for act in acts:
        with pytest.raises(NotFound):
            act()
    assert gateway.writes() == []
    with pytest.raises(NotFound):
        adapter.withdraw(Entry("77", "cred_1"))


def test_what_the_target_switched_off_itself(sandbox: SandboxServer) -> None:
    """Is invalid and no drift; another secret switches it on again, and a new priority does not."""
    gateway, adapter = opened(sandbox, OneApi)
    entry = adapter.create(wanted())
    only(gateway)["status"] = OFF_BY_ITSELF
    (reading,) = adapter.read_back()
    assert (reading.health.state, reading.entry.enabled) == ("invalid", None)
    adapter.update(reading.entry, wanted(priority=9))
    assert only(gateway)["status"] == OFF_BY_ITSELF
    adapter.update(entry, wanted(priority=9, secret=OTHER), secret=True)
    assert only(gateway)["status"] == ON


def test_switching_off_and_on(sandbox: SandboxServer) -> None:
    """As a value, never as a toggle; a channel that shall be off is off after it was made."""
    gateway, adapter = opened(sandbox, OneApi)
    entry = adapter.create(wanted(enabled=False))
    assert only(gateway)["status"] == OFF
    assert adapter.read_back()[0].health.state == "paused"
    entry = adapter.update(entry, wanted())
    assert (only(gateway)["status"], entry.enabled) == (ON, True)


def test_usage_is_in_dollars(sandbox: SandboxServer) -> None:
    """By the target's own unit, and nothing that is read calls a vendor."""
    gateway, adapter = opened(sandbox, OneApi)
    adapter.create(wanted())
    only(gateway)["used_quota"] = 1_250_000
    (reading,) = adapter.read_back()
    assert reading.usage is not None
    assert (reading.usage.span, reading.usage.cost_nano) == ("total", 2_500_000_000)
    assert gateway.spent == 0


def test_a_thousand_channels_are_one_question(sandbox: SandboxServer) -> None:
    """Pages are of ten, and calls are rationed: the search tells all at once."""
    gateway, adapter = opened(sandbox, OneApi)
    for number in range(1_000):
        gateway.add(name=f"stationmaster:cred_{number} x", key="k", models="gpt-4o", type=1)
    gateway.forget()
    assert len(adapter.entries()) == 1_000
    assert len(gateway.heard()) == 1


def test_no_secret_is_ever_searched_for(sandbox: SandboxServer) -> None:
    """Queries stand in access logs."""
    gateway, adapter = opened(sandbox, OneApi)
    adapter.withdraw(adapter.update(adapter.create(wanted()), wanted(secret=OTHER), secret=True))
    assert gateway.searched
    assert not any(secret in call.line for secret in (SECRET, OTHER) for call in gateway.heard())


def test_groups_are_names(sandbox: SandboxServer) -> None:
    """Ours are in the usual one unless told otherwise."""
    gateway, adapter = opened(sandbox, OneApi)
    assert [(group.id, group.name) for group in adapter.groups()] == [("default", "default"), ("vip", "vip")]
    entry = adapter.create(wanted(groups=("vip", "default")))
    assert only(gateway)["group"] == "default,vip"
    assert adapter.update(entry, wanted()).groups == ("default",)
    with pytest.raises(Rejected):
        adapter.expected(wanted(groups=("a" * 65,)))


def test_a_compatible_server_keeps_its_whole_address(sandbox: SandboxServer) -> None:
    """That type of channel adds no version of its own."""
    gateway, adapter = opened(sandbox, OneApi)
    adapter.create(wanted(vendor="openai_compatible", base_url="https://llm.example.test/api/v3"))
    assert (only(gateway)["type"], only(gateway)["base_url"]) == (50, "https://llm.example.test/api/v3")
