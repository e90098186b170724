"""A plan's steps, written down. Owns: how tens of thousands of rows get into the table at once.

From bare values, by statements of `_AT_ONCE` rows: rows as objects, each of whose columns Django prepares for itself, cost
several times what the database does (docs/decisions/0015-plans.md). By `executemany` though one holds several: psycopg reads a
long statement anew each time that `execute` is given it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from django.db import connection

from stationmaster.store.jsontext import written
from stationmaster.workspaces import planning
from stationmaster.workspaces.models import PlanStep

Row = tuple[Any, ...]
Pairs = tuple[tuple[str, object], ...]
# What a new step holds, in the order of `_rows`; every other column begins as its field says.
_HELD: Final = ("plan", "position", "workspace", "kind", "person", "known_as", "member", "invite", "before", "after", "reason",
         "facts")  # fmt: skip
_AT_ONCE: Final = 50       # rows of one statement: more gain nothing
_NOTHING: Final = written({})


def store(plan: str, steps: Iterable[planning.Step]) -> None:
    """Save the steps of the new plan with this id, in their order, in the open transaction. What a person is written to by is not
    kept with a step: it stays with the person."""
    begun = _as_begun()
    quoted, called = connection.ops.quote_name, {field.name: str(field.column) for field in PlanStep._meta.concrete_fields}
    columns = [quoted(called[name]) for name in (*_HELD, *begun)]
    insert = f"INSERT INTO {quoted(PlanStep._meta.db_table)} ({', '.join(columns)}) VALUES "  # noqa: S608  names are our own
    places = f"({', '.join(['%s'] * len(columns))})"
    rows = list(_rows(plan, steps, tuple(begun.values())))
    rest = len(rows) - len(rows) % _AT_ONCE
    with connection.cursor() as cursor:
        for some, size in ((rows[:rest], _AT_ONCE), (rows[rest:], 1)):
            cursor.executemany(insert + ", ".join([places] * size), list(_together(some, size)))


def _together(rows: Sequence[Row], size: int) -> Iterator[Row]:
    """The values of so many rows at a time, one after the other."""
    for at in range(0, len(rows), size):
        yield tuple(chain.from_iterable(rows[at : at + size]))


def _as_begun() -> Mapping[str, Any]:
    """The columns that are the same in all new steps, as the database takes them."""
    row, fields = PlanStep(), PlanStep._meta.concrete_fields
    same = [field for field in fields if not field.primary_key and field.name not in _HELD]
    return {field.name: field.get_db_prep_save(getattr(row, field.attname), connection) for field in same}


def _rows(plan: str, steps: Iterable[planning.Step], begun: Row) -> Iterator[Row]:
    for position, step in enumerate(steps, 1):
        yield (
            plan, position, step.workspace, step.kind, step.person or None, "" if step.person else step.known_as, step.member,
            step.invite, _text(step.before), _text(step.after), step.reason, _text(step.facts), *begun,
        )  # fmt: skip


def _text(pairs: Pairs) -> str:
    return written(dict(pairs)) if pairs else _NOTHING
