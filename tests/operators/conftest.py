"""What tests of operators share: browsers, and a process that remembers nothing of the test before."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from databases import database
from operators.browser import Browser
from stationmaster.operators import policy

__all__ = ["database"]


@pytest.fixture(autouse=True)
def _clean_process() -> Iterator[None]:
    """Attempts and policy belong to the process, not to the database."""
    cache.clear()
    yield
    policy.use(policy.LoginPolicy)
    cache.clear()


@pytest.fixture
def browser(database: str) -> Browser:
    """A browser that is not signed in."""
    return Browser()
