"""Attacks by sending twice: what a form did is done once, whether it is reloaded, sent again from the page before, or sent from a
page that is older than its thing."""

import re
from typing import Any

import pytest

from console import kit
from controlkit import ADMIN
from operators.browser import Browser
from stationmaster.jobs.models import Job
from stationmaster.routing import services as routing
from stationmaster.workspaces import services as workspaces

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


def _twice(browser: Browser, path: str, **fields: str) -> tuple[Any, Any]:
    """The answers to one form that is sent, and sent again as it is."""
    found = _TOKEN.search(kit.page(browser, path))
    assert found
    sent = {"csrfmiddlewaretoken": found[1], **fields}
    return browser.client.post(path, sent), browser.client.post(path, sent)


@pytest.mark.parametrize("path", ["/keys/new", "/tokens", "/calendar", "/gateways"])
def test_secrets_are_made_once(database: str, path: str) -> None:
    """A reload of the answer that shows a secret makes no second one and shows none."""
    browser = kit.signed_in()
    fields = {
        "/keys/new": {"do": "create", "owner": "team", "models": "*"},
        "/tokens": {"do": "create", "name": "ci", "role": "viewer", "days": "9"},
        "/calendar": {"do": "create", "name": "mine"},
        "/gateways": {"do": "create", "name": "edge", "days": "9"},
    }[path]
    first, second = _twice(browser, path, **fields)
    assert (first.status_code, 'class="once"' in first.content.decode()) == (200, True), kit.said(first.content.decode())[:900]
    assert first["Cache-Control"] == second["Cache-Control"] == "no-store"
    assert (second.status_code, 'class="once"' in second.content.decode()) == (409, False)
    assert "sent before" in second.content.decode()
    secret = re.findall(r'<code class="secret">([^<]+)<', first.content.decode())[0]
    assert all(secret not in kit.page(browser, each) for each in (path, "/keys", "/account"))


def test_a_key_is_rotated_once(database: str) -> None:
    """The form that rotated a key rotates it no more, even after a look at the page."""
    routing.create_key(ADMIN, {"name": "app", "owner": "team"})
    browser = kit.signed_in()
    revision = str(routing.get_key(ADMIN, "app")["revision"])
    first, second = _twice(browser, "/keys/app", do="rotate", revision=revision, grace="86400")
    assert ('class="once"' in first.content.decode(), 'class="once"' in second.content.decode()) == (True, False)
    stale = browser.send("/keys/app", {"do": "rotate", "revision": revision, "grace": "0"})
    assert (stale.status_code, 'class="once"' in stale.content.decode()) == (412, False)


def test_what_was_refused_can_be_sent_again(database: str) -> None:
    """What was wrong, and was put right elsewhere, is no second sending."""
    browser = kit.signed_in()
    routing.create_key(ADMIN, {"name": "app", "owner": "team"})
    found = _TOKEN.search(kit.page(browser, "/keys/new"))
    assert found
    sent = {"csrfmiddlewaretoken": found[1], "do": "create", "name": "app", "owner": "team", "models": "*"}
    assert browser.client.post("/keys/new", sent).status_code == 409
    routing.delete_key(ADMIN, "app")
    assert 'class="once"' in browser.client.post("/keys/new", sent).content.decode()


def test_a_plan_is_approved_and_applied_once(database: str) -> None:
    """Approving and applying a second time, from the page as it was, does nothing more."""
    stage, browser = kit.stage(), kit.signed_in()
    digest = str(workspaces.get_plan(ADMIN, stage.plan)["hash"])
    path = f"/plans/{stage.plan}"
    first, second = _twice(browser, path, do="approve", hash=digest)
    assert (first.status_code, second.status_code) == (302, 409)
    assert workspaces.get_plan(ADMIN, stage.plan)["state"] == "approved"
    first, second = _twice(browser, path, do="apply")
    assert (first.status_code, second.status_code) == (302, 409)
    assert Job.objects.filter(kind="apply").count() == 1
