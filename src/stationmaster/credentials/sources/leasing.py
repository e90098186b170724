"""Who refreshes. Owns: what is due, and that one of all processes takes it on.

A lease is a conditional update by the database's clock, of a row that is still as its taker saw it (`serial`). It ends by itself,
so that nobody waits for one that died.
"""

import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.db.models import Q

from stationmaster.credentials.sources import clock
from stationmaster.credentials.sources.models import NEEDS_YOU, TokenSource

HELD: Final = timedelta(seconds=90)      # longer than all calls of one refresh may take together
SPACING: Final = timedelta(seconds=60)   # between a refresh and one because a gateway says that its token was refused
LOOK: Final = 0.05                       # seconds between two looks of who waits


def due(most: int) -> list[tuple[str, int]]:
    """Sources (id, serial) that it is time for, and that nobody is at, the longest due first."""
    now = clock.now()
    rows = TokenSource.objects.filter(refresh_at__lte=now, credential__disabled=False).exclude(state=NEEDS_YOU)
    rows = rows.filter(_free(now)).order_by("refresh_at", "id")
    return list(rows.values_list("id", "serial")[:most])


def claim(source: str, serial: int) -> str:
    """Take it on, if it is as it was when `serial` was read and nobody is at it: the lease. Empty: somebody else did."""
    now, lease = clock.now(), secrets.token_hex(12)
    rows = TokenSource.objects.filter(id=source, serial=serial).filter(_free(now))
    return lease if rows.observe(lease=lease, lease_until=now + HELD) else ""


def ask(source: str) -> bool:
    """Have it refreshed as soon as somebody looks, unless it is due already. Whether that is news."""
    now = clock.now()
    rows = TokenSource.objects.filter(id=source).filter(Q(refresh_at=None) | Q(refresh_at__gt=now))
    return bool(rows.observe(refresh_at=now))


def ask_again(row: TokenSource) -> bool:
    """The same because its secret was refused: not sooner than a while after it was refreshed, and not where it failed since.
    Whoever else says so of the same secret changes nothing more."""
    soonest = max(clock.now(), row.refreshed_at + SPACING if row.refreshed_at is not None else clock.now())
    rows = TokenSource.objects.filter(id=row.id, serial=row.serial, failures=0, refresh_at__gt=soonest)
    return bool(rows.observe(refresh_at=soonest))


def wait(source: str, serial: int, seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
    """Until it is another than it was at `serial`, or its lease is free, or so many seconds have passed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rows = TokenSource.objects.filter(id=source, serial=serial, lease_until__gt=clock.now())
        if not rows.exists():
            return
        sleep(LOOK)


def _free(now: object) -> Q:
    return Q(lease_until=None) | Q(lease_until__lte=now)
