"""Migrations: complete, applied by one process at a time, and never backwards."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from databases import RING, open_database
from stationmaster.errors import StationmasterError
from stationmaster.store import keyholder, migrating
from stationmaster.store.models import Head
from stationmaster.vault.keyring import UnknownKey, generate


def test_models_and_migrations_agree(database: str) -> None:
    """Every change of a model has its migration."""
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


def test_the_tool_says_the_same() -> None:
    """`make migrations` finds nothing to write, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.migrations", "--check"], capture_output=True, text=True, timeout=50, check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert "No changes" in done.stdout


def test_an_empty_database_is_brought_up(empty_database: str) -> None:
    """What is pending is said before, nothing is pending after, and a second run changes nothing."""
    assert "store.0001_initial" in migrating.pending()
    migrating.migrate()
    assert migrating.pending() == []
    head = Head.objects.get()
    migrating.migrate()
    assert Head.objects.get().root == head.root
    assert head.master_key == RING.active


def test_starts_at_once_migrate_once(empty_database: str) -> None:
    """Eight starts at the same moment: all of them end well, and there is one head."""
    failed: list[BaseException] = []

    def start() -> None:
        try:
            migrating.migrate()
        except BaseException as error:  # noqa: BLE001  shown below
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert Head.objects.count() == 1


def test_a_newer_database_is_left_alone(database: str) -> None:
    """A database that a newer version has migrated is not served from."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('credentials', '9999_future', CURRENT_TIMESTAMP)"
        )
    with pytest.raises(StationmasterError) as caught:
        migrating.migrate()
    assert caught.value.code == "error.store.newer_database"


def test_another_ring_is_noticed_at_start(database: str) -> None:
    """A key ring that is not this database's stops the start, before anything is served or written."""
    keyholder.use(generate())
    with pytest.raises(UnknownKey):
        migrating.migrate()


def test_lock_file_is_private(empty_database: str) -> None:
    """The lock's file, where there is one, is its owner's alone."""
    open_database(empty_database, settings.STATIONMASTER_DATA)
    migrating.migrate()
    locks = list(settings.STATIONMASTER_DATA.glob("migrate.lock"))
    assert [lock.stat().st_mode & 0o777 for lock in locks] == ([0o600] if connection.vendor == "sqlite" else [])
