"""Steps that people do at the vendor, ticked. Owns: what may be ticked, sentence by sentence, and what our books say then."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils import timezone

from stationmaster.errors import Conflict, Invalid, NotFound
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change, change
from stationmaster.store.given import Given, known_only
from stationmaster.store.lookup import find
from stationmaster.vendors._base import Capability
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces import seats
from stationmaster.workspaces.models import Plan, PlanStep
from stationmaster.workspaces.planning.values import BY_HAND
from stationmaster.workspaces.plans.doing import finish_step
from stationmaster.workspaces.plans.showing import checklist_of, show_step


class _Tick(NamedTuple):
    """What is ticked: a step, or one `item` of its checklist (from 1; 0: all of it); `done` false takes that back, and of a
    whole step says that it is left undone."""

    step: int
    item: int
    done: bool


def tick_step(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Say that a person did a `step` (its id) at the vendor: one `item` of its checklist, from 1, or, left out, all of it. With
    the last one the step is done. `done` false unticks an item; without an item, the step is left undone. Where the vendor lists
    its people, the next reading shows it; where it does not, this is what our books go by. Raises `Forbidden`, `NotFound`,
    `Invalid`, `Conflict`."""
    require(actor, "seats:update")
    tick = _read(given)
    with change(actor) as edit:
        plan = find(Plan, which)
        row = _open_step(plan, tick.step)
        _tick(actor, row, tick)
        if _ended(row, tick):
            _end(edit, actor, row, done=tick.done)
        edit.record(f"workspaces:{plan.id}:tick", None, {"step": row.position, "item": tick.item, "done": tick.done})
    return show_step(PlanStep.objects.select_related("person", "workspace").get(id=row.id))


def _read(given: Given) -> _Tick:
    known_only(given, frozenset({"step", "item", "done"}))
    step: Any = given.get("step")
    item: Any = given.get("item") or 0
    done = given.get("done", True)
    if not (_is_number(step) and _is_number(item) and isinstance(done, bool) and step):
        why = "expected a step's id, the number of a line of its checklist, and whether it was done"
        raise Invalid("error.config.bad_value", f"step: {why}", fields={"step": why})
    return _Tick(int(step), int(item), done)


def _is_number(given: Any) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 2**63


def _open_step(plan: Plan, step: int) -> PlanStep:
    rows = PlanStep.objects.select_for_update(of=("self",)).select_related("workspace", "person")
    row: PlanStep | None = rows.filter(plan=plan, id=step, kind=BY_HAND).first()
    if row is None:
        raise NotFound("error.plan.no_step", "the plan has no such step to be done by hand")
    if plan.state != "applying" or row.outcome:
        raise Conflict("error.plan.step_over", "this step is not to be ticked (any more)")
    return row


def _tick(actor: Actor, row: PlanStep, tick: _Tick) -> None:
    """Note who ticked what; whoever ticked it first stands there."""
    every = range(1, len(checklist_of(row)) + 1)
    if tick.item and tick.item not in every:
        why = f"the checklist has {len(every)} lines"
        raise Invalid("error.plan.no_item", f"item: {why}", fields={"item": why})
    about = {tick.item} if tick.item else set(every)
    held = {each["item"]: each for each in row.ticked}
    new = {"by": actor.person or actor.id, "at": timezone.now().isoformat()}
    if tick.done:
        held = {item: {"item": item, **new} for item in about} | held
    elif tick.item:
        held.pop(tick.item, None)
    row.ticked = [held[item] for item in sorted(held)]
    PlanStep.objects.filter(id=row.id).update(ticked=row.ticked)


def _ended(row: PlanStep, tick: _Tick) -> bool:
    return not tick.item or (tick.done and len(row.ticked) == len(checklist_of(row)))


def _end(edit: Change, actor: Actor, row: PlanStep, *, done: bool) -> None:
    if done:
        _done_by_hand(edit, row)
    finish_step(edit, row.id, "done" if done else "skipped")
    PlanStep.objects.filter(id=row.id).update(done_by=actor.person or actor.id)


def _done_by_hand(edit: Change, row: PlanStep) -> None:
    if row.person_id is None:
        return
    listed = Capability.MEMBERS in vendor(row.workspace.vendor).capabilities
    seat = seats.seat_for(edit, row.person_id, row.workspace_id)
    role, projects = str(row.after.get("role") or ""), row.after.get("projects")
    if row.reason == "role_by_hand":
        seats.settle(edit, seat.id, seat.state, seat.cause, role=role)
    elif row.after:
        seats.settle(edit, seat.id, "inviting" if listed else "active", "by_hand", role=role, projects=projects)
    else:
        seats.settle(edit, seat.id, "removing" if listed else "removed", "by_hand")
