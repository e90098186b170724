"""A plan's steps, while they are done. Owns: their order and their outcomes."""

from collections.abc import Iterator

from django.utils import timezone

from stationmaster.people.matching import logins_of
from stationmaster.store.changes import Change
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces.models import PlanStep, VendorMember
from stationmaster.workspaces.models.plans import Outcome
from stationmaster.workspaces.planning.values import BY_HAND, TOLD
from stationmaster.workspaces.plans.approving import end_if_done

_AT_ONCE = 400
_LICENCES = frozenset({"assign", "unassign"})


def steps_to_do(plan: str, workspace: str) -> Iterator[PlanStep]:
    """What a job does of a plan in one workspace, in order: our own books first, then what frees seats, then what takes them.
    Each has in `known_as` what the vendor is written to with. Steps that have an outcome are left out."""
    rows = list(
        PlanStep.objects.filter(plan_id=plan, workspace_id=workspace, outcome="").exclude(kind__in=TOLD | {BY_HAND})
        .select_related("workspace").order_by("position")
    )  # fmt: skip
    for at in range(0, len(rows), _AT_ONCE):
        some = rows[at : at + _AT_ONCE]
        _name(some)
        yield from some


def step_to_do(step: int) -> PlanStep:
    """One of them, as `steps_to_do` gives it."""
    row: PlanStep = PlanStep.objects.select_related("workspace").get(id=step)
    _name([row])
    return row


def _name(rows: list[PlanStep]) -> None:
    """Put into `known_as` what the vendor is written to about each of them (of one workspace). A licence is somebody's by what
    the vendor lists them as, whatever they are called here by now."""
    workspace = rows[0].workspace
    names = logins_of(workspace.vendor, [row.person_id for row in rows if row.person_id])
    licensed = [row.member for row in rows if row.kind in _LICENCES and row.member]
    found = VendorMember.objects.filter(workspace=workspace, vendor_id__in=licensed).values_list("vendor_id", "email", "login")
    listed = {id_: vendor(workspace.vendor).name_of(email, login) for id_, email, login in found} if licensed else {}
    for row in rows:
        here = names.get(row.person_id, "") if row.person_id else row.known_as
        row.known_as = listed.get(row.member, here) if row.kind in _LICENCES else here


def finish_step(edit: Change, step: int, outcome: Outcome, detail: str = "") -> None:
    """Note what became of a step, in the change that notes what became of its seat; the last one ends the plan."""
    row = PlanStep.objects.get(id=step)
    PlanStep.objects.filter(id=step).update(outcome=outcome, outcome_detail=detail[:1000], done_at=timezone.now())
    end_if_done(edit, row.plan_id)


def reopen_step(step: int) -> None:
    """A step that failed is tried again."""
    PlanStep.objects.filter(id=step, outcome="failed").update(outcome="", outcome_detail="", done_at=None)
