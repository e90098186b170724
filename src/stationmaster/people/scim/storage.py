"""Persons and groups as the storage of a SCIM server. Owns: reading, searching, creating, changing, deleting; every change in
one transaction with its audit event, by whoever the token stands for.

Who may is asked before anything comes here. The rules are those of `people.writing`; here they get SCIM's names.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

from django.db.models import QuerySet
from scim2_models import (
    InvalidValueException,
    NotFoundException,
    NotImplementedException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimFilter,
    ScimProvider,
    SearchRequest,
    UniquenessException,
)
from scim2_server.conditions import Conditions
from scim2_server.storage import ScimStorage, SearchPage

from stationmaster.errors import Conflict, Invalid, Stale
from stationmaster.folding import fold
from stationmaster.people import writing
from stationmaster.people.models import Group, Membership, Person, PersonEmail
from stationmaster.people.scim import columns, ending, filters, leaving, reading, shape, sorting
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change, change

_AT_ONCE = 400             # values of one query
MAX_MEMBERS = 10_000       # on one page of groups: a page ends after the group that goes beyond
_FARTHEST = 10**9          # where a page may begin


class PeopleStorage(ScimStorage):
    """Persons and groups. `actor`: who changes them. `writes`: an operation is one change, from its first look on."""

    def __init__(self, provider: ScimProvider, actor: Actor, *, writes: bool = False) -> None:
        self._provider, self._actor, self._writes = provider, actor, writes

    def operation(self) -> AbstractContextManager[None]:
        """Changes come one after the other, so what an operation read is what it changes."""
        return cast("AbstractContextManager[None]", change(self._actor)) if self._writes else nullcontext()

    def get(
        self, resource_type: ResourceType, resource_id: str, *, response_parameters: ResponseParameters[Any] | None = None
    ) -> Resource[Any]:
        """One. A group's members are read when they are shown."""
        if _is_user(resource_type):
            return self._resource(resource_type, _shown_alone(person(resource_id)))
        row = group(resource_id)
        shown = member_ids(row) if shows_members(response_parameters) else ()
        return self._resource(resource_type, shape.group(row, shown))

    def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None  # noqa: ARG002
    ) -> SearchPage:
        """A page of them, as resources."""
        total, found = self.page(resource_types, search_request, "")
        return SearchPage(total, [self._resource(resource_type, shown) for resource_type, shown in found])

    def page(
        self, resource_types: list[ResourceType], search: SearchRequest[Any], base: str
    ) -> tuple[int, list[tuple[ResourceType, shape.Shown]]]:
        """How many match, and a page of them as plain values. Raises `InvalidFilterException`, `InvalidPathException`, and
        `NotImplementedException` for several types in an order."""
        if search.sort_by is not None and len(resource_types) > 1:
            raise NotImplementedException(detail="sorting resources of several types is not supported")
        total = 0
        found: list[tuple[ResourceType, shape.Shown]] = []
        at, room = search.start_index_0 or 0, search.count
        for each in resource_types:
            rows = self._rows(each, search)
            begin = max(0, at - total)
            end = None if room is None else begin + room - len(found)
            some = list(self._shown(each, rows[begin:end], search, base)) if begin < _FARTHEST and begin != end else []
            found += [(each, shown) for shown in some]
            # Users that do not fill the page are all there are: they need not be counted.
            all_seen = begin == 0 and _is_user(each) and (end is None or len(some) < end)
            total += len(some) if all_seen else rows.count()
        return total, found

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """A new one; a person who was deleted and whose row stayed is that person again."""
        said = resource.model_dump()
        with in_scims_words(), change(self._actor) as edit:
            if _is_user(resource_type):
                made = _shown_alone(_created(edit, reading.person(said, new=True)))
            else:
                fields = reading.group(said)
                row = writing.create_group(edit, source="scim", **fields)
                writing.put_members(edit, row, add=known(said.get("members") or []))
                made = shape.group(row, member_ids(row))
        return self._resource(resource_type, made)

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        """What it is from now on."""
        said, which = resource.model_dump(), cast("str", resource.id)
        with in_scims_words(), change(self._actor) as edit:
            if _is_user(resource_type):
                row = person(which)
                check_version(row, expected_version)
                _changed(edit, row, reading.person(said, new=False))
                return self._resource(resource_type, _shown_alone(person(which)))
            held = group(which, expected_version)
            writing.update_group(edit, held, reading.group(said))
            wanted, present = set(known(said.get("members") or [])), set(member_ids(held))
            writing.put_members(edit, held, add=wanted - present, remove=present - wanted)
            return self._resource(resource_type, shape.group(held, member_ids(held)))

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        """Gone. An active person leaves by that."""
        with in_scims_words(), change(self._actor) as edit:
            if not _is_user(resource_type):
                writing.remove_group(edit, group(resource_id, expected_version))
                return
            row = person(resource_id)
            check_version(row, expected_version)
            leaving.leave(edit, row, deletes=True)
            ending.end(edit, row, deletes=True)
            leaving.settle(row.id)

    def without_members(self, resource_type: ResourceType, resource_id: str) -> Resource[Any]:
        """A group as if it had no members, for changes that are not about them."""
        return self._resource(resource_type, shape.group(group(resource_id)))

    def rename(self, resource_type: ResourceType, resource: Resource[Any], expected_version: str | None) -> Resource[Any]:
        """What a group is from now on, but for its members, who stay."""
        with in_scims_words(), change(self._actor) as edit:
            row = group(cast("str", resource.id))
            check_version(row, expected_version)
            writing.update_group(edit, row, reading.group(resource.model_dump()))
        return self._resource(resource_type, shape.group(row))

    def checked_group(self, which: str, conditions: Conditions) -> Group:
        """The group that a PATCH is about. Raises `NotFoundException`, `PreconditionFailedException`."""
        row = group(which)
        conditions.check(shape.version(row), "PATCH")
        return row

    def put_members(self, row: Group, steps: Iterable[tuple[str, Iterable[Any]]]) -> None:
        """Add, remove or replace members, one step after the other."""
        add: set[str] = set()
        remove: set[str] = set()
        for op, members in steps:
            if op == "remove":
                ids = {each["value"] for each in members if _may_be_id(each["value"])}      # who is none is out already
                add, remove = add - ids, remove | ids
                continue
            ids = set(known(members))
            gone = set(member_ids(row)) - ids if op == "replace" else set()
            add, remove = (set() if op == "replace" else add) | ids, (remove | gone) - ids
        with in_scims_words(), change(self._actor) as edit:
            writing.put_members(edit, row, add=add, remove=remove)

    def _resource(self, resource_type: ResourceType, shown: shape.Shown) -> Resource[Any]:
        model = cast("type[Resource[Any]]", self._provider.model_for(resource_type))
        return model.model_validate(shown)

    def _rows(self, resource_type: ResourceType, search: SearchRequest[Any]) -> "QuerySet[Any]":
        table = columns.TABLES[cast("str", resource_type.name)]
        model = cast("type[Resource[Any]]", self._provider.model_for(resource_type))
        rows = table.among()
        if search.filter is not None:
            bound = cast("Any", ScimFilter)[model](search.filter.ast)
            with self._provider:      # how texts are compared
                rows = rows.filter(filters.query(bound, table))
        return sorting.ordered(rows, search, table, model)

    def _shown(
        self, resource_type: ResourceType, rows: "QuerySet[Any]", search: SearchRequest[Any], base: str
    ) -> Iterator[shape.Shown]:
        if _is_user(resource_type):
            people = list(rows)
            beside = _beside([row.id for row in people])
            yield from (shape.user(row, beside.get(row.id, shape.Beside()), base) for row in people)
            return
        told = 0
        for row in rows:
            members = member_ids(row) if shows_members(search) else []
            told += len(members)
            yield shape.group(row, members, base)
            if told > MAX_MEMBERS:
                return


def person(which: str) -> Person:
    """The person with this id. Raises `NotFoundException`."""
    row = columns.PEOPLE.among().filter(id=which).first() if _may_be_id(which) else None
    if row is None:
        raise NotFoundException(detail="there is no such user")
    return cast("Person", row)


def group(which: str, expected_version: str | None = None) -> Group:
    """The group with this id, in this version. Raises `NotFoundException`, `PreconditionFailedException`."""
    row = Group.objects.filter(id=which).first() if _may_be_id(which) else None
    if row is None:
        raise NotFoundException(detail="there is no such group")
    check_version(row, expected_version)
    return cast("Group", row)


def member_ids(row: Group) -> list[str]:
    """Who is in the group."""
    return list(Membership.objects.filter(group=row).order_by("person_id").values_list("person_id", flat=True))


def known(members: Iterable[Any]) -> list[str]:
    """The ids of persons who are to be members, each once. Raises `InvalidValueException` for what is none of them: groups in
    groups are not kept."""
    ids = list(dict.fromkeys(each.get("value") for each in members if isinstance(each, dict)))
    found: set[str] = set()
    for at in range(0, len(ids), _AT_ONCE):
        some = [each for each in ids[at : at + _AT_ONCE] if isinstance(each, str) and _may_be_id(each)]
        found.update(columns.PEOPLE.among().filter(id__in=some).values_list("id", flat=True))
    if len(found) < len(ids):
        raise InvalidValueException(detail="a member is no user that there is: members are named by their id")
    return cast("list[str]", ids)


def shows_members(parameters: ResponseParameters[Any] | None) -> bool:
    """Whether the members of groups are in the answer."""
    if parameters is None:
        return True
    if parameters.attributes:
        return any("members" in str(path).lower() for path in parameters.attributes)
    return not any(str(path).lower().rpartition(":")[2] == "members" for path in parameters.excluded_attributes or ())


def check_version(row: Person | Group, expected: str | None) -> None:
    """Raise `PreconditionFailedException` when the row is of another version."""
    if expected is not None and expected != shape.version(row):
        raise PreconditionFailedException


@contextmanager
def in_scims_words() -> Iterator[None]:
    """What the rules of people refuse, as SCIM says it (RFC 7644 section 3.12)."""
    try:
        yield
    except Conflict as error:
        raise UniquenessException(detail=error.message) from None
    except Invalid as error:
        raise InvalidValueException(detail=error.message) from None
    except Stale:
        raise PreconditionFailedException from None


def _beside(ids: list[str]) -> dict[str, shape.Beside]:
    """What other tables hold of these persons."""
    found = {which: shape.Beside([], []) for which in ids}
    for at in range(0, len(ids), _AT_ONCE):
        some = ids[at : at + _AT_ONCE]
        addresses = PersonEmail.objects.filter(person_id__in=some).order_by("position")
        for which, *address in addresses.values_list("person_id", "value", "folded", "kind"):
            cast("list[Any]", found[which].addresses).append(tuple(address))
        groups = Membership.objects.filter(person_id__in=some).order_by("group_id")
        for which, *group_ in groups.values_list("person_id", "group_id", "group__name"):
            cast("list[Any]", found[which].groups).append(tuple(group_))
    return found


def _shown_alone(row: Person) -> shape.Shown:
    return shape.user(row, _beside([row.id])[row.id])


def _created(edit: Change, fields: dict[str, Any]) -> Person:
    known_as = ending.forgotten(fold(str(fields["user_name"])))
    if known_as is None:
        return writing.create(edit, fields, source="scim")
    ending.remember(known_as)
    writing.update(edit, known_as, {"active": True, **fields})
    return known_as


def _changed(edit: Change, row: Person, fields: dict[str, Any]) -> None:
    active = fields.get("active", row.active)
    if not active:
        leaving.leave(edit, row, deletes=False)
        leaving.settle(row.id)
    writing.update(edit, row, fields)


def _is_user(resource_type: ResourceType) -> bool:
    return resource_type.name == "User"


def _may_be_id(which: str) -> bool:
    return len(which) <= 64 and which.isascii() and which.isprintable()
