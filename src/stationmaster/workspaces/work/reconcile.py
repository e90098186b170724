"""Reconciling: the vendor read wholly, seats brought to what it shows, and what is different from what should be, told.

Mended is only what the workspace's policy says, by a plan of its own that waits for people where any plan would. Without a
difference nothing is written at the vendor: a run of this kind never writes there itself.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from stationmaster.jobs.kinds import NewItem, Outcome
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run
from stationmaster.workspaces.models import Seat
from stationmaster.workspaces.planning import Step
from stationmaster.workspaces.planning.reasons import sentence
from stationmaster.workspaces.planning.values import TOLD
from stationmaster.workspaces.plans.making import compute
from stationmaster.workspaces.work import mending, reading
from stationmaster.workspaces.work.opening import workspace_of

SHOWN: Final = 100      # differences that the result tells one by one


class Reconciling:
    """Implements `jobs.kinds.Handler`."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """The parts that drift is seen in."""
        for part in ("people", "places", "seats"):
            if part != "places" or _gives_projects(run):
                yield NewItem(part, run.workspace, {"part": part})

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Read one."""
        return reading.read(run, str(item.data["part"]))

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """What is different, and the plan that mends it, if one does."""
        row = workspace_of(run)
        if JobItem.objects.filter(job_id=run.id, state="failed").exists():
            return {"read": False}
        computed = compute([row])
        drift = [step for step in computed.steps if step.kind not in TOLD]
        with run.recording() as edit:
            plan = "" if run.dry_run else mending.mend(edit, row, computed)
        counts = Counter(step.kind for step in drift)
        told = Counter(step.reason for step in computed.steps if step.kind in TOLD)
        unconfirmed = Seat.objects.filter(workspace=row).exclude(intent="").count()
        return {
            "read": True, "drift": dict(counts), "told": dict(told), "unconfirmed": unconfirmed, "plan": plan,
            "steps": [_shown(step) for step in drift[:SHOWN]], "more": max(0, len(drift) - SHOWN),
        }  # fmt: skip


def _gives_projects(run: Run) -> bool:
    """Whether anybody is assigned a project there: who is in which takes a call a project."""
    return any(workspace_of(run).assignments.values_list("projects", flat=True))


def _shown(step: Step) -> dict[str, Any]:
    return {
        "kind": step.kind, "person": step.person, "member": step.member, "invite": step.invite, "reason": step.reason,
        "facts": dict(step.facts), "sentence": sentence(step.reason, dict(step.facts)),
    }  # fmt: skip
