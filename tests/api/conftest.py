"""Tests of REST: a whole control plane, served in a thread, on every database, and callers of every role."""

from collections.abc import Iterator

import pytest

from api.kit import Callers, calling
from databases import database
from internal.kit import Control, serving
from stationmaster.entrances.api.caller import rates

__all__ = ["database"]


@pytest.fixture
def control(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Control]:
    """A control plane that takes as many calls as come."""
    monkeypatch.setattr(rates, "_per_second", 1e9)
    with serving() as running:
        yield running


@pytest.fixture
def callers(control: Control) -> Iterator[Callers]:
    """Somebody of each role, and nobody."""
    with calling(control.url) as everyone:
        yield everyone
