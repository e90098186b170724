"""Persons, as entrances may ask about them. Owns: who may, what is shown of a person, and finding one."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from django.db.models import Prefetch, Q, QuerySet

from stationmaster.errors import Conflict, Forbidden, NotFound
from stationmaster.folding import fold
from stationmaster.operators.access import grants, only_own, require
from stationmaster.people import writing
from stationmaster.people.access_ends import operator_of
from stationmaster.people.checks import FIELDS
from stationmaster.people.identities import person_of
from stationmaster.people.leaving import tell_unlinked
from stationmaster.people.models import SOURCES, Membership, Person
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change, change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import MAX_TEXT, Column, Filter
from stationmaster.store.given import Given, known_only
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.vendors import registry

MAX_CANDIDATES = 50         # who could be meant by a name
_FIELDS = frozenset(FIELDS)
_FOLDED = ("user_name", "display_name", "given_name", "family_name", "email", "title")     # compared in their folded form


def show(row: Person) -> Mapping[str, Any]:
    """A person as plain values."""
    plain = ("id", "user_name", "display_name", "given_name", "family_name", "email")
    books = ("source", "active", "left_at", "erased_at", "revision", "created_at", "updated_at")
    return {
        **{name: getattr(row, name) for name in plain},
        "further_emails": [each.value for each in sorted(row.further_emails.all(), key=lambda each: each.position)],
        "department": row.department, "title": row.title, "manager": row.manager, "employee_number": row.employee_number,
        "external_id": row.external_id,
        "logins": [{"vendor": each.vendor, "login": each.login} for each in row.logins.all()],
        "groups": sorted(each.group.name for each in row.memberships.all()),
        **{name: getattr(row, name) for name in books},
    }


PEOPLE = Listing(
    noun="people",
    columns=(
        Column("id"), *(Column(name, f"{name}_folded") for name in _FOLDED), Column("department"), Column("manager"),
        Column("employee_number"), Column("external_id"), Column("source", values=SOURCES), Column("active", kind="flag"),
        Column("created_at", kind="time"), Column("updated_at", kind="time"), Column("revision", kind="number"),
    ),
    show=show,
)


def list_people(actor: Actor, query: Query) -> Page:
    """One page of them; oneself, for a member. Raises `Forbidden`, `Invalid`."""
    require(actor, "people:read")
    return page(PEOPLE, whole(_seen_by(actor)), folded(query))


def export_people(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "people:export")
    return export(PEOPLE, whole(_seen_by(actor)), folded(query), form)


def get_person(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id, user name or e-mail address. Raises `Forbidden`, `NotFound`."""
    require(actor, "people:read")
    return show(find(which, whole(_seen_by(actor))))


def create_person(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Add somebody by hand: a `user_name` or an `email`, and what else is known. Raises `Forbidden`, `Invalid`, `Conflict`."""
    require(actor, "people:create")
    known_only(given, _FIELDS)
    with change(actor) as edit:
        row = writing.create(edit, given)
    return _shown(row)


def update_person(actor: Actor, which: str, given: Given, version: int | None = None) -> Mapping[str, Any]:
    """Change the fields that are given. `version`: the revision that the caller read. Raises `Forbidden`, `NotFound`,
    `Stale`, `Invalid`, `Conflict`."""
    require(actor, "people:update")
    known_only(given, _FIELDS)
    return _shown(_changed(actor, which, lambda edit, row: writing.update(edit, row, given, version)))


def deactivate_person(actor: Actor, which: str) -> Mapping[str, Any]:
    """They left: sessions, API tokens and virtual keys of theirs end at once. Raises `Forbidden`, `NotFound`."""
    require(actor, "people:update")
    return _shown(_changed(actor, which, writing.deactivate))


def reactivate_person(actor: Actor, which: str) -> Mapping[str, Any]:
    """They are back; what ended stays ended. Raises `Forbidden`, `NotFound`, `Conflict`."""
    require(actor, "people:update")
    return _shown(_changed(actor, which, writing.reactivate))


def delete_person(actor: Actor, which: str, version: int | None = None) -> None:
    """Delete one to whom nothing refers. Raises `Forbidden`, `NotFound`, `Stale`, `Conflict`."""
    require(actor, "people:delete")
    _changed(actor, which, lambda edit, row: writing.remove(edit, row, version))


def erase_person(actor: Actor, which: str) -> Mapping[str, Any]:
    """Forget everything personal about somebody, who leaves by that; the audit trail stays whole. Raises `Forbidden`,
    `NotFound`, `Conflict`."""
    require(actor, "people:erase")
    return _shown(_changed(actor, which, writing.erase))


def link_login(actor: Actor, which: str, vendor: str, login: str, *, move: bool = False) -> Mapping[str, Any]:
    """Say what a vendor knows somebody by; `move`: also when it is somebody else's now. Raises `Forbidden`, `NotFound`,
    `Invalid`, `Conflict`."""
    require(actor, "people:update")
    named = registry.vendor(vendor).name
    return _shown(_changed(actor, which, lambda edit, row: writing.link(edit, row, named, login, move=move)))


def unlink_login(actor: Actor, which: str, vendor: str, login: str) -> Mapping[str, Any]:
    """Take that away again. Raises `Forbidden`, `NotFound`."""
    require(actor, "people:update")

    def unlinked(edit: Change, row: Person) -> None:
        if not writing.unlink(edit, row, vendor, login):
            raise NotFound("error.person.no_login", "they have no such log-in there")
        tell_unlinked(edit, row, vendor, fold(login))

    return _shown(_changed(actor, which, unlinked))


def may_end(actor: Actor, row: Person) -> bool:
    """Tell whether `actor` may have this person leave: nobody ends the way in of one who may more than they do."""
    operator = operator_of(row) if row.active else None
    return operator is None or not operator.active or grants(actor, operator.role)


def find(which: str, rows: "QuerySet[Any] | None" = None) -> Person:
    """The person with this id, user name or e-mail address; of several with one address, the active one. Raises
    `NotFound`, and `Conflict` where it is one person's user name and another's address."""
    among = Person.objects.all() if rows is None else rows
    name = fold(which) if len(which) <= MAX_TEXT and "\0" not in which else ""
    found = among.filter(id=name).first() if name else None
    named = [found] if found is not None or not name else _named(name, among)
    if len(named) > 1:
        raise Conflict("error.person.ambiguous", "several persons could be meant by this", hint="name one by their id")
    if not named or named[0] is None:
        raise NotFound("error.person.not_found", "there is no such person")
    return cast("Person", named[0])


def _named(name: str, among: "QuerySet[Any]") -> list[Any]:
    found = list(among.filter(Q(user_name_folded=name) | Q(email_folded=name))[:MAX_CANDIDATES])
    return [row for row in found if row.active or row.user_name_folded == name] or found


def whole(rows: "QuerySet[Any]") -> "QuerySet[Any]":
    """The rows with what is shown of each."""
    in_groups = Prefetch("memberships", Membership.objects.select_related("group"))
    return rows.prefetch_related("further_emails", "logins", in_groups)


def folded(query: Query, names: Collection[str] = _FOLDED) -> Query:
    """The query with the values of these columns in the form that is compared."""
    return replace(query, filters=tuple(_folded(each) if each.field in names else each for each in query.filters))


def _folded(wanted: Filter) -> Filter:
    if isinstance(wanted.value, list | tuple):
        return replace(wanted, value=[fold(str(each)) for each in wanted.value])
    parts = str(wanted.value).split(",") if wanted.op == "in" else [str(wanted.value)]
    return replace(wanted, value=[fold(each) for each in parts] if wanted.op == "in" else fold(parts[0]))


def _seen_by(actor: Actor) -> "QuerySet[Any]":
    rows = Person.objects.all()
    if not only_own(actor, "people:read"):
        return rows
    own = person_of(actor)
    return rows.filter(Q(id=own.id) if own is not None else Q(pk__in=()))


def _changed(actor: Actor, which: str, work: Callable[[Change, Person], object]) -> Person:
    with change(actor) as edit:
        row = find(which)
        if not may_end(actor, row):
            message = "this person is an operator who may more than you do"
            raise Forbidden("error.access.grants_more", message, hint="ask an admin")
        work(edit, row)
    return row


def _shown(row: Person) -> Mapping[str, Any]:
    return show(cast("Person", whole(Person.objects.filter(id=row.id)).get()))
