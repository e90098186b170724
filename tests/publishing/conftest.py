"""These tests run on every database, with the sandbox as the target."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from databases import database  # isort: skip  Django is set up here
from credentials.kit import QUICK
from stationmaster.credentials import policy
from stationmaster.credentials.policy import RotationPolicy
from stationmaster.sandbox.server import SandboxServer

__all__ = ["database"]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxServer]:
    """A sandbox for the whole run."""
    with SandboxServer() as server:
        yield server


@pytest.fixture(autouse=True)
def near(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The sandbox is on this machine, and may be reached; rotations take no time."""
    monkeypatch.setattr(settings, "STATIONMASTER_ALLOWED", ("127.0.0.1",))
    policy.use(lambda: QUICK)
    yield
    policy.use(RotationPolicy)
