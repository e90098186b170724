"""Simulated gateways of other people that credentials are published into: what they hold, how they answer, how they misbehave.

`Targets` holds the gateways, a `Gateway` what is true in one of them. One file a kind speaks its wire, with every trap that is
known of it. Everything is in memory; time and chance come from outside.
"""

from stationmaster.sandbox.targets.frame import Call, Gateway, Held
from stationmaster.sandbox.targets.world import Targets

__all__ = ["Call", "Gateway", "Held", "Targets"]
