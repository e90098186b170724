"""What virtual keys spent: by day, by month, in all, in nanodollars. May not know prices or where it is kept.

An estimate is set aside before a call and replaced by what the call cost, so that calls under way count
(docs/reference/limits.md states by how much a budget can be exceeded).
"""

from datetime import UTC, datetime, timedelta

import msgspec

from stationmaster.gateway.core.snapshot import Budget


class Spent(msgspec.Struct):
    """What one key spent. `day` and `month` are the UTC ones it was counted in: 2027-01-31 and 2027-01."""

    day: str = ""
    month: str = ""
    today: int = 0
    this_month: int = 0
    total: int = 0

    def add(self, cost: int, day: str) -> None:
        """Count `cost` on `day`."""
        self.turn(day)
        self.today += cost
        self.this_month += cost
        self.total += cost

    def turn(self, day: str) -> None:
        """It is `day` now: another day, and perhaps another month, begin at nothing."""
        if day != self.day:
            self.day, self.today = day, 0
        if day[:7] != self.month:
            self.month, self.this_month = day[:7], 0


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
    """One key's budget. `share` is this worker's part of what is left, when several workers spend from it."""

    __slots__ = ("_asked", "_news", "budget", "reserved", "share", "spent")

    def __init__(self, budget: Budget, share: float = 1.0) -> None:
        self.budget = budget
        self.spent = Spent()
        self.reserved = 0
        self.share = share
        self._asked = 0            # calls since that was last asked
        self._news = 0             # spent here since it was last told

    def refusal(self, estimate: int, wall: float) -> tuple[str, float] | None:
        """Which budget has no room for a call of about `estimate`, and when it begins anew (0.0: never). None: all
        have. What is left is never given away twice: what is set aside counts as spent."""
        self._asked += 1
        self.spent.turn(day_of(wall))
        budget, spent = self.budget, self.spent
        for period, limit, used in (
            ("total", budget.total, spent.total), ("month", budget.month, spent.this_month), ("day", budget.day, spent.today),
        ):  # fmt: skip
            if limit and (used >= limit or estimate + self.reserved > (limit - used) * self.share):
                return period, 0.0 if period == "total" else until_next(period, wall)
        return None

    def reserve(self, estimate: int) -> None:
        """Set aside for a call."""
        self.reserved += estimate

    def settle(self, estimate: int, cost: int, wall: float) -> None:
        """The call is over and cost `cost`."""
        self.reserved -= estimate
        if cost:
            self.spent.add(cost, day_of(wall))
            self._news += cost

    def asked(self) -> int:
        """How many calls asked since this was last asked."""
        asked, self._asked = self._asked, 0
        return asked

    def news(self) -> int:
        """What was spent since this was last asked."""
        news, self._news = self._news, 0
        return news

    def become(self, spent: Spent) -> None:
        """What all workers together spent, as of now; what was spent here meanwhile comes on top."""
        self.spent = msgspec.structs.replace(
            spent, today=spent.today + self._news, this_month=spent.this_month + self._news, total=spent.total + self._news
        )
