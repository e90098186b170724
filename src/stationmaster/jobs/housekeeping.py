"""What every worker does beside jobs. Owns: its own row, jobs without a heartbeat, schedules that are due, what is too old.

Any number of workers may do it at once: whoever comes second changes no row.
"""

import logging
import time
from typing import Final

from django.db.models.functions import Now

from stationmaster import __version__
from stationmaster.jobs import claims, retention, schedules
from stationmaster.jobs.engine._base import Engine, Working
from stationmaster.jobs.models import Worker

SCHEDULES: Final = 5.0      # seconds between two looks
OLD: Final = 3600.0
_log = logging.getLogger(__name__)


class Housekeeping:
    """Call `look` often; it does what is due. Raises Django's database errors."""

    def __init__(self, working: Working, engine: Engine) -> None:
        self._working, self._engine = working, engine
        self._due: dict[str, float] = {}

    def look(self) -> None:
        """Do what is due."""
        if self._is_due("beat", self._working.lease / 5):
            self._beat()
        if self._is_due("reap", self._working.lease / 3):
            for ring in claims.reap(self._working.lease):
                _log.warning("job %s had no heartbeat for too long; it is queued again", ring.job)
                self._engine.submit(ring)
        if self._is_due("schedules", min(SCHEDULES, self._working.lease)):
            schedules.submit_due()      # which lets nothing but the database's errors out
        if self._is_due("old", OLD):
            retention.delete_old(self._working.retention)

    def end(self) -> None:
        """This worker is no more."""
        Worker.objects.filter(id=self._working.id).delete()

    def _beat(self) -> None:
        mine = {"engine": self._engine.name, "version": __version__, "threads": self._working.threads}
        if not Worker.objects.filter(id=self._working.id).update(beat_at=Now(), **mine):
            Worker.objects.create(id=self._working.id, started_at=Now(), beat_at=Now(), **mine)

    def _is_due(self, what: str, every: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + every
        return True
