"""One call over the network. Owns: sockets, the time a call may take, how much answer is taken, and whether silence may have
been a deed. Knows nothing of who is asked, of what an answer means, nor of who asks.

Connects only to addresses that `outbound.resolve_and_check` gave a moment before; the name stays in TLS and in `Host`. Follows
no redirect, uses no proxy, takes no cookies and no compressed answers, which could be larger than they look.
"""

import ssl
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpcore2
import msgspec

from stationmaster.outbound import resolve_and_check

LARGEST = 16 * 1024 * 1024     # bytes of one answer
KEPT = 15.0                    # seconds that an idle connection is kept: vendors close theirs after a minute and more

_NOT_OURS = frozenset({"set-cookie", "content-length", "content-encoding", "transfer-encoding", "connection"})
_BEFORE = (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.PoolTimeout, httpcore2.UnsupportedProtocol)
_FAILURES = (
    httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol, OSError,
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One request; `url` is whole, header names are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def json(self) -> Any:
        """The body as JSON; None when it is empty. Raises `ValueError` when it is no JSON."""
        try:
            return msgspec.json.decode(self.body) if self.body.strip() else None
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


class Unanswered(Exception):
    """No whole answer came. `why` in words of our own; `left`: the request may have arrived, so that it may have been done."""

    def __init__(self, why: str, *, left: bool) -> None:
        super().__init__(why)
        self.why, self.left = why, left


class Wire:
    """Connections to one side; threads may share it."""

    def __init__(self, allowed: Collection[str], timeout: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._due = _Due(timeout, clock)
        self._allowed = allowed
        self._pool: httpcore2.ConnectionPool | None = None
        self._making = threading.Lock()

    def exchange(self, call: Call) -> Answer:
        """Send it once. Raises `Unanswered`, and `StationmasterError` when the address must not be reached."""
        pool = self._connections()                     # the first one reads certificates, which is no part of the call's time
        self._due.begin()
        try:
            with pool.stream(
                call.method, _url(call.url), headers=list(call.headers.items()), content=call.body or None,
                extensions={"timeout": self._due.timeouts()},
            ) as answer:  # fmt: skip
                headers = _headers(answer.headers)
                return Answer(answer.status, _kept(headers), _whole(answer.iter_stream(), headers, self._due))
        except _FAILURES as error:
            raise Unanswered(_why(error), left=not isinstance(error, _BEFORE)) from None

    def close(self) -> None:
        """End its connections; the next call opens new ones."""
        with self._making:
            if self._pool is not None:
                self._pool.close()
                self._pool = None

    def _connections(self) -> httpcore2.ConnectionPool:
        with self._making:
            if self._pool is None:
                guarded = _Guarded(self._allowed, self._due)
                self._pool = httpcore2.ConnectionPool(ssl_context=trust(), keepalive_expiry=KEPT, network_backend=guarded)
                weakref.finalize(self, self._pool.close)      # whoever opened an adapter need not close it
            return self._pool


@cache
def trust() -> ssl.SSLContext:
    """The system's certificates, or those of SSL_CERT_FILE; read once, which takes a tenth of a second."""
    return ssl.create_default_context()


class _Due:
    """When this thread's call has to be over."""

    def __init__(self, timeout: float, clock: Callable[[], float]) -> None:
        self._timeout, self._clock, self._mine = timeout, clock, threading.local()

    def begin(self) -> None:
        self._mine.end = self._clock() + self._timeout

    def left(self) -> float:
        """Seconds, never none: a socket told 0 would not wait at all. Raises `ReadTimeout` when it is over."""
        left: float = self._mine.end - self._clock()
        if left <= 0:
            raise httpcore2.ReadTimeout("it took too long")
        return left

    def timeouts(self) -> dict[str, float]:
        return dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)


class _Guarded(httpcore2.NetworkBackend):
    """Connects to checked addresses, one after another."""

    def __init__(self, allowed: Collection[str], due: _Due) -> None:
        self._allowed, self._due, self._plain = allowed, due, httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 -- what is left of the call's time counts
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        failed: Exception = httpcore2.ConnectError("no address")
        for address in resolve_and_check(host, port, self._allowed):
            try:
                stream = self._plain.connect_tcp(address, port, self._left(), local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
            else:
                return _Timed(stream, self._due)
        raise failed

    def _left(self) -> float:
        try:
            return self._due.left()
        except httpcore2.ReadTimeout as error:
            raise httpcore2.ConnectTimeout("no connection in time") from error


class _Timed(httpcore2.NetworkStream):
    """A stream whose every read and write ends with the call's time, so that a drip of bytes cannot stretch it."""

    def __init__(self, stream: httpcore2.NetworkStream, due: _Due) -> None:
        self._stream, self._due = stream, due

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._due.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._due.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None  # noqa: ARG002
    ) -> httpcore2.NetworkStream:
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, self._due.left()), self._due)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _url(text: str) -> httpcore2.URL:
    parts = urlsplit(text)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return httpcore2.URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=target)


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in raw:
        key = name.decode("latin-1").lower()
        found[key] = f"{found[key]}, {value.decode('latin-1')}" if key in found else value.decode("latin-1")
    return found


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _NOT_OURS}


def _whole(chunks: Iterable[bytes], headers: Mapping[str, str], due: _Due) -> bytes:
    if headers.get("content-encoding", "identity").strip().lower() not in {"identity", ""}:
        raise Unanswered("the answer is compressed, which was not asked for", left=True)
    body = bytearray()
    for chunk in chunks:
        body += chunk
        due.left()
        if len(body) > LARGEST:
            raise Unanswered(f"the answer is larger than {LARGEST // 1024 // 1024} MiB", left=True)
    return bytes(body)


def _why(error: BaseException) -> str:
    if isinstance(error, httpcore2.TimeoutException):
        return "no answer in time" if not isinstance(error, httpcore2.ConnectTimeout) else "no connection in time"
    if isinstance(error, httpcore2.ConnectError):
        return "the certificate is not trusted" if "certificate" in str(error).lower() else "no connection"
    return "the connection broke before the answer was whole"
