"""What is true in an organisation, as rows, and a table that remembers what it said before. Knows no vendor's wire.

Times are Unix seconds. Rows never change: a change puts another row under the same id, so that a table can also tell how things
stood a while ago, which is what an eventually consistent list shows.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Row(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> str:
        """Unique in its table."""


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Person:
    """A member. `number` is what GitHub counts people by."""

    id: str
    email: str
    role: str
    login: str
    name: str
    number: int
    added_at: float
    last_active_at: float | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation; `status`: pending, accepted, expired or deleted. `projects`: (id, role). `login`: invited by name."""

    id: str
    email: str
    role: str
    status: str
    invited_at: float
    expires_at: float
    number: int
    login: str = ""
    accepted_at: float | None = None
    projects: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """A part of the organisation."""

    id: str
    name: str
    created_at: float
    archived_at: float | None = None
    default: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody in a project; the id is `project/member`."""

    project: str
    member: str
    role: str
    added_at: float

    @property
    def id(self) -> str:
        """Unique in the organisation."""
        return f"{self.project}/{self.member}"


@dataclass(frozen=True, slots=True)
class Key:
    """An API key. `owner` is a member's or a service account's id; the secret itself is not kept, only its ends are."""

    id: str
    name: str
    project: str
    owner: str
    hint: str
    created_at: float
    status: str = "active"
    expires_at: float | None = None
    last_used_at: float | None = None
    scopes: tuple[str, ...] = ()                   # what it may do; empty: all


@dataclass(frozen=True, slots=True)
class Service:
    """A service account."""

    id: str
    name: str
    project: str
    role: str
    created_at: float
    archived_at: float | None = None


@dataclass(frozen=True, slots=True)
class Issuer:
    """An identity provider that is trusted. `jwks`: where its keys come from, as the vendor spells it."""

    id: str
    name: str
    url: str
    jwks: Mapping[str, object]
    created_at: float
    archived_at: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Who of an issuer gets tokens of which service account. `projects`: where they are good; None: everywhere."""

    id: str
    name: str
    issuer: str
    service: str
    match: Mapping[str, object]
    scope: str
    lifetime: int
    projects: tuple[str, ...] | None
    created_at: float
    archived_at: float | None = None


@dataclass(frozen=True, slots=True)
class Licence:
    """A seat that was bought for a member; the id is the member's. `ends_at`: cancelled, and gone then."""

    id: str
    created_at: float
    ends_at: float | None = None


class Table(Generic[R]):
    """Rows by id, with their history. Not safe for threads by itself: the organisation's lock is held around it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._versions: dict[str, list[tuple[float, R | None]]] = {}
        self._places: dict[str, int] = {}
        self.readings = 0

    def put(self, row: R) -> R:
        """Add a row, or put it in the place of the one with its id."""
        self._places.setdefault(row.id, len(self._places))
        self._versions.setdefault(row.id, []).append((self._clock(), row))
        return row

    def drop(self, row_id: str) -> None:
        """Take a row out."""
        self._versions[row_id].append((self._clock(), None))

    def get(self, row_id: str) -> R | None:
        """The row with this id now."""
        versions = self._versions.get(row_id)
        return versions[-1][1] if versions else None

    def all(self) -> list[R]:
        """Every row now, the oldest first."""
        return [row for versions in self._versions.values() if (row := versions[-1][1]) is not None]

    def listed(self, delay: float) -> list[R]:
        """Every row as it stood `delay` seconds ago."""
        if not delay:
            return self.all()
        moment = self._clock() - delay
        told = (_at(versions, moment) for versions in self._versions.values())
        return [row for row in told if row is not None]

    def place(self, row_id: str) -> int | None:
        """Where in the order a row stands or stood; None: there never was one."""
        return self._places.get(row_id)


def _at(versions: list[tuple[float, R | None]], moment: float) -> R | None:
    found = bisect_right(versions, moment, key=lambda version: version[0])
    return versions[found - 1][1] if found else None
