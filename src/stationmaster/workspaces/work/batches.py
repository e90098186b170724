"""Batch runs: everything that was approved and is not done yet, in all workspaces or some. Owns: starting, stopping, and where
it stands.

A run is the apply jobs of these workspaces, together. What is done has an outcome in its plan and is not begun again, whoever
starts a run however often.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.db.models import Count, Max, Q
from django.db.models.functions import Coalesce

from stationmaster.errors import Conflict
from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import QUEUED, RUNNING, Job
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.given import Given, known_only
from stationmaster.workspaces import kinds
from stationmaster.workspaces.models import Plan, PlanStep, Workspace
from stationmaster.workspaces.planning.values import BY_HAND, TOLD
from stationmaster.workspaces.plans.approving import apply_plan, pace_of
from stationmaster.workspaces.plans.making import asked

ALL: Final = "all"      # a workspace that is called so is named by its id
_LIVE: Final = (QUEUED, RUNNING)


def start_run(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Have all that is approved done in a workspace (name or id), or in `ALL` that are in use: `concurrency` people of a
    workspace at a time, each tried up to `item_retries` times. Plans that changed meanwhile are stale, and said to be.
    Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "plans:apply")
    pace = pace_of(given)
    about = _about(which)
    refused = _apply_approved(actor, about, pace)
    with change(actor):
        for plan, workspace in _left_behind(about):
            key = f"apply:{plan}:{workspace}"
            jobs.submit(actor, kinds.APPLY, workspace=workspace, args={"plan": plan}, dedupe=key, **pace)
    return {**run_status(actor, about), "refused": refused}


def stop_run(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """End what runs or waits there: after the people under way. Raises `Forbidden`, `NotFound`."""
    require(actor, "jobs:cancel")
    known_only(given, frozenset())
    about = _about(which)
    for job in Job.objects.filter(kind=kinds.APPLY, workspace__in=[row.id for row in about], state__in=_LIVE, cancel_asked=False):
        try:
            jobs.cancel(actor, job.id)
        except Conflict:      # it ended meanwhile
            continue
    return run_status(actor, about)


def get_run(actor: Actor, which: str) -> Mapping[str, Any]:
    """Where it stands. Raises `Forbidden`, `NotFound`."""
    require(actor, "jobs:read")
    return run_status(actor, _about(which))


def run_status(actor: Actor, about: Sequence[Workspace]) -> Mapping[str, Any]:
    """For each workspace its newest apply job (whether it runs, its last heartbeat, what is done, skipped, failed and left) and
    how many approved steps have no outcome (`pending`), and the sums. Raises `Forbidden`."""
    require(actor, "jobs:read")
    rows = _rows(about)
    sums = {name: sum(row[name] for row in rows) for name in ("done", "skipped", "failed", "left", "pending")}
    beats = [row["heartbeat_at"] for row in rows if row["heartbeat_at"] is not None]
    return {"running": any(row["running"] for row in rows), "heartbeat_at": max(beats, default=None), **sums, "workspaces": rows}


def _about(which: str) -> list[Workspace]:
    return asked(None if which == ALL else [which])


def _rows(about: Sequence[Workspace]) -> list[dict[str, Any]]:
    """A row for each, asked of the database together: the job that runs there, else the newest, and what waits."""
    ids = [row.id for row in about]
    of = Job.objects.filter(kind=kinds.APPLY, workspace__in=ids).order_by().values("workspace")
    chosen = of.annotate(it=Coalesce(Max("id", filter=Q(state=RUNNING)), Max("id"))).values("it")
    shown = {job.workspace: job for job in Job.objects.filter(id__in=chosen)}
    waits = _undone(ids).order_by().values_list("workspace_id").annotate(Count("id"))
    pending = dict(waits)
    return [_row(row.name, shown.get(row.id), pending.get(row.id, 0)) for row in about]


def _row(name: str, job: Job | None, pending: int) -> dict[str, Any]:
    if job is None:
        none = dict.fromkeys(("done", "skipped", "failed", "left"), 0)
        return {"workspace": name, "job": "", "state": "", "running": False, "heartbeat_at": None, **none, "pending": pending}
    return {
        "workspace": name, "job": job.id, "state": job.state, "running": job.state in _LIVE, "heartbeat_at": job.heartbeat_at,
        "done": job.ok, "skipped": job.skipped, "failed": job.failed, "left": job.total - job.ok - job.skipped - job.failed,
        "pending": pending,
    }  # fmt: skip


def _undone(workspaces: Sequence[str]) -> Any:
    """Steps that somebody approved and that no job has done; what people do by hand is not among them."""
    rows = PlanStep.objects.filter(workspace_id__in=workspaces, plan__state__in=("approved", "applying"), outcome="")
    return rows.exclude(kind__in=TOLD | {BY_HAND})


def _apply_approved(actor: Actor, about: Iterable[Workspace], pace: Mapping[str, Any]) -> list[dict[str, str]]:
    """Begin with approved plans that are about these workspaces and no others."""
    ids = {row.id for row in about}
    refused = []
    for plan in Plan.objects.filter(state="approved", about__workspace__in=ids).distinct().order_by("id"):
        if not set(plan.about.values_list("workspace_id", flat=True)) <= ids:
            continue
        try:
            apply_plan(actor, plan.id, dict(pace))
        except Conflict as error:
            refused.append({"plan": str(plan.id), "why": error.message})
    return refused


def _left_behind(about: Iterable[Workspace]) -> list[tuple[str, str]]:
    """Plans, by workspace, that are being applied and have steps left, and no job that does them: it was cancelled, or failed."""
    found = []
    for row in about:
        if row.disabled:
            continue
        live = set(_plans_of(Job.objects.filter(Q(kind=kinds.APPLY), workspace=row.id, state__in=_LIVE)))
        plans = _undone([row.id]).filter(plan__state="applying").order_by("plan_id").values_list("plan_id", flat=True).distinct()
        found += [(plan, row.id) for plan in plans if plan not in live]
    return found


def _plans_of(rows: Iterable[Job]) -> Iterable[str]:
    return (str(row.args.get("plan", "")) for row in rows)
