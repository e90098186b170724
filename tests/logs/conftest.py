"""Tests of the log: this process's loggers, as they were before when a test is over; and a control plane that is served."""

import logging
from collections.abc import Iterator

import pytest

from databases import database
from internal.kit import Control, serving
from stationmaster import logs

__all__ = ["database"]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Levels and handlers are those of before."""
    root = logging.getLogger()
    handlers, names = list(root.handlers), ("", "stationmaster", "django", "uvicorn", "uvicorn.access", logs.REQUESTS)
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def control(database: str) -> Iterator[Control]:
    """A control plane."""
    with serving() as running:
        yield running
