"""One invitation on request: of somebody whose invitation expired, failed or is not found in their mail, or who was removed.

What a plan would not do, this does not either: without an assignment, or with an address that is not allowed, nobody is invited.
A licence, which may cost money, is given by a plan alone, and so is an owner's role: plans are approved, this is not.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from stationmaster.jobs.kinds import Failed, NewItem, Outcome, Skipped
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run
from stationmaster.workspaces.models import Seat, VendorInvite
from stationmaster.workspaces.planning.reasons import sentence
from stationmaster.workspaces.plans.loading import Loaded, load
from stationmaster.workspaces.work import reading
from stationmaster.workspaces.work.calls import COMING, INVITING
from stationmaster.workspaces.work.doing import do
from stationmaster.workspaces.work.opening import workspace_of
from stationmaster.workspaces.work.tasks import Task, of_planned


class Inviting:
    """Implements `jobs.kinds.Handler`."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """One item."""
        reading.read_people(run)
        yield NewItem(f"seat-{run.args['seat']}", str(run.args["seat"]))

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Invite them, as a plan would; whoever is invited already is invited anew."""
        seat = Seat.objects.filter(id=item.subject, workspace_id=run.workspace).first()
        if seat is None:
            return Skipped("seat.gone", "there is no such seat any more")
        if seat.state == "active":
            return Skipped("seat.accepted", "they are in")
        loaded = next(iter(load([workspace_of(run)])))
        found = _task(loaded, seat, run)
        if isinstance(found, Task) and _makes_an_owner(loaded, found):
            return Skipped("seat.by_plan", "an owner is made by a plan, which two people approve")
        return do(run, item, found) if isinstance(found, Task) else found

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """Where the seat is now."""
        return {"state": Seat.objects.filter(id=run.args["seat"]).values_list("state", flat=True).first() or ""}


def _task(loaded: Loaded, seat: Seat, run: Run) -> Task | Outcome:
    vendor = workspace_of(run).vendor
    if seat.intent:      # a try that was begun: what it was about is done to its end
        return _anew(loaded, seat, vendor) or Skipped("seat.not_assigned", "is not assigned here any more")
    steps = [step for step in loaded.steps() if step.person == seat.person_id]
    coming = next((step for step in steps if step.kind in COMING), None)
    if coming is not None and coming.kind not in INVITING:
        return Skipped("seat.by_plan", "is in already: a licence is given by a plan")
    if coming is not None:
        return of_planned(coming, vendor)
    blocked = next((step for step in steps if step.kind == "blocked"), None)
    if blocked is not None:
        return Failed(f"seat.{blocked.reason}", sentence(blocked.reason, dict(blocked.facts)))
    again = _anew(loaded, seat, vendor)
    return again or Skipped("seat.not_assigned", "is not assigned here any more")


def _makes_an_owner(loaded: Loaded, task: Task) -> bool:
    """Whether it would give an owner's role that no pending invitation of theirs holds."""
    held = {each.role for each in loaded.invites if each.person == task.person and each.live}
    return task.role in loaded.place.owners and task.role not in held


def _anew(loaded: Loaded, seat: Seat, vendor: str) -> Task | None:
    """The invitation again, in place of the one that is pending, if there is one."""
    want, person = loaded.wanted.get(seat.person_id), loaded.people.get(seat.person_id)
    if want is None or person is None or not person.active or not person.known_as:
        return None
    role = want.role or next(iter(loaded.place.roles), "")
    projects = want.projects if loaded.place.projects else ()
    pending = VendorInvite.objects.filter(workspace_id=seat.workspace_id, person_id=seat.person_id, status="pending").first()
    old = pending.vendor_id if pending is not None else ""
    kind = "reinvite" if old else "invite"
    return Task(kind, seat.workspace_id, vendor, seat.person_id, person.known_as, "", old, role, projects, "asked")

