"""Items of a job that runs. Owns: writing them down, which comes next, what became of one.

Every transaction here holds the fence: an owner who lost the job writes nothing.
"""

import itertools
import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Min, Q
from django.db.models.functions import Now
from django.utils import timezone

from stationmaster.jobs import claims
from stationmaster.jobs.ceasing import Lost
from stationmaster.jobs.cleaning import cleaned
from stationmaster.jobs.kinds import Done, Failed, NewItem, Postponed, Skipped
from stationmaster.jobs.models import PENDING, RUNNING, Job, JobItem
from stationmaster.jobs.run import Run

BATCH: Final = 1000       # rows of one transaction
_AHEAD: Final = 100       # rows read at a time
_MAX_REASON: Final = 120  # characters; it is a code
Final_ = Done | Skipped | Failed


def write_down(run: Run, found: Iterable[NewItem]) -> int:
    """Write the items down, in batches; how many things they stand for. None can be performed before the last is there; what an
    earlier start that died left is taken away first. Raises what `found` does."""
    with transaction.atomic():
        claims.lock(run.fence)
        JobItem.objects.filter(job=run.id).delete()
    position, total, pieces = 0, 0, iter(found)
    for batch in iter(lambda: list(itertools.islice(pieces, BATCH)), []):
        run.check()
        rows = [JobItem(job_id=run.id, position=place, key=item.key, subject=item.subject, data=dict(item.data),
                        things=item.things) for place, item in enumerate(batch, position + 1)]  # fmt: skip
        with transaction.atomic():
            claims.lock(run.fence)
            JobItem.objects.bulk_create(rows)
        position += len(rows)
        total += sum(row.things for row in rows)
    with transaction.atomic():
        claims.lock(run.fence)
        Job.objects.filter(run.fence.mine).update(prepared=True, total=total)
    return total


def begin(run: Run, item: int) -> JobItem:
    """Take an item up: it was begun once more. Raises `Lost`, `Cancelled`."""
    with transaction.atomic():
        claims.hold(run.fence)
        JobItem.objects.filter(id=item).update(state=RUNNING, attempts=F("attempts") + 1, run_after=None)
        return JobItem.objects.get(id=item)


def finish(run: Run, item: JobItem, outcome: Final_) -> None:
    """Write down what became of it, and with it whatever the outcome's `record` does. Raises `Lost`, and what `record` does:
    then nothing was written."""
    if outcome.record is None:
        with transaction.atomic():
            claims.lock(run.fence)
            _close(run, item, outcome)
        return
    with run.recording() as edit:
        outcome.record(edit)
        _close(run, item, outcome)


def put_off(run: Run, item: JobItem, seconds: float, outcome: Failed | Postponed | None = None) -> None:
    """Try it again in `seconds`; a `Failed` counts, and both leave their reason."""
    values: dict[str, Any] = {"state": PENDING, "run_after": Now() + timedelta(seconds=seconds)}
    if outcome is not None:
        values |= {"reason": outcome.reason[:_MAX_REASON], "sentence": cleaned(outcome.sentence)}
    if isinstance(outcome, Failed):
        values["failures"] = F("failures") + 1
    with transaction.atomic():
        claims.lock(run.fence)
        JobItem.objects.filter(id=item.id).update(**values)


def _close(run: Run, item: JobItem, outcome: Final_) -> None:
    state = "ok" if isinstance(outcome, Done) else "skipped" if isinstance(outcome, Skipped) else "failed"
    reason, sentence = ("", "") if isinstance(outcome, Done) else (outcome.reason, outcome.sentence)
    values: Mapping[str, Any] = {
        "state": state, "reason": reason[:_MAX_REASON], "sentence": cleaned(sentence), "outcome": cleaned(outcome.outcome),
        "run_after": None,
    }
    if not JobItem.objects.filter(id=item.id, state=RUNNING).update(**values):
        raise Lost
    # Something was done: starts that end without are counted anew.
    done = outcome.done if isinstance(outcome, Failed) else 0
    added = {state: F(state) + item.things - done, **({"ok": F("ok") + done} if done else {})}
    Job.objects.filter(run.fence.mine).update(**added, attempt=0)


class Source:
    """Which item comes next; many threads ask. What is taken has to be given back with `over`."""

    def __init__(self, job: str) -> None:
        self._job = job
        self._changed = threading.Condition()
        self._ready: Iterator[int] = iter(())
        self._taken: set[int] = set()

    def next(self) -> int | None:
        """The id of one that may be done now; None: there is none now."""
        with self._changed:
            found = next(self._ready, None)
            if found is None:
                self._ready = iter(self._read())
                found = next(self._ready, None)
            if found is not None:
                self._taken.add(found)
            return found

    def over(self, item: int) -> None:
        """It was done, or put off."""
        with self._changed:
            self._taken.discard(item)
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait for others to finish theirs, for so long at most; whether there are any others."""
        with self._changed:
            if self._taken:
                self._changed.wait(seconds)
                return True
            return False

    def _read(self) -> list[int]:
        due = Q(run_after=None) | Q(run_after__lte=Now())
        rows = JobItem.objects.filter(due, job=self._job, state=PENDING).exclude(id__in=self._taken)
        return list(rows.order_by("position").values_list("id", flat=True)[:_AHEAD])

    def rest(self) -> float | None:
        """Seconds until the next one may be done; None: there is none left."""
        rows = JobItem.objects.filter(job=self._job, state=PENDING)
        if not rows.exists():
            return None
        at = rows.aggregate(at=Min("run_after"))["at"]
        if at is None or rows.filter(run_after=None).exists():
            return 0.0
        return max(0.0, float((at - timezone.now()).total_seconds()))
