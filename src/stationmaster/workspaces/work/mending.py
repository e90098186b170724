"""What reconciling does about a difference. Owns: which steps the policy lets be done unasked, and the plan that does them.

A plan that takes a second approval is left open for people, whole, once; so is one about leavers where the policy mends nothing.
"""

from typing import Final

from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import QUEUED, RUNNING, Job
from stationmaster.store.actor import SYSTEM
from stationmaster.store.changes import Change
from stationmaster.workspaces import kinds
from stationmaster.workspaces.models import Plan, Workspace
from stationmaster.workspaces.planning.values import BOOKS, TAKES, TOLD, WRITES
from stationmaster.workspaces.plans import ending
from stationmaster.workspaces.plans.making import Computed, compute, keep_plan

_LET: Final = {"none": frozenset[str](), "invite": BOOKS - {"close"} | TAKES, "all": BOOKS | WRITES}
NOTE: Final = "made by reconciliation"


def mend(edit: Change, row: Workspace, computed: Computed) -> str:
    """Have done what the policy lets be done; the id of the plan that does it, or of the one that waits for people, or
    empty: what waited before has nothing to do any more. While another plan is applied there, it is that one's."""
    if all(step.kind in TOLD for step in computed.steps):
        ending.outdate(edit, row, ending.MENDED)
        return ""
    applying = Job.objects.filter(kind=kinds.APPLY, workspace=row.id, state__in=[QUEUED, RUNNING]).first()
    if applying is not None:
        return str(applying.args.get("plan", ""))
    mine = compute([row], _LET[row.fix_drift], unasked=True)
    if mine.steps and not mine.guards:
        return _applied(edit, row, mine)
    if mine.steps or any(step.reason == "left" and step.kind not in TOLD for step in computed.steps):
        return _left_open(row, computed)
    ending.outdate(edit, row, ending.MENDED)
    return ""


def _applied(edit: Change, row: Workspace, mine: Computed) -> str:
    for old in Plan.objects.filter(state="applying", made_by=SYSTEM.id, about__workspace=row):
        ending.close(edit, old, "stale", "its job ended before all was done")
    plan = keep_plan(SYSTEM, [row], mine, NOTE)
    job = jobs.submit(SYSTEM, kinds.APPLY, workspace=row.id, args={"plan": plan.id}, dedupe=f"apply:{plan.id}:{row.id}")
    with edit.updating(plan, action="apply"):
        plan.state, plan.jobs = "applying", {row.id: str(job["id"])}
    return str(plan.id)


def _left_open(row: Workspace, computed: Computed) -> str:
    """An open plan of all there is to do: the one that waits already, if it is the same."""
    waiting = Plan.objects.filter(state__in=("open", "approved"), hash=computed.hash, names=row.name).first()
    return str((waiting or keep_plan(SYSTEM, [row], computed, NOTE)).id)
