"""Wishes for seats: who asks, who decides, and what a yes comes to."""

import pytest

from controlkit import ADMIN, OPERATOR, VIEWER, a_workspace
from stationmaster.errors import Conflict, Forbidden, Invalid, NotFound
from stationmaster.operators import services as operators
from stationmaster.people import services as people
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import SeatRequest, Workspace


def member(email: str, role: str = "member") -> Actor:
    """Somebody who is signed in with this address."""
    row = operators.create_operator(ADMIN, {"email": email, "role": role})
    return Actor("operator", str(row["id"]), role)


def person(name: str) -> str:
    """Somebody of the company."""
    return str(people.create_person(ADMIN, {"user_name": name, "email": f"{name}@example.com"})["id"])


@pytest.fixture
def ada(database: str) -> Actor:
    """A member who is a person of the company, and a workspace to have a seat in."""
    workspaces.create_workspace(ADMIN, a_workspace())
    person("ada")
    return member("ada@example.com")


def test_a_yes_assigns_the_person(ada: Actor) -> None:
    """A wish that is granted becomes an assignment of that person in that workspace, and is decided for good."""
    asked = workspaces.ask_for_seat(ada, {"workspace": "acme", "reason": "for tests"})
    assert (asked["state"], asked["reason"], asked["workspace"]) == ("asked", "for tests", "acme")
    granted = workspaces.grant_seat_request(OPERATOR, asked["id"], {})
    assert (granted["state"], granted["decided_by"]) == ("granted", OPERATOR.id)
    assert [row["person"] for row in workspaces.list_assignments(ADMIN, Query()).items] == [asked["person"]]
    with pytest.raises(Conflict, match="decided already"):
        workspaces.refuse_seat_request(OPERATOR, asked["id"], {"reason": "no"})


def test_a_no_says_why(ada: Actor) -> None:
    """Refusing takes a reason, which whoever asked can read; they may ask again."""
    asked = workspaces.ask_for_seat(ada, {"workspace": "acme"})
    with pytest.raises(Invalid):
        workspaces.refuse_seat_request(ADMIN, asked["id"], {"reason": " "})
    workspaces.refuse_seat_request(ADMIN, asked["id"], {"reason": "none left"})
    assert workspaces.get_seat_request(ada, asked["id"])["why"] == "none left"
    assert workspaces.ask_for_seat(ada, {"workspace": "acme"})["state"] == "asked"


def test_whoever_asked_takes_it_back(ada: Actor) -> None:
    """A wish is withdrawn by who has it, or by whoever may ask for others, until it is decided; it may be asked for anew."""
    asked = workspaces.ask_for_seat(ada, {"workspace": "acme"})
    for who in (member("else@example.com"), VIEWER):
        with pytest.raises(Forbidden):
            workspaces.withdraw_seat_request(who, asked["id"], {})
    assert workspaces.withdraw_seat_request(ada, asked["id"], {})["state"] == "withdrawn"
    with pytest.raises(Conflict, match="withdrawn already"):
        workspaces.grant_seat_request(ADMIN, asked["id"], {})
    again = workspaces.ask_for_seat(ada, {"workspace": "acme"})
    assert workspaces.withdraw_seat_request(OPERATOR, again["id"], {})["decided_by"] == OPERATOR.id


def test_what_is_decided_is_not_taken_back(ada: Actor) -> None:
    """After a yes or a no there is nothing to withdraw."""
    asked = workspaces.ask_for_seat(ada, {"workspace": "acme"})
    workspaces.refuse_seat_request(ADMIN, asked["id"], {"reason": "none left"})
    with pytest.raises(Conflict, match="decided already"):
        workspaces.withdraw_seat_request(ada, asked["id"], {})


def test_a_directory_gives_seats_itself(ada: Actor) -> None:
    """Where a directory says who is in, nobody asks us for a seat: it could not be given."""
    Workspace.objects.filter(name="acme").observe(directory_managed=True)
    with pytest.raises(Conflict, match="from a directory"):
        workspaces.ask_for_seat(ada, {"workspace": "acme"})
    assert workspaces.list_seat_requests(ADMIN, Query()).total == 0


def test_a_seat_is_asked_for_once(ada: Actor) -> None:
    """While nobody decided, the same is not asked for a second time."""
    workspaces.ask_for_seat(ada, {"workspace": "acme"})
    with pytest.raises(Conflict, match="asked for already"):
        workspaces.ask_for_seat(ada, {"workspace": "acme"})


def test_nobody_decides_their_own(ada: Actor) -> None:
    """Whoever may decide asks somebody else about what they want themselves; members decide nothing, nor ask for others."""
    own = member("boss@example.com", "admin")
    person("boss")
    asked = workspaces.ask_for_seat(own, {"workspace": "acme"})
    for who in (own, ada, VIEWER):
        with pytest.raises(Forbidden):
            workspaces.grant_seat_request(who, asked["id"], {})
        with pytest.raises(Forbidden):
            workspaces.refuse_seat_request(who, asked["id"], {"reason": "no"})
    with pytest.raises(Forbidden):
        workspaces.ask_for_seat(ada, {"workspace": "acme", "person": "boss"})
    with pytest.raises(Forbidden):
        workspaces.ask_for_seat(VIEWER, {"workspace": "acme"})


def test_members_see_their_own(ada: Actor) -> None:
    """A member is shown what they asked for, and nothing of others."""
    person("bob")
    mine = workspaces.ask_for_seat(ada, {"workspace": "acme"})
    theirs = workspaces.ask_for_seat(OPERATOR, {"workspace": "acme", "person": "bob"})
    assert [row["id"] for row in workspaces.list_seat_requests(ada, Query()).items] == [mine["id"]]
    with pytest.raises((Forbidden, NotFound)):
        workspaces.get_seat_request(ada, theirs["id"])
    assert workspaces.list_seat_requests(VIEWER, Query()).total == 2


def test_a_recycled_address_shows_no_earlier_wishes(ada: Actor) -> None:
    """Whoever gets a leaver's address sees nothing that the leaver asked for; it is over, and what was written is forgotten
    with them."""
    asked = workspaces.ask_for_seat(ada, {"workspace": "acme", "reason": "private"})
    people.deactivate_person(ADMIN, asked["person"])
    assert SeatRequest.objects.get().state == "refused"
    people.create_person(ADMIN, {"user_name": "ada.new", "email": "ada@example.com"})
    assert workspaces.list_seat_requests(ada, Query()).total == 0
    people.erase_person(ADMIN, asked["person"])
    assert SeatRequest.objects.get().reason == ""


def test_who_is_nobody_here_is_told(ada: Actor) -> None:
    """An operator without a person of the same address cannot have a seat, and is told what to do."""
    with pytest.raises(Invalid, match="nobody here has your e-mail address"):
        workspaces.ask_for_seat(member("else@example.com"), {"workspace": "acme"})


def test_a_vendor_that_knows_people_by_logins_wants_one(ada: Actor) -> None:
    """Where a vendor knows people by log-ins of its own, a wish says that this person's is not known yet."""
    given = a_workspace("hub", vendor="github_copilot", organisation="acme", secret="ghp_" + "a" * 36)
    workspaces.create_workspace(ADMIN, given)
    assert {row["name"]: row["lacks_login"] for row in workspaces.seat_places(ada)} == {"acme": False, "hub": True}
    assert workspaces.ask_for_seat(ada, {"workspace": "hub"})["lacks_login"]
