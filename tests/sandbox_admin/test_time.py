"""What lists show while things change, and what time does by itself."""

from collections.abc import Callable
from random import Random
from typing import Any

import httpx
import pytest
from openai import BadRequestError

from sandbox_admin.kit import Clock, Make
from stationmaster.sandbox.admin import Admin

NEW = "new@example.test"
Open = Callable[..., Any]


def emails(rows: Any) -> list[str]:
    """Addresses, in the order in which they came."""
    return [row.email for row in rows]


def test_lists_lag_behind(make: Make, openai: Open, clock: Clock) -> None:
    """What was written is listed, filtered by and gone from lists only later; asked for by id it is there at once."""
    organisation = make("openai", listed_after=5.0)
    clock.turn(60)
    api = openai(organisation)
    invite = api.invites.create(email=NEW, role="reader")
    assert not list(api.invites.list())
    assert api.invites.retrieve(invite.id).status == "pending"
    clock.turn(5)
    assert [row.status for row in api.invites.list()] == ["pending"]
    member = organisation.accept(NEW)
    assert (emails(api.users.list(emails=[NEW])), [row.status for row in api.invites.list()]) == ([], ["pending"])
    clock.turn(5)
    assert (emails(api.users.list(emails=[NEW])), [row.status for row in api.invites.list()]) == ([NEW], ["accepted"])
    api.users.update(member.id, role="owner")
    assert [row.role for row in api.users.list(emails=[NEW])] == ["reader"]
    api.users.delete(member.id)
    assert NEW in emails(api.users.list())
    clock.turn(5)
    assert NEW not in emails(api.users.list())


@pytest.mark.parametrize("vendor", ["openai", "anthropic", "github_copilot"])
def test_pages_that_shift_repeat_rows(make: Make, vendor: str, request: pytest.FixtureRequest) -> None:
    """Where two pages meet a row comes twice; nobody is lost."""
    organisation = make(vendor, people=25, shifting="repeat")
    told = _everybody(vendor, organisation, request)
    assert len(told) > len(set(told)) == 25


@pytest.mark.parametrize("vendor", ["openai", "anthropic", "github_copilot"])
def test_pages_that_shift_miss_rows_in_one_of_two_readings(make: Make, vendor: str, request: pytest.FixtureRequest) -> None:
    """What is missed once is there when it is read again."""
    organisation = make(vendor, people=25, shifting="miss")
    readings = [set(_everybody(vendor, organisation, request)) for _ in range(2)]
    missed, whole = sorted(readings, key=len)
    assert missed < whole
    assert len(whole) == 25


@pytest.mark.parametrize("vendor", ["openai", "anthropic", "github_copilot"])
def test_rows_come_twice(make: Make, vendor: str, request: pytest.FixtureRequest) -> None:
    """The first of every page."""
    organisation = make(vendor, people=25, duplicate_rows=True)
    told = _everybody(vendor, organisation, request)
    assert len(told) == len(set(told)) + 3 == 28


def _everybody(vendor: str, organisation: Any, request: pytest.FixtureRequest) -> list[str]:
    """Ids over pages of ten."""
    if vendor == "openai":
        return [row.id for row in request.getfixturevalue("openai")(organisation).users.list(limit=10)]
    if vendor == "anthropic":
        return [row.id for row in request.getfixturevalue("anthropic")(organisation).organization.users.list(limit=10)]
    kit = request.getfixturevalue("github")(organisation)
    pages = (kit.rest.orgs.list_members(kit.org, per_page=10, page=page).parsed_data for page in (1, 2, 3))
    return [row.login for page in pages for row in page]


def test_a_cursor_leads_on_when_its_row_is_gone(make: Make, openai: Open) -> None:
    """Who is removed between two pages hides nobody."""
    organisation = make("openai", people=6)
    api = openai(organisation)
    first = api.users.list(limit=3)
    api.users.delete(first.data[-1].id)
    assert emails(first.get_next_page().data) == [f"member-{number:03d}@example.test" for number in (4, 5, 6)]


def test_invitations_run_out(make: Make, openai: Open, clock: Clock) -> None:
    """After their time they are expired, cannot be accepted, and stand in nobody's way."""
    organisation = make("openai", invite_lifetime=60.0)
    api = openai(organisation)
    api.invites.create(email=NEW, role="reader")
    clock.turn(60)
    assert [row.status for row in api.invites.list()] == ["expired"]
    with pytest.raises(ValueError, match="pending"):
        organisation.accept(NEW)
    api.invites.create(email=NEW, role="reader")
    assert organisation.invitations(NEW.upper()) == 2


def test_people_accept_by_themselves(make: Make, openai: Open, clock: Clock) -> None:
    """After a while, if they are set to; not before."""
    organisation = make("openai", people=1, accept_after=30.0)
    api = openai(organisation)
    api.invites.create(email=NEW, role="reader")
    clock.turn(29)
    assert NEW not in emails(api.users.list())
    clock.turn(1)
    assert NEW in emails(api.users.list())


def test_a_vendor_may_take_two_invitations(make: Make, openai: Open) -> None:
    """Set so, nobody is protected from a second one, and both are counted; whoever accepts closes both."""
    organisation = make("openai", refuses_duplicates=False)
    api = openai(organisation)
    for _ in range(2):
        api.invites.create(email=NEW, role="reader")
    assert (organisation.invitations(NEW), len(list(api.invites.list()))) == (2, 2)
    organisation.accept(NEW)
    assert [row.status for row in api.invites.list()] == ["accepted"]


def test_four_seats_are_four(make: Make, openai: Open) -> None:
    """Members and pending invitations share them; a withdrawn invitation frees one."""
    organisation = make("openai", people=2, seats=4)
    api = openai(organisation)
    first, _ = (api.invites.create(email=f"p{number}@example.test", role="reader") for number in (1, 2))
    with pytest.raises(BadRequestError, match="seat"):
        api.invites.create(email="p3@example.test", role="reader")
    api.invites.delete(first.id)
    assert api.invites.create(email="p3@example.test", role="reader").status == "pending"


def test_the_same_happens_again() -> None:
    """Ids, numbers and secrets depend on names and order alone."""
    first, second = (Admin(clock=Clock(), random=Random(3)).make("openai", "again", 3) for _ in range(2))
    assert [person.id for person in first.members()] == [person.id for person in second.members()]
    assert (first.id, first.secret) == (second.id, second.secret)


def test_organisations_are_told_apart(make: Make, http: httpx.Client) -> None:
    """By their credential: each sees its own people, nobody else's key opens anything, and a limited one limits no other."""
    limited, free = make("openai", people=1, calls_per_minute=1), make("openai", people=2)

    def ask(secret: str) -> httpx.Response:
        return http.get("/v1/organization/users", headers={"authorization": f"Bearer {secret}"})

    assert [len(ask(each.secret).json()["data"]) for each in (limited, free)] == [1, 2]
    assert (ask(limited.secret).status_code, ask(free.secret).status_code) == (429, 200)
    strangers = ("sk", "sk-admin-sandbox-nobody", free.secret + "x", make("anthropic").secret)
    assert {ask(secret).status_code for secret in strangers} == {401}


def test_a_minute_frees_the_next_calls(make: Make, http: httpx.Client, clock: Clock) -> None:
    """What is limited says how long, and that is true."""
    organisation = make("openai", calls_per_minute=1)
    headers = {"authorization": f"Bearer {organisation.secret}"}
    assert http.get("/v1/organization/users", headers=headers).status_code == 200
    clock.turn(20)
    limited = http.get("/v1/organization/users", headers=headers)
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "40")
    clock.turn(40)
    assert http.get("/v1/organization/users", headers=headers).status_code == 200
