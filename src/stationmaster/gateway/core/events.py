"""The one event a request leaves: ids, decisions, times, tokens. Holds no body and no secret.

Kept as a value until it is written, encoded off the request path.
"""

from collections.abc import Sequence

import msgspec

from stationmaster.gateway.core.tokens import Source, Tokens


class Try(msgspec.Struct, frozen=True, gc=False):
    """One attempt that failed: with which credential, the vendor's status (0: none came), what it meant, its code, in which
    pool; and in microseconds when it began, from the request's head on, and how long it took."""

    credential: str
    status: int
    outcome: str
    code: str
    pool: str
    began_us: int = 0
    duration_us: int = 0


class Event(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="request", omit_defaults=True):
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
    client_retry: bool         # the client says that it tries again (x-stainless-retry-count)
    first_byte_us: int         # microseconds from the request's head to the answer's first byte, 0: none
    duration_us: int
    overhead_us: int           # of those to the first byte, what was ours: neither the vendor's nor the connecting
    bytes_in: int
    bytes_out: int
    tokens: Tokens | None
    usage_source: Source
    cost: int | None           # nanodollars (10⁻⁹ USD); null: no usage was stated, or the price is not known
    session: str               # by what its session was known: header, cache_key, user_id, prompt, or nothing
    tried: tuple[Try, ...]     # attempts that failed before the one that answered
    skipped: dict[str, str] | None   # credentials that were passed over, and why
    trace: str = ""            # the client's traceparent, when spans are sent; left out without one


_encoder = msgspec.json.Encoder()


def encode_all(events: Sequence[msgspec.Struct]) -> bytes:
    """JSON lines, each with its line end."""
    return _encoder.encode_lines(events)


def encode_dropped(count: int) -> bytes:
    """The line that says how many events were not written because nobody read them."""
    return _encoder.encode({"event": "events_dropped", "count": count}) + b"\n"
