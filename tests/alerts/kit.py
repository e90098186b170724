"""What these tests share: a receiver on loopback, alerts, and looking."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

import databases  # noqa: F401  it sets Django up
from controlkit import ADMIN
from stationmaster.alerts import services as alerts
from stationmaster.store.listing import Filter, Query


class Got(NamedTuple):
    """A request that came in; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Mapping[str, Any]:
        """The body."""
        found: Mapping[str, Any] = json.loads(self.body)
        return found


class Receiver:
    """A real HTTP server on loopback. `answers`: the statuses that come next, then 204; `headers` go with each; `on_got` hears of
    a request before it is answered."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.answers: list[int] = []
        self.headers: dict[str, str] = {}
        self.on_got: Callable[[Got], None] = lambda _: None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Take it."""
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                got = Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                receiver.got.append(got)
                receiver.on_got(got)
                self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its parent's name
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where webhooks go."""
        return f"http://127.0.0.1:{self.port}/hooks"

    @property
    def types(self) -> list[str]:
        """The types of what came in."""
        return [str(got.said["type"]) for got in self.got]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def a_webhook(url: str = "https://hooks.example.com/in", name: str = "ops", **more: Any) -> alerts.MadeAlert:
    """An alert that is told by a webhook."""
    return alerts.create_alert(ADMIN, {"name": name, "channel": "webhook", "url": url, **more})


def hook_to(receiver: Receiver, name: str = "ops", **more: Any) -> alerts.MadeAlert:
    """One that is told by a webhook to a receiver here."""
    return a_webhook(receiver.url, name, allow_insecure_http=True, **more)


def said(name: str = "ops") -> list[tuple[str, Any]]:
    """What was told in order: type, and the line."""
    rows = alerts.list_deliveries(ADMIN, Query(filters=(Filter("alert", "eq", name),), sort="at", limit=100)).items
    return [(str(row["type"]), json.loads(str(row["body"]))["data"].get("line")) for row in rows]


def deliveries(**wanted: str) -> list[Mapping[str, Any]]:
    """Messages, the oldest first."""
    filters = tuple(Filter(name, "eq", value) for name, value in wanted.items())
    return list(alerts.list_deliveries(ADMIN, Query(filters=filters, sort="at", limit=100)).items)
