"""`stationmaster backup`, `backup verify` and `restore`, as people run them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

import databases
from backup import kit
from controlkit import SECRET
from stationmaster.store import keyholder
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
