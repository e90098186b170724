"""What has to be done now and then. Owns: which, and how often. Each is short, may be done by several processes at once, and
one that fails keeps no other from being done.

Most are done every hour. What people wait for is looked for often, by itself, so that a long chore does not hold it up.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from asgiref.sync import sync_to_async
from django.db import connection
from django.utils import timezone

from stationmaster.alerts import services as alerts
from stationmaster.backup import scheduled as backups
from stationmaster.bills import services as bills
from stationmaster.credentials import services as credentials
from stationmaster.entrances import live
from stationmaster.entrances.api.models import GivenAnswer
from stationmaster.entrances.api.replay import KEPT
from stationmaster.operators import services as operators
from stationmaster.publishing import services as publishing
from stationmaster.store.actor import SYSTEM
from stationmaster.usage import services as usage

FIRST: Final = 60.0           # seconds after the start
EVERY: Final = 3600.0         # seconds
OFTEN: Final = 30.0           # seconds between two looks at what alerts watch
_log = logging.getLogger(__name__)


def _old_answers() -> None:
    GivenAnswer.objects.filter(at__lt=timezone.now() - KEPT).delete()


CHORES: Final[Mapping[str, Callable[[], object]]] = {
    "delete old requests": lambda: usage.delete_old(SYSTEM, live.settings().retention.raw_events_days),
    "warn of gateway tokens that run out": operators.warn_of_expiry,
    "tend credentials": credentials.tend,
    "tend publications": publishing.tend,
    "read bills": bills.tend,
    "make a backup": backups.tend,
    "delete old history of credentials": lambda: credentials.forget_history(live.settings().retention.raw_events_days),
    "forget old messages of alerts": lambda: alerts.forget(live.settings().retention.raw_events_days),
    "forget sessions that are over": operators.forget_expired,
    "forget answers that need not be given again": _old_answers,
}


async def keep_doing() -> None:
    """Do them all, every hour, and look for alerts often, until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_often())
        group.create_task(_hourly())


async def _often() -> None:
    while True:
        await asyncio.sleep(OFTEN)
        await sync_to_async(look, thread_sensitive=False)()


async def _hourly() -> None:
    wait = FIRST
    while True:
        await asyncio.sleep(wait)
        await sync_to_async(do_all, thread_sensitive=False)()
        wait = EVERY


def do_all() -> None:
    """Do each of them once."""
    for name, chore in CHORES.items():
        _do(name, chore)
    connection.close()


def look() -> None:
    """Look once at what alerts watch."""
    _do("look for alerts", alerts.look)
    connection.close()


def _do(name: str, chore: Callable[[], object]) -> None:
    try:
        chore()
    except Exception as error:  # noqa: BLE001  whatever it is: the others are done, and this one next time
        _log.warning("could not %s: %s", name, type(error).__name__)
