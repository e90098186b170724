"""Pages after a credential was revoked: they say what is left to do, in the reader's words, and offer no way back."""

import pytest

from console import kit
from controlkit import ADMIN, a_credential
from stationmaster.credentials import generations
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential
from stationmaster.routing import services as routing
from stationmaster.store.changes import change

WORDS = {"en": ("is being revoked at the vendor", "kept as the way back", "revoked"),
         "zh-CN": ("正在厂商处吊销", "作为退路保留", "已吊销")}  # fmt: skip


def _revoked() -> str:
    """A credential with a way back, which is then revoked: its page."""
    row = credentials.create_credential(ADMIN, a_credential("slot"))
    credentials.rotate_credential(ADMIN, "slot", {"secret": "sk-proj-the-next-one"})
    with change(ADMIN) as edit:
        slot = Credential.objects.get(name="slot")
        old = generations.promote(edit, slot, slot.generations.get())
        assert old is not None
        generations.keep(edit, old, 1)
    credentials.revoke_credential(ADMIN, "slot", {"reason": "leaked"})
    return f"/credentials/{row['id']}"


@pytest.mark.parametrize("language", list(WORDS))
def test_what_was_revoked_is_no_way_back(database: str, language: str) -> None:
    """Neither the course nor the list of its secrets says of a wiped one that it is kept; why it is off is said in the reader's
    language."""
    left, kept, why = WORDS[language]
    said = kit.said(kit.page(kit.signed_in(language=language), _revoked()))
    assert said.count(left) == 4  # two secrets, in the course and in the list
    assert f": {kept}" not in said  # the course; a label of the page's forms has the words, too
    assert f" {kept} " not in said
    assert why in said


@pytest.mark.parametrize("reason", ["a } b", "{", "{0}", "{}", "revoked {name}"])
def test_a_reason_with_braces_is_data(database: str, reason: str) -> None:
    """Why somebody switched something off is shown as they wrote it, whatever braces are in it."""
    credentials.create_credential(ADMIN, a_credential("slot", disabled=True, disabled_reason=reason))
    given = {"name": "app", "owner": "ada@example.test", "disabled": True, "disabled_reason": reason}
    key = routing.create_key(ADMIN, given).row["id"]
    browser = kit.signed_in(language="zh-CN")
    for path in ("/credentials", "/credentials/slot", "/keys", f"/keys/{key}"):
        assert reason in kit.said(kit.page(browser, path))
