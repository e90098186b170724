"""What entrances may ask about people whose leaving SCIM wants and the guard holds. Owns: who may approve it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db.models import OuterRef, QuerySet, Subquery

from stationmaster.errors import Forbidden, Invalid, NotFound
from stationmaster.operators.access import only_own, require
from stationmaster.people.models import Person
from stationmaster.people.persons import may_end
from stationmaster.people.scim import ending, leaving
from stationmaster.people.scim.models import HELD, REFUSED, Leaver
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.filters import Column
from stationmaster.store.listing import Listing, Page, Query, page

EVERYBODY: Final = "all"
MOST: Final = 500             # persons named at a time
_NAMES: Final = ("user_name", "display_name")


def show(row: Any) -> Mapping[str, Any]:
    """Somebody whose leaving is held (a `Leaver` with their names), as plain values."""
    named = {name: getattr(row, name) or "" for name in _NAMES}      # empty: the person is gone meanwhile
    return {
        "id": row.id, "person": row.person, **named, "deletes": row.deletes, "token": row.token, "held_at": row.at,
        "asked_at": row.asked_at,
    }


HELD_LEAVERS = Listing(
    noun="held leavers",
    columns=(
        Column("id"), Column("person"), Column("deletes", kind="flag"), Column("token"), Column("held_at", "at", kind="time"),
        Column("asked_at", kind="time"),
    ),
    show=show, search="person", sort="-held_at",
)  # fmt: skip


def list_held(actor: Actor, query: Query) -> Page:
    """One page of those who wait; for whoever sees only themselves, nobody. Raises `Forbidden`, `Invalid`."""
    require(actor, "people:read")
    rows = _held().none() if only_own(actor, "people:read") else _held()
    person = Person.objects.filter(id=OuterRef("person"))
    return page(HELD_LEAVERS, rows.annotate(**{name: Subquery(person.values(name)) for name in _NAMES}), query)


def approve(actor: Actor, persons: Sequence[str]) -> int:
    """Have these persons (ids, or `all`) leave as SCIM wants; how many did. Raises `Forbidden`, `NotFound`,
    `Invalid`."""
    require(actor, "people:update")
    with change(actor) as edit:
        rows = _chosen(persons)
        for row in rows:
            person = Person.objects.filter(id=row.person).first()
            if row.deletes:
                require(actor, "people:delete")
            if person is not None:
                _require_end(actor, person)
                ending.end(edit, person, deletes=row.deletes)
                edit.record(f"people:{row.person}:approve_leaving", after={"deletes": row.deletes})
            leaving.settle(row.person)
    return len(rows)


def refuse(actor: Actor, persons: Sequence[str]) -> int:
    """Have these persons (ids, or `all`) stay; how many do. SCIM is held again when it asks again. Raises `Forbidden`,
    `NotFound`, `Invalid`."""
    require(actor, "people:update")
    with change(actor) as edit:
        rows = _chosen(persons)
        for row in rows:
            leaving.settle(row.person, REFUSED)
            edit.record(f"people:{row.person}:refuse_leaving", after={"deletes": row.deletes})
    return len(rows)


def _require_end(actor: Actor, person: Person) -> None:
    """Nobody's word ends the access of an operator who may more than they do."""
    if not may_end(actor, person):
        message = f"{person.id} is an operator who may more than you do"
        raise Forbidden("error.access.grants_more", message, hint="ask an admin")


def _held() -> "QuerySet[Any]":
    return Leaver.objects.filter(state=HELD)


def _chosen(persons: Sequence[str]) -> list[Leaver]:
    if list(persons) == [EVERYBODY]:
        return list(_held())
    if len(persons) > MOST:
        raise Invalid("error.scim.too_many", f"at most {MOST} persons at a time", fields={"persons": f"at most {MOST}"})
    rows = list(_held().filter(person__in=persons))
    if missing := set(persons) - {row.person for row in rows}:
        raise NotFound("error.scim.not_held", f"nothing is held of {', '.join(sorted(missing))}")
    return rows
