"""These tests run on every database."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from alerts.kit import Receiver
from databases import database

__all__ = ["database"]


@pytest.fixture
def receiver(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver on loopback, which an operator's setting lets alerts reach."""
    monkeypatch.setattr(settings, "STATIONMASTER_ALLOWED", ("127.0.0.1",))
    with Receiver() as made:
        yield made
