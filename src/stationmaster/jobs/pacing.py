"""How fast a vendor is called. Owns: the generic cell rate algorithm over one row a workspace, for all workers together.

Counts calls, not jobs. One conditional update a call: whoever finds no room is told how long to wait, and asks again.
"""

import time
from typing import Final

from django.db import connection, transaction

_SQL_NOW: Final = "extract(epoch from clock_timestamp())"
Values = dict[str, str | float]
# Both databases know this form; the greater of two is spelled differently.
_TAKE: Final = """
UPDATE jobs_pace SET next_at = {greatest}(next_at, {now}) + %(gap)s
WHERE id = %(id)s AND next_at - {now} <= %(slack)s
"""
_LATER: Final = """
INSERT INTO jobs_pace (id, next_at) VALUES (%(id)s, {now} + %(seconds)s)
ON CONFLICT (id) DO UPDATE SET next_at = {greatest}(jobs_pace.next_at, excluded.next_at)
"""


def take(name: str, per_minute: float, burst: int = 1) -> float:
    """Take room for one call of at most `per_minute`, `burst` of them at once; 0.0: go. Else seconds to wait before asking
    again; nothing was taken then. A rate of 0 is none."""
    if per_minute <= 0:
        return 0.0
    gap = 60.0 / per_minute
    slack = gap * (burst - 1) + 1e-6
    values: Values = {"id": name, "gap": gap, "slack": slack}
    if _run(_TAKE, values) or (_is_new(name) and _run(_TAKE, values)):
        return 0.0
    return max(_ahead(name) - slack, 0.001)


def hold_off(name: str, seconds: float) -> None:
    """No call for `seconds`: the vendor said so."""
    _run(_LATER, {"id": name, "seconds": seconds})


def _is_new(name: str) -> bool:
    """Make the row that is missing; whether it was."""
    words = "INSERT INTO jobs_pace (id, next_at) VALUES (%(id)s, 0) ON CONFLICT (id) DO NOTHING"
    return _run(words, {"id": name}) > 0


def _ahead(name: str) -> float:
    """Seconds until the next call would be exactly on time."""
    words, values = _spelled("SELECT next_at - {now} FROM jobs_pace WHERE id = %(id)s", {"id": name})
    with connection.cursor() as cursor:
        cursor.execute(words, values)
        row = cursor.fetchone()
    return float(row[0]) if row else 0.0


def _run(words: str, values: Values) -> int:
    words, values = _spelled(words, values)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(words, values)
        changed: int = cursor.rowcount
        return changed


def _spelled(words: str, values: Values) -> tuple[str, Values]:
    """Hosts' clocks differ, so PostgreSQL's is asked; SQLite's is this machine's."""
    if connection.vendor == "postgresql":
        return words.format(greatest="greatest", now=_SQL_NOW), values
    return words.format(greatest="max", now="%(now)s"), {**values, "now": time.time()}
