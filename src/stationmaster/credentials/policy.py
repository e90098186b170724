"""How a rotation goes on, for all credentials. Owns the times, as one value, how settings make it, and where the process takes it
from.
"""

from dataclasses import dataclass
from datetime import timedelta

from stationmaster.asked import Asked
from stationmaster.settings import Settings


@dataclass(frozen=True)
class RotationPolicy:
    """`shares`: percentages of the sessions that the new secret serves, one after the other; after each, once every connected
    gateway goes by it, `hold` passes in which faults would show. `drain`: what ran with the old one has so long to end.
    `probing`: a new key may be unknown to a part of the vendor for so long. `connected`: a gateway that was heard of within
    this has to follow before a rotation goes on; `absent`: one that was heard of within this has to before the old secret is
    revoked, and `copied` is how long copies elsewhere are waited for. `look`: seconds between two looks. `swept`: answers that
    were lost may turn up at the vendor for so long."""

    shares: tuple[int, ...] = (10, 50, 100)
    hold: timedelta = timedelta(seconds=15)
    drain: timedelta = timedelta(minutes=10)
    probing: timedelta = timedelta(minutes=2)
    connected: timedelta = timedelta(seconds=150)
    absent: timedelta = timedelta(days=1)
    copied: timedelta = timedelta(days=1)
    look: float = 0.5
    swept: timedelta = timedelta(days=1)


policy = Asked(RotationPolicy)
use = policy.use


def policy_of(settings: Settings) -> RotationPolicy:
    """The rules, by these settings."""
    said = settings.rotation
    return RotationPolicy(
        said.shares, hold=timedelta(seconds=said.hold_seconds), drain=timedelta(seconds=said.drain_seconds),
        probing=timedelta(seconds=said.probing_seconds), absent=timedelta(hours=said.absent_hours),
        copied=timedelta(hours=said.copied_hours),
    )  # fmt: skip
