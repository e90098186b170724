"""A gateway and simulated vendors of the wire tests' own: short timeouts, small bodies, a private ledger."""

import logging
from collections.abc import Iterator

import pytest

import rig
from stationmaster.sandbox.server import SandboxServer


@pytest.fixture(scope="module")
def upstream() -> Iterator[SandboxServer]:
    """Simulated vendors that nobody else asks."""
    with SandboxServer() as server:
        yield server


@pytest.fixture(scope="module")
def strict(upstream: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway that gives up soon and takes bodies of at most one MiB."""
    settings = rig.snapshot_for(
        upstream.url,
        head_timeout=4.0,
        body_timeout=2.0,
        keepalive_timeout=30.0,
        answer_timeout=10.0,
        idle_timeout=10.0,
        max_body_bytes=2**20,
    )
    with rig.running_gateway(settings) as running:
        yield running


@pytest.fixture(scope="module")
def complaints() -> Iterator[list[str]]:
    """What the event loops logged as errors while a module's tests ran: a mistake of ours, were there any."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            """Keep it."""
            heard.append(self.format(record))

    ear = Ear(logging.ERROR)
    logging.getLogger("asyncio").addHandler(ear)
    yield heard
    logging.getLogger("asyncio").removeHandler(ear)
