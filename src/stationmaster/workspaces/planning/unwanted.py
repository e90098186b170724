"""Who is in and should not be. Owns: whom a plan removes, and whom it never does.

Never: owners, service accounts, those whom a directory manages, those whom somebody decided to keep, whoever was missing in
the last reading. Strangers and people who were never given a seat from here: only where the policy says so.
"""

from collections.abc import Iterator

from stationmaster.workspaces.planning.seen import Seen
from stationmaster.workspaces.planning.values import Invite, Member, Person, Place, Seat, Step

_HELD = frozenset({"active", "removing", "invited", "inviting"})      # a seat that was given from here
_OPEN = _HELD | {"planned", "expired", "failed"}


def unwanted(place: Place, person: Person, assigned: bool, seat: Seat | None, found: Seen) -> Iterator[Step]:
    """The steps for somebody who has no assignment, left, or is to go for want of activity."""
    members, invites = found.members.get(person.id, []), found.invites.get(person.id, [])
    live = [each for each in invites if each.live]
    reason = _reason(place, person, assigned, seat)
    kept = seat is not None and seat.kept
    for member in members:
        yield from _of_member(place, person.id, member._replace(known_as=person.known_as), reason, kept=kept)
    for invite in live:
        yield _of_invite(place, person.id, invite._replace(known_as=person.known_as), reason)
    if not members and not live:
        yield from _of_nobody(place, person, assigned, seat)


def strangers(place: Place, found: Seen) -> Iterator[Step]:
    """The steps for those whom only the vendor knows."""
    reason = "stranger_removed" if place.removes == "all" else ""
    for member in found.strangers:
        if member.conflict:
            yield Step("skip", place.id, known_as=member.known_as, member=member.id, reason="conflict")
        elif not member.missed:
            yield from _of_member(place, "", member, reason)
    for invite in found.strange_invites:
        if invite.conflict:
            yield Step("skip", place.id, known_as=invite.known_as, invite=invite.id, reason="conflict")
        elif not invite.missed:
            yield _of_invite(place, "", invite, reason)


def _reason(place: Place, person: Person, assigned: bool, seat: Seat | None) -> str:
    """Why they go; empty: the policy lets them be."""
    if not person.active:
        return "left"
    if assigned:
        return "inactive"
    if seat is not None and seat.state in _HELD:
        return "not_assigned"
    return "never_assigned" if place.removes in ("known", "all") else ""


def _of_member(place: Place, person: str, member: Member, reason: str, *, kept: bool = False) -> Iterator[Step]:
    if member.service or (place.assigns and (member.ends or not member.has_seat)):
        return
    fault = _fault(place, member, reason, kept=kept, known=bool(person))
    facts = (("role", member.role),)
    if fault:
        yield Step("skip", place.id, person, member.known_as, member.id, reason=fault, facts=facts)
    elif not place.lists:
        yield Step("manual", place.id, person, member.known_as, before=facts, reason="remove_by_hand")
    else:
        kind = "unassign" if place.assigns else "remove"
        yield Step(kind, place.id, person, member.known_as, member.id, before=facts, reason=reason)  # type: ignore[arg-type]


def _fault(place: Place, member: Member, reason: str, *, kept: bool, known: bool) -> str:
    """Why a member is left alone; empty: they go. A licence may be taken from an owner too: they stay one."""
    checks = (
        (not reason, "unassigned" if known else "stranger"), (bool(member.missed), "not_seen"), (member.directory, "directory"),
        (kept, "kept"), (member.role in place.owners and not place.assigns, "owner"),
    )
    return next((name for holds, name in checks if holds), "")


def _of_invite(place: Place, person: str, invite: Invite, reason: str) -> Step:
    facts = (("role", invite.role),)
    if not reason or invite.missed:
        why = "not_seen" if reason else "unassigned" if person else "stranger"
        return Step("skip", place.id, person, invite.known_as, invite=invite.id, reason=why)
    return Step("withdraw", place.id, person, invite.known_as, invite=invite.id, before=facts, reason=reason)


def _of_nobody(place: Place, person: Person, assigned: bool, seat: Seat | None) -> Iterator[Step]:
    if seat is not None and seat.state in _OPEN:
        yield Step("close", place.id, person.id, person.known_as, reason="over")
    elif assigned and not person.active and (seat is None or seat.state != "removed"):      # one who is out is no news
        yield Step("skip", place.id, person.id, person.known_as, reason="person_inactive")
