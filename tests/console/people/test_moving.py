"""People who were selected: what assigning them or taking them out comes to is shown first, and exactly that is done."""

import pytest

from console import kit
from console.kit import Stage
from controlkit import ADMIN
from stationmaster.errors import Invalid, NotFound
from stationmaster.people import services as people
from stationmaster.store.listing import Query
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Assignment, Plan

ASSIGN, TAKE = "/people/grid/assign", "/people/grid/unassign"


def _somebody(number: int) -> list[str]:
    made = (people.create_person(ADMIN, {"user_name": f"new-{n}", "email": f"new-{n}@example.test"}) for n in range(number))
    return [str(each["id"]) for each in made]


def test_looking_changes_nothing(stage: Stage) -> None:
    """The page says who is assigned and which steps of the plan are about them; nothing is written before its button."""
    new = _somebody(2)
    before = Assignment.objects.count(), Plan.objects.count()
    said = kit.said(kit.page(kit.signed_in("operator"), f"{ASSIGN}?id={new[0]}&id={new[1]}&workspace=acme&role=reader"))
    assert "Steps of the plan about them: invite: 2." in said
    assert (Assignment.objects.count(), Plan.objects.count()) == before


def test_what_was_shown_is_what_is_made(stage: Stage) -> None:
    """The steps about them in the plan are those that were shown, reasons and changes too."""
    new = _somebody(3)
    given = {"workspace": "acme", "people": [*new, stage.people[0]], "role": "owner"}
    seen = workspaces.preview_people(ADMIN, "assign", given)
    plan = workspaces.assign_people(ADMIN, given)
    steps = workspaces.list_steps(ADMIN, str(plan["id"]), Query(limit=500)).items
    made = [(step["person"], step["kind"], step["reason"], step["after"]) for step in steps if step["person"] in given["people"]]
    assert sorted(made, key=str) == sorted(
        ((step["person"], step["kind"], step["reason"], step["after"]) for step in seen["steps"]), key=str
    )
    assert len(steps) == len(seen["steps"]) + seen["others"]


def test_where_very_many_are(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a workspace with more seats than a look can go through, it says who becomes what, and that the plan comes when it is
    made; that plan has the steps."""
    monkeypatch.setattr("stationmaster.workspaces.assigning.LARGE", 0)
    new = _somebody(2)
    said = kit.said(kit.page(kit.signed_in("operator"), f"{ASSIGN}?id={new[0]}&id={new[1]}&workspace=acme&role=reader"))
    assert "the plan is worked out when it is made" in said
    assert "is assigned 2 Person" in said
    given = {"workspace": "acme", "people": new, "role": "reader"}
    plan = workspaces.assign_people(ADMIN, given)
    steps = workspaces.list_steps(ADMIN, str(plan["id"]), Query(limit=500)).items
    assert {step["person"] for step in steps} >= set(new)


@pytest.mark.parametrize("verb", ["assign", "unassign"])
def test_without_a_plan_nothing_is_done(stage: Stage, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the plan is refused, assignments are as they were: both are one change."""
    workspaces.create_assignment(ADMIN, {"workspace": "acme", "person": stage.people[0]})
    before = sorted(Assignment.objects.values_list("id", "role"))

    def refused(*_: object) -> None:
        raise Invalid("error.config.bad_value", "no")

    monkeypatch.setattr("stationmaster.workspaces.assigning.make_plan", refused)
    act = workspaces.assign_people if verb == "assign" else workspaces.unassign_people
    with pytest.raises(Invalid):
        act(ADMIN, {"workspace": "acme", "people": [*_somebody(2), stage.people[0]]})
    assert sorted(Assignment.objects.values_list("id", "role")) == before


def test_taking_out_is_foreseen(stage: Stage) -> None:
    """Somebody's own assignment goes, and they with it by the plan; through a group they stay, and the page names it."""
    workspaces.delete_assignment(ADMIN, stage.assignment)
    who = stage.people[0]
    workspaces.create_assignment(ADMIN, {"workspace": "acme", "person": who})
    given = {"workspace": "acme", "people": [who]}
    seen = workspaces.preview_people(ADMIN, "unassign", given)
    assert [each["outcome"] for each in seen["people"]] == ["gone"]
    plan = workspaces.unassign_people(ADMIN, given)
    steps = workspaces.list_steps(ADMIN, str(plan["id"]), Query(limit=500)).items
    assert [step["kind"] for step in steps if step["person"] == who] == [step["kind"] for step in seen["steps"]]
    assert not Assignment.objects.exists()


def test_groups_decide_for_their_members(stage: Stage) -> None:
    """Whoever is in by a group is not taken out of it here: the page says by which, and has no button."""
    said = kit.said(kit.page(kit.signed_in(), f"{TAKE}?id={stage.people[0]}&workspace=acme"))
    assert "a group of theirs is assigned engineers" in said
    assert "There is nothing to change for them." in said


def test_who_left_is_left_out(stage: Stage) -> None:
    """Nobody who left is assigned, whoever else is."""
    people.deactivate_person(ADMIN, stage.people[4])
    given = {"workspace": "acme", "people": [stage.people[4], stage.people[5]], "role": "owner"}
    assert {each["id"]: each["outcome"] for each in workspaces.preview_people(ADMIN, "assign", given)["people"]} == {
        stage.people[4]: "left", stage.people[5]: "new",
    }  # fmt: skip
    workspaces.assign_people(ADMIN, given)
    assert list(Assignment.objects.filter(person__isnull=False).values_list("person_id", flat=True)) == [stage.people[5]]


def test_many_are_sent_in_one_field(stage: Stage) -> None:
    """More than fit an address are asked about by a form that is sent, and are all there afterwards."""
    new = _somebody(101)
    people.change_members(ADMIN, str(people.create_group(ADMIN, {"name": "many"})["id"]), new, [])
    browser = kit.signed_in()
    text = kit.page(browser, f"{ASSIGN}?all=1&filter=group:eq:many")
    assert "101 people are selected." in kit.said(text)
    assert 'name="do" value="show"' in text
    answer = browser.send(ASSIGN, {"do": "show", "people": " ".join(new), "workspace": "acme"})
    assert answer.status_code == 200
    assert "and 1 more" in answer.content.decode()
    assert not Assignment.objects.filter(person__isnull=False).exists()


@pytest.mark.parametrize("role", ["viewer", "auditor", "member"])
def test_nobody_else_may(stage: Stage, role: str) -> None:
    """Whoever may not assign is refused, looking and sending."""
    browser = kit.signed_in(role)
    for path in (ASSIGN, TAKE):
        kit.page(browser, f"{path}?id={stage.people[0]}&workspace=acme", 403)
        kit.do(browser, path, "make", {"people": stage.people[0], "workspace": "acme"}, 403)
    kit.page(kit.signed_in(), "/people/grid/erase", 404)


@pytest.mark.parametrize("ids", [[], "per_1", [1], ["x"] * 1001])
def test_people_are_some_ids(stage: Stage, ids: object) -> None:
    """Nobody, something else than ids, or more than can be done at once, are refused before anything is asked."""
    with pytest.raises(Invalid):
        workspaces.preview_people(ADMIN, "assign", {"workspace": "acme", "people": ids})


def test_a_place_that_is_not_there(stage: Stage) -> None:
    """A workspace that nobody attached is not found, and a role that its vendor has not is refused."""
    with pytest.raises(NotFound):
        workspaces.preview_people(ADMIN, "assign", {"workspace": "nowhere", "people": [stage.people[0]]})
    with pytest.raises(Invalid):
        workspaces.assign_people(ADMIN, {"workspace": "acme", "people": [stage.people[0]], "role": "emperor"})
