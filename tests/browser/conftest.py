"""What tests in a browser share: Chromium, a control plane with something of everything in it, and a whole installation."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from browser.driving import Visitor, aside, chromium
from browser.planes import Plane, filled


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A control plane over SQLite, served in a thread, with something of everything; an admin and a viewer can sign in."""
    with filled(tmp_path_factory.mktemp("plane")) as running:
        yield running


@pytest.fixture(scope="module")
def browser(plane: Plane) -> Iterator[Any]:
    """Chromium, begun after the plane: what makes the plane asks the database where no loop runs yet."""
    with chromium() as running:
        yield running


@pytest.fixture
def visit(plane: Plane, browser: Any) -> Iterator[Callable[..., Visitor]]:
    """Make visitors who are signed in as an admin; each must leave without a complaint of any page."""
    came: list[Visitor] = []

    def make(email: str = "admin@example.com", **how: Any) -> Visitor:
        came.append(Visitor(browser, plane.url, **how))
        return came[-1].sign_in(email)

    yield make
    for each in came:
        each.close()


__all__ = ["aside"]
