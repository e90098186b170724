"""Who leaves the company. Owns: that the workspaces where they hold something are reconciled at once, by which their seats are
removed, or stand in a plan for people to approve, as the workspace's policy says.

Their sessions, tokens and virtual keys end with the change itself; a vendor cannot be asked in it.
"""

from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import QUEUED, Job
from stationmaster.people.leaving import on_erasing, on_unlinking
from stationmaster.people.models import Person
from stationmaster.people.services import on_leaving
from stationmaster.store.actor import SYSTEM
from stationmaster.store.changes import Change
from stationmaster.workspaces import kinds, wishes
from stationmaster.workspaces.models import Seat
from stationmaster.workspaces.observing import linking

URGENT = 50
_OUT = ("removed", "planned", "failed")


def connect() -> None:
    """Listen for who leaves, is erased, or is not somebody after all; called once, when Django is set up."""
    on_leaving(_left)
    on_leaving(wishes.left)
    on_erasing(linking.erased)
    on_erasing(wishes.erased)
    on_unlinking(linking.unlinked)


def _left(_: Change, person: Person) -> None:
    held = Seat.objects.filter(person=person, workspace__disabled=False).exclude(state__in=_OUT)
    for workspace in held.order_by("workspace_id").values_list("workspace_id", flat=True):
        waiting = Job.objects.filter(kind=kinds.RECONCILE, workspace=workspace, state=QUEUED)
        if not waiting.filter(priority=URGENT).exists():      # one that runs may have read already
            jobs.submit(SYSTEM, kinds.RECONCILE, workspace=workspace, priority=URGENT)
