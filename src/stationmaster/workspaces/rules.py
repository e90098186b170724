"""Many assignments at once, of people and groups to any workspaces. Owns: their check as a whole, and making them; a plan does
the rest, when it is approved.

All of them are made or none; what is wrong is told of every row, not of the first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stationmaster.errors import Invalid, StationmasterError
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.given import Given, known_only, refuse_odd_text
from stationmaster.store.lookup import find
from stationmaster.workspaces.assignments import FIELDS, draft
from stationmaster.workspaces.models import Assignment, Workspace
from stationmaster.workspaces.plans.making import make_plan

MOST: Final = 1000  # rows at a time; for more people, a group is assigned
_TOLD: Final = 20  # rows that a message names; `fields` names all

Places = Callable[[str], Workspace]


@dataclass(frozen=True)
class _Row:
    """One row that is right: what it asks for, and the assignment of the same there is."""

    wanted: Assignment
    there: Assignment | None

    @property
    def same(self) -> bool:
        """Whether it is so already."""
        there = self.there
        return there is not None and (there.role, there.projects) == (self.wanted.role, self.wanted.projects)


def assign_several(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Make the `assignments`, 1 to 1000 rows as for a single one, and the plan of their workspaces. One that is there is given
    the role and projects of its row. Answers with the plan. Raises `Forbidden`, `Invalid` for what is wrong in any row."""
    for action in ("assignments:create", "assignments:update", "plans:create"):
        require(actor, action)
    known_only(given, frozenset({"assignments"}))
    rows = _listed(given.get("assignments"))
    with change(actor) as edit:
        checked = _checked(rows)
        for row in checked:
            if row.there is None:
                edit.create(row.wanted)
            elif not row.same:
                with edit.updating(row.there):
                    row.there.role, row.there.projects = row.wanted.role, row.wanted.projects
        return make_plan(actor, {"workspaces": sorted({row.wanted.workspace_id for row in checked})})


def _listed(rows: Any) -> Sequence[Any]:
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST:
        why = f"expected 1 to {MOST} rows"
        raise Invalid("error.config.bad_value", f"assignments: {why}", fields={"assignments": why})
    return rows


def _checked(rows: Sequence[Any]) -> list[_Row]:
    """The rows, all of them right. Raises `Invalid` that says of each that is not why."""
    found: list[_Row] = []
    wrong: dict[str, str] = {}
    seen: dict[tuple[str, str], int] = {}
    places: dict[str, Workspace] = {}
    for number, given in enumerate(rows, 1):
        try:
            row = _row(given, lambda name: places.get(name) or places.setdefault(name, find(Workspace, name)))
        except StationmasterError as error:
            wrong |= _why(number, error)
            continue
        key = (str(row.wanted.workspace_id), str(row.wanted.group_id or row.wanted.person_id))
        if key in seen:
            wrong[f"assignments.{number}"] = f"the same as row {seen[key]}"
        seen.setdefault(key, number)
        found.append(row)
    if wrong:
        raise _refusal(wrong)
    return found


def _row(given: Any, places: Places) -> _Row:
    if not isinstance(given, Mapping):
        raise Invalid("error.config.bad_value", "expected an object")
    known_only(given, FIELDS)
    refuse_odd_text(given)
    wanted = draft(given, places)
    there = Assignment.objects.filter(workspace=wanted.workspace, group=wanted.group, person=wanted.person).first()
    return _Row(wanted, there)


def _why(number: int, error: StationmasterError) -> dict[str, str]:
    named = {f"assignments.{number}.{name}": why for name, why in error.fields.items()}
    return named or {f"assignments.{number}": error.message}


def _refusal(wrong: Mapping[str, str]) -> Invalid:
    said = "; ".join(f"{name.removeprefix('assignments.')}: {why}" for name, why in list(wrong.items())[:_TOLD])
    hint = "put these right and send all of them again"
    return Invalid("error.assignment.rows", f"rows that are not right, so that none was done: {said}", hint=hint, fields=wrong)
