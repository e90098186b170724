"""Second factors: asked for, used once, stored sealed."""

import base64
import hashlib
import hmac
import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from databases import RING
from operators.browser import Browser
from operators.people import PASSWORD, ROOT, as_actor, somebody
from stationmaster.audit.models import AuditEvent
from stationmaster.errors import Conflict, StationmasterError
from stationmaster.operators import second_factor, services
from stationmaster.operators.models import BrowserSession, Operator
from stationmaster.store import keyholder, masterkey
from stationmaster.vault import keyring


def totp(secret: str, at: float | None = None) -> str:
    """The code of RFC 6238 for this moment, or another; when this one's is almost over, for the next, once that has begun."""
    while at is None and time.time() % 30 > 20:
        time.sleep(0.2)
    counter = int((time.time() if at is None else at) // 30).to_bytes(8, "big")
    digest = hmac.digest(base64.b32decode(secret), counter, hashlib.sha1)
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start:start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def enrol(browser: Browser, row: Operator) -> tuple[str, list[str]]:
    """Sign in and add an authenticator app through the pages; its secret and the recovery codes."""
    browser.sign_in(row.email, PASSWORD)
    page = browser.get("/account/totp").content.decode()
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert found
    # The page that is fetched for its form token makes a new secret: this is the one that counts.
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    code = totp(found[1])
    answer = browser.client.post("/account/totp", {"csrfmiddlewaretoken": token[1], "code": code})
    assert (answer.status_code, answer["Location"]) == (302, "/account/codes"), answer.content
    codes = re.findall(r"<li>(\d{8})</li>", browser.get("/account/codes").content.decode())
    return found[1], codes


def half_way(row: Operator) -> Browser:
    """A browser that gave the password and is asked for the second factor."""
    browser = Browser()
    answer = browser.sign_in(row.email, PASSWORD)
    assert (answer.status_code, answer["Location"]) == (302, "/login/code")
    return browser


def test_second_factor_is_asked_for(browser: Browser) -> None:
    """With a factor the password alone opens nothing; a code does, once, and a wrong one does not."""
    row = somebody()
    secret, _ = enrol(browser, row)
    other = half_way(row)
    assert not other.signed_in()
    assert other.send("/login/code", {"code": "000000"}).status_code == 200
    assert not other.signed_in()
    cache.clear()      # the code of this half minute was used to enrol
    code = totp(secret)
    other.send("/login/code", {"code": code})
    assert other.signed_in()
    third = half_way(row)
    third.send("/login/code", {"code": code})
    assert not third.signed_in()


def test_recovery_codes_work_once_each_and_are_shown_once(browser: Browser) -> None:
    """Ten codes, each good for one log-in; the page that showed them shows them no more."""
    row = somebody()
    _, codes = enrol(browser, row)
    assert len(set(codes)) == 10
    assert not any(code in browser.get("/account/codes").content.decode() for code in codes)
    first = half_way(row)
    first.send("/login/code", {"code": codes[0]})
    assert first.signed_in()
    second = half_way(row)
    second.send("/login/code", {"code": codes[0]})
    assert not second.signed_in()
    second.send("/login/code", {"code": codes[1]})
    assert second.signed_in()


def test_codes_cannot_be_guessed(browser: Browser) -> None:
    """After five wrong codes the right one is not looked at either."""
    row = somebody()
    _, codes = enrol(browser, row)
    other = half_way(row)
    for _ in range(6):
        other.send("/login/code", {"code": "00000000"})
    other.send("/login/code", {"code": codes[0]})
    assert not other.signed_in()


def test_nothing_of_a_factor_is_stored_in_the_clear(browser: Browser) -> None:
    """Neither the secret nor the seed of recovery codes is in the database, not while it is being set up either."""
    row = somebody()
    browser.sign_in(row.email, PASSWORD)
    page = browser.get("/account/totp").content.decode()
    pending = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert pending
    assert pending[1] not in str(list(BrowserSession.objects.values()))
    secret, codes = enrol(browser, row)
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM mfa_authenticator")
        stored = str(cursor.fetchall())
    assert secret not in stored
    assert "seed" not in stored
    assert stored.count("sealed") == 2
    told = str(list(AuditEvent.objects.values()))
    assert not [each for each in (secret, *codes) if each in told]


def test_a_factor_that_was_moved_does_not_open(browser: Browser) -> None:
    """Who can write to the database cannot give an admin the factor of another account."""
    row = somebody()
    enrol(browser, row)
    other = somebody("viewer")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE mfa_authenticator SET user_id = %s", [other.id])
    with pytest.raises(StationmasterError) as caught:
        list(Authenticator.objects.all())
    assert caught.value.code.startswith("error.vault.")


def test_factors_come_along_when_the_master_key_changes(browser: Browser, tmp_path: Path) -> None:
    """After a rotation they are sealed with the new key, still work, and nothing needs the old key any more."""
    row = somebody()
    _, codes = enrol(browser, row)
    keyring.write(RING, tmp_path / "master.keys")
    keyholder.use(keyring.read(tmp_path / "master.keys"))
    old, new = RING.active, masterkey.rotate(ROOT)
    assert second_factor.key_ids() == {old: 2}
    masterkey.rewrap()
    assert second_factor.key_ids() == {new: 2}
    assert masterkey.users()[old] == 0
    assert second_factor.rewrap() == 0
    other = half_way(row)
    other.send("/login/code", {"code": codes[0]})
    assert other.signed_in()


def test_sessions_come_along_when_the_master_key_changes(browser: Browser, tmp_path: Path) -> None:
    """Nobody is signed out by a rotation: the old key cannot go while a session needs it, and once all is sealed anew it can,
    and who was signed in still is. A session that does not open ends."""
    browser.sign_in(somebody().email, PASSWORD)
    keyring.write(RING, tmp_path / "master.keys")
    keyholder.use(keyring.read(tmp_path / "master.keys"))
    old = RING.active
    masterkey.rotate(ROOT)
    with pytest.raises(Conflict):
        masterkey.retire(ROOT, old)
    BrowserSession.objects.create(
        id="broken", data=BrowserSession.objects.get().data, seen_at=timezone.now(), expires_at=timezone.now() + timedelta(days=1)
    )
    masterkey.rewrap()
    assert masterkey.users()[old] == 0
    masterkey.retire(ROOT, old)
    assert browser.signed_in()
    assert not BrowserSession.objects.filter(id="broken").exists()


def test_adding_a_factor_takes_somebody_who_just_proved_who_they_are(browser: Browser) -> None:
    """A browser that was left open is asked again first; the password lets it go on."""
    row = somebody()
    browser.sign_in(row.email, PASSWORD)
    age(browser, 601)
    answer = browser.get("/account/totp")
    assert (answer.status_code, answer["Location"]) == (302, "/login/again?next=%2Faccount%2Ftotp")
    assert browser.send("/login/again?next=/account/totp", {"password": "wrong wrong wrong"}).status_code == 200
    assert browser.get("/account/totp").status_code == 302
    answer = browser.send("/login/again?next=/account/totp", {"password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/account/totp")
    assert browser.get("/account/totp").status_code == 200


def test_password_change_takes_somebody_who_just_proved_who_they_are(browser: Browser) -> None:
    """The same for one's password."""
    row = somebody()
    browser.sign_in(row.email, PASSWORD)
    age(browser, 601)
    assert browser.get("/account/password").status_code == 302
    browser.send("/account/password", {"password": "four dry otters sing", "repeated": "four dry otters sing"}, form="/account")
    row.refresh_from_db()
    assert row.check_password(PASSWORD)


def test_a_factor_can_be_taken_away_and_the_events_are_there(browser: Browser) -> None:
    """Its removal takes the recovery codes along; adding and removing are in the trail."""
    row = somebody()
    enrol(browser, row)
    assert services.get_operator(ROOT, row.id)["second_factor"]
    assert browser.send("/account/totp/off").status_code == 302
    assert not Authenticator.objects.exists()
    told = set(AuditEvent.objects.filter(subject=row.id).values_list("action", flat=True))
    assert {"add_second_factor", "remove_second_factor"} <= told
    assert Browser().sign_in(row.email, PASSWORD)["Location"] == "/"


def test_recovery_link_takes_the_factor_away(browser: Browser) -> None:
    """An admin who lost the app gets back in by `stationmaster admin link`."""
    row = somebody()
    enrol(browser, row)
    services.redeem(services.issue_link(ROOT).secret.text, services.Newcomer(row.email, "four dry otters sing"))
    assert not Authenticator.objects.exists()
    assert Browser().sign_in(row.email, "four dry otters sing")["Location"] == "/"
    assert as_actor(row).role == "admin"


def age(browser: Browser, seconds: float) -> None:
    """Make the browser's last proof older."""
    store = browser.client.session
    records = store["account_authentication_methods"]
    for record in records:
        record["at"] -= seconds
    store["account_authentication_methods"] = records
    store.save()
