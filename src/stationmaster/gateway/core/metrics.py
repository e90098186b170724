"""What is counted, as values. Owns: the table of metric families, a worker's deltas, the totals of all workers and
their page (Prometheus text format 0.0.4). May not know processes, sockets or time.

A worker counts into cells that it keeps and about once a second takes a `Frame` off them; one process adds the
frames of all workers up. What was added stays when a worker ends. All sums are integers, so that no order of
adding changes them: microseconds for times, nanodollars for money; the page states seconds and dollars.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

Labels = tuple[str, ...]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER = "other"
MAX_SERIES = 2000         # label sets of one counter or histogram; what comes beyond is counted as "other"
_MOST = 2**63 - 1         # of one number in one frame: what msgpack can say

_MICRO, _NANO = 10**6, 10**9
DURATIONS = tuple(10_000 * 2**step for step in range(17))           # 0.01 s doubling to 655.36 s
OVERHEADS = (10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000)


class Family(msgspec.Struct, frozen=True):
    """One metric. `scale`: how many of what is counted make one of what the page states. `bounds`: a histogram's
    upper bounds, as counted. `across`: how a gauge's value is made of several workers'."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: Labels
    help: str
    scale: int = 1
    bounds: tuple[int, ...] = ()
    across: Literal["sum", "max"] = "sum"

    @property
    def width(self) -> int:
        """How many numbers one label set has: a histogram's buckets and its sum, or one."""
        return len(self.bounds) + 2 if self.kind == "histogram" else 1


_SHAPE = ("dialect", "model", "pool")

REQUESTS = Family("stationmaster_gateway_requests_total", "counter", ("dialect", "route", "model", "pool", "outcome", "code"),
                  "Requests that ended.")
DURATION = Family("stationmaster_gateway_request_duration_seconds", "histogram", _SHAPE,
                  "From the request's head to the answer's end.", _MICRO, DURATIONS)
FIRST_BYTE = Family("stationmaster_gateway_time_to_first_byte_seconds", "histogram", _SHAPE,
                    "From the request's head to the answer's first byte, where there was one.", _MICRO, DURATIONS)
OVERHEAD = Family("stationmaster_gateway_overhead_seconds", "histogram", _SHAPE,
                  "Time of a request that the gateway itself took.", _MICRO, OVERHEADS)
ATTEMPTS = Family("stationmaster_upstream_attempts_total", "counter", ("vendor", "pool", "result", "reason"),
                  "Requests sent to vendors, failed connections included.")
TOKENS = Family("stationmaster_tokens_total", "counter", ("vendor", "model", "kind", "source"),
                "Tokens by kind. Reasoning, audio and hour-long cache writes are parts of the others, so do not add them.")
SPEND = Family("stationmaster_spend_usd_total", "counter", ("vendor", "model", "team"),
               "US dollars by list price. Requests of unknown price are not in it.", _NANO)
UNPRICED = Family("stationmaster_unpriced_requests_total", "counter", ("vendor", "model"),
                  "Requests that used tokens whose price is unknown.")
CREDENTIAL_STATE = Family("stationmaster_credential_state", "gauge", ("workspace", "credential", "state"),
                          "1 for the state that the credential is in, 0 for the others.", across="max")
POOL_MEMBERS = Family("stationmaster_pool_members", "gauge", ("pool", "state"), "Credentials of a pool by state.",
                      across="max")
STICKY_SESSIONS = Family("stationmaster_sticky_sessions", "gauge", ("pool",),
                         "Sessions whose credential the gateway remembers.")
STICKY_MOVES = Family("stationmaster_sticky_moves_total", "counter", ("pool", "reason"),
                      "Sessions that moved to another credential.")
CLIENT_RETRIES = Family("stationmaster_client_retries_total", "counter", ("dialect",),
                        "Requests that their client called a retry (x-stainless-retry-count).")
LIMIT_REFUSALS = Family("stationmaster_limit_refusals_total", "counter", ("kind",),
                        "Requests refused by a limit of their virtual key.")
EVENTS_DROPPED = Family("stationmaster_events_dropped_total", "counter", (),
                        "Events that were not written because nobody read fast enough.")
SPANS_DROPPED = Family("stationmaster_telemetry_spans_dropped_total", "counter", (),
                       "Spans that were not sent: the receiver is gone, slow or refuses them.")
HEARTBEAT = Family("stationmaster_worker_heartbeat_timestamp_seconds", "gauge", ("worker",),
                   "When the worker last reported, seconds since 1970.", across="max")
BUILD_INFO = Family("stationmaster_build_info", "gauge", ("version",), "Always 1; the label says what runs.",
                    across="max")

TLS_EXPIRY = Family("stationmaster_tls_certificate_expiry_timestamp_seconds", "gauge", (),
                    "When the certificate that clients see ends, seconds since 1970.", across="max")
TLS_REFUSED = Family("stationmaster_tls_certificate_refused", "gauge", (),
                     "1 while the certificate's files hold one that cannot be used; the one before goes on.", across="max")

CLUSTER_CONNECTED = Family("stationmaster_cluster_connected", "gauge", (),
                           "1 while the gateway hears the others of its cluster; 0 while it goes by an even share.", across="max")
CLUSTER_GATEWAYS = Family("stationmaster_cluster_gateways", "gauge", (),
                          "Gateways that share limits and budgets, as last known, this one included.", across="max")

FAMILIES = (
    REQUESTS, DURATION, FIRST_BYTE, OVERHEAD, ATTEMPTS, TOKENS, SPEND, UNPRICED, CREDENTIAL_STATE, POOL_MEMBERS,
    STICKY_SESSIONS, STICKY_MOVES, CLIENT_RETRIES, LIMIT_REFUSALS, EVENTS_DROPPED, SPANS_DROPPED, HEARTBEAT, BUILD_INFO,
    TLS_EXPIRY, TLS_REFUSED, CLUSTER_CONNECTED, CLUSTER_GATEWAYS,
)

LABELS: dict[str, str] = {
    "code": "the HTTP status that the client got; 499 when it left before",
    "credential": "id of the credential",
    "dialect": "`openai`, `anthropic`, `gemini`, `azure`, `bedrock` or `vertex`",
    "kind": "tokens: `input` (without cache), `cache_read`, `cache_write`, `output`, and parts of those: `reasoning`, "
            "`cache_write_1h`, `input_audio`, `cache_read_audio`, `output_audio`; "
            "limits: `rpm`, `tpm`, `concurrency`, `budget`, `expired`",
    "model": "as the vendor got it; empty when refused before it was routed, or none was named; "
             "`other` until a vendor served it, unless a route writes it out",
    "outcome": "`ok`; `client_error`; `upstream_error`, a stream that broke off and a mistake of the gateway's included; "
               "`no_capacity`: no credential, no room, or a vendor's 429; `cancelled`: the client left or stopped reading",
    "pool": "the pool that the request was routed to; of attempts, the one they were made in",
    "reason": "attempts: the cause, empty when it went well; moves: why the session left its credential",
    "result": "what came of the attempt",
    "route": "the endpoint, as in events: `chat`, `responses`, `messages`, …; `none`",
    "source": "`upstream_final`, `upstream_partial` or `estimated`",
    "state": "of a credential",
    "team": "whom the virtual key's use is booked on",
    "vendor": "`openai`, `anthropic`, `gemini`, `azure_openai`, `openai_compatible`, `bedrock` or `vertex`",
    "version": "of Stationmaster",
    "worker": "number of the gateway's process",
    "workspace": "the organisation at the vendor that the credential belongs to",
}

SUMMED = [family for family in FAMILIES if family.kind != "gauge"]


class Frame(msgspec.Struct, frozen=True):
    """What one worker counted since its last frame, and its gauges as they stand. `time`: seconds since 1970.
    A counter's sums are one number, a histogram's its buckets (not cumulative, the last without bound) and the
    sum of what was observed."""

    time: float
    sums: dict[str, dict[Labels, tuple[int, ...]]]
    gauges: dict[str, dict[Labels, float]]


_frame = msgspec.msgpack.Decoder(Frame).decode


def encode(frame: Frame) -> bytes:
    """Pack `frame` as one msgpack frame."""
    return msgspec.msgpack.encode(frame)


def decode(packed: bytes) -> Frame:
    """Unpack a frame of `encode`. Raises `msgspec.DecodeError` on anything else."""
    return _frame(packed)


class Series:
    """A family's cells by labels, bounded; each as in a `Frame`."""

    __slots__ = ("_family", "cells")

    def __init__(self, family: Family) -> None:
        self._family = family
        self.cells: dict[Labels, list[int]] = {}

    def cell(self, labels: Labels) -> list[int]:
        """The numbers to add to. Raises ValueError when there are not as many labels as the family has."""
        found = self.cells.get(labels)
        return self._new(labels) if found is None else found

    def _new(self, labels: Labels) -> list[int]:
        family = self._family
        if len(labels) != len(family.labels):
            raise ValueError(f"{family.name} has the labels {family.labels}")
        if len(self.cells) >= MAX_SERIES - 1:
            labels = (OTHER,) * len(labels)
        return self.cells.setdefault(labels, [0] * family.width)

    def take(self) -> dict[Labels, tuple[int, ...]]:
        """What was counted since the last time; every cell stays, at zero."""
        taken = {}
        for labels, cell in self.cells.items():
            if any(cell):
                taken[labels] = tuple(min(number, _MOST) for number in cell)
                cell[:] = [0] * len(cell)
        return taken


def one_of(current: Mapping[Labels, str], states: Sequence[str]) -> dict[Labels, float]:
    """Values of a gauge that is 1 for the state something is in and 0 for all other `states`."""
    return {(*labels, state): float(state == now) for labels, now in current.items() for state in states}


class Totals:
    """All workers' counts together. `version` is what runs."""

    __slots__ = ("_gauges", "_own", "_series")

    def __init__(self, version: str) -> None:
        self._series = {family.name: Series(family) for family in SUMMED}
        self._gauges: dict[str, dict[str, dict[Labels, float]]] = {}    # by worker, by family
        self._own: dict[str, dict[Labels, float]] = {BUILD_INFO.name: {(version,): 1.0}}
        for lost in (EVENTS_DROPPED, SPANS_DROPPED):
            self._series[lost.name].cell(())     # stated from the start: a rate needs a zero to begin from

    def add(self, worker: str, frame: Frame) -> None:
        """Add a worker's frame. Families that are not known in this shape are left out: a worker may be of
        another version while one replaces the other."""
        for family in SUMMED:
            for labels, numbers in frame.sums.get(family.name, {}).items():
                if len(labels) == len(family.labels) and len(numbers) == family.width:
                    cell = self._series[family.name].cell(labels)
                    cell[:] = [before + more for before, more in zip(cell, numbers, strict=True)]
        self._gauges[worker] = {**frame.gauges, HEARTBEAT.name: {(worker,): frame.time}}

    def state(self, family: Family, value: float) -> None:
        """Set a gauge without labels that is no worker's but of all together."""
        self._own[family.name] = {(): value}

    def forget(self, worker: str) -> None:
        """The worker ended, and its last frame was added: its gauges go, its counts stay."""
        self._gauges.pop(worker, None)

    def render(self) -> bytes:
        """The page for `GET /metrics`, of type `CONTENT_TYPE`."""
        return ("\n".join(line for family in FAMILIES for line in self._lines(family)) + "\n").encode("utf-8", "replace")

    def read(self, family: Family) -> list[tuple[Labels, tuple[float, ...]]]:
        """A family's series as counted, by labels; of a gauge the value alone."""
        if family.kind == "gauge":
            return [(labels, (value,)) for labels, value in self._gauge(family).items()]
        return [(labels, tuple(cell)) for labels, cell in self._series[family.name].cells.items()]

    def _lines(self, family: Family) -> Iterator[str]:
        yield f"# HELP {family.name} {family.help.translate(_HELP_ESCAPES)}"
        yield f"# TYPE {family.name} {family.kind}"
        if family.kind == "gauge":
            for labels, value in self._gauge(family).items():
                yield f"{family.name}{_braced(_pairs(family, labels))} {_number(value)}"
            return
        for labels, cell in self._series[family.name].cells.items():
            if family.kind == "histogram":
                yield from _histogram(family, _pairs(family, labels), cell)
            else:
                yield f"{family.name}{_braced(_pairs(family, labels))} {_number(cell[0], family.scale)}"

    def _gauge(self, family: Family) -> dict[Labels, float]:
        merged: dict[Labels, float] = {}
        for gauges in (self._own, *self._gauges.values()):
            for labels, value in gauges.get(family.name, {}).items():
                if len(labels) == len(family.labels):
                    before = merged.get(labels, 0.0)
                    merged[labels] = before + value if family.across == "sum" else max(before, value)
        return merged


def _histogram(family: Family, pairs: str, cell: list[int]) -> Iterator[str]:
    """A histogram's lines: buckets hold all that is not above their bound. Every histogram has labels."""
    below = 0
    for bound, count in zip((*family.bounds, None), cell[:-1], strict=True):
        below += count
        limit = "+Inf" if bound is None else _number(bound, family.scale)
        yield f'{family.name}_bucket{{{pairs},le="{limit}"}} {below}'
    yield f"{family.name}_sum{_braced(pairs)} {_number(cell[-1], family.scale)}"
    yield f"{family.name}_count{_braced(pairs)} {below}"


_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})
_VALUE_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def _pairs(family: Family, labels: Labels) -> str:
    return ",".join(f'{name}="{value.translate(_VALUE_ESCAPES)}"' for name, value in zip(family.labels, labels, strict=True))


def _braced(pairs: str) -> str:
    return f"{{{pairs}}}" if pairs else ""


def _number(value: float, scale: int = 1) -> str:
    stated = value if scale == 1 else value / scale
    return str(int(stated)) if float(stated).is_integer() else repr(stated)
