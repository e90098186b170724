"""What gateways send, read into values. Owns: which fields of an event count, and how far each is trusted.

A gateway resends a batch until it is taken, so one event that cannot be read must not hold back the rest: it is left out
and counted. Fields that are new to us are ignored, those that an older gateway does not send have defaults.
"""

import math
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from stationmaster.credentials.health import HealthReport
from stationmaster.errors import StationmasterError

MAX_EVENTS = 20_000                  # in one batch
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)           # by which a gateway's clock may be wrong
_LONGEST = 256                       # characters of any text

# Far beyond any request, and so small that the sums of a day stay whole numbers of the database: two million of the largest.
Count = Annotated[int, Meta(ge=0, le=2**42)]
Name = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+\Z")]
BatchId = Annotated[str, Meta(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9._-]+\Z")]


class Sent(msgspec.Struct, frozen=True):
    """The body of a batch. `gateway` is the sender's own name, `batch` the same whenever the batch is sent."""

    gateway: Name
    batch: BatchId
    events: Annotated[list[msgspec.Raw], Meta(max_length=MAX_EVENTS)]


class Tokens(msgspec.Struct, frozen=True):
    """Tokens by kind."""

    input: Count = 0
    cache_read: Count = 0
    cache_write: Count = 0
    output: Count = 0
    reasoning: Count = 0


class Request(msgspec.Struct, frozen=True, tag_field="event", tag="request"):
    """One request."""

    time: float
    request_id: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+\Z")]
    status: Annotated[int, Meta(ge=0, le=999)]
    key: str = ""
    owner: str = ""
    tenant: str = ""
    endpoint: str = ""
    dialect: str = ""
    method: str = ""
    model: str = ""
    sent_model: str = ""
    pool: str = ""
    credential: str = ""
    attempts: Count = 0
    upstream_status: Count = 0
    upstream_request_id: str = ""
    error: str = ""
    stream: bool = False
    client_left: bool = False
    client_retry: bool = False
    first_byte_us: Count = 0
    duration_us: Count = 0
    overhead_us: int = 0
    bytes_in: Count = 0
    bytes_out: Count = 0
    tokens: Tokens | None = None
    usage_source: str = "none"
    cost: Annotated[int, Meta(ge=0, le=2**47)] | None = None
    session: str = ""
    tried: list[dict[str, Any]] = []
    skipped: dict[str, str] | None = None


class Transition(msgspec.Struct, frozen=True, tag_field="event", tag="credential"):
    """A credential's state changed."""

    time: float
    credential: str
    state: str
    cause: str = ""
    code: str = ""
    until: float = 0.0
    next_probe: float = 0.0
    generation: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0


class Lost(msgspec.Struct, frozen=True, tag_field="event", tag="events_dropped"):
    """How many events the gateway lost."""

    count: Count


class Batch(msgspec.Struct, frozen=True):
    """A batch as read: what can be used of it, and how many events could not."""

    gateway: str
    batch: str
    requests: list[Request]
    health: list[HealthReport]
    lost: int = 0
    refused: int = 0


_batch = msgspec.msgpack.Decoder(Sent)
_event = msgspec.msgpack.Decoder(Request | Transition | Lost)


def read(body: bytes, now: datetime) -> Batch:
    """Read a batch that arrived at `now`. Raises `StationmasterError` when it is none at all."""
    try:
        sent = _batch.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = "this is no batch of events"
        raise StationmasterError("error.internal.bad_batch", message, hint="see docs/reference/rest.md") from None
    events = [event for event in map(_read, sent.events) if event is not None]
    return Batch(
        sent.gateway, sent.batch,
        [event for event in events if isinstance(event, Request)],
        [_report(sent.gateway, event, now) for event in events if isinstance(event, Transition)],
        sum(event.count for event in events if isinstance(event, Lost)),
        len(sent.events) - len(events),
    )


def moment(seconds: float, now: datetime) -> datetime:
    """When an event was. What cannot be is taken for `now`: the money was spent whatever the gateway's clock says."""
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return now
    return at if _EARLIEST <= at <= now + _AHEAD else now


def clean(text: str, longest: int = _LONGEST) -> str:
    """A text that every database holds: PostgreSQL has no NUL."""
    return text.replace("\0", "")[:longest]


def ascii_(text: str, longest: int = 128) -> str:
    """A name or a code: ours and vendors' are ASCII, clients' may be anything."""
    return clean(text, longest).encode("ascii", "replace").decode()


def _read(raw: msgspec.Raw) -> Request | Transition | Lost | None:
    try:
        event = _event.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return event if isinstance(event, Lost) or math.isfinite(event.time) else None


def _report(gateway: str, event: Transition, now: datetime) -> HealthReport:
    until = event.until or event.next_probe
    return HealthReport(
        gateway=gateway, credential=ascii_(event.credential), state=ascii_(event.state), cause=ascii_(event.cause),
        code=ascii_(event.code), until=until if math.isfinite(until) else 0.0, at=moment(event.time, now).timestamp(),
        generation=event.generation,
    )
