"""Rules for bills. Owns: that value, how settings make it, and where the process takes it from."""

from dataclasses import dataclass

from stationmaster.asked import Asked
from stationmaster.settings import Settings


@dataclass(frozen=True)
class BillPolicy:
    """The rules. `threshold`: per cent that either side has to reach of the other; `settle_days`: how long after a day the
    vendor's figures for it may change; `delay_hours`: how long after midnight (UTC) reports are read."""

    threshold: int = 95
    settle_days: int = 3
    delay_hours: int = 6


policy = Asked(BillPolicy)
use = policy.use


def policy_of(settings: Settings) -> BillPolicy:
    """The rules, by these settings."""
    bills = settings.bills
    return BillPolicy(bills.threshold_percent, bills.settle_days, bills.delay_hours)
