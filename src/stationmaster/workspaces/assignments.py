"""Assignments: who should hold a seat where. Owns: their checks and their changes; a plan shows what they mean."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from stationmaster.errors import Conflict, Invalid
from stationmaster.gateway.config.problems import quoted
from stationmaster.operators.access import require
from stationmaster.people import groups, persons
from stationmaster.people.models import Group, Person
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only, refuse_odd_text
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces.models import Assignment, Workspace

FIELDS: Final = frozenset({"workspace", "group", "person", "role", "projects"})
MAX_PROJECTS: Final = 100


def show(row: Assignment) -> Mapping[str, Any]:
    """An assignment as plain values: either `group` or `person` is set, by id; `name` is what people call it."""
    one = row.group if row.group_id else row.person
    return {
        "id": row.id, "workspace": row.workspace.name, "group": row.group_id or "", "person": row.person_id or "",
        "name": str(one), "role": row.role, "projects": row.projects, "revision": row.revision,
        "created_at": row.created_at, "updated_at": row.updated_at,
    }  # fmt: skip


ASSIGNMENTS: Final = Listing(
    noun="assignments",
    columns=(
        Column("id"), Column("workspace", "workspace__name"), Column("group", "group_id", sortable=False),
        Column("person", "person_id", sortable=False), Column("role"), Column("created_at", kind="time"),
        Column("updated_at", kind="time"), Column("revision", kind="number"),
    ),
    show=show,
)


def list_assignments(actor: Actor, query: Query) -> Page:
    """One page of them. Raises `Forbidden`, `Invalid`."""
    require(actor, "assignments:read")
    return page(ASSIGNMENTS, _rows(), query)


def export_assignments(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "assignments:export")
    return export(ASSIGNMENTS, _rows(), query, form)


def get_assignment(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id. Raises `Forbidden`, `NotFound`."""
    require(actor, "assignments:read")
    return show(find(Assignment, which))


def create_assignment(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Assign a group or a person to a workspace, each by id or name, with a `role` of its vendor (left out: the weakest for
    who is invited, any for who is in) and `projects`. Raises `Forbidden`, `Invalid`, `NotFound`, `Conflict`."""
    require(actor, "assignments:create")
    known_only(given, FIELDS)
    refuse_odd_text(given)
    with change(actor) as edit:
        row = draft(given, lambda name: find(Workspace, name))
        if Assignment.objects.filter(workspace=row.workspace, group=row.group, person=row.person).exists():
            message = "this group or person is assigned to this workspace already"
            raise Conflict("error.assignment.duplicate", message, hint="change that one")
        edit.create(row)
    return show(row)


def draft(given: Given, place: Callable[[str], Workspace]) -> Assignment:
    """The assignment that is asked for, not saved; `place` finds its workspace. Raises `Invalid`, `NotFound`, `Conflict`."""
    row = Assignment(workspace=place(_named(given, "workspace")), **_whom(given))
    _fill(row, given)
    return row


def update_assignment(actor: Actor, which: str, given: Given, version: int | None = None) -> Mapping[str, Any]:
    """Change role and projects; who and where is another assignment. `version`: the revision that the caller read. Raises
    `Forbidden`, `NotFound`, `Stale`, `Invalid`."""
    require(actor, "assignments:update")
    known_only(given, frozenset({"role", "projects"}))
    refuse_odd_text(given)
    with change(actor) as edit:
        row = find(Assignment, which)
        with edit.updating(row, version):
            _fill(row, {"role": row.role, "projects": row.projects, **given})
    return show(row)


def delete_assignment(actor: Actor, which: str, version: int | None = None) -> None:
    """Take one away; seats go by the next plan, not before. Raises `Forbidden`, `NotFound`, `Stale`."""
    require(actor, "assignments:delete")
    with change(actor) as edit:
        edit.delete(find(Assignment, which), version)


def _rows() -> Any:
    return Assignment.objects.select_related("workspace", "group", "person")


def _named(given: Given, name: str) -> str:
    value = given.get(name) or ""
    if not isinstance(value, str) or not value:
        why = "needed: a name or an id" if not value else "expected a name or an id"
        code = "error.config.missing_key" if not value else "error.config.bad_value"
        raise Invalid(code, f"{name}: {why}", fields={name: why})
    return value


def _whom(given: Given) -> dict[str, Group | Person]:
    """The group or the person. Raises `Invalid` for both or neither."""
    if bool(given.get("group")) == bool(given.get("person")):
        why = "give either a group or a person"
        raise Invalid("error.assignment.whom", f"group: {why}", fields={"group": why})
    if given.get("group"):
        return {"group": groups.find(_named(given, "group"))}
    return {"person": persons.find(_named(given, "person"))}


def _fill(row: Assignment, given: Given) -> None:
    row.role, row.projects = role_of(row.workspace, given.get("role") or ""), _projects(given.get("projects") or [])


def role_of(workspace: Workspace, role: Any) -> str:
    """The role, if it can be given in this workspace. Raises `Invalid`."""
    roles = vendor(workspace.vendor).roles
    if role and role not in roles:
        listed = f"{quoted(str(role))} is no role that can be given here; one of {', '.join(roles)}"
        why = listed if roles else "roles are given at this vendor only"
        raise Invalid("error.assignment.role", f"role: {why}", fields={"role": why})
    return str(role)


def _projects(projects: Any) -> list[str]:
    fine = isinstance(projects, list) and all(isinstance(each, str) and 0 < len(each) <= 191 for each in projects)
    if not fine or len(projects) > MAX_PROJECTS:
        why = f"expected up to {MAX_PROJECTS} ids of the vendor's projects"
        raise Invalid("error.config.bad_value", f"projects: {why}", fields={"projects": why})
    return sorted(set(projects))
