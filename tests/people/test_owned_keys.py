"""Whose a virtual key is, when addresses go from one person to the next."""

from typing import Any

from controlkit import ADMIN
from stationmaster.operators import services as operators
from stationmaster.people import services as people
from stationmaster.routing import services as routing
from stationmaster.routing.models import VirtualKey
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query


def _person(user_name: str, email: str) -> str:
    return str(people.create_person(ADMIN, {"user_name": user_name, "email": email})["id"])


def _member(email: str) -> Actor:
    row = operators.create_operator(ADMIN, {"email": email, "role": "member"})
    return Actor("operator", str(row["id"]), "member")


def _key(owner: str, name: str) -> Any:
    return routing.create_key(ADMIN, {"name": name, "owner": owner}).row


def _seen(actor: Actor) -> list[str]:
    return [str(row["name"]) for row in routing.list_keys(actor, Query()).items]


def test_a_key_notes_its_person(database: str) -> None:
    """A key that names an owner by address, user name or id says which person that is; one that names a team says nobody."""
    ada = _person("ada", "ada@example.com")
    assert [_key(each, f"of-{at}")["person"] for at, each in enumerate(("ada@example.com", "ADA", ada, "a-team"))] == [
        ada, ada, ada, "",
    ]  # fmt: skip


def test_a_recycled_address_shows_no_earlier_keys(database: str) -> None:
    """Somebody who is given a leaver's address sees none of the leaver's keys."""
    ada = _person("ada", "ada@example.com")
    _key("ada@example.com", "hers")
    people.deactivate_person(ADMIN, ada)
    _person("ada.new", "ada@example.com")
    member = _member("ada@example.com")
    assert _seen(member) == []
    _key("ada@example.com", "mine")
    assert _seen(member) == ["mine"]


def test_a_key_noted_to_nobody_stays_with_its_leaver(database: str) -> None:
    """A key that was made before its owner was known is noted as the leaver's when they leave, and is no one else's later."""
    _key("ada@example.com", "early")
    ada = _person("ada", "ada@example.com")
    people.deactivate_person(ADMIN, ada)
    row = VirtualKey.objects.get(name="early")
    assert (row.person, row.disabled) == (ada, True)
    _person("ada.new", "ada@example.com")
    assert _seen(_member("ada@example.com")) == []


def test_a_person_with_another_address_keeps_their_keys(database: str) -> None:
    """Whoever is called otherwise from now on sees the keys that name them as they were called."""
    ada = _person("ada", "ada@example.com")
    _key("ada@example.com", "hers")
    people.update_person(ADMIN, ada, {"email": "lovelace@example.com"})
    assert _seen(_member("lovelace@example.com")) == ["hers"]
    _person("another", "ada@example.com")
    assert _seen(_member("ada@example.com")) == []


def test_a_key_given_to_somebody_else_is_theirs(database: str) -> None:
    """With another owner a key is the other's, and no more the first one's."""
    _person("ada", "ada@example.com")
    bob = _person("bob", "bob@example.com")
    _key("ada@example.com", "moved")
    assert routing.update_key(ADMIN, "moved", {"owner": "bob"})["person"] == bob
    assert (_seen(_member("bob@example.com")), _seen(_member("ada@example.com"))) == (["moved"], [])
