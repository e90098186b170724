"""This process: what it answered, and the certificate that it shows. Owns: those numbers, and which request counts under which
labels.

Routes are as they are declared, and so few; whatever method or path somebody makes up counts under one name.
"""

from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

OTHER: Final = "other"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
LEFT: Final = 499                 # the client was gone before an answer began
_TLS: Final = (
    ("expiry_timestamp_seconds", "When the certificate that clients see ends, seconds since 1970."),
    ("refused", "1 while the certificate's files hold one that cannot be used; the one before goes on."),
)
_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
_REQUESTS: Final = Counter(
    "stationmaster_control_requests", "Requests on the console's port that ended.", ("method", "route", "status"),
    registry=REGISTRY,
)  # fmt: skip
_SECONDS: Final = Histogram(
    "stationmaster_control_request_duration_seconds", "From a request's head to its answer's end.", ("method", "route"),
    buckets=_BOUNDS, registry=REGISTRY,
)  # fmt: skip


def count(method: str, route: str, status: int | None, seconds: float) -> None:
    """A request ended. `route`: as declared; "-" where none was found. `status`: None for a client that left."""
    known = method if method in METHODS else OTHER
    where = OTHER if route == "-" else route
    _REQUESTS.labels(known, where, str(status or LEFT)).inc()
    _SECONDS.labels(known, where).observe(seconds)


def certified(expires: float, *, refused: bool) -> None:
    """When the certificate that clients see ends, seconds since 1970, and whether its files hold one that cannot be used. Only
    processes that speak TLS show it."""
    for gauge, value in zip(_certificate(), (expires, float(refused)), strict=True):
        gauge.set(value)


@cache
def _certificate() -> list[Gauge]:
    return [Gauge(f"stationmaster_control_tls_certificate_{name}", about, registry=REGISTRY) for name, about in _TLS]
