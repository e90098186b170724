"""Offboarding for want of activity: who has none reported for as long as the workspace's policy says becomes a candidate, is
told, and has a time of grace from then on. Nobody is taken out here: a plan does that when the time is over.

No report proves nothing. Where a vendor reports for nobody, nobody is a candidate; whoever is seen again is none any more.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from stationmaster.jobs.kinds import Done, NewItem, Outcome, Skipped
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run
from stationmaster.mail.services import can_send
from stationmaster.store.changes import Change
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces import seats
from stationmaster.workspaces.models import Seat, VendorMember, Workspace
from stationmaster.workspaces.work import reading
from stationmaster.workspaces.work.opening import workspace_of
from stationmaster.workspaces.work.writing_to import REFUSED, refused, write


class Offboarding:
    """Implements `jobs.kinds.Handler`."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """Everybody who is a candidate, or was; after a fresh reading."""
        row = workspace_of(run)
        reading.read_people(run)
        idle = _idle(row)
        for seat, removal in Seat.objects.filter(workspace=row, state="active").order_by("id").values_list("id", "removal"):
            if seat in idle or removal in ("candidate", "notified"):
                yield NewItem(f"seat-{seat}", seat)

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """One step further with one: a candidate, told, in grace; or none any more."""
        row = workspace_of(run)
        seat = Seat.objects.select_related("person", "workspace").filter(id=item.subject, workspace=row, state="active").first()
        if seat is None:
            return Skipped("seat.not_active", "is not in any more")
        if seat.removal == "skipped":
            return Skipped("seat.kept", seat.removal_reason)
        if seat.id not in _idle(row):
            return _seen_again(run, seat)
        return _further(run, row, seat)

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """How many wait for what."""
        rows = Seat.objects.filter(workspace_id=run.workspace, state="active")
        names = ("candidate", "notified", "skipped")
        return {name: rows.filter(removal=name).count() for name in names} | {
            "over": rows.filter(removal="notified", grace_until__lte=timezone.now()).count()
        }


def _idle(row: Workspace) -> frozenset[str]:
    """Seats without reported activity for so long, or never. Owners are not among them, nor whom a directory manages."""
    members = VendorMember.objects.filter(workspace=row, person__isnull=False, is_service_account=False)
    if not row.remove_inactive_days or not members.filter(last_active_at__isnull=False).exists():
        return frozenset()
    edge = timezone.now() - timedelta(days=row.remove_inactive_days)
    owners = vendor(row.vendor).owner_roles
    idle = {
        person for person, active, added, role, managed in
        members.values_list("person_id", "last_active_at", "added_at", "role", "directory_managed")
        if role not in owners and not managed and (active or added or edge) <= edge
    }  # fmt: skip
    held = Seat.objects.filter(workspace=row, state="active").values_list("id", "person_id", "since", "last_active_at")
    return frozenset(id_ for id_, person, since, active in held if person in idle and (active is not None or since <= edge))


def _seen_again(run: Run, seat: Seat) -> Outcome:
    if not run.dry_run:
        with run.recording() as edit:
            _mark(edit, seat, "", None)
    return Done({"removal": ""})


def _further(run: Run, row: Workspace, seat: Seat) -> Outcome:
    if seat.removal == "notified":
        return Done({"removal": "notified"})
    if run.dry_run:
        return Done({"removal": seat.removal or "candidate", "dry_run": True})
    if not seat.removal:
        with run.recording() as edit:
            seat = _mark(edit, seat, "candidate", None)
    if seat.removal != "candidate":
        return Skipped("seat.kept", seat.removal_reason)
    if row.notify and not can_send():
        return Skipped("mail.not_set", "is to be told first, and no mail is sent from here: set mail.host and mail.sender")
    return _told(run, seat, timezone.now() + timedelta(days=row.grace_days), by_mail=row.notify)


def _told(run: Run, seat: Seat, until: datetime, *, by_mail: bool) -> Outcome:
    """Told at least once, before the time of grace begins: it is recorded with the item, once a relay took the mail. Whoever may
    have got it, and of whom that is not known, gets it again, by the same Message-ID."""
    if by_mail:
        run.before_write("mail")
        try:
            write(seat, "notify", until, seat.removal_at)
        except REFUSED as error:
            return refused(error)
    told = {"removal": "notified", "mail": "sent" if by_mail else "not wanted"}
    return Done(told, record=lambda edit: _noted(edit, seat, until))


def _noted(edit: Change, seat: Seat, until: datetime) -> None:
    _mark(edit, seat, "notified", until)


def _mark(edit: Change, seat: Seat, removal: str, until: datetime | None) -> Seat:
    """The seat one step further, as it is then; it stays what somebody made of it since it was read."""
    row = seats.locked(seat.id)
    if row.removal == seat.removal:
        with edit.updating(row, action=removal or "let_go"):
            row.removal, row.grace_until = removal, until
            row.removal_at = timezone.now() if removal else None
    return row
