"""What is in a server's database, put aside: its schema gets another name and an empty one takes its place. Owns: that, the way
back, and that nobody else is at work there meanwhile.

PostgreSQL's alone; SQLite's database is a file, which its caller moves.
"""

from django.db import connection, transaction
from django.db.utils import ProgrammingError

from stationmaster.errors import Conflict

_OTHERS = """SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""


def put_aside(name: str) -> None:
    """Call the schema of the open database `name`, with all that is in it, and have an empty one in its place; both or nothing.
    Raises `Conflict` while others are connected, or when the schema is another account's."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_OTHERS)
            if others := cursor.fetchone()[0]:
                message = f"others are at work in the database: sessions: {others}"
                raise Conflict("error.backup.in_use", message, hint="stop every control process and worker first")
            ours = _ours()
            cursor.execute(f"ALTER SCHEMA {ours} RENAME TO {_quoted(name)}")
            cursor.execute(f"CREATE SCHEMA {ours}")
    except ProgrammingError:
        hint = "have its owner do it, or make an empty database and name it with database.url"
        raise Conflict("error.backup.not_ours", "the database's schema is another account's", hint=hint) from None


def bring_back(name: str) -> None:
    """Undo that: what came in its place goes."""
    with transaction.atomic(), connection.cursor() as cursor:
        ours = _ours()
        cursor.execute(f"DROP SCHEMA {ours} CASCADE")
        cursor.execute(f"ALTER SCHEMA {_quoted(name)} RENAME TO {ours}")


def _ours() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return _quoted(str(cursor.fetchone()[0]))


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
