"""What tests of pages share: browsers of people with each role, and something of everything to look at."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache

from databases import database
from stationmaster.entrances import live
from stationmaster.operators import policy
from stationmaster.settings import Settings

if TYPE_CHECKING:
    from console.kit import Stage

__all__ = ["database"]


@pytest.fixture(autouse=True)
def _clean_process(database: str) -> Iterator[None]:
    """Attempts, policy and settings belong to the process, not to the database."""
    cache.clear()
    live.use(Settings())
    yield
    policy.use(policy.LoginPolicy)
    cache.clear()


@pytest.fixture
def stage(database: str) -> "Stage":
    """A workspace that was read, people in a group that is assigned to it, a plan, jobs, an import."""
    from console import kit

    return kit.stage()
