"""A call to a simulated admin interface and its answer, as values, and pages of rows. Knows no sockets and no vendor."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from stationmaster.sandbox.admin.organisation import Organisation
from stationmaster.sandbox.admin.rows import Row, Table
from stationmaster.sandbox.admin.state import Refused

R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Call:
    """One call that an admin credential opened. `query` maps a name to its values, in order; `params` are the variable parts of
    the path; `fields` the JSON body."""

    organisation: Organisation
    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    fields: Mapping[str, Any]

    def first(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default

    def many(self, name: str) -> Sequence[str]:
        """Every value of a parameter, written `name` or `name[]`."""
        return self.query.get(f"{name}[]") or self.query.get(name) or ()

    def whole(self, name: str, default: int, most: int = 1_000_000) -> int:
        """A number of the query. Raises `Refused` for anything else, and for less than one."""
        text = self.first(name, str(default))
        if not text.isdecimal() or int(text) < 1:
            raise Refused("bad_request", f"{name} must be a positive integer.")
        return min(int(text), most)

    def text(self, name: str, among: Sequence[str] = ()) -> str:
        """A text of the body that must be there. Raises `Refused`."""
        value = self.fields.get(name)
        if not isinstance(value, str) or not value or (among and value not in among):
            raise Refused("bad_request", f"{name} is missing or not one of its values.")
        return value


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: JSON (None: no body)."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answerer = Callable[[Call], Answer]
Route = tuple[str, str, Answerer]


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list."""

    rows: Sequence[Any]
    more: bool


def after(call: Call, table: Table[R], rows: Sequence[R], cursor: str, limit: int) -> Page:
    """The rows that follow the one with the id `cursor` ("" : the first), as the organisation's settings let them appear.

    Rows keep the order in which they were made, so a cursor still leads on when its row is gone.
    """
    settings = call.organisation.settings
    place = _place(table, cursor)
    rest = [row for row in rows if (table.place(row.id) or 0) > place] if cursor else list(rows)
    if not cursor:
        table.readings += 1
    elif settings.shifting == "repeat" and limit > 1:
        rest = [row for row in rows if table.place(row.id) == place] + rest
    elif settings.shifting == "miss" and table.readings % 2:
        rest = rest[1:]
    return Page(_doubled(call, rest[:limit]), len(rest) > limit)


def numbered(call: Call, table: Table[R], rows: Sequence[R], page: int, size: int) -> Page:
    """The `page`th `size` rows, counted from one, likewise."""
    settings = call.organisation.settings
    start = (page - 1) * size
    if page == 1:
        table.readings += 1
    elif settings.shifting == "repeat":
        start -= 1
    elif settings.shifting == "miss" and table.readings % 2:
        start += 1
    return Page(_doubled(call, rows[start : start + size]), len(rows) > page * size)


def _doubled(call: Call, rows: Sequence[R]) -> list[R]:
    return [*rows[:1], *rows] if call.organisation.settings.duplicate_rows else list(rows)


def _place(table: Table[R], cursor: str) -> int:
    place = table.place(cursor) if cursor else -1
    if place is None:
        raise Refused("bad_request", f"No row {cursor} to go on from.")
    return place


def rfc3339(moment: float) -> str:
    """A time as Anthropic and GitHub write it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def maybe_rfc3339(moment: float | None) -> str | None:
    """The same, or null."""
    return None if moment is None else rfc3339(moment)


def unix(moment: float | None) -> int | None:
    """A time as OpenAI writes it."""
    return None if moment is None else int(moment)


def moment_of(text: str) -> float:
    """Unix seconds of an RFC 3339 time. Raises `Refused`."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused("bad_request", f"{text!r} is no RFC 3339 time.") from error
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
