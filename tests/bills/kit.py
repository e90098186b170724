"""What these tests share: days, what gateways counted on them, and reading reports."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from controlkit import ADMIN
from credentials.kit import run
from stationmaster.bills import services as bills
from stationmaster.bills.reconciling import day_of
from stationmaster.sandbox.admin import Organisation
from stationmaster.store.listing import Query
from usage.kit import request, sent


def midnight(ago: int = 0) -> datetime:
    """The beginning of today, or of the day so long ago, in UTC."""
    return day_of(timezone.now()) - timedelta(days=ago)


def used_at_vendor(org: Organisation, key: str, ago: int, tokens: int, model: str = "gpt-5", requests: int = 10) -> None:
    """The vendor knows of so much on a day, as if it had been called."""
    row = org.keys.get(key)
    day = int(midnight(ago).timestamp())
    with org.lock:
        org.called[day, row.project if row else "", key, row.owner if row else "", model] = [requests, tokens - 100, 0, 100]


def counted(credential: str, ago: int, tokens: int, **more: Any) -> None:
    """Gateways counted so much on a day, at noon."""
    kinds = {"input": tokens - 100, "cache_read": 0, "cache_write": 0, "output": 100, "reasoning": 0}
    at = (midnight(ago) + timedelta(hours=12)).timestamp()
    sent(request(time=at, credential=credential, sent_model="gpt-5", tokens=kinds, **more))


def read(org: Organisation, **given: Any) -> Mapping[str, Any]:
    """Read its reports, by a job that succeeds; the job."""
    done = run(bills.read_bills(ADMIN, org.name, given)["id"])
    assert done["state"] == "succeeded", done
    return done


def days() -> dict[str, Mapping[str, Any]]:
    """What is known of each day."""
    return {f"{row['day']:%Y-%m-%d}": row for row in bills.list_bills(ADMIN, Query(sort="day", limit=100)).items}


def day(ago: int) -> Mapping[str, Any]:
    """What is known of one."""
    return days()[f"{midnight(ago):%Y-%m-%d}"]
