"""What tests of single vendors share: the sandbox, and an organisation at the vendor that a module is about."""

from collections.abc import Iterator

import pytest

from stationmaster.sandbox.admin.organisation import Organisation
from stationmaster.sandbox.server import SandboxServer


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    """One for all tests of a module."""
    with SandboxServer() as server:
        yield server


@pytest.fixture
def organisation(sandbox: SandboxServer, request: pytest.FixtureRequest) -> Organisation:
    """A new one of four people, at the module's `VENDOR`."""
    vendor = request.module.VENDOR.name
    return sandbox.admin.make(vendor, f"{vendor}-{request.node.name}", people=4)
