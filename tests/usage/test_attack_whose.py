"""Attacks on what is one's own: somebody is given a leaver's address, log-in, key's name or key, and looks for the leaver's
requests."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import QuerySet

from controlkit import ADMIN
from stationmaster.errors import NotFound
from stationmaster.operators import services as operators
from stationmaster.people import services as people
from stationmaster.routing import services as routing
from stationmaster.routing.models import VirtualKey
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query
from stationmaster.usage import services as usage
from stationmaster.usage.rollups import hour_of
from usage.kit import request, sent

MAIL = "ada@example.com"
SOON = timedelta(seconds=1)


def _person(user_name: str) -> str:
    return str(people.create_person(ADMIN, {"user_name": user_name, "email": MAIL})["id"])


def _key(name: str, owner: str = MAIL) -> None:
    routing.create_key(ADMIN, {"name": name, "owner": owner})


def _member() -> Actor:
    return Actor("operator", str(operators.create_operator(ADMIN, {"email": MAIL, "role": "member"})["id"]), "member")


def _served(which: str, key: str, *, days: int = 9, owner: str = MAIL) -> None:
    """A request of so many days ago, with its sums."""
    at = datetime.now(UTC) + SOON - timedelta(days=days)
    sent({**request(key=key, owner=owner), "request_id": which, "time": at.timestamp()})


def _seen(actor: Actor) -> set[str]:
    return {str(row["request_id"]) for row in usage.list_events(actor, Query()).items}


def _counted(actor: Actor) -> int:
    now = datetime.now(UTC)
    asked = usage.Question(hour_of(now) - timedelta(days=30), hour_of(now) + timedelta(days=1))
    return usage.totals(actor, asked).total["requests"]


def test_a_key_of_an_earlier_ones_name(database: str) -> None:
    """A key that is called as a leaver's deleted key shows the newcomer at the leaver's address none of its requests."""
    ada = _person("ada")
    _key("laptop")
    _served("hers", "laptop")
    routing.delete_key(ADMIN, "laptop")
    people.deactivate_person(ADMIN, ada)
    _person("next")
    _key("laptop")
    _served("mine", "laptop", days=0)
    member = _member()
    assert (_seen(member), _counted(member)) == ({"mine"}, 1)
    with pytest.raises(NotFound):
        usage.get_event(member, "hers")


def test_a_leavers_log_in_that_is_let_in_again(database: str) -> None:
    """An operator's row that ended with a leaver, and is in use again for who was given the address, brings the newcomer
    neither the leaver's keys nor requests, however those named their owner."""
    member, ada = _member(), _person("ada")
    _key("by-log-in", member.id)
    _key("gone", member.id)
    _served("hers", "by-log-in", owner=member.id)
    _served("gone", "gone", owner=member.id)
    assert _seen(member) == {"hers", "gone"}
    routing.delete_key(ADMIN, "gone")
    people.deactivate_person(ADMIN, ada)
    _person("next")
    operators.update_operator(ADMIN, member.id, {"active": True})
    assert [row["name"] for row in routing.list_keys(member, Query()).items] == []
    assert (_seen(member), _counted(member)) == (set(), 0)


def test_a_leavers_key_that_is_given_on(database: str) -> None:
    """Who is given a leaver's key, and the leaver's address, sees what the key serves from then on."""
    ada = _person("ada")
    _key("shared")
    _served("hers", "shared")
    people.deactivate_person(ADMIN, ada)
    _person("next")
    routing.update_key(ADMIN, "shared", {"owner": "next", "disabled": False})
    _served("mine", "shared", days=0, owner="next")
    member = _member()
    assert (_seen(member), _counted(member)) == ({"mine"}, 1)


def test_somebody_who_was_deleted_and_made_again(database: str) -> None:
    """Whoever is made anew under a deleted one's names has neither keys nor requests of theirs, and gets none by new keys of the
    same names."""
    ada = _person("ada")
    for name in ("kept", "gone"):
        _key(name)
        _served(name, name)
    routing.delete_key(ADMIN, "gone")
    people.delete_person(ADMIN, ada)
    _person("ada")
    _key("gone")
    member = _member()
    assert [row["name"] for row in routing.list_keys(member, Query()).items] == ["gone"]
    assert (_seen(member), _counted(member)) == (set(), 0)


def test_what_came_before_one_was_known_stays_ones_own(database: str) -> None:
    """Whoever had a key before they were among the people goes on seeing what it served, where nobody else had the address."""
    _key("early")
    QuerySet(VirtualKey).update(created_at=datetime.now(UTC) - timedelta(days=10))
    _served("mine", "early")
    _served("before", "early", days=11)
    _person("ada")
    member = _member()
    assert (_seen(member), _counted(member)) == ({"mine"}, 1)
