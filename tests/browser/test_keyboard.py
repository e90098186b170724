"""The console by keyboard alone, on a narrow screen, and without scripts."""

from collections.abc import Callable

import pytest

from browser.driving import Visitor
from browser.planes import Plane

pytestmark = pytest.mark.needs("chromium")

_FOCUSED = "document.activeElement"
_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_the_first_key_leads_to_the_content(plane: Plane, visit: Callable[..., Visitor]) -> None:
    """The first Tab reaches a link past the menu, Enter follows it; the next Tab is in the content."""
    page = visit().open("/people")
    page.keyboard.press("Tab")
    assert page.evaluate(f"{_FOCUSED}.getAttribute('href')") == "#main"
    page.keyboard.press("Enter")
    page.wait_for_url("**/people#main")
    page.keyboard.press("Tab")
    assert page.evaluate(f"{_FOCUSED}.closest('main') !== null")


def test_every_menu_entry_can_be_reached(plane: Plane, visit: Callable[..., Visitor]) -> None:
    """Tab goes through the whole menu in its order, with a ring that is seen; Enter opens the page."""
    page = visit().open("/")
    wanted = page.eval_on_selector_all("nav a", "all => all.map(each => each.getAttribute('href'))")
    seen: list[str] = []
    for _ in range(len(wanted) + 6):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(f"{_FOCUSED}.closest('nav') ? {_FOCUSED}.getAttribute('href') : ''"))
        style = page.evaluate(f"(s => s.outlineStyle + s.boxShadow)(getComputedStyle({_FOCUSED}))")
        assert style not in ("nonenone", ""), seen[-1]
    assert [each for each in seen if each in wanted][: len(wanted)] == wanted
    page.focus('nav a[href="/people"]')
    page.keyboard.press("Enter")
    page.wait_for_url("**/people")


def test_a_dialog_opens_holds_and_closes(plane: Plane, visit: Callable[..., Visitor]) -> None:
    """Enter on a link that opens a dialog puts the focus into it, Tab does not leave it, Escape closes it and the focus is back
    on what opened it."""
    visitor = visit()
    pages = (visitor.open(path) for path in plane.everything.addresses())
    page = next(page for page in pages if page.locator("main a[data-dialog]").count())
    opener = page.locator("main a[data-dialog]").first
    opener.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate(f"{_FOCUSED}.closest('dialog') !== null || {_FOCUSED} === document.body")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")
    assert page.evaluate(f"{_FOCUSED}.hasAttribute('data-dialog')")


@pytest.mark.parametrize("path", ["/", "/jobs", "/calendar", "/people", "/seats"])
def test_a_narrow_screen_shows_a_page_whole(plane: Plane, visit: Callable[..., Visitor], path: str) -> None:
    """At 380 pixels no page is wider than the screen, and the menu can be opened."""
    visitor = visit(width=380, height=700)
    page = visitor.open(path)
    assert page.evaluate(_TOO_WIDE) <= 0
    page.click("button[popovertarget=side]")
    assert page.locator("nav a").first.is_visible()


def test_no_page_is_wider_than_the_window(plane: Plane, visit: Callable[..., Visitor]) -> None:
    """At 1280 pixels no page has to be moved sideways."""
    visitor, wide = visit(), {}
    for path in plane.everything.addresses():
        if (beyond := visitor.open(path).evaluate(_TOO_WIDE)) > 0:
            wide[path] = beyond
    assert wide == {}


def test_it_works_without_scripts(plane: Plane, visit: Callable[..., Visitor]) -> None:
    """Without scripts a person is added, found and shown; what opens as a dialog is a page."""
    page = visit(script=False).page
    page.goto("/people/new")
    page.fill('main form input[name="user_name"]', "plain@example.test")
    page.click("main form[method=post] button")
    page.goto("/people?search=plain")
    assert page.locator("main table a", has_text="plain@example.test").count() == 1
