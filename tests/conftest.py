"""Fixtures that every room's tests share."""

from collections.abc import Iterator

import pytest

import rig
from stationmaster.sandbox.server import SandboxServer


@pytest.fixture(scope="session")
def vendor() -> Iterator[SandboxServer]:
    """The simulated vendors, one for the whole run."""
    with SandboxServer() as server:
        yield server


@pytest.fixture(scope="session")
def gateway(vendor: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway in front of the simulated vendors, one for the whole run."""
    with rig.running_gateway(rig.snapshot_for(vendor.url)) as running:
        yield running
