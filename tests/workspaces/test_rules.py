"""Many assignments at once: all of them or none, what is wrong told of every row, and one plan."""

from collections.abc import Mapping
from typing import Any

import pytest

from controlkit import ADMIN, VIEWER
from stationmaster.errors import Forbidden, Invalid
from stationmaster.store.listing import Query
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Plan
from workspaces import kit


def assigned() -> set[tuple[str, str, str]]:
    """Where, who and as what."""
    rows = workspaces.list_assignments(ADMIN, Query(limit=100)).items
    return {(row["workspace"], row["name"], row["role"]) for row in rows}


def several(*rows: Mapping[str, Any]) -> Mapping[str, Any]:
    """Assign them."""
    return workspaces.assign_several(ADMIN, {"assignments": list(rows)})


@pytest.fixture
def people(database: str) -> list[str]:
    """Three persons, a group, two workspaces."""
    kit.attached("acme")
    kit.attached("other")
    persons = kit.some_people(3)
    kit.a_group("engineers", persons[:1])
    return persons


def test_all_of_them_and_one_plan(people: list[str]) -> None:
    """Groups and people, by id or name, in several workspaces: assigned, and one plan of both workspaces waits."""
    plan = several(
        {"workspace": "acme", "group": "engineers"}, {"workspace": "acme", "person": "member-002", "role": "owner"},
        {"workspace": "other", "person": people[2]},
    )  # fmt: skip
    assert assigned() == {("acme", "engineers", ""), ("acme", "member-002", "owner"), ("other", "member-003", "")}
    assert plan["workspaces"] == ["acme", "other"]
    assert Plan.objects.count() == 1


def test_what_is_there_is_given_its_role(people: list[str]) -> None:
    """The same again changes nothing, another role is given; nobody is assigned twice."""
    several({"workspace": "acme", "person": "member-001"}, {"workspace": "acme", "person": "member-002"})
    several({"workspace": "acme", "person": "member-001"}, {"workspace": "acme", "person": "member-002", "role": "owner"})
    assert assigned() == {("acme", "member-001", ""), ("acme", "member-002", "owner")}
    revisions = {row["name"]: row["revision"] for row in workspaces.list_assignments(ADMIN, Query()).items}
    several({"workspace": "acme", "person": "member-002", "role": "owner"})
    assert revisions == {row["name"]: row["revision"] for row in workspaces.list_assignments(ADMIN, Query()).items}


def test_wrong_rows_are_told_all_at_once(people: list[str]) -> None:
    """Every row that is not right is named with why, and none of the others is done."""
    with pytest.raises(Invalid) as told:
        several(
            {"workspace": "acme", "person": "member-001"}, {"workspace": "nowhere", "person": "member-001"},
            {"workspace": "acme", "person": "nobody"}, {"workspace": "acme", "person": "member-001", "role": "king"},
            {"workspace": "acme"}, {"workspace": "acme", "person": people[0]}, {"workspace": "acme", "color": "red"},
        )  # fmt: skip
    numbers = {int(name.split(".")[1]) for name in told.value.fields}
    assert numbers == {2, 3, 4, 5, 6, 7}
    assert told.value.fields["assignments.6"] == "the same as row 1"
    assert not assigned()
    assert not Plan.objects.exists()


@pytest.mark.parametrize("rows", [None, [], "x", [{}] * 1001])
def test_how_many(people: list[str], rows: Any) -> None:
    """From one to a thousand rows."""
    with pytest.raises(Invalid, match="1 to 1000 rows"):
        workspaces.assign_several(ADMIN, {"assignments": rows})


def test_only_who_may(people: list[str]) -> None:
    """It takes the rights of making each and of the plan."""
    with pytest.raises(Forbidden):
        workspaces.assign_several(VIEWER, {"assignments": [{"workspace": "acme", "person": people[0]}]})
