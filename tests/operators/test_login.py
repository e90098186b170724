"""Signing in with a password, through the pages, as browsers do."""

from pathlib import Path

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from databases import RING
from operators.browser import Browser
from operators.people import PASSWORD, ROOT, somebody
from stationmaster.audit.models import AuditEvent
from stationmaster.errors import StationmasterError
from stationmaster.operators import policy, services
from stationmaster.operators.models import BrowserSession, Operator
from stationmaster.store.config import StoreConfig, django_settings


def actions(row: Operator) -> list[str]:
    """What the trail tells of an operator."""
    return list(AuditEvent.objects.filter(subject=row.id).order_by("seq").values_list("action", flat=True))


def test_password_signs_in_and_is_written_down(browser: Browser) -> None:
    """The right password opens one's account, sets a cookie that scripts cannot read, and leaves an event."""
    row = somebody()
    assert not browser.signed_in()
    answer = browser.sign_in(row.email, PASSWORD)
    assert answer.status_code == 302
    cookie = browser.client.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert browser.signed_in()
    assert actions(row)[-1] == "sign_in"
    row.refresh_from_db()
    assert row.last_login_at is not None


@pytest.mark.parametrize("email", ["admin@example.com", "nobody@example.com"])
def test_wrong_password_says_no_more_than_an_unknown_address(browser: Browser, email: str) -> None:
    """Who guesses learns nothing of which addresses there are."""
    row = somebody()
    answer = browser.sign_in(email, "not the password at all")
    other = browser.sign_in("third@example.com", "not the password at all")
    assert (answer.status_code, other.status_code) == (200, 200)
    assert b'role="alert"' in answer.content
    said, also = (each.content.split(b'role="alert"')[1].split(b"</p>")[0] for each in (answer, other))
    assert said == also
    assert not browser.signed_in()
    assert actions(row).count("fail_to_sign_in") == (email == row.email)


def test_stored_hash_does_not_sign_in(browser: Browser) -> None:
    """Somebody who read the database cannot log in with what stands there, and it is Argon2id."""
    row = somebody()
    assert row.password.startswith("argon2$argon2id$")
    browser.sign_in(row.email, row.password)
    assert not browser.signed_in()


def test_hashes_cost_what_they_should(tmp_path: Path) -> None:
    """A password is hashed as the second choice of RFC 9106 §4 has it, by every process that is set up: 64 MiB, three
    passes, four lanes."""
    first, *_ = django_settings(StoreConfig(tmp_path, RING))["PASSWORD_HASHERS"]
    hasher = import_string(first)()
    encoded = hasher.encode(PASSWORD, hasher.salt())
    assert encoded.startswith("argon2$argon2id$v=19$m=65536,t=3,p=4$")
    assert hasher.verify(PASSWORD, encoded)


def test_five_wrong_attempts_lock_the_address_for_a_while(browser: Browser) -> None:
    """After five wrong passwords in five minutes the right one is not looked at either."""
    row = somebody()
    for _ in range(5):
        browser.sign_in(row.email, "not the password at all")
    browser.sign_in(row.email, PASSWORD)
    assert not browser.signed_in()
    assert actions(row).count("fail_to_sign_in") == 5


def test_many_attempts_from_one_address_get_429(browser: Browser) -> None:
    """The thirty-first form within a minute is not read."""
    codes = [browser.sign_in(f"u{number}@example.com", "x" * 12).status_code for number in range(31)]
    assert codes[-1] == 429
    assert 429 not in codes[:20]


def test_session_changes_its_name_at_log_in(browser: Browser) -> None:
    """A session that somebody planted in a browser before the log-in is not the one that is signed in after it."""
    row = somebody()
    browser.client.get("/login")
    store = browser.client.session
    store["planted"] = True
    store.save()
    browser.client.cookies[settings.SESSION_COOKIE_NAME] = str(store.session_key)
    before = str(store.session_key)
    browser.sign_in(row.email, PASSWORD)
    after = browser.client.cookies[settings.SESSION_COOKIE_NAME].value
    assert browser.signed_in()
    assert before != after
    other = Browser()
    other.client.cookies[settings.SESSION_COOKIE_NAME] = before
    assert not other.signed_in()


def test_sign_out_ends_the_session_for_good(browser: Browser) -> None:
    """The cookie of before is worth nothing afterwards."""
    row = somebody()
    browser.sign_in(row.email, PASSWORD)
    kept = browser.client.cookies[settings.SESSION_COOKIE_NAME].value
    browser.send("/logout")
    other = Browser()
    other.client.cookies[settings.SESSION_COOKIE_NAME] = kept
    assert not other.signed_in()
    assert not browser.signed_in()
    assert actions(row)[-1] == "sign_out"


def test_sign_out_everywhere_ends_all_browsers(browser: Browser) -> None:
    """One button signs every browser out, the one that pressed it too."""
    row, second = somebody(), Browser()
    for each in (browser, second):
        each.sign_in(row.email, PASSWORD)
    assert second.signed_in()
    browser.send("/account/sessions/end", form="/account")
    assert not browser.signed_in()
    assert not second.signed_in()
    assert not BrowserSession.objects.filter(operator=row).exists()


def test_a_session_whose_row_came_back_is_still_over(browser: Browser) -> None:
    """Signing out everywhere counts by the operator's generation: even a session row that was restored does not open."""
    row = somebody()
    browser.sign_in(row.email, PASSWORD)
    kept = BrowserSession.objects.get(operator=row)
    services.sign_out_everywhere(ROOT, row.id)
    kept.save(force_insert=True)
    assert not browser.signed_in()


def test_one_of_ones_own_sessions_can_be_ended_and_nobody_elses(browser: Browser) -> None:
    """The account page ends another browser of the same person; another person's session answers 404."""
    row, second, stranger = somebody(), Browser(), Browser()
    browser.sign_in(row.email, PASSWORD)
    second.sign_in(row.email, PASSWORD)
    stranger.sign_in(somebody("viewer").email, PASSWORD)
    own = BrowserSession.objects.filter(operator=row).order_by("created_at").last()
    foreign = BrowserSession.objects.get(operator__email="viewer@example.com")
    assert own is not None
    assert browser.send(f"/account/sessions/{foreign.id}/end", form="/account").status_code == 404
    assert stranger.signed_in()
    browser.send(f"/account/sessions/{own.id}/end", form="/account")
    assert browser.signed_in()
    assert not second.signed_in()


def test_disabling_ends_sessions_at_once(browser: Browser) -> None:
    """Whoever is switched off is out with their next request, and does not get in again."""
    row = somebody("viewer")
    browser.sign_in(row.email, PASSWORD)
    services.update_operator(ROOT, row.id, {"active": False})
    assert not browser.signed_in()
    browser.sign_in(row.email, PASSWORD)
    assert not browser.signed_in()


def test_role_counts_from_the_next_request(browser: Browser) -> None:
    """A session holds no role: what somebody may do is read with every request."""
    row = somebody("operator")
    browser.sign_in(row.email, PASSWORD)
    services.update_operator(ROOT, row.id, {"role": "viewer"})
    assert b"viewer" in browser.get("/account").content


def test_password_change_ends_other_sessions_and_keeps_this_one(browser: Browser) -> None:
    """With a new password the other browsers are out, this one stays, and the old password is worth nothing."""
    row, second = somebody(), Browser()
    for each in (browser, second):
        each.sign_in(row.email, PASSWORD)
    answer = browser.send("/account/password", {"password": "four dry otters sing", "repeated": "four dry otters sing"})
    assert answer.status_code == 302
    assert browser.signed_in()
    assert not second.signed_in()
    assert not Operator.objects.get().check_password(PASSWORD)


@pytest.mark.parametrize("weak", ["short", "password1234", "admin@example.com", "x" * 1001])
def test_weak_passwords_are_refused(browser: Browser, weak: str) -> None:
    """Too short, well known, like one's own name, or of a length that only burns time."""
    row = somebody()
    browser.sign_in(row.email, PASSWORD)
    answer = browser.send("/account/password", {"password": weak, "repeated": weak})
    assert answer.status_code == 422
    row.refresh_from_db()
    assert row.check_password(PASSWORD)


def test_without_local_log_in_no_route_of_it_answers(browser: Browser) -> None:
    """With login.local off, passwords, admin links and their pages are not there."""
    row = somebody()
    browser.sign_in(row.email, PASSWORD)
    secret = services.issue_link(ROOT).secret.text
    policy.use(lambda: policy.LoginPolicy(local=False))
    other = Browser()
    assert other.send("/login", {"login": row.email, "password": PASSWORD}, form="/account").status_code in (403, 404)
    assert other.get(f"/welcome/{secret}").status_code == 404
    assert other.get("/welcome").status_code == 404
    assert browser.get("/login/again").status_code == 404
    assert browser.get("/account/password").status_code == 404
    assert b"password" not in other.get("/login").content
    with pytest.raises(StationmasterError, match="switched off"):
        services.issue_link(ROOT)


def test_next_leads_nowhere_else(browser: Browser) -> None:
    """After signing in nobody is sent to another host."""
    row = somebody()
    answer = browser.send("/login", {"login": row.email, "password": PASSWORD, "next": "https://evil.example/x"})
    assert answer.status_code == 302
    assert "evil" not in answer["Location"]


def test_session_is_over_at_its_moment(browser: Browser) -> None:
    """A session that is used all the time still ends when its time has come."""
    row = somebody()
    browser.sign_in(row.email, PASSWORD)
    held = BrowserSession.objects.get(operator=row)
    assert browser.signed_in()
    again = BrowserSession.objects.get(operator=row)
    assert abs((again.expires_at - held.expires_at).total_seconds()) < 2
    BrowserSession.objects.update(expires_at=held.created_at)
    assert not browser.signed_in()


def test_nothing_of_a_session_is_stored_in_the_clear(browser: Browser) -> None:
    """The cookie's value is not in the database, and neither is what the session holds."""
    row = somebody()
    browser.sign_in(row.email, PASSWORD)
    held = BrowserSession.objects.get(operator=row)
    key = browser.client.cookies[settings.SESSION_COOKIE_NAME].value
    stored = f"{held.id} {held.data} {held.agent}"
    assert key not in stored
    assert row.id not in held.data
    assert "account_authentication_methods" not in held.data
