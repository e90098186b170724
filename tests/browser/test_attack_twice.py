"""Attacks by impatience: what a dialog sends, it sends once."""

from collections.abc import Callable

import pytest

from browser.driving import Visitor

pytestmark = pytest.mark.needs("chromium")

_MANY_CLICKS = """
    () => {
      const button = document.querySelector("dialog[open] .holds form[method=post] button:not([data-try])");
      for (let times = 0; times < 5; times++) button.click();
    }
"""


def test_a_dialogs_form_is_sent_once(visit: Callable[..., Visitor]) -> None:
    """However often its button is pressed before the answer comes, a form in a dialog is sent once."""
    visitor, sent = visit(), list[str]()
    page = visitor.open("/settings?search=gateway.default_pool")
    page.on("request", lambda asked: sent.append(asked.url) if asked.method == "POST" else None)
    page.locator("main a[data-dialog]").first.click()
    page.wait_for_selector("dialog[open] .holds form[method=post]")
    with page.expect_navigation():
        page.evaluate(_MANY_CLICKS)
    assert len(sent) == 1, sent
