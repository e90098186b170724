"""All simulated issuers of one sandbox. Owns their making and their names."""

import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

from stationmaster.sandbox.tokens.provider import KINDS, Provider


class Tokens:
    """The issuers. `clock` gives Unix seconds. Safe from any thread."""

    def __init__(self, clock: Callable[[], float] = time.time, random: Random | None = None) -> None:
        self.clock = clock
        self._random = random or Random(1)  # noqa: S311  a simulation that can be repeated
        self._providers: dict[str, Provider] = {}
        self._lock = threading.Lock()

    def make(self, kind: str, name: str, **settings: Any) -> Provider:
        """Make one. Raises `ValueError` for a name that is taken and for an unknown kind."""
        if kind not in KINDS:
            raise ValueError(f"no simulated issuer {kind}; there are {', '.join(KINDS)}")
        with self._lock:
            if name in self._providers:
                raise ValueError(f"there is an issuer {name} already")
            made = self._providers[name] = Provider(kind, name, self.clock, self._random, **settings)
        return made

    def find(self, name: str) -> Provider:
        """One by its name. Raises `KeyError`."""
        with self._lock:
            return self._providers[name]

    def serves(self, token: str) -> bool:
        """Whether a token is good: one that an issuer gave must not be over; others are nobody's here."""
        with self._lock:
            providers = list(self._providers.values())
        return all(each.serves(token) is not False for each in providers)
