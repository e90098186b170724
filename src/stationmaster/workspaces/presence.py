"""Who is where: people beside workspaces. Owns: a list of people, each with their seat and assignments in some workspaces, and
finding those with whom the two differ."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q

from stationmaster.operators.access import only_own, require
from stationmaster.people import groups, persons
from stationmaster.people.models import Membership, Person
from stationmaster.people.services import person_of
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Column, Filter, bad_filter
from stationmaster.store.listing import Listing, Page, Query, page, plain
from stationmaster.store.lookup import find
from stationmaster.workspaces.models import Assignment, Seat, Workspace
from stationmaster.workspaces.models.seats import STATES

HELD: Final = ("planned", "inviting", "invited", "active", "removing")   # states of a seat that somebody has, or is to have
_APART: Final = frozenset({"group", "workspace", "state", "differs"})    # filters that are no columns of a person
PRESENCE: Final = Listing(
    noun="presence",
    columns=(
        *persons.PEOPLE.columns, Column("group", sortable=False), Column("workspace", sortable=False),
        Column("state", sortable=False, values=STATES), Column("differs", sortable=False, kind="flag"),
    ),
    show=persons.show, sort="display_name",
)  # fmt: skip


def list_presence(actor: Actor, query: Query, places: Sequence[str]) -> Page:
    """One page of people with what they hold in the workspaces `places` (ids). Filters besides a person's: `group`, `workspace`
    (has a seat there, or is assigned; names or ids), `state` (of a seat there), `differs` (a seat without an assignment, or the
    other way round). Each row has `where`: for a workspace's id the seat, its state and whether an assignment asks for it.
    Raises `Forbidden`, `Invalid`, `NotFound`."""
    require(actor, "people:read")
    require(actor, "seats:read")
    rows, kept = _asked(actor, query)
    found = page(PRESENCE, persons.whole(rows), persons.folded(kept))
    return replace(found, items=_placed(found.items, places))


def ids_of_presence(actor: Actor, query: Query, most: int) -> list[str]:
    """The ids of all people that the query finds, up to `most`. Raises `Forbidden`, `Invalid`, `NotFound`."""
    require(actor, "people:read")
    require(actor, "seats:read")
    rows, kept = _asked(actor, query)
    found = plain(rows, PRESENCE, persons.folded(kept)).order_by("display_name_folded", "id")
    return list(found.values_list("id", flat=True)[:most])


def wanted_in(people: Collection[str], places: Collection[str]) -> dict[tuple[str, str], list[str]]:
    """The groups (names; empty for a person's own assignment) by which each of these people is assigned to each of these
    workspaces (ids)."""
    found: dict[tuple[str, str], list[str]] = {}
    own = Assignment.objects.filter(workspace__in=places, person__in=people).values_list("person_id", "workspace_id")
    for who, where in own:
        found.setdefault((who, where), []).append("")
    by_group = _by_group(places)
    memberships = Membership.objects.filter(person__in=people, group__in=by_group).values_list("person_id", "group_id")
    for who, group in memberships:
        for where, name in by_group[group]:
            found.setdefault((who, where), []).append(name)
    return found


def _by_group(places: Collection[str]) -> Mapping[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    rows = Assignment.objects.filter(workspace__in=places, group__isnull=False)
    for group, where, name in rows.values_list("group_id", "workspace_id", "group__name"):
        found.setdefault(group, []).append((where, name))
    return found


def _placed(rows: Iterable[Mapping[str, Any]], places: Sequence[str]) -> list[Mapping[str, Any]]:
    """The rows with what each holds where."""
    rows = list(rows)
    ids = [row["id"] for row in rows]
    columns = ("id", "person_id", "workspace_id", "state", "since", "removal")
    seats = {(each[1], each[2]): each for each in
             Seat.objects.filter(person__in=ids, workspace__in=places).values_list(*columns)}  # fmt: skip
    wanted = wanted_in(ids, places)
    return [{**row, "where": {place: _held(row, seats.get((row["id"], place)), wanted.get((row["id"], place)))
                              for place in places}} for row in rows]  # fmt: skip


def _held(row: Mapping[str, Any], seat: Any, by: list[str] | None) -> Mapping[str, Any]:
    """What somebody holds in one place. `differs`: missing (assigned, and no seat), extra (a seat, and no assignment)."""
    id_, _, _, state, since, removal = seat or ("", "", "", "", None, "")
    wanted, held = by is not None and row["active"], state in HELD
    differs = "missing" if wanted and not held else "extra" if held and not wanted and removal != "skipped" else ""
    return {"seat": id_, "state": state, "since": since, "wanted": wanted, "by": by or [], "differs": differs}


def _asked(actor: Actor, query: Query) -> tuple[Any, Query]:
    rows = Person.objects.all()
    if only_own(actor, "people:read"):
        own = person_of(actor)
        rows = rows.filter(Q(id=own.id) if own is not None else Q(pk__in=()))
    apart = {each.field: each for each in query.filters if each.field in _APART and each.op in ("eq", "in")}
    kept = tuple(each for each in query.filters if apart.get(each.field) is not each)
    for each in kept:
        PRESENCE.column(each.field)     # a name that there is not is refused as everywhere
        if each.field in _APART:        # is no column of a person, that the database could compare
            raise bad_filter(each.field, "is one of eq, in")
    return rows.filter(*_conditions(apart)), replace(query, filters=kept)


def _conditions(apart: Mapping[str, Filter]) -> list[Any]:
    places = [find(Workspace, name).id for name in _values(apart["workspace"])] if "workspace" in apart else []
    found: list[Any] = []
    if "group" in apart:
        ids = [groups.find(name).id for name in _values(apart["group"])]
        found.append(Exists(Membership.objects.filter(person=OuterRef("pk"), group__in=ids)))
    if "state" in apart:
        found.append(Exists(_seats(places).filter(state__in=_values(apart["state"]))))
    elif places:
        found.append(Q(Exists(_seats(places).filter(state__in=HELD))) | _assigned(places))
    if "differs" in apart:
        found.append(_differ(places) if _flag(apart["differs"]) else ~_differ(places))
    return found


def _flag(wanted: Filter) -> bool:
    """Whether it asks for what is so, or for what is not. Raises `Invalid`."""
    said = {"true": True, "false": False}.get(str(wanted.value).lower())
    if said is None or wanted.op != "eq":
        raise bad_filter(wanted.field, "is compared with true or false")
    return said


def _values(wanted: Filter) -> list[str]:
    values = wanted.value if isinstance(wanted.value, list | tuple) else str(wanted.value).split(",")
    return [str(each) for each in values][:100] if wanted.op == "in" else [str(wanted.value)]


def _seats(places: Sequence[str]) -> Any:
    mine = Seat.objects.filter(person=OuterRef("pk"))
    return mine.filter(workspace__in=places) if places else mine


def _assigned(places: Sequence[str]) -> Any:
    own = Assignment.objects.filter(person=OuterRef("pk"), workspace__in=places)
    ids = list(Assignment.objects.filter(workspace__in=places, group__isnull=False).values_list("group_id", flat=True))
    return Q(Exists(own)) | Q(Exists(Membership.objects.filter(person=OuterRef("pk"), group__in=ids)))


def _differ(places: Sequence[str]) -> Any:
    """Assigned somewhere and without a seat there, or the other way round; one place at a time, which an index serves."""
    rows = Assignment.objects.filter(workspace__disabled=False)
    rows = rows.filter(workspace__in=places) if places else rows
    by_place: dict[str, list[str]] = {}
    for where, group in rows.values_list("workspace_id", "group_id"):
        by_place.setdefault(where, []).extend([group] if group else [])
    seats = _seats(places).filter(state__in=HELD, workspace__disabled=False)
    own = Assignment.objects.filter(person=OuterRef("person"), workspace=OuterRef("workspace"))
    found = Q(active=False) & Q(Exists(seats))
    extra = seats.exclude(removal="skipped").filter(~Exists(own))
    for where, ids in by_place.items():
        there = Exists(_seats([where]).filter(state__in=HELD))
        own_here = Exists(Assignment.objects.filter(person=OuterRef("pk"), workspace=where))
        asked = Q(own_here) | Q(Exists(Membership.objects.filter(person=OuterRef("pk"), group__in=ids)))
        found = found | Q(active=True) & asked & Q(~there)
        extra = extra.exclude(Exists(Membership.objects.filter(person=OuterRef("person"), group__in=ids)), workspace=where)
    return found | Q(Exists(extra))
