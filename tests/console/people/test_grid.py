"""The grid of people and workspaces: what it shows, what is different, and what is done with several people at once."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from console import kit
from console.kit import Stage
from controlkit import ADMIN
from stationmaster.people import services as people
from stationmaster.store.changes import change
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Assignment, Plan, Seat

ODD = "<script>alert(1)</script>"


def _asked(*filters: tuple[str, str]) -> Query:
    return Query(filters=tuple(Filter(field, "eq", value) for field, value in filters), limit=100)


def _names(*filters: tuple[str, str]) -> set[str]:
    return {str(row["id"]) for row in workspaces.list_presence(ADMIN, _asked(*filters), []).items}


def _active(stage: Stage, number: int) -> None:
    with change(ADMIN) as edit:
        row = Seat.objects.get(person=stage.people[number], workspace=stage.workspace)
        with edit.updating(row):
            row.state = "active"


def test_a_row_says_what_is_and_what_should_be(stage: Stage) -> None:
    """Whoever is assigned through a group and has no seat is missing; whoever is in is not different."""
    kit.seat_of(stage.workspace, stage.people[1])
    _active(stage, 1)
    found = workspaces.list_presence(ADMIN, _asked(), [stage.workspace])
    rows = {row["id"]: row["where"][stage.workspace] for row in found.items}
    assert (rows[stage.people[1]]["state"], rows[stage.people[1]]["differs"]) == ("active", "")
    assert (rows[stage.people[5]]["differs"], rows[stage.people[5]]["by"]) == ("missing", ["engineers"])


def test_what_is_different_is_found(stage: Stage) -> None:
    """Only those are listed who miss a seat, or hold one without an assignment; somebody who left and holds one too."""
    for number in range(len(stage.people)):
        kit.seat_of(stage.workspace, stage.people[number])
        _active(stage, number)
    assert _names(("differs", "true")) == set()
    people.deactivate_person(ADMIN, stage.people[2])
    assert _names(("differs", "true")) == {stage.people[2]}
    workspaces.delete_assignment(ADMIN, stage.assignment)
    assert _names(("differs", "true")) == set(stage.people)


def test_filters_hold_together(stage: Stage) -> None:
    """By group, workspace, state: each narrows the rows; a state that no seat can be in finds nobody."""
    _active(stage, 0)
    assert _names(("group", "engineers")) == set(stage.people)
    assert _names(("workspace", "acme"), ("state", "active")) == {stage.people[0]}
    assert _names(("state", "nonsense")) == set()


def test_the_page_costs_the_same_with_more_rows(stage: Stage) -> None:
    """Thirty people take no more questions than six."""
    browser = kit.signed_in()

    def asked() -> int:
        with CaptureQueriesContext(connection) as taken:
            kit.page(browser, "/people/grid?filter=differs:eq:true")
        return len(taken)

    kit.page(browser, "/people/grid")
    few = asked()
    more = [people.create_person(ADMIN, {"user_name": f"more{number}", "display_name": f"More {number}"}) for number in range(24)]
    people.change_members(ADMIN, stage.group, add=[str(row["id"]) for row in more])
    assert asked() == few


@pytest.mark.parametrize(("role", "status"), [("viewer", 200), ("auditor", 200), ("operator", 200), ("member", 200)])
def test_who_may_see_it(stage: Stage, role: str, status: int) -> None:
    """Everybody who may see people and seats sees the grid; a member sees nobody else in it, and nobody but who may make plans
    can select rows."""
    text = kit.page(kit.signed_in(role), "/people/grid", status)
    assert ('name="id"' in text) == (role == "operator")
    assert (f"/people/{stage.people[0]}" in text) == (role != "member")


def test_names_stay_text(stage: Stage) -> None:
    """A name of a person or a workspace is shown as it is, never as markup."""
    people.update_person(ADMIN, stage.people[0], {"display_name": ODD})
    browser = kit.signed_in()
    text = kit.page(browser, "/people/grid")
    assert ODD not in text
    assert "&lt;script&gt;" in text
    assert ODD not in kit.page(browser, f"/people/grid/assign?id={stage.people[0]}&filter=workspace:eq:acme")


def test_people_are_assigned_through_a_plan(stage: Stage) -> None:
    """Who is selected is shown with what changes for them; the assignments are made together, and a plan of them."""
    browser = kit.signed_in()
    one, two = stage.people[:2]
    text = kit.page(browser, f"/people/grid/assign?id={one}&id={two}&workspace=acme&role=owner")
    assert f'value="{one} {two}"' in text or f'value="{two} {one}"' in text
    given = {"people": f"{one} {two}", "workspace": stage.workspace, "role": "owner"}
    answer = kit.do(browser, "/people/grid/assign", "make", given)
    assert Plan.objects.filter(id=answer["Location"].removeprefix("/plans/")).exists()
    assert Assignment.objects.filter(person__in=(one, two), workspace=stage.workspace, role="owner").count() == 2


def test_people_are_taken_out_through_a_plan(stage: Stage) -> None:
    """Only somebody's own assignment goes; who is there through a group stays."""
    one = stage.people[0]
    workspaces.create_assignment(ADMIN, {"workspace": stage.workspace, "person": one, "role": "owner"})
    kit.do(kit.signed_in(), "/people/grid/unassign", "make", {"people": one, "workspace": stage.workspace})
    assert not Assignment.objects.filter(person=one).exists()
    assert Assignment.objects.filter(id=stage.assignment).exists()


def test_all_that_match_are_taken(stage: Stage) -> None:
    """All that match are those of the filter, found again by the server; the page says how many."""
    text = kit.page(kit.signed_in(), "/people/grid/assign?all=1&filter=group:eq:engineers")
    assert f"{len(stage.people)} people are selected." in text

