"""These tests run on every database, with the sandbox as the vendor."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from credentials.conftest import near, sandbox
from databases import database

__all__ = ["database", "near", "sandbox"]

_LONGEST = 60  # seconds that such a test may take


@pytest.fixture(autouse=True)
def _one_day() -> None:
    """A test counts days back from today, in this process, the database and the simulated vendor; one that began before
    midnight (UTC) and ended after it would look at other days than it wrote."""
    now = datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    left = (midnight - now).total_seconds()
    if left < _LONGEST:
        time.sleep(left + 1)
