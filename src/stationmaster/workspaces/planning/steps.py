"""The difference between who should be in a workspace and who is. Owns: which step each person gets.

One pass over everybody who is wanted, in, invited or in our books; then the free seats are given to those who wait. The same
values give the same steps, in whatever order they come.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from stationmaster.workspaces.planning.queue import Waiting, give
from stationmaster.workspaces.planning.seen import Seen, answers_to, seen
from stationmaster.workspaces.planning.unwanted import strangers, unwanted
from stationmaster.workspaces.planning.values import (
    BOOKS,
    BY_HAND,
    SURPLUS,
    TOLD,
    Invite,
    Member,
    Person,
    Place,
    Seat,
    Step,
    Wanted,
)

_PENDING = frozenset({"inviting", "invited", "expired"})


@dataclass(frozen=True)
class _Case:
    """One person who is wanted."""

    place: Place
    person: Person
    want: Wanted
    seat: Seat | None

    def step(self, kind: str, reason: str, **more: object) -> Step:
        """A step for them."""
        return Step(kind, self.place.id, self.person.id, self.person.known_as, reason=reason, **more)  # type: ignore[arg-type]

    @property
    def given(self) -> tuple[tuple[str, object], ...]:
        """What an invitation holds: the role, the weakest when none is said, and the projects."""
        role = self.want.role or next(iter(self.place.roles), "")
        return (("role", role), ("projects", self.want.projects)) if self.place.projects else (("role", role),)


def plan_workspace(
    place: Place, wanted: Mapping[str, Wanted], people: Mapping[str, Person], members: Iterable[Member],
    invites: Iterable[Invite], seats: Iterable[Seat],
) -> tuple[Step, ...]:  # fmt: skip
    """The steps of one workspace, in the order in which they are done. `people` has everybody who is named in the others."""
    books = {seat.person: seat for seat in seats}
    found = seen(place, members, invites, books)
    owners = dict(found.owners)
    steps: list[Step] = []
    waiting: list[Waiting] = []
    for id_ in sorted({*wanted, *books, *found.members, *found.invites}):
        person, seat = people[id_], books.get(id_)
        if seat is not None and seat.unsure:
            steps.append(Step("blocked", place.id, id_, person.known_as, reason="unsure"))
        elif _stays(person, wanted.get(id_), seat):
            steps += _of_wanted(_Case(place, person, wanted[id_], seat), found, owners, waiting)
        else:
            steps += unwanted(place, person, id_ in wanted, seat, found)
    steps += strangers(place, found)
    steps += give(place, waiting)
    return tuple(sorted(_as_far_as_it_goes(place, steps), key=lambda step: step.place))


def _stays(person: Person, want: Wanted | None, seat: Seat | None) -> bool:
    return want is not None and person.active and not (seat is not None and seat.leaves and not seat.kept)


def _of_wanted(case: _Case, found: Seen, owners: dict[str, int], waiting: list[Waiting]) -> Iterator[Step]:
    member, *others = found.members.get(case.person.id, [None])
    invite, surplus = _the_one(case, found.invites.get(case.person.id, []))
    yield from (_second(case, each) for each in others if each is not None)
    if member is not None:
        yield from _of_member(case, member, owners, waiting)
    elif invite is not None:
        yield from (case.step("withdraw", SURPLUS, invite=each.id, before=(("role", each.role),)) for each in surplus)
        yield from _of_invite(case, invite, found, waiting)
    else:
        yield from _of_nobody(case, found, waiting)


def _the_one(case: _Case, invites: Sequence[Invite]) -> tuple[Invite | None, Sequence[Invite]]:
    """The invitation that counts: one that was missing in the last reading, which the next one decides about, else one with the
    right role if there is any. And those that are pending beside it, each of which takes a seat and may bring another role."""
    role = case.want.role or next(iter(case.place.roles), "")
    order = sorted(invites, key=lambda each: (not each.live, not each.missed, each.renamed, each.role != role))
    first = order[0] if order else None
    return first, [] if first is None or first.missed else [each for each in order[1:] if each.live]


def _second(case: _Case, member: Member) -> Step:
    return replace(case.step("skip", "second", member=member.id), known_as=member.known_as)


def _of_member(case: _Case, member: Member, owners: dict[str, int], waiting: list[Waiting]) -> Iterator[Step]:
    if member.missed:
        yield case.step("skip", "not_seen", member=member.id)
        return
    if member.renamed:
        yield case.step("skip", "renamed", member=member.id)
    if case.place.assigns and (member.ends or not member.has_seat):
        reason = "ending" if member.has_seat else "no_licence"
        waiting.append(Waiting(case.step("assign", reason, member=member.id), _since(case), takes=not member.has_seat))
    elif case.seat is None or case.seat.state != "active":
        reason = "accepted" if case.seat is not None and case.seat.state in _PENDING else "there"
        yield case.step("adopt", reason, member=member.id, after=(("role", member.role),))
    if case.want.role and case.want.role != member.role:
        yield _role(case, member, owners)
    missing = set(case.want.projects) - member.projects if member.projects is not None and case.place.projects else set()
    if missing:
        yield _held(member, case.step("projects", "projects", member=member.id, after=(("projects", tuple(sorted(missing))),)))


def _role(case: _Case, member: Member, owners: dict[str, int]) -> Step:
    """Another role, given by people where the vendor does not let us; an owner's is taken only where it was given from here, and
    never the last one."""
    has, wants = member.role, case.want.role
    facts = (("has", has or "?"), ("wants", wants))
    if has in case.place.owners and wants not in case.place.owners:
        ours = case.seat is not None and case.seat.role == has and has in case.place.roles
        if not ours or sum(owners.get(role, 0) for role in case.place.owners) <= 1:
            return case.step("skip", "last_owner" if ours else "owner", member=member.id, facts=(("role", has),))
        owners[has] -= 1
    kind, reason = ("role", "role") if case.place.sets_roles and case.place.lists else (BY_HAND, "role_by_hand")
    step = case.step(kind, reason, member=member.id, before=(("role", has),), after=(("role", wants),), facts=facts)
    return _held(member, step)


def _of_invite(case: _Case, invite: Invite, found: Seen, waiting: list[Waiting]) -> Iterator[Step]:
    if invite.missed:
        yield case.step("skip", "not_seen", invite=invite.id)
    elif (not invite.live or invite.renamed) and (fault := _fault(case.place, case.person, found)):
        yield _blocked(case, fault)
    elif not invite.live:
        step = case.step("reinvite", "expired", invite=invite.id, after=case.given)
        waiting.append(Waiting(step, _since(case), takes=not case.place.assigns))
    elif invite.renamed:
        yield case.step("reinvite", "address_of_invite", invite=invite.id, before=(("role", invite.role),), after=case.given)
    elif case.want.role and invite.role != case.want.role:
        facts = (("has", invite.role or "?"), ("wants", case.want.role))
        yield case.step(
            "reinvite", "role_of_invite", invite=invite.id, before=(("role", invite.role),), after=case.given, facts=facts
        )
    elif case.seat is None or case.seat.state != "invited":
        yield case.step("adopt", "invited_already", invite=invite.id, after=(("role", invite.role),))


def _of_nobody(case: _Case, found: Seen, waiting: list[Waiting]) -> Iterator[Step]:
    place, person, seat = case.place, case.person, case.seat
    if seat is not None and (seat.state, seat.cause) == ("removed", "inactive"):
        yield case.step("skip", "was_inactive")
        return
    if fault := _fault(place, person, found):
        yield _blocked(case, fault)
        return
    if place.invites:
        reason = "failed_before" if seat is not None and seat.state == "failed" else "assigned"
        step = case.step("invite", reason, after=case.given)
    else:
        step = case.step("manual", "invite_by_hand", after=case.given)
    waiting.append(Waiting(step, _since(case), takes=not place.assigns))


def _blocked(case: _Case, fault: str) -> Step:
    return case.step("blocked", fault, facts=(("domain", case.person.domain),) if fault == "domain" else ())


def _fault(place: Place, person: Person, found: Seen) -> str:
    """Why somebody cannot be invited; empty: they can."""
    if not person.known_as:
        return "no_login" if place.by_login else "no_address"
    if place.domains and person.domain not in place.domains:
        return "domain"
    return "conflict" if answers_to(person, found) else ""


def _held(member: Member, step: Step) -> Step:
    """`step`, unless the vendor's directory decides about this member."""
    return replace(step, kind="skip", reason="directory") if member.directory else step


def _since(case: _Case) -> str:
    return case.seat.waits_since if case.seat is not None else ""


def _as_far_as_it_goes(place: Place, steps: Iterable[Step]) -> Iterator[Step]:
    """The steps, told instead of done where nothing is to be done in this workspace."""
    for step in steps:
        if not place.stopped or step.kind in TOLD or (step.kind in BOOKS and step.kind != "close"):
            yield step
        elif step.kind != "close":
            yield replace(step, kind="skip" if place.stopped == "directory" else "blocked", reason=place.stopped, facts=())
