"""Seats' states after a reading. Owns: asking what the reading says of each seat, and writing down what is new."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from django.utils import timezone

from stationmaster.store.changes import Change
from stationmaster.vendors._base import Capability
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces import seats
from stationmaster.workspaces.models import Seat, VendorInvite, VendorMember, Workspace
from stationmaster.workspaces.observing.copying import young_since
from stationmaster.workspaces.observing.reading import Reading
from stationmaster.workspaces.planning.settling import Found, Held, settle

_SETTLED = ("planned", "failed", "removed")      # of these a reading says nothing; a plan does


def move(edit: Change, workspace: Workspace, reading: Reading) -> Mapping[str, int]:
    """Bring the seats of a workspace to what was read; how many came to each state. A reading that did not list members, and
    invitations where the vendor has them, moves nobody: what it did not ask for, it says nothing of."""
    moved: Counter[str] = Counter()
    if not _tells(reading, vendor(workspace.vendor).capabilities):
        return moved
    members, invites = _members(workspace), _invites(workspace)
    for row in Seat.objects.filter(workspace=workspace).exclude(state__in=_SETTLED, intent=""):
        member, invite = members.get(row.person_id), invites.get(row.person_id)
        _note_activity(row, member)
        new = None if _unclear(member, invite) else settle(_held(row, reading), _found(member, invite))
        if new is None:
            continue
        seats.settle(edit, row.id, new.state, new.cause)
        _link(edit, row.id, member, invite)
        moved[new.state] += 1
    return moved


def _tells(reading: Reading, offered: Collection[Capability]) -> bool:
    """Whether it shows who is in and who is invited."""
    if Capability.MEMBERS not in offered or reading.members is None:
        return False
    return reading.invites is not None or Capability.INVITES not in offered


def _held(row: Seat, reading: Reading) -> Held:
    old = row.intent_at is not None and row.intent_at < young_since(reading)
    return Held(row.state, row.intent, old)


def _found(member: VendorMember | None, invite: VendorInvite | None) -> Found:
    live = invite is not None and invite.live(timezone.now())
    return Found(member is not None and member.has_seat, live, invite is not None and not live)


def _unclear(member: VendorMember | None, invite: VendorInvite | None) -> bool:
    """Tell whether this reading missed what would count: then it proves nothing, and the next one decides."""
    if member is not None:
        return member.missed > 0
    return invite is not None and invite.missed > 0


def _members(workspace: Workspace) -> dict[str, VendorMember]:
    rows = VendorMember.objects.filter(workspace=workspace, person__isnull=False).order_by(
        "has_seat", "-missed", "-conflict", "-vendor_id"      # the last one counts: known by name, before by id alone
    )
    return {row.person_id: row for row in rows}


def _invites(workspace: Workspace) -> dict[str, VendorInvite]:
    """The newest of each person, a live one before those that are over."""
    now, found = timezone.now(), {}
    rows = VendorInvite.objects.filter(workspace=workspace, person__isnull=False, status__in=("pending", "expired"))
    for row in sorted(rows, key=lambda row: (row.live(now), row.invited_at or row.seen_at, row.vendor_id)):
        found[row.person_id] = row
    return found


def _link(edit: Change, seat: str, member: VendorMember | None, invite: VendorInvite | None) -> None:
    row = seats.locked(seat)
    if row.state == "removed":
        return
    with edit.updating(row, action="link"):
        row.member = member.vendor_id if member is not None else row.member
        if invite is not None:
            row.invite, row.invited_at, row.expires_at = invite.vendor_id, invite.invited_at, invite.expires_at


def _note_activity(row: Seat, member: VendorMember | None) -> None:
    values: dict[str, Any] = {"last_active_at": member.last_active_at if member is not None else None}
    if values["last_active_at"] != row.last_active_at:
        Seat.objects.filter(id=row.id).observe(**values)
