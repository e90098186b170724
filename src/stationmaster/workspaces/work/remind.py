"""Reminding: a mail to everybody whose invitation waits for longer than the setting says, once in as long a time."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from stationmaster.jobs.kinds import Done, NewItem, Outcome, Skipped
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run
from stationmaster.mail.policy import policy as mail_policy
from stationmaster.mail.policy import relay_of
from stationmaster.mail.services import MailError
from stationmaster.workspaces import seats
from stationmaster.workspaces.models import Seat
from stationmaster.workspaces.policy import policy
from stationmaster.workspaces.work.writing_to import REFUSED, refused, write


class Reminding:
    """Implements `jobs.kinds.Handler`."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """A seat each. Raises `Conflict` where no mail is sent at all."""
        relay_of(mail_policy())
        for seat in _waiting(run.workspace).values_list("id", flat=True):
            yield NewItem(f"remind-{seat}", seat)

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Write to one. Whoever accepted meanwhile, or was written to, is not."""
        seat = _waiting(run.workspace).select_related("person", "workspace").filter(id=item.subject).first()
        if seat is None:
            return Skipped("seat.not_waiting", "waits no more, or was reminded already")
        if run.dry_run:
            return Done({"dry_run": True})
        return _remind(run, seat)

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """Who waits and was written to is not counted again."""
        return {"waiting": _waiting(run.workspace).count()}


def _remind(run: Run, seat: Seat) -> Outcome:
    """At most one mail: it is noted first, and only a relay that certainly did not take it makes that undone."""
    before = seat.reminded_at
    _note(run, seat.id, timezone.now())
    try:
        write(seat, "remind", seat.expires_at, before or seat.invited_at)
    except REFUSED as error:
        if isinstance(error, MailError) and error.maybe_sent:
            return Done({"mail": "unconfirmed"})
        _note(run, seat.id, before)
        return refused(error)
    return Done({"mail": "sent"})


def _waiting(workspace: str) -> Any:
    """Who was invited so long ago, and not reminded since."""
    edge = timezone.now() - policy().remind
    unreminded = Q(reminded_at=None) | Q(reminded_at__lt=edge)
    return Seat.objects.filter(
        unreminded, workspace_id=workspace, state="invited", invited_at__lt=edge, person__active=True, intent=""
    ).order_by("invited_at", "id")


def _note(run: Run, seat: str, at: datetime | None) -> None:
    with run.recording() as edit:
        row = seats.locked(seat)
        with edit.updating(row, action="remind"):
            row.reminded_at = at
