"""A whole installation over the simulated vendors."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import rig
from stationmaster.sandbox.server import SandboxServer
from up.kit import KEY, ROUTING, Up, running

ALLOWED = {"STATIONMASTER__OUTBOUND__ALLOWED_PRIVATE": "127.0.0.1"}


@pytest.fixture
def routing(tmp_path: Path, vendor: SandboxServer) -> Path:
    """A gateway.toml over the simulated vendors."""
    path = tmp_path / "gateway.toml"
    path.write_text(ROUTING.format(vendor=vendor.url, sha256=rig.sha256(KEY)))
    return path


@pytest.fixture
def up(tmp_path: Path, routing: Path) -> Iterator[Up]:
    """All of it, begun with that file."""
    with running(tmp_path, "--config", str(routing), environ=ALLOWED) as station:
        yield station
