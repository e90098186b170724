"""Sends what it is given, by a thread of its own. Owns: the bounded queue, batches, tries, and how much was lost.

Nobody waits for it: what does not fit into the queue is dropped and counted. A receiver that says it is busy is asked
again, after as long as it says (https://opentelemetry.io/docs/specs/otlp/#otlphttp-response); what it refuses is dropped.
"""

import contextlib
import http.client
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from stationmaster.telemetry import otlp
from stationmaster.telemetry.config import Telemetry

MAX_WAITING = 2048         # spans, as OpenTelemetry's own processors keep
MAX_BATCH = 512
EVERY = 1.0                # seconds at most until a span is on its way
TIMEOUT = 10.0             # seconds for one answer
TRIES = 5
MOST_PATIENT = 30.0        # seconds between two tries, whatever the receiver says
_AGAIN = frozenset({429, 502, 503, 504})


class Sender:
    """`add` spans from any thread, `push` metrics; `close` sends what is left for a moment."""

    def __init__(self, telemetry: Telemetry, resource: otlp.Attributes, version: str) -> None:
        self._telemetry, self._version = telemetry, version
        self._resource = {"service.name": telemetry.service, "service.version": version, **resource}
        self._waiting: queue.Queue[otlp.Span] = queue.Queue(MAX_WAITING)
        self._dropped = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    def add(self, spans: Iterable[otlp.Span]) -> None:
        """Have them sent, those for which there is room."""
        for span in spans:
            try:
                self._waiting.put_nowait(span)
            except queue.Full:
                self.lose(1)

    def dropped(self) -> int:
        """How many spans were lost since this was last asked."""
        with self._lock:
            lost, self._dropped = self._dropped, 0
        return lost

    def lose(self, spans: int) -> None:
        """Count so many as lost."""
        with self._lock:
            self._dropped += spans

    def push(self, families: Iterable[otlp.Family], start: int, now: int) -> bool:
        """Send metrics now, once; whether they were taken. The next time says them again, since they are cumulative."""
        body = otlp.metrics(self._resource, self._version, families, start, now)
        return self._post("/v1/metrics", body)[0] == "taken"

    def close(self, seconds: float = 2.0) -> None:
        """Send what is left, for so long at most."""
        self._over.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._over.wait(EVERY if self._waiting.qsize() < MAX_BATCH else 0):
            self._send()
        self._send()

    def _send(self) -> None:
        while batch := self._batch():
            body = otlp.traces(self._resource, self._version, batch)
            if not self._patiently("/v1/traces", body):
                self.lose(len(batch))

    def _batch(self) -> list[otlp.Span]:
        found: list[otlp.Span] = []
        with contextlib.suppress(queue.Empty):
            while len(found) < MAX_BATCH:
                found.append(self._waiting.get_nowait())
        return found

    def _patiently(self, path: str, body: dict[str, Any]) -> bool:
        for number in range(TRIES):
            came, wait = self._post(path, body)
            if came != "again":
                return came == "taken"
            pause = min(wait if wait is not None else 0.5 * 2**number, MOST_PATIENT)
            if self._over.wait(pause):
                return False
        return False

    def _post(self, path: str, body: dict[str, Any]) -> tuple[str, float | None]:
        """One try: `taken`, `refused` or `again`, and the seconds that the receiver asks for."""
        try:
            status, after = _exchange(self._telemetry, path, msgspec.json.encode(body))
        except (OSError, http.client.HTTPException):
            return "again", None
        except ValueError:      # a host name that is none (UnicodeError)
            return "refused", None
        if 200 <= status < 300:
            return "taken", None
        return ("again", _seconds(after)) if status in _AGAIN else ("refused", None)


def _exchange(telemetry: Telemetry, path: str, body: bytes) -> tuple[int, str]:
    """POST it; the status and Retry-After. A redirect is an answer like others: the headers are for one address. Raises OSError,
    HTTPException."""
    parts = urlsplit(telemetry.endpoint)
    connection = _connect(parts.scheme, parts.hostname or "", parts.port)
    late = threading.Timer(TIMEOUT, _cut, (connection,))      # a socket's own timeout is for each byte
    late.daemon = True
    late.start()
    try:
        headers = {"content-type": "application/json", **dict(telemetry.headers)}
        connection.request("POST", parts.path.rstrip("/") + path, body, headers)
        answer = connection.getresponse()
        answer.read(65_536)
        return answer.status, answer.getheader("retry-after", "")
    finally:
        late.cancel()
        connection.close()


def _cut(connection: http.client.HTTPConnection) -> None:
    """Whoever waits for it hears that it is over."""
    with contextlib.suppress(OSError, AttributeError):      # not connected yet, or closed
        connection.sock.shutdown(socket.SHUT_RDWR)


def _connect(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT)


def _seconds(text: str) -> float | None:
    return float(text) if text.isdecimal() and len(text) < 9 else None


class Pusher:
    """Pushes metrics every so many seconds, by a thread of its own. `read` gives the families as they stand."""

    def __init__(self, sender: Sender, read: Callable[[], list[otlp.Family]], every: float = 60.0) -> None:
        self._sender, self._read, self._every = sender, read, every
        self._start = time.time_ns()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry-metrics", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(self._every):
            self.push()
        self.push()

    def push(self) -> bool:
        """Now; whether it was taken."""
        return self._sender.push(self._read(), self._start, time.time_ns())

    def close(self, seconds: float = 2.0) -> None:
        """Once more, and no more; waits for so long at most."""
        self._over.set()
        self._thread.join(seconds)
