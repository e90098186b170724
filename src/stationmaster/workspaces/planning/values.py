"""What planning is about, as frozen values. Owns: their fields, and the kinds of steps.

Ids of persons, seats and workspaces are ours, those of members, invites and projects the vendor's. Times are not known
here: whoever makes the values has compared them with the clock.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

Kind = Literal[
    "adopt", "close", "withdraw", "remove", "unassign", "role", "projects", "reinvite", "invite", "assign", "manual", "blocked",
    "skip",
]  # fmt: skip

# In the order in which they are done: our own books first, then what frees seats, then what takes them.
KINDS: Final[tuple[Kind, ...]] = (
    "adopt", "close", "withdraw", "remove", "unassign", "role", "projects", "reinvite", "invite", "assign", "manual", "blocked",
    "skip",
)  # fmt: skip
_ORDER: Final = {kind: number for number, kind in enumerate(KINDS)}
BOOKS: Final = frozenset({"adopt", "close"})                           # no call to a vendor
REMOVALS: Final = frozenset({"withdraw", "remove", "unassign"})
TAKES: Final = frozenset({"reinvite", "invite", "assign"})
BY_HAND: Final = "manual"
DECIDED: Final = frozenset({"address_of_invite"})                      # reasons of steps that people alone decide on
SURPLUS: Final = "surplus"                                             # the reason of taking back one invitation of several
TOLD: Final = frozenset({"blocked", "skip"})                           # nothing is done
WRITES: Final = frozenset(KINDS) - BOOKS - TOLD - {BY_HAND}


class Person(NamedTuple):
    """Somebody of the company. `known_as`: what this vendor is written to about them; empty: it is not known. `domain`: of
    their address, folded."""

    id: str
    known_as: str
    domain: str = ""
    active: bool = True


class Rule(NamedTuple):
    """An assignment: a group's (its id) or one person's. `role` empty: whatever the vendor gives by itself."""

    id: str
    group: str
    person: str
    role: str = ""
    projects: tuple[str, ...] = ()


class Wanted(NamedTuple):
    """What one person should hold: the strongest of their roles, all of their projects, sorted."""

    role: str = ""
    projects: tuple[str, ...] = ()


class Member(NamedTuple):
    """Somebody who is in, as last read. `person`: who that is here, empty for a stranger; `conflict`: it cannot be told.
    `projects` None: was not read. `has_seat`: holds a licence, or the vendor knows none. `ends`: is cancelled already.
    `missed`: how many complete readings in a row did not show them. `renamed`: known by the vendor's id alone, since `known_as`
    is nobody's name here any more."""

    id: str
    known_as: str
    person: str = ""
    role: str = ""
    projects: frozenset[str] | None = None
    has_seat: bool = True
    ends: bool = False
    directory: bool = False
    service: bool = False
    conflict: bool = False
    missed: int = 0
    renamed: bool = False


class Invite(NamedTuple):
    """An invitation that was not accepted. `live`: pending, and not over. `renamed`: as a member's."""

    id: str
    known_as: str
    person: str = ""
    role: str = ""
    live: bool = True
    conflict: bool = False
    missed: int = 0
    renamed: bool = False


class Seat(NamedTuple):
    """What we keep of one person's membership. `unsure`: a write was begun and nobody has read what became of it.
    `kept`: somebody decided, with a reason, that it is not removed. `leaves`: somebody may be removed for want of
    activity, and their grace is over. `waits_since` sorts those who wait for a seat, the longest first; empty: new."""

    person: str
    state: str
    role: str = ""
    unsure: bool = False
    kept: bool = False
    leaves: bool = False
    waits_since: str = ""
    cause: str = ""


@dataclass(frozen=True)
class Place:
    """A workspace: what its vendor offers, what its policy says, what was read of it.

    `lists` is false where nobody can be read, so that our own rows are what is known. `roles` from the weakest to the
    strongest; `owners` those that are never taken away here. `seats` None: as many as wanted; else how many there may be;
    `used`: what counts against them, pending invitations among it; `staying`: licences that were not cancelled. `stopped` (a
    reason's code): nothing is done there.
    `assigns`: people hold licences, which cost money where it `buys` them. `removes`: managed, known or all.
    """

    id: str
    roles: tuple[str, ...] = ()
    owners: frozenset[str] = frozenset()
    lists: bool = True
    invites: bool = True
    assigns: bool = False
    sets_roles: bool = True
    projects: bool = True
    by_login: bool = False
    buys: bool = False
    seats: int | None = None
    used: int = 0
    staying: int = 0
    domains: frozenset[str] = frozenset()
    removes: str = "managed"
    stopped: str = ""


@dataclass(frozen=True)
class Step:
    """One line of a plan. `known_as`, `member`, `invite`: whom the vendor is asked about. `before`, `after`: role and
    projects, as far as they change. `reason`: a code of `reasons`; `facts` the values in its sentence, which may change
    without making it another step."""

    kind: Kind
    workspace: str
    person: str = ""
    known_as: str = ""
    member: str = ""
    invite: str = ""
    before: tuple[tuple[str, object], ...] = ()
    after: tuple[tuple[str, object], ...] = ()
    reason: str = ""
    facts: tuple[tuple[str, object], ...] = field(default=(), compare=False)

    @property
    def place(self) -> tuple[int, str, str, str, str]:
        """Where it stands in a plan."""
        return _ORDER[self.kind], self.known_as, self.person, self.member, self.invite
