"""`GET /metrics` for all workers together. A thread of the supervisor's; no worker waits for it."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer

from stationmaster.gateway.core.metrics import CONTENT_TYPE, Totals


class _Server(ThreadingHTTPServer):
    """At an IPv4 address or a name. Nobody's name is looked up for it, which could take long."""

    def server_bind(self) -> None:
        """Bind, and leave it at that."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])


class _Server6(_Server):
    """At an address with colons."""

    address_family = socket.AF_INET6


class MetricsPage:
    """Serves until `close`. `totals` is read and changed under `lock` only."""

    def __init__(self, totals: Totals, host: str, port: int, lock: "threading.Lock") -> None:
        """Raises OSError when host and port cannot be had."""
        self.lock = lock
        page = self

        class Handler(BaseHTTPRequestHandler):
            """One scrape."""

            timeout = 10

            def do_GET(self) -> None:
                """The page, or 404."""
                known = self.path.partition("?")[0] == "/metrics"
                with page.lock:
                    body = totals.render() if known else b"GET /metrics\n"
                self.send_response(200 if known else 404)
                self.send_header("content-type", CONTENT_TYPE if known else "text/plain")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Scrapes are no news."""

        self._server = (_Server6 if ":" in host else _Server)((host, port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
