"""A receiver of OTLP/HTTP on loopback that reads strictly, by the protocol's own messages; and one that is dead, slow or busy."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PATIENCE = 20.0      # seconds


class Receiver:
    """What came, parsed. `statuses`: answered first, then 200; `after`: its Retry-After; `slow`: seconds for an answer."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.statuses: list[int] = []
        self.after, self.slow = "", 0.0
        self.url = ""

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """One request; the status to answer."""
        time.sleep(self.slow)
        status = self.statuses.pop(0) if self.statuses else 200
        self.paths.append(path)
        self.headers.append(headers)
        if status == 200:
            self.bodies.append(body)
        return status

    def spans(self) -> list[Any]:
        """All spans, as the protocol's messages."""
        requests = [traces_of(body) for body in self.bodies if b"resourceSpans" in body]
        return [span for one in requests for each in one.resource_spans for scope in each.scope_spans for span in scope.spans]

    def metrics(self) -> dict[str, Any]:
        """The latest of each metric, by name."""
        requests = [metrics_of(body) for body in self.bodies if b"resourceMetrics" in body]
        return {
            metric.name: metric
            for one in requests for each in one.resource_metrics for scope in each.scope_metrics for metric in scope.metrics
        }  # fmt: skip

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what has to come."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, "it did not come"
            time.sleep(0.02)


def traces_of(body: bytes) -> Any:
    """A request for traces; a name that the protocol does not know raises."""
    return ParseDict(_binary(json.loads(body)), ExportTraceServiceRequest())


def metrics_of(body: bytes) -> Any:
    """A request for metrics, likewise."""
    return ParseDict(_binary(json.loads(body)), ExportMetricsServiceRequest())


def _binary(found: Any) -> Any:
    """Ids in the form that protobuf's own JSON has, base64, where OTLP's has hex digits."""
    if isinstance(found, list):
        return [_binary(each) for each in found]
    if not isinstance(found, dict):
        return found
    return {name: _id(each) if name in ("traceId", "spanId", "parentSpanId") else _binary(each) for name, each in found.items()}


def _id(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for the length of a with block."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def do_POST(self) -> None:
            """Take it."""
            body = self.rfile.read(int(self.headers["content-length"]))
            status = receiver.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            if receiver.after:
                self.send_header("retry-after", receiver.after)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
