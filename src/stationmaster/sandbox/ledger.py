"""What the sandbox was asked. Owns the record and keeps secrets out of it; knows nothing of answers."""

import hashlib
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Literal
from urllib.parse import parse_qsl, urlencode

from stationmaster.sandbox.text import find_nonce
from stationmaster.sandbox.values import Asked

CAPACITY = 10_000
SECRET_HEADERS = frozenset(
    ("authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization", "x-amz-security-token")
)

Outcome = Literal["open", "answered", "left"]


@dataclass(slots=True)
class Entry:
    """One request as it arrived. Secrets appear only as `sha256:<hex>` of the secret alone.

    `headers` keeps order, spelling and repetition. `connection` is the peer's host:port: equal for
    requests that came over one connection. `outcome` tells whether the answer was sent to its end
    (`answered`), is being sent (`open`), or the peer left before (`left`).
    """

    sequence: int
    at: float
    connection: str
    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    credential: str
    body_length: int
    body_sha256: str
    nonce: str
    model: str
    fault: str
    outcome: Outcome = "open"

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever its spelling."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def plain(self) -> dict[str, object]:
        """As `GET /sandbox/ledger` shows it."""
        return asdict(self)


class Ledger:
    """The newest 10,000 requests; may be read from any thread."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._entries: deque[Entry] = deque(maxlen=capacity)
        self._lock = threading.Lock()
        self._sequence = 0

    def note(self, asked: Asked, query: str, headers: Iterable[tuple[str, str]], connection: str) -> Entry:
        """Record a request; the sequence number keeps rising when the ledger is emptied."""
        with self._lock:
            self._sequence += 1
            entry = _entry(self._sequence, asked, query, headers, connection)
            self._entries.append(entry)
        return entry

    def asked(self) -> list[Entry]:
        """A snapshot, oldest first."""
        with self._lock:
            return [replace(entry) for entry in self._entries]

    def forget(self) -> int:
        """Empty the ledger; how many entries it held."""
        with self._lock:
            held = len(self._entries)
            self._entries.clear()
        return held


def fingerprint(secret: str) -> str:
    """`sha256:<hex>` of a secret, or "" for none."""
    return "sha256:" + hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest() if secret else ""


def _entry(sequence: int, asked: Asked, query: str, headers: Iterable[tuple[str, str]], connection: str) -> Entry:
    return Entry(
        sequence=sequence,
        at=time.time(),
        connection=connection,
        method=asked.method,
        path=asked.path,
        query=_without_key(query),
        headers=[(name, _without_secret(name, value)) for name, value in headers],
        credential=fingerprint(asked.credential),
        body_length=len(asked.body),
        body_sha256=hashlib.sha256(asked.body).hexdigest(),
        nonce=_nonce(asked),
        model=asked.model,
        fault=asked.fault,
    )


def _without_secret(name: str, value: str) -> str:
    if name.lower() in SECRET_HEADERS:
        return fingerprint(bare(value))
    if name.lower() == "sec-websocket-protocol" and "api-key." in value:
        return fingerprint(value)
    return value


def bare(value: str) -> str:
    """A header's credential without `Bearer `."""
    scheme, _, rest = value.strip().partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else value.strip()


def _without_key(query: str) -> str:
    if "key=" not in query:
        return query
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([(k, fingerprint(v) if k == "key" else v) for k, v in pairs], safe=":")


def _nonce(asked: Asked) -> str:
    metadata = asked.fields.get("metadata")
    candidates = (
        asked.headers.get("x-sandbox-nonce"),
        asked.fields.get("nonce"),
        metadata.get("nonce") if isinstance(metadata, dict) else None,
    )
    named = next((text for text in candidates if isinstance(text, str) and text), "")
    return named or find_nonce(asked.body.decode("latin-1"))
