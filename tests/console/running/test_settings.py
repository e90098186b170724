"""Settings on pages: each with its origin, changed where nothing else decides it, locked where something does."""

import html
from urllib.parse import urlencode

import pytest

from console import kit
from stationmaster.entrances import live
from stationmaster.entrances.console.pages.running.dangers import DANGERS
from stationmaster.settings import FIELDS, load
from stationmaster.store import stored


def test_every_setting_has_its_page(database: str) -> None:
    """Each is told with what it is, what is expected and when it takes effect."""
    browser = kit.signed_in()
    text = kit.page(browser, "/settings")
    for name in FIELDS:
        assert name in text
    for name in ("console.port", "mail.host", "tokens.gateway_days", "oidc.viewer_domains"):
        kit.page(browser, f"/settings/{name}")
    kit.page(browser, "/settings/nothing.here", 404)


@pytest.mark.parametrize(("name", "typed", "saved"), [
    ("oidc.viewer_domains", "example.com, example.org", ["example.com", "example.org"]),
    ("tokens.gateway_days", "30", 30),
])  # fmt: skip
def test_a_value_is_saved_and_taken_away(database: str, name: str, typed: str, saved: object) -> None:
    """What is typed is kept as the kind of value it is; taken away, the default holds again."""
    browser = kit.signed_in()
    kit.do(browser, f"/settings/{name}", "save", {"value": typed, "revision": "0"})
    row = stored.load()[name]
    assert row.value == saved
    kit.do(browser, f"/settings/{name}", "clear", {"revision": str(row.revision)})
    assert name not in stored.load()


def test_a_wrong_value_comes_back(database: str) -> None:
    """The form says what is expected, with what was typed, and nothing is saved."""
    answer = kit.do(kit.signed_in(), "/settings/tokens.gateway_days", "save", {"value": "many", "revision": "0"}, 422)
    assert 'value="many"' in answer.content.decode()
    assert "tokens.gateway_days" not in stored.load()


def test_what_something_else_sets_is_locked(database: str) -> None:
    """A value of a flag, a variable or a file shows where it is set, and has no form; sending one is refused."""
    live.use(load(environ={"STATIONMASTER__TOKENS__GATEWAY_DAYS": "45"}))
    browser = kit.signed_in()
    text = kit.page(browser, "/settings/tokens.gateway_days")
    assert 'value="save"' not in text
    assert "STATIONMASTER__TOKENS__GATEWAY_DAYS" in text
    kit.do(browser, "/settings/tokens.gateway_days", "save", {"value": "30", "revision": "0"}, 409)


@pytest.mark.parametrize(("language", "search"), [("en", "How LONG event"), ("en", "retention.raw_"), ("zh-CN", "保留 事件")])
def test_settings_are_searched(database: str, language: str, search: str) -> None:
    """By the name, the description in the reader's language and the section; what was typed stays in the field."""
    text = kit.page(kit.signed_in(language=language), f"/settings?{urlencode({'search': search})}")
    assert "retention.raw_events_days" in text
    assert "console.port" not in text
    assert f'type="search" name="search" class="form-control" id="field-1" value="{search}"' in text
    assert 'value="test_mail"' not in text


def test_no_setting_is_found(database: str) -> None:
    """What nothing matches is said; it is text, whatever it is."""
    text = kit.page(kit.signed_in(), f"/settings?{urlencode({'search': '<b>nothing'})}")
    assert "No setting is like that." in text
    assert "<b>nothing" not in text


def test_dangerous_settings_stand_apart(database: str) -> None:
    """They come last, each once, with what can happen; the page of one says so, too."""
    browser = kit.signed_in()
    before, zone = kit.page(browser, "/settings").split("danger-zone")
    assert set(DANGERS) <= set(FIELDS)
    for name, why in DANGERS.items():
        assert f">{name}<" not in before, name
        assert f">{name}<" in zone, name
        assert why in html.unescape(zone)
    assert "shut out" in kit.page(browser, "/settings/login.local")
