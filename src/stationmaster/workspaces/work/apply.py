"""Applying: the steps of one workspace in a plan that was approved, an item each, and nothing else.

The vendor is read first. When the plan would not be made the same any more, nothing is done and it is stale; when some of it
was done already, by a job that was cancelled or failed, what is no step any more is left out.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from stationmaster.errors import Conflict
from stationmaster.jobs.kinds import Done, Ended, NewItem, Outcome, Skipped
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run
from stationmaster.store.actor import SYSTEM
from stationmaster.store.changes import Change
from stationmaster.workspaces import planning
from stationmaster.workspaces.models import Plan, PlanStep, Seat, Workspace
from stationmaster.workspaces.plans import comparing, doing, ending
from stationmaster.workspaces.plans.making import compute
from stationmaster.workspaces.work import reading
from stationmaster.workspaces.work.doing import do
from stationmaster.workspaces.work.opening import refusals_told
from stationmaster.workspaces.work.tasks import of_step

Known = tuple[str, str, str, str, str]
OVER: Final = "is no step any more"


class Applying:
    """Implements `jobs.kinds.Handler`."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """The steps. Raises `Conflict` for a plan that is over, or is stale by what the vendor has now."""
        plan = Plan.objects.get(id=run.args["plan"])
        _still_applies(plan)
        with refusals_told(run):
            reading.read_people(run)
        if plan.jobs.get(run.workspace) == run.id and plan.made_by != SYSTEM.id:
            _as_approved(run, plan)
        else:
            _what_is_left(run, plan)
        for step in doing.steps_to_do(plan.id, run.workspace):
            yield NewItem(f"step-{step.pk}", _subject(step), {"step": step.pk, "kind": step.kind})

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """One step; one that has an outcome is not done again."""
        step = doing.step_to_do(int(item.data["step"]))
        if run.retry_of and step.outcome in ("", "failed") and not _is_left(run, step):
            return Skipped("plan.step_over", OVER, record=lambda edit: _leave_out(edit, step))
        if step.outcome == "failed":
            with run.recording():
                doing.reopen_step(step.pk)
        elif step.outcome:
            return Done({"kind": step.kind}) if step.outcome == "done" else Skipped("plan.step_over", step.outcome_detail)
        return do(run, item, of_step(step))

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """How many steps of the plan came to what, here."""
        rows = PlanStep.objects.filter(plan_id=run.args["plan"], workspace_id=run.workspace)
        return {"plan": run.args["plan"], **{name: rows.filter(outcome=name).count() for name in ("done", "failed", "skipped")}}


def on_end(edit: Change, ended: Ended) -> None:
    """Steps whose items failed without a word in the plan have failed there too; what was not tried stays to be done."""
    rows = JobItem.objects.filter(job_id=ended.job, state="failed").values_list("data", "sentence")
    failed = {int(data["step"]): sentence for data, sentence in rows}
    for step in PlanStep.objects.filter(id__in=list(failed), outcome="").values_list("id", flat=True):
        doing.finish_step(edit, step, "failed", failed[step])


def _as_approved(run: Run, plan: Plan) -> None:
    different = comparing.still_holds(plan.id, run.workspace)
    if not different:
        return
    words = "; ".join(different)
    with run.recording() as edit:
        ending.close(edit, Plan.objects.select_for_update().get(id=plan.id), "stale", words)
    raise Conflict("error.plan.stale", f"the plan changed: {words}", hint="make a new one and look at it")


def _what_is_left(run: Run, plan: Plan) -> None:
    """Leave out what would be no step now. Whoever's last write is unconfirmed is none of that: a reading decides first."""
    now = _now(run)
    for step in list(doing.steps_to_do(plan.id, run.workspace)):
        if not now.has(step):
            run.check()
            with run.recording() as edit:
                _leave_out(edit, step)


def _leave_out(edit: Change, step: PlanStep) -> None:
    doing.finish_step(edit, step.pk, "skipped", OVER)
    edit.record(f"workspaces:{step.plan_id}:skip_step", None, {"step": step.pk})


def _is_left(run: Run, step: PlanStep) -> bool:
    """Whether a step of a job that is tried again would be a step now. Its items come from the job before, and may be old."""
    now: _Now = run.once("now", lambda: _read_now(run))
    return now.has(step)


def _read_now(run: Run) -> "_Now":
    """Raises `Conflict` for a plan that is over otherwise than by its end."""
    _still_applies(Plan.objects.get(id=run.args["plan"]))
    with refusals_told(run):
        reading.read_people(run)
    return _now(run)


def _still_applies(plan: Plan) -> None:
    if plan.state not in ("applying", "applied"):
        raise Conflict("error.plan.state", f"the plan is {plan.state}")


@dataclass(frozen=True)
class _Now:
    """What would be steps now, and of whom that cannot be told."""

    steps: frozenset[Known]
    unsure: frozenset[str]

    def has(self, step: PlanStep) -> bool:
        """Whether it is one of them, with the role and the projects that it was approved with."""
        whom = (step.kind, step.person_id or "", step.member, step.invite, _said(step.after))
        return whom in self.steps or step.person_id in self.unsure


def _now(run: Run) -> _Now:
    steps = compute(list(Workspace.objects.filter(id=run.workspace))).steps
    unsure = Seat.objects.filter(workspace_id=run.workspace).exclude(intent="").values_list("person_id", flat=True)
    return _Now(frozenset(map(_known, steps)), frozenset(unsure))


def _known(step: planning.Step) -> Known:
    return step.kind, step.person, step.member, step.invite, _said(dict(step.after))


def _said(after: Mapping[str, Any]) -> str:
    return json.dumps(after, sort_keys=True)


def _subject(step: PlanStep) -> str:
    return str(step.person_id or "")
