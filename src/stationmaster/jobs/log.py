"""A job's log while it is written. Owns: lines that wait, and their order in the database.

Lines are numbered under the job's row: a reader who has seen number n has seen all before it.
"""

import threading
from collections import deque
from datetime import datetime
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from stationmaster.jobs.claims import Fence
from stationmaster.jobs.cleaning import clean
from stationmaster.jobs.models import Job, JobLog

MOST: Final = 100_000     # lines of one job
LEVELS: Final = ("debug", "info", "warning", "error")
_FULL: Final = "the log is full; what follows is not written down"


class Line(NamedTuple):
    """One that waits to be written."""

    at: datetime
    level: str
    item: str
    text: str


class LogBook:
    """Lines of a job that we hold; any thread adds, one at a time writes."""

    def __init__(self, fence: Fence) -> None:
        self._fence = fence
        self._waiting: deque[Line] = deque()
        self._writing = threading.Lock()

    def add(self, text: str, level: str = "info", item: str = "") -> None:
        """Have a line written soon."""
        if level not in LEVELS:
            raise ValueError(f"there is no level {level!r}")
        self._waiting.append(Line(timezone.now(), level, item[:200], clean(text)))

    def write(self) -> None:
        """Write what waits. Lines of a job that is not ours any more are dropped."""
        with self._writing:
            lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
            try:
                if lines:
                    _append(self._fence, lines)
            except BaseException:
                self._waiting.extendleft(reversed(lines))
                raise


def _append(fence: Fence, lines: list[Line]) -> None:
    with transaction.atomic():
        if not Job.objects.filter(fence.mine).update(logged=F("logged") + len(lines)):
            return
        end = Job.objects.values_list("logged", flat=True).get(id=fence.job)
        first = end - len(lines) + 1
        rows = [JobLog(job_id=fence.job, seq=seq, at=line.at, level=line.level, item=line.item, text=line.text)
                for seq, line in enumerate(lines, first) if seq < MOST]  # fmt: skip
        if first <= MOST <= end:
            rows.append(JobLog(job_id=fence.job, seq=MOST, at=lines[-1].at, level="warning", text=_FULL))
        JobLog.objects.bulk_create(rows)
