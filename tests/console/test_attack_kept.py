"""Attacks by what a browser keeps and brings along: columns, filters, theme, language, where to go on to. None leads to another
site, into a header, or to an error of ours."""

import itertools

import pytest

from console import kit
from console.everything import everything
from operators.browser import Browser
from operators.people import PASSWORD, somebody

_ABROAD = (
    "https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
    "http:evil.example", "javascript:alert(1)", "/%0d%0aSet-Cookie:%20a=b", "/\r\nSet-Cookie: a=b", "https://127.0.0.1:4001@evil.example/",
    "//127.0.0.1:4001.evil.example", "/x\0y", " //evil.example", "https:///evil.example", "\u2028//evil.example", "/\u00e9\u4f60",
)  # fmt: skip
_HOSTILE = ("\0", "-", "1' OR '1'='1", "<script>", "\r\nX: y", "\ud7ff", "9" * 4000, "-1", "%00", "\u202e", "NaN", "{}", "[]")


def _stays(location: str) -> bool:
    return location.startswith("/") and not location.startswith(("//", "/\\")) and "\r" not in location and "\n" not in location


@pytest.mark.parametrize("path", ["/theme", "/account/language"])
def test_back_leads_nowhere_else(database: str, path: str) -> None:
    """A switch of theme or language goes back to a page of ours, whatever the form says, and sets no header of somebody's."""
    browser = kit.signed_in()
    for back in _ABROAD:
        answer = browser.send(path, {"back": back, "theme": "dark", "language": "en"}, form="/account")
        if answer.status_code == 302:
            assert _stays(answer["Location"]), (back, answer["Location"])
        else:
            assert answer.status_code in (400, 422), (back, answer.status_code)
        assert "a" not in answer.cookies


def test_next_leads_nowhere_else(database: str) -> None:
    """Neither signing in nor proving again who one is leads to another site."""
    somebody()
    for to in _ABROAD:
        browser = Browser()
        answer = browser.client.get("/login", {"next": to})
        assert answer.status_code in (200, 400), (to, answer.status_code)
        answer = browser.send("/login", {"login": "admin@example.com", "password": PASSWORD, "next": to}, form="/login")
        assert answer.status_code in (302, 400, 429), (to, answer.status_code)
        assert answer.status_code != 302 or _stays(answer["Location"]), (to, answer["Location"])
        answer = browser.send("/login/again", {"password": PASSWORD, "next": to})
        assert answer.status_code != 302 or _stays(answer["Location"]), (to, answer["Location"])
        assert answer.status_code < 500, (to, answer.status_code)


def test_themes_and_languages_that_are_none(database: str) -> None:
    """A cookie, a header or a form that names no theme or language changes nothing, and breaks nothing."""
    browser = kit.signed_in()
    for value in _HOSTILE:
        browser.client.cookies["theme"] = "auto"
        assert browser.send("/theme", {"theme": value}, form="/account").cookies.get("theme") is None
        assert browser.send("/account/language", {"language": value}, form="/account").status_code < 500
        carried = value.replace("\r\n", "").encode().decode("latin-1")  # as servers hand on what comes in a header
        browser.client.cookies["theme"] = carried
        for languages in (carried, f"{carried};q=nan", "zh-" + carried, ",".join([carried] * 50)):
            answer = browser.client.get("/account", headers={"accept-language": languages})
            assert answer.status_code == 200
            assert 'data-theme="auto"' in answer.content.decode()


def test_columns_and_filters_that_are_none(database: str) -> None:
    """Columns that are no columns are left out and not kept; every list stands what was chosen for another one."""
    all_of_it, browser = everything(), kit.signed_in()
    lists = [each for each in all_of_it.addresses() if each.count("/") == 1]
    for path, value in itertools.product(lists, (*_HOSTILE, "0", "1,2", "key")):
        answer = browser.client.get(path, {"columns": [value, value], "filter": ""})
        assert answer.status_code in (200, 302, 400, 422), (path, value, answer.status_code)
    for path in lists:
        assert browser.get(path).status_code in (200, 302), path
    held = browser.client.session
    assert len(str(dict(held.items()))) < 20_000
    for kept in ({"columns": {"people": ["99", "-1", "x"], "keys": []}, "columns of requests": ["nope"]}, {"told": "<script>`"}):
        held.update(kept)
        held.save()
        assert {path: browser.get(path).status_code for path in lists if browser.get(path).status_code >= 400} == {}
        assert "<script>`" not in browser.get("/people").content.decode()
