"""`stationmaster gateway list`: the gateways that a control plane has heard of."""

from stationmaster.cli.verbs import Noun

NOUN = Noun(
    "gateway", "gateways",
    ("name", "connected", "version", "revision", "workers", "events_dropped", "token", "first_seen", "last_seen"),
    ("name", "connected", "version", "revision", "workers", "events_dropped", "last_seen"),
)  # fmt: skip
