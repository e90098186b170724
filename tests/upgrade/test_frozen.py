"""From every version's database to the present, on SQLite and PostgreSQL; and no migration that made one of them changes."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

import databases
from controlkit import ADMIN, CLI, SECRET, a_credential
from stationmaster.audit import services as audit
from stationmaster.backup import rows
from stationmaster.credentials.models import Credential
from stationmaster.credentials.services import create_credential
from stationmaster.errors import StationmasterError
from stationmaster.routing.services import create_key, list_keys
from stationmaster.store import keyholder, masterkey, migrating
from stationmaster.store.listing import Query
from upgrade import freezing

# Django fills these itself when tables come.
_ITS_OWN = {"django_migrations", "django_content_type", "auth_permission"}


@pytest.fixture(params=freezing.names())
def thawed(request: pytest.FixtureRequest, empty_database: str) -> str:
    """The open database as that version left it."""
    freezing.thaw(request.param, empty_database)
    keyholder.use(freezing.RING)
    return str(request.param)


def counts() -> dict[str, int]:
    """How many rows each table has."""
    with connection.cursor() as cursor:
        found = {}
        for name in set(connection.introspection.table_names(cursor)) - _ITS_OWN:
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(name)}")  # noqa: S608  a table's name
            found[name] = cursor.fetchone()[0]
    return found


def shape() -> dict[str, Any]:
    """Each table's columns, what may be empty in them, and its constraints and indexes by what they are of."""
    with connection.cursor() as cursor:
        look = connection.introspection
        return {name: ({(each.name, bool(each.null_ok)) for each in look.get_table_description(cursor, name)},
                       sorted((each["columns"] or [], each["unique"], each["primary_key"], bool(each["foreign_key"]))
                              for each in look.get_constraints(cursor, name).values()))
                for name in look.table_names(cursor)}  # fmt: skip


def test_it_becomes_the_present(thawed: str) -> None:
    """No row is lost, each can be read, each secret opens, the audit trail is whole; and it goes on being written."""
    before = counts()
    migrating.migrate()
    after = counts()
    assert {name: after[name] for name in before if name in after} == before
    assert migrating.pending() == []
    assert masterkey.closed() == ()
    assert {row.name: row.secret.reveal("snapshot") for row in Credential.objects.all()} == {
        f"openai-{number}": f"{SECRET}{number}" for number in range(3)}  # fmt: skip
    assert audit.verify(CLI).ok
    for model in rows.tables(apps):
        assert len(list(model._base_manager.all())) == model._base_manager.count()
    create_credential(ADMIN, a_credential("later"))
    create_key(ADMIN, {"name": "later"})
    assert {row["name"] for row in list_keys(ADMIN, Query()).items} == {freezing.KEY, "later"}
    assert audit.verify(CLI).ok


@pytest.fixture
def fresh(empty_database: str) -> dict[str, Any]:
    """The shape of a database that this version made itself; then the empty database is open again."""
    sqlite = connection.vendor == "sqlite"
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/fresh.sqlite3" if sqlite else databases._new_postgresql("template0")
        databases.open_database(url, Path(folder))
        migrating.migrate()
        made = shape()
    if not sqlite:
        databases._drop(url)
    databases.open_database(empty_database, Path(empty_database.removeprefix("sqlite:///")).parent)
    keyholder.use(freezing.RING)
    return made


@pytest.mark.parametrize("name", freezing.names()[:1])
def test_it_is_shaped_like_a_new_one(fresh: dict[str, Any], empty_database: str, name: str) -> None:
    """Columns, constraints and indexes of the oldest, upgraded, are those of a database that this version made."""
    freezing.thaw(name, empty_database)
    migrating.migrate()
    assert shape() == fresh


def test_what_is_newer_is_refused(thawed: str) -> None:
    """A database that a later version wrote is refused with a way out, and not touched."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('store', '9999_later', CURRENT_TIMESTAMP)")
    before = counts()
    with pytest.raises(StationmasterError, match="newer") as refused:
        migrating.migrate()
    assert "bring back the backup" in refused.value.hint
    assert counts() == before


def test_no_migration_of_a_version_changes() -> None:
    """Databases that are out there were made by these files: a change of the models is a migration of its own."""
    kept, present = freezing.kept_sums(), freezing.sums()
    changed = [path for path, text in kept.items() if present.get(path) != text]
    assert not changed, "undo the change, and write another migration (make migrations)"
