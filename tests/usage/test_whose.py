"""Whose usage it is when addresses are given on, and how long requests took."""

from datetime import UTC, datetime, timedelta
from typing import Any

from controlkit import ADMIN
from stationmaster.operators import services as operators
from stationmaster.people import services as people
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query
from stationmaster.usage import latency as latencies
from stationmaster.usage import services as usage
from stationmaster.usage.models import UsageEvent

MAIL = "ada@example.com"


def served(which: str, at: datetime, **more: Any) -> None:
    """One request."""
    given = {
        "gateway": "gw", "key": "", "owner": MAIL, "tenant": "", "credential": "c", "pool": "p", "model": "m", "endpoint": "chat",
        "dialect": "", "status": 200, "error": "", "usage_source": "none", "duration_us": 1000, "first_byte_us": 1, "input": 0,
        "cache_read": 0, "cache_write": 0, "output": 0, "reasoning": 0, **more,
    }  # fmt: skip
    UsageEvent.objects.create(request_id=which, at=at, **given)


def _seen(actor: Actor) -> set[str]:
    return {str(row["request_id"]) for row in usage.list_events(actor, Query()).items}


def test_a_recycled_address_shows_no_earlier_requests(database: str) -> None:
    """Whoever is given a leaver's address sees no request of the leaver's keys, those that are deleted among them, and their own
    all the same; a renamed person goes on seeing what their keys served under the old name."""
    long_ago = datetime.now(UTC) - timedelta(days=9)
    ada = str(people.create_person(ADMIN, {"user_name": "ada", "email": MAIL})["id"])
    for name in ("hers", "deleted"):
        routing.create_key(ADMIN, {"name": name, "owner": MAIL})
        served(name, long_ago, key=name)
    routing.delete_key(ADMIN, "deleted")
    people.deactivate_person(ADMIN, ada)
    people.create_person(ADMIN, {"user_name": "next", "email": MAIL})
    routing.create_key(ADMIN, {"name": "mine", "owner": MAIL})
    served("mine", datetime.now(UTC) + timedelta(seconds=1), key="mine")
    served("late", datetime.now(UTC) + timedelta(seconds=1), key="hers")
    member = Actor("operator", str(operators.create_operator(ADMIN, {"email": MAIL, "role": "member"})["id"]), "member")
    assert _seen(member) == {"mine"}
    people.update_person(ADMIN, "next", {"email": "lovelace@example.com"})
    operators.update_operator(ADMIN, MAIL, {"email": "lovelace@example.com"})
    assert _seen(member) == {"mine"}


def test_latency_is_of_the_latest(database: str, monkeypatch: Any) -> None:
    """Half and nineteen of twenty of the requests that were answered; of many, the latest alone, which is said."""
    now = datetime.now(UTC)
    for at in range(20):
        served(f"r{at}", now - timedelta(seconds=at), duration_us=(at + 1) * 1000)
    served("failed", now, status=500, duration_us=9_000_000)
    found = usage.latency(ADMIN, now - timedelta(hours=1))
    assert (found.p50, found.p95, found.requests, found.all) == (10_000, 19_000, 20, True)
    assert usage.latency(ADMIN, now + timedelta(hours=1)).p50 is None
    monkeypatch.setattr(latencies, "AT_MOST", 4)
    found = usage.latency(ADMIN, now - timedelta(hours=1))
    assert (found.p50, found.p95, found.requests, found.all) == (2_000, 4_000, 4, False)
