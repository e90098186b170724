"""What looks after a job while it runs. Owns: its heartbeat, its log's writing, knowing that nobody heard from us any more."""

import contextlib
import logging
import threading
import time
from types import TracebackType
from typing import Final, Self

from django.db import Error, connections

from stationmaster.jobs.ceasing import Lost
from stationmaster.jobs.run import Run

EVERY: Final = 0.5        # seconds between two looks at the log
_log = logging.getLogger(__name__)


class Keeper:
    """A thread for as long as the context lasts."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"keeper {run.id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        lease = self._run.working.lease
        beaten = asked = time.monotonic()
        try:
            while not self._over.wait(EVERY):
                with contextlib.suppress(Error):
                    self._run.book.write()
                if time.monotonic() - asked >= lease / 5:
                    asked = time.monotonic()
                    beaten = asked if self._beat() else beaten
                if time.monotonic() - beaten > lease * 0.8:      # others will think us dead: so we are
                    self._run.cease(Lost("the database did not answer for too long"))
            with contextlib.suppress(Error):
                self._run.book.write()
        finally:
            connections.close_all()

    def _beat(self) -> bool:
        try:
            self._run.beat()
        except Error as error:
            _log.warning("job %s: no heartbeat: %s", self._run.id, type(error).__name__)
            connections.close_all()
            return False
        return True
