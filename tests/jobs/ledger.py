"""A vendor for tests of jobs: it does a thing for whoever asks, keeps a ledger, and can hold its answers or do the work and fail.

Over HTTP on loopback, so that workers in other processes reach it, and a worker can be killed between its answer and our commit.
"""

import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class Ledger:
    """`writes` says how often each name was done; `calls` every call in its order, with the time it came."""

    def __init__(self) -> None:
        self.writes: Counter[str] = Counter()
        self.calls: list[tuple[str, str, float]] = []
        self.answers: dict[str, list[tuple[int, dict[str, Any]]]] = {}      # by name: what to say instead, once each
        self.after: dict[str, list[tuple[int, dict[str, Any]]]] = {}        # the like, when the work is done
        self.delay = 0.0
        self.open = threading.Event()
        self.open.set()
        self.waiting = 0                 # answers that are held now
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.open.set()
        self._server.shutdown()
        self._server.server_close()

    def hold(self) -> None:
        """Hold the answers of writes, once the work is done."""
        self.waiting = 0
        self.open.clear()

    def holds(self) -> bool:
        """Whether one is held now."""
        return self.waiting > 0

    def release(self) -> None:
        """Give them, and hold no more."""
        self.open.set()

    def calm(self) -> None:
        """It is as it always was."""

    def hear(self, method: str, name: str) -> tuple[int, dict[str, Any]]:
        """One call."""
        with self._lock:
            self.calls.append((method, name, time.monotonic()))
            if method == "GET":
                return 200, {"done": self.writes[name]}
            if self.answers.get(name):
                return self.answers[name].pop(0)
            self.writes[name] += 1
            said = self.after[name].pop(0) if self.after.get(name) else (200, {"done": self.writes[name]})
        if not self.open.is_set():
            self.waiting += 1
            self.open.wait(60)
            self.waiting -= 1
        time.sleep(self.delay)
        return said

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hear = self.hear

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                status, body = hear(self.command, self.path.strip("/"))
                raw = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = _answer  # noqa: N815  the library's names

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        return Handler


def ask(url: str, method: str, name: str) -> tuple[int, dict[str, Any]]:
    """One call, from any process. Raises OSError when nobody answers."""
    request = urllib.request.Request(f"{url}/{name}", method=method)  # noqa: S310  loopback
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
