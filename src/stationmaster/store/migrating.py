"""Bringing the database up to date. Owns: that one process at a time does it, and that it is done before serving."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from stationmaster.errors import StationmasterError
from stationmaster.store import keyholder
from stationmaster.vault import seal
from stationmaster.vault.keyring import KEY_BYTES

_LOCK = 0x5374_6174_696F_6E6D     # of PostgreSQL's advisory locks: "Stationm"


def migrate() -> None:
    """Apply what is missing, make the head of a new database, and see that the key ring is its own.

    Other processes that call it meanwhile wait for the first, then find nothing to do. Raises `StationmasterError` when
    the database is newer than this program or the ring is another's.
    """
    with _alone():
        _refuse_newer()
        call_command("migrate", verbosity=0, interactive=False)
        _make_head()
    keyholder.digests()


def pending() -> list[str]:
    """The migrations that are still to be applied: `app.name`."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def _refuse_newer() -> None:
    """Old code on a newer database would write rows that lack what the newer code relies on."""
    executor = MigrationExecutor(connection)
    ours = {label for label, _ in executor.loader.graph.nodes}
    unknown = [f"{app}.{name}" for app, name in executor.loader.applied_migrations
               if app in ours and (app, name) not in executor.loader.disk_migrations]
    if unknown:
        raise StationmasterError(
            "error.store.newer_database", f"the database was written by a newer Stationmaster ({unknown[0]})",
            hint="start that version, or bring back the backup made before it", fault="operator",
        )


def _make_head() -> None:
    from stationmaster.store.models import Head

    root = seal.seal(keyholder.ring(), keyholder.ROOT, secrets.token_bytes(KEY_BYTES).hex())
    Head.objects.get_or_create(id=1, defaults={"master_key": keyholder.ring().active, "root": root})


@contextmanager
def _alone() -> Iterator[None]:
    if connection.vendor == "postgresql":
        with _advisory_lock():
            yield
    else:
        with _file_lock(Path(settings.STATIONMASTER_DATA) / "migrate.lock"):
            yield


@contextmanager
def _advisory_lock() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
