"""What all simulated gateways share: a call and an answer as values, the ledger, faults, and somebody else at work in the same
gateway. Knows no sockets and no kind.
"""

import json
import re
import threading
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Any, ClassVar

from stationmaster.sandbox.admin.calls import Answer
from stationmaster.sandbox.admin.faults import Faults
from stationmaster.sandbox.admin.writes import Write, Writes

HEARD = 20_000
SAFE = ("GET", "HEAD", "OPTIONS")

_MARKED = re.compile(r"(?:stationmaster[:-]|sm-)([a-z0-9_]{1,64})")


class Malformed(Exception):
    """The body is not the JSON that was expected."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `path` begins below the gateway's own address; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """The body as JSON; an empty one is {}. Raises `Malformed`."""
        try:
            return json.loads(self.body) if self.body.strip() else {}
        except ValueError as error:
            raise Malformed(str(error)) from error

    def fields(self) -> dict[str, Any]:
        """The body as an object. Raises `Malformed`."""
        value = self.json()
        if not isinstance(value, dict):
            raise Malformed("not an object")
        return value

    @property
    def line(self) -> str:
        """What an access log would keep."""
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return f"{self.method} {self.path}" + (f"?{query}" if query else "")


@dataclass(frozen=True, slots=True)
class Held:
    """One entry that a gateway holds, in words that all kinds share, with its secret. `text`: whatever may hold a marker.
    `row`: as the gateway keeps it."""

    id: str
    text: str
    secret: str
    row: Mapping[str, Any] = field(default_factory=dict)

    @property
    def marker(self) -> str:
        """The credential's id in it, or ""."""
        found = _MARKED.search(self.text)
        return found[1] if found else ""


class Gateway(ABC):
    """A simulated gateway. `answer` is called with the lock held; everything else may be called from any thread.

    `secret` and `user` are its admin credential. `spent` counts calls that would have cost a request at a vendor. `version` is
    what it says of itself.
    """

    KIND: ClassVar[str]

    def __init__(self, name: str, clock: Callable[[], float], random: Random, *, version: str = "") -> None:
        self.name, self.clock, self.random = name, clock, random
        self.version = version or self.usual_version()
        self.user, self.secret = "admin", self.new_secret()
        self.faults = Faults(random)
        self.lock = threading.RLock()
        self.spent = 0
        self._ledger = Writes()
        self._heard: deque[Call] = deque(maxlen=HEARD)
        self._meanwhile: list[tuple[str, Callable[[], None]]] = []

    # What a kind says.

    @abstractmethod
    def usual_version(self) -> str:
        """What it says of itself unless told otherwise."""

    @abstractmethod
    def new_secret(self) -> str:
        """Its admin credential: the same in every run."""

    @abstractmethod
    def answer(self, call: Call) -> Answer:
        """Do what is asked."""

    @abstractmethod
    def failure(self, status: int, words: str) -> Answer:
        """An error in this kind's own shape."""

    @abstractmethod
    def held(self) -> list[Held]:
        """Every entry, in the order in which they were made."""

    def is_read(self, call: Call) -> bool:
        """Whether a call changes nothing."""
        return call.method in SAFE

    # What a test asks.

    def base_url(self, url: str) -> str:
        """Its address, given the sandbox's own."""
        return f"{url}/targets/{self.KIND}/{self.name}"

    def ours(self) -> list[Held]:
        """The entries that carry a marker."""
        with self.lock:
            return [each for each in self.held() if each.marker]

    def duplicates(self) -> dict[str, int]:
        """Markers that more than one entry carries."""
        return {marker: count for marker, count in Counter(each.marker for each in self.ours()).items() if count > 1}

    def writes(self) -> list[Write]:
        """Every call that might have changed something, oldest first."""
        with self.lock:
            return self._ledger.all()

    def heard(self) -> list[Call]:
        """Every call, oldest first."""
        with self.lock:
            return list(self._heard)

    def forget(self) -> None:
        """Empty the ledger."""
        with self.lock:
            self._ledger.forget()
            self._heard.clear()
            self.spent = 0

    def meanwhile(self, on: str, act: Callable[[], None]) -> None:
        """Somebody else does something just before the next call that `on`, a glob over "METHOD /path", meets."""
        with self.lock:
            self._meanwhile.append((on, act))

    # What the door calls, with the lock held.

    def hear(self, call: Call) -> None:
        """Note a call, after somebody else did what they were about to."""
        for place, (on, act) in enumerate(self._meanwhile):
            if fnmatchcase(f"{call.method} {call.path}", on):
                del self._meanwhile[place]
                act()
                break
        self._heard.append(call)

    def note(self, call: Call, done: bool, status: int, fault: str) -> None:
        """A call that might change something, in the ledger."""
        found = _MARKED.search(call.body.decode("utf-8", "replace"))
        whom = found[1] if found else ""
        self._ledger.note(self.clock(), f"{call.method} {call.path}", whom, done, status, fault)
