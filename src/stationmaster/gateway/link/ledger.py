"""What keys spent, told to the control plane and asked of it (docs/reference/joining.md): for the day when this machine's disk is
gone, and for gateways that share no Valkey. Owns when that is sent; what it means is the supervisor's. Nobody waits for it but a
start.

One side is called by the supervisor's thread, the other runs in the link's.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Mapping

from stationmaster.gateway.core.spend import Spent
from stationmaster.gateway.link.control import Control, NeverTaken, TokenRefused, Unreachable

EVERY = 2.0                # seconds between two looks for what is new
ASK_EVERY = 30.0           # seconds after which it is asked what others spent
LATER = 600.0              # after which one is asked or told again that does not know the question, or does not take what is told
MOST = 5_000               # keys in one message

Entry = tuple[str, str, Spent]


class Ledger:
    """A `Ledger` (server.booked) over a control plane."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._heard: queue.SimpleQueue[list[Entry]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting: dict[str, Spent] = {}
        self._account = ""

    # As the supervisor's thread sees it.

    def open(self, account: str) -> None:
        """From now on this is whose values are told; before, nothing is asked."""
        self._account = account

    def tell(self, spent: Mapping[str, Spent]) -> None:
        """These are the newest values of some keys; they are sent in a moment."""
        with self._lock:
            self._waiting.update(spent)

    def heard(self, wait: float = 0.0) -> list[Entry] | None:
        """What the control plane said that gateways spent, if it did since this was last asked."""
        found = None
        with contextlib.suppress(queue.Empty):
            found = self._heard.get(timeout=wait) if wait else self._heard.get_nowait()
        return found

    # As the link's thread runs it.

    async def run(self) -> None:
        """Send what is new, ask now and then. Never ends."""
        due, quiet, tries = 0.0, 0.0, 0
        clock = asyncio.get_running_loop().time
        while True:
            try:
                if self._account and clock() >= quiet and (self._waiting or clock() >= due):
                    ask = clock() >= due
                    await self._send(ask=ask)
                    due = clock() + ASK_EVERY if ask else due
                tries = 0
            except NeverTaken:
                quiet = clock() + LATER
            except (Unreachable, TokenRefused):
                tries = min(tries + 1, 4)
            await asyncio.sleep(EVERY * 2**tries if self._account else EVERY / 40)

    async def last(self) -> None:
        """Send what still waits. Raises Unreachable, TokenRefused, NeverTaken."""
        while self._account and self._waiting:
            await self._send(ask=False)

    async def _send(self, *, ask: bool) -> None:
        with self._lock:
            some = {key: self._waiting.pop(key) for key in list(self._waiting)[:MOST]}
        try:
            found = await self._control.spent(self._account, some, ask=ask)
        except BaseException:
            with self._lock:
                self._waiting = {**some, **self._waiting}      # what came meanwhile is newer
            raise
        if ask:
            self._heard.put(found)
