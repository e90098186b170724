"""Plans that are over. Owns: how a plan is closed, and which are outdated by what came after them."""

from typing import Any, Final

from django.utils import timezone

from stationmaster.store.actor import SYSTEM
from stationmaster.store.changes import Change
from stationmaster.workspaces.models import Plan, Workspace

LATER: Final = "a later plan is about the same workspace"
MENDED: Final = "the last reconciliation found nothing for it to do"


def nothing() -> dict[str, Any]:
    """How a plan is kept in which there is nothing to do."""
    return {"state": "applied", "why": "there was nothing to do", "closed_at": timezone.now()}


def close(edit: Change, row: Plan, state: str, why: str = "") -> None:
    """Put an end to a plan."""
    with edit.updating(row, action={"refused": "refuse", "stale": "outdate"}.get(state, "end")):
        row.state, row.why, row.closed_at = state, why, timezone.now()


def outdate(edit: Change, about: Workspace, why: str) -> None:
    """End what was made by itself for this workspace, is open and was approved by nobody yet: people would look at it twice."""
    waiting = Plan.objects.select_for_update(of=("self",)).filter(state="open", made_by=SYSTEM.id, about__workspace=about)
    for row in waiting.order_by("id"):
        if not row.approvals:
            close(edit, row, "stale", why)
