"""GitHub Copilot: what is particular to it. What holds for every vendor is in tests/conformance."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from line.scripted import SECRET, answer, scripted
from stationmaster.errors import Invalid
from stationmaster.line.errors import NotFound, RateLimited, Rejected, StopRun, Transient
from stationmaster.sandbox.admin import Organisation
from stationmaster.sandbox.admin.rows import Licence
from stationmaster.sandbox.server import SandboxServer
from stationmaster.vendors._base import Access
from stationmaster.vendors.github_copilot import Adapter

Make = Callable[..., tuple[Organisation, Adapter]]
LOOPBACK = frozenset({"127.0.0.1"})
BILLING = {
    "seat_breakdown": {"total": 2, "pending_cancellation": 0}, "public_code_suggestions": "block",
    "seat_management_setting": "assign_selected", "plan_type": "business",
}  # fmt: skip


@pytest.fixture(scope="module")
def make() -> Iterator[Make]:
    """Makes an organisation and a strict adapter for it."""
    numbers = count(1)
    with SandboxServer() as sandbox:

        def made(people: int = 3, **settings: Any) -> tuple[Organisation, Adapter]:
            organisation = sandbox.admin.make("github_copilot", f"copilot-{next(numbers)}", people, **settings)
            return organisation, at(sandbox.url, secret=organisation.secret, name=organisation.name, strict=True)

        yield made


def at(url: str, *, secret: str = SECRET, name: str = "acme", **more: Any) -> Adapter:
    """An adapter for whoever listens there; not strict unless it says so."""
    access = Access("github_copilot", secret=secret, base_url=url, organisation=name, allowed=LOOPBACK)
    return Adapter(access, sleep=lambda _: None, **more)


def test_being_in_is_not_having_a_seat(make: Make) -> None:
    """Members come with and without a seat, and seats without a member; activity and the end are those of the seat."""
    organisation, adapter = make()
    organisation.add("dora@example.test")
    organisation.licences.put(Licence("from-an-enterprise-team", organisation.clock()))
    adapter.unassign_seats(["member-002"])
    members = {row.login: row for row in adapter.members()}
    assert {login: (row.role, row.has_seat) for login, row in members.items()} == {
        "member-001": ("admin", True), "member-002": ("member", True), "member-003": ("member", True), "dora": ("member", False),
        "from-an-enterprise-team": ("", True),
    }  # fmt: skip
    assert members["member-001"].last_active_at is not None
    assert [login for login, row in members.items() if row.ends_at] == ["member-002"]
    assert members["dora"].last_active_at is None
    for login in ("dora", "member-002"):
        assert adapter.find_member(login.upper()) == members[login]


def test_somebody_is_invited_by_login_or_by_address(make: Make) -> None:
    """Both are found by what they were invited by, in the words of a membership; a pending one is no member yet."""
    organisation, adapter = make()
    by_login, by_address = adapter.invite("alice", "member"), adapter.invite("bob@example.test", "admin")
    assert (by_login.login, by_login.email, by_login.role) == ("alice", "alice", "member")
    assert (by_address.login, by_address.email, by_address.role) == ("", "bob@example.test", "admin")
    assert adapter.find_invite("ALICE") == by_login
    assert adapter.find_invite("Bob@example.test") == by_address
    assert adapter.find_member("alice") is None
    organisation.accept("alice")
    found = adapter.find_member("alice")
    assert found is not None
    assert found.role == "member"


def test_what_ran_out_is_still_listed(make: Make) -> None:
    """As expired, and found no more; the next invitation is another."""
    organisation, adapter = make()
    first = adapter.invite("bob@example.test", "member")
    organisation.expire("bob@example.test")
    assert [(row.id, row.status) for row in adapter.invites()] == [(first.id, "expired")]
    assert adapter.find_invite("bob@example.test") is None
    with pytest.raises(NotFound):
        adapter.withdraw(first.id)
    assert adapter.invite("bob@example.test", "member").id != first.id


def test_nobody_is_invited_by_accident(make: Make) -> None:
    """Giving a role to somebody who is not in, an account that does not exist, a name that is none, teams: no write leaves."""
    organisation, adapter = make()
    with pytest.raises(NotFound):
        adapter.set_role("alice", "member")
    with pytest.raises(Rejected):
        adapter.invite("nobody-here", "member")
    with pytest.raises(Rejected):
        adapter.invite("alice", "member", ["team"])
    for odd in ("../../user", "a b", "alice/repos", ""):
        for refused in (adapter.invite, adapter.set_role):
            with pytest.raises((Rejected, NotFound)):
                refused(odd, "member")
        with pytest.raises(Rejected):
            adapter.remove_member(odd)
        assert adapter.find_member(odd) is None
    assert organisation.writes() == []


def test_seats_are_bought_one_by_one(make: Make) -> None:
    """No pool to fill; the terms say what it costs, and when the cycle ends once that is known."""
    organisation, adapter = make()
    organisation.add("dora@example.test")
    terms = adapter.seat_terms()
    assert (terms.buys, terms.price_minor, terms.cycle_ends) == (True, None, None)
    assert "bought" in terms.words
    assert "cancels the plan" in terms.words
    assert (adapter.assign_seats(["dora", "member-001"]), adapter.unassign_seats(["dora"])) == (1, 1)
    counted = adapter.seats()
    assert (counted.used, counted.total, counted.ending) == (4, None, 1)
    assert adapter.seat_terms().cycle_ends is not None


def test_many_seats_go_in_parts(make: Make) -> None:
    """A hundred logins a call, none twice."""
    organisation, adapter = make(people=105)
    for licence in organisation.licences.all():
        organisation.licences.drop(licence.id)
    logins = [person.login for person in organisation.members()]
    assert adapter.assign_seats(logins) == 105
    assert [len(write.whom.split(",")) for write in organisation.writes()] == [100, 5]


def test_without_a_plan_nothing_goes_on(make: Make) -> None:
    """It is not taken for somebody who has no seat, which would pass for success."""
    _, adapter = make(copilot=False)
    for asked in (adapter.identify, adapter.seats, lambda: adapter.assign_seats(["member-001"]),
                  lambda: adapter.unassign_seats(["member-001"]), lambda: list(adapter.members())):  # fmt: skip
        with pytest.raises(StopRun):
            asked()


@pytest.mark.parametrize("ask", [lambda adapter: adapter.remove_member("member-002"), lambda adapter: adapter.withdraw("7")])
def test_a_credential_that_may_not_look_removes_nobody(make: Make, ask: Callable[[Adapter], None]) -> None:
    """GitHub answers 404 to it, which is success for a removal: the run stops instead. A real 404 stays one."""
    organisation, adapter = make()
    organisation.faults.set("404", on="DELETE *", times=1)
    with pytest.raises(NotFound):
        ask(adapter)
    organisation.faults.set("404", times=None)
    with pytest.raises(StopRun):
        ask(adapter)


def test_a_new_value_loses_no_row() -> None:
    """GitHub adds plans now and then: read all the same; under test it is told."""
    told = answer(BILLING | {"plan_type": "galactic"})
    with scripted(told) as peer:
        assert at(peer.url).seats().used == 2
        with pytest.raises(Transient):
            at(peer.url, strict=True).seats()


def test_it_says_which_version_it_speaks() -> None:
    """The pinned one, with the credential as a bearer."""
    with scripted(answer(BILLING)) as peer:
        at(peer.url).seats()
    assert peer.heads() == ["GET /orgs/acme/copilot/billing HTTP/1.1"]
    assert (peer.header("x-github-api-version"), peer.header("authorization")) == ("2026-03-10", f"Bearer {SECRET}")


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (403, ["retry-after: 60"], "Forbidden"),
        (403, ["x-ratelimit-remaining: 0"], "API rate limit exceeded for installation"),
        (403, [], "You have exceeded a secondary rate limit."),
        (422, [], "Over invitation rate limit"),
    ],
)
def test_too_much_is_not_refused(status: int, headers: list[str], words: str) -> None:
    """GitHub limits with 403 and 422 too."""
    told = answer({"message": words, "documentation_url": ""}, status, headers)
    with scripted(told) as peer, pytest.raises(RateLimited):
        at(peer.url).invite("bob@example.test", "member")


def test_sign_on_stops_the_run() -> None:
    """A token that is not authorised for single sign-on works for nobody; it is no directory."""
    told = answer({"message": "Resource protected by organization SAML enforcement."}, 403)
    with scripted(told) as peer, pytest.raises(StopRun):
        at(peer.url).remove_member("alice")


@pytest.mark.parametrize("name", ["", "acme/repos", "a b", "-acme", "../user"])
def test_an_organisation_has_a_name(name: str) -> None:
    """One that can stand in a path."""
    with pytest.raises(Invalid):
        Adapter(Access("github_copilot", secret=SECRET, organisation=name))


def test_what_was_used_and_billed_by_day(make: Make) -> None:
    """Premium requests by model, and what is billed for Copilot alone, each of one day of UTC, whatever hour it is asked from."""
    _, adapter = make(people=3)
    until = datetime(2026, 11, 21, 15, tzinfo=UTC)
    usage = list(adapter.usage(until - timedelta(days=1), until))
    assert [(f"{row.start:%d}", row.end - row.start, row.model, row.requests) for row in usage] == [
        ("20", timedelta(days=1), "GPT-5", 33), ("21", timedelta(days=1), "GPT-5", 33),
    ]  # fmt: skip
    costs = list(adapter.costs(until - timedelta(days=1), until))
    assert [(f"{row.start:%d}", row.item, row.amount_nano, row.currency) for row in costs] == [
        ("20", "Copilot Business", 1_900_000_000, "USD"), ("21", "Copilot Business", 1_900_000_000, "USD"),
    ]  # fmt: skip


def test_without_a_report_nothing_is_zero(make: Make) -> None:
    """An organisation of which GitHub tells nothing is refused with words, and is no day without use."""
    _, adapter = make(copilot=False)
    until = datetime(2026, 11, 21, tzinfo=UTC)
    for ask in (adapter.usage, adapter.costs):
        with pytest.raises(Rejected, match="usage report"):
            list(ask(until - timedelta(days=1), until))
