"""`stationmaster backup`, `backup verify` and `restore`, as people run them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

import databases
from backup import kit
from controlkit import ADMIN, SECRET, a_credential
from stationmaster.backup import aside
from stationmaster.credentials.models import Credential
from stationmaster.credentials.services import create_credential
from stationmaster.store import keyholder, migrating
from stationmaster.vault import keyring


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a stocked data folder `one` and a passphrase's file."""
    folder = tmp_path / "one"
    folder.mkdir(mode=0o700)
    keyring.write(databases.RING, folder / keyring.FILE_NAME)
    keyholder.use(databases.RING)
    databases.open_database(f"sqlite:///{databases.copy_of_sqlite(folder)}", folder)
    kit.stocked()
    connections.close_all()
    kit.secret_file(tmp_path)
    return tmp_path


def run(place: Path, *words: str, data: str = "one", code: int = 0) -> tuple[Any, str]:
    """Run it over a data folder; what it printed as JSON, and what it said."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(place), "STATIONMASTER_DATA": str(place / data), "LANG": "C.UTF-8"}
    if url := os.environ.get("STATIONMASTER_DATABASE_URL"):
        environ["STATIONMASTER_DATABASE_URL"] = url
    done = subprocess.run([sys.executable, "-m", "stationmaster", *words], cwd=place, env=environ, capture_output=True, text=True,
                          timeout=120, check=False)  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert kit.PASSPHRASE not in done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout, done.stderr


def test_out_and_back(place: Path) -> None:
    """A file for its owner alone; checked; put back into an empty folder, whose trail holds and whose secrets open; a second
    time only over what was put aside."""
    with_key, json_ = ("--passphrase-file", "passphrase"), ("--output", "json")
    made, _ = run(place, "backup", "--to", "b", *with_key, *json_)
    assert (place / "b").stat().st_mode & 0o777 == 0o600
    assert SECRET.encode() not in (place / "b").read_bytes()
    seen, _ = run(place, "backup", "verify", "b", *with_key, *json_, data="two")
    assert seen["rows"] == made["rows"]
    run(place, "restore", "b", *with_key, "--dry-run", data="two", code=10)
    assert not (place / "two").exists()
    done, _ = run(place, "restore", "b", *with_key, *json_, data="two")
    assert done["ok"]
    head = made["audit"]
    run(place, "audit", "verify", "--since", f"{head['count']}:{head['hash']}", data="two")
    _, said = run(place, "restore", "b", *with_key, data="two", code=1)
    assert "already" in said
    run(place, "restore", "b", *with_key, "--replace", data="two", code=2)
    run(place, "restore", "b", *with_key, "--replace", "--yes", data="two")
    assert len(list((place / "two").glob("before-restore-*/stationmaster.sqlite3"))) == 1


def test_locked_with_the_ring(place: Path) -> None:
    """Without a passphrase the ring is what opens it, and what a new machine has to have."""
    run(place, "backup", "--to", "b")
    _, said = run(place, "restore", "b", data="two", code=1)
    assert "master key" in said
    assert not (place / "two").exists()
    (place / "two").mkdir(mode=0o700)
    keyring.write(databases.RING, place / "two" / keyring.FILE_NAME)
    done, _ = run(place, "restore", "b", "--output", "json", data="two")
    assert done["ok"]


def test_nothing_is_written_before_all_is_checked(place: Path) -> None:
    """A cut file, a changed one, another passphrase: nothing is there afterwards."""
    run(place, "backup", "--to", "b", "--passphrase-file", "passphrase")
    whole = (place / "b").read_bytes()
    (place / "cut").write_bytes(whole[:-1])
    (place / "changed").write_bytes(whole[:-9] + b"x" + whole[-8:])
    (place / "other").write_text("another passphrase\n")
    for file, key in (("cut", "passphrase"), ("changed", "passphrase"), ("b", "other")):
        _, said = run(place, "restore", file, "--passphrase-file", key, data="two", code=1)
        assert "damaged" in said
        assert not (place / "two").exists()


@pytest.fixture
def filled(empty_database: str, tmp_path: Path) -> str:
    """The URL of a stocked database, with the ring beside it in `one`, and a passphrase's file."""
    migrating.migrate()
    kit.stocked()
    connections.close_all()
    (tmp_path / "one").mkdir(mode=0o700)
    keyring.write(databases.RING, tmp_path / "one" / keyring.FILE_NAME)
    kit.secret_file(tmp_path)
    return empty_database


def schemas() -> list[str]:
    """Those of the open database that a restore put aside."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'before_restore_%%'")
        found = sorted(row[0] for row in cursor.fetchall())
    connections.close_all()
    return found


@pytest.mark.parametrize("empty_database", databases.KINDS[1:], indirect=True)
def test_a_server_s_database_is_put_aside(filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --replace PostgreSQL's schema gets another name, and the backup's rows stand in its place; while others are connected
    it is refused."""
    monkeypatch.setenv("STATIONMASTER_DATABASE_URL", filled)
    with_key = ("--passphrase-file", "passphrase")
    run(tmp_path, "backup", "--to", "b", *with_key)
    create_credential(ADMIN, a_credential("later"))
    assert connection.connection is not None
    _, said = run(tmp_path, "restore", "b", *with_key, "--replace", "--yes", code=1)
    assert "others are at work" in said
    connections.close_all()
    run(tmp_path, "restore", "b", *with_key, code=1)
    assert (schemas(), "later" in names()) == ([], True)
    done, _ = run(tmp_path, "restore", "b", *with_key, "--replace", "--yes", "--output", "json")
    assert done["ok"]
    (aside,) = schemas()
    assert "later" not in names()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT name FROM {aside}.credentials_credential")  # noqa: S608  ours
        assert "later" in {row[0] for row in cursor.fetchall()}
    connections.close_all()
    run(tmp_path, "audit", "verify")


@pytest.mark.parametrize("empty_database", databases.KINDS[1:], indirect=True)
def test_it_comes_back_when_the_restore_fails(filled: str, tmp_path: Path) -> None:
    """Whatever was begun in its place goes."""
    before = kit.everything()
    connections.close_all()
    aside.put_aside("before_restore_now")
    migrating.migrate()
    assert names() == set()
    aside.bring_back("before_restore_now")
    assert kit.everything() == before


def names() -> set[str]:
    """Of credentials."""
    found = set(Credential.objects.values_list("name", flat=True))
    connections.close_all()
    return found


def test_what_is_on_the_shelf_is_listed(place: Path) -> None:
    """The newest first, with what opens each; without a folder it says what to set."""
    _, said = run(place, "backup", "list", code=1)
    assert "backup.folder" in said
    shelf = place / "shelf"
    shelf.mkdir()
    (place / "one" / "stationmaster.toml").write_text(f'[backup]\nfolder = "{shelf}"\n')
    for day in (1, 2):
        run(place, "backup", "--to", f"shelf/stationmaster-scheduled-2026010{day}T000000Z.backup")
    told, _ = run(place, "backup", "list", "--output", "json")
    assert [(row["made_at"][:10], row["key"]) for row in told["items"]] == [
        ("2026-01-02", databases.RING.active), ("2026-01-01", databases.RING.active)]  # fmt: skip
