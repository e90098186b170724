"""`GET /metrics` for all workers together, on 127.0.0.1. A thread of the supervisor's; no worker waits for it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from stationmaster.gateway.core.metrics import CONTENT_TYPE, Totals


class MetricsPage:
    """Serves until `close`. `totals` is read and changed under `lock` only."""

    def __init__(self, totals: Totals, port: int) -> None:
        """Raises OSError when the port cannot be had."""
        self.lock = threading.Lock()
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

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
