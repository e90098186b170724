"""What crosses a line is told once, whoever looks and however often; what is over is told once more."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from alerts.kit import a_webhook, deliveries, said
from controlkit import ADMIN, GATEWAY, a_credential, a_pool
from stationmaster.alerts import services as alerts
from stationmaster.alerts.models import Alert, Crossing
from stationmaster.audit.models import AuditEvent
from stationmaster.credentials import services as credentials
from stationmaster.credentials.health import HealthReport, report_health
from stationmaster.credentials.models import Credential
from stationmaster.jobs.models import Job
from stationmaster.routing import services as routing
from stationmaster.store.changes import change, revision
from usage.kit import request, sent

DOLLAR = 1_000_000_000


def spend(dollars: float, key: str = "team-a", at: datetime | None = None) -> None:
    """A gateway counted so much."""
    sent(request(key=key, cost=round(dollars * DOLLAR), time=(at or timezone.now()).timestamp()))


def health(name: str, state: str, cause: str = "") -> None:
    """A gateway says how a credential is doing."""
    report_health(GATEWAY, [HealthReport("gw-1", name, state, cause, "", 0.0, time.time())])


def a_key(name: str = "team-a", **budget: float) -> None:
    """A virtual key with a budget."""
    routing.create_key(ADMIN, {"name": name, "budget": {f"{span}_usd": usd for span, usd in budget.items()}})


def ended(state: str, kind: str = "reconcile-bills", workspace: str = "ws_1") -> Job:
    """A job that came to an end just now."""
    now = timezone.now()
    row: Job = Job.objects.create(
        kind=kind, workspace=workspace, state=state, run_after=now, created_at=now, ended_at=now, actor_kind="system",
        actor="system", cause="error.vendor.stop_run" if state == "failed" else "",
    )  # fmt: skip
    return row


def test_a_budget_is_told_at_each_of_its_lines(database: str) -> None:
    """At 50, 80 and 100 %, once each however often somebody looks; below the first nothing is said."""
    a_key(month=10)
    a_webhook(kinds=["budget"])
    for dollars in (4.9, 0.1, 1, 2, 2.5, 1):
        spend(dollars)
        for _ in range(3):
            alerts.look()
    assert said() == [("budget.raised", 50), ("budget.raised", 80), ("budget.raised", 100)]
    data = json.loads(deliveries()[1]["body"])["data"]
    assert data["facts"] == {"span": "month", "spent_nano": 8 * DOLLAR, "limit_nano": 10 * DOLLAR, "percent": 80}
    assert data["text"] == "The virtual key team-a has used 80 % of its budget (this month): 8.00 of 10.00 USD."
    assert data["subject"]["name"] == "team-a"


def test_a_budget_that_jumps_is_told_by_the_highest_line_alone(database: str) -> None:
    """From nothing to past its end in one request: one message, and no others later."""
    a_key(total=1)
    a_webhook(kinds=["budget"])
    spend(3)
    assert [alerts.look(), alerts.look()] == [1, 0]
    assert said() == [("budget.raised", 100)]


def test_a_larger_budget_is_a_recovery_and_its_lines_are_told_again(database: str) -> None:
    """Who raises a budget hears that it is below its line again; when that is crossed in the same month, it is told again."""
    a_key(month=10)
    a_webhook(kinds=["budget"], budget_percent=[80])
    spend(9)
    alerts.look()
    routing.update_key(ADMIN, "team-a", {"budget": {"month_usd": 100}})
    alerts.look()
    spend(75)
    alerts.look()
    assert said() == [("budget.raised", 80), ("budget.resolved", 80), ("budget.raised", 80)]


def test_a_new_day_begins_without_a_word(database: str) -> None:
    """What was spent on another day is no recovery, and counts for its month."""
    a_key(day=1, month=1000)
    a_webhook(kinds=["budget"], budget_percent=[100])
    noon = datetime.now(UTC).replace(hour=12, minute=0)
    spend(2, at=noon - timedelta(days=1))
    alerts.look(noon - timedelta(days=1))
    alerts.look(noon)
    assert said() == [("budget.raised", 100)]
    assert Crossing.objects.filter(over_at=None).count() == 0


def test_a_credential_that_gateways_take_out_and_that_comes_back(database: str) -> None:
    """Each time it goes out is told with its cause, and each time it is back; what an operator switched off is no news."""
    for name in ("openai-a", "openai-b"):
        credentials.create_credential(ADMIN, a_credential(name))
    a_webhook(kinds=["credential_disabled"])
    course = (("healthy", ""), ("cooling", "rate_limited"), ("disabled", "billing"), ("healthy", ""), ("disabled", "denied"))
    for state, cause in course:
        health("openai-a", state, cause)
        alerts.look()
    credentials.update_credential(ADMIN, "openai-b", {"disabled": True})
    health("openai-b", "disabled", "billing")
    alerts.look()
    assert [type_.partition(".")[2] for type_, _ in said()] == ["raised", "resolved", "raised"]
    causes = [json.loads(row["body"])["data"]["facts"]["cause"] for row in deliveries()]
    assert causes == ["billing", "", "denied"]
    credentials.update_credential(ADMIN, "openai-a", {"disabled": True})
    alerts.look()
    assert len(said()) == 3


def test_a_credential_that_ends_is_told_at_30_7_and_1_days(database: str) -> None:
    """Once each as the end comes nearer, and once that it has another end; with that everything begins anew."""
    credentials.create_credential(ADMIN, a_credential())
    a_webhook(kinds=["credential_expiring"])
    row, now = Credential.objects.get(name="openai-a"), timezone.now()
    ends(row, now + timedelta(days=40))
    for day in (0, 5, 11, 20, 33.5, 34, 39.5, 41):
        alerts.look(now + timedelta(days=day))
    ends(row, now + timedelta(days=400))
    alerts.look(now + timedelta(days=41))
    alerts.look(now + timedelta(days=375))
    assert said() == [
        ("credential_expiring.raised", 30), ("credential_expiring.raised", 7), ("credential_expiring.raised", 1),
        ("credential_expiring.resolved", 30), ("credential_expiring.raised", 30),
    ]  # fmt: skip


def ends(row: Any, at: datetime | None) -> None:
    """Its secret ends then."""
    with change(ADMIN) as edit:
        row.refresh_from_db()
        with edit.updating(row):
            row.expires_at = at


def test_a_credential_that_ends_no_more_is_called_over(database: str) -> None:
    """A secret without an end takes its place."""
    credentials.create_credential(ADMIN, a_credential())
    a_webhook(kinds=["credential_expiring"])
    row = Credential.objects.get(name="openai-a")
    ends(row, timezone.now() + timedelta(days=3))
    alerts.look()
    ends(row, None)
    alerts.look()
    assert said() == [("credential_expiring.raised", 7), ("credential_expiring.resolved", 30)]


def test_a_pool_below_its_number(database: str) -> None:
    """Told when fewer members serve than it has to have, once, and when there are enough again."""
    for name in ("a", "b", "c"):
        credentials.create_credential(ADMIN, a_credential(name))
    routing.create_pool(ADMIN, a_pool("main", "a", "b", "c"))
    a_webhook(kinds=["pool_unhealthy"], pool_minimum=2)
    for name, state in (("a", "disabled"), ("b", "disabled"), ("c", "disabled"), ("a", "healthy"), ("b", "healthy")):
        health(name, state)
        alerts.look()
    assert said() == [("pool_unhealthy.raised", 2), ("pool_unhealthy.resolved", 2)]
    facts = [json.loads(row["body"])["data"]["facts"] for row in deliveries()]
    assert facts == [{"healthy": 1, "members": 3}, {"healthy": 2, "members": 3}]


def test_a_job_that_fails_until_it_succeeds(database: str) -> None:
    """Of each kind and workspace once; a partial one changes nothing, and what failed before the alert was made is old."""
    ended("failed", "old-kind")
    a_webhook(kinds=["job_failed"])
    for state in ("succeeded", "failed", "failed", "partial", "succeeded", "succeeded", "failed"):
        ended(state)
        alerts.look()
    ended("failed", workspace="ws_2")
    alerts.look()
    assert [type_.partition(".")[2] for type_, _ in said()] == ["raised", "resolved", "raised", "raised"]
    assert json.loads(deliveries()[0]["body"])["data"]["facts"]["cause"] == "error.vendor.stop_run"


def test_only_what_is_watched_is_told(database: str) -> None:
    """By patterns of names, by kinds, and by each alert's own lines; a disabled one tells nothing."""
    for name in ("team-a", "team-b", "lab"):
        a_key(name, total=1)
        spend(0.6, name)
    health_name = "openai-a"
    credentials.create_credential(ADMIN, a_credential(health_name))
    health(health_name, "disabled")
    a_webhook(name="teams", watches=["team-*"], kinds=["budget"])
    a_webhook(name="late", budget_percent=[90])
    a_webhook(name="off", disabled=True)
    alerts.look()
    assert said("teams") == [("budget.raised", 50)] * 2
    assert said("late") == [("credential_disabled.raised", 1)]
    assert said("off") == []


def test_what_was_deleted_is_over_without_a_word(database: str) -> None:
    """Nobody hears of a key that is gone."""
    a_key(total=1)
    a_webhook()
    spend(2)
    alerts.look()
    routing.delete_key(ADMIN, "team-a")
    alerts.look()
    assert said() == [("budget.raised", 100)]
    assert Crossing.objects.filter(over_at=None).count() == 0


def test_many_who_look_at_once_tell_it_once(database: str) -> None:
    """Several processes look at the same time: one message, one event, one job."""
    a_key(total=1)
    a_webhook()
    spend(2)
    found: list[int] = []

    def looking() -> None:
        found.append(alerts.look())
        connections.close_all()

    threads = [threading.Thread(target=looking) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alerts.look()      # whoever could not write in time
    assert said() == [("budget.raised", 100)]
    assert AuditEvent.objects.filter(source="alerts", action="raised").count() == 1
    assert Job.objects.filter(kind="deliver-alerts").count() == 1


def test_the_database_itself_keeps_a_crossing_from_being_written_twice(database: str) -> None:
    """Rule, object, line, period and round are unique together."""
    a_webhook()
    same = {"alert": Alert.objects.get(), "kind": "budget", "thing": "vk_1:month", "line": 80, "period": "2026-05", "name": "x"}
    Crossing.objects.create(**same, at=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        Crossing.objects.create(**same, at=timezone.now())


def test_looking_in_vain_changes_nothing(database: str) -> None:
    """While nothing crosses a line, no revision is made: gateways are told of nothing."""
    a_key(total=1)
    a_webhook()
    before = revision()
    assert alerts.look() == 0
    assert revision() == before


def test_an_alert_that_cannot_be_looked_for_keeps_no_other(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with one is logged, and the others are told."""
    from stationmaster.alerts import looking

    a_key(total=1)
    spend(2)
    a_webhook(name="first")
    a_webhook(name="second")
    real = looking._decided

    def broken(alert: Alert, sight: Any) -> Any:
        if alert.name == "first":
            raise RuntimeError
        return real(alert, sight)

    monkeypatch.setattr(looking, "_decided", broken)
    alerts.look()
    assert (said("first"), said("second")) == ([], [("budget.raised", 100)])


def test_old_messages_are_forgotten(database: str) -> None:
    """What is older than requests are kept goes, but for crossings that still hold."""
    a_key(total=1)
    a_webhook()
    spend(2)
    alerts.look(timezone.now() - timedelta(days=40))
    from stationmaster.alerts.models import Delivery

    Delivery.objects.update(at=timezone.now() - timedelta(days=40))
    alerts.forget(30)
    assert deliveries() == []
    assert Crossing.objects.filter(over_at=None).count() == 3
