"""The database: how its URL is read, what rights its files have, and how SQLite is opened."""

import stat
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from stationmaster.errors import StationmasterError
from stationmaster.store.database import database as settings_of
from stationmaster.store.database import prepare
from stationmaster.store.rows import new_id


def test_sqlite_is_the_default(tmp_path: Path) -> None:
    """No URL means a file in the data folder; a relative one is there too, an absolute one where it says."""
    assert settings_of("", tmp_path)["NAME"] == str(tmp_path / "stationmaster.sqlite3")
    assert settings_of("sqlite:///own.db", tmp_path)["NAME"] == str(tmp_path / "own.db")
    assert settings_of("sqlite:////var/own%20one.db", tmp_path)["NAME"] == "/var/own one.db"


def test_postgresql_url(tmp_path: Path) -> None:
    """Every part of a URL is used, percent-encoding undone."""
    values = settings_of("postgresql://us%40er:p%2Fw@db.example:6432/na%20me?sslmode=verify-full", tmp_path)
    assert (values["USER"], values["PASSWORD"], values["HOST"], values["PORT"], values["NAME"]) == (
        "us@er", "p/w", "db.example", "6432", "na me",
    )
    assert values["OPTIONS"]["sslmode"] == "verify-full"
    assert settings_of("postgres:///name?host=/run/postgresql", tmp_path)["HOST"] == "/run/postgresql"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:hunter2@host/name", "postgresql://user:hunter2@host", "postgresql://user:hunter2@host:port/name",
        "postgresql://user:hunter2@host/name?passfile=/etc/passwd", "postgresql://user:hunter2@host/name?options=-chunter2",
        "hunter2", "postgresql://[hunter2/name",
    ],
)
def test_bad_urls_are_refused_unrepeated(tmp_path: Path, url: str) -> None:
    """What cannot be used is refused, and nothing that may be a password is repeated."""
    with pytest.raises(StationmasterError) as caught:
        settings_of(url, tmp_path)
    assert caught.value.code == "error.store.database_url"
    assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"


def test_files_are_private(tmp_path: Path) -> None:
    """The database's folder is its owner's alone, and so is the file, before anything is in it."""
    values = settings_of("", tmp_path / "data")
    prepare(values)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(values["NAME"]).stat().st_mode) == 0o600


def test_sqlite_beside_files_are_private(database: str) -> None:
    """The files that SQLite keeps beside the database have its rights."""
    if database == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("UPDATE store_head SET revision = revision")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in settings.STATIONMASTER_DATA.glob("*sqlite3*")}
        assert set(modes) >= {"stationmaster.sqlite3", "stationmaster.sqlite3-wal"}
        assert set(modes.values()) == {0o600}


def test_who_stands_still_in_a_transaction_holds_nobody_up(database: str) -> None:
    """PostgreSQL ends a session that does nothing inside of a transaction for a minute: a process that was stopped there would
    keep its locks, and a job that another worker takes up would wait for them for ever."""
    if database == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SHOW idle_in_transaction_session_timeout")
            assert cursor.fetchone() == ("1min",)


def test_sqlite_is_opened_for_many_writers(database: str) -> None:
    """SQLite keeps a write-ahead log, waits for other writers, holds foreign keys, and does not lose what it confirmed."""
    if database == "sqlite":
        pragmas = {}
        with connection.cursor() as cursor:
            for name in ("journal_mode", "busy_timeout", "foreign_keys", "synchronous"):
                cursor.execute(f"PRAGMA {name}")
                pragmas[name] = cursor.fetchone()[0]
        assert pragmas == {"journal_mode": "wal", "busy_timeout": 20_000, "foreign_keys": 1, "synchronous": 2}


def test_ids_sort_by_their_time() -> None:
    """Ids have their prefix and 26 characters, never come twice, and later ones sort behind earlier ones."""
    ids = [new_id("cred") for _ in range(10_000)]
    assert len(set(ids)) == len(ids)
    assert all(len(each) == 31 and each.startswith("cred_") for each in ids)
    times = [each[5:15] for each in ids]
    assert times == sorted(times)
