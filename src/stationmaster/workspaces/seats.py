"""What happens to a seat, in an open change. Owns: its states, and that what a vendor has answered stands in our copy of it.

A write to a vendor goes: `begin`, which notes the intent, in a transaction of its own; the call; then `settle` with what the
vendor answered, or `unknown` when that cannot be told. Nobody begins another write while an intent stands: whoever comes
later, after a crash too, reads the vendor first.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

from django.db.models import Q
from django.utils import timezone

from stationmaster.errors import Conflict
from stationmaster.folding import fold
from stationmaster.store.changes import Change
from stationmaster.vendors import _base
from stationmaster.vendors._base import Capability
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces.models import PlanStep, Seat, VendorInvite, VendorMember, Workspace

Intent = Literal["invite", "reinvite", "assign", "role", "projects", "remove", "withdraw", "unassign"]
INTENTS: Final[tuple[Intent, ...]] = get_args(Intent)
_STATE_OF: Final[dict[str, str]] = {
    "invite": "inviting", "reinvite": "inviting", "assign": "inviting", "remove": "removing", "withdraw": "removing",
    "unassign": "removing",
}  # fmt: skip
GONE_AFTER: Final = 2          # readings in a row, with time between them, that do not show somebody: then they are gone


def seat_for(edit: Change, person: str, workspace: str) -> Seat:
    """The seat of a person (id) in a workspace (id): the one there is, or a new planned one."""
    row = Seat.objects.select_for_update().filter(person_id=person, workspace_id=workspace).first()
    if row is None:
        row = Seat(person_id=person, workspace_id=workspace, since=timezone.now())
        edit.create(row)
    return row


def begin(edit: Change, seat: str, intent: Intent) -> Seat:
    """Note that a write is about to be made. Raises `Conflict` while the outcome of another one is not known."""
    row = locked(seat)
    if row.intent:
        message = f"what became of the last write ({row.intent}) is not known yet"
        raise Conflict("error.seat.unconfirmed", message, hint="the vendor is read first")
    with edit.updating(row, action=intent):
        _enter(row, _STATE_OF.get(intent, str(row.state)), str(row.cause))
        row.intent, row.intent_at = intent, timezone.now()
    return row


def settle(
    edit: Change, seat: str, state: str, cause: str = "", *, detail: str = "", member: _base.Member | None = None,
    invite: _base.Invite | None = None, role: str | None = None, projects: Sequence[str] | None = None,
) -> Seat:  # fmt: skip
    """Write down what a seat is now, and what the vendor answered, in our copy of it too; no write is under way any more.
    `role` and `projects`: what was given from here. A removed seat's member and invitation are forgotten."""
    row = locked(seat)
    with edit.updating(row, action=state):
        _enter(row, state, cause, detail)
        row.intent, row.intent_at = "", None
        row.role = row.role if role is None else role
        row.projects = row.projects if projects is None else [*projects]
        if member is not None:
            note_member(row, member)
        if invite is not None:
            note_invite(row, invite)
        if state == "removed":
            _forget(row)
    return row


def unknown(edit: Change, seat: str, detail: str) -> Seat:
    """A write may or may not have happened: the intent stands until the vendor was read."""
    row = locked(seat)
    with edit.updating(row, action="unconfirmed"):
        row.detail = detail
    return row


def adopt(edit: Change, step: PlanStep) -> Seat:
    """Take somebody who is in, or invited, into our books: nothing is written to the vendor."""
    row = seat_for(edit, step.person_id, step.workspace_id)
    with edit.updating(row, action="adopt"):
        _enter(row, "active" if step.member else "invited", step.reason)
        row.member, row.invite = step.member or row.member, step.invite or row.invite
    return row


def close(edit: Change, step: PlanStep) -> Seat:
    """Put an end to a seat that nobody wants and the vendor knows nothing of."""
    return settle(edit, seat_for(edit, step.person_id, step.workspace_id).id, "removed", step.reason)


def locked(seat: str) -> Seat:
    """The row of a seat, for the open change alone."""
    row: Seat = Seat.objects.select_for_update().get(id=seat)
    return row


def note_member(row: Seat, member: _base.Member) -> None:
    """Put into our copy of the vendor that this is the seat's member."""
    row.member = member.id
    folded = fold(member.email or member.login)
    values: dict[str, Any] = {
        "email": member.email, "login": member.login, "folded": folded, "role": member.role, "person_id": row.person_id,
        "name": member.name, "has_seat": member.has_seat, "ends_at": member.ends_at, "seen_at": timezone.now(), "missed": 0,
    }  # fmt: skip
    VendorMember.objects.update_or_create(workspace_id=row.workspace_id, vendor_id=member.id, defaults=values)


def note_invite(row: Seat, invite: _base.Invite) -> None:
    """Put into our copy of the vendor that this is the seat's invitation, and that the one before is none any more."""
    if row.invite and row.invite != invite.id:
        VendorInvite.objects.filter(workspace_id=row.workspace_id, vendor_id=row.invite).delete()
    row.invite, row.invited_at, row.expires_at = invite.id, invite.invited_at or timezone.now(), invite.expires_at
    row.reminded_at = None
    values: dict[str, Any] = {
        "email": invite.email, "login": invite.login, "folded": fold(invite.email or invite.login), "role": invite.role,
        "person_id": row.person_id, "status": invite.status, "invited_at": row.invited_at, "expires_at": invite.expires_at,
        "accepted_at": invite.accepted_at, "projects": [*invite.projects], "seen_at": timezone.now(), "missed": 0,
    }  # fmt: skip
    VendorInvite.objects.update_or_create(workspace_id=row.workspace_id, vendor_id=invite.id, defaults=values)


def _enter(row: Seat, state: str, cause: str, detail: str = "") -> None:
    """Another state, since now; the same one keeps its time."""
    if (row.state, row.cause) != (state, cause):
        row.since = timezone.now()
    row.state, row.cause, row.detail = state, cause, detail


def forget(workspace: Workspace, member: str = "", invite: str = "", person: str = "") -> None:
    """Somebody, whom we may not know, was taken out: our copy of the vendor says so until the next reading. Where people hold
    licences, they are in the organisation still. `person`: not what is another's by now."""
    theirs = Q() if not person else Q(person=None) | Q(person_id=person)
    rows = VendorMember.objects.filter(theirs, workspace=workspace, vendor_id=member or "-")
    if Capability.SEATS in vendor(workspace.vendor).capabilities:
        rows.update(has_seat=False)
    else:
        rows.delete()
    invites = VendorInvite.objects.filter(theirs, workspace=workspace, vendor_id=invite or "-")
    invites.filter(person__erased_at__isnull=False).update(status="deleted")      # whose it is stays known: so it stays nameless
    invites.filter(Q(person=None) | Q(person__erased_at=None)).delete()


def _forget(row: Seat) -> None:
    forget(row.workspace, row.member, row.invite, row.person_id)
    row.member = row.invite = row.removal = row.removal_reason = ""
    row.removal_at = row.grace_until = row.expires_at = None
