"""Who is told that a vendor refuses a credential's secret, so that a token that ended can be replaced."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from controlkit import ADMIN, a_credential
from credentials.kit import slot
from stationmaster.credentials import generations, hooks
from stationmaster.credentials import services as credentials
from stationmaster.credentials.health import HealthReport, report_health
from stationmaster.store.actor import SYSTEM, Actor
from stationmaster.store.changes import change

GATEWAY = Actor("gateway", "gwt_1", "gateway")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, datetime]]:
    """What a listener heard."""
    heard: list[tuple[str, datetime]] = []
    monkeypatch.setattr(hooks, "_refused", [])
    hooks.on_refused(lambda credential, at: heard.append((credential, at)))
    return heard


def report(state: str, cause: str, seconds: float = 0.0, gateway: str = "gw-1", generation: int = 1) -> HealthReport:
    """A gateway's word on the credential, so many seconds from now."""
    at = timezone.now() + timedelta(seconds=seconds)
    return HealthReport(gateway, "slot", state, cause, "", 0.0, at.timestamp(), generation)


@pytest.mark.parametrize(
    ("state", "cause", "heard"),
    [
        ("suspect", "invalid_key", True), ("disabled", "invalid_key", True), ("suspect", "denied", True),
        ("disabled", "billing", False), ("cooling", "rate_limited", False), ("cooling", "upstream", False),
        ("healthy", "", False),
    ],
)  # fmt: skip
def test_a_refused_secret_is_told(database: str, told: list[tuple[str, datetime]], state: str, cause: str, heard: bool) -> None:
    """Only what another secret could mend is told, with the credential's id and when it was seen."""
    credentials.create_credential(ADMIN, a_credential("slot"))
    one = report(state, cause, 1.0)
    report_health(GATEWAY, [one])
    assert told == ([(slot().id, datetime.fromtimestamp(one.at, UTC))] if heard else [])


def test_a_batch_tells_once(database: str, told: list[tuple[str, datetime]]) -> None:
    """Of many gateways' words about one secret the last is told."""
    credentials.create_credential(ADMIN, a_credential("slot"))
    report_health(GATEWAY, [report("suspect", "invalid_key", at, f"gw-{at}") for at in (1, 3, 2)])
    assert len(told) == 1
    assert told[0][1] > timezone.now() + timedelta(seconds=2)


def test_what_was_refreshed_since_is_not_told(database: str, told: list[tuple[str, datetime]]) -> None:
    """A gateway's word about the token before, and about a secret that does not serve, leads to nothing; one about the token of
    now does."""
    credentials.create_credential(ADMIN, a_credential("slot"))
    with change(SYSTEM) as edit:
        generations.refresh(edit, slot(), "sk-proj-refreshed-0123456789", None)
    report_health(GATEWAY, [report("suspect", "invalid_key", -5.0)])
    report_health(GATEWAY, [report("suspect", "invalid_key", 1.0, "gw-2", generation=9)])
    assert told == []
    report_health(GATEWAY, [report("disabled", "invalid_key", 2.0)])
    assert [one for one, _ in told] == [slot().id]
