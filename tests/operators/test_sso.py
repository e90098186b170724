"""Single sign-on, with a real issuer on this machine: discovery, PKCE, codes, tokens."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.test import override_settings

from operators.browser import Browser
from operators.issuer import SECRET, Issuer, running
from operators.people import PASSWORD, ROOT, somebody
from stationmaster.audit.models import AuditEvent
from stationmaster.entrances.web.setup import django_settings
from stationmaster.operators import policy, services
from stationmaster.operators.models import Operator
from stationmaster.settings import load

CALLBACK = "/login/sso/callback"


@pytest.fixture
def issuer(database: str) -> Iterator[Issuer]:
    """An issuer that this installation trusts."""
    with running() as issuer:
        environ = {
            "STATIONMASTER__OIDC__ISSUER": issuer.url, "STATIONMASTER__OIDC__CLIENT_ID": "us",
            "STATIONMASTER__OIDC__CLIENT_SECRET": SECRET, "STATIONMASTER__OUTBOUND__ALLOWED_PRIVATE": "127.0.0.1",
            "STATIONMASTER__OIDC__VIEWER_DOMAINS": "viewers.example",
        }  # fmt: skip
        settings = load(environ=environ)
        policy.use(lambda: policy.policy_of(settings))
        with override_settings(SOCIALACCOUNT_PROVIDERS=django_settings(settings)["SOCIALACCOUNT_PROVIDERS"]):
            yield issuer


def come(browser: Browser, issuer: Issuer, address: str = "/login/sso") -> Any:
    """Go to the issuer and come back."""
    off = browser.get(address)
    assert off.status_code == 302, off.content
    return browser.get(issuer.authorise(off["Location"]))


def test_verified_address_signs_an_operator_in(browser: Browser, issuer: Issuer) -> None:
    """An operator whose address the issuer verified is in, without any password here, with PKCE and state."""
    row = somebody()
    assert come(browser, issuer)["Location"] == "/"
    assert browser.signed_in()
    assert issuer.asked["code_challenge_method"] == "S256"
    assert issuer.asked["redirect_uri"] == f"http://127.0.0.1:4001{CALLBACK}"
    assert len(issuer.asked["state"]) >= 16
    row.refresh_from_db()
    assert row.sso_subject
    assert row.check_password(PASSWORD)


@pytest.mark.parametrize("person", [
    {"sub": "s1", "email": "admin@example.com", "email_verified": False}, {"sub": "s1", "email": "admin@example.com"},
    {"sub": "s1", "email": "admin@example.com", "email_verified": "true"}, {"sub": "s1"},
    {"sub": "s1", "email": "stranger@example.com", "email_verified": True},
    {"sub": "s1", "email": "x@viewers.example.evil", "email_verified": True},
    {"sub": "s1", "email": "x@evil.example,viewers.example", "email_verified": True},
])  # fmt: skip
def test_others_do_not_get_in(browser: Browser, issuer: Issuer, person: dict[str, Any]) -> None:
    """Neither an address that was not verified, nor one that nobody let in."""
    somebody()
    issuer.person = person
    assert come(browser, issuer).status_code in {403, 422}
    assert not browser.signed_in()
    assert Operator.objects.count() == 1


def test_people_of_a_viewers_domain_come_in_as_viewers(browser: Browser, issuer: Issuer) -> None:
    """Only with the setting, only with a verified address, and with the least role."""
    somebody()
    issuer.person = {"sub": "s2", "email": "New@Viewers.Example", "email_verified": True}
    come(browser, issuer)
    assert browser.signed_in()
    row = Operator.objects.get(email="new@viewers.example")
    assert row.role == "viewer"
    assert not row.has_usable_password()


def test_a_person_stays_who_they_are_when_their_address_changes(browser: Browser, issuer: Issuer) -> None:
    """After the first time the issuer's subject counts: a new address at the issuer is the same operator, and somebody
    else who gets the old address there does not become them."""
    row = somebody()
    come(browser, issuer)
    issuer.person = {"sub": "s1", "email": "renamed@example.com", "email_verified": False}
    second = Browser()
    come(second, issuer)
    assert row.email in second.get("/account").content.decode()
    issuer.person = {"sub": "s9", "email": row.email, "email_verified": True}
    third = Browser()
    assert come(third, issuer).status_code == 403
    assert not third.signed_in()


@pytest.mark.parametrize("token", [
    {"iss": "https://evil.example"}, {"aud": "others"}, {"exp": 1}, {"sub": "somebody-else"},
])  # fmt: skip
def test_tokens_about_somebody_else_are_refused(browser: Browser, issuer: Issuer, token: dict[str, Any]) -> None:
    """Another issuer's token, one for another client, one that is over, and one that is not about who the user info is."""
    somebody()
    issuer.token = token
    come(browser, issuer)
    assert not browser.signed_in()


def test_answers_that_nobody_asked_for_are_refused(browser: Browser, issuer: Issuer) -> None:
    """A callback with another browser's state, or without one, signs nobody in."""
    somebody()
    off = Browser().get("/login/sso")
    stolen = issuer.authorise(off["Location"])
    browser.get(stolen)
    browser.get(f"{CALLBACK}?code=x&state=y")
    browser.get(f"{CALLBACK}?error=access_denied")
    assert not browser.signed_in()


def test_disabled_operator_does_not_get_in(browser: Browser, issuer: Issuer) -> None:
    """The issuer's word does not help whom an admin switched off."""
    row = somebody("viewer")
    issuer.person = {"sub": "s1", "email": row.email, "email_verified": True}
    services.update_operator(ROOT, row.id, {"active": False})
    come(browser, issuer)
    assert not browser.signed_in()


def test_nobody_links_another_identity_to_their_account(browser: Browser, issuer: Issuer) -> None:
    """`process=connect` and other wishes in the address are not passed on."""
    row = somebody("viewer")
    browser.sign_in(row.email, PASSWORD)
    issuer.person = {"sub": "s1", "email": "stranger@example.com", "email_verified": True}
    answer = come(browser, issuer, "/login/sso?process=connect&scope=everything&auth_params=redirect_uri%3Dhttps://evil.example")
    assert answer.status_code == 403
    assert set(issuer.asked["scope"].split()) == {"openid", "email"}
    assert "evil" not in issuer.asked["redirect_uri"]
    row.refresh_from_db()
    assert not row.sso_subject


def test_who_proves_again_is_asked_by_the_issuer(browser: Browser, issuer: Issuer) -> None:
    """Somebody without a password proves who they are at the issuer, which is told to ask; when it says that it asked
    hours ago, that does not count."""
    somebody("viewer", "other@example.com")
    issuer.person = {"sub": "s3", "email": "sso@viewers.example", "email_verified": True}
    issuer.token = {"auth_time": int(time.time()) - 7200}
    come(browser, issuer)
    off = browser.get("/account/totp")
    assert (off.status_code, off["Location"]) == (302, "/login/sso?next=%2Faccount%2Ftotp")
    issuer.token = {"auth_time": int(time.time())}
    back = come(browser, issuer, off["Location"])
    assert (issuer.asked["prompt"], issuer.asked["max_age"]) == ("login", "0")
    assert back["Location"] == "/account/totp"
    assert browser.get("/account/totp").status_code == 200


def test_without_local_log_in_single_sign_on_still_works(browser: Browser, issuer: Issuer) -> None:
    """The page shows that way alone."""
    somebody()
    held = policy.policy()
    policy.use(lambda: policy.LoginPolicy(local=False, sso=held.sso, allowed_private=held.allowed_private))
    page = browser.get("/login").content.decode()
    assert "/login/sso" in page
    assert 'type="password"' not in page
    come(browser, issuer)
    assert browser.signed_in()


def test_private_issuers_are_not_reached_unless_allowed(browser: Browser, issuer: Issuer) -> None:
    """An issuer's address that leads into a private network is refused, where no setting allows it."""
    held = policy.policy()
    policy.use(lambda: policy.LoginPolicy(sso=held.sso))
    answer = browser.get("/login/sso")
    assert answer.status_code == 500
    assert b"private" in answer.content


def test_nothing_of_the_issuer_is_kept(browser: Browser, issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    """No token, no claims, no second list of addresses: only a keyed hash of who it was."""
    caplog.set_level("DEBUG")
    somebody()
    come(browser, issuer)
    issuer.token = {"aud": "others"}
    failed = come(Browser(), issuer).content.decode()
    assert not SocialAccount.objects.exists()
    assert not SocialToken.objects.exists()
    assert not EmailAddress.objects.exists()
    said = f"{list(AuditEvent.objects.values())} {caplog.text} {failed} {list(Operator.objects.values())}"
    assert not [secret for secret in (SECRET, "access-canary", '"s1"', "'s1'") if secret in said]


def test_going_off_to_the_issuer_is_limited(browser: Browser, issuer: Issuer) -> None:
    """Nobody fills the database with log-ins that were begun: the thirty-first within a minute is refused."""
    codes = [Browser().get("/login/sso").status_code for _ in range(31)]
    assert codes[:20] == [302] * 20
    assert codes[-1] == 429


def test_without_an_issuer_there_is_no_single_sign_on(browser: Browser) -> None:
    """Its addresses are not there, and the page does not show it."""
    assert browser.get("/login/sso").status_code == 404
    assert browser.get(CALLBACK).status_code in {400, 404}
    assert "/login/sso" not in browser.get("/login").content.decode()
