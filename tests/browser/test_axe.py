"""Every page can be used by people who do not see or point, or see little: axe finds nothing, in both themes and languages."""

from collections.abc import Iterator
from typing import Any

import pytest

from browser.driving import Visitor
from browser.planes import Plane

pytestmark = pytest.mark.needs("chromium")

# The packages of pages, a test each, so that none takes long; and what is shown by none of them.
ROOMS = ("home", "workspaces", "people", "seats", "credentials", "routing", "targets", "traffic", "jobs", "running", "alerts")
OTHERS = ("/account", "/account/password", "/api/docs")


@pytest.fixture(scope="module", params=["en-light", "en-dark", "zh-CN-light", "zh-CN-dark"])
def reader(plane: Plane, browser: Any, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Somebody who reads all pages in one language and theme; no page may have complained when they leave."""
    language, _, theme = request.param.rpartition("-")
    visitor = Visitor(browser, plane.url, language=language, dark=theme == "dark").sign_in()
    yield visitor
    visitor.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("room", [*ROOMS, "others"])
def test_no_page_shuts_anybody_out(plane: Plane, reader: Visitor, room: str) -> None:
    """No rule of WCAG 2.2 AA that a program can check is broken on any page, nor one of good practice."""
    found = []
    for path in plane.everything.rooms()[room] if room in ROOMS else OTHERS:
        page = reader.open(path)
        if path == "/api/docs":
            page.wait_for_selector(".opblock-tag")
        found += [f"{path}: {each}" for each in reader.axe()]
    assert not found, "\n".join(found)


def test_no_page_is_left_out(plane: Plane) -> None:
    """Every page belongs to one of the packages above, and to one alone."""
    rooms = plane.everything.rooms()
    assert set(rooms) == set(ROOMS)
    addresses = [each for found in rooms.values() for each in found]
    assert sorted(addresses) == sorted(set(addresses)) == sorted(plane.everything.addresses())
