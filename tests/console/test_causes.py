"""Why a credential stands as it does: in words on every page that says so, whatever the cause."""

from collections.abc import Iterator
from typing import get_args

import pytest
from django.utils import timezone

from console import kit
from controlkit import ADMIN, a_credential
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential, HealthEvent
from stationmaster.entrances.console.pages import words
from stationmaster.gateway.core import life, verdict


def _meanings(value: object) -> Iterator[str]:
    """The causes in a value of the module that judges answers: of a signal and a cause, in tables or alone."""
    if isinstance(value, tuple) and len(value) == 2 and value[0] in get_args(life.Signal):
        yield str(value[1])
    elif isinstance(value, dict):
        for each in value.values():
            yield from _meanings(each)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _meanings(each)


def test_every_cause_has_words() -> None:
    """Each that the gateway's core can give, and ours where we asked the vendor."""
    known = {cause for value in vars(verdict).values() for cause in _meanings(value)}
    known |= {life.OPERATOR, life.RATE_LIMITED, life.UPSTREAM, *life.OF_SECRETS, "probe"}
    assert len(known) > 7
    assert known == set(words.CAUSES)


@pytest.mark.parametrize(("language", "expected"), [("en", "the vendor wants to be paid first"), ("zh-CN", "厂商要求先付款")])
def test_causes_are_read(database: str, language: str, expected: str) -> None:
    """The list, the page's head and the history say why; a cause that another version knows is shown as it is."""
    row = credentials.create_credential(ADMIN, a_credential("slot"))
    now, given = timezone.now(), {"gateway": "gw-1", "state": "disabled", "code": "", "words": ""}
    for generation, cause in enumerate(("billing", "of_tomorrow"), 1):
        HealthEvent.objects.create(credential_id=row["id"], at=now, cause=cause, generation=generation, **given)
    Credential.objects.filter(id=row["id"]).observe(health="disabled", health_cause="billing", health_at=now)
    browser = kit.signed_in(language=language)
    assert expected in kit.said(kit.page(browser, "/credentials"))
    text = kit.said(kit.page(browser, f"/credentials/{row['id']}"))
    assert text.count(expected) >= 3  # the title, the facts, the history
    assert "of_tomorrow" in text
    assert "billing" not in text


def test_why_it_was_revoked_is_on_its_page(database: str) -> None:
    """What whoever revoked it gave as the reason stands in its head and on its secrets' course, also once the vendor has
    forgotten the secret; one that was revoked without a reason says no more than that."""
    for name, reason in (("slot", "found in a { public } log"), ("other", "")):
        credentials.create_credential(ADMIN, a_credential(name))
        credentials.revoke_credential(ADMIN, name, {"reason": reason})
    browser = kit.signed_in()
    before = kit.said(kit.page(browser, "/credentials/slot"))
    assert before.count("revoked: found in a { public } log") >= 2
    assert before.count("found in a { public } log") >= 4
    credentials.mark_revoked(ADMIN, "slot", {"generation": 1})
    after = kit.said(kit.page(browser, "/credentials/slot"))
    assert after.count("revoked: found in a { public } log") >= 2
    assert after.count("found in a { public } log") >= 4
    assert "revoked: " not in kit.said(kit.page(browser, "/credentials/other"))
