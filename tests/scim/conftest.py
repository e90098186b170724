"""Tests of SCIM: a whole control plane served on a port of this machine, on every database."""

from collections.abc import Iterator

import pytest

from databases import database
from internal.kit import Control, serving
from scim.kit import Directory, directory_of
from stationmaster.entrances.scim.door import rates

__all__ = ["database"]


@pytest.fixture
def control(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Control]:
    """A control plane that takes as many calls as come."""
    monkeypatch.setattr(rates, "_per_second", 1e9)
    with serving() as running:
        yield running


@pytest.fixture
def directory(control: Control) -> Iterator[Directory]:
    """A company's directory that holds a SCIM token."""
    with directory_of(control.url) as asking:
        yield asking
