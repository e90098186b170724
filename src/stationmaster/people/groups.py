"""Groups, as entrances may ask about them. Owns: who may, what is shown of a group, and who is in it."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, cast

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from stationmaster.errors import Invalid, NotFound
from stationmaster.folding import fold
from stationmaster.gateway.config.problems import quoted
from stationmaster.operators.access import require
from stationmaster.people import persons, writing
from stationmaster.people.models import SOURCES, Group, Membership, Person
from stationmaster.people.persons import PEOPLE
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import MAX_TEXT, Column
from stationmaster.store.given import Given, known_only
from stationmaster.store.listing import Listing, Page, Query, page

FIELDS = frozenset({"name", "external_id"})
MAX_AT_ONCE = 10_000        # persons of one call
_COMPARED = 2_000           # names that a name nobody knows is held against


def show(row: Any) -> Mapping[str, Any]:
    """A group as plain values, with how many it has."""
    return {
        "id": row.id, "name": row.name, "members": row.members, "external_id": row.external_id, "source": row.source,
        "revision": row.revision, "created_at": row.created_at, "updated_at": row.updated_at,
    }


GROUPS = Listing(
    noun="groups",
    columns=(
        Column("id"), Column("name", "name_folded"), Column("external_id"), Column("source", values=SOURCES),
        Column("created_at", kind="time"), Column("updated_at", kind="time"), Column("revision", kind="number"),
    ),
    show=show,
)


def list_groups(actor: Actor, query: Query) -> Page:
    """One page of them. Raises `Forbidden`, `Invalid`."""
    require(actor, "groups:read")
    return page(GROUPS, rows(), persons.folded(query, ("name",)))


def export_groups(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "groups:export")
    return export(GROUPS, rows(), persons.folded(query, ("name",)), form)


def get_group(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id or name. Raises `Forbidden`, `NotFound`."""
    require(actor, "groups:read")
    return show(find(which))


def create_group(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Make a group: `name`, perhaps `external_id`. Raises `Forbidden`, `Invalid`, `Conflict`."""
    require(actor, "groups:create")
    known_only(given, FIELDS)
    with change(actor) as edit:
        row = writing.create_group(edit, given.get("name", ""))
        writing.update_group(edit, row, given)
    return show(find(row.id))


def update_group(actor: Actor, which: str, given: Given, version: int | None = None) -> Mapping[str, Any]:
    """Change the fields that are given. `version`: the revision that the caller read. Raises `Forbidden`, `NotFound`,
    `Stale`, `Invalid`, `Conflict`."""
    require(actor, "groups:update")
    known_only(given, FIELDS)
    with change(actor) as edit:
        row = find(which)
        writing.update_group(edit, row, given, version)
    return show(find(row.id))


def delete_group(actor: Actor, which: str, version: int | None = None) -> None:
    """Delete a group to which nothing refers; its members stay. Raises `Forbidden`, `NotFound`, `Stale`, `Conflict`."""
    require(actor, "groups:delete")
    with change(actor) as edit:
        writing.remove_group(edit, find(which), version)


def list_members(actor: Actor, which: str, query: Query) -> Page:
    """One page of the persons in a group. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "groups:read")
    return page(PEOPLE, persons.whole(_members(which)), persons.folded(query))


def export_members(actor: Actor, which: str, query: Query, form: Format) -> Iterator[str]:
    """All of them, as a file. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "people:export")
    return export(PEOPLE, persons.whole(_members(which)), persons.folded(query), form)


def change_members(actor: Actor, which: str, add: Any = (), remove: Any = ()) -> Mapping[str, Any]:
    """Put persons in and take persons out, each named by id, user name or e-mail address. Raises `Forbidden`, `NotFound`,
    `Invalid`."""
    require(actor, "groups:update")
    with change(actor) as edit:
        row = find(which)
        writing.put_members(edit, row, _ids(add, "add"), _ids(remove, "remove"))
    return show(find(row.id))


def _no_group(which: str, name: str) -> NotFound:
    """With the names that are like it, where there are some."""
    names = dict(rows().order_by("name_folded").values_list("name_folded", "name")[:_COMPARED])
    near = [quoted(names[each]) for each in difflib.get_close_matches(name, names)]
    hint = f"did you mean {' or '.join(near)}?" if near else "`stationmaster group list` lists them"
    return NotFound("error.group.not_found", f"there is no group {quoted(which)}", hint=hint)


def find(which: str) -> Group:
    """The group with this id or name, with how many it has. Raises `NotFound`."""
    name = fold(which) if len(which) <= MAX_TEXT and "\0" not in which else ""
    row = rows().filter(id=name).first() or rows().filter(name_folded=name).first() if name else None
    if row is None:
        raise _no_group(which, name)
    return cast("Group", row)


def rows() -> "QuerySet[Any]":
    """All groups, each with how many members it has."""
    counted = Membership.objects.filter(group=OuterRef("pk")).order_by().values("group").annotate(number=Count("id"))
    return cast("QuerySet[Any]", Group.objects.annotate(members=Coalesce(Subquery(counted.values("number")), 0)))


def _members(which: str) -> "QuerySet[Any]":
    return Person.objects.filter(memberships__group=find(which))


def _ids(named: Any, field: str) -> list[str]:
    if not isinstance(named, list | tuple) or not all(isinstance(each, str) for each in named) or len(named) > MAX_AT_ONCE:
        why = f"expected a list of up to {MAX_AT_ONCE} persons"
        raise Invalid("error.group.bad_value", f"{field}: {why}", fields={field: why})
    ids = [each for each in named if "\0" not in each] if len(named) <= 400 else []
    known = set(Person.objects.filter(id__in=ids).values_list("id", flat=True))
    return [each if each in known else persons.find(each).id for each in named]
