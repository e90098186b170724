"""A call as a span of OpenTelemetry, below the job or the request that makes it. Owns: what is told of one.

That is the method, whose host, and what came of it (semantic conventions 1.41.0, HTTP clients): never the path or the query, in
which people's and vendors' ids are, nor a header or a body.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from stationmaster.errors import StationmasterError
from stationmaster.line.wire import Answer, Call, Unanswered
from stationmaster.telemetry import recording
from stationmaster.telemetry.otlp import CLIENT, Attributes

_PORTS = {"https": 443, "http": 80}


def traced(call: Call, exchange: Callable[[Call], Answer]) -> Answer:
    """What `exchange` makes of the call. Raises what it raises."""
    span = recording.below(call.method, CLIENT)
    if span is None:
        return exchange(call)
    try:
        answer = exchange(call)
    except (Unanswered, StationmasterError) as error:
        recording.end(span, _asked(call), "no_answer" if isinstance(error, Unanswered) else error.code)
        raise
    failed = str(answer.status) if answer.status >= 400 else ""
    recording.end(span, {**_asked(call), "http.response.status_code": answer.status}, failed)
    return answer


def _asked(call: Call) -> Attributes:
    parts = urlsplit(call.url)
    return {"http.request.method": call.method, "server.address": parts.hostname or "",
            "server.port": parts.port or _PORTS.get(parts.scheme, 0)}  # fmt: skip
