"""What virtual keys spent: by day, by month, in all, in nanodollars. May not know prices or where it is kept.

An estimate is set aside before a call and replaced by what the call cost, so that calls under way count
(docs/reference/limits.md states by how much a budget can be exceeded).
"""

import math
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from stationmaster.gateway.core.limits import UNLIMITED
from stationmaster.gateway.core.snapshot import Budget

MOST = 2**62               # nanodollars: four billion dollars, which fits into what everybody reads
Amount = Annotated[int, msgspec.Meta(ge=0)]


class Spent(msgspec.Struct):
    """What one key spent. `day` and `month` are the UTC ones it was counted in: 2027-01-31 and 2027-01."""

    day: str = ""
    month: str = ""
    today: Amount = 0
    this_month: Amount = 0
    total: Amount = 0

    def add(self, cost: int, day: str) -> None:
        """Count `cost` on `day`."""
        self.turn(day)
        self.today = min(self.today + cost, MOST)
        self.this_month = min(self.this_month + cost, MOST)
        self.total = min(self.total + cost, MOST)

    def turn(self, day: str) -> None:
        """It is `day` now: another day, and perhaps another month, begin at nothing."""
        if day != self.day:
            self.day, self.today = day, 0
        if day[:7] != self.month:
            self.month, self.this_month = day[:7], 0


def by(day: str, spent: Spent) -> Spent:
    """The same, no later than on `day`; with none it is itself."""
    if not day or spent.day <= day:
        return spent
    return Spent(day, min(spent.month, day[:7]), spent.today, spent.this_month, spent.total)


def day_of(wall: float) -> str:
    """The UTC day of a moment."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d")


def until_next(period: str, wall: float) -> float:
    """Seconds until the next UTC `day` or `month` begins."""
    now = datetime.fromtimestamp(wall, UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight + timedelta(days=1) if period == "day" else (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    return (first - now).total_seconds()


class Purse:
    """One key's budget in one worker: what all workers had spent as last heard, and what was spent here since.

    `share` is this worker's part of what was left then, when several spend from it.
    """

    __slots__ = ("_asked", "_day", "_day_ends", "_here", "_mine", "_told", "budget", "elsewhere", "heard", "reserved", "share")

    def __init__(self, budget: Budget, share: float = 1.0) -> None:
        self.budget = budget
        self.heard = Spent()
        self.elsewhere = 0         # set aside in other workers, as last heard
        self.reserved = 0
        self._day, self._day_ends = "", 0.0
        self.share = share
        self._here = Spent()       # spent here and not in `heard`
        self._mine = 0             # spent here, ever
        self._told = 0             # of that, what was told
        self._asked = 0            # calls since that was last asked

    def refusal(self, estimate: int, wall: float) -> tuple[str, float] | None:
        """Which budget has no room for a call of about `estimate`, and in how many seconds it begins anew (0.0: never;
        infinite: the call is dearer than all of it). None: all have. What is left is never given away twice: what is set
        aside counts as spent."""
        self._asked += 1
        if wall >= self._day_ends:
            self._turn(wall)
        budget, heard, here, wanted = self.budget, self.heard, self._here, self.reserved + estimate
        for period, limit in (("total", budget.total), ("month", budget.month), ("day", budget.day)):
            if 0 < limit < estimate:
                return period, math.inf
        if budget.total and self._full(budget.total, heard.total, here.total, wanted):
            return "total", 0.0
        if budget.month and self._full(budget.month, heard.this_month, here.this_month, wanted):
            return "month", until_next("month", wall)
        if budget.day and self._full(budget.day, heard.today, here.today, wanted):
            return "day", until_next("day", wall)
        return None

    def _full(self, limit: int, before: int, since: int, wanted: int) -> bool:
        return before + since >= limit or since + wanted > (limit - before - self.elsewhere) * self.share

    def ahead(self, wall: float) -> int:
        """Nanodollars that calls may set aside now without asking again; 0: none, or not for sure."""
        if wall + 1 >= self._day_ends:
            return 0
        budget, heard, here = self.budget, self.heard, self._here
        limits = ((budget.total, heard.total, here.total), (budget.month, heard.this_month, here.this_month),
                  (budget.day, heard.today, here.today))
        left = min((self._left(*limit) for limit in limits if limit[0]), default=UNLIMITED)
        return max(0, math.floor(left) - self.reserved)

    def _left(self, limit: int, before: int, since: int) -> float:
        return min(limit - before - since, (limit - before - self.elsewhere) * self.share - since)

    def book(self, calls: int, reserved: int, cost: int, wall: float) -> None:
        """So many calls began since `ahead` was asked, so much is set aside for them and others that ended, and so
        much was spent."""
        self._asked += calls
        self.settle(-reserved, cost, wall)

    def _turn(self, wall: float) -> None:
        self._day, self._day_ends = day_of(wall), wall + until_next("day", wall)
        self.heard.turn(self._day)
        self._here.turn(self._day)

    def asked(self) -> int:
        """How many calls asked since this was last asked."""
        asked, self._asked = self._asked, 0
        return asked

    def reserve(self, estimate: int) -> None:
        """Set aside for a call."""
        self.reserved += estimate

    def settle(self, estimate: int, cost: int, wall: float) -> None:
        """The call is over and cost `cost`."""
        self.reserved -= estimate
        if cost:
            if wall >= self._day_ends:
                self._turn(wall)
            here = self._here
            here.today += cost
            here.this_month += cost
            here.total += cost
            self._mine += cost

    @property
    def settled(self) -> bool:
        """Whether nothing is set aside, and all that was spent here was told."""
        return not self.reserved and self._mine == self._told

    def news(self) -> int:
        """What was spent here since this was last asked."""
        news, self._told = self._mine - self._told, self._mine
        return min(news, MOST)

    def become(self, spent: Spent, counted: int, elsewhere: int) -> None:
        """What all workers together spent, `counted` of what was ever spent here being in it, and what others have set
        aside."""
        self.elsewhere = elsewhere
        self._day_ends = 0.0
        since = max(0, self._mine - counted)
        self.heard = spent
        self._here = Spent(self._day, self._day[:7], since, since, since)
