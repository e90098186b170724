"""Spans of a process that has one sender: the control plane, a job worker. Owns: that sender, and what is recorded.

Without `use` nothing is recorded, and `begin` costs one look.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from stationmaster.telemetry import otlp
from stationmaster.telemetry.config import Telemetry
from stationmaster.telemetry.ids import random_hex
from stationmaster.telemetry.sending import Sender
from stationmaster.telemetry.tracing import Parent
from stationmaster.telemetry.tracing import begin as place_of


@dataclass(frozen=True, slots=True)
class Open:
    """A span that began: where it hangs, its id, when (nanoseconds since the epoch), what it is called."""

    place: Parent
    id: str
    start: int
    name: str
    kind: int


_around: ContextVar[Open | None] = ContextVar("stationmaster.span", default=None)


@dataclass
class _Process:
    sender: Sender | None = None
    ratio: float = 0.0


_process = _Process()


def use(telemetry: Telemetry | None, plane: str, version: str) -> None:
    """Record from now on, as `plane` ("control", "worker"); None: no more."""
    close()
    if telemetry is not None:
        resource = {"service.instance.id": f"{os.uname().nodename}/{os.getpid()}", "host.name": os.uname().nodename}
        _process.sender = Sender(telemetry, {**resource, "stationmaster.plane": plane}, version)
        _process.ratio = telemetry.ratio


def close() -> None:
    """Send what is left, for a moment."""
    sender, _process.sender = _process.sender, None
    if sender is not None:
        sender.close()


def begin(name: str, kind: int, header: str = "", within: Open | None = None) -> Open | None:
    """Open a span: below `within`, else in the trace of a `traceparent`, else in one of its own. None: it is not recorded."""
    if _process.sender is None:
        return None
    place = Parent(within.place.trace, within.id, True) if within is not None else place_of(header, _process.ratio, random_hex)
    return Open(place, random_hex(8), time.time_ns(), name, kind) if place.sampled else None


def end(span: Open | None, attributes: otlp.Attributes, error: str = "", name: str = "") -> None:
    """Close a span, if it is recorded, and have it sent. `name`: what it is called now that more is known."""
    sender = _process.sender
    if span is None or sender is None:
        return
    said = {key: value for key, value in attributes.items() if value != ""} | ({"error.type": error} if error else {})
    place, called, now = span.place, name or span.name, time.time_ns()
    sender.add([otlp.Span(place.trace, span.id, place.span, called, span.kind, span.start, now, said, error)])


@contextmanager
def around(span: Open | None) -> Iterator[None]:
    """What is asked of others in here, in this thread or task, hangs below `span`; None: below what it hung before."""
    token = _around.set(span) if span is not None else None
    try:
        yield
    finally:
        if token is not None:
            _around.reset(token)


def below(name: str, kind: int) -> Open | None:
    """Open a span below the one that `around` named; None: there is none, or it is not recorded."""
    within = _around.get()
    return begin(name, kind, within=within) if within is not None else None
