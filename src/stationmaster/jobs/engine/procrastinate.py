"""The engine over PostgreSQL: Procrastinate (https://procrastinate.readthedocs.io) says when and where, our rows say what.

A job is deferred through Django's own connection, so it is there exactly when its row is. Procrastinate's `lock` keeps a
workspace's jobs in line, `queueing_lock` one waiting entry a job. There a job that waits for its time would hold up all others
of its lock, so what is delayed waits in an entry without a lock, which then makes the one that runs.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

import procrastinate
from django.db import Error, connection, connections, transaction
from django.utils import timezone
from procrastinate import exceptions
from procrastinate.contrib.django.django_connector import DjangoConnector

from stationmaster.jobs import claims
from stationmaster.jobs.claims import Fence
from stationmaster.jobs.engine._base import Chores, Ring, Working
from stationmaster.jobs.engine.procrastinate_worker import QUEUE, URGENT, ProcrastinateWorker
from stationmaster.jobs.kinds import known
from stationmaster.jobs.models import QUEUED, Job
from stationmaster.jobs.runner import run_claimed

RUN: Final = "stationmaster.run"
LATER: Final = "stationmaster.later"
BUSY: Final = 2.0            # seconds before a job is looked at again whose lock is taken
HELD: Final = 60.0           # of a kind that this version does not know
SOON: Final = 0.05           # seconds: less is no delay
_log = logging.getLogger(__name__)

Submit = Callable[[Ring], None]


class Procrastinate:
    """Any number of worker processes."""

    name = "procrastinate"

    @cached_property
    def _app(self) -> procrastinate.App:
        """The application, over Django's connection."""
        return _application(DjangoConnector(), self.submit, None)

    def submit(self, ring: Ring) -> None:
        """Defer the job in the open transaction. One that waits already is enough."""
        _defer(self._app, ring)

    def withdraw(self, job: str) -> None:
        """Nothing: an entry whose row is not queued any more ends at once."""

    def work(self, working: Working, chores: Chores, ready: Callable[[], None]) -> None:
        """Run jobs until told to stop."""
        try:
            asyncio.run(ProcrastinateWorker(self, working, chores, ready).work())
        finally:
            connections.close_all()

    def application(self, working: Working) -> procrastinate.App:
        """A worker's application, with a pool of connections of its own."""
        return _application(DjangoConnector().get_worker_connector(), self.submit, working)

    def chase(self) -> None:
        """Defer what is queued and due, though nobody rings for it any more: the net under everything else."""
        for ring in [claims.ring_of(job) for job in _forgotten()]:
            self.submit(ring)


def _application(connector: Any, submit: Submit, working: Working | None) -> procrastinate.App:
    """An application with our two tasks; `submit`: what has a job run; `working`: of a worker, else they are only deferred."""
    app = procrastinate.App(connector=connector)

    def run(job: str) -> None:
        if working is not None:
            _run(job, submit, working)

    def later(job: str) -> None:
        _guarded(lambda: _hop(job, submit))

    app.task(name=RUN, queue=QUEUE)(run)
    app.task(name=LATER, queue=QUEUE)(later)
    return app


def _run(job: str, submit: Submit, working: Working) -> None:
    """What an entry with a lock does: claim its job and run it; defer what is to go on."""
    def work() -> None:
        if not Job.objects.filter(id=job, kind__in=known()).exists():
            _put_off(job, submit, HELD)
            return
        fence = claims.claim(job, working.id)
        if isinstance(fence, Fence):
            again = run_claimed(fence, working)
            if again is not None:
                submit(again)
        elif fence == "busy":
            _put_off(job, submit, BUSY)

    _guarded(work)


def _hop(job: str, submit: Submit) -> None:
    """What an entry without a lock does: make the one that runs."""
    if Job.objects.filter(id=job, state=QUEUED).exists():
        ring = claims.ring_of(job)      # whose time has come by the database's clock, whatever ours says
        submit(Ring(job, ring.lock, ring.priority, timezone.now()))


def _put_off(job: str, submit: Submit, seconds: float) -> None:
    row = Job.objects.filter(id=job, state=QUEUED)
    if row.exists():
        ring = claims.ring_of(job)
        submit(Ring(job, ring.lock, ring.priority, max(ring.run_after, timezone.now() + timedelta(seconds=seconds))))


def _guarded(work: Callable[[], None]) -> None:
    """A database that goes away fails no entry with a traceback: the job is found again."""
    try:
        work()
    except Error as error:
        _log.warning("left for now: the database says %s", type(error).__name__)
    finally:
        connections.close_all()


def _defer(app: procrastinate.App, ring: Ring) -> None:
    delay = (ring.run_after - timezone.now()).total_seconds()
    queue = URGENT if ring.priority > 0 else QUEUE
    if delay > SOON:
        task = app.configure_task(
            LATER, queue=queue, queueing_lock=f"{ring.job}:later", priority=ring.priority, schedule_at=ring.run_after,
        )  # fmt: skip
    else:
        task = app.configure_task(RUN, queue=queue, lock=ring.lock or None, queueing_lock=ring.job, priority=ring.priority)
    try:
        with transaction.atomic():      # what is refused spoils no transaction
            task.defer(job=ring.job)
    except exceptions.AlreadyEnqueued:
        _log.debug("%s waits already", ring.job)


def _forgotten() -> list[str]:
    """Jobs that are queued and have been due for a while, and have no entry."""
    words = """
        SELECT job.id FROM jobs_job job
        WHERE job.state = 'queued' AND job.run_after < now() - interval '5 seconds' AND NOT EXISTS (
            SELECT 1 FROM procrastinate_jobs entry
            WHERE entry.queueing_lock IN (job.id, job.id || ':later') AND entry.status = 'todo')
    """
    with connection.cursor() as cursor:
        cursor.execute(words)
        return [row[0] for row in cursor.fetchall()]
