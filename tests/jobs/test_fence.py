"""Who lost a job writes nothing: not at the vendor, not in our rows. (Facts of crash and pause, with processes and without.)"""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import connections

from controlkit import ADMIN
from databases import KINDS, postgresql_stopped
from jobs import deeds  # noqa: F401  registers the kinds
from jobs.harness import LEASE, WorkerProcess, ended, start_worker, state, storm, until
from jobs.ledger import Ledger
from stationmaster.audit.services import verify
from stationmaster.jobs import claims, items
from stationmaster.jobs import services as jobs
from stationmaster.jobs.ceasing import Cancelled, Lost
from stationmaster.jobs.claims import Fence
from stationmaster.jobs.engine import Working
from stationmaster.jobs.kinds import Done, NewItem
from stationmaster.jobs.models import Job, JobItem, JobLog
from stationmaster.jobs.run import Run
from stationmaster.store.changes import revision

SOAK = bool(os.environ.get("SOAK"))
# Over SQLite nobody follows a worker while it lives, and the database does not go away.
on_postgresql = pytest.mark.parametrize("database", KINDS[1:], indirect=True)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """A vendor."""
    with Ledger() as running:
        yield running


def deed(ledger: Ledger, count: int, workspace: str = "ws_1") -> str:
    """A job that does `count` things at the ledger."""
    made: str = jobs.submit(ADMIN, "test_deeds", workspace=workspace, args={"url": ledger.url, "count": count})["id"]
    return made


@pytest.fixture
def run(database: str) -> Run:
    """A job of ours, with one item that was begun."""
    job = jobs.submit(ADMIN, "test_odd", workspace="ws_1", args={"way": "fine"})["id"]
    fence = claims.claim(job, "first")
    assert isinstance(fence, Fence)
    mine = Run(Job.objects.get(id=job), fence, Working("first", threading.Event()))
    items.write_down(mine, [NewItem("one")])
    return mine


def taken_over(run: Run) -> None:
    """Another worker has the job now."""
    assert claims.reap(None)
    assert isinstance(claims.claim(run.id, "second"), Fence)


def test_only_one_claims_a_job(database: str) -> None:
    """Of many who claim a job at once, one gets it; of jobs with one lock, one runs."""
    first, second = (jobs.submit(ADMIN, "test_spy", workspace="ws_1", args={})["id"] for _ in range(2))
    got: list[object] = []

    def claim(job: str) -> None:
        got.append(claims.claim(job, threading.current_thread().name))
        connections.close_all()

    threads = [threading.Thread(target=claim, args=(job,)) for job in (first, second) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([each for each in got if isinstance(each, Fence)]) == 1
    assert {each for each in got if not isinstance(each, Fence)} <= {"busy", "gone"}


def test_nobody_writes_who_lost_the_job(run: Run) -> None:
    """Once another worker has the job, the first one's vendor writes, records, outcomes, beats, hand-back and log lines are
    refused; the second one's are not."""
    item = items.begin(run, JobItem.objects.get(job=run.id).id)
    taken_over(run)
    before = revision()
    with run.doing(item), pytest.raises(Lost):
        run.before_write("POST /things")
    with pytest.raises(Lost), run.recording() as edit:
        edit.record("test:x:late")
    with pytest.raises(Lost):
        items.finish(run, item, Done(record=lambda edit: edit.record("test:x:late")))
    with pytest.raises(Lost):
        items.finish(run, item, Done())
    run.log("late")
    run.book.write()
    assert claims.hand_back(run.fence) is None
    assert revision() == before
    assert not JobLog.objects.filter(job=run.id, text="late").exists()
    assert JobItem.objects.get(job=run.id).intent == ""
    assert (state(run.id), Job.objects.get(id=run.id).worker) == ("running", "second")


def test_a_record_and_its_outcome_stand_or_fall_together(run: Run) -> None:
    """When what belongs to an outcome cannot be written, the outcome is not; when it can, both are, in one revision."""
    item = items.begin(run, JobItem.objects.get(job=run.id).id)
    before = revision()

    def half(edit: object) -> None:
        edit.record("test:x:half")  # type: ignore[attr-defined]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        items.finish(run, item, Done(record=half))
    assert (revision(), JobItem.objects.get(job=run.id).state, Job.objects.get(id=run.id).ok) == (before, "running", 0)
    items.finish(run, item, Done(record=lambda edit: edit.record("test:x:whole")))
    assert (revision(), JobItem.objects.get(job=run.id).state, Job.objects.get(id=run.id).ok) == (before + 1, "ok", 1)
    with pytest.raises(Lost):
        items.finish(run, item, Done())      # once is enough


def test_no_write_after_it_was_cancelled(run: Run) -> None:
    """A write that was about to leave does not, once the job is cancelled."""
    jobs.cancel(ADMIN, run.id)
    with pytest.raises(Cancelled):
        run.before_write("POST /things")


def test_a_write_leaves_its_intent(run: Run) -> None:
    """What an item is about to do at the vendor stands in its row before it does."""
    item = items.begin(run, JobItem.objects.get(job=run.id).id)
    with run.doing(item):
        run.before_write("POST /organization/invites")
    row = JobItem.objects.get(job=run.id)
    assert row.intent == "POST /organization/invites"
    assert row.intent_at is not None


def test_a_second_worker_over_sqlite_is_refused(database: str) -> None:
    """Over SQLite a second worker ends at once and says why; over PostgreSQL both work."""
    with start_worker():
        other = WorkerProcess()
        if database == "sqlite":
            assert other.ended() == 1
            assert "error.worker.running" in other.said() or "a worker runs already" in other.said()
        else:
            other.wait_ready()
        other.kill()


@on_postgresql
def test_a_paused_worker_wakes_up_fenced(database: str, ledger: Ledger) -> None:
    """A worker that stands still (SIGSTOP) for longer than its lease while the vendor's answer is under way is followed by
    another; when it wakes, it writes nothing, and nothing was done twice."""
    job = deed(ledger, 5)
    with start_worker() as sleeper:
        until(lambda: Job.objects.get(id=job).ok >= 1, "an item")
        ledger.hold()
        until(ledger.holds, "a held answer")
        sleeper.signal(signal.SIGSTOP)
        ledger.release()
        with start_worker() as other:
            until(lambda: ended(job), "the job's end, by the other")
            sleeper.signal(signal.SIGCONT)
            again = deed(ledger, 3, "ws_2")
            until(lambda: ended(again), "the next job's end")
            time.sleep(LEASE)      # for what must not come there is no sign to wait for
            assert other.alive()
    assert [state(job), state(again)] == ["succeeded", "succeeded"]
    assert sum(ledger.writes.values()) == len(ledger.writes) == 8
    assert (Job.objects.get(id=job).ok, verify(ADMIN).ok) == (5, True)


@on_postgresql
def test_postgresql_goes_away_and_comes_back(database: str, ledger: Ledger) -> None:
    """While the database is away nothing is written at the vendor that would not be known; once it is back, the worker goes on
    by itself, and each thing is done once."""
    ledger.delay = 0.05
    job = deed(ledger, 40)
    with start_worker() as worker:
        until(lambda: Job.objects.get(id=job).ok >= 3, "some items")
        connections.close_all()
        with postgresql_stopped():
            done = sum(ledger.writes.values())
            time.sleep(1.0)      # for what must not come there is no sign to wait for
            assert sum(ledger.writes.values()) <= done + 1, "it went on without the fence"
        until(lambda: ended(job), "its end")
        assert worker.alive()
    assert state(job) == "succeeded"
    assert sum(ledger.writes.values()) == len(ledger.writes) == 40


@pytest.mark.timeout(3500 if SOAK else 180)
def test_a_storm_of_crashes(database: str, ledger: Ledger) -> None:
    """Workers are killed (kill -9) again and again, at random moments and between the vendor's work and our commit, and
    PostgreSQL with them: each thing is done exactly once, each item has its outcome, and the audit trail is whole."""
    kills, many = (200, 1000) if SOAK else (6, 100)
    ledger.delay = 0.05
    work = [deed(ledger, many, f"ws_{number}") for number in range(3)]
    workers, stops = (1, 0) if database == "sqlite" else (2, 5 if SOAK else 1)
    done = storm(work, ledger, workers=workers, kills=kills, seed=7, database_stops=stops)
    assert done.killed >= kills
    assert done.between >= 1
    assert done.stopped == stops
    assert [state(job) for job in work] == ["succeeded"] * 3
    twice = {name: times for name, times in ledger.writes.items() if times > 1}
    assert not twice
    assert len(ledger.writes) == 3 * many
    assert all(row.ok == row.total == many for row in Job.objects.filter(id__in=work))
    assert verify(ADMIN).ok
