"""Every page can be used by people who do not see or point, or see little: axe finds nothing, in both themes and languages."""

from collections.abc import Callable

import pytest

from browser.driving import Visitor
from browser.planes import Plane

pytestmark = pytest.mark.needs("chromium")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_no_page_shuts_anybody_out(plane: Plane, visit: Callable[..., Visitor], language: str, dark: bool) -> None:
    """No rule of WCAG 2.2 AA that a program can check is broken on any page, nor one of good practice."""
    visitor, found = visit(language=language, dark=dark), []
    for path in plane.everything.addresses():
        visitor.open(path)
        found += [f"{path}: {each}" for each in visitor.axe()]
    assert not found, "\n".join(found)
