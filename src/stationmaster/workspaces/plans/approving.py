"""Plans, approved and applied. Owns: who may, that what is done is what was looked at, and when a plan is over."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils import timezone

from stationmaster.errors import Conflict, Forbidden, Invalid
from stationmaster.jobs import services as jobs
from stationmaster.operators.access import allowed, require
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change, change
from stationmaster.store.given import Given, Rows, known_only, text
from stationmaster.store.lookup import find
from stationmaster.workspaces import kinds, seats
from stationmaster.workspaces.models import Plan
from stationmaster.workspaces.planning.values import BOOKS, TAKES, TOLD, WRITES
from stationmaster.workspaces.plans import comparing, showing
from stationmaster.workspaces.plans.ending import close

_OVER = frozenset({"applied", "stale", "refused"})
_PACE: Final = {"concurrency": 32, "item_retries": 5}      # what a caller may say, and the most of it


def approve_plan(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Approve a plan as it is now; `hash`: the one that was looked at. Where it takes a second approval, it comes from
    somebody else. Raises `Forbidden`, `NotFound`, `Conflict` for one that changed meanwhile, which is stale then."""
    require(actor, "plans:approve")
    known_only(given, frozenset({"hash"}))
    _still(actor, which, given.get("hash"), ("open",))
    with change(actor) as edit:
        row = _locked(which, ("open",))
        _somebody_else(actor, row)
        with edit.updating(row, action="approve"):
            row.approvals = [*row.approvals, {"by": actor.id, "person": who(actor), "at": timezone.now().isoformat()}]
            row.state = "approved" if len(row.approvals) > bool(row.guards) else "open"
    return showing.show(row)


def may_approve(actor: Actor, row: Mapping[str, Any]) -> bool:
    """Whether this actor's approval is one that a plan, as it is shown, still takes: nobody approves twice."""
    return allowed(actor, "plans:approve") and all(each["person"] != who(actor) for each in row["approvals"])


def refuse_plan(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Refuse a plan, for good; `reason` says why. Raises `Forbidden`, `NotFound`, `Conflict`."""
    require(actor, "plans:refuse")
    known_only(given, frozenset({"reason"}))
    reason = said(given, "reason")
    with change(actor) as edit:
        row = _locked(which, ("open", "approved"))
        close(edit, row, "refused", reason)
    return showing.show(row)


def apply_plan(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Have an approved plan done: a job for each workspace that has something to do, all at once or none. `concurrency`: how
    many people of a workspace at a time; `item_retries`: how often one is tried. Raises `Forbidden`, `NotFound`, `Invalid`,
    `Conflict` for one that is not approved, or changed meanwhile."""
    require(actor, "plans:apply")
    pace = pace_of(given)
    _still(actor, which, None, ("approved",))
    with change(actor) as edit:
        row = _locked(which, ("approved",))
        _wait(edit, row)
        with edit.updating(row, action="apply"):
            row.state, row.jobs = "applying", _submit(actor, row, pace)
        end_if_done(edit, row.id)
    return get(row.id)


def get(which: str) -> Mapping[str, Any]:
    """A plan as it stands."""
    return showing.show(find(Plan, which))


def who(actor: Actor) -> str:
    """Who stands behind an actor, as far as approvals go. Whoever uses this machine's command line, or a token that was made
    there, is one and the same."""
    return actor.person or (actor.id if actor.kind == "operator" else "this machine")


def end_if_done(edit: Change, which: str) -> None:
    """Close a plan of which no step is left to do, by a job or by hand."""
    row = _row(which)
    if row.state == "applying" and not row.steps.filter(outcome="").exclude(kind__in=TOLD).exists():
        close(edit, row, "applied")


def said(given: Given, name: str) -> str:
    """A text that has to be there. Raises `Invalid`."""
    report = Rows("plan")
    found = text(given, name, report).strip()
    if not found:
        report.add("error.config.missing_key", ("plan", 0, name), "say why, in a sentence")
    report.refuse()
    return found


def _still(actor: Actor, which: str, hash_: object, states: tuple[str, ...]) -> None:
    """Raise `Conflict` unless the plan is in one of `states`, is the one that was looked at, and would be made the same
    now; one that would not is stale from now on."""
    row = find(Plan, which)
    if not _to_do(row):
        raise Conflict("error.plan.empty", "there is nothing to do in this plan")
    _in(row, states)
    if hash_ and hash_ != row.hash:
        raise Conflict("error.plan.another", "this is not the hash of this plan", hint="look at the plan again")
    different = comparing.changes(row, comparing.now(row))
    if different:
        with change(actor) as edit:
            close(edit, _locked(which, states), "stale", "; ".join(different))
        raise Conflict("error.plan.stale", f"the plan changed: {'; '.join(different)}", hint="make a new one and look at it")


def _locked(which: str, states: tuple[str, ...]) -> Plan:
    row = _row(find(Plan, which).id)
    _in(row, states)
    return row


def _row(which: str) -> Plan:
    row: Plan = Plan.objects.select_for_update().get(id=which)
    return row


def _in(row: Plan, states: tuple[str, ...]) -> None:
    if row.state not in states:
        hint = "make a new one" if row.state in _OVER else "approve it first" if row.state == "open" else ""
        raise Conflict("error.plan.state", f"the plan is {row.state}", hint=hint)


def _somebody_else(actor: Actor, row: Plan) -> None:
    if any(each["person"] == who(actor) for each in row.approvals):
        message = "the second approval comes from somebody else"
        raise Forbidden("error.plan.same_person", message, hint="another operator or admin approves it")


def _to_do(row: Plan) -> bool:
    return bool(row.steps.exclude(kind__in=TOLD).exists())


def _wait(edit: Change, row: Plan) -> None:
    """Note who waits for a seat, and who is about to get one: their place in the queue is kept from now on."""
    waiting = {(step.person_id, step.workspace_id) for step in row.steps.filter(kind="blocked", reason="no_seat")}
    coming = {(step.person_id, step.workspace_id) for step in row.steps.filter(kind__in=TAKES | {"manual"}, person__isnull=False)}
    for person, workspace in sorted(waiting | coming):
        seat = seats.seat_for(edit, person, workspace)
        if (person, workspace) in waiting and (seat.state, seat.cause) in (("planned", ""), ("removed", "over")):
            seats.settle(edit, seat.id, "planned", "no_seat")


def pace_of(given: Given) -> dict[str, Any]:
    """How a job goes about it. Raises `Invalid`."""
    known_only(given, frozenset(_PACE))
    found = {name: given[name] for name in _PACE if given.get(name) is not None}
    for name, value in found.items():
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _PACE[name]:
            why = f"expected a whole number from 1 to {_PACE[name]}"
            raise Invalid("error.config.bad_value", f"{name}: {why}", fields={name: why})
    return found


def _submit(actor: Actor, row: Plan, pace: Mapping[str, Any]) -> dict[str, str]:
    """The jobs, by workspace."""
    steps = row.steps.filter(kind__in=WRITES | BOOKS)
    found = {}
    for workspace in steps.order_by("workspace").values_list("workspace", flat=True).distinct():
        key = f"apply:{row.id}:{workspace}"
        job = jobs.submit(actor, kinds.APPLY, workspace=workspace, args={"plan": row.id}, dedupe=key, **pace)
        found[workspace] = str(job["id"])
    return found
