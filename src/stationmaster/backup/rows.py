"""Rows as lines of JSON that say the same for every database. Owns: the spelling of values, reading all tables as of one
moment, and writing them into a database that has the tables of then.

Sealed texts stay sealed, and are bound to table, row and field, which stay the same: nothing is opened on the way.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from django.apps import apps as present
from django.core.management.color import no_style
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor

from stationmaster.store.sealed import Sealed

# Its tables are for PostgreSQL alone, and are filled again from our jobs.
ENGINES: Final = "procrastinate"
_BATCH: Final = 200
Model = type[models.Model]


@contextmanager
def one_moment() -> Iterator[None]:
    """Read everything as of one moment, while others write. Not Django's `atomic`, which keeps writers out on SQLite."""
    postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if postgresql else "BEGIN")
        try:
            if postgresql:      # a slow disk is no process that stands still
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            yield
        finally:
            cursor.execute("ROLLBACK")


def tables(apps: Any = present) -> list[Model]:
    """The tables whose rows are kept, as models; `apps` are Django's, of now or of some state of the migrations."""
    found = apps.get_models(include_auto_created=True)
    return [model for model in found if model._meta.app_label != ENGINES and model._meta.managed and not model._meta.proxy]


def migrations() -> list[list[str]]:
    """The migrations that made these tables: pairs of app and name."""
    loader = MigrationExecutor(connection).loader
    return sorted([app, name] for app, name in loader.applied_migrations if app != ENGINES and (app, name) in loader.graph.nodes)


def columns(model: Model) -> list[str]:
    """A table's columns, by the names of its model's fields."""
    return [field.attname for field in model._meta.local_concrete_fields]


def batches(model: Model) -> Iterator[list[list[Any]]]:
    """All rows of a table, some at a time, in the order of their keys, as JSON spells them."""
    rows = model._base_manager.order_by("pk").values_list(*columns(model)).iterator(chunk_size=_BATCH)
    while some := list(islice(rows, _BATCH)):
        yield [[_spelt(value) for value in row] for row in some]


def insert(model: Model, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write rows that `batches` read, as they were: no default, no hook, no event."""
    fields = {field.attname: field for field in model._meta.local_concrete_fields}
    quote = connection.ops.quote_name
    into = ", ".join(quote(str(fields[name].column)) for name in names)
    places = ", ".join(["%s"] * len(names))
    words = f"INSERT INTO {quote(model._meta.db_table)} ({into}) VALUES ({places})"  # noqa: S608  names
    chosen = [fields[name] for name in names]
    given = [[field.get_db_prep_save(_read(value), connection) for field, value in zip(chosen, row, strict=True)] for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(words, given)


def count_on(made: Sequence[Model]) -> None:
    """Have numbered rows go on behind those that were written."""
    with connection.cursor() as cursor:
        for words in connection.ops.sequence_reset_sql(no_style(), list(made)):
            cursor.execute(words)


def brought_to(names: Sequence[Sequence[str]]) -> Any:
    """Make the tables as these migrations made them, in a database without any; Django's apps of that state."""
    executor = MigrationExecutor(connection)
    nodes = {(app, name) for app, name in names}
    graph = executor.loader.graph
    last = [node for node in sorted(nodes) if not any(
        child.key in nodes and child.key[0] == node[0] for child in graph.node_map[node].children)]
    executor.migrate(last)
    return executor.loader.project_state(last).apps


def unknown(names: Sequence[Sequence[str]]) -> list[str]:
    """Those of the migrations that this program does not have."""
    graph = MigrationExecutor(None).loader.graph      # of the files alone
    return [f"{app}.{name}" for app, name in names if (app, name) not in graph.nodes]


def written() -> list[str]:
    """The tables that are in the open database already."""
    return connection.introspection.table_names()


def _spelt(value: Any) -> Any:
    """A value for JSON. What it has no word for is an object of one member, whose name says what it is."""
    if isinstance(value, Sealed):
        return value.sealed
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, timedelta):
        return {"microseconds": value // timedelta(microseconds=1)}
    if isinstance(value, bytes | memoryview):
        return {"bytes": base64.b64encode(value).decode()}
    return {"json": value} if isinstance(value, Mapping | list | tuple) else value


def _read(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    (kind, held), = value.items()
    if kind == "time":
        return datetime.fromisoformat(held)
    if kind == "microseconds":
        return timedelta(microseconds=held)
    return base64.b64decode(held) if kind == "bytes" else held


def line(value: Mapping[str, Any]) -> bytes:
    """One line of the file."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
