"""What Anthropic's adapter promises beyond the conformance suite."""

from datetime import UTC, datetime, timedelta

import pytest

from line.scripted import answer, scripted
from stationmaster.line.errors import AlreadyExists, NotFound, Rejected, RemoteError, StopRun, Transient
from stationmaster.sandbox.admin.organisation import Organisation
from stationmaster.sandbox.server import SandboxServer
from stationmaster.vendors._base import Match, Mints
from stationmaster.vendors.anthropic import Adapter
from vendors.kit import Vendor

VENDOR = Vendor("anthropic", Adapter, admin="sk-ant-admin01-scripted-0123456789")
opened, at = VENDOR.opened, VENDOR.at


def complaint(code: str, status: int = 400) -> bytes:
    """An error in the vendor's envelope."""
    kind = {"type": "invalid_request_error", "message": "no", "details": {"error_code": code}}
    return answer({"type": "error", "error": kind, "request_id": "req_7"}, status, ["request-id: req_7"])


class TestIdentity:
    """Who the key belongs to."""

    def test_me(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """The vendor says it."""
        found = opened(sandbox, organisation).identify()
        assert (found.id, found.name, found.directory_managed) == (organisation.id, organisation.name, None)

    def test_a_key_with_chosen_scopes(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """One that may list members and not ask who it is works, without a name; one that may neither does not."""
        organisation.faults.set("403", on="GET */me", times=None)
        assert opened(sandbox, organisation).identify().id == ""
        organisation.faults.set("403", on="GET */users*", times=None)
        with pytest.raises(StopRun):
            opened(sandbox, organisation).identify()


class TestPeople:
    """Members and invitations."""

    def test_a_tag_makes_somebody_else(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """The vendor's filter finds a+b@ for a@; that is nobody's address but its own here."""
        organisation.add("member-050+work@example.test")
        adapter = opened(sandbox, organisation)
        assert adapter.find_member("member-050@example.test") is None
        found = adapter.find_member("Member-050+Work@example.test")
        assert found is not None
        assert found.email == "member-050+work@example.test"

    def test_seats_count_pending_invitations(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """Four in, five seats: one more can be invited, the next is refused with the vendor's code."""
        organisation.settings.seats = 5
        adapter = opened(sandbox, organisation)
        adapter.invite("one@example.test", "user")
        with pytest.raises(Rejected) as caught:
            adapter.invite("two@example.test", "user")
        assert caught.value.remote_code == "org_member_limit_exceeded"

    @pytest.mark.parametrize(
        ("code", "status", "kind"),
        [("already_member", 400, AlreadyExists), ("invite_already_exists", 400, AlreadyExists),
         ("email_domain_not_allowed", 400, Rejected), ("cannot_invite_emails_with_unverified_domains", 400, Rejected),
         ("org_member_limit_exceeded", 400, Rejected), ("cannot_remove_last_member", 400, Rejected),
         ("organization_on_hold", 400, StopRun), ("api_key_scope_missing", 403, StopRun),
         ("concurrent_membership_change", 409, Transient), ("enforced_spend_limit_reached", 429, StopRun)],
    )  # fmt: skip
    def test_codes(self, code: str, status: int, kind: type[RemoteError]) -> None:
        """The vendor's codes decide, whatever the words; its request id is kept for its support."""
        with scripted(complaint(code, status)) as peer, pytest.raises(RemoteError) as caught:
            at(peer.url).invite("one@example.test", "user")
        assert type(caught.value) is kind
        assert caught.value.request_id == "req_7"
        assert not getattr(caught.value, "maybe_done", False)


class TestWorkspaces:
    """What the vendor calls workspaces."""

    def test_the_default_one_is_known(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """Listed only on request, so that it is what a second list has more."""
        found = list(opened(sandbox, organisation).projects())
        assert [(row.name, row.default) for row in found] == [("Default", True), ("Research", False)]

    def test_a_key_is_inactive_not_gone(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """The vendor deletes no keys by interface, and mints none."""
        adapter = opened(sandbox, organisation)
        key = next(iter(adapter.keys()))
        adapter.revoke_key(key)
        assert [row.status for row in list(adapter.keys()) if row.id == key.id] == ["inactive"]
        assert not isinstance(adapter, Mints)

    def test_service_accounts_are_for_other_credentials(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """403 there is no reason to stop a run: everything else works with an admin key. 401 is."""
        with pytest.raises(Rejected, match="org:admin"):
            list(opened(sandbox, organisation).service_accounts())
        with pytest.raises(StopRun):
            list(opened(sandbox, organisation, secret="sk-ant-admin01-sandbox-nobody").service_accounts())

    def test_spend_limits_are_early_access(self) -> None:
        """Not switched on at the vendor: refused, not the end."""
        with scripted(complaint("organization_not_enrolled_in_beta", 403)) as peer, pytest.raises(Rejected):
            list(at(peer.url).spend_limits())


class TestFederation:
    """Short-lived tokens for who somebody else vouches for."""

    def test_from_an_issuer_to_a_rule(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """What is asked for is what the vendor keeps: the issuer's keys, whom the rule is for, where and for how long."""
        organisation.settings.federated = True
        adapter = opened(sandbox, organisation)
        key: dict[str, object] = {"kty": "OKP", "crv": "Ed25519", "kid": "one", "x": "AAAA"}
        issuer = adapter.create_issuer("own", "https://own.example.test", [key])
        assert (issuer.keys, [row.jwks["keys"] for row in organisation.issuers.all()]) == ("inline", [[key]])
        account = adapter.create_service_account("nightly")
        where = list(adapter.projects())[-1].id
        match = Match(subject="job:*", audience="own", claims={"env": "prod"}, condition="claims.n > 1")
        rule = adapter.create_rule("jobs", issuer.id, account.id, match, project=where, scope="workspace:developer", lifetime=600)
        told = (rule.issuer, rule.service_account, rule.match, rule.scope, rule.lifetime, rule.projects)
        assert told == (issuer.id, account.id, match, "workspace:developer", 600, (where,))
        assert adapter.create_rule("all", issuer.id, account.id, Match(subject="a")).projects is None
        assert [row.name for row in adapter.rules()] == ["jobs", "all"]

    def test_an_admin_key_may_none_of_it(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """Each is refused for what it is, with what it takes; the rest works."""
        adapter, match = opened(sandbox, organisation), Match(subject="a")
        for ask in (
            lambda: list(adapter.issuers()), lambda: list(adapter.rules()), lambda: list(adapter.service_accounts()),
            lambda: adapter.create_issuer("own", "https://own.example.test"), lambda: adapter.archive_issuer("fdis_1"),
            lambda: adapter.create_service_account("nightly"), lambda: adapter.create_rule("a", "fdis_1", "svac_1", match),
            lambda: adapter.archive_rule("fdrl_1"),
        ):  # fmt: skip
            with pytest.raises(Rejected) as caught:
                ask()
            assert "admin keys" in caught.value.hint
        assert len(list(adapter.members())) == 4

    def test_a_name_that_is_taken(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """409 means two things at this vendor: a name that the list has exists, any other conflict is waited for."""
        organisation.settings.federated = True
        adapter = opened(sandbox, organisation)
        issuer, account = adapter.create_issuer("one", "https://a.example.test"), adapter.create_service_account("one")
        adapter.create_rule("one", issuer.id, account.id, Match(subject="a"))
        for again in (
            lambda: adapter.create_issuer("one", "https://b.example.test"), lambda: adapter.create_service_account("one"),
            lambda: adapter.create_rule("one", issuer.id, account.id, Match(subject="b")),
        ):  # fmt: skip
            with pytest.raises(AlreadyExists):
                again()
        organisation.faults.set("409", on="writes", times=None)
        with pytest.raises(Transient):
            adapter.create_issuer("two", "https://b.example.test")

    def test_what_the_vendor_refuses(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """A rule for everybody, of a scope that only people give, or for nobody: its own fault, not the run's."""
        organisation.settings.federated = True
        adapter = opened(sandbox, organisation)
        issuer, account = adapter.create_issuer("one", "https://a.example.test"), adapter.create_service_account("one")
        for who, match, scope in (
            (account.id, Match(audience="own"), "workspace:inference"), (account.id, Match(subject="a"), "org:admin"),
            ("svac_nobody", Match(subject="a"), "workspace:inference"),
        ):  # fmt: skip
            with pytest.raises(Rejected):
                adapter.create_rule("a", issuer.id, who, match, scope=scope)
        with pytest.raises(NotFound):
            adapter.archive_rule("fdrl_nothing")
        assert not list(adapter.rules())

    def test_archived_without_a_word(self) -> None:
        """An answer that does not say since when it is archived leaves that open."""
        row = {"type": "federation_issuer", "id": "fdis_1", "name": "a", "issuer_url": "https://a.example.test",
               "jwks": {"type": "discovery"}, "check_jti": True, "max_jwt_lifetime_seconds": 3600, "archived_at": None,
               "created_at": "2026-10-01T00:00:00Z", "updated_at": "2026-10-01T00:00:00Z"}  # fmt: skip
        with scripted(answer(row)) as peer, pytest.raises(Transient) as caught:
            at(peer.url).archive_issuer("fdis_1")
        assert caught.value.maybe_done


class TestUse:
    """Reports."""

    def test_a_long_range_is_asked_for_in_pieces(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """A report spans 31 days at most; pieces meet and no day is counted twice."""
        until = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        rows = list(opened(sandbox, organisation).usage(until - timedelta(days=75), until))
        spans = {(row.start, row.key, row.model, row.member) for row in rows}
        assert len(spans) == len(rows) > 0
        assert len({row.start for row in rows}) == 75
        assert all(row.input_tokens >= row.cached_tokens for row in rows)

    def test_cents_become_nanodollars_exactly(self) -> None:
        """Amounts are decimal texts of cents."""
        rows = [
            {"starting_at": "2026-10-01T00:00:00Z", "ending_at": "2026-10-02T00:00:00Z", "group": {},
             "cost": {"amount": amount, "currency": "USD", "list_amount": "0"}} for amount in ("1234.5678901", "0", "0.0000001")
        ]  # fmt: skip
        now = datetime.now(UTC)
        with scripted(answer({"data": rows, "has_more": False, "next_page": None})) as peer:
            costs = list(at(peer.url).costs(now - timedelta(days=1), now))
        assert [row.amount_nano for row in costs] == [12_345_678_901, 0, 1]


class TestProbe:
    """A credential for inference."""

    @pytest.mark.parametrize(
        ("secret", "header"), [("sk-ant-api03-0123456789", "x-api-key"), ("sk-ant-oat01-0123456789", "authorization")]
    )
    def test_keys_and_tokens_are_presented_as_what_they_are(self, secret: str, header: str) -> None:
        """Keys as x-api-key, tokens as bearers; the version is one that every credential knows."""
        with scripted(answer({"data": []}, headers=["anthropic-organization-id: org_7"])) as peer:
            found = at(peer.url, secret).probe()
        assert (found.ok, found.organisation) == (True, "org_7")
        assert secret in peer.header(header)
        assert peer.header("anthropic-version") == "2023-06-01"
        assert peer.heads() == ["GET /v1/models?limit=1 HTTP/1.1"]

    def test_an_admin_key_is_not_sent_to_inference(self) -> None:
        """It would be refused there, and prove nothing."""
        with scripted(answer({"data": []})) as peer:
            assert not at(peer.url).probe().ok
        assert not peer.requests
