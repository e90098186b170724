"""A plan as it was kept, beside how it would be now. Owns: telling what changed since somebody looked at it."""

from collections.abc import Iterable, Iterator

from stationmaster.people.matching import logins_of
from stationmaster.workspaces import planning
from stationmaster.workspaces.models import Plan, PlanStep, Workspace
from stationmaster.workspaces.planning.digest import line
from stationmaster.workspaces.planning.values import TOLD
from stationmaster.workspaces.planning.wording import STEPS
from stationmaster.workspaces.plans.making import Computed, compute

SHOWN = 10       # differences that are told one by one
SECOND = "it takes a second approval now"


def about(plan: Plan) -> list[Workspace]:
    """The workspaces that a plan is about, by name."""
    return list(Workspace.objects.filter(id__in=plan.about.values_list("workspace_id", flat=True)).order_by("name"))


def now(plan: Plan) -> Computed:
    """The same plan, as it would be made now."""
    return compute(about(plan))


def changes(plan: Plan, computed: Computed) -> list[str]:
    """What is different by now, in words; empty: nothing. At most `SHOWN` lines, and how many more."""
    if computed.hash == plan.hash and set(computed.guards) <= set(plan.guards):
        return []
    return _different(_kept(plan.steps.all(), plan), computed.steps) or [SECOND]


def still_holds(plan: str, workspace: str) -> list[str]:
    """What is different by now in one workspace of an approved plan, for whoever is about to apply it; empty: go on."""
    row = Plan.objects.get(id=plan)
    computed = compute(list(Workspace.objects.filter(id=workspace)), but=plan)
    different = _different(_kept(row.steps.filter(workspace_id=workspace), row), computed.steps)
    return different or ([] if set(computed.guards) <= set(row.guards) else [SECOND])


def _kept(rows: Iterable[PlanStep], plan: Plan) -> Iterator[planning.Step]:
    """The plan's steps as they were computed. What people are written to by is looked up: another address is another step."""
    rows = list(rows)
    vendors = {row.id: row.vendor for row in about(plan)}
    names = {vendor: logins_of(vendor, {row.person_id for row in rows if row.person_id}) for vendor in set(vendors.values())}
    for row in rows:
        known_as = names[vendors[row.workspace_id]].get(row.person_id, "") if row.person_id else row.known_as
        yield planning.Step(
            row.kind, row.workspace_id, row.person_id or "", known_as, row.member, row.invite, tuple(row.before.items()),
            tuple(row.after.items()), row.reason,
        )  # fmt: skip


def _different(before: Iterable[planning.Step], after: Iterable[planning.Step]) -> list[str]:
    old, new = ({line(step): step for step in steps if step.kind not in TOLD} for steps in (before, after))
    gone = [f"{_words(old[key])} is not needed any more" for key in sorted(old.keys() - new.keys())]
    come = [f"{_words(new[key])} is needed now" for key in sorted(new.keys() - old.keys())]
    found = [*gone, *come]
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return found[:SHOWN] + more


def _words(step: planning.Step) -> str:
    """A step, with ids alone: it is kept and logged, and whoever shows it puts the names in (`phrases.naming`)."""
    return f"“{STEPS[step.kind]}” for {step.person or step.member or step.invite}"
