"""What entrances may ask about usage and gateways."""

from stationmaster.usage.gateways import GATEWAYS, connected, events_dropped, export_gateways, hello, list_gateways
from stationmaster.usage.intake import Stored, store
from stationmaster.usage.latency import Latency, latency
from stationmaster.usage.reports import (
    BY,
    EVENTS,
    Answer,
    Question,
    Step,
    export_events,
    get_event,
    list_events,
    series,
    totals,
)
from stationmaster.usage.retention import delete_old
from stationmaster.usage.rollups import DIMENSIONS, MEASURES
from stationmaster.usage.spending import exchange

__all__ = [
    "BY", "DIMENSIONS", "EVENTS", "GATEWAYS", "MEASURES", "Answer", "Latency", "Question", "Step", "Stored", "connected",
    "delete_old", "events_dropped", "exchange", "export_events", "export_gateways", "get_event", "hello", "latency",
    "list_events", "list_gateways", "series", "store", "totals",
]  # fmt: skip
