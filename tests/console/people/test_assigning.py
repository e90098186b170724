"""From a group or a workspace straight to assigning."""

import pytest

from console import kit
from console.kit import Stage
from controlkit import ADMIN
from stationmaster.store.listing import Query
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Assignment


def test_the_form_is_filled_by_the_link(stage: Stage) -> None:
    """The page of a group, and that of a workspace, lead to a form in which it stands already."""
    browser = kit.signed_in()
    assert "/assignments/new?group=engineers" in kit.page(browser, f"/groups/{stage.group}")
    assert "/assignments/new?workspace=acme" in kit.page(browser, f"/workspaces/{stage.workspace}")
    assert 'value="engineers"' in kit.page(browser, "/assignments/new?group=engineers")


def test_what_is_sent_is_assigned(stage: Stage) -> None:
    """It leads on to the assignments of that workspace; a mistake comes back with what was typed."""
    browser = kit.signed_in()
    who = workspaces.list_seats(ADMIN, Query()).items[0]["email"]
    answer = kit.do(browser, "/assignments/new", "make", {"workspace": "acme", "person": who, "role": "owner"})
    assert answer["Location"].startswith("/assignments?filter=workspace")
    assert Assignment.objects.filter(person__isnull=False, role="owner").exists()
    wrong = kit.do(browser, "/assignments/new", "make", {"workspace": "acme", "group": "nobody"}, status=404)
    assert 'value="nobody"' in wrong.content.decode()


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("auditor", 403), ("member", 403), ("operator", 200)])
def test_only_who_may_sees_it(stage: Stage, role: str, status: int) -> None:
    """Whoever may not assign is led nowhere."""
    browser = kit.signed_in(role)
    kit.page(browser, "/assignments/new", status)
    if role == "viewer":
        assert "/assignments/new" not in kit.page(browser, f"/groups/{stage.group}")
