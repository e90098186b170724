"""The one event a request leaves: ids, decisions, times, tokens. Holds no body and no secret.

Kept as a value until it is written, encoded off the request path.
"""

import msgspec

from stationmaster.gateway.core.usage import Source, Tokens


class Event(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="request"):
    """One request as it went. Times are seconds since the epoch (`time`) or microseconds; sizes bytes."""

    time: float
    request_id: str
    key: str
    owner: str
    tenant: str
    endpoint: str
    dialect: str
    method: str
    model: str                 # what the client said
    sent_model: str            # what the upstream got
    pool: str
    credential: str
    attempts: int
    status: int                # what the client got; 499 when it left before
    upstream_status: int
    upstream_request_id: str
    error: str                 # our code, when the answer was ours or the stream broke
    stream: bool
    client_left: bool
    first_byte_us: int         # microseconds from the request's head to the answer's first byte, 0: none
    duration_us: int
    bytes_in: int
    bytes_out: int
    tokens: Tokens | None
    usage_source: Source


_encoder = msgspec.json.Encoder()


def encode_all(events: list[Event]) -> bytes:
    """JSON lines, each with its line end."""
    return _encoder.encode_lines(events)


def encode_dropped(count: int) -> bytes:
    """The line that says how many events were not written because nobody read them."""
    return _encoder.encode({"event": "events_dropped", "count": count}) + b"\n"
