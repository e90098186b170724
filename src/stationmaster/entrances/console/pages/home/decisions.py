"""What waits for somebody to decide. Owns: which kinds there are, for whom, and where each is decided."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.utils import timezone

from stationmaster.bills import services as bills
from stationmaster.entrances.console.pages.lists import filtered
from stationmaster.entrances.console.pages.pictures import Tile
from stationmaster.i18n import tr
from stationmaster.jobs import services as jobs
from stationmaster.operators.services import allowed
from stationmaster.people import services as people
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Page, Query
from stationmaster.workspaces import services as workspaces

_LATELY: Final = timedelta(days=1)
_LATEST: Final = 100      # open plans of which it is asked whether they take a second approval


@dataclass(frozen=True)
class _Kind:
    """One kind: the right it takes to see it, what it is called, how many wait, and where."""

    action: str
    text: Callable[[], str]
    count: Callable[[Actor], int]
    href: str


def waiting(actor: Actor) -> Iterator[Tile]:
    """A figure for each kind of which something waits."""
    for kind in _KINDS:
        if allowed(actor, kind.action) and (number := kind.count(actor)):
            yield Tile(kind.text(), f"{number:,}", kind.href, tone="busy")


def any_to_see(actor: Actor) -> bool:
    """Whether `actor` is shown anything of it at all."""
    return any(allowed(actor, kind.action) for kind in _KINDS)


def _open_plans(actor: Actor) -> int:
    return _plans(actor)[0]


def _second(actor: Actor) -> int:
    return _plans(actor)[1]


def _plans(actor: Actor) -> tuple[int, int]:
    """Plans that nobody approved yet, and those that take one more approval."""
    page = workspaces.list_plans(actor, Query(filters=(Filter("state", "eq", "open"),), limit=_LATEST))
    again = sum(1 for row in page.items if row["second_approval"] and row["approvals"])
    return page.total - again, again


def _requests(actor: Actor) -> int:
    return _found(workspaces.list_seat_requests, actor, Filter("state", "eq", "asked"))


def _candidates(actor: Actor) -> int:
    return _found(workspaces.list_seats, actor, Filter("removal", "eq", "candidate"))


def _unconfirmed(actor: Actor) -> int:
    return _found(workspaces.list_seats, actor, Filter("unconfirmed", "ne", ""))


def _found(listed: Callable[[Actor, Query], Page], actor: Actor, wanted: Filter) -> int:
    return listed(actor, Query(filters=(wanted,), shown=False)).total


def _failed(actor: Actor) -> int:
    since = f"{timezone.now() - _LATELY:%Y-%m-%dT%H:%M:%SZ}"
    asked = (Filter("state", "eq", "failed"), Filter("ended_at", "ge", since))
    return jobs.list_jobs(actor, Query(filters=asked, shown=False)).total


_OPEN: Final = filtered("/plans", ("state", "eq", "open"))
_KINDS: Final = (
    _Kind("plans:read", lambda: tr("Plans to approve"), _open_plans, _OPEN),
    _Kind("plans:read", lambda: tr("Plans to approve a second time"), _second, _OPEN),
    _Kind("jobs:read", lambda: tr("Jobs that failed in the last day"), _failed, filtered("/jobs", ("state", "eq", "failed"))),
    _Kind("seatrequests:read", lambda: tr("Requests for seats"), _requests,
          filtered("/seats/requests", ("state", "eq", "asked"))),
    _Kind("seats:read", lambda: tr("Seats without activity"), _candidates, filtered("/seats", ("removal", "eq", "candidate"))),
    _Kind("seats:read", lambda: tr("Writes whose outcome is unknown"), _unconfirmed,
          filtered("/seats", ("unconfirmed", "ne", ""))),
    _Kind("people:export", lambda: tr("Contradictions among people"), lambda actor: len(people.conflicts(actor)),
          "/people/conflicts"),
    _Kind("bills:read", lambda: tr("Days whose bill is too far apart"), bills.alarming, "/bills"),
)  # fmt: skip
