"""What stands around every page: themes, language, the way back, columns that a reader chose, order by buttons."""

import re

import pytest
from django.http import QueryDict

from console import kit
from console.kit import Stage
from stationmaster.entrances.console import navigation
from stationmaster.entrances.console.icons import ICONS
from stationmaster.entrances.console.pages.acting import _in_order


def test_a_theme_stays(stage: Stage) -> None:
    """It is chosen by a form, leads back to where it was chosen, and stands in the page itself: nothing flashes."""
    browser = kit.signed_in()
    assert 'data-theme="auto"' in kit.page(browser, "/people")
    answer = browser.send("/theme", {"theme": "dark", "back": "/people?search=x"}, form="/people")
    assert answer["Location"] == "/people?search=x"
    assert answer.cookies["theme"]["httponly"]
    assert 'data-bs-theme="dark"' in kit.page(browser, "/people")
    browser.send("/theme", {"theme": "pink", "back": "/"}, form="/people")
    assert 'data-bs-theme="dark"' in kit.page(browser, "/people")


BACK = ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example", "", "people"]


@pytest.mark.parametrize("back", BACK)
def test_the_way_back_is_ours(stage: Stage, back: str) -> None:
    """Whatever is sent along, neither form leads to another site."""
    browser = kit.signed_in()
    assert browser.send("/theme", {"theme": "light", "back": back}, form="/people")["Location"] == "/"
    assert browser.send("/account/language", {"language": "en", "back": back}, form="/people")["Location"] == "/account"


def test_no_secret_address_is_written_down(stage: Stage) -> None:
    """A page whose address holds a secret does not repeat it in its forms."""
    browser = kit.signed_in()
    answer = browser.get("/welcome/not-a-secret-but-it-could-be-one")
    assert "not-a-secret" not in answer.content.decode()


def test_columns_are_chosen_and_kept(stage: Stage) -> None:
    """A list shows the columns that its reader asked for, the next time too; its first column and what can be done stay."""
    browser = kit.signed_in()
    whole = kit.page(browser, "/people")
    places = re.findall(r'name="columns" value="(\d+)" checked', whole)
    assert len(places) > 2
    fewer = kit.page(browser, f"/people?columns=-&columns={places[0]}")
    assert fewer.count("<td data-label") < whole.count("<td data-label")
    assert kit.page(browser, "/people").count("<td data-label") == fewer.count("<td data-label")
    other = kit.signed_in("operator")
    assert kit.page(other, "/people").count("<td data-label") > fewer.count("<td data-label")
    shown = "&".join(f"columns={each}" for each in places)
    assert kit.page(browser, f"/people?columns=-&{shown}").count("<td data-label") == whole.count("<td data-label")


@pytest.mark.parametrize(("move", "order"), [("m:b:up", "bac"), ("m:a:up", "abc"), ("m:b:down", "acb"), ("m:c:down", "abc"),
                                             ("m:x:up", "abc"), ("", "abc"), ("m", "abc"), ("other:a:down", "abc")])  # fmt: skip
def test_rows_move_by_buttons(move: str, order: str) -> None:
    """Without a script a row's own button puts it one place further, and no further than the ends."""
    sent = QueryDict("m=a&m=b&m=c", mutable=True)
    sent["move"] = move
    assert "".join(_in_order(sent).getlist("m")) == order


def test_every_entry_has_a_picture(stage: Stage) -> None:
    """No page of the navigation stands without its icon."""
    assert {each.icon for _, entries in navigation._GROUPS for each in entries} <= ICONS


def test_files_go_out_packed(stage: Stage) -> None:
    """Who takes gzip is given it; who does not is given the file; both may keep it for good."""
    browser = kit.signed_in()
    style = re.search(r'href="(/assets/tabler[^"]+)"', kit.page(browser, "/people"))
    assert style
    plain, packed = browser.get(style[1]), browser.get(style[1], **{"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    assert len(packed.content) < len(plain.content) / 4
    assert "immutable" in packed["Cache-Control"]
