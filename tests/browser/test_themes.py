"""The theme that is left to the browser is the one that is chosen by hand, with a script or without one."""

from collections.abc import Callable
from typing import Any

import pytest

from browser.driving import Visitor

pytestmark = pytest.mark.needs("chromium")

_LOOKS = """() => [...document.querySelectorAll("html, body, main, main *, aside *, header *")].map(each => {
  const style = getComputedStyle(each);
  return [each.tagName, style.color, style.backgroundColor, style.backgroundImage, style.borderTopColor, style.colorScheme,
          style.stroke, style.boxShadow].join(" ");
})"""


def _looks(visitor: Visitor, path: str) -> Any:
    return visitor.open(path).evaluate(_LOOKS)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_browser_decides(visit: Callable[..., Visitor], dark: bool) -> None:
    """Every element has the same colours where the browser prefers a theme as where somebody chose it, on pages with lists,
    forms and pictures; without a script, too."""
    chosen = visit(dark=not dark)
    chosen.context.add_cookies([{"name": "theme", "value": "dark" if dark else "light", "url": chosen.url}])
    others = [visit(dark=dark, script=script) for script in (True, False)]
    for path in ("/people?search=x", "/credentials/new", "/usage", "/account"):
        expected = _looks(chosen, path)
        assert len(expected) > 50
        for each in others:
            assert [one for one in _looks(each, path) if one not in expected] == [], path
    page = others[0].open("/people")
    page.emulate_media(color_scheme="light" if dark else "dark")
    background = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--page')")
    assert background == ("#f5f6f8" if dark else "#10141b")
