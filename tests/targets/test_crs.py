"""Claude Relay Service: every trap that a running one was seen to set."""

import json
from typing import Any

import pytest

from line.scripted import answer, scripted
from stationmaster.line.errors import NotFound, Rejected, StopRun, Transient
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets.crs import Crs
from stationmaster.targets._base import Access, Wanted
from stationmaster.targets.crs import Adapter
from stationmaster.targets.matching import differences, marker
from targets.kit import LOOPBACK, fresh, opened, wanted

VENDORS = ("openai", "anthropic", "gemini")

@pytest.fixture
def relay(sandbox: SandboxServer) -> Crs:
    """A relay of this test's own."""
    made = sandbox.targets.make("crs", fresh())
    assert isinstance(made, Crs)
    return made


def at(url: str, **access: Any) -> Adapter:
    """An adapter for whoever listens there."""
    given = Access("crs", secret="password", user="admin", base_url=url, allowed=LOOPBACK, **access)
    return Adapter(given, sleep=lambda _: None)


def bodies(relay: Crs, method: str) -> list[dict[str, Any]]:
    """What was sent with a method, in order, but for log-ins."""
    return [json.loads(call.body) for call in relay.heard() if call.method == method and "/admin" in call.path and call.body]


class TestSessions:
    """There is no admin key, and a session ends."""

    def test_a_session_that_idled_out_is_opened_anew_once(self, relay: Crs, sandbox: SandboxServer) -> None:
        """The call that met a 401 is sent again under another session, and was not done twice."""
        adapter = opened(relay, sandbox)
        adapter.entries()
        relay.idle()
        adapter.create(wanted())
        assert len(relay.ours()) == 1
        assert [call.path for call in relay.heard()].count("/web/auth/login") == 2

    def test_a_wrong_password_is_asked_about_once(self, relay: Crs, sandbox: SandboxServer) -> None:
        """Nothing is tried again, and the run stops."""
        adapter = opened(relay, sandbox, secret="not-the-password")
        with pytest.raises(StopRun) as caught:
            adapter.test()
        assert caught.value.code == "error.target.stop_run"
        assert [call.path for call in relay.heard()] == ["/health", "/web/auth/login"]

    def test_a_session_that_is_refused_at_once_is_not_opened_again(self, relay: Crs, sandbox: SandboxServer) -> None:
        """A new session that meets a 401 has no better successor."""
        relay.faults.set("401", on="GET /admin/*", times=None)
        with pytest.raises(StopRun):
            opened(relay, sandbox).entries()
        assert [call.path for call in relay.heard()].count("/web/auth/login") == 1

    def test_a_failing_log_in_is_the_targets_fault(self, relay: Crs, sandbox: SandboxServer) -> None:
        """A 500 says nothing of the password."""
        relay.redis_down = True
        with pytest.raises(Transient):
            opened(relay, sandbox).entries()

    def test_the_token_is_in_no_word(self, sandbox: SandboxServer) -> None:
        """An error that repeats the session's token is left out whole."""
        token = "0123456789abcdef" * 4
        told: list[str] = []
        logged_in, failing = answer({"success": True, "token": token}), answer({"error": f"bad {token}"}, 400)
        with scripted(logged_in, failing) as peer:
            adapter = at(peer.url, told=told.append)
            with pytest.raises(Rejected) as caught:
                adapter.groups()
        assert token not in str(caught.value) + " ".join(told)


class TestConnection:
    """What a test of the connection shows."""

    def test_it_asks_what_administration_asks(self, relay: Crs, sandbox: SandboxServer) -> None:
        """The route for one's own user takes sessions that nothing else takes: groups are listed instead."""
        assert opened(relay, sandbox).test().version == "1.1.314"
        assert [call.line for call in relay.heard()] == ["GET /health", "POST /web/auth/login", "GET /admin/account-groups"]
        assert relay.writes() == []

    @pytest.mark.parametrize(
        ("version", "warns"), [("1.1.248", True), ("1.0.9", True), ("1.1.249", False), ("2.0.0", False), ("dev", False)]
    )
    def test_releases_with_an_open_administration_are_warned_of(self, version: str, warns: bool, sandbox: SandboxServer) -> None:
        """Up to 1.1.248 anybody may come in."""
        relay = sandbox.targets.make("crs", f"old-{version}", version=version)
        assert bool(opened(relay, sandbox).test().warnings) is warns

    def test_healthy_without_a_redis_is_not_healthy(self, relay: Crs, sandbox: SandboxServer) -> None:
        """Its health stays 200 "healthy"; the component tells."""
        relay.redis_down = True
        with pytest.raises(Transient) as caught:
            opened(relay, sandbox).test()
        assert "Redis" in caught.value.message

    def test_another_program_is_not_taken_for_it(self) -> None:
        """Whatever answers `/health` under another name, or not at all, stops the run before a password is sent."""
        other = {"status": "healthy", "service": "other", "version": "1", "components": {"redis": {"status": "healthy"}}}
        for said in (answer(other), answer({"error": "Not Found"}, 404)):
            with scripted(said) as peer:
                adapter = at(peer.url)
                with pytest.raises(StopRun):
                    adapter.test()
            assert all(b"password" not in body for _, body in peer.requests)


class TestWriting:
    """What is sent."""

    @pytest.mark.parametrize("vendor", VENDORS)
    def test_flags_are_set_and_never_toggled(self, vendor: str, relay: Crs, sandbox: SandboxServer) -> None:
        """Off and on again goes by explicit values; the routes that flip are not called."""
        adapter, one = opened(relay, sandbox), wanted(vendor=vendor, enabled=False)
        entry = adapter.create(one)
        assert adapter.entries()[0].enabled is False
        on = wanted(vendor=vendor, enabled=True)
        adapter.update(entry, on)
        adapter.update(adapter.entries()[0], on)
        assert adapter.entries()[0].enabled is True
        assert not [call.line for call in relay.heard() if "toggle" in call.path]

    @pytest.mark.parametrize("vendor", VENDORS)
    def test_a_mask_is_never_sent_back(self, vendor: str, relay: Crs, sandbox: SandboxServer) -> None:
        """A changed priority leaves the key alone, though the row shows a mask; the key is sent only when it was rotated."""
        adapter, one = opened(relay, sandbox), wanted(vendor=vendor)
        adapter.create(one)
        listed = adapter.entries()[0]
        adapter.update(listed, wanted(vendor=vendor, priority=7))
        assert relay.ours()[0].secret == one.secret
        assert all("apiKey" not in body for body in bodies(relay, "PUT"))
        adapter.update(listed, wanted(2, vendor=vendor, id=one.id), secret=True)
        assert relay.ours()[0].secret == wanted(2).secret
        assert not [call for call in relay.heard() if b"***" in call.body]

    @pytest.mark.parametrize("vendor", VENDORS)
    def test_what_is_as_it_should_be_is_not_written(self, vendor: str, relay: Crs, sandbox: SandboxServer) -> None:
        """Numbers that come as texts, lists that come as mappings and slashes are no differences; an empty PUT, which is a
        500, is not sent."""
        adapter, one = opened(relay, sandbox), wanted(vendor=vendor, concurrency=4)
        adapter.create(one)
        relay.forget()
        for entry in adapter.entries():
            assert differences(adapter.expected(one), entry) == ()
            adapter.update(entry, one)
        assert relay.writes() == []

    def test_only_what_changed_is_sent(self, relay: Crs, sandbox: SandboxServer) -> None:
        """A whole row that is sent back would rename it and spoil its key."""
        adapter = opened(relay, sandbox)
        adapter.create(wanted())
        adapter.update(adapter.entries()[0], wanted(name="other"))
        assert bodies(relay, "PUT") == [{"name": "other"}]

    @pytest.mark.parametrize("vendor", VENDORS)
    def test_a_rotated_key_is_not_left_in_the_pause_of_the_old_one(self, vendor: str, relay: Crs, sandbox: SandboxServer) -> None:
        """The pause is lifted, and an account that was off stays off although that switches it on."""
        adapter = opened(relay, sandbox)
        entry = adapter.create(wanted(vendor=vendor, enabled=False))
        relay.pause(entry.id, 401, 1800)
        adapter.update(adapter.entries()[0], wanted(2, vendor=vendor, id=wanted().id, enabled=False), secret=True)
        found = adapter.read_back()[0]
        assert (found.health.state, found.entry.enabled) == ("paused", False)
        adapter.update(found.entry, wanted(2, vendor=vendor, id=wanted().id))
        assert adapter.read_back()[0].health.state == "active"
        assert not [call for call in relay.heard() if call.path.endswith("/reset-rate-limit")]

    def test_what_the_target_has_no_collection_for_is_refused(self, relay: Crs, sandbox: SandboxServer) -> None:
        """A cloud's credential goes nowhere; nobody is asked."""
        with pytest.raises(Rejected):
            opened(relay, sandbox).create(wanted(vendor="bedrock"))
        assert relay.heard() == []

    def test_an_entry_is_not_written_into_another_collection(self, relay: Crs, sandbox: SandboxServer) -> None:
        """A slot that changed its vendor is withdrawn and made anew by whoever wants it."""
        adapter = opened(relay, sandbox)
        entry = adapter.create(wanted())
        with pytest.raises(Rejected):
            adapter.update(entry, wanted(vendor="gemini"))


class TestLostAnswers:
    """A create that failed may have made the account."""

    @pytest.mark.parametrize("vendor", VENDORS)
    def test_a_create_that_fails_in_a_group_is_foreseen(self, vendor: str, relay: Crs, sandbox: SandboxServer) -> None:
        """An unknown group would be a 500 with the account made: it is refused before."""
        with pytest.raises(Rejected):
            opened(relay, sandbox).create(wanted(vendor=vendor, groups=("nobody",)))
        assert relay.ours() == []

    def test_a_group_that_goes_away_meanwhile_leaves_one_account_that_is_adopted(
        self, relay: Crs, sandbox: SandboxServer
    ) -> None:
        """The half-made account is found by its marker; the next try makes no second one."""
        group = relay.group("team")
        one = wanted(groups=(group,))
        relay.meanwhile("POST /admin/*-accounts", lambda: relay._groups.clear())
        adapter = opened(relay, sandbox)
        with pytest.raises(Rejected):
            adapter.create(one)
        assert len(relay.ours()) == 1
        again = relay.group("team")
        adapter.update(adapter.entries()[0], wanted(groups=(again,)))
        assert adapter.entries()[0].groups == (again,)
        assert relay.duplicates() == {}

    def test_a_delete_that_fails_for_an_account_that_is_gone_is_no_failure(self, relay: Crs, sandbox: SandboxServer) -> None:
        """One collection answers 500 for an unknown id."""
        adapter = opened(relay, sandbox)
        entry = adapter.create(wanted(vendor="anthropic"))
        adapter.withdraw(entry)
        with pytest.raises(NotFound):
            adapter.withdraw(entry)


class TestReadingBack:
    """Rows, and the pauses beside them."""

    @pytest.mark.parametrize(("status", "state"), [(401, "invalid"), (403, "invalid"), (500, "limited"), (529, "limited")])
    def test_a_pause_beside_the_row_is_seen(self, status: int, state: str, relay: Crs, sandbox: SandboxServer) -> None:
        """A refused key leaves the row "active"."""
        adapter = opened(relay, sandbox)
        relay.pause(adapter.create(wanted()).id, status, 1800)
        health = adapter.read_back()[0].health
        assert (health.state, str(status) in health.words, health.until is not None) == (state, True, True)

    @pytest.mark.parametrize("vendor", VENDORS)
    def test_limited_is_not_switched_off(self, vendor: str, relay: Crs, sandbox: SandboxServer) -> None:
        """A limit makes a row inactive in one collection, and is no drift in any."""
        adapter, one = opened(relay, sandbox), wanted(vendor=vendor)
        relay.limit(adapter.create(one).id, 3600)
        found = adapter.read_back()[0]
        assert found.health.state == "limited"
        assert differences(adapter.expected(one), found.entry) == ()

    def test_a_limit_that_is_over_is_still_shown_once(self, relay: Crs, sandbox: SandboxServer) -> None:
        """The second reading tells the truth."""
        adapter = opened(relay, sandbox)
        relay.limit(adapter.create(wanted()).id, -1)
        assert [adapter.read_back()[0].health.state for _ in range(2)] == ["limited", "active"]

    def test_the_order_of_a_list_says_nothing(self, relay: Crs, sandbox: SandboxServer) -> None:
        """Which of two entries is too many does not change from reading to reading."""
        for number in range(8):
            account = {"baseApi": "https://x.example", "apiKey": f"sk-{number}", "description": marker("cred_1")}
            relay.put("openai-responses-accounts", **account)
        adapter = opened(relay, sandbox)
        assert len({tuple(entry.id for entry in adapter.entries()) for _ in range(5)}) == 1

    def test_what_somebody_wrote_by_hand_is_drift(self, relay: Crs, sandbox: SandboxServer) -> None:
        """Even where it makes no sense."""
        adapter, one = opened(relay, sandbox), wanted()
        account = adapter.create(one).id
        relay.edit(account, priority="abc", name="mine now", schedulable=False)
        assert differences(adapter.expected(one), adapter.entries()[0]) == ("name", "priority", "enabled")

    def test_older_releases_tell_no_pauses(self, sandbox: SandboxServer) -> None:
        """Their missing route is no failure."""
        token = "0123456789abcdef" * 4
        row = {
            "id": "a-1", "description": marker("cred_1"), "name": "n", "baseApi": "https://x.example", "priority": "50",
            "isActive": True, "schedulable": True, "status": "active",
        }  # fmt: skip
        script = (
            answer({"success": True, "token": token}), answer({"success": True, "data": [row]}),
            answer({"success": True, "data": []}), answer({"success": True, "data": []}), answer({"error": "Not Found"}, 404),
        )  # fmt: skip
        with scripted(*script) as peer:
            readings = at(peer.url).read_back()
        assert [each.health.state for each in readings] == ["active"]


def test_a_200_that_does_not_say_success_is_no_success(sandbox: SandboxServer) -> None:
    """With words it is a refusal, without them nobody knows what happened."""
    token = "0123456789abcdef" * 4

    for said, kind in (({"success": False, "message": "no room"}, Rejected), ({"data": []}, Transient)):
        with scripted(answer({"success": True, "token": token}), answer(said)) as peer:
            adapter = at(peer.url)
            with pytest.raises(kind):
                adapter.groups()


def test_whole(relay: Crs, sandbox: SandboxServer) -> None:
    """Models and a limit of requests at once are kept where the target has them, and told where it has not."""
    adapter = opened(relay, sandbox)
    kept: dict[str, Wanted] = {vendor: wanted(number, vendor, concurrency=4) for number, vendor in enumerate(VENDORS)}
    found = {adapter.create(each).place: each for each in kept.values()}
    by_place = {entry.place: entry for entry in adapter.entries()}
    assert by_place.keys() == found.keys()
    assert by_place["openai-responses-accounts"].models is None
    assert by_place["claude-console-accounts"].concurrency == 4
    assert by_place["gemini-api-accounts"].concurrency is None
    assert by_place["gemini-api-accounts"].models == ("model-a", "model-b")
