"""Sub2API, in its older and later shape: what it replaces whole, leaves behind, hides, and says in three ways."""

import json
from typing import Any

import pytest

from line.scripted import answer, scripted
from stationmaster.line.errors import NotFound, Rejected, RemoteError, StopRun, Transient
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets.s2a import S2a
from stationmaster.targets._base import Access
from stationmaster.targets.matching import differences
from stationmaster.targets.s2a import Adapter
from targets.kit import LOOPBACK, fresh, opened, wanted


@pytest.fixture(params=["v0", "later"])
def gateway(sandbox: SandboxServer, request: pytest.FixtureRequest) -> S2a:
    """An instance of this test's own, in both shapes."""
    made = sandbox.targets.make("s2a", fresh(), shape=request.param)
    assert isinstance(made, S2a)
    return made


def at(url: str, **access: Any) -> Adapter:
    """An adapter for whoever listens there."""
    return Adapter(Access("s2a", secret="admin-0123456789", base_url=url, allowed=LOOPBACK, **access), sleep=lambda _: None)


def sent(gateway: S2a, method: str) -> list[dict[str, Any]]:
    """The bodies that were sent with a method."""
    return [json.loads(call.body) for call in gateway.heard() if call.method == method and call.body]


class TestConnection:
    """What a test of the connection shows."""

    def test_it_reads_our_own_alone_and_asks_nobody_for_updates(self, gateway: S2a, sandbox: SandboxServer) -> None:
        """The version comes from the public settings; nobody else's secrets are listed."""
        gateway.put(name="somebody's", credentials={"api_key": "sk-other"})
        assert opened(gateway, sandbox).test().version == gateway.version
        assert [(call.path, call.query.get("search")) for call in gateway.heard()] == [
            ("/api/v1/admin/accounts", "stationmaster"), ("/api/v1/settings/public", None)]  # fmt: skip

    @pytest.mark.parametrize("status", [401, 403])
    @pytest.mark.parametrize("code", ["INVALID_ADMIN_KEY", "TOKEN_EXPIRED", "FORBIDDEN", 401])
    def test_a_refused_key_stops_the_run_whatever_type_the_code_has(self, code: object, status: int) -> None:
        """The code is a text here and a number there; nothing is asked twice."""
        with scripted(answer({"code": code, "message": "no"}, status)) as peer:
            adapter = at(peer.url)
            with pytest.raises(StopRun) as caught:
                adapter.test()
        assert (caught.value.code, len(peer.requests)) == ("error.target.stop_run", 1)

    def test_a_version_that_cannot_be_had_is_no_failure(self) -> None:
        """It is good for words alone."""
        listed = {"code": 0, "message": "success", "data": {"items": [], "total": 0}}
        with scripted(answer(listed), answer({"error": "not found"}, 404)) as peer:
            assert at(peer.url).test().version == ""


class TestWriting:
    """What is sent."""

    def test_credentials_are_sent_whole_or_not_at_all(self, gateway: S2a, sandbox: SandboxServer) -> None:
        """An older release replaces the object: another key does not cost the address, another priority not the key."""
        adapter, one = opened(gateway, sandbox), wanted()
        adapter.create(one)
        adapter.update(adapter.entries()[0], wanted(priority=9))
        assert sent(gateway, "PUT") == [{"priority": 9}]
        adapter.update(adapter.entries()[0], wanted(2, id=one.id, name=one.name, priority=9), secret=True)
        models = {"model-a": "model-a", "model-b": "model-b"}
        assert gateway.held()[0].row["credentials"] == {
            "api_key": wanted(2).secret, "base_url": "https://api.openai.com", "model_mapping": models,
        }  # fmt: skip
        assert differences(adapter.expected(wanted(priority=9)), adapter.entries()[0]) == ()

    def test_the_marker_is_sent_once(self, gateway: S2a, sandbox: SandboxServer) -> None:
        """`extra` would be replaced whole, and with it what others keep there."""
        adapter = opened(gateway, sandbox)
        entry = adapter.create(wanted())
        gateway.edit(int(entry.id), extra=gateway.held()[0].row["extra"] | {"theirs": 1})
        adapter.update(adapter.entries()[0], wanted(2, id=wanted().id, models=()), secret=True)
        assert gateway.held()[0].row["extra"] == {"stationmaster_id": wanted().id, "theirs": 1}
        assert all("extra" not in body for body in sent(gateway, "PUT"))

    def test_a_mask_is_never_sent_back(self, gateway: S2a, sandbox: SandboxServer) -> None:
        """What a later release shows in the place of the key stays there."""
        adapter = opened(gateway, sandbox)
        adapter.create(wanted())
        for entry in adapter.entries():
            adapter.update(entry, wanted(name="other", models=("model-c",), priority=3, enabled=False))
        assert gateway.held()[0].secret == wanted().secret
        assert not [call for call in gateway.heard() if b"***" in call.body]

    def test_all_models_again_is_told_as_such(self, gateway: S2a, sandbox: SandboxServer) -> None:
        """Where objects are merged, a list that is left out would stay."""
        adapter = opened(gateway, sandbox)
        adapter.create(wanted())
        adapter.update(adapter.entries()[0], wanted(models=()))
        assert adapter.entries()[0].models == ()

    def test_pauses_are_explicit(self, gateway: S2a, sandbox: SandboxServer) -> None:
        """Off and on again, both switches, and the second time changes nothing."""
        adapter = opened(gateway, sandbox)
        adapter.create(wanted(enabled=False))
        assert adapter.read_back()[0].health.state == "paused"
        for _ in range(2):
            adapter.update(adapter.entries()[0], wanted())
        assert adapter.read_back()[0].health.state == "active"
        assert [body["schedulable"] for body in sent(gateway, "POST") if "schedulable" in body] == [False, True]

    @pytest.mark.parametrize("enabled", [True, False])
    def test_a_rotated_key_leaves_the_error_of_the_old_one(self, enabled: bool, gateway: S2a, sandbox: SandboxServer) -> None:
        """The error and the limit go, and who was off stays off."""
        adapter = opened(gateway, sandbox)
        entry = adapter.create(wanted(enabled=enabled))
        gateway.break_(int(entry.id), "401 from the vendor")
        gateway.limit(int(entry.id), 3600)
        found = adapter.read_back()[0]
        assert (found.health.state, found.entry.enabled) == ("invalid", None)
        adapter.update(found.entry, wanted(2, id=wanted().id, enabled=enabled), secret=True)
        assert adapter.read_back()[0].health.state == ("active" if enabled else "paused")

    def test_a_limit_of_0_is_the_targets_own(self, gateway: S2a, sandbox: SandboxServer) -> None:
        """Its default is no drift; a limit that we set is kept."""
        adapter = opened(gateway, sandbox)
        adapter.create(wanted())
        assert differences(adapter.expected(wanted()), adapter.entries()[0]) == ()
        adapter.update(adapter.entries()[0], wanted(concurrency=8))
        assert adapter.entries()[0].concurrency == 8

    def test_names_are_cut_and_are_no_drift(self, gateway: S2a, sandbox: SandboxServer) -> None:
        """Older releases refuse more than 100 characters."""
        adapter, one = opened(gateway, sandbox), wanted(name="n" * 150)
        adapter.create(one)
        assert len(gateway.held()[0].row["name"]) == 100
        assert differences(adapter.expected(one), adapter.entries()[0]) == ()

    def test_the_route_that_pretends_is_not_used(self, gateway: S2a, sandbox: SandboxServer) -> None:
        """`/batch` answers success and makes nothing."""
        opened(gateway, sandbox).create(wanted())
        assert len(gateway.ours()) == 1
        assert not [call for call in gateway.heard() if call.path.endswith("/batch")]


class TestGroups:
    """Groups are numbers, and not checked in time."""

    def test_an_unknown_group_is_refused_before_an_account_is_made(self, gateway: S2a, sandbox: SandboxServer) -> None:
        """An older release would fail and leave the account."""
        for group in ("99", "team"):
            with pytest.raises(Rejected):
                opened(gateway, sandbox).create(wanted(groups=(group,)))
        assert gateway.ours() == []

    def test_an_account_that_was_left_behind_is_adopted(self, sandbox: SandboxServer) -> None:
        """The group went away meanwhile: one account is there afterwards, not two, and ours."""
        gateway = sandbox.targets.make("s2a", "left-behind")
        assert isinstance(gateway, S2a)
        group = str(gateway.group("team"))
        gateway.meanwhile("POST /api/v1/admin/accounts", lambda: gateway._groups.clear())
        adapter = opened(gateway, sandbox)
        with pytest.raises(RemoteError):
            adapter.create(wanted(groups=(group,)))
        again = str(gateway.group("again"))
        adapter.update(adapter.entries()[0], wanted(groups=(again,)))
        assert [entry.groups for entry in adapter.entries()] == [(again,)]

    def test_a_warning_of_mixing_is_a_persons_to_confirm(self, sandbox: SandboxServer) -> None:
        """The third shape of an error is a refusal with its words, and is not confirmed by us."""
        gateway = sandbox.targets.make("s2a", "mixing", shape="later", warns_of_mixing=True)
        assert isinstance(gateway, S2a)
        group = str(gateway.group("team"))
        with pytest.raises(Rejected) as caught:
            opened(gateway, sandbox).create(wanted(groups=(group,)))
        assert (caught.value.remote_code, "another platform" in caught.value.message) == ("mixed_channel_warning", True)


class TestLists:
    """Pages that shift."""

    def test_a_list_that_changes_while_it_is_read_is_read_again(self, gateway: S2a, sandbox: SandboxServer) -> None:
        """Rows that moved to a page that was read already are not missed, or they would be made twice."""
        for number in range(150):
            gateway.put(name=f"theirs {number}", credentials={"api_key": f"sk-other-{number}"})
        adapter = opened(gateway, sandbox)
        adapter.create(wanted())
        first = gateway.held()[0].id
        calls = iter(range(10))

        def drop() -> None:
            if next(calls) == 0:
                gateway._rows.pop(int(first))

        gateway.forget()
        gateway.meanwhile("GET /api/v1/admin/accounts", lambda: gateway.meanwhile("GET /api/v1/admin/accounts", drop))
        assert [entry.marker for entry in adapter.entries()] == [wanted().id]
        assert len(gateway.heard()) == 4

    def test_pages_may_be_smaller_than_was_asked_for(self) -> None:
        """A size that a release does not take silently becomes its own."""
        row = {"name": "n", "platform": "openai", "priority": 50, "concurrency": 3, "status": "active", "schedulable": True}
        ours = [row | {"id": number, "extra": {"stationmaster_id": f"cred_{number}"}} for number in range(1, 4)]
        pages = [answer({"code": 0, "data": {"items": [each], "total": 3}}) for each in ours]
        with scripted(*pages) as peer:
            assert [entry.marker for entry in at(peer.url).entries()] == ["cred_1", "cred_2", "cred_3"]

    def test_a_list_that_never_stands_still_is_an_error_and_no_part_of_itself(self) -> None:
        """Nobody believes that an entry is missing."""
        page = {"code": 0, "message": "success", "data": {"items": [], "total": 7}}
        with scripted(answer(page)) as peer:
            adapter = at(peer.url)
            with pytest.raises(Transient):
                adapter.entries()

    def test_a_renamed_account_is_still_ours(self, gateway: S2a, sandbox: SandboxServer) -> None:
        """It is found by its marker, not by its name."""
        adapter = opened(gateway, sandbox)
        gateway.edit(int(adapter.create(wanted()).id), name="mine now")
        assert [(entry.marker, entry.name) for entry in adapter.entries()] == [(wanted().id, "mine now")]


class TestReadingBack:
    """What the rows tell."""

    @pytest.mark.parametrize("name", ["rate_limit_reset_at", "overload_until", "temp_unschedulable_until"])
    def test_limits_count_while_they_last(self, name: str, gateway: S2a, sandbox: SandboxServer) -> None:
        """One that is over is none."""
        adapter = opened(gateway, sandbox)
        account = int(adapter.create(wanted()).id)
        gateway.edit(account, **{name: "2999-01-01T00:00:00Z"})
        health = adapter.read_back()[0].health
        assert (health.state, health.until is not None) == ("limited", True)
        gateway.edit(account, **{name: "2001-01-01T00:00:00Z"})
        assert adapter.read_back()[0].health.state == "active"

    def test_words_that_repeat_the_secret_are_left_out(self, gateway: S2a, sandbox: SandboxServer) -> None:
        """A vendor's error that the target keeps may hold the key."""
        opened(gateway, sandbox).create(wanted())
        gateway.break_(int(gateway.held()[0].id), f"Incorrect API key provided: {wanted().secret}")
        words = opened(gateway, sandbox).read_back()[0].health.words
        assert words
        assert "canary" not in words

    def test_reading_costs_no_request_at_a_vendor(self, gateway: S2a, sandbox: SandboxServer) -> None:
        """Neither tests nor the usage route, which fails for keys, are called."""
        adapter = opened(gateway, sandbox)
        adapter.create(wanted(vendor="anthropic"))
        adapter.read_back()
        assert gateway.spent == 0
        assert not [call for call in gateway.heard() if call.path.endswith(("/test", "/usage"))]


def test_a_later_release_says_that_a_deleted_account_is_gone(gateway: S2a, sandbox: SandboxServer) -> None:
    """An older one says success twice; both are the end of it."""
    adapter = opened(gateway, sandbox)
    entry = adapter.create(wanted())
    adapter.withdraw(entry)
    if gateway.later:
        with pytest.raises(NotFound):
            adapter.withdraw(entry)
    else:
        adapter.withdraw(entry)
    assert gateway.ours() == []
