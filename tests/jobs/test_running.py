"""What becomes of a job's items, by what their kind returns or raises. In this process, one job at a time."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from controlkit import ADMIN
from jobs import deeds
from jobs.ledger import Ledger
from stationmaster.audit.models import AuditEvent
from stationmaster.jobs import claims, pacing
from stationmaster.jobs import services as jobs
from stationmaster.jobs.claims import Fence
from stationmaster.jobs.engine import Working
from stationmaster.jobs.models import Job, JobItem, JobLog
from stationmaster.jobs.runner import run_claimed


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """A vendor."""
    with Ledger() as running:
        yield running


def run_once(job: str, **working: Any) -> Any:
    """Claim a job and run it here; what is to be run again, if anything."""
    Job.objects.filter(id=job).update(run_after=Now())      # the database's clock, which claims go by, may be coarser than ours
    fence = claims.claim(job, "here")
    assert isinstance(fence, Fence)
    return run_claimed(fence, Working("here", threading.Event(), **{"backoff": 0.02, "attempts": 3, **working}))


def run_to_end(job: str, most: int = 20, **working: Any) -> dict[str, Any]:
    """Run it as often as it takes; the job as it is shown."""
    for _ in range(most):
        again = run_once(job, **working)
        if again is None:
            return dict(jobs.get(ADMIN, job))
    raise AssertionError("it never ended")


def deed(ledger: Ledger, count: int = 3, **more: Any) -> str:
    """A job that does `count` things, called a-1 …, at the ledger."""
    names = [f"{number}" for number in range(1, count + 1)]
    args = {"url": ledger.url, "names": names, **more.pop("args", {})}
    made: str = jobs.submit(ADMIN, "test_deeds", workspace="a", args=args, **more)["id"]
    return made


def odd(way: str, kind: str = "test_odd", **more: Any) -> str:
    """A job whose items come out by `way`."""
    args = {"way": way, **more.pop("args", {})}
    made: str = jobs.submit(ADMIN, kind, args=args, **more)["id"]
    return made


def item(job: str, key: str) -> JobItem:
    """One of its items."""
    return JobItem.objects.get(job=job, key=key)


def trail(job: str) -> list[tuple[str, str]]:
    """What the audit trail says of a job."""
    return list(AuditEvent.objects.filter(subject=job).order_by("seq").values_list("action", "actor"))


@pytest.mark.parametrize(
    ("way", "state", "counts"),
    [("fine", "succeeded", (3, 0, 0)), ("mixed", "partial", (1, 1, 1)), ("all failed", "failed", (0, 0, 3)),
     ("write in dry run", "succeeded", (0, 3, 0)), ("bad record", "failed", (0, 0, 3))],
)  # fmt: skip
def test_the_items_make_the_state(database: str, way: str, state: str, counts: tuple[int, ...]) -> None:
    """A job succeeds when no item failed, fails when all did, and is partial else; counts are those of its items."""
    row = run_to_end(odd(way))
    assert (row["state"], (row["ok"], row["skipped"], row["failed"]), row["left"]) == (state, counts, 0)
    for name, number in zip(("ok", "skipped", "failed"), counts, strict=True):
        assert JobItem.objects.filter(job=row["id"], state=name).count() == number


def test_a_job_without_items_succeeds(database: str) -> None:
    """A job that finds nothing to do has succeeded."""
    row = run_to_end(odd("fine", args={"count": 0}))
    assert (row["state"], row["total"]) == ("succeeded", 0)


def test_many_items_are_written_whole(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """More items than one transaction takes are all there before the first is done, each once."""
    monkeypatch.setattr("stationmaster.jobs.items.BATCH", 10)
    row = run_to_end(odd("fine", args={"count": 203}, concurrency=4))
    assert (row["total"], row["ok"]) == (203, 203)
    places = JobItem.objects.filter(job=row["id"]).order_by("position").values_list("position", flat=True)
    assert list(places) == list(range(1, 204))


def test_several_at_a_time(database: str) -> None:
    """As many items are under way at a time as the job asks for, and no more."""
    job = odd("slow", args={"count": 12, "seconds": 0.2}, concurrency=4)
    most = 0
    thread = threading.Thread(target=run_once, args=(job,))
    thread.start()
    while thread.is_alive():
        most = max(most, JobItem.objects.filter(job=job, state="running").count())
        time.sleep(0.01)
    assert most == 4
    assert Job.objects.get(id=job).ok == 12


def test_a_transient_error_is_tried_again(database: str, ledger: Ledger) -> None:
    """A vendor that fails once, or does the work and fails, is asked again: first what it has. Nothing is done twice."""
    ledger.answers["a-1"] = [(503, {})]
    ledger.after["a-2"] = [(500, {})]
    job = deed(ledger)
    row = run_to_end(job)
    assert (row["state"], row["ok"]) == ("succeeded", 3)
    assert dict(ledger.writes) == {"a-1": 1, "a-2": 1, "a-3": 1}
    assert (item(job, "a-1").attempts, item(job, "a-1").failures, item(job, "a-2").outcome) == (2, 1, {"found": True})


def test_an_item_is_given_up_after_its_tries(database: str, ledger: Ledger) -> None:
    """An item that fails each time is tried as often as the job says, then it has failed; the others have not."""
    ledger.answers["a-2"] = [(503, {})] * 9
    job = deed(ledger, item_retries=2)
    row = run_to_end(job)
    assert (row["state"], row["ok"], row["failed"]) == ("partial", 2, 1)
    assert (item(job, "a-2").reason, item(job, "a-2").attempts, len(ledger.answers["a-2"])) == ("error.vendor.transient", 2, 7)


@pytest.mark.parametrize(("status", "code"), [(400, "error.vendor.rejected"), (409, "error.vendor.already_exists")])
def test_a_refusal_is_not_tried_again(database: str, ledger: Ledger, status: int, code: str) -> None:
    """What a vendor refuses for good fails its item at once, with the reason."""
    ledger.answers["a-1"] = [(status, {})] * 2
    job = deed(ledger)
    assert run_to_end(job)["state"] == "partial"
    assert (item(job, "a-1").reason, item(job, "a-1").attempts) == (code, 1)


def test_an_error_that_nobody_foresaw_shows_nothing(database: str, ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    """A mistake of ours fails its item and no other; its text, which may hold a secret, is in no row, log line or log."""
    ledger.answers["a-1"] = [(418, {})]
    job = deed(ledger)
    assert run_to_end(job)["ok"] == 2
    assert item(job, "a-1").reason == "error.job.crashed"
    texts = [*JobLog.objects.values_list("text", flat=True), *JobItem.objects.values_list("sentence", flat=True), caplog.text]
    assert deeds.CANARY not in "\n".join(texts)
    assert "RuntimeError at " in caplog.text


def test_a_stopped_run_leaves_the_rest_untried(database: str, ledger: Ledger) -> None:
    """When the admin credential is refused the job fails at once: what is left was not tried, and says so."""
    ledger.answers["a-2"] = [(401, {})]
    job = deed(ledger, 5)
    row = run_to_end(job)
    assert (row["state"], row["cause"], row["ok"]) == ("failed", "error.vendor.stop_run", 1)
    left = JobItem.objects.filter(job=job, state="pending")
    assert {each.reason for each in left} == {"job.item.untried"}
    assert {each.sentence for each in left} == {"not tried: the key is refused", "not finished: the key is refused"}
    assert (left.count(), sum(ledger.writes.values())) == (4, 1)


def test_a_rate_limit_pauses_the_job(database: str, ledger: Ledger) -> None:
    """A vendor that says "slow down" gets no call until the time it named, by any item; nothing counts as failed."""
    ledger.answers["a-2"] = [(429, {"after": 1})]
    job = deed(ledger, 4, concurrency=2, item_retries=1)
    assert run_to_end(job)["state"] == "succeeded"
    moments = [at for _, _, at in ledger.calls]
    refused = next(at for _, name, at in ledger.calls if name == "a-2")
    assert not [at for at in moments if refused + 0.2 < at < refused + 0.95]


def test_a_long_pause_hands_the_job_back(database: str, ledger: Ledger) -> None:
    """A job that has to wait for long is queued for later, and its place is free meanwhile; that costs no start."""
    ledger.answers["a-1"] = [(429, {"after": 600})]
    job = deed(ledger)
    again = run_once(job)
    row = Job.objects.get(id=job)
    assert (row.state, row.attempt) == ("queued", 0)
    assert 590 < (again.run_after - timezone.now()).total_seconds() < 601
    assert pacing.take("a", 60) > 590, "the workspace's other jobs would go on calling"


@pytest.mark.parametrize("way", ["limited", "limited at the end"])
def test_a_rate_limit_beside_the_items_holds_for_the_workspace(database: str, way: str) -> None:
    """A vendor that says "slow down" while the items are found, or at the end, is left alone by the workspace's other jobs, too,
    and the start counts: one that always says so is not asked for ever."""
    job = odd(way, workspace="a")
    again = run_once(job)
    assert (again.run_after - timezone.now()).total_seconds() > 590
    assert pacing.take("a", 60) > 590, "the workspace's other jobs would go on calling"
    begun = 1 if way == "limited" else 0      # items that were done begin the count anew
    assert (Job.objects.get(id=job).state, Job.objects.get(id=job).attempt) == ("queued", begun)
    row = run_to_end(job)
    assert (row["state"], row["cause"]) == (("failed", "error.job.attempts") if way == "limited" else ("succeeded", ""))


def test_a_job_that_is_handed_back_can_be_cancelled(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever cancels a job in the moment in which it is put off for an hour needs not wait for that hour."""
    job = odd("long")
    real = claims.hand_back

    def late(*args: Any, **named: Any) -> Any:
        jobs.cancel(ADMIN, job)
        return real(*args, **named)

    monkeypatch.setattr(claims, "hand_back", late)
    assert run_once(job) is None
    assert (Job.objects.get(id=job).state, Job.objects.get(id=job).cause) == ("cancelled", "error.job.cancelled")


def test_the_time_to_go_counts_work_alone(database: str) -> None:
    """What a job takes is told by the time in which it was worked on; when it waits, or its worker is dead, no time goes by."""
    job = odd("long")
    first = run_once(job)
    assert first is not None
    hours = timedelta(hours=10)
    Job.objects.filter(id=job).update(started_at=timezone.now() - hours, worked=timedelta(seconds=20))
    row = jobs.get(ADMIN, job)      # two of three are done
    assert (row["per_minute"], row["eta_seconds"]) == (6.0, None)
    Job.objects.filter(id=job).update(run_after=Now())
    assert isinstance(claims.claim(job, "here"), Fence)
    began = timezone.now() - hours
    Job.objects.filter(id=job).update(claimed_at=began, heartbeat_at=began + timedelta(seconds=40))
    assert jobs.get(ADMIN, job)["eta_seconds"] >= hours.total_seconds() / 2, "it looks as if it were worked on"
    assert claims.reap(60)      # it was not, but for 40 seconds
    assert jobs.get(ADMIN, job)["per_minute"] == 2.0
    jobs.cancel(ADMIN, job)
    assert jobs.get(ADMIN, job)["per_minute"] == 2.0


def test_postponed_items_come_again(database: str) -> None:
    """An item that is to be looked at later is; that counts as no failure."""
    job = odd("postponed", item_retries=1)
    assert run_to_end(job)["state"] == "succeeded"
    assert set(JobItem.objects.filter(job=job).values_list("attempts", "failures")) == {(3, 0)}


def test_a_job_waits_elsewhere_for_what_is_far_away(database: str) -> None:
    """When all that is left lies far in the future, the job goes back into the queue until then."""
    job = odd("long")
    again = run_once(job)
    assert 3500 < (again.run_after - timezone.now()).total_seconds() < 3601
    assert (Job.objects.get(id=job).state, Job.objects.get(id=job).ok) == ("queued", 2)


def test_preparing_is_tried_again(database: str) -> None:
    """When what there is to do cannot be read for a moment, the job is started again later; for ever it is not."""
    row = run_to_end(odd("unreadable", args={"until": 3}))
    assert row["state"] == "succeeded"
    row = run_to_end(odd("unreadable"))
    assert (row["state"], row["cause"]) == ("failed", "error.job.attempts")


def test_a_refused_job_says_why(database: str) -> None:
    """What stops a job before it has items, or at its very end, is its cause."""
    row = run_to_end(odd("refused"))
    assert (row["state"], row["cause"]) == ("failed", "error.vendor.directory_managed")
    row = run_to_end(odd("unconcluded"))
    assert (row["state"], row["cause"], row["ok"]) == ("failed", "error.vendor.stop_run", 3)


def test_the_result_is_clean(database: str) -> None:
    """A result holds no control characters and nothing that looks like a secret."""
    assert run_to_end(odd("fine"))["result"] == {"way": "fine", "text": "red [hidden]"}


def test_the_kind_hears_of_the_end(database: str) -> None:
    """A kind is told of each end, in the same transaction: of a good one, of a bad one, of one before it began."""
    good, bad, never = odd("fine", "test_ended"), odd("refused", "test_ended"), odd("fine", "test_ended")
    run_to_end(good)
    run_to_end(bad)
    jobs.cancel(ADMIN, never)
    told = {job: [row for row in trail(job) if row[0] == "ended"] for job in (good, bad, never)}
    assert {job: len(rows) for job, rows in told.items()} == dict.fromkeys((good, bad, never), 1)
    states = {row.subject: row.after for row in AuditEvent.objects.filter(action="ended")}
    assert [words in states[job] for job, words in ((good, "succeeded"), (bad, "failed"), (never, "cancelled"))] == [True] * 3


@pytest.mark.parametrize("way", ["fine", "refused"])
def test_a_kind_that_cannot_take_the_end(database: str, way: str) -> None:
    """When what follows from a job's end cannot be stored, none of it is, and the job has ended as failed all the same."""
    row = run_to_end(odd(way, "test_rude"))
    assert (row["state"], row["cause"]) == ("failed", "error.job.unrecorded")
    assert ("end", ADMIN.id) in trail(row["id"])
    assert not AuditEvent.objects.filter(action="half").exists()


def test_the_trail_says_who(database: str) -> None:
    """Submitting, cancelling and ending are in the audit trail under the name of who asked for the job; what the job itself
    changed as well."""
    job = odd("fine")
    run_to_end(job)
    assert trail(job) == [("submit", ADMIN.id), ("end", ADMIN.id)]
    other = odd("fine")
    jobs.cancel(ADMIN, other)
    assert trail(other) == [("submit", ADMIN.id), ("cancel", ADMIN.id), ("end", ADMIN.id)]


def test_a_dry_run_says_what_would_have_left(database: str) -> None:
    """An item whose write a dry run held back is skipped, and says which write."""
    job = odd("write in dry run", dry_run=True)
    run_to_end(job)
    row = item(job, "item-0")
    assert (row.state, row.reason, row.outcome) == ("skipped", "error.vendor.dry_run", {"method": "POST", "path": "/things"})


def test_the_log_tells_of_it_in_order(database: str, ledger: Ledger) -> None:
    """A log begins with the start and ends with the end, numbered without a gap; lines name their item."""
    ledger.answers["a-2"] = [(400, {})]
    job = deed(ledger)
    run_to_end(job)
    page = jobs.log(ADMIN, job)
    assert [line["seq"] for line in page["lines"]] == list(range(1, len(page["lines"]) + 1))
    assert (page["lines"][0]["text"], page["lines"][-1]["text"]) == ("started", "partial: 2 done, 0 skipped, 1 failed")
    assert [(line["level"], line["item"]) for line in page["lines"] if "no seat" in line["text"]] == [("error", "a-2")]
    assert page["ended"] is True
