"""How an organisation's interface misbehaves when it is told to. Owns the names, and which call gets which; how a broken answer
reaches the wire is `doors`'."""

import threading
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from random import Random

NAMES = {
    "500": "The vendor fails.",
    "503": "The vendor is unavailable.",
    "401": "The admin credential is refused.",
    "403": "The admin credential lacks a right.",
    "404": "What was named does not exist.",
    "409": "Another change is under way; try again.",
    "429": "Rate limited, with Retry-After (`seconds`, else 1).",
    "429-bare": "Rate limited, without Retry-After.",
    "on-hold": "The organisation is on hold.",
    "echo-secret": "An error that repeats the credential, raw and encoded.",
    "timeout": "Never answers; ends when the peer leaves.",
    "close": "Closes the connection without a byte.",
    "hold": "Answers when it is released.",
    "slow": "Answers after `seconds`, else 1.",
    "cut": "Half an answer, then a reset.",
    "garbage": "Bytes that are no HTTP.",
    "html": "200 with a page.",
    "bad-json": "200 with half a JSON value.",
    "wrong-shape": "200 with JSON of an unexpected shape.",
    "redirect": "302 to another path of this host.",
    "big": "200 with 64 MiB of JSON.",
}
AFTER = "-after"


@dataclass(frozen=True, slots=True)
class Fault:
    """A misbehaviour. `on`: a glob over "METHOD /path", or `*`, `reads`, `writes`; `times`: for so many calls, None: until it is
    cleared; `chance`: of each call."""

    name: str
    on: str = "*"
    times: int | None = 1
    seconds: float = 0.0
    chance: float = 1.0

    @property
    def kind(self) -> str:
        """The name without `-after`."""
        return self.name.removesuffix(AFTER)

    @property
    def after(self) -> bool:
        """Whether the work is done first."""
        return self.name.endswith(AFTER)

    def meets(self, method: str, path: str) -> bool:
        """Whether it is for this call."""
        if self.on in ("reads", "writes"):
            return (method in ("GET", "HEAD", "OPTIONS")) == (self.on == "reads")
        return fnmatchcase(f"{method} {path}", self.on)


class Faults:
    """The faults of one organisation, the first that meets a call wins. Safe from any thread."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._released = 0
        self.held = 0
        """How many answers wait to be released."""

    def set(
        self, name: str, on: str = "*", times: int | None = 1, seconds: float = 0.0, chance: float = 1.0
    ) -> None:
        """Add one. Raises `ValueError` for an unknown name."""
        if name.removesuffix(AFTER) not in NAMES:
            raise ValueError(f"no fault named {name}")
        with self._lock:
            self._faults.append(Fault(name, on, times, seconds, chance))

    def clear(self) -> None:
        """Behave from now on; what is held stays held."""
        with self._lock:
            self._faults.clear()

    def all(self) -> list[Fault]:
        """What is set, with the times that are left."""
        with self._lock:
            return list(self._faults)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault of one call."""
        with self._lock:
            for place, fault in enumerate(self._faults):
                if fault.meets(method, path) and (fault.chance >= 1 or self._random.random() < fault.chance):
                    self._spend(place, fault)
                    return fault
        return None

    def release(self) -> None:
        """Let what is held be answered."""
        self._released += 1

    @property
    def turn(self) -> int:
        """Rises with every release."""
        return self._released

    def _spend(self, place: int, fault: Fault) -> None:
        if fault.times is None:
            return
        if fault.times <= 1:
            del self._faults[place]
        else:
            self._faults[place] = replace(fault, times=fault.times - 1)
