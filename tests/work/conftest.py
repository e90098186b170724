"""These tests run on every database, with the sandbox as the vendor, which lists at once what was written."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings

from databases import database
from stationmaster.entrances import policies
from stationmaster.sandbox.server import SandboxServer
from stationmaster.settings import Settings
from work.kit import Mailbox, rules

__all__ = ["database"]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxServer]:
    """A sandbox for the whole run."""
    with SandboxServer() as server:
        yield server


@pytest.fixture(autouse=True)
def near(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The sandbox is on this machine, and may be reached."""
    policies.use(Settings)      # a test before may have had the rules come from a database that is gone
    monkeypatch.setattr(settings, "STATIONMASTER_ALLOWED", ("127.0.0.1",))
    with rules(listed_after=timedelta(0)):
        yield


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A relay that keeps what it gets, and is where mail goes."""
    with Mailbox() as box:
        box.use()
        yield box
