"""What people, vendors and gateways wrote runs nowhere in a browser, turns nothing round, and widens nothing."""

from collections.abc import Callable

import pytest

from browser.driving import Visitor, aside
from browser.planes import Plane
from console import marks

pytestmark = pytest.mark.needs("chromium")

# Where a text that turns the direction stands beside other text, without being set apart from it.
_LOOSE = """
() => {
  const found = [], walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    if (!/[\\u202a-\\u202e\\u2066-\\u2069]/.test(walk.currentNode.data)) continue;
    const within = walk.currentNode.parentElement;
    if (!within.getClientRects().length) continue;
    const style = getComputedStyle(within).unicodeBidi;
    if (!/isolate|plaintext/.test(style)) found.push(within.outerHTML.slice(0, 120));
  }
  return found;
}
"""
_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.timeout(600)
def test_what_was_stored_is_text(plane: Plane, visit: Callable[..., Visitor]) -> None:
    """On every page: no script of it runs, a direction that it changes ends with it, and no word is wider than the page."""
    visitor, wrong = visit(), {}
    addresses = plane.everything.addresses()
    aside(marks.put)
    for path in addresses:
        visitor.check()
        answer = visitor.page.goto(path, wait_until="load")
        assert answer is not None
        if answer.status != 404:
            wrong[path] = [
                *(["a script ran"] if visitor.page.evaluate("window.pwned") else []), *visitor.page.evaluate(_LOOSE),
                *(["it is too wide"] if visitor.page.evaluate(_TOO_WIDE) > 0 else []),
                *([f"status {answer.status}"] if answer.status != 200 else []),
            ]  # fmt: skip
        else:
            visitor.wrong.clear()     # the browser says in its console that there is nothing there
    assert {path: each for path, each in wrong.items() if each} == {}
