"""Leaving: what is a leaver's ends in the very change in which they leave, and coming back gives none of it back."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from controlkit import ADMIN, OPERATOR
from operators.people import as_actor, somebody
from people.kit import imported
from stationmaster.audit.services import list_events, verify
from stationmaster.errors import Conflict, Forbidden, NotFound, StationmasterError
from stationmaster.operators import services as operators
from stationmaster.operators.models import ApiToken, BrowserSession, Operator
from stationmaster.operators.sessions import SessionStore
from stationmaster.people import leaving
from stationmaster.people import services as people
from stationmaster.people.models import Person
from stationmaster.routing import services as routing
from stationmaster.store.changes import Change, revision
from stationmaster.store.listing import Query


@pytest.fixture
def told() -> Iterator[list[tuple[str, bool]]]:
    """Whom a listener heard of, and whether the person still said who they are."""
    heard: list[tuple[str, bool]] = []

    def listen(edit: Change, person: Person) -> None:
        heard.append((person.id, bool(person.email) and edit.revision > 0))

    leaving.on_leaving(listen)
    yield heard
    leaving._leaving.remove(listen)


def a_person(email: str = "ada@example.com", user_name: str = "ada") -> str:
    """Somebody; their id."""
    return str(people.create_person(ADMIN, {"user_name": user_name, "email": email})["id"])


def key(owner: str) -> str:
    """A virtual key of theirs; its id."""
    return str(routing.create_key(ADMIN, {"owner": owner}).row["id"])


def is_disabled(which: str) -> bool:
    """Whether a key is out of use."""
    return bool(routing.get_key(ADMIN, which)["disabled"])


WAYS: list[Callable[[str], object]] = [
    lambda who: people.deactivate_person(ADMIN, who),
    lambda who: people.update_person(ADMIN, who, {"active": False, "email": "gone@example.com", "user_name": "gone"}),
    lambda who: people.delete_person(ADMIN, who),
    lambda who: people.erase_person(ADMIN, who),
    lambda who: imported(f"id,active\n{who},no\n"),
]


@pytest.mark.parametrize("leave", WAYS)
def test_keys_end_however_their_owner_is_named(
    database: str, told: list[tuple[str, bool]], leave: Callable[[str], object]
) -> None:
    """By id, user name, address or operator, in any case and width: all out of use in one change, others' untouched."""
    who = a_person()
    operator = somebody("member", "ada@example.com")
    theirs = [key(owner) for owner in (who, "ada", "ADA", "Ada@Example.com", "\uff41da", operator.id)]
    others = [key(owner) for owner in ("", "adam", "bob@example.com")]
    leave(who)
    assert [is_disabled(each) for each in theirs] == [True] * len(theirs)
    assert [is_disabled(each) for each in others] == [False] * len(others)
    assert told == [(who, True)]
    events = [event for event in list_events(ADMIN, Query(limit=100)).items if event["subject"] in theirs]
    assert len({event["revision"] for event in events if event["action"] == "update"}) == 1
    assert verify(ADMIN).ok


def test_sessions_and_tokens_end_with_the_person(database: str) -> None:
    """A token is refused at once, sessions are gone, and the operator cannot sign in again."""
    who = a_person()
    operator = somebody("operator", "ada@example.com")
    token = operators.create_token(as_actor(operator), {"name": "t"}).secret.text
    store: Any = SessionStore()
    store["_auth_user_id"] = operator.id
    store.create()
    BrowserSession.objects.update(operator=operator)
    assert operators.actor_of(token).person == operator.id
    people.deactivate_person(ADMIN, who)
    with pytest.raises(StationmasterError) as refused:
        operators.actor_of(token)
    assert refused.value.status == 401
    assert not ApiToken.objects.exists()
    assert not BrowserSession.objects.exists()
    after = Operator.objects.get(id=operator.id)
    assert (after.active, after.session_generation) == (False, operator.session_generation + 1)


def test_coming_back_gives_nothing_back(database: str, told: list[tuple[str, bool]]) -> None:
    """Keys and the operator stay out of use; leaving twice tells nobody twice."""
    who = a_person()
    operator = somebody("viewer", "ada@example.com")
    owned = key("ada")
    people.deactivate_person(ADMIN, who)
    people.deactivate_person(ADMIN, who)
    assert people.reactivate_person(ADMIN, who)["left_at"] is None
    assert is_disabled(owned)
    assert not Operator.objects.get(id=operator.id).active
    assert len(told) == 1


def test_what_a_listener_refuses_did_not_happen(database: str) -> None:
    """The person stays, and so does what others ended already."""
    who = a_person()
    owned = key("ada")

    def refuse(edit: Change, person: Person) -> None:
        raise Conflict("error.test", "not now")

    leaving.on_leaving(refuse)
    before = revision()
    try:
        with pytest.raises(Conflict):
            people.deactivate_person(ADMIN, who)
    finally:
        leaving._leaving.remove(refuse)
    assert people.get_person(ADMIN, who)["active"]
    assert (is_disabled(owned), revision()) == (False, before)


def test_nobody_ends_the_way_in_of_one_who_may_more(database: str) -> None:
    """An operator's right to change people takes no admin's access; an admin's does, even the last one's."""
    who = a_person("boss@example.com", "boss")
    boss = somebody("admin", "boss@example.com")
    with pytest.raises(Forbidden):
        people.deactivate_person(OPERATOR, who)
    with pytest.raises(Forbidden):
        people.update_person(OPERATOR, who, {"active": False})
    assert Operator.objects.get(id=boss.id).active
    people.deactivate_person(ADMIN, who)
    assert not Operator.objects.get(id=boss.id).active


def test_a_name_that_could_be_anothers_ends_nothing_of_theirs(database: str) -> None:
    """A user name that is another's address is not taken for one's own."""
    a_person("bob@example.com", "bob")
    theirs = key("bob@example.com")
    posing = a_person("eve@example.com", "bob@example.com")
    people.deactivate_person(ADMIN, posing)
    assert not is_disabled(theirs)


def test_members_see_what_is_theirs_by_any_of_their_names(database: str) -> None:
    """Keys whose owner is the person's id, user name or address are a member's own; others are not there."""
    who = a_person("member@example.com", "me")
    me = as_actor(somebody("member"))
    mine = {key(owner) for owner in (who, "ME", "Member@example.com", me.id)}
    other = key("bob")
    assert {row["id"] for row in routing.list_keys(me, Query()).items} == mine
    assert all(routing.get_key(me, each)["id"] == each for each in mine)
    with pytest.raises((Forbidden, NotFound)):
        routing.get_key(me, other)
