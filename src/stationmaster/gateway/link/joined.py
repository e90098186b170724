"""A control plane as the supervisor's source of configurations, and the way of events to it. Owns the thread in which
both run, what is done about failures, and what people are told of them.

Static stability: whatever the control plane does, what was served goes on being served. A configuration that cannot be
used changes nothing, is told once, and is asked for again whole.
"""

import asyncio
import contextlib
import queue
import random
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from stationmaster import __version__
from stationmaster.errors import StationmasterError
from stationmaster.gateway.core.records import BadUpdate, Configuration, Records, Update, apply
from stationmaster.gateway.core.snapshot import Settings
from stationmaster.gateway.link.cache import Cache
from stationmaster.gateway.link.control import WAIT, Control, NeverTaken, TokenRefused, Told, Unreachable
from stationmaster.gateway.link.ledger import Ledger
from stationmaster.gateway.link.spool import Batch, Spool
from stationmaster.gateway.link.verify import verify

FIRST = 5.0                # seconds for the first answer, when there is a kept configuration to begin with
PAUSE, LONGEST = 0.5, 30.0 # seconds between two tries: doubled after each, of which a random part is waited
EVERY = 1.0                # seconds between two looks for events
HELLO = 60.0
LAST = 3.0                 # seconds at the end for events that wait

Say = Callable[[str], None]
_Outcome = Configuration | StationmasterError | None   # of one question; None: what we have is the newest


class Joined:
    """A `Source` (server.supervisor). `adjust` makes this machine's settings of the control plane's; it raises
    StationmasterError when they cannot be used. `patience`: seconds from now on in which it is no news that nobody answers,
    since the control plane is only being started."""

    def __init__(
        self, control: Control, cache: Cache, spool: Spool, *, token_file: Path, name: str, say: Say,
        adjust: Callable[[Settings], Settings], patience: float = 0.0,
    ) -> None:
        self._control, self._cache, self._spool, self.ledger = control, cache, spool, Ledger(control)
        self._token_file, self._name, self._say, self._adjust = token_file, name, say, adjust
        self._now: Configuration | None = None
        self._ask_whole = False
        self._complaint = ""
        self._patient_until = time.monotonic() + patience
        self._outcomes: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
        self._starting = True
        self._bell, self._ring = socket.socketpair()
        self._bell.setblocking(False)
        self._ring.setblocking(False)
        self._served = (0, 0)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hurry, self._changed, self._stop = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="control", daemon=True)

    # The source, as the supervisor's thread sees it.

    def first(self) -> Configuration:
        """The newest configuration; the kept one when nobody answers; without one it waits. Raises StationmasterError
        when the token is refused, and when nobody answers and what is kept cannot be opened."""
        fault: StationmasterError | None = None
        try:
            self._now = self._cache.load()
        except StationmasterError as error:
            fault = error
        kept = self._now
        self._thread.start()
        found = self._first_outcome(None if kept is None and fault is None else FIRST)
        self._starting = False
        if isinstance(found, Configuration):
            if fault is not None:
                self._say(f"{fault.message} The control plane sent another")
            return found
        if isinstance(found, StationmasterError) and found.code == "error.gateway.token":
            raise found
        if fault is not None:
            raise fault
        assert kept is not None  # noqa: S101  else it had waited
        if found is not None:
            self._go_on_with(kept)
        return self._adjusted(kept)

    def _go_on_with(self, kept: Configuration) -> None:
        if time.monotonic() < self._patient_until:
            self._say(f"serving the kept configuration, revision {kept.revision}, while the control plane starts")
            return
        self._complaint = self._complaint or "the control plane does not answer"     # so that its return is told
        self._say(f"the control plane does not answer: serving the kept configuration, revision {kept.revision}")

    def _first_outcome(self, timeout: float | None) -> _Outcome:
        """The first answer; only one that can be used, or a refused token, when there is no time limit."""
        while True:
            try:
                found = self._outcomes.get(timeout=timeout)
            except queue.Empty:
                return StationmasterError("error.gateway.control", "The control plane does not answer.")
            if timeout is not None or not isinstance(found, StationmasterError) or found.code == "error.gateway.token":
                return found

    def fileno(self) -> int:
        """Readable when something came."""
        return self._bell.fileno()

    def take(self) -> Configuration | None:
        """The newest that came."""
        found = None
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(4096)
        with contextlib.suppress(queue.Empty):
            while True:
                outcome = self._outcomes.get_nowait()
                found = outcome if isinstance(outcome, Configuration) else found
        return found

    def again(self) -> None:
        """Ask at once if a pause is being made."""
        self._call(self._hurry)

    def show(self, revision: int, workers: int) -> None:
        """What all workers serve; the control plane is told."""
        if self._served != (revision, workers):
            self._served = (revision, workers)
            self._call(self._changed)

    def close(self) -> None:
        """Send what waits, for a moment."""
        self._call(self._stop)
        self._thread.join(LAST + 2)
        self._spool.close()
        self._bell.close()
        self._ring.close()

    def _call(self, event: asyncio.Event) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):    # it has ended
                self._loop.call_soon_threadsafe(event.set)

    # The thread.

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with self._control:
            tasks = [asyncio.create_task(self._always(one)) for one in (self._pull, self._push, self._greet, self.ledger.run)]
            await self._stop.wait()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(TimeoutError, Unreachable, TokenRefused, NeverTaken, OSError):
                async with asyncio.timeout(LAST):
                    await self.ledger.last()
                    while await self._send():
                        pass

    async def _always(self, work: Callable[[], Awaitable[None]]) -> None:
        """No mistake of ours may end it."""
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001
                self._say(f"{type(error).__name__} in {work.__name__.strip('_')}; going on")
            await asyncio.sleep(LONGEST)

    # Configurations.

    async def _pull(self) -> None:
        tries, wait = 0, 0     # the first answer comes at once
        while True:
            began = asyncio.get_running_loop().time()
            try:
                news = await self._ask(wait)
            except TokenRefused as error:
                if not self._take_token():
                    self._fail("error.gateway.token", f"{error}: {self._token_file} holds no valid one", tries)
                    tries = await self._pause(tries)
                continue
            except (Unreachable, BadUpdate, NeverTaken) as error:
                self._ask_whole = isinstance(error, BadUpdate) or self._ask_whole
                refused = "configuration kept, the new one is refused: " if isinstance(error, BadUpdate) else ""
                self._fail("error.gateway.control", f"{refused}{error}", tries)
                tries = await self._pause(tries)
                continue
            self._well()
            tries, wait = 0, WAIT
            if not news and asyncio.get_running_loop().time() - began < EVERY:
                await asyncio.sleep(EVERY)     # it does not hold questions: ask less often

    async def _ask(self, wait: int) -> bool:
        have = self._now.revision if self._now is not None and not self._ask_whole else 0
        update = await self._control.snapshot(have, wait)
        if update is None:
            if self._now is None:
                raise BadUpdate("there is none yet")
            if self._starting:
                self._outcomes.put(None)
            return False
        return self._take(update)

    def _take(self, update: Update) -> bool:
        """Check an update, hand on what it makes, keep it. False: it makes nothing new. Raises BadUpdate."""
        before = self._now
        if update.base is not None and (before is None or update.base != before.revision):
            raise BadUpdate("it is for another revision than is served here")
        records = apply(before.records if before is not None else Records(), update)
        verify(records)
        now = Configuration(update.revision, records)
        adjusted = self._adjusted(now)
        self._now, self._ask_whole = now, False
        self._outcomes.put(adjusted)
        with contextlib.suppress(BlockingIOError):
            self._ring.send(b"!")
        try:
            self._cache.keep(update, now)
        except OSError as error:
            self._complain(f"the configuration cannot be kept: {error.strerror}")
        return now != before

    def _adjusted(self, found: Configuration) -> Configuration:
        try:
            settings = self._adjust(found.records.settings[""])
        except StationmasterError as error:
            raise BadUpdate(error.message) from None
        return Configuration(found.revision, msgspec.structs.replace(found.records, settings={"": settings}))

    def _take_token(self) -> bool:
        """Whether the token file holds another token by now; then it is used."""
        try:
            token = read_token(self._token_file)
            if token == self._control.token:
                return False
            self._control.token = token
            self._cache.become(token, self._now)
        except (StationmasterError, OSError):
            return False
        self._say("the token file holds another token; using it")
        return True

    async def _pause(self, tries: int) -> int:
        """Wait before the next try, unless somebody is in a hurry. The number of tries then."""
        self._hurry.clear()
        longest = min(PAUSE * 2**tries, LONGEST)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(longest / 4, longest)):  # noqa: S311  it spreads questions
                await self._hurry.wait()
        return min(tries + 1, 16)

    def _fail(self, code: str, message: str, tries: int) -> None:
        if self._starting:
            hint = "Make another in the control plane." if code == "error.gateway.token" else ""
            self._outcomes.put(StationmasterError(code, f"{message[:1].upper()}{message[1:]}.", hint=hint, fault="operator"))
        if tries or code == "error.gateway.token" or self._ask_whole:      # once may be an accident of the network
            self._complain(message)

    def _complain(self, message: str) -> None:
        """Tell people once."""
        if message != self._complaint and time.monotonic() >= self._patient_until:
            self._complaint = message
            self._say(f"{message}; {'waiting' if self._now is None else 'serving on'}")

    def _well(self) -> None:
        if self._complaint:
            self._complaint = ""
            self._say("the control plane answers again")

    # Events.

    async def _push(self) -> None:
        tries = 0
        while True:
            try:
                if await self._send():
                    tries = 0
                    continue
                dropped = self._spool.trim()
                if dropped:
                    self._say(f"{dropped} events dropped: the spool is full")
            except (Unreachable, TokenRefused):
                tries = min(tries + 1, 4)
            except OSError as error:
                self._complain(f"the spool cannot be used: {error.strerror}")
                tries = 4
            await asyncio.sleep(EVERY * 2**tries / 2 if tries else EVERY)

    async def _send(self) -> bool:
        """Send the next batch, if one waits. Raises OSError, Unreachable, TokenRefused."""
        batch = self._spool.batch()
        if batch is None:
            return False
        events = self._events(batch)
        if events:
            try:
                await self._control.events(self._name, batch.id, events)
            except NeverTaken as error:
                self._say(f"{self._spool.refused(batch)} events dropped: {error}")
                return True
        self._spool.stored(batch)
        return True

    def _events(self, batch: Batch) -> list[object]:
        found: list[object] = []
        for line in self._spool.lines(batch):
            with contextlib.suppress(msgspec.DecodeError):     # a disk that lies
                found.append(msgspec.json.decode(line))
        return found

    # Ourselves.

    async def _greet(self) -> None:
        while True:
            self._changed.clear()
            revision, workers = self._served
            if workers:
                with contextlib.suppress(Unreachable, TokenRefused):
                    await self._control.hello(Told(self._name, __version__, revision, workers))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HELLO):
                    await self._changed.wait()


def read_token(path: Path) -> str:
    """The gateway token in a file. Raises StationmasterError, which does not repeat it."""
    try:
        token = path.read_text().strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise StationmasterError("error.usage.token_file", f"Cannot read the gateway token in {path}: {why}.",
                                 hint="Name the file that the token was written to.") from None
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise StationmasterError("error.usage.token_file", f"{path} holds no gateway token.",
                                 hint="It holds one word, as the control plane printed it.")
    return token
