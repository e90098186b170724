"""Groups: their names, who is in them, and that size costs nothing that was not asked for."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlkit import ADMIN, VIEWER
from stationmaster.audit.services import list_events
from stationmaster.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from stationmaster.people import services as people
from stationmaster.people import writing
from stationmaster.people.models import Group, Membership, Person
from stationmaster.store.changes import change
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query


def crowd(number: int) -> list[str]:
    """So many persons, made at once; their ids."""
    with change(ADMIN) as edit:
        rows = [Person(user_name=f"p{each:05d}") for each in range(number)]
        Person.objects.bulk_create(rows)
        for row in rows:
            edit.record(f"people:{row.id}:create")
    return [row.id for row in rows]


def test_a_group_has_one_name_in_all_spellings(database: str) -> None:
    """A name is taken in any case and width; it can be changed; odd ones are refused."""
    made = people.create_group(ADMIN, {"name": "Poets", "external_id": "x"})
    with pytest.raises(Conflict):
        people.create_group(ADMIN, {"name": "\uff30OETS"})
    for name in ("", "a\nb", "\u202ex", None, 7):
        with pytest.raises(Invalid):
            people.create_group(ADMIN, {"name": name})
    changed = people.update_group(ADMIN, "poets", {"name": "poets"}, made["revision"])
    assert (changed["name"], changed["external_id"]) == ("poets", "x")
    with pytest.raises(Stale):
        people.update_group(ADMIN, "poets", {"name": "x"}, made["revision"])
    assert people.get_group(VIEWER, "POETS")["id"] == made["id"]


def test_members_come_and_go(database: str) -> None:
    """By any of their names; who is in already stays so, the version moves only when somebody moved."""
    ids = crowd(3)
    group = people.create_group(ADMIN, {"name": "g"})
    group = people.change_members(ADMIN, "g", [ids[0], "P00001"])
    assert group["members"] == 2
    assert people.change_members(ADMIN, "g", [ids[0]])["revision"] == group["revision"]
    after = people.change_members(ADMIN, "g", ["p00002"], [ids[0], "p00002"])
    assert (after["members"], after["revision"] > group["revision"]) == (2, True)
    shown = people.list_members(ADMIN, "g", Query(sort="user_name")).items
    assert [row["user_name"] for row in shown] == ["p00001", "p00002"]
    found = people.list_members(ADMIN, "g", Query(filters=(Filter("user_name", "eq", "P00002"),))).items
    assert [row["user_name"] for row in found] == ["p00002"]
    for given in (["nobody"], "p00001", [7]):
        with pytest.raises((NotFound, Invalid)):
            people.change_members(ADMIN, "g", given)
    with pytest.raises(Forbidden):
        people.change_members(VIEWER, "g", [ids[0]])


def test_a_deleted_group_leaves_its_members(database: str) -> None:
    """They stay persons, and are in no group of that name any more."""
    ids = crowd(2)
    people.create_group(ADMIN, {"name": "g"})
    people.change_members(ADMIN, "g", ids)
    people.delete_group(ADMIN, "g")
    assert people.get_person(ADMIN, ids[0])["groups"] == []
    assert not Membership.objects.exists()


def test_ten_thousand_members_cost_what_is_asked(database: str) -> None:
    """Reading the group, and putting one in or out, takes a few queries, and an event says only who moved."""
    ids = crowd(10_001)
    group = people.create_group(ADMIN, {"name": "g"})
    with change(ADMIN) as edit:
        writing.put_members(edit, Group.objects.get(), add=ids[:10_000])
    with CaptureQueriesContext(connection) as asked:
        assert people.get_group(ADMIN, "g")["members"] == 10_000
    assert len(asked) <= 3
    with CaptureQueriesContext(connection) as asked:
        people.change_members(ADMIN, "g", [ids[10_000]], [ids[0]])
    assert len(asked) <= 25
    assert sum(len(query["sql"]) for query in asked) < 50_000
    events = [row for row in list_events(ADMIN, Query(limit=5)).items if row["subject"] == group["id"]]
    assert {row["action"]: row["after"] for row in events[:2]} == {
        "add_members": {"persons": [ids[10_000]]}, "remove_members": {"persons": [ids[0]]},
    }  # fmt: skip
