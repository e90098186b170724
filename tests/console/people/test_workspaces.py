"""Pages of workspaces: the list, what is in one in place, and what is done with several at once."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from console import kit
from console.kit import Stage
from controlkit import ADMIN
from stationmaster.jobs.models import Job
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Plan, Workspace
from workspaces import kit as places

ODD = "<script>alert(1)</script>"


def _pages(stage: Stage) -> list[str]:
    acts = ("onboard", "reconcile", "plan", "rotate", "publish")
    return [
        "/workspaces", f"/workspaces/{stage.workspace}/inside",
        *(f"/workspaces/several?act={act}&id={stage.workspace}" for act in acts),
    ]  # fmt: skip


def test_every_page_is_there(stage: Stage) -> None:
    """An admin sees every page, each with the command that does the same."""
    browser = kit.signed_in()
    for path in _pages(stage):
        assert "<code>stationmaster " in kit.page(browser, path), path


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("auditor", 403), ("member", 403), ("operator", 200)])
def test_only_who_may_is_asked(stage: Stage, role: str, status: int) -> None:
    """A plan is begun by whoever may make plans; nobody else is shown the page, or a box to select rows with."""
    browser = kit.signed_in(role)
    kit.page(browser, f"/workspaces/several?act=plan&id={stage.workspace}", status)
    if role == "viewer":
        assert 'name="id"' not in kit.page(browser, "/workspaces")


def test_the_list_costs_the_same_with_more_rows(stage: Stage) -> None:
    """Ten times the workspaces take no more questions; neither does the page about several of them."""
    browser = kit.signed_in()

    def asked(path: str) -> int:
        with CaptureQueriesContext(connection) as taken:
            kit.page(browser, path)
        return len(taken)

    def several() -> str:
        ids = Workspace.objects.values_list("id", flat=True)
        return "/workspaces/several?act=rotate&" + "&".join(f"id={which}" for which in ids)

    for number in range(2):
        places.attached(f"more{number}")
    kit.page(browser, "/workspaces")
    few = asked("/workspaces"), asked(several())
    for number in range(20):
        places.attached(f"many{number}")
    assert (asked("/workspaces"), asked(several())) == few


def test_what_was_shown_is_begun(stage: Stage) -> None:
    """The page says of each workspace what will happen; one that is out of use is named with the reason, and left out."""
    other = places.attached("idle")
    workspaces.update_workspace(ADMIN, other.id, {"disabled": True, "disabled_reason": ODD})
    browser = kit.signed_in()
    text = kit.page(browser, f"/workspaces/several?act=reconcile&id={stage.workspace}&id={other.id}")
    assert "it is out of use" in text
    assert ODD not in text
    assert f'value="{stage.workspace}"' in text
    assert f'value="{other.id}"' not in text
    answer = kit.do(browser, "/workspaces/several", "begin", {"act": "reconcile", "id": stage.workspace})
    job = Job.objects.order_by("-created_at")[0]
    assert (job.workspace, job.id in answer["Location"]) == (stage.workspace, True)


def test_a_plan_for_several(stage: Stage) -> None:
    """One plan is made for all that were selected, and is looked at before anything is done."""
    answer = kit.do(kit.signed_in(), "/workspaces/several", "begin", {"act": "plan", "id": stage.workspace, "note": "why"})
    assert Plan.objects.get(id=answer["Location"].removeprefix("/plans/")).note == "why"


def test_nothing_else_can_be_begun(stage: Stage) -> None:
    """What is not known is no page."""
    kit.page(kit.signed_in(), f"/workspaces/several?act=delete&id={stage.workspace}", 404)
