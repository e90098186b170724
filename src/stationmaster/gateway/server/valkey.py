"""A gateway's line to the Valkey (or Redis) that its cluster shares. Owns: the connection, the names of what is kept there, and
a thread in which everything waits that has to. May not know what is told; decides nothing.

One round is one round trip: say how we stand and what is new, read how all stand and what is new. Who calls hears of it when
they look (`Line.heard`), and never waits.

What is kept there, all under one prefix: `gateways` (hash: name → pulse), `spent` (hash: name/key → what it spent, ever), `news`
(stream of bulletins, the latest 5,000), `epoch` (a random number: another one says that everything was emptied).
"""

import contextlib
import os
import ssl
import threading
import time
from typing import Any, Final, Literal, NamedTuple, cast

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stationmaster.errors import StationmasterError
from stationmaster.gateway.core.cluster import Bulletin, Pulse, bulletin_of, encode, pulse_of, spent_of
from stationmaster.gateway.core.spend import Spent

ROUND = 0.4                # seconds between two rounds
TIMEOUT = 0.4              # seconds for one answer; a round that takes longer is a break
LATE = 1.0                 # seconds after the last good round, after which the line counts as broken
NEWS = 5_000               # bulletins that are kept
MOST_GATEWAYS = 1_000      # that a URL may say there are

_PREFIX = "stationmaster:"
_GATEWAYS, _SPENT, _NEWS, _EPOCH = (f"{_PREFIX}{name}" for name in ("gateways", "spent", "news", "epoch"))
_BEGINNING = b"0-0"


class Batch(msgspec.Struct):
    """What one round says. `gone`: gateways whose pulse is removed."""

    pulse: Pulse
    bulletin: Bulletin
    gone: list[str] = []


class Heard(msgspec.Struct):
    """What one round read. `stored`: what all gateways spent, whole, after a break or where all was emptied; else None."""

    pulses: dict[str, Pulse]
    bulletins: list[Bulletin]
    stored: list[tuple[str, str, Spent]] | None


Fault = Literal["", "password", "late", "tls", "silent", "refuses", "odd"]
_WORDS: Final[dict[str, str]] = {
    "password": "it refuses the user name or password", "late": f"it does not answer within {TIMEOUT:g} s",
    "tls": "no TLS connection is made", "silent": "nobody answers there",
}  # fmt: skip


class Look(NamedTuple):
    """How a Valkey stands: what is wrong with the line (empty: nothing), its version, what it does when its memory is full and
    whether that has a limit, whether it is a replica, how long an answer took (seconds). What it does not say is empty."""

    fault: Fault
    version: str = ""
    policy: str = ""
    limited: bool = False
    replica: bool = False
    took: float = 0.0


class Line:
    """`give` it a batch when it is `idle`, look at what it `heard`, `close` it. `name` is this gateway's in the cluster."""

    def __init__(self, url: str, name: str) -> None:
        """Connects in its own time. Raises StationmasterError when the URL says what cannot be meant."""
        self.start = int.from_bytes(os.urandom(6))     # of this process: its own bulletins are not news
        self.trouble = ""          # why the last round failed
        self._name, self._client = name, _client(stated(url)[0])
        self._lock = threading.Lock()
        self._batch: Batch | None = None
        self._heard: list[Heard] = []
        self._epoch = b""
        self._last = _BEGINNING    # of the bulletins that were read
        self._whole = True         # read everything that was spent: bulletins may have been missed
        self._good_at = 0.0
        self._ending, self._tried = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="valkey", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether it said what it was given."""
        return self._batch is None

    @property
    def good(self) -> bool:
        """Whether the last round went well, and was not long ago: one that hangs (for a name, for instance) is none."""
        return not self.trouble and time.monotonic() - self._good_at < LATE

    def wait(self, seconds: float) -> None:
        """Wait until it was tried once: at the start, before anything is served."""
        self._tried.wait(seconds)

    def give(self, batch: Batch) -> None:
        """Say this in the next round, or in the first that goes well. Only while it is `idle`."""
        with self._lock:
            self._batch = batch

    def heard(self) -> list[Heard]:
        """What was read since the last time."""
        with self._lock:
            heard, self._heard = self._heard, []
        return heard

    def close(self, last: Batch) -> None:
        """Say what was not said yet, and `last`; then goodbye, so that nobody counts on this gateway any more; hang up."""
        self._ending.set()
        self._thread.join(2 * TIMEOUT + LATE)
        if self._thread.is_alive():    # it hangs, and ends with the process
            return
        with contextlib.suppress(Exception):
            if self.good:
                if not self.idle:
                    self._round()
                self.give(last)
                self._round()
                self._client.hdel(_GATEWAYS, self._name)
            self._client.close()

    # In its thread.

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                self._round()
            except Exception as error:  # noqa: BLE001  whatever it is: limits are local until it is over, and traffic goes on
                self.trouble, self._whole = _why(error), True
                with contextlib.suppress(Exception):
                    self._client.connection_pool.disconnect()
            self._tried.set()
            self._ending.wait(ROUND)

    def _round(self) -> None:
        batch = self._batch
        pipe = self._client.pipeline(transaction=False)
        said = self._say(pipe, batch) if batch is not None else 0
        pipe.set(_EPOCH, os.urandom(8).hex(), nx=True)
        pipe.get(_EPOCH)
        pipe.hgetall(_GATEWAYS)
        pipe.xread({_NEWS: self._last}, count=NEWS)
        _, epoch, gateways, news = pipe.execute()[said:]
        if epoch != self._epoch:
            self._epoch, self._last, self._whole = epoch, _BEGINNING, True
            news = self._client.xread({_NEWS: self._last}, count=NEWS)
        stored = self._stored() if self._whole else None
        found = Heard(_pulses(gateways), list(self._read(news)), stored)
        with self._lock:
            self._heard.append(found)
            self._batch = None
        self.trouble, self._whole, self._good_at = "", False, time.monotonic()

    def _say(self, pipe: Any, batch: Batch) -> int:
        """Put what is said into `pipe`. Returns how many answers that gets."""
        spent = {f"{gateway}/{key}": encode(spent) for gateway, key, spent in batch.bulletin.spent}
        pipe.hset(_GATEWAYS, self._name, encode(batch.pulse))
        if spent:
            pipe.hset(_SPENT, mapping=spent)
        if batch.bulletin:
            pipe.xadd(_NEWS, {"by": f"{self._name}/{self.start}", "told": encode(batch.bulletin)}, maxlen=NEWS, approximate=True)
        if batch.gone:
            pipe.hdel(_GATEWAYS, *batch.gone)
        return 1 + bool(spent) + bool(batch.bulletin) + bool(batch.gone)

    def _stored(self) -> list[tuple[str, str, Spent]]:
        held = cast("dict[bytes, bytes]", self._client.hgetall(_SPENT))
        pairs = ((field.decode().partition("/"), value) for field, value in held.items())
        return [(gateway, key, spent_of(value)) for (gateway, _, key), value in pairs]

    def _read(self, news: Any) -> list[Bulletin]:
        """The bulletins of a stream's answer, less our own."""
        found = []
        for number, fields in (entry for _, entries in news or [] for entry in entries):
            self._last = number
            if fields[b"by"] != f"{self._name}/{self.start}".encode():
                found.append(bulletin_of(fields[b"told"]))
        return found


def _pulses(gateways: dict[bytes, bytes]) -> dict[str, Pulse]:
    return {name.decode(): pulse_of(packed) for name, packed in gateways.items()}


def stated(url: str) -> tuple[str, int]:
    """The URL without our own part of it, and how many gateways that says there are: `?gateways=3`; 0 where it says nothing.
    Raises StationmasterError for a number that none can be."""
    place, _, query = url.partition("?")
    fields = query.split("&") if query else []
    said = [field.partition("=")[2] for field in fields if field.startswith("gateways=")]
    if not said:
        return url, 0
    if len(said) > 1 or not (said[0].isascii() and said[0].isdecimal() and 1 <= int(said[0][:5]) <= MOST_GATEWAYS):
        raise StationmasterError(
            "error.gateway.valkey", "Cannot use the URL of Valkey.", hint=f"Its gateways= is a number from 1 to {MOST_GATEWAYS}.",
        )
    rest = "&".join(field for field in fields if not field.startswith("gateways="))
    return (f"{place}?{rest}" if rest else place), int(said[0])


def _client(url: str) -> "redis.Redis":
    """Raises StationmasterError, which names nothing of the URL: a password may stand in it."""
    for ours, theirs in (("valkey://", "redis://"), ("valkeys://", "rediss://")):
        url = url.replace(ours, theirs, 1) if url.startswith(ours) else url
    try:
        return redis.Redis.from_url(
            url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0), protocol=2,
            max_connections=2, client_name="stationmaster",
        )
    except (ValueError, TypeError) as error:
        raise StationmasterError(
            "error.gateway.valkey", "Cannot use the URL of Valkey.",
            hint="It is valkey://user:password@host:port/number, valkeys:// for TLS, or unix:///path.",
        ) from error


def _why(error: Exception) -> str:
    """In words that hold nothing of the URL."""
    fault = fault_of(error)
    if fault == "refuses":
        return f"it refuses to keep anything ({str(error).partition(' ')[0]})"
    return f"what is kept there cannot be read ({type(error).__name__})" if fault == "odd" else _WORDS[fault]


def fault_of(error: Exception) -> Fault:
    """What is wrong with a line, of which an answer, or none, came as `error`."""
    if isinstance(error, redis.AuthenticationError | redis.exceptions.NoPermissionError) or "NOAUTH" in str(error):
        return "password"
    if isinstance(error, redis.TimeoutError | TimeoutError):
        return "late"
    if isinstance(error.__cause__ or error.__context__, ssl.SSLError) or "SSL" in str(error) or "certificate" in str(error):
        return "tls"
    if isinstance(error, redis.ConnectionError | OSError):
        return "silent"
    return "refuses" if isinstance(error, redis.ResponseError) else "odd"


def look(url: str) -> Look:
    """How what is there stands, by one connection that writes nothing; for whoever runs it, not for gateways. Raises
    StationmasterError when the URL says what cannot be meant."""
    client = _client(stated(url)[0])
    try:
        client.ping()
        began = time.monotonic()
        client.get(_EPOCH)
        took, told = time.monotonic() - began, _told(client)
    except Exception as error:  # noqa: BLE001  whatever it is, it has a name
        return Look(fault_of(error))
    finally:
        client.close()
    version = str(told.get("valkey_version") or told.get("redis_version") or "")
    limited, replica = bool(told.get("maxmemory")), told.get("role") == "slave"
    return Look("", version, str(told.get("maxmemory_policy", "")), limited, replica, took)


def _told(client: "redis.Redis") -> dict[str, Any]:
    """What it says of itself; nothing where its user may not ask, which gateways need not."""
    try:
        return client.info()
    except redis.exceptions.NoPermissionError:
        return {}
