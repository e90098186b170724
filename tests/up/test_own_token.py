"""The token of the gateway beside its control plane: there is always one, and it is always valid."""

import stat
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.utils import timezone

from controlkit import CLI
from databases import database
from stationmaster.cli.planes import own_token
from stationmaster.errors import StationmasterError
from stationmaster.operators import services

__all__ = ["database"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with nothing in it."""
    path = tmp_path / "kept"
    path.mkdir()
    return path


def test_made_once(database: str, folder: Path) -> None:
    """The first look makes it, for its owner's eyes alone; later looks leave it as it is."""
    path = own_token.keep(folder, "here")
    token = path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert services.gateway_actor(token).role == "gateway"
    assert own_token.keep(folder, "here").read_text().strip() == token
    assert [each.name for each in folder.iterdir()] == ["gateway.token"]


@pytest.mark.parametrize(("days", "other"), [(300, False), (340, True)])
def test_exchanged_before_it_runs_out(
    database: str, folder: Path, monkeypatch: pytest.MonkeyPatch, days: int, other: bool
) -> None:
    """A month before its year is over another takes its place; the one before is still let in, until the gateway has the
    new one."""
    before = own_token.keep(folder, "here").read_text().strip()
    later: datetime = timezone.now() + timedelta(days=days)
    monkeypatch.setattr(own_token, "timezone", SimpleNamespace(now=lambda: later))
    after = own_token.keep(folder, "here").read_text().strip()
    assert (after != before) is other
    assert services.gateway_actor(before).id == services.gateway_actor(after).id


@pytest.mark.parametrize("what", ["revoked", "lost", "garbled", "another gateway's"])
def test_made_anew(database: str, folder: Path, what: str) -> None:
    """A token that was revoked, lost or overwritten is replaced by one that is let in."""
    path = own_token.keep(folder, "here")
    if what == "revoked":
        services.delete_gateway_token(CLI, "here")
    elif what == "lost":
        path.unlink()
    elif what == "garbled":
        path.write_bytes(bytes(range(256)))
    else:
        path.write_text(services.create_gateway_token(CLI, {"name": "there"}).secret.text)
    token = own_token.keep(folder, "here").read_text().strip()
    assert services.gateway_actor(token).id == services.get_gateway_token(CLI, "here")["id"]


def test_a_folder_that_cannot_be_written_to(database: str, folder: Path) -> None:
    """A token that nobody could keep is an error; no piece of it stays behind."""
    with pytest.raises((OSError, StationmasterError)):
        own_token.keep(folder / "nowhere", "here")
    assert list(folder.iterdir()) == []
