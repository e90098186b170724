"""Browsers are called by their names, whatever they call themselves."""

import re

import pytest

from console import kit
from operators.browser import Browser
from operators.people import PASSWORD, somebody
from stationmaster.entrances.console.agents import told

_MOZILLA = "Mozilla/5.0 "
_LIKE = "AppleWebKit/537.36 (KHTML, like Gecko) "
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) "


@pytest.mark.parametrize(("agent", "expected"), [
    (_MOZILLA + "(X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox 133 on Linux"),
    (_MOZILLA + f"(Windows NT 10.0; Win64; x64) {_LIKE}Chrome/131.0.0.0 Safari/537.36", "Chrome 131 on Windows"),
    (_MOZILLA + f"(Windows NT 10.0; Win64; x64) {_LIKE}Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.86", "Edge 131 on Windows"),
    (_MOZILLA + f"(Macintosh; Intel Mac OS X 10_15_7) {_SAFARI}Version/18.1 Safari/605.1.15", "Safari 18 on macOS"),
    (_MOZILLA + f"(iPhone; CPU iPhone OS 18_1 like Mac OS X) {_SAFARI}Version/18.1 Mobile/15E148 Safari/604.1",
     "Safari 18 on iOS"),
    (_MOZILLA + f"(iPad; CPU OS 18_1 like Mac OS X) {_SAFARI}CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1",
     "Chrome 131 on iPadOS"),
    (_MOZILLA + f"(Linux; Android 10; K) {_LIKE}SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
     "Samsung Internet 27 on Android"),
    (_MOZILLA + f"(X11; CrOS x86_64 14541.0.0) {_LIKE}Chrome/131.0.0.0 Safari/537.36", "Chrome 131 on ChromeOS"),
    (_MOZILLA + f"(X11; Linux x86_64) {_LIKE}HeadlessChrome/131.0.0.0 Safari/537.36", "Chrome 131 on Linux"),
    ("Firefox/133.0", "Firefox 133"),
    ("", ""),
    ("something/1.0", "something/1.0"),
    ("x" * 41, "x" * 40 + "…"),
])  # fmt: skip
def test_a_browser_has_a_name(agent: str, expected: str) -> None:
    """Name, version and system where they can be told; else what it says of itself, cut where that is long."""
    assert told(agent) == expected


def test_the_account_names_browsers(database: str) -> None:
    """The list says the name, the whole of what the browser calls itself on hover; either is text."""
    odd = _MOZILLA + '(X11; Linux x86_64; "><script>alert(1)</script>) Firefox/133.0'
    browser = Browser()
    browser.client.defaults["HTTP_USER_AGENT"] = odd
    browser.sign_in(somebody("viewer").email, PASSWORD)
    text = kit.page(browser, "/account")
    assert "Firefox 133 on Linux" in text
    assert "<script>alert" not in text
    assert re.search(r'<span title="Mozilla/5.0 \(X11; Linux x86_64; &quot;&gt;&lt;script', text)
