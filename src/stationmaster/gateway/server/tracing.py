"""Spans of what ended, made and sent by threads that no request waits for. Owns: which requests are recorded, and who sends."""

import os
import socket
from collections.abc import Callable, Iterable

from stationmaster import __version__
from stationmaster.gateway.core import metrics
from stationmaster.gateway.core.events import Event
from stationmaster.gateway.core.health import Transition
from stationmaster.gateway.core.metrics import Totals
from stationmaster.gateway.core.spans import spans
from stationmaster.telemetry import otlp
from stationmaster.telemetry.config import Telemetry
from stationmaster.telemetry.ids import random_hex
from stationmaster.telemetry.sending import Sender
from stationmaster.telemetry.tracing import begin


def sender(telemetry: Telemetry) -> Sender:
    """What sends for this process."""
    here = {"service.instance.id": f"{socket.gethostname()}/{os.getpid()}", "host.name": socket.gethostname()}
    return Sender(telemetry, {**here, "stationmaster.plane": "gateway"}, __version__)


class Tracing:
    """Makes spans of the events of a worker: `take`, from the thread that writes them, and `close`."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._ratio = telemetry.ratio
        self.vendor_of: Callable[[str], str] = str      # of a credential's id
        self._sender = sender(telemetry)
        self.dropped = self._sender.dropped

    def take(self, batch: Iterable[Event | Transition]) -> None:
        """Have those sent whose trace is recorded. Raises nothing: events are worth more."""
        for event in batch:
            try:
                if not isinstance(event, Event):
                    continue
                caller = event.trace if event.key else ""      # who has no key decides nothing
                if (place := begin(caller, self._ratio, random_hex)).sampled:
                    self._sender.add(spans(event, place, self.vendor_of, _new_id))
            except Exception:  # noqa: BLE001  a mistake of ours loses a span
                self._sender.lose(1)

    def close(self) -> None:
        """Send what is left."""
        self._sender.close()


def families(totals: Totals) -> list[otlp.Family]:
    """The gateway's metrics as they stand, under the names of its metrics page."""
    return [
        otlp.Family(family.name, family.kind, family.help, [_point(family, *each) for each in totals.read(family)],
                    tuple(bound / family.scale for bound in family.bounds))
        for family in metrics.FAMILIES
    ]  # fmt: skip


def _point(family: metrics.Family, labels: metrics.Labels, numbers: tuple[float, ...]) -> otlp.Point:
    named = dict(zip(family.labels, labels, strict=True))
    if family.kind == "histogram":
        return otlp.Point(named, counts=[int(each) for each in numbers[:-1]], total=numbers[-1] / family.scale)
    return otlp.Point(named, numbers[0] / family.scale)


def _new_id() -> str:
    return random_hex(8)
