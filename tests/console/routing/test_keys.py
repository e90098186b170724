"""Pages of virtual keys: a key is shown once, in the answer that made it, and is somebody's."""

import re

import pytest

from console import kit
from controlkit import ADMIN, a_credential, a_pool
from stationmaster.credentials import services as credentials
from stationmaster.entrances.console.pages.routing import clients
from stationmaster.routing import services as routing
from stationmaster.routing.models import VirtualKey

_KEY = re.compile(r"sm-[A-Za-z0-9_-]{20,}")
_EVIL = "<script>alert(1)</script>"


def a_key(name: str = "team-a", **more: object) -> str:
    """The id of one."""
    return str(routing.create_key(ADMIN, {"name": name, "owner": "ada", **more}).row["id"])


def test_made_and_shown_once(database: str) -> None:
    """The answer to the form holds the key; its page, its list and the audit trail never do; without an owner none is made."""
    browser = kit.signed_in()
    again = kit.do(browser, "/keys/new", "create", {"name": "app", "models": "*"}, 422).content.decode()
    assert "is needed" in again
    assert not VirtualKey.objects.exists()
    given = {"name": "app", "owner": "the app", "models": "gpt-*\nclaude-*", "month_usd": "12.5", "rpm": "60"}
    text = kit.do(browser, "/keys/new", "create", given, 200).content.decode()
    found = _KEY.findall(text)
    assert found
    row = VirtualKey.objects.get(name="app")
    assert (row.owner, row.models, row.rpm, row.budget_month) == ("the app", ["gpt-*", "claude-*"], 60, 12_500_000_000)
    for path in ("/keys", f"/keys/{row.id}"):
        assert found[0] not in kit.page(browser, path)
    assert "ANTHROPIC_BASE_URL" in kit.page(browser, f"/keys/{row.id}")


def test_what_can_be_done_to_one(database: str) -> None:
    """Changed, refused with its words, switched off and on, rotated with both let in, deleted: each by its form."""
    browser, which = kit.signed_in(), a_key()
    path = f"/keys/{which}"
    again = kit.do(browser, path, "save", {"owner": "ada", "models": "*", "day_usd": "much"}, 422).content.decode()
    assert "much" in again
    kit.do(browser, path, "save", {"owner": "team b", "models": "gpt-5.5", "day_usd": "1", "expires": "2099-01-31"})
    row = VirtualKey.objects.get()
    assert (row.owner, row.models, row.budget_day, bool(row.expires)) == ("team b", ["gpt-5.5"], 1_000_000_000, True)
    kit.do(browser, path, "disable", {"reason": "on holiday"})
    assert "on holiday" in kit.page(browser, path)
    kit.do(browser, path, "enable")
    text = kit.do(browser, path, "rotate", {"grace": "86400"}, 200).content.decode()
    assert _KEY.search(text)
    assert "two keys are let in" in kit.page(browser, path)
    assert kit.do(browser, path, "delete", {"sure": "on"})["Location"] == "/keys"
    assert not VirtualKey.objects.exists()


def test_who_sees_and_does_what(database: str) -> None:
    """A viewer sees keys and can change none; a member sees none but their own."""
    which = a_key()
    viewer, member = kit.signed_in("viewer"), kit.signed_in("member")
    text = kit.page(viewer, f"/keys/{which}")
    assert "Delete it" not in text
    assert kit.page(viewer, "/keys/new", 403)
    assert viewer.send(f"/keys/{which}", {"do": "delete"}).status_code == 403
    assert "team-a" not in kit.page(member, "/keys")
    assert kit.page(member, f"/keys/{which}", 403)


def test_what_is_stored_stays_text(database: str) -> None:
    """An owner, a tenant and models that are markup are shown as what they are."""
    credentials.create_credential(ADMIN, a_credential())
    routing.create_pool(ADMIN, a_pool())
    which = a_key(owner=_EVIL, tenant=_EVIL, models=[_EVIL])
    browser = kit.signed_in()
    for path in ("/keys", f"/keys/{which}", "/keys/new"):
        assert _EVIL not in kit.page(browser, path)


MEANT = [(["*"], "gpt-5.5"), (["con-*"], "MODEL"), (["gpt-*"], "gpt-5.5"), (["con-one"], "con-one")]


@pytest.mark.parametrize(("models", "said"), MEANT)
def test_what_is_pasted_names_a_model_that_the_key_may_use(models: list[str], said: str) -> None:
    """… or a word to put one in for."""
    (curl, *_) = clients.of_key({"models": models}, "http://gateway").snippets
    assert f'"model": "{said}"' in curl.text
