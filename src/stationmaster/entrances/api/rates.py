"""How often one caller may call. Owns: a token bucket for each, in this process."""

import threading
import time
from collections.abc import Callable

PER_SECOND = 50.0
BURST = 200.0
_MOST = 10_000         # callers remembered


class Rates:
    """`wait(who)`: 0 when they may call now, and that call counted; else the seconds until they may."""

    def __init__(self, per_second: float = PER_SECOND, burst: float = BURST, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._lock = threading.Lock()
        self._held: dict[str, tuple[float, float]] = {}     # who → tokens, and when that was so

    def wait(self, who: str) -> float:
        """Count a call of `who`."""
        with self._lock:
            now = self._clock()
            tokens, since = self._held.pop(who, (self._burst, now))
            tokens = min(self._burst, tokens + (now - since) * self._per_second)
            waits = max(0.0, (1 - tokens) / self._per_second)
            self._held[who] = (tokens if waits else tokens - 1, now)
            if len(self._held) > _MOST:      # whoever called longest ago has a full bucket again
                self._held.pop(next(iter(self._held)))
            return waits
