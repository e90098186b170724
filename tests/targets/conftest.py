"""One sandbox for all tests of a module; each makes gateways of its own in it."""

from collections.abc import Iterator

import pytest

from stationmaster.sandbox.server import SandboxServer


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    """A sandbox that is running."""
    with SandboxServer() as server:
        yield server
