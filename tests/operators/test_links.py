"""The admin link: the one way in that needs no account."""

import re
import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from operators.browser import Browser
from operators.people import PASSWORD, ROOT, as_actor, somebody
from stationmaster.audit import services as audit
from stationmaster.audit.models import AuditEvent
from stationmaster.errors import Forbidden, Invalid, StationmasterError
from stationmaster.operators import services
from stationmaster.operators.models import AdminLink, Operator
from stationmaster.store.changes import revision

ME = services.Newcomer("Me@Example.com", PASSWORD)


def test_link_makes_an_admin_through_the_pages(browser: Browser) -> None:
    """Opening the link, choosing address and password signs one in as an admin; the secret leaves the address bar."""
    secret = services.issue_link(ROOT).secret.text
    opened = browser.get(f"/welcome/{secret}")
    assert (opened.status_code, opened["Location"]) == (302, "/welcome")
    answer = browser.send(
        "/welcome", {"email": "Me@Example.com", "password": PASSWORD, "repeated": PASSWORD, "language": "zh-CN"}
    )
    assert (answer.status_code, answer["Location"]) == (302, "/account")
    assert browser.signed_in()
    row = Operator.objects.get()
    assert (row.email, row.role, row.language) == ("me@example.com", "admin", "zh-CN")
    assert "我的账户" in browser.get("/account").content.decode()
    assert Browser().get(f"/welcome/{secret}").status_code == 410


def test_looking_at_a_link_does_not_use_it_up(browser: Browser) -> None:
    """Mail scanners and previews may open it as often as they like."""
    secret = services.issue_link(ROOT).secret.text
    for _ in range(3):
        assert Browser().get(f"/welcome/{secret}").status_code == 302
    assert services.redeem(secret, ME).role == "admin"


def test_link_works_once(database: str) -> None:
    """The second time is told that it is over."""
    secret = services.issue_link(ROOT).secret.text
    services.redeem(secret, ME)
    with pytest.raises(StationmasterError, match="over") as caught:
        services.redeem(secret, services.Newcomer("you@example.com", PASSWORD))
    assert caught.value.status == 410
    assert Operator.objects.count() == 1


def test_ten_at_once_make_one_admin(database: str) -> None:
    """Ten threads that redeem one link at the same moment: one gets in."""
    secret = services.issue_link(ROOT).secret.text
    ready, outcomes = threading.Barrier(10), []

    def redeem(number: int) -> None:
        ready.wait()
        try:
            outcomes.append(services.redeem(secret, services.Newcomer(f"n{number}@example.com", PASSWORD)).email)
        except StationmasterError as error:
            outcomes.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=redeem, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    assert sorted(outcomes)[:9] == ["error.login.link_over"] * 9
    assert [row.email for row in Operator.objects.all()] == [sorted(outcomes)[9]]


def test_link_is_over_in_time_and_when_a_newer_one_is_made(database: str) -> None:
    """Half an hour, and only the latest."""
    first = services.issue_link(ROOT)
    assert timedelta(minutes=29) < first.expires_at - timezone.now() <= timedelta(minutes=30)
    second = services.issue_link(ROOT)
    assert not services.is_open(first.secret.text)
    assert services.is_open(second.secret.text)
    AdminLink.objects.update(expires_at=timezone.now())
    assert not services.is_open(second.secret.text)
    with pytest.raises(StationmasterError, match="over"):
        services.redeem(second.secret.text, ME)


@pytest.mark.parametrize("newcomer", [services.Newcomer("me@example.com", "short"), services.Newcomer("no address", PASSWORD)])
def test_what_is_wrong_with_a_newcomer_costs_no_link(database: str, newcomer: services.Newcomer) -> None:
    """A weak password or a mistyped address can be put right with the same link."""
    secret = services.issue_link(ROOT).secret.text
    with pytest.raises(Invalid):
        services.redeem(secret, newcomer)
    assert services.redeem(secret, ME).email == "me@example.com"


def test_two_different_passwords_are_told(browser: Browser) -> None:
    """Typing another password the second time shows the form again, and the link still works."""
    secret = services.issue_link(ROOT).secret.text
    browser.get(f"/welcome/{secret}")
    answer = browser.send("/welcome", {"email": "me@example.com", "password": PASSWORD, "repeated": f"{PASSWORD}!"})
    assert answer.status_code == 422
    assert services.is_open(secret)


def test_link_brings_a_locked_out_admin_back(browser: Browser) -> None:
    """An operator who has that address already is an active admin again; older sessions end."""
    row = somebody("viewer", "me@example.com")
    browser.sign_in(row.email, PASSWORD)
    somebody()
    services.update_operator(ROOT, row.id, {"active": False})
    services.redeem(services.issue_link(ROOT).secret.text, services.Newcomer("me@example.com", "four dry otters sing"))
    row.refresh_from_db()
    assert (row.role, row.active) == ("admin", True)
    assert row.check_password("four dry otters sing")
    assert not browser.signed_in()


def test_only_who_may_make_operators_makes_links(database: str) -> None:
    """A link is worth an admin: an operator or auditor does not get one, and neither does an admin who was away."""
    for role in ("viewer", "operator", "auditor", "member"):
        with pytest.raises(Forbidden):
            services.issue_link(as_actor(somebody(role)))
    with pytest.raises(Forbidden, match="ten minutes"):
        services.issue_link(as_actor(somebody(), fresh=False))


def test_secret_of_a_link_is_nowhere(database: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither table, audit event nor log holds it, also after it was tried in vain through the pages."""
    caplog.set_level("DEBUG")
    link = services.issue_link(ROOT)
    browser = Browser()
    browser.get(f"/welcome/{link.secret.text}")
    services.redeem(link.secret.text, ME)
    gone = browser.get(f"/welcome/{link.secret.text}")
    assert gone.status_code == 410
    assert link.secret.text not in gone.content.decode()
    stored = f"{list(AdminLink.objects.values())} {list(AuditEvent.objects.values())} {link!r}"
    assert link.secret.text not in stored
    assert link.secret.text not in caplog.text
    assert re.search(r"welcome/<str:secret> 410", caplog.text)
    assert audit.verify(ROOT).ok


def test_links_and_operators_move_the_revision(database: str) -> None:
    """Making and using a link are changes like any other: audited, each with its revision."""
    before = revision()
    secret = services.issue_link(ROOT).secret.text
    services.redeem(secret, ME)
    assert revision() == before + 2
    told = [event.action for event in AuditEvent.objects.filter(source="operators").order_by("seq")]
    assert told == ["issue_admin_link", "create", "use_admin_link"]
