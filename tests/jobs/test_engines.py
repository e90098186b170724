"""What both engines promise, each over its own database, with workers that are processes."""

import json
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from controlkit import ADMIN
from jobs import deeds  # noqa: F401  registers the kinds
from jobs.harness import ended, start_worker, state, until
from jobs.ledger import Ledger
from stationmaster.jobs import services as jobs
from stationmaster.jobs.engine import engine
from stationmaster.jobs.models import Job, JobItem, Schedule, Worker
from stationmaster.jobs.schedules import schedule, unschedule
from stationmaster.store.changes import change


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """A vendor."""
    with Ledger() as running:
        yield running


def submit(kind: str = "test_odd", **more: Any) -> str:
    """The id of a new job."""
    args = {"way": "fine"} if kind in ("test_odd", "test_ended") else {}
    made: str = jobs.submit(ADMIN, kind, **{"args": args, **more})["id"]
    return made


def deed(ledger: Ledger, count: int, workspace: str = "ws_1", **more: Any) -> str:
    """A job that does `count` things at the ledger."""
    args = {"url": ledger.url, "count": count, **more.pop("args", {})}
    return submit("test_deeds", workspace=workspace, args=args, **more)


def told(file: Path) -> list[dict[str, Any]]:
    """What spies wrote."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def overlaps(lines: list[dict[str, Any]]) -> bool:
    """Whether one began before the one before had ended."""
    return [line["what"] for line in sorted(lines, key=lambda line: line["at"])] != ["begins", "ends"] * (len(lines) // 2)


def test_each_database_has_its_engine(database: str) -> None:
    """SQLite runs jobs by the engine of our own, PostgreSQL by Procrastinate."""
    assert engine().name == {"sqlite": "embedded", "postgresql": "procrastinate"}[database]


def test_a_job_runs_once_it_is_committed(database: str) -> None:
    """What is submitted is run; its items, result and counts are there; the worker is known while it runs, and gone after."""
    with start_worker() as worker:
        job = submit(args={"way": "mixed", "count": 7})
        until(lambda: ended(job), "the job's end")
        row = jobs.get(ADMIN, job)
        assert (row["state"], row["total"], row["ok"], row["skipped"], row["failed"], row["left"]) == ("partial", 7, 3, 2, 2, 0)
        assert row["result"]["way"] == "mixed"
        until(lambda: Worker.objects.count() == 1, "the worker's row")
        worker.signal(signal.SIGTERM)
        assert worker.ended() == 0, worker.said()
    assert not Worker.objects.exists()


def test_a_rolled_back_job_never_was(database: str) -> None:
    """A job of a transaction that is rolled back is neither there nor run; one of the same transaction's end is."""
    with start_worker():
        with transaction.atomic():
            lost = submit()
            transaction.set_rollback(True)
        with transaction.atomic():
            kept = submit()
        until(lambda: ended(kept), "the kept one's end")
    assert not Job.objects.filter(id=lost).exists()


def test_one_at_a_time_for_a_workspace(database: str, tmp_path: Path) -> None:
    """Jobs of one workspace never overlap, and go in the order they came; those of another workspace run beside them."""
    first = [submit("test_spy", workspace="ws_1", args={"file": str(tmp_path / "one")}) for _ in range(4)]
    other = submit("test_spy", workspace="ws_2", args={"file": str(tmp_path / "two"), "seconds": 1.5})
    with start_worker(threads=4):
        until(lambda: ended(*first, other), "all ends")
    lines = told(tmp_path / "one")
    assert not overlaps(lines)
    assert [line["job"] for line in lines if line["what"] == "begins"] == first
    assert told(tmp_path / "two")[0]["at"] < lines[-1]["at"], "they did not run beside each other"


def test_as_many_as_its_threads(database: str, tmp_path: Path) -> None:
    """A worker runs as many jobs at a time as it has threads, though these are more than the machine has processors; and is
    heard of meanwhile."""
    args = {"file": str(tmp_path / "spy"), "seconds": 4.0}
    work = [submit("test_spy", workspace=f"ws_{number}", args=args) for number in range(12)]
    with start_worker(threads=12):
        until(lambda: Job.objects.filter(state="running").count() == 12, "all at a time")
        heard = Worker.objects.get().beat_at
        until(lambda: Worker.objects.get().beat_at > heard, "a sign of life")
        until(lambda: ended(*work), "all ends")


def test_urgent_ones_go_first(database: str, tmp_path: Path) -> None:
    """Of the jobs that wait for one workspace, the one with the highest priority is next."""
    low, high = (submit("test_spy", workspace="ws_1", priority=each, args={"file": str(tmp_path / "spy")}) for each in (0, 9))
    with start_worker(threads=1):
        until(lambda: ended(low, high), "both ends")
    assert [line["job"] for line in told(tmp_path / "spy")[::2]] == [high, low]


def test_an_urgent_one_needs_no_free_thread(database: str) -> None:
    """When long jobs keep all threads busy, one with a priority above 0 is run beside them, also one that waited for its time;
    one without a priority waits."""
    long = [submit(args={"way": "hang"}) for _ in range(2)]
    with start_worker(threads=2):
        until(lambda: {state(each) for each in long} == {"running"}, "all threads busy")
        waits, urgent, later = submit(), submit(priority=1), submit(priority=50, delay=0.5)
        until(lambda: ended(urgent, later), "the urgent ones' ends")
        assert [state(each) for each in (*long, waits)] == ["running", "running", "queued"]


def test_a_delayed_job_waits_and_holds_up_nobody(database: str) -> None:
    """A job with a delay does not start before its time, and others of its workspace go meanwhile."""
    asked = time.time()
    late = submit("test_spy", workspace="ws_1", delay=2.5, args={"file": "/dev/null"})
    early = submit("test_spy", workspace="ws_1", args={"file": "/dev/null", "seconds": 0.0})
    with start_worker():
        until(lambda: ended(early), "the early one's end")
        assert state(late) == "queued"
        until(lambda: ended(late), "the late one's end")
    started = Job.objects.get(id=late).started_at
    assert started is not None
    assert started.timestamp() >= asked + 2.4


def test_a_waiting_job_is_cancelled_for_good(database: str) -> None:
    """A queued job that is cancelled is never run, and its place is free."""
    job = submit(dedupe="once")
    assert jobs.cancel(ADMIN, job)["state"] == "cancelled"
    other = submit(dedupe="once")
    with start_worker():
        until(lambda: ended(other), "the other's end")
    assert (state(job), state(other)) == ("cancelled", "succeeded")
    assert Job.objects.get(id=job).started_at is None


def test_a_running_job_is_cancelled_between_items(database: str) -> None:
    """A running job ends soon after it is cancelled; what was not tried says so."""
    job = submit(args={"way": "slow", "count": 200, "seconds": 0.1})
    with start_worker():
        until(lambda: Job.objects.get(id=job).ok > 1, "some items")
        jobs.cancel(ADMIN, job)
        until(lambda: ended(job), "its end")
    row = jobs.get(ADMIN, job)
    assert row["state"] == "cancelled"
    assert 0 < row["ok"] < 200
    assert JobItem.objects.filter(job=job, state="pending", reason="job.item.untried").count() == row["left"] == 200 - row["ok"]


def test_a_job_that_prepares_can_be_cancelled(database: str) -> None:
    """Cancelling ends a job that is still finding out what there is to do."""
    job = submit(args={"way": "hang"})
    with start_worker():
        until(lambda: state(job) == "running", "its start")
        jobs.cancel(ADMIN, job)
        until(lambda: ended(job), "its end")
    assert state(job) == "cancelled"


def test_sigterm_finishes_the_item_and_hands_the_job_back(database: str) -> None:
    """A worker that is told to end finishes what it does, hands the job back and exits 0; the next one goes on where it was."""
    job = submit(args={"way": "slow", "count": 12, "seconds": 0.25})
    with start_worker() as worker:
        until(lambda: Job.objects.get(id=job).ok >= 2, "some items")
        worker.signal(signal.SIGTERM)
        assert worker.ended() == 0, worker.said()
        row = Job.objects.get(id=job)
        assert (row.state, row.attempt) == ("queued", 0)
        assert not JobItem.objects.filter(job=job, state="running").exists()
    with start_worker():
        until(lambda: ended(job), "its end")
    assert state(job) == "succeeded"
    assert set(JobItem.objects.filter(job=job).values_list("attempts", flat=True)) == {1}, "an item was done twice"


def test_sigterm_while_it_prepares(database: str) -> None:
    """A worker that is told to end while a job finds out what there is to do does not wait for that."""
    job = submit(args={"way": "hang"})
    with start_worker() as worker:
        until(lambda: state(job) == "running", "its start")
        worker.signal(signal.SIGTERM)
        assert worker.ended() == 0, worker.said()
    assert state(job) == "queued"


def test_a_killed_worker_is_followed_by_another(database: str, ledger: Ledger) -> None:
    """When a worker is killed (kill -9) between the vendor's answer and our commit, another takes the job up, reads what the
    vendor has, and does nothing twice."""
    job = deed(ledger, 6)
    with start_worker() as worker:
        until(lambda: Job.objects.get(id=job).ok >= 2, "some items")
        ledger.hold()
        until(ledger.holds, "a held answer")      # the work is done
        worker.kill()
        ledger.release()
    with start_worker():
        until(lambda: ended(job), "its end")
    assert state(job) == "succeeded"
    assert sum(ledger.writes.values()) == len(ledger.writes) == 6
    assert sorted(JobItem.objects.filter(job=job).values_list("attempts", flat=True)) == [1, 1, 1, 1, 1, 2]


def test_schedules_come_again_and_do_not_pile_up(database: str) -> None:
    """A schedule submits its job when it is due, once for all workers, and leaves it out while the last one waits or runs."""
    with change(ADMIN) as edit:
        schedule(edit, "test_odd", "ws_1", 3600, {"way": "hang"})
    due()
    with start_worker():
        until(lambda: Job.objects.filter(workspace="ws_1").count() == 1, "the first")
        due()
        until(lambda: not Schedule.objects.filter(next_at__lte=timezone.now()).exists(), "a look at what is due")
        assert Job.objects.filter(workspace="ws_1").count() == 1, "it piled up"
        jobs.cancel(ADMIN, ids()[0])
        until(lambda: ended(*ids()), "its end")
        due()
        until(lambda: Job.objects.filter(workspace="ws_1").count() == 2, "the second")
        with change(ADMIN) as edit:
            unschedule(edit, "test_odd", "ws_1")
        jobs.cancel(ADMIN, ids()[1])
        until(lambda: ended(*ids()), "its end")
    assert {row.actor_kind for row in Job.objects.all()} == {"system"}


def due() -> None:
    """Every schedule is."""
    Schedule.objects.update(next_at=timezone.now() - timedelta(seconds=1))


def ids() -> list[str]:
    """All jobs, the oldest first."""
    return list(Job.objects.order_by("created_at").values_list("id", flat=True))


def test_a_kind_that_is_not_known_is_held(database: str) -> None:
    """A job of a kind that this version does not know waits, and is neither lost nor failed."""
    job = submit()
    Job.objects.filter(id=job).update(kind="of_tomorrow")
    other = submit()
    with start_worker():
        until(lambda: ended(other), "the other's end")
    assert state(job) == "queued"
    assert jobs.get(ADMIN, job)["known"] is False


def test_a_job_that_kills_its_workers_is_given_up(database: str) -> None:
    """A job that takes each worker down with it is failed after its kind's number of starts, and says so."""
    job = submit("test_ended", args={"way": "die"})
    for _ in range(2):
        with start_worker() as worker:
            until(lambda: not worker.alive(), "its end")
    with start_worker():
        until(lambda: ended(job), "the job's end")
    row = jobs.get(ADMIN, job)
    assert (row["state"], row["cause"]) == ("failed", "error.job.attempts")
    assert "2 starts" in row["sentence"]
