"""A plan's page: how many steps of which kind and why, who may approve it, what became of each, and where it is tried again."""

import html
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from console import kit
from console.kit import Stage
from controlkit import ADMIN
from operators.browser import Browser
from operators.people import PASSWORD, somebody
from stationmaster.people import services as people
from stationmaster.store.changes import change
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Plan
from workspaces import kit as places

ODD = "<script>alert(1)</script>"


def test_every_number_leads_to_its_steps(stage: Stage) -> None:
    """Each kind of step is counted on a tile, each reason in a table, and both lead to just those steps."""
    browser, path = kit.signed_in(), f"/plans/{stage.plan}"
    text = kit.page(browser, path)
    counts = workspaces.get_plan(ADMIN, stage.plan)["counts"]
    for kind, count in counts.items():
        assert f'<p class="value"><a href="?filter=kind%3Aeq%3A{kind}">{count}</a>' in text, kind
    links = {html.unescape(each) for each in re.findall(r'href="(\?filter=[^"]+)"', text)}
    assert any("reason" in each for each in links)
    for link in links:
        assert "Nothing here is like that." not in kit.page(browser, f"{path}{link}"), link


def test_reasons_add_up(stage: Stage) -> None:
    """The reasons of a kind are as many as its steps."""
    found: dict[str, int] = {}
    for each in workspaces.plan_reasons(ADMIN, stage.plan):
        found[each["kind"]] = found.get(each["kind"], 0) + each["count"]
    assert found == workspaces.get_plan(ADMIN, stage.plan)["counts"]


def test_leavers_are_told_apart(stage: Stage) -> None:
    """Removals of people who left are said apart from others, and that the last owner stays."""
    people.deactivate_person(ADMIN, stage.people[0])
    plan = places.plan("acme")
    text = kit.said(kit.page(kit.signed_in(), f"/plans/{plan['id']}"))
    assert "Taken out because they left the company: 1; because nothing assigns them, or for other reasons: 0." in text
    assert "The last owner of a workspace is never removed." in text


def test_nobody_is_asked_for_a_second_approval_of_their_own(stage: Stage) -> None:
    """Who approved a plan that takes two waits for somebody else; another has the button, with the hash of what is shown."""
    with change(ADMIN) as edit, edit.updating(row := Plan.objects.get(id=stage.plan)):
        row.guards = ["buys_seats"]
    first, second, path = kit.signed_in("operator"), Browser(), f"/plans/{stage.plan}"
    second.sign_in(somebody("operator", "second@example.com").email, PASSWORD)
    hash_ = str(workspaces.get_plan(ADMIN, stage.plan)["hash"])
    kit.do(first, path, "approve", {"hash": hash_})
    assert 'value="approve"' not in kit.page(first, path)
    assert "It waits for the approval of somebody else." in kit.said(kit.page(first, path))
    text = kit.page(second, path)
    assert 'value="approve"' in text
    assert f'name="hash" value="{hash_}"' in text
    kit.do(second, path, "approve", {"hash": hash_})
    assert "Apply it" in kit.page(second, path)


@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_who_may_only_look_has_no_button(stage: Stage, role: str) -> None:
    """Whoever may look sees tiles and reasons, and no form that changes anything."""
    text = kit.page(kit.signed_in(role), f"/plans/{stage.plan}")
    assert 'class="tile' in text
    assert not re.findall(r'<form method="post"(?! action="/)', text)


def test_what_failed_leads_to_its_job(stage: Stage) -> None:
    """Of a plan that is over, what came to which end is counted, and a job in which something failed can be reached to be tried
    again."""
    workspaces.approve_plan(ADMIN, stage.plan, {})
    workspaces.apply_plan(ADMIN, stage.plan, {})
    row = Plan.objects.get(id=stage.plan)
    step = row.steps.exclude(kind__in=("skip", "blocked")).first()
    assert step is not None
    row.steps.filter(id=step.id).update(outcome="failed", outcome_detail=ODD)
    from stationmaster.jobs.models import Job

    job = next(iter(row.jobs.values()))
    Job.objects.filter(id=job).update(state="partial", failed=1, total=1)
    text = kit.page(kit.signed_in(), f"/plans/{stage.plan}")
    assert "See what failed, and try it again" in text
    assert 'href="?filter=outcome%3Aeq%3Afailed">1</a>' in text
    assert ODD not in text


def test_many_steps_cost_no_more(stage: Stage) -> None:
    """The page asks the database as often for thirty steps as for six."""
    browser = kit.signed_in()
    few = _cost(browser, f"/plans/{stage.plan}")
    more = [str(people.create_person(ADMIN, {"user_name": f"m-{n}", "email": f"m-{n}@example.test"})["id"]) for n in range(24)]
    people.change_members(ADMIN, stage.group, more, [])
    assert _cost(browser, f"/plans/{places.plan('acme')['id']}") == few


def _cost(browser: Browser, path: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        kit.page(browser, path)
    return len(asked)
