"""One line in the log for each request on the console's port, which is counted and may be a span too. Owns: what it says of one.

That is the method, the route that answered as it is declared (never the path as it was sent: an admin link's holds its
secret), the status, how long it took to the answer's end, the request's id, and the id of whoever asked. Whoever finds out
which route it is and who asks notes it in the request's ASGI scope.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from stationmaster.entrances.metrics.process import count
from stationmaster.logs import REQUESTS
from stationmaster.telemetry import recording
from stationmaster.telemetry.otlp import SERVER, Attributes

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

ID: Final = b"x-stationmaster-request-id"      # the header that every answer has
_LINE: Final = "stationmaster.line"            # under which a scope has it
_log = logging.getLogger(REQUESTS)


@dataclass
class _Line:
    """What is known by now. `status` is None until an answer begins, and for a client that left before."""

    route: str = "-"
    actor: str = "-"
    request_id: str = "-"
    status: int | None = None


def note(scope: Mapping[str, Any], route: str, actor: str) -> None:
    """Say which route answers the request of `scope`, and the id of whoever asks; empty is nobody knows."""
    line = scope.get(_LINE)
    if isinstance(line, _Line):
        line.route, line.actor = route or "-", actor or "-"


async def told(app: App, scope: Message, receive: Receive, send: Send) -> None:
    """Have `app` answer one request, and log its line. Raises what `app` does, which the client sees as a 500."""
    line = scope[_LINE] = _Line()
    begun, span = time.monotonic(), recording.begin(scope["method"], SERVER, _caller(scope))

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            line.status = message["status"]
            line.request_id = next((value.decode() for name, value in message["headers"] if name.lower() == ID), "-")
        await send(message)

    try:
        with recording.around(span):
            await app(scope, receive, sent)
    except Exception:
        line.status = line.status or 500
        raise
    finally:
        took = time.monotonic() - begun
        _tell(scope["method"], line, took)
        count(scope["method"], line.route, line.status, took)
        _record(span, scope["method"], line)


def _caller(scope: Message) -> str:
    """What the client says of its trace; read only where spans are recorded."""
    return next((value[:256].decode("latin-1") for name, value in scope.get("headers", ()) if name == b"traceparent"), "")


def _record(span: recording.Open | None, method: str, line: _Line) -> None:
    """The request as a span: by its route, as in the log."""
    broken = line.status is not None and line.status >= 500
    said: Attributes = {
        "http.request.method": method, "http.route": line.route, "http.response.status_code": line.status or 0,
        "stationmaster.request_id": line.request_id,
    }  # fmt: skip
    recording.end(span, said, str(line.status) if broken else "", f"{method} {line.route}")


def _tell(method: str, line: _Line, seconds: float) -> None:
    broken = line.status is not None and line.status >= 500
    said = {"method": method, "route": line.route, "status": line.status, "ms": round(seconds * 1000, 1),
            "request_id": line.request_id, "actor": line.actor}  # fmt: skip
    _log.log(logging.ERROR if broken else logging.INFO, "request", extra=said)
