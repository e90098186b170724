"""Tests of the gateways' door: a whole control plane, served in a thread, on every database."""

from collections.abc import Iterator

import pytest

from databases import database
from internal.kit import Control, serving

__all__ = ["database"]


@pytest.fixture
def control(database: str) -> Iterator[Control]:
    """A control plane with one gateway token."""
    with serving() as running:
        yield running
