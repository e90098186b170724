"""These tests run on every database, with the sandbox as the issuer; they can say what time it is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from databases import database  # isort: skip  Django is set up here
from stationmaster.credentials.sources import clock
from stationmaster.sandbox.server import SandboxServer

__all__ = ["database"]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxServer]:
    """A sandbox for the whole run."""
    with SandboxServer() as server:
        yield server


@pytest.fixture(autouse=True)
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox is on this machine, and may be reached."""
    monkeypatch.setattr(settings, "STATIONMASTER_ALLOWED", ("127.0.0.1",))


class Time:
    """The refresher's clock: stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def on(self, **by: float) -> None:
        """Let so much time pass."""
        self.now += timedelta(**by)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Time that passes when it is told to."""
    found = Time()
    monkeypatch.setattr(clock, "now", lambda: found.now)
    return found
