"""Cursor: what is particular to it. What holds for every vendor is in tests/conformance."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from line.scripted import SECRET, answer, scripted
from stationmaster.line.errors import DirectoryManaged, NotFound, Rejected, Transient
from stationmaster.sandbox.admin import Organisation
from stationmaster.sandbox.server import SandboxServer
from stationmaster.vendors._base import Access
from stationmaster.vendors.cursor import Adapter

Make = Callable[..., tuple[Organisation, Adapter]]
LOOPBACK = frozenset({"127.0.0.1"})


@pytest.fixture(scope="module")
def make() -> Iterator[Make]:
    """Makes a team and an adapter for it."""
    numbers = count(1)
    with SandboxServer() as sandbox:

        def made(people: int = 3, **access: Any) -> tuple[Organisation, Adapter]:
            team = sandbox.admin.make("cursor", f"team-{next(numbers)}", people)
            told = Access("cursor", secret=team.secret, base_url=sandbox.url, organisation=team.name, allowed=LOOPBACK, **access)
            return team, Adapter(told, sleep=lambda _: None)

        yield made


def at(url: str) -> Adapter:
    """An adapter for a scripted peer."""
    return Adapter(Access("cursor", secret=SECRET, base_url=url, allowed=LOOPBACK), sleep=lambda _: None)


def test_members_and_when_they_were_active(make: Make) -> None:
    """Who was removed is no member; the last active day is told where there is one within thirty days."""
    team, adapter = make()
    adapter.remove_member(team.members()[2].id)
    adapter.remove_member("member-002@example.test")
    (only,) = adapter.members()
    assert (only.email, only.role, only.id) == ("member-001@example.test", "owner", team.members()[0].id)
    assert only.last_active_at is not None
    assert datetime.now(UTC) - only.last_active_at < timedelta(days=31)
    with pytest.raises(NotFound):
        adapter.remove_member("member-002@example.test")


def test_a_key_that_may_not_see_use_still_lists_people(make: Make) -> None:
    """Without activity: nothing reported, which proves nothing."""
    team, adapter = make()
    team.faults.set("403", on="POST /teams/daily-usage-data", times=None)
    assert [row.last_active_at for row in adapter.members()] == [None] * 3


def test_roles_are_given_by_hand(make: Make) -> None:
    """No call is made."""
    team, adapter = make()
    with pytest.raises(Rejected):
        adapter.set_role(team.members()[1].id, "owner")
    assert team.requests == 0


def test_use_by_day_and_member(make: Make) -> None:
    """Over more than one question, none counted twice, all within the span."""
    _, adapter = make()
    until = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = list(adapter.usage(until - timedelta(days=20), until))
    seen = [(row.start, row.member) for row in rows]
    assert len(seen) == len(set(seen)) > 40
    assert all(until - timedelta(days=20) <= row.start < row.end <= until and row.requests for row in rows)


def test_spend_of_the_cycle(make: Make) -> None:
    """By member over all pages, in nanodollars; a span that ended before the cycle began has none."""
    team, adapter = make(people=130)
    now = datetime.now(UTC)
    rows = list(adapter.costs(now - timedelta(days=2), now))
    assert {row.member for row in rows} <= {person.email for person in team.members()}
    assert len(rows) == len({row.member for row in rows}) > 100
    assert all(row.amount_nano % 10_000_000 == 0 for row in rows)
    assert not list(adapter.costs(now - timedelta(days=40), now - timedelta(days=30)))


def test_cents_are_exact() -> None:
    """Half a cent is five million nanodollars."""
    begun = (datetime.now(UTC) - timedelta(days=1)).timestamp() * 1000
    row = {"email": "a@example.test", "spendCents": 2450.5}
    told = answer({"teamMemberSpend": [row], "subscriptionCycleStart": begun, "totalPages": 1})
    with scripted(told) as peer:
        (cost,) = at(peer.url).costs(datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC))
    assert cost.amount_nano == 24_505_000_000


def test_asking_by_post_is_reading(make: Make) -> None:
    """Use and spend are told in a dry run as well, and nobody is asked before them."""
    asked: list[str] = []
    _, adapter = make(dry_run=True, before_write=asked.append)
    now = datetime.now(UTC)
    assert list(adapter.members())
    assert list(adapter.usage(now - timedelta(days=3), now))
    assert list(adapter.costs(now - timedelta(days=3), now))
    assert asked == []


def test_half_a_yes_is_no_yes() -> None:
    """A removal that does not say that it was done may have been."""
    with scripted(answer({"success": False})) as peer, pytest.raises(Transient) as caught:
        at(peer.url).remove_member("a@example.test")
    assert caught.value.maybe_done


def test_a_directory_keeps_its_people() -> None:
    """Told from the words: there is no code."""
    told = answer({"code": "error", "message": "Members are provisioned by SCIM and cannot be removed here"}, 400)
    with scripted(told) as peer, pytest.raises(DirectoryManaged):
        at(peer.url).remove_member("a@example.test")


def test_older_teams_have_no_ids() -> None:
    """Then the address is the id, and what a removal names."""
    listed = answer({"teamMembers": [{"name": "Alex", "email": "A@example.test", "role": "member"}]})
    with scripted(listed, answer({"success": True})) as peer:
        adapter = at(peer.url)
        found = adapter.find_member("a@example.test")
        assert found is not None
        adapter.remove_member(found.id)
    assert peer.requests[-1][1] == b'{"email": "A@example.test"}'
