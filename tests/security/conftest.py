"""Tests of what must never happen, across entrances: a whole control plane with callers of every role.

On SQLite: what is asked here does not depend on the database, whose own files are looked into as well.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connections

import databases
from api.kit import Callers, calling
from internal.kit import Control, serving
from stationmaster.entrances.api.caller import rates
from stationmaster.operators import policy
from stationmaster.store import keyholder


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A migrated database that holds nothing yet, open in Django; its data folder."""
    keyholder.use(databases.RING)
    monkeypatch.setattr(django_settings, "STATIONMASTER_DATA", tmp_path)
    monkeypatch.setattr(django_settings, "STATIONMASTER_ALLOWED", ())
    databases.open_database(f"sqlite:///{databases.copy_of_sqlite(tmp_path)}", tmp_path)
    yield tmp_path
    connections.close_all()
    policy.use(policy.LoginPolicy)


@pytest.fixture
def control(database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Control]:
    """A control plane that takes as many calls as come."""
    monkeypatch.setattr(rates, "_per_second", 1e9)
    with serving() as running:
        yield running


@pytest.fixture
def callers(control: Control) -> Iterator[Callers]:
    """Somebody of each role, and nobody."""
    with calling(control.url) as everyone:
        yield everyone
