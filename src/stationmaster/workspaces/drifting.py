"""What is different from what should be, as the last reconciliation found it, without what a plan's steps ended since. Owns:
showing that, whatever the policy mends."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q

from stationmaster.jobs.models import Job
from stationmaster.operators.access import allowed, only_own
from stationmaster.people.models import Person
from stationmaster.store.actor import Actor
from stationmaster.workspaces import kinds
from stationmaster.workspaces.models import PlanStep, VendorInvite, VendorMember, Workspace

_Key = tuple[str, str, str, str]      # kind, person, member and invitation: what makes two steps the same one here


def drift_of(actor: Actor, row: Workspace) -> Mapping[str, Any] | None:
    """The drift of a workspace, with names for whoever may see people; None: it was never reconciled. `read` false: the vendor
    could not be read to its end, so that nothing is known. `kinds`: how many steps of each kind would mend it, `told` why others
    are left alone; `steps` the first of them, `more` how many others; `plan` what mends it, if anything does. Steps that were
    done since, by any plan, are not among them; `done` is how many those are."""
    ended = Job.objects.filter(kind=kinds.RECONCILE, workspace=row.id, ended_at__isnull=False).exclude(state="cancelled")
    job = ended.order_by("-ended_at", "-id").first()
    if job is None:
        return None
    found = job.result or {}
    counts, steps, more = _left(found, _done_since(row, job, found.get("plan", "")))
    return {
        "job": job.id, "at": job.ended_at, "read": bool(found.get("read")), "kinds": counts,
        "told": found.get("told", {}), "unconfirmed": found.get("unconfirmed", 0), "plan": found.get("plan", ""),
        "steps": _named(actor, row, steps), "more": more, "done": sum(found.get("drift", {}).values()) - sum(counts.values()),
    }  # fmt: skip


def _done_since(row: Workspace, job: Job, plan: str) -> set[_Key]:
    """What our books know as done since the drift was found; the plan that mends it may have begun a moment before."""
    since = Q(done_at__gt=job.ended_at) | (Q(plan_id=plan) if plan else Q())
    done = PlanStep.objects.filter(since, workspace=row, outcome="done")
    return {(kind, person or "", member, invite) for kind, person, member, invite in
            done.values_list("kind", "person_id", "member", "invite")}  # fmt: skip


def _left(found: Mapping[str, Any], done: set[_Key]) -> tuple[dict[str, int], list[Mapping[str, Any]], int]:
    """How many steps of each kind are left, those that are shown, and how many others there are. A job keeps no more of the
    others than their number: of each kind as many are taken off as were done and are none of those shown."""
    steps = found.get("steps", [])
    keys = [(step["kind"], step["person"], step["member"], step["invite"]) for step in steps]
    left = [step for step, key in zip(steps, keys, strict=True) if key not in done]
    all_, shown = Counter(found.get("drift", {})), Counter(step["kind"] for step in steps)
    others = all_ - shown
    others -= Counter(kind for kind, *_ in done - set(keys))
    return dict(Counter(step["kind"] for step in left) + others), left, others.total()


def _named(actor: Actor, row: Workspace, steps: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The steps with whom each is about: a job keeps ids alone."""
    steps = list(steps)
    if not allowed(actor, "people:read") or only_own(actor, "people:read"):
        return [{**step, "name": ""} for step in steps]
    names = {person.id: str(person) for person in Person.objects.filter(id__in={step["person"] for step in steps} - {""})}
    for model, field in ((VendorMember, "member"), (VendorInvite, "invite")):
        ids = {step[field] for step in steps if not step["person"]} - {""}
        rows = model.objects.filter(workspace=row, vendor_id__in=ids).values_list("vendor_id", "email", "login")
        names |= {f"{field} {id_}": email or login for id_, email, login in rows}
    return [{**step, "name": _name(step, names)} for step in steps]


def _name(step: Mapping[str, Any], names: Mapping[str, str]) -> str:
    keys = (step["person"], f"member {step['member']}", f"invite {step['invite']}")
    return next((names[key] for key in keys if key in names), "")
