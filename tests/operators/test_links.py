"""Links that let people in: the admin link, which needs no account, and invitations, which are for one operator."""

import html
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone

from operators.browser import Browser
from operators.people import PASSWORD, ROOT, as_actor, somebody
from stationmaster import i18n
from stationmaster.audit import services as audit
from stationmaster.audit.models import AuditEvent
from stationmaster.errors import Forbidden, Invalid, StationmasterError
from stationmaster.operators import policy, services
from stationmaster.operators.models import AdminLink, Operator
from stationmaster.settings import Flag, load
from stationmaster.store.actor import Actor
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
    assert (answer.status_code, answer["Location"]) == (302, "/")
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


def test_a_language_ends_with_its_request(browser: Browser) -> None:
    """A page in one reader's language leaves the thread in the one of before."""
    before = i18n.tr("Done.")
    for language in ("zh-CN", "en"):
        assert browser.get("/login", **{"accept-language": language})["Content-Language"] == language
        assert i18n.tr("Done.") == before


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
    assert audit.verify(ROOT).ok


def test_links_and_operators_move_the_revision(database: str) -> None:
    """Making and using a link are changes like any other: audited, each with its revision."""
    before = revision()
    secret = services.issue_link(ROOT).secret.text
    services.redeem(secret, ME)
    assert revision() == before + 2
    told = [event.action for event in AuditEvent.objects.filter(source="operators").order_by("seq")]
    assert told == ["issue_admin_link", "create", "use_admin_link"]


def invited(role: str = "viewer", email: str = "joe@example.com") -> tuple[str, str]:
    """The id of an operator without a password, and the secret of an invitation."""
    made = services.create_operator(ROOT, {"email": email, "role": role})
    return str(made["id"]), services.invite(ROOT, email).secret.text


def test_an_invitation_is_for_one_operator_and_their_role(browser: Browser) -> None:
    """Its page names whom it is for, takes no other address, and makes nobody an admin; it works once, within a day."""
    id_, secret = invited()
    browser.get(f"/welcome/{secret}")
    page = browser.get("/welcome").content.decode()
    assert 'value="joe@example.com"' in page
    assert "viewer" in page
    assert "admin" not in page
    chosen = {"email": "me@example.com", "password": PASSWORD, "repeated": PASSWORD, "language": "en"}
    assert browser.send("/welcome", chosen)["Location"] == "/"
    assert browser.signed_in()
    (row,) = Operator.objects.all()
    assert (row.id, row.email, row.role, row.check_password(PASSWORD)) == (id_, "joe@example.com", "viewer", True)
    over = Browser().get(f"/welcome/{secret}")
    assert over.status_code == 410
    assert "ask an admin of this installation" in over.content.decode()
    assert [event.action for event in AuditEvent.objects.filter(subject=id_).order_by("seq")][:3] == [
        "create", "invite", "accept_invitation"]  # fmt: skip


def test_an_invitation_lasts_a_day(database: str) -> None:
    """And not longer; another for the same operator takes its place, one for somebody else and an admin link do not."""
    _, first = invited()
    link = services.invite(ROOT, "joe@example.com")
    assert timedelta(hours=23) < link.expires_at - timezone.now() <= timedelta(hours=24)
    assert not services.is_open(first)
    _, other = invited(email="sue@example.com")
    services.issue_link(ROOT)
    assert services.is_open(link.secret.text)
    assert services.is_open(other)
    AdminLink.objects.update(expires_at=timezone.now())
    with pytest.raises(StationmasterError, match="over"):
        services.redeem(link.secret.text, ME)


@pytest.mark.parametrize("change", [{"role": "operator"}, {"active": False}])
def test_an_invitation_gives_no_other_role(database: str, change: dict[str, object]) -> None:
    """Whoever got another role meanwhile, or was switched off, is not whom it was for."""
    id_, secret = invited()
    services.update_operator(ROOT, id_, change)
    assert not services.is_open(secret)
    with pytest.raises(StationmasterError, match="over") as caught:
        services.redeem(secret, ME)
    assert caught.value.status == 410
    services.update_operator(ROOT, id_, {"role": "viewer", "active": True})
    assert not services.is_open(secret)


def test_an_invitation_goes_with_its_operator(database: str) -> None:
    """One who was deleted and added again takes another."""
    id_, secret = invited()
    services.delete_operator(ROOT, id_)
    services.create_operator(ROOT, {"email": "joe@example.com", "role": "viewer"})
    assert not services.is_open(secret)


def test_an_invitation_ends_what_was_before(browser: Browser) -> None:
    """It is a way back in too: with another password, and without the sessions of before."""
    row = somebody("operator", "joe@example.com")
    browser.sign_in(row.email, PASSWORD)
    services.redeem(services.invite(ROOT, row.id).secret.text, services.Newcomer("", "four dry otters sing"))
    row.refresh_from_db()
    assert (row.role, row.check_password("four dry otters sing")) == ("operator", True)
    assert not browser.signed_in()


def test_nobody_invites_who_may_more(database: str) -> None:
    """Choosing an admin's password is worth an admin: whoever may not change operators, and a token that gives less, invites
    nobody; one that is switched off is not invited."""
    admin = somebody()
    for role in ("viewer", "operator", "auditor", "member"):
        with pytest.raises(Forbidden):
            services.invite(as_actor(somebody(role)), admin.id)
    narrow = Actor("token", "tok_x", "admin", scopes=frozenset({"operators:*"}))
    with pytest.raises(Forbidden):
        services.invite(narrow, admin.id)
    with pytest.raises(Forbidden, match="ten minutes"):
        services.invite(as_actor(admin, fresh=False), admin.id)
    off = services.create_operator(ROOT, {"email": "off@example.com", "role": "viewer", "active": False})
    with pytest.raises(StationmasterError, match="switched off"):
        services.invite(ROOT, off["id"])


def test_a_link_that_is_over_leads_to_this_control_plane(browser: Browser, tmp_path: Path) -> None:
    """The command on the page names the data folder in use where only people at this machine read it, and where it is not the
    usual one; beyond this machine the folder is nobody's business."""
    folder = tmp_path / "my data"

    def said(*more: str) -> str:
        flags = {"data.dir": Flag("--data", folder)}
        flags |= {name: Flag("x", value) for name, value in zip(more[::2], more[1::2], strict=True)}
        policy.use(lambda: policy.policy_of(load(flags=flags, environ={}, folder=tmp_path)))
        return html.unescape(browser.get("/welcome/nothing").content.decode())

    assert f"stationmaster admin link --data '{folder}'" in said()
    public = ("console.public_url", "https://x.example.com")
    for more in (public, ("console.host", "0.0.0.0", *public)):
        assert "stationmaster admin link</code>" in said(*more)
        assert str(folder) not in said(*more)


def test_the_welcome_page_says_what_it_gives(browser: Browser) -> None:
    """In both languages: whoever opens an admin link becomes an admin, whichever role they had."""
    browser.get(f"/welcome/{services.issue_link(ROOT).secret.text}")
    page = browser.get("/welcome").content.decode()
    assert "Whoever opens this link becomes an admin" in page
    assert "An operator of any role who has this address already becomes an admin too" in page
    assert "operator add" in page
    assert "打开此链接的人将成为管理员" in browser.get("/welcome", **{"accept-language": "zh-CN"}).content.decode()
