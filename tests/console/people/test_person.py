"""A person's page: seats, keys, what happened, and what cannot be taken back."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console import kit
from console.kit import Stage
from controlkit import ADMIN
from stationmaster.people import services as people
from stationmaster.routing import services as routing
from stationmaster.store.listing import Query
from stationmaster.usage.models import DailyUsage
from stationmaster.usage.rollups import DIMENSIONS, MEASURES, day_of
from stationmaster.workspaces import services as workspaces


def test_what_belongs_to_somebody(stage: Stage) -> None:
    """Their keys, the way to what they used, what happened to them, and the danger zone stand on their page."""
    routing.create_key(ADMIN, {"name": "theirs", "owner": "member-001@example.test"})
    people.update_person(ADMIN, stage.people[0], {"title": "Analyst"})
    text = kit.page(kit.signed_in(), f"/people/{stage.people[0]}")
    ways = ("/usage?filter=owner", "/requests?filter=owner", "/assignments/new?person")
    for each in ("theirs", "What happened", "Danger zone", *ways):
        assert each in text, each


def test_only_who_may_reads_what_happened(stage: Stage) -> None:
    """The trail is for those who may read it, and forgetting for those who may forget."""
    text = kit.page(kit.signed_in("operator"), f"/people/{stage.people[0]}")
    assert "Danger zone" not in text
    assert "/assignments/new?person" in text


def used(owner: str, days: int = 1, **more: Any) -> None:
    """Sums of the last days under this name."""
    none = dict.fromkeys(DIMENSIONS, "") | dict.fromkeys(MEASURES, 0)
    given: dict[str, Any] = none | {"key": "theirs", "owner": owner, "model": "gpt-5", "requests": 2} | more
    today = day_of(timezone.now())
    DailyUsage.objects.bulk_create(
        DailyUsage(start=today - timedelta(days=day), series=f"{day}-{owner[:12]}-{given['model']}", **given)
        for day in range(days)
    )


def test_what_they_used(stage: Stage) -> None:
    """The last thirty days by model, under every name their keys have for them; what has no price is said to be unknown, and
    what others used is not among it."""
    routing.create_key(ADMIN, {"name": "theirs", "owner": "Member-001@example.test"})
    used("Member-001@example.test", input=1000, output=234, cost=2_500_000_000)
    used("member-001@example.test", model="unheard-of", requests=3, unpriced=3)
    used("member-002@example.test", model="of-another", requests=77)
    text = kit.said(kit.page(kit.signed_in(), f"/people/{stage.people[0]}"))
    for each in ("$2.50", "and 3 requests of unknown price", "1,234", "unheard-of", "not known"):
        assert each in text, each
    assert "of-another" not in text


def test_nothing_of_who_had_the_address_before(stage: Stage) -> None:
    """What was used under their address before they were known here was somebody else's."""
    used("member-001@example.test", model="gpt-today")
    DailyUsage.objects.update(start=day_of(timezone.now()) - timedelta(days=1))
    assert "gpt-today" not in kit.page(kit.signed_in(), f"/people/{stage.people[0]}")


@pytest.mark.parametrize("models", [1, 40])
def test_usage_costs_one_question(stage: Stage, models: int) -> None:
    """However much was used, one question over the sums of days tells it."""
    for number in range(models):
        used("member-001@example.test", model=f"model-{number}")
    browser = kit.signed_in()
    with CaptureQueriesContext(connection) as asked:
        kit.page(browser, f"/people/{stage.people[0]}")
    assert sum("dailyusage" in each["sql"].lower() for each in asked) == 1


def test_what_plans_will_do_when_they_leave(stage: Stage) -> None:
    """Before anybody leaves, their page says each step of the plans that follow; it is what a plan made afterwards says."""
    kit.seat_of(stage.workspace, stage.people[0])
    browser = kit.signed_in()
    foreseen, _ = workspaces.preview_leaving(ADMIN, stage.people[0])
    assert [step["workspace"] for step in foreseen] == ["acme"]
    said = kit.said(kit.page(browser, f"/people/{stage.people[0]}/leave"))
    assert "What plans will do" in said
    assert foreseen[0]["sentence"] in said
    assert people.get_person(ADMIN, stage.people[0])["active"]
    people.deactivate_person(ADMIN, stage.people[0])
    plan = workspaces.make_plan(ADMIN, {"workspaces": ["acme"]})
    steps = workspaces.list_steps(ADMIN, str(plan["id"]), Query(limit=100)).items
    kinds = [step["kind"] for step in steps if step["person"] == stage.people[0]]
    assert kinds == [step["kind"] for step in foreseen]


def test_their_keys_go_on(stage: Stage) -> None:
    """Whoever takes a leaver's keys has them from then on, and they are let in as before; whoever is none takes nothing, and
    nobody left."""
    row = people.create_person(ADMIN, {"user_name": "ada", "email": "ada@example.com"})
    for name in ("one", "two"):
        routing.create_key(ADMIN, {"name": name, "owner": "ada@example.com"})
    browser, path = kit.signed_in(), f"/people/{row['id']}/leave"
    assert "Who takes their keys" in kit.page(browser, path)
    kit.do(browser, path, "leave", {"owner": "x" * 500}, 422)
    assert people.get_person(ADMIN, row["id"])["active"]
    kit.do(browser, path, "leave", {"owner": "team-search"})
    assert not people.get_person(ADMIN, row["id"])["active"]
    keys = [routing.get_key(ADMIN, name) for name in ("one", "two")]
    assert [(key["owner"], key["disabled"]) for key in keys] == [("team-search", False)] * 2


def test_leaving_where_very_many_are(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a workspace with more seats than a look can go through, the page says that the plan tells."""
    kit.seat_of(stage.workspace, stage.people[0])
    monkeypatch.setattr("stationmaster.workspaces.assigning.LARGE", 0)
    said = kit.said(kit.page(kit.signed_in(), f"/people/{stage.people[0]}/leave"))
    assert "Very many people are in acme" in said
