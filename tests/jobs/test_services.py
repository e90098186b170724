"""What can be asked of jobs, by whom, and what they leave."""

import csv
import io
import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from controlkit import ADMIN, AUDITOR, MEMBER, OPERATOR, VIEWER
from jobs import deeds
from stationmaster.errors import Conflict, Forbidden, Invalid, NotFound
from stationmaster.jobs import claims, retention
from stationmaster.jobs import services as jobs
from stationmaster.jobs.artifacts import ARTIFACTS, artifact
from stationmaster.jobs.claims import Fence
from stationmaster.jobs.engine import Working
from stationmaster.jobs.kinds import Kind, forget, register
from stationmaster.jobs.models import Job, JobItem, JobLog, Schedule, Worker
from stationmaster.jobs.runner import run_claimed
from stationmaster.jobs.schedules import schedule
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change, revision
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query


def odd(way: str = "mixed", **more: Any) -> str:
    """A new job."""
    made: str = jobs.submit(ADMIN, "test_odd", args={"way": way}, **more)["id"]
    return made


def run(job: str) -> None:
    """Run it here, once."""
    fence = claims.claim(job, "here")
    assert isinstance(fence, Fence)
    run_claimed(fence, Working("here", threading.Event()))


def whole(job: str, name: str) -> str:
    """An artifact."""
    return "".join(artifact(ADMIN, job, name))


def test_submitting_takes_the_right_to_what_it_does(database: str) -> None:
    """Who may not do what a kind does cannot have a job do it; nobody can submit a kind that there is not."""
    for actor in (VIEWER, AUDITOR, MEMBER, OPERATOR):
        with pytest.raises(Forbidden):
            jobs.submit(actor, "test_odd")
    narrow = Actor("token", "tok_1", "admin", "", frozenset({"jobs:*"}))
    with pytest.raises(Forbidden):
        jobs.submit(narrow, "test_odd")
    with pytest.raises(Invalid, match="no kind of job"):
        jobs.submit(ADMIN, "eval('1')")
    assert not Job.objects.exists()


def test_who_may_see_and_end_jobs(database: str) -> None:
    """Everybody but members sees jobs; operators and admins cancel; auditors export."""
    job = odd()
    for actor in (VIEWER, AUDITOR, OPERATOR, ADMIN):
        assert jobs.get(actor, job)["id"] == job
    for work in (jobs.get, jobs.log, lambda actor, which: jobs.items(actor, which, Query())):
        with pytest.raises(Forbidden):
            work(MEMBER, job)
    for actor in (VIEWER, AUDITOR, MEMBER):
        with pytest.raises(Forbidden):
            jobs.cancel(actor, job)
        with pytest.raises(Forbidden):
            jobs.retry_failed(actor, job)
    with pytest.raises(Forbidden):
        artifact(VIEWER, job, "run.log")
    assert jobs.cancel(OPERATOR, job)["state"] == "cancelled"
    assert list(artifact(AUDITOR, job, "run.log")) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("args", {"a": {"nested": 1}}), ("args", {"a": "x" * 9000}), ("args", {"a": b"bytes"}), ("args", {"a": float("nan")}),
     ("args", {1: "a"}), ("args", {"a": "x\0"}), ("args", {"a": "\ud800"}),
     ("concurrency", 0), ("concurrency", 33), ("concurrency", True), ("item_retries", 0), ("item_retries", 6), ("priority", 101),
     ("delay", -1.0)],
)  # fmt: skip
def test_wishes_that_cannot_be(database: str, field: str, value: Any) -> None:
    """Arguments are flat, plain and short; numbers are within their bounds."""
    with pytest.raises(Invalid):
        jobs.submit(ADMIN, "test_odd", **{field: value})
    assert not Job.objects.exists()


def test_the_same_job_waits_once(database: str) -> None:
    """Of jobs with one key, one waits or runs; the second is told which. When it has ended, the next may come."""
    first = odd(dedupe="import:1")
    with pytest.raises(Conflict) as refused:
        odd(dedupe="import:1")
    assert refused.value.fields == {"job": first}
    run(first)
    assert odd(dedupe="import:1") != first


def test_a_refused_duplicate_spoils_no_change(database: str) -> None:
    """A change goes on after a job in it was refused as a duplicate."""
    odd(dedupe="one")
    with change(ADMIN) as edit:
        with pytest.raises(Conflict):
            odd(dedupe="one")
        edit.record("test:x:went_on")
    assert revision() == 2


def test_a_list_of_jobs(database: str) -> None:
    """Jobs are listed, the newest first, filtered and searched."""
    first, second = odd(workspace="ws_1"), odd(workspace="ws_2", priority=3)
    assert [row["id"] for row in jobs.list_jobs(VIEWER, Query()).items] == [second, first]
    found = jobs.list_jobs(VIEWER, Query(filters=(Filter("workspace", "eq", "ws_1"), Filter("state", "in", "queued,running"))))
    assert [row["id"] for row in found.items] == [first]
    assert jobs.list_jobs(VIEWER, Query(search=f"{ADMIN.id} ws_2")).total == 1
    assert first in "".join(jobs.export_jobs(AUDITOR, Query(), "csv"))


def test_items_page_in_their_order(database: str) -> None:
    """Items come in the order in which they are done, page by page, and can be filtered by what became of them."""
    job = jobs.submit(ADMIN, "test_odd", args={"way": "mixed", "count": 12})["id"]
    run(job)
    seen: list[int] = []
    page = jobs.items(VIEWER, job, Query(limit=5))
    while True:
        seen += [row["position"] for row in page.items]
        if not page.next:
            break
        page = jobs.items(VIEWER, job, Query(limit=5, cursor=page.next))
    assert seen == list(range(1, 13))
    failed = jobs.items(VIEWER, job, Query(filters=(Filter("state", "eq", "failed"),)))
    assert (failed.total, failed.items[0]["reason"], failed.items[0]["sentence"]) == (4, "test.failed", "cannot be done")


def test_a_log_goes_on_where_it_was(database: str) -> None:
    """Lines come behind the number that is known, and the last page of an ended job says so."""
    job = odd()
    run(job)
    first = jobs.log(VIEWER, job, limit=2)
    assert ([line["seq"] for line in first["lines"]], first["next"], first["ended"]) == ([1, 2], 2, False)
    rest = jobs.log(VIEWER, job, after=first["next"])
    assert (rest["lines"][0]["seq"], rest["ended"], rest["state"]) == (3, True, "partial")
    assert jobs.log(VIEWER, job, after=rest["next"])["lines"] == []
    for wrong in ({"after": -1}, {"limit": 0}, {"limit": 100_000}, {"after": 2**40}):
        with pytest.raises(Invalid):
            jobs.log(VIEWER, job, **wrong)


def test_only_what_failed_is_tried_again(database: str) -> None:
    """Trying again makes a job of the items that failed, with what they need; what was done is left alone."""
    job = odd(workspace="ws_1", item_retries=2)
    run(job)
    again = jobs.retry_failed(ADMIN, job)
    assert (again["retry_of"], again["workspace"], again["total"], again["item_retries"]) == (job, "ws_1", 1, 2)
    assert list(JobItem.objects.filter(job=again["id"]).values_list("key", "data")) == [("item-2", {"way": "mixed"})]
    run(again["id"])
    assert jobs.get(ADMIN, again["id"])["ok"] == 1
    with pytest.raises(Conflict, match="no item"):
        jobs.retry_failed(ADMIN, again["id"])


def test_items_that_stand_for_several_things(database: str) -> None:
    """Counts are of things: those that failed, and those of the same item that did not; trying again counts like that, too."""
    job = jobs.submit(ADMIN, "test_odd", args={"way": "partly", "things": 10})["id"]
    run(job)
    row = jobs.get(ADMIN, job)
    assert (row["state"], row["total"], row["ok"], row["failed"], row["left"]) == ("partial", 30, 28, 2, 0)
    again = jobs.retry_failed(ADMIN, job)
    assert (again["total"], JobItem.objects.filter(job=again["id"]).count()) == (20, 2)


def test_what_was_not_tried_is_tried_again(database: str) -> None:
    """A job that was cancelled before it had items is done as a whole; one that runs or waits is not tried again."""
    job = odd("fine")
    with pytest.raises(Conflict, match="is queued"):
        jobs.retry_failed(ADMIN, job)
    jobs.cancel(ADMIN, job)
    again = jobs.retry_failed(ADMIN, job)["id"]
    run(again)
    assert jobs.get(ADMIN, again)["ok"] == 3


def test_what_has_ended_is_not_cancelled(database: str) -> None:
    """An ended job stays as it ended; asking twice while it runs is asking once."""
    job = odd()
    claims.claim(job, "here")
    jobs.cancel(ADMIN, job)
    before = revision()
    assert jobs.cancel(ADMIN, job)["cancel_asked"] is True
    assert revision() == before
    done = odd()
    run(done)
    with pytest.raises(Conflict):
        jobs.cancel(ADMIN, done)


def test_artifacts(database: str) -> None:
    """A job leaves its log, and its result with all items as JSON and as CSV; in the CSV no cell is a formula."""
    job = jobs.submit(ADMIN, "test_odd", args={"way": "mixed", "count": 4})["id"]
    run(job)
    JobItem.objects.filter(job=job, position=1).update(sentence='=HYPERLINK("http://x")', key="@sum")
    result = json.loads(whole(job, "result.json"))
    assert (result["job"]["state"], [row["position"] for row in result["items"]]) == ("partial", [1, 2, 3, 4])
    rows = list(csv.DictReader(io.StringIO(whole(job, "result.csv"))))
    assert (rows[0]["sentence"], rows[0]["key"], len(rows)) == ("'=HYPERLINK(\"http://x\")", "'@sum", 4)
    lines = whole(job, "run.log").splitlines()
    assert len(lines) == JobLog.objects.filter(job=job).count()
    assert lines[0].endswith("INFO    started")


@pytest.mark.parametrize("name", ["../run.log", "run.log\0", "/etc/passwd", "RUN.LOG", "", "result.csv/..", "run%2elog"])
def test_no_other_artifact(database: str, name: str) -> None:
    """A job leaves three files and no other; a name is compared, never opened."""
    job = odd()
    with pytest.raises(NotFound):
        artifact(ADMIN, job, name)
    with pytest.raises(NotFound):
        artifact(ADMIN, f"{job}/../{job}", "run.log")
    assert len(ARTIFACTS) == 3


def test_unknown_jobs(database: str) -> None:
    """There is no job by a name that could be none."""
    for which in ("job_nothing", "", "\0", "x" * 500, "jöb"):
        with pytest.raises(NotFound):
            jobs.get(ADMIN, which)


def test_the_last_of_each_kind(database: str) -> None:
    """A workspace knows its newest job of each kind."""
    odd(workspace="ws_1")
    newest = odd(workspace="ws_1")
    other = jobs.submit(ADMIN, "test_spy", workspace="ws_1")["id"]
    odd(workspace="ws_2")
    assert {kind: row["id"] for kind, row in jobs.last_of("ws_1").items()} == {"test_odd": newest, "test_spy": other}
    assert jobs.last_of("ws_9") == {}


def test_old_jobs_go(database: str) -> None:
    """What ended long ago is deleted with its items and lines, but for the newest of its kind and workspace; what waits stays."""
    old, newest, waiting = odd(), odd(), odd(workspace="ws_2")
    for job in (old, newest):
        run(job)
    Job.objects.filter(id__in=[old, newest]).update(ended_at=timezone.now() - timedelta(days=100))
    Worker.objects.create(id="gone", engine="x", version="1", threads=1, started_at=timezone.now(),
                          beat_at=timezone.now() - timedelta(days=2))  # fmt: skip
    assert retention.delete_old(365) == 0
    assert retention.delete_old(90) == 1
    assert set(Job.objects.values_list("id", flat=True)) == {newest, waiting}
    assert set(JobItem.objects.values_list("job", flat=True)) == {newest} == set(JobLog.objects.values_list("job", flat=True))
    assert not Worker.objects.exists()


def test_schedules_are_replaced(database: str) -> None:
    """There is one schedule a kind and workspace; the same again moves nothing, another replaces it, odd ones are refused."""
    with change(ADMIN) as edit:
        schedule(edit, "test_odd", "ws_1", 600, {"way": "fine"})
    before, due = revision(), Schedule.objects.get().next_at
    with change(ADMIN) as edit:
        schedule(edit, "test_odd", "ws_1", 600, {"way": "fine"})
    assert (revision(), Schedule.objects.get().next_at) == (before, due)
    with change(ADMIN) as edit:
        schedule(edit, "test_odd", "ws_1", 1200, {"way": "fine"})
    assert (Schedule.objects.get().every, revision()) == (1200, before + 1)
    for every in (0, 5, 10**9):
        with pytest.raises(Invalid), change(ADMIN) as edit:
            schedule(edit, "test_odd", "ws_1", every)


def test_workers_that_live(database: str) -> None:
    """A worker that was not heard of for a while is shown, and as not alive; none alive means that jobs wait."""
    assert jobs.any_worker() is False
    for name, age in (("dead", 600), ("alive", 1)):
        Worker.objects.create(id=name, engine="x", version="1", threads=1, started_at=timezone.now(),
                              beat_at=timezone.now() - timedelta(seconds=age))  # fmt: skip
    assert {row["id"]: row["alive"] for row in jobs.workers(VIEWER)} == {"dead": False, "alive": True}
    assert jobs.any_worker() is True


def test_kinds_are_named_once(database: str) -> None:
    """A name is of one kind; the same one may be told twice."""
    kind = Kind("test_twice", "Twice", deeds.Odd(), "workspaces:update")
    register(kind)
    register(kind)
    with pytest.raises(ValueError, match="test_twice"):
        register(Kind("test_twice", "Other", deeds.Odd(), "workspaces:update"))
    assert "test_twice" in {row["kind"] for row in jobs.kinds(VIEWER)}
    forget("test_twice")


def test_a_rehearsed_job_never_was(database: str) -> None:
    """A job that is submitted in a rehearsal, or in a transaction that fails, is not there afterwards."""
    from stationmaster.store.changes import rehearsal

    with rehearsal(ADMIN) as edit:
        job = odd()
        assert [event.what for event in edit.events] == [f"jobs:{job}:submit"]
    with transaction.atomic():
        odd()
        transaction.set_rollback(True)
    assert not Job.objects.exists()
