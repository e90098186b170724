"""OTLP/HTTP's JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): lowerCamelCase names, ids as hex digits,
64-bit integers as decimal strings, enums as numbers. Pure: values in, JSON's objects out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from stationmaster.telemetry import SCHEMA

Value = str | bool | int | float | Sequence[str]
Attributes = Mapping[str, Value]

SERVER, CLIENT, INTERNAL, CONSUMER = 2, 3, 1, 5      # SpanKind
_ERROR = 2                                # StatusCode
_CUMULATIVE = 2                           # AggregationTemporality
_NAME = "stationmaster"


@dataclass(frozen=True, slots=True)
class Span:
    """One span. Times are nanoseconds since the epoch; `error`: what it failed by, empty: it did not."""

    trace: str
    id: str
    parent: str
    name: str
    kind: int
    start: int
    end: int
    attributes: Attributes
    error: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """One series of a family: a number, or a histogram's counts (one more than bounds, not cumulative) and sum."""

    attributes: Attributes
    value: float = 0.0
    counts: Sequence[int] = ()
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. `bounds`: a histogram's upper bounds, in the metric's unit."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    points: Sequence[Point]
    bounds: Sequence[float] = field(default=())


def traces(resource: Attributes, version: str, spans: Iterable[Span]) -> dict[str, Any]:
    """An ExportTraceServiceRequest."""
    scope = {"scope": {"name": _NAME, "version": version}, "spans": [_span(each) for each in spans], "schemaUrl": SCHEMA}
    return {"resourceSpans": [{"resource": _resource(resource), "scopeSpans": [scope], "schemaUrl": SCHEMA}]}


def metrics(resource: Attributes, version: str, families: Iterable[Family], start: int, now: int) -> dict[str, Any]:
    """An ExportMetricsServiceRequest; sums and histograms are cumulative since `start` (nanoseconds since the epoch)."""
    found = [_metric(each, start, now) for each in families if each.points]
    scope = {"scope": {"name": _NAME, "version": version}, "metrics": found, "schemaUrl": SCHEMA}
    return {"resourceMetrics": [{"resource": _resource(resource), "scopeMetrics": [scope], "schemaUrl": SCHEMA}]}


def _resource(attributes: Attributes) -> dict[str, Any]:
    return {"attributes": _attributes(attributes)}


def _span(span: Span) -> dict[str, Any]:
    made: dict[str, Any] = {
        "traceId": span.trace, "spanId": span.id, "name": span.name, "kind": span.kind, "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end), "attributes": _attributes(span.attributes),
    }  # fmt: skip
    if span.parent:
        made["parentSpanId"] = span.parent
    if span.error:
        made["status"] = {"code": _ERROR, "message": span.error}
    return made


def _attributes(attributes: Attributes) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in attributes.items()]


def _value(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    return {"arrayValue": {"values": [_value(each) for each in value]}}


def _metric(family: Family, start: int, now: int) -> dict[str, Any]:
    times = {"startTimeUnixNano": str(start), "timeUnixNano": str(now)}
    named: dict[str, Any] = {"name": family.name, "description": family.help}
    if family.kind == "histogram":
        points = [_histogram(each, family.bounds, times) for each in family.points]
        return {**named, "histogram": {"dataPoints": points, "aggregationTemporality": _CUMULATIVE}}
    if family.kind == "counter":
        numbers = [{"attributes": _attributes(each.attributes), "asDouble": each.value, **times} for each in family.points]
        return {**named, "sum": {"dataPoints": numbers, "aggregationTemporality": _CUMULATIVE, "isMonotonic": True}}
    at = {"timeUnixNano": str(now)}
    states = [{"attributes": _attributes(each.attributes), "asDouble": each.value, **at} for each in family.points]
    return {**named, "gauge": {"dataPoints": states}}


def _histogram(point: Point, bounds: Sequence[float], times: Mapping[str, str]) -> dict[str, Any]:
    return {
        "attributes": _attributes(point.attributes), "count": str(sum(point.counts)), "sum": point.total,
        "bucketCounts": [str(count) for count in point.counts], "explicitBounds": list(bounds), **times,
    }  # fmt: skip
