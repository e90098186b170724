"""What time it is, for everybody who shares the database. Owns: asking it, since the clocks of hosts differ."""

from datetime import UTC, datetime

from django.db import connection


def now() -> datetime:
    """The database's time."""
    if connection.vendor != "postgresql":
        return datetime.now(UTC)               # SQLite runs in this process
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found.astimezone(UTC)
