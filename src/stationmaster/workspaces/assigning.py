"""Many people assigned to a workspace at once, or taken out of it. Owns: what that would come to, and doing it; a plan does the
rest, when it is approved."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from stationmaster.errors import Invalid
from stationmaster.operators.access import require
from stationmaster.people.models import Person
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.given import Given, known_only, refuse_odd_text
from stationmaster.store.lookup import find
from stationmaster.workspaces import planning
from stationmaster.workspaces.assignments import role_of
from stationmaster.workspaces.models import Assignment, Seat, Workspace
from stationmaster.workspaces.planning import Rule
from stationmaster.workspaces.planning.reasons import REASONS, sentence
from stationmaster.workspaces.plans.loading import Supposing
from stationmaster.workspaces.plans.making import compute, make_plan
from stationmaster.workspaces.presence import wanted_in

Verb = Literal["assign", "unassign"]
MOST: Final = 1000      # people at a time; of more a group is assigned
LARGE: Final = 10_000   # seats in a workspace; of more a look does not work out the plan: everybody there has a say in it
_FIELDS: Final = frozenset({"workspace", "people", "role"})
_NOT_YET: Final[Mapping[str, Any]] = {"steps": [], "counts": {}, "others": 0, "second_approval": []}
OUTCOMES: Final = ("new", "role", "same", "by_group", "left", "gone", "none")
_CHANGES: Final = frozenset({"new", "role", "gone"})


def preview_people(actor: Actor, verb: Verb, given: Given) -> Mapping[str, Any]:
    """What assigning `people` (ids) to a `workspace` with a `role`, or taking them out of it, comes to; it changes nothing.
    `people`: each with an outcome (`new`, `role`: it is changed, `same`, `by_group`: their groups decide, `left`, `gone`: taken
    away, `none`: there is nothing to take away); `steps`: of the plan that follows those about these people, `others` how many
    more it has. In a workspace with more than 10,000 seats `planned` is false, and there are no steps yet. Raises
    `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "assignments:read")
    require(actor, "plans:create")
    workspace, people, role = _given(given)
    found = _outcomes(verb, workspace, people, role)
    planned = not is_large(workspace)
    return {
        "workspace": workspace.name, "role": role, "changes": sum(outcome in _CHANGES for _, outcome, _ in found),
        "people": [_shown(person, outcome, by) for person, outcome, by in found], "planned": planned,
        **(_follows(workspace, people, _supposing(verb, workspace, found, role)) if planned else _NOT_YET),
    }  # fmt: skip


def is_large(workspace: Workspace) -> bool:
    """Whether so many have a seat there that a look does not work out its plan."""
    return Seat.objects.filter(workspace=workspace)[: LARGE + 1].count() > LARGE


def _follows(workspace: Workspace, people: Sequence[Person], supposing: Supposing) -> Mapping[str, Any]:
    """The plan that would be made, as far as it is about these people."""
    computed, chosen = compute([workspace], supposing=supposing), {person.id: person for person in people}
    steps = [step_of(each, chosen[each.person]) for each in computed.steps if each.person in chosen]
    return {
        "steps": steps, "counts": dict(Counter(step["kind"] for step in steps)), "others": len(computed.steps) - len(steps),
        "second_approval": list(computed.guards),
    }  # fmt: skip


def assign_people(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Assign `people` (ids) to a `workspace`, with a `role` of its vendor or none, and make the plan that follows. Answers with
    the plan. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "assignments:create")
    require(actor, "assignments:update")
    require(actor, "plans:create")
    workspace, people, role = _given(given)
    with change(actor) as edit:
        own = _own(workspace, people)
        for person, outcome, _ in _outcomes("assign", workspace, people, role):
            if outcome == "new":
                edit.create(Assignment(workspace=workspace, person=person, role=role, projects=[]))
            elif outcome == "role":
                with edit.updating(own[person.id]):
                    own[person.id].role = role
        return make_plan(actor, {"workspaces": [workspace.id]})      # or nothing of it


def unassign_people(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Take the own assignments of `people` (ids) to a `workspace` away, and make the plan that follows; what their groups are
    assigned to stays. Answers with the plan. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "assignments:delete")
    require(actor, "plans:create")
    workspace, people, _ = _given(given)
    with change(actor) as edit:
        for row in _own(workspace, people).values():
            edit.delete(row)
        return make_plan(actor, {"workspaces": [workspace.id]})


def _given(given: Given) -> tuple[Workspace, list[Person], str]:
    """Where, who and as what. Raises `NotFound`, `Invalid`."""
    known_only(given, _FIELDS)
    refuse_odd_text({name: value for name, value in given.items() if name != "people"})
    workspace = find(Workspace, str(given.get("workspace") or ""))
    ids = given.get("people")
    if not isinstance(ids, list) or not 0 < len(ids) <= MOST or not all(isinstance(each, str) for each in ids):
        why = f"expected ids of 1 to {MOST} people"
        raise Invalid("error.config.bad_value", f"people: {why}", fields={"people": why})
    people = list(Person.objects.filter(id__in={each for each in ids if "\0" not in each}).order_by("display_name_folded", "id"))
    return workspace, people, role_of(workspace, given.get("role") or "")


def _own(workspace: Workspace, people: Sequence[Person]) -> dict[str, Assignment]:
    rows = Assignment.objects.filter(workspace=workspace, person__in=[each.id for each in people])
    return {str(row.person_id): row for row in rows}


def _outcomes(verb: Verb, workspace: Workspace, people: Sequence[Person], role: str) -> list[tuple[Person, str, list[str]]]:
    """What becomes of each, and the groups that assign them besides."""
    own, wanted = _own(workspace, people), wanted_in([each.id for each in people], [workspace.id])
    found = []
    for person in people:
        by = [name for name in wanted.get((person.id, workspace.id), []) if name]
        row = own.get(person.id)
        found.append((person, _assigned(person, row, by, role) if verb == "assign" else _taken(row, by), by))
    return found


def _assigned(person: Person, row: Assignment | None, by: Sequence[str], role: str) -> str:
    if not person.active:
        return "left"
    if row is not None:
        return "same" if row.role == role else "role"
    return "by_group" if by and not role else "new"


def _taken(row: Assignment | None, by: Sequence[str]) -> str:
    if row is not None:
        return "gone"
    return "by_group" if by else "none"


def _supposing(verb: Verb, workspace: Workspace, found: Sequence[tuple[Person, str, list[str]]], role: str) -> Supposing:
    """The assignments as they would be."""
    changed = [person for person, outcome, _ in found if outcome in _CHANGES]
    own = _own(workspace, changed)
    rules = [Rule("", "", person.id, role, tuple(own[person.id].projects) if person.id in own else ()) for person in changed]
    return Supposing(tuple(rules) if verb == "assign" else (), frozenset(row.id for row in own.values()))


def _shown(person: Person, outcome: str, by: Sequence[str]) -> Mapping[str, Any]:
    return {"id": person.id, "name": str(person), "email": person.email, "outcome": outcome, "groups": list(by)}


def step_of(step: planning.Step, person: Person) -> Mapping[str, Any]:
    """A step that is not kept, about this person, as plain values."""
    facts = dict(step.facts)
    return {
        "kind": step.kind, "person": step.person, "name": str(person), "reason": step.reason, "facts": facts,
        "before": _plain(step.before), "after": _plain(step.after),
        "sentence": sentence(step.reason, facts) if step.reason in REASONS else step.reason,
    }  # fmt: skip


def _plain(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """As a plan's own steps are kept: lists, not tuples."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in pairs}
