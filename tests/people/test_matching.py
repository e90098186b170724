"""Whom a vendor's member is: what was linked decides, then addresses; what could be two is a conflict and nobody's guess."""

import pytest

from controlkit import ADMIN, VIEWER
from stationmaster.errors import Forbidden
from stationmaster.people import services as people
from stationmaster.people.matching import logins_of, matches


def a_person(user_name: str, email: str = "", *further: str) -> str:
    """Somebody; their id."""
    given = {"user_name": user_name, "email": email, "further_emails": list(further)}
    return str(people.create_person(ADMIN, given)["id"])


def test_an_address_is_known_in_any_spelling(database: str) -> None:
    """Case and width do not matter, nor whether it is the first; who is unknown is nobody."""
    ada = a_person("ada", "ada@example.com", "countess@example.com")
    found = matches("openai", ["ADA@example.com", "\uff41da@example.com", "Countess@Example.com", "eve@example.com", ""])
    assert list(found.values()) == [(ada,), (ada,), (ada,), (), ()]


def test_two_who_could_be_it_are_both_told(database: str) -> None:
    """An alias of one that is another's address, or two leavers of one address: several, in a fixed order."""
    ada, bob = a_person("ada", "ada@example.com", "team@example.com"), a_person("bob", "team@example.com")
    assert matches("openai", ["team@example.com"])["team@example.com"] == tuple(sorted((ada, bob)))
    gone = []
    for name in ("x", "y"):
        gone.append(a_person(name, "old@example.com"))
        people.deactivate_person(ADMIN, name)
    assert matches("openai", ["old@example.com"])["old@example.com"] == tuple(sorted(gone))


def test_an_active_person_comes_before_a_leaver(database: str) -> None:
    """An address that was given on is its new owner's; a leaver alone is found, so that their seat can be taken back."""
    left = a_person("left", "shared@example.com")
    people.deactivate_person(ADMIN, "left")
    assert matches("openai", ["shared@example.com"])["shared@example.com"] == (left,)
    now = a_person("now", "shared@example.com")
    assert matches("openai", ["shared@example.com"])["shared@example.com"] == (now,)


def test_a_linked_log_in_decides(database: str) -> None:
    """At its vendor alone; a vendor of log-ins takes no address for one."""
    ada, bob = a_person("ada", "ada@example.com"), a_person("bob", "bob@example.com")
    people.link_login(ADMIN, "bob", "openai", "ada@example.com")
    people.link_login(ADMIN, "ada", "github_copilot", "Octo-Ada")
    assert matches("openai", ["ADA@example.com"])["ADA@example.com"] == (bob,)
    assert matches("anthropic", ["ada@example.com"])["ada@example.com"] == (ada,)
    assert matches("github_copilot", ["octo-ada", "ada@example.com"]) == {"octo-ada": (ada,), "ada@example.com": ()}


def test_what_a_vendor_is_told_of_somebody(database: str) -> None:
    """The linked log-in, else the address; who has neither is left out."""
    ada, bob, cid = a_person("ada", "ada@example.com"), a_person("bob", "bob@example.com"), a_person("cid")
    people.link_login(ADMIN, "bob", "openai", "robert@example.com")
    people.link_login(ADMIN, "ada", "github_copilot", "octo")
    assert logins_of("openai", [ada, bob, cid]) == {ada: "ada@example.com", bob: "robert@example.com"}
    assert logins_of("github_copilot", [ada, bob, cid]) == {ada: "octo"}


def test_many_names_are_matched_at_once(database: str) -> None:
    """More than a query takes."""
    ids = {f"p{each}@example.com": a_person(f"p{each}", f"p{each}@example.com") for each in range(30)}
    names = [*ids, *(f"q{each}@example.com" for each in range(1500))]
    found = matches("openai", names)
    assert {name: found[name] for name in ids} == {name: (which,) for name, which in ids.items()}
    assert sum(map(len, found.values())) == 30


def test_conflicts_are_shown_and_go_by_hand(database: str) -> None:
    """Every kind, until somebody moves a log-in or corrects an address; leavers claim nothing."""
    ada = a_person("ada", "ada@example.com", "team@example.com")
    bob = a_person("bob", "team@example.com")
    cid, dan = a_person("cid", "", "both@example.com"), a_person("dan", "", "both@example.com")
    people.link_login(ADMIN, "bob", "openai", "ada@example.com")
    people.link_login(ADMIN, "bob", "github_copilot", "one")
    people.link_login(ADMIN, "bob", "github_copilot", "two")
    assert people.conflicts(ADMIN) == [
        {"kind": "address", "vendor": "", "name": "both@example.com", "persons": sorted((cid, dan))},
        {"kind": "address", "vendor": "", "name": "team@example.com", "persons": sorted((ada, bob))},
        {"kind": "login", "vendor": "openai", "name": "ada@example.com", "persons": sorted((ada, bob))},
        {"kind": "several", "vendor": "github_copilot", "name": "one, two", "persons": [bob]},
    ]
    people.link_login(ADMIN, "ada", "openai", "ada@example.com", move=True)
    people.unlink_login(ADMIN, "bob", "github_copilot", "two")
    people.update_person(ADMIN, "ada", {"further_emails": []})
    people.deactivate_person(ADMIN, "cid")
    assert people.conflicts(ADMIN) == []
    with pytest.raises(Forbidden):
        people.conflicts(VIEWER)
