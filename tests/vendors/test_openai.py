"""What OpenAI's adapter promises beyond the conformance suite."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from line.scripted import Watch, answer, scripted
from stationmaster.line.errors import NotFound, Rejected, RemoteError, StopRun, Transient
from stationmaster.sandbox.admin.organisation import Organisation
from stationmaster.sandbox.server import SandboxServer
from stationmaster.vendors._base import Access
from stationmaster.vendors.openai import Adapter
from vendors.kit import LOOPBACK, Vendor

VENDOR = Vendor("openai", Adapter, admin="sk-admin-scripted-0123456789")
opened, at = VENDOR.opened, VENDOR.at


class TestIdentity:
    """Who the key belongs to."""

    def test_the_header_names_it(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """There is no "me": the organisation is in a header of any answer."""
        found = opened(sandbox, organisation).identify()
        assert (found.id, found.directory_managed) == (organisation.id, None)

    def test_a_key_that_may_not_see_projects(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """403 on projects is not the end: the list of admin keys tells as much."""
        organisation.faults.set("403", on="GET *projects*", times=None)
        assert opened(sandbox, organisation).identify().id == organisation.id

    def test_a_directory_shows_in_its_people(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """Members that a directory provisions say so."""
        organisation.settings.directory_managed = True
        adapter = opened(sandbox, organisation)
        assert all(row.directory_managed for row in adapter.members())
        assert adapter.identify().directory_managed is None

    def test_an_address_without_administration(self) -> None:
        """404 from everything means that the address is wrong: nothing will work. It is named, and what it lacks."""
        with scripted(answer({}, 404)) as peer, pytest.raises(StopRun) as caught:
            at(peer.url).identify()
        assert caught.value.hint == f"{peer.url} serves no administration; the vendor's own address ends in /v1"
        with scripted(answer({}, 404)) as peer, pytest.raises(StopRun) as whole:
            at(f"{peer.url}/v1").identify()
        assert whole.value.hint == f"{peer.url}/v1 serves no administration"


class TestInvite:
    """Invitations."""

    def test_projects_go_with_it(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """Into the projects that are named; without any, the vendor's default one."""
        adapter, projects = opened(sandbox, organisation), [row.id for row in organisation.projects.all()]
        assert adapter.invite("one@example.test", "reader", projects).projects == tuple(projects)
        assert adapter.invite("two@example.test", "reader").projects == (projects[0],)

    def test_an_accepted_one_cannot_be_withdrawn(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """Rejected, with the vendor's reason."""
        adapter = opened(sandbox, organisation)
        made = adapter.invite("one@example.test", "reader")
        organisation.accept("one@example.test")
        with pytest.raises(Rejected, match="accepted"):
            adapter.withdraw(made.id)
        assert [row.status for row in adapter.invites()] == ["accepted"]
        assert adapter.find_invite("one@example.test") is None

    def test_the_body_is_what_the_vendor_documents(self) -> None:
        """Names and shapes of the interface, on the wire."""
        with scripted(answer({}, 500)) as peer:
            for projects in ((), ("proj_1",)):
                with pytest.raises(Transient):
                    at(peer.url + "/v1").invite("one@example.test", "reader", projects)
        assert peer.heads() == ["POST /v1/organization/invites HTTP/1.1"] * 2
        plain = {"email": "one@example.test", "role": "reader"}
        assert [json.loads(body) for _, body in peer.requests] == [
            plain, plain | {"projects": [{"id": "proj_1", "role": "member"}]},
        ]  # fmt: skip


class TestKeys:
    """Keys and service accounts."""

    def test_the_secret_comes_once_and_is_not_printed(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """A new key is usable, of a service account of its own, and its secret is in no repr."""
        adapter, project = opened(sandbox, organisation), organisation.projects.all()[-1].id
        made = adapter.mint_key(project, "nightly", expires_in=3600)
        assert made.secret
        assert made.secret not in repr(made)
        assert made.key.expires_at is not None
        assert made.service_account in {row.id for row in adapter.service_accounts()}
        assert made.key.id in {row.id for row in list(adapter.keys())}

    def test_scopes_need_two_calls_and_leave_nothing_behind(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """A service account whose key could not be made is taken back, and the reason is the one of the key."""
        adapter, project = opened(sandbox, organisation), organisation.projects.all()[-1].id
        assert adapter.mint_key(project, "narrow", scopes=["api.all.read"]).key.owner
        before = {row.id for row in adapter.service_accounts()}
        organisation.faults.set("429", on="POST *service_accounts/*", seconds=60)
        with pytest.raises(RemoteError) as caught:
            adapter.mint_key(project, "narrow", scopes=["api.all.read"])
        assert caught.value.code == "error.vendor.rate_limited"
        assert {row.id for row in adapter.service_accounts()} == before

    def test_a_key_that_cannot_be_deleted_goes_with_its_account(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """Where the vendor refuses to delete a service account's key, the account is deleted; each write is announced."""
        organisation.settings.refuses_service_keys = True
        watch = Watch()
        adapter = opened(sandbox, organisation, **watch.hooks())
        accounts = {row.id for row in adapter.service_accounts()}
        key = next(row for row in list(adapter.keys()) if row.owner in accounts)
        adapter.revoke_key(key)
        assert key.id not in {row.id for row in list(adapter.keys())}
        assert [event.rpartition("/")[2] for event in watch.events if event != "pace"] == [key.id, key.owner]

    def test_a_project_that_goes_meanwhile_is_passed_over(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """Archived between two calls: the keys of the others are still read."""
        first, last = (row.id for row in organisation.projects.all())
        organisation.faults.set("404", on=f"GET *{first}/api_keys*", times=None)
        assert {row.project for row in list(opened(sandbox, organisation).keys())} == {last}


class TestMoney:
    """Limits, use and costs."""

    def test_limits_that_are_not_set_are_not_there(self, sandbox: SandboxServer, organisation: Organisation) -> None:
        """A project without a limit is no error."""
        found = list(opened(sandbox, organisation).spend_limits())
        assert [(row.project, row.amount_minor, row.currency) for row in found] == [("", 100_000, "USD")]

    def test_dollars_become_nanodollars_exactly(self) -> None:
        """Amounts are decimal numbers of dollars; nothing is lost to binary fractions, and nothing is guessed when missing."""
        rows = [
            {"object": "organization.costs.result", "amount": {"value": value, "currency": "usd"}, "line_item": "x"}
            for value in (0.1, 1e-9, 0.06, 12345.678901234)
        ] + [{"object": "organization.costs.result", "amount": None}]
        bucket = {"object": "bucket", "start_time": 1_790_000_000, "end_time": 1_790_086_400, "results": rows}
        said = {"object": "page", "data": [bucket], "has_more": False, "next_page": None}
        now = datetime.now(UTC)
        with scripted(answer(said)) as peer:
            costs = list(at(peer.url).costs(now - timedelta(days=1), now))
        assert [row.amount_nano for row in costs] == [100_000_000, 1, 60_000_000, 12_345_678_901_234, 0]
        assert {row.currency for row in costs} == {"USD"}

    def test_a_report_that_never_ends_is_left(self) -> None:
        """The same next page for ever."""
        said = {"object": "page", "data": [], "has_more": True, "next_page": "again"}
        now = datetime.now(UTC)
        with scripted(answer(said)) as peer, pytest.raises(Transient, match="does not end"):
            list(at(peer.url).costs(now - timedelta(days=1), now))
        assert len(peer.requests) == 2

    @pytest.mark.parametrize(
        "code",
        ["credit_balance_exhausted", "organization_spend_limit_exceeded", "project_spend_limit_exceeded",
         "organization_usage_limit_exceeded", "insufficient_quota"],
    )  # fmt: skip
    def test_429_about_money_is_not_waited_for(self, code: str) -> None:
        """The code in the body comes before the status: trying again would be useless."""
        with scripted(answer({"error": {"code": code, "message": "pay"}}, 429, ["retry-after: 1"])) as peer:
            with pytest.raises(StopRun):
                list(at(peer.url).members())
            assert len(peer.requests) == 1


class TestProbe:
    """A credential for inference."""

    def test_an_admin_key_is_not_sent_to_inference(self) -> None:
        """It would be refused there, and prove nothing."""
        with scripted(answer({"data": []})) as peer:
            assert not at(peer.url).probe().ok
        assert not peer.requests

    def test_a_list_of_models_is_enough(self, sandbox: SandboxServer) -> None:
        """Valid, without a completion."""
        access = Access("openai", secret="sk-inference-0123456789", base_url=f"{sandbox.url}/v1", allowed=LOOPBACK)
        assert Adapter(access).probe().ok


def test_what_is_gone_says_so(sandbox: SandboxServer, organisation: Organisation) -> None:
    """Removing somebody twice is not found the second time; an answer that does not confirm leaves it open."""
    adapter, member = opened(sandbox, organisation), organisation.members()[2].id
    adapter.remove_member(member)
    with pytest.raises(NotFound):
        adapter.remove_member(member)
    with scripted(answer({"object": "organization.user.deleted", "id": "u", "deleted": False})) as peer:
        with pytest.raises(Transient) as caught:
            at(peer.url).remove_member("u")
        assert caught.value.maybe_done
