"""What was read of a workspace, by person. Owns: which of several rows is the one that counts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from stationmaster.folding import fold
from stationmaster.workspaces.planning.values import Invite, Member, Person, Place, Seat

T = TypeVar("T", Member, Invite)
_IN = frozenset({"active", "removing"})


@dataclass(frozen=True)
class Seen:
    """Members and invitations of each person, the one that counts first; those of nobody here; and names that several
    persons answer to, folded."""

    members: Mapping[str, Sequence[Member]]
    invites: Mapping[str, Sequence[Invite]]
    strangers: Sequence[Member]
    strange_invites: Sequence[Invite]
    in_conflict: frozenset[str] = field(default_factory=frozenset)

    @property
    def owners(self) -> Mapping[str, int]:
        """How many members hold each role."""
        held: dict[str, int] = defaultdict(int)
        for member in (*(each for rows in self.members.values() for each in rows), *self.strangers):
            held[member.role] += not member.missed
        return held


def seen(place: Place, members: Iterable[Member], invites: Iterable[Invite], seats: Mapping[str, Seat]) -> Seen:
    """What was read, sorted. Where the vendor lists nobody, whoever has an active seat in our books is in."""
    found = members if place.lists else _booked(seats)
    rows = sorted(found, key=lambda each: (each.missed, not each.has_seat, each.renamed, each.id))
    asked = sorted(invites, key=lambda each: (not each.live, each.missed, each.renamed, each.id))
    conflicts = {fold(each.known_as) for each in rows if each.conflict} | {fold(each.known_as) for each in asked if each.conflict}
    return Seen(
        _by_person(rows), _by_person(asked), [each for each in rows if not each.person],
        [each for each in asked if not each.person and each.live], frozenset(conflicts),
    )  # fmt: skip


def answers_to(person: Person, seen: Seen) -> bool:
    """Tell whether the vendor knows somebody by this person's name who may be another one."""
    return bool(seen.in_conflict) and fold(person.known_as) in seen.in_conflict


def _booked(seats: Mapping[str, Seat]) -> list[Member]:
    held = sorted(person for person, seat in seats.items() if seat.state in _IN)
    return [Member("", "", person, seats[person].role) for person in held]


def _by_person(rows: Iterable[T]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for each in rows:
        if each.person:
            found.setdefault(each.person, []).append(each)
    return found
