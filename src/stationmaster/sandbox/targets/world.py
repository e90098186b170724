"""All simulated gateways of one sandbox. Owns their making and their names."""

import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

from stationmaster.sandbox.targets.frame import Gateway
from stationmaster.sandbox.targets.kinds import GATEWAYS

DEMO = "demo"


class Targets:
    """The gateways, each kind with an empty `demo`. `clock` gives Unix seconds. Safe from any thread."""

    def __init__(self, clock: Callable[[], float] = time.time, random: Random | None = None) -> None:
        self.clock = clock
        self._random = random or Random(1)  # noqa: S311  # a simulation that can be repeated
        self._gateways: dict[tuple[str, str], Gateway] = {}
        self._lock = threading.Lock()
        for kind in GATEWAYS:
            self.make(kind, DEMO)

    def make(self, kind: str, name: str, **settings: Any) -> Gateway:
        """Make one; `settings` are those of its class. Raises `ValueError` for a name that is taken and for an unknown kind,
        `TypeError` for an unknown setting."""
        if kind not in GATEWAYS:
            raise ValueError(f"no simulated gateway {kind}; there are {', '.join(GATEWAYS)}")
        made = GATEWAYS[kind](name, self.clock, self._random, **settings)
        with self._lock:
            if (kind, name) in self._gateways:
                raise ValueError(f"there is a {kind} {name} already")
            self._gateways[kind, name] = made
        return made

    def find(self, kind: str, name: str) -> Gateway:
        """One by its name. Raises `KeyError`."""
        with self._lock:
            return self._gateways[kind, name]

    def all(self) -> list[Gateway]:
        """Every one."""
        with self._lock:
            return list(self._gateways.values())
