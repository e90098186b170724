"""new-api: what is particular to it, in both of its generations. What holds for every kind is in tests/conformance."""

from collections.abc import Callable
from typing import Any

import pytest

from stationmaster.errors import Invalid
from stationmaster.line.errors import NotFound, Rejected, StopRun, Transient
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets.newapi import OFF, OFF_BY_ITSELF, ON, NewApi
from targets.openings import OTHER, SECRET, opened, wanted

BOTH = pytest.mark.parametrize("recent", [True, False], ids=["recent", "classic"])


def only(gateway: NewApi) -> dict[str, Any]:
    """The one channel."""
    (row,) = gateway.rows.values()
    return row


def dropping(gateway: NewApi, channel: int) -> Callable[[], None]:
    """Somebody deletes a channel."""

    def drop() -> None:
        del gateway.rows[channel]

    return drop


@BOTH
@pytest.mark.parametrize("access", [{"secret": "x" * 32}, {"user": "8"}], ids=["token", "user"])
def test_both_the_token_and_its_owner_are_wanted(sandbox: SandboxServer, recent: bool, access: dict[str, Any]) -> None:
    """Whatever the status of the refusal, and asked once."""
    gateway, adapter = opened(sandbox, NewApi, recent=recent, access=access)
    with pytest.raises(StopRun):
        adapter.test()
    assert len(gateway.heard()) == 1


def test_the_owner_is_a_number(sandbox: SandboxServer) -> None:
    """Nothing is sent with another word."""
    with pytest.raises(Invalid) as caught:
        opened(sandbox, NewApi, access={"user": "root"})
    assert "user" in caught.value.fields


@BOTH
def test_a_create_without_an_id_is_found_by_its_remark(sandbox: SandboxServer, recent: bool) -> None:
    """With a tag beside it; one channel, not one a line of a batch."""
    gateway, adapter = opened(sandbox, NewApi, recent=recent)
    gateway.add(name="theirs", key="k", models="m", type=1, remark="about stationmaster")
    entry = adapter.create(wanted())
    assert (entry.id, entry.marker, entry.name) == ("2", "cred_1", "Acme 1")
    row = gateway.rows[2]
    assert (row["tag"], row["remark"], row["key"]) == ("stationmaster", "stationmaster:cred_1", SECRET)
    sent = [call.fields() for call in gateway.heard() if call.method == "POST"]
    assert [each["mode"] for each in sent] == ["single"]


@BOTH
@pytest.mark.parametrize("fault", ["500-after", "cut-after", "html-after"])
def test_a_create_whose_answer_was_lost_is_adopted(sandbox: SandboxServer, recent: bool, fault: str) -> None:
    """Once, with this secret."""
    gateway, adapter = opened(sandbox, NewApi, recent=recent)
    gateway.faults.set(fault, on="POST /api/channel/")
    adapter.create(wanted())
    assert only(gateway)["key"] == SECRET


@BOTH
def test_status_is_never_in_an_update_that_refuses_it(sandbox: SandboxServer, recent: bool) -> None:
    """Newer releases have a route for it, older ones take it in an update."""
    gateway, adapter = opened(sandbox, NewApi, recent=recent)
    entry = adapter.create(wanted(enabled=False))
    assert (only(gateway)["status"], entry.enabled) == (OFF, False)
    gateway.forget()
    adapter.update(entry, wanted(models=("gpt-5",)))
    assert only(gateway)["status"] == ON
    for call in gateway.heard():
        if call.method == "PUT" and "status" in call.fields():
            assert call.fields() == {"id": 1, "status": ON}
            assert not recent


@BOTH
def test_another_secret_lifts_what_the_old_one_earned(sandbox: SandboxServer, recent: bool) -> None:
    """And nothing else does."""
    gateway, adapter = opened(sandbox, NewApi, recent=recent)
    entry = adapter.create(wanted())
    only(gateway)["status"] = OFF_BY_ITSELF
    assert adapter.read_back()[0].health.state == "invalid"
    adapter.update(entry, wanted(priority=3))
    assert only(gateway)["status"] == OFF_BY_ITSELF
    adapter.update(entry, wanted(priority=3, secret=OTHER), secret=True)
    assert (only(gateway)["status"], only(gateway)["key"]) == (ON, OTHER)


@BOTH
def test_what_is_gone_is_not_found(sandbox: SandboxServer, recent: bool) -> None:
    """By a status or by words."""
    gateway, adapter = opened(sandbox, NewApi, recent=recent)
    entry = adapter.create(wanted())
    gateway.rows.clear()
    acts: tuple[Callable[[], object], ...] = (lambda: adapter.update(entry, wanted(priority=9)), lambda: adapter.withdraw(entry))
    for act in acts:
        with pytest.raises(NotFound):
            act()


@BOTH
def test_a_refusal_has_the_targets_words(sandbox: SandboxServer, recent: bool) -> None:
    """A model's name that is too long, under whichever status."""
    gateway, adapter = opened(sandbox, NewApi, recent=recent)
    with pytest.raises(Rejected, match="a" * 200):
        adapter.create(wanted(models=("a" * 256,)))
    assert gateway.rows == {}


def test_every_page_is_read(sandbox: SandboxServer) -> None:
    """Counted from one, in an order that does not move, and a list that shrinks meanwhile is read anew."""
    gateway, adapter = opened(sandbox, NewApi)
    for number in range(250):
        gateway.add(name="x", remark=f"stationmaster:cred_{number}", key="k", models="gpt-4o", type=1)
    gateway.forget()
    entries = adapter.entries()
    assert len({entry.marker for entry in entries}) == 250
    assert [call.query["p"] for call in gateway.heard()] == ["1", "2", "3"]
    gateway.forget()
    gateway.meanwhile("GET /api/channel/", lambda: None)
    gateway.meanwhile("GET /api/channel/", dropping(gateway, 250))
    assert len(adapter.entries()) == 249
    assert len(gateway.heard()) > 3


def test_a_list_that_never_settles_is_no_list(sandbox: SandboxServer) -> None:
    """A part of it would show entries as missing."""
    gateway, adapter = opened(sandbox, NewApi)
    for _ in range(150):
        gateway.add(name="x", key="k", models="gpt-4o", type=1)
    for last in range(3):
        gateway.meanwhile("GET /api/channel/", lambda: None)
        gateway.meanwhile("GET /api/channel/", dropping(gateway, 150 - last))
    with pytest.raises(Transient):
        adapter.entries()


def test_no_key_is_ever_searched_for(sandbox: SandboxServer) -> None:
    """A search takes whole keys there, and leaves them in its access log."""
    gateway, adapter = opened(sandbox, NewApi)
    adapter.withdraw(adapter.update(adapter.create(wanted()), wanted(secret=OTHER), secret=True))
    assert set(gateway.searched) == {"Acme 1"}
    assert not any(secret in call.line for secret in (SECRET, OTHER) for call in gateway.heard())


def test_addresses_that_cannot_be_said_are_refused(sandbox: SandboxServer) -> None:
    """It adds /v1 to every address."""
    gateway, adapter = opened(sandbox, NewApi)
    with pytest.raises(Rejected):
        adapter.expected(wanted(vendor="openai_compatible", base_url="https://llm.example.test/api/v3"))
    adapter.create(wanted(vendor="openai_compatible", base_url="https://llm.example.test/api/v1"))
    assert only(gateway)["base_url"] == "https://llm.example.test/api"


def test_reading_back_costs_nothing_and_changes_nothing(sandbox: SandboxServer) -> None:
    """No live test is a part of it."""
    gateway, adapter = opened(sandbox, NewApi)
    adapter.create(wanted())
    gateway.forget()
    (reading,) = adapter.read_back()
    assert (reading.health.state, gateway.spent, gateway.writes()) == ("active", 0, [])


def test_another_kind_at_the_address_is_told(sandbox: SandboxServer) -> None:
    """A one-api lists its channels in another shape; elsewhere nothing answers."""
    older = sandbox.targets.make("one_api", "older")
    for address in (older.base_url(sandbox.url), f"{sandbox.url}/targets/nothing/here"):
        _, adapter = opened(sandbox, NewApi, access={"base_url": address, "secret": older.secret})
        with pytest.raises(StopRun, match="no new-api"):
            adapter.test()
