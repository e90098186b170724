"""Cursor's simulated team administration, asked over plain HTTP: it has no SDK."""

from typing import Any

import httpx
import pytest

from sandbox_admin.kit import Clock, Make
from stationmaster.sandbox.admin import Organisation


def ask(http: httpx.Client, organisation: Organisation, path: str, body: Any = None) -> httpx.Response:
    """With the key as the user's name, as Cursor wants it."""
    return http.request("GET" if body is None else "POST", path, json=body, auth=(organisation.secret, ""))


def test_who_is_in_and_who_was(make: Make, http: httpx.Client) -> None:
    """Removal is by address or id; who was removed stays in the list, marked."""
    team = make("cursor")
    second, third = team.members()[1:]
    assert ask(http, team, "/teams/remove-member", {"email": second.email}).json()["success"] is True
    assert ask(http, team, "/teams/remove-member", {"userId": third.id}).json()["userId"] == third.id
    listed = ask(http, team, "/teams/members").json()["teamMembers"]
    assert {row["email"]: row["isRemoved"] for row in listed} == {
        "member-001@example.test": False, "member-002@example.test": True, "member-003@example.test": True,
    }  # fmt: skip


@pytest.mark.parametrize("body", [{}, {"email": "a@example.test", "userId": "user_1"}, {"email": "stranger@example.test"}])
def test_nobody_is_removed_by_half_a_name(make: Make, http: httpx.Client, body: dict[str, str]) -> None:
    """Exactly one name, and a member's."""
    team = make("cursor")
    assert ask(http, team, "/teams/remove-member", body).status_code in (400, 404)
    assert len(team.members()) == 3


def test_use_is_told_for_thirty_days(make: Make, http: httpx.Client, clock: Clock) -> None:
    """A row a day and member, the same when asked again; not more than thirty days at once. Asking changes nothing."""
    team, end = make("cursor"), int(clock.now) * 1000
    body = {"startDate": end - 3 * 86_400_000, "endDate": end}
    told = ask(http, team, "/teams/daily-usage-data", body).json()
    assert told == ask(http, team, "/teams/daily-usage-data", body).json()
    assert {row["email"] for row in told["data"]} == {person.email for person in team.members()}
    long = {"startDate": end - 31 * 86_400_000, "endDate": end}
    assert ask(http, team, "/teams/daily-usage-data", long).status_code == 400
    assert team.writes() == []


def test_spend_comes_in_pages(make: Make, http: httpx.Client) -> None:
    """Every member once over the pages."""
    team = make("cursor", people=5)
    pages = [ask(http, team, "/teams/spend", {"page": page, "pageSize": 2}).json() for page in (1, 2, 3)]
    emails = [row["email"] for page in pages for row in page["teamMemberSpend"]]
    assert emails == [person.email for person in team.members()]
    assert {page["totalPages"] for page in pages} == {3}


def test_a_limit_is_told_as_cursor_does(make: Make, http: httpx.Client) -> None:
    """429 with how long to wait, and no more calls are counted than were let through."""
    team = make("cursor", calls_per_minute=2)
    answers = [ask(http, team, "/teams/members") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert (answers[2].headers["retry-after"], answers[2].json()["code"]) == ("60", "error")
