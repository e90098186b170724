"""One reading of a vendor, as a value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from stationmaster.vendors._base import (
    Invite,
    Key,
    Limit,
    Member,
    Organisation,
    Project,
    ProjectMember,
    SeatCount,
    SeatTerms,
)


@dataclass(frozen=True)
class Reading:
    """What a vendor answered, from `started_at` on, each list to its end. None: it was not asked. `project_members` without
    `members`: who is in which project, of those who are known. `unread`: what could not be read, and why. `listed_after`: seconds
    that this vendor may take until a list shows what was written; what is younger, and not shown, is not taken for gone."""

    started_at: datetime
    members: Sequence[Member] | None = None
    invites: Sequence[Invite] | None = None
    projects: Sequence[Project] | None = None
    project_members: Mapping[str, Sequence[ProjectMember]] | None = None
    keys: Sequence[Key] | None = None
    limits: Sequence[Limit] | None = None
    seats: SeatCount | None = None
    terms: SeatTerms | None = None
    organisation: Organisation | None = None
    unread: Mapping[str, str] = field(default_factory=dict)
    listed_after: float = 90.0


@dataclass(frozen=True)
class Told:
    """What a reading changed: how many of each are there now, how many seats moved to each state, and how many members and
    invitations more than one person answers to."""

    found: Mapping[str, int]
    moved: Mapping[str, int]
    conflicts: int
