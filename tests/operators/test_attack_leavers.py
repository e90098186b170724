"""Attacks by people who left: what they knew and were given opens nothing, even when their row is in use again for whoever has
their address now."""

from controlkit import ADMIN
from operators.browser import Browser
from operators.people import PASSWORD, somebody
from stationmaster.operators import services as operators
from stationmaster.people import services as people

MAIL = "ada@example.com"


def _gone_and_let_in_again(which: str, person: str) -> None:
    people.deactivate_person(ADMIN, person)
    operators.update_operator(ADMIN, which, {"active": True})


def test_a_leavers_password_is_over(database: str) -> None:
    """A leaver's password signs nobody in once an admin lets somebody in at that address again."""
    row = somebody("viewer", MAIL)
    person = str(people.create_person(ADMIN, {"user_name": "ada", "email": MAIL})["id"])
    browser = Browser()
    browser.sign_in(MAIL, PASSWORD)
    assert browser.signed_in()
    _gone_and_let_in_again(row.id, person)
    assert not browser.signed_in()
    later = Browser()
    later.sign_in(MAIL, PASSWORD)
    assert not later.signed_in()


def test_a_leavers_invitation_is_over(database: str) -> None:
    """An invitation that somebody was given before they left lets nobody in."""
    row = somebody("viewer", MAIL)
    person = str(people.create_person(ADMIN, {"user_name": "ada", "email": MAIL})["id"])
    secret = operators.invite(ADMIN, row.id).secret.text
    assert operators.is_open(secret)
    _gone_and_let_in_again(row.id, person)
    assert not operators.is_open(secret)
