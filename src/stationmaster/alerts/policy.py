"""Rules for alerts. Owns: that value, how settings make it, and where the process takes it from."""

from dataclasses import dataclass

from stationmaster.asked import Asked
from stationmaster.settings import Settings


@dataclass(frozen=True)
class AlertPolicy:
    """The rules. `console`: the address that people's browsers see, without a slash at its end; empty: messages hold no links."""

    console: str = ""


policy = Asked(AlertPolicy)
use = policy.use


def policy_of(settings: Settings) -> AlertPolicy:
    """The rules, by these settings."""
    return AlertPolicy(settings.console.public_url.rstrip("/"))
