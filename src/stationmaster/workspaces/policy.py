"""Rules for all workspaces together. Owns: that value, how settings make it, and where the process takes it from.

Whoever starts a process says with `use` where the policy comes from; it is asked each time, since an admin may change it.
"""

from dataclasses import dataclass
from datetime import timedelta

from stationmaster.asked import Asked
from stationmaster.people.limits import Limits
from stationmaster.settings import Settings


@dataclass(frozen=True)
class SeatPolicy:
    """The rules. `reconcile_minutes` and `inactive_days`: of workspaces that are attached without saying; `remind`: how old an
    invitation is when its person is written to, and again; `removal_count` and `removal_share` (per cent): a plan that
    removes more takes a second approval; `listed_after`: how long a vendor may take to list what was written (no vendor says:
    our own choice)."""

    reconcile_minutes: int = 0
    inactive_days: int = 0
    remind: timedelta = timedelta(days=3)
    removal_count: int = 20
    removal_share: int = 10
    listed_after: timedelta = timedelta(seconds=90)

    @property
    def removals(self) -> Limits:
        """How many a plan may remove."""
        return Limits(self.removal_count, self.removal_share)


policy = Asked(SeatPolicy)
use = policy.use


def policy_of(settings: Settings) -> SeatPolicy:
    """The rules, by these settings."""
    seats = settings.seats
    return SeatPolicy(
        seats.reconcile_minutes, seats.inactive_days, timedelta(days=seats.remind_days), seats.removal_count, seats.removal_share,
        timedelta(seconds=seats.listed_after_seconds),
    )  # fmt: skip
