"""What entrances and apps may ask about jobs."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.db import connection
from django.db.models import Max, Min, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from stationmaster.errors import Conflict, Invalid, NotFound
from stationmaster.gateway.config.problems import quoted
from stationmaster.jobs import submitting
from stationmaster.jobs.ceasing import Cancelled
from stationmaster.jobs.ending import close
from stationmaster.jobs.engine import engine
from stationmaster.jobs.items import BATCH
from stationmaster.jobs.kinds import kind_of, known
from stationmaster.jobs.models import ENDED, PENDING, QUEUED, Job, JobItem, JobLog, Worker
from stationmaster.jobs.schedules import schedule, unschedule
from stationmaster.jobs.showing import ITEMS, JOBS, show_job, show_line, show_worker
from stationmaster.jobs.submitting import Wish, new_job
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.export import Format, export
from stationmaster.store.listing import Page, Query, page, tally

__all__ = [
    "ITEMS", "JOBS", "MAX_LINES", "any_worker", "cancel", "export_jobs", "get", "items", "jobs_by_state", "kinds", "last_of",
    "last_of_each", "list_jobs", "log", "retry_failed", "schedule", "submit", "unschedule", "waiting", "workers",
]  # fmt: skip

MAX_LINES = 1000


def submit(
    actor: Actor, kind: str, *, workspace: str = "", args: Mapping[str, Any] | None = None, priority: int = 0, delay: float = 0.0,
    dedupe: str = "", concurrency: int = 1, item_retries: int = 3, dry_run: bool = False,
) -> Mapping[str, Any]:
    """Queue a job, in the change that is open or in one of its own. `args`: a flat object of ids and plain values; `delay`
    in seconds; `dedupe`: a key of which one job waits or runs at a time. Raises `Forbidden`, `Invalid`, `Conflict`."""
    wanted = kind_of(kind)
    require(actor, wanted.action)
    wish = Wish(workspace, args or {}, priority, delay, dedupe, concurrency, item_retries, dry_run)
    with change(actor) as edit:
        row = new_job(edit, actor, wanted, wish)
        submitting.ring(row.id)
    return show_job(_find(row.id))


def list_jobs(actor: Actor, query: Query) -> Page:
    """One page of them, the newest first. Raises `Forbidden`, `Invalid`."""
    require(actor, "jobs:read")
    return page(JOBS, Job.objects.all(), query)


def jobs_by_state(actor: Actor) -> Mapping[str, int]:
    """How many jobs there are in each state that one is in. Raises `Forbidden`."""
    require(actor, "jobs:read")
    return tally(JOBS, Job.objects.all(), Query(), "state")


def export_jobs(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "jobs:export")
    return export(JOBS, Job.objects.all(), query, form)


def get(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by its id. Raises `Forbidden`, `NotFound`."""
    require(actor, "jobs:read")
    return show_job(_find(which))


def items(actor: Actor, which: str, query: Query) -> Page:
    """One page of a job's items, in their order. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "jobs:read")
    return page(ITEMS, JobItem.objects.filter(job=_find(which)), query)


def log(actor: Actor, which: str, after: int = 0, limit: int = MAX_LINES) -> Mapping[str, Any]:
    """Lines of a job's log behind the number `after`, at most `limit`; `next` is what to ask after then, `ended`: nothing will
    be added. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "jobs:read")
    if not 0 < limit <= MAX_LINES or not 0 <= after < 2**31:
        why = f"a number from 1 to {MAX_LINES}, behind one that a page gave"
        raise Invalid("error.list.bad_filter", f"limit: {why}", fields={"limit": why})
    job = _find(which)      # before the lines: ended means that those were all
    lines = [show_line(row) for row in JobLog.objects.filter(job=job, seq__gt=after).order_by("seq")[:limit]]
    last = lines[-1]["seq"] if lines else after
    return {"lines": lines, "next": last, "ended": job.state in ENDED and len(lines) < limit, "state": job.state}


def cancel(actor: Actor, which: str) -> Mapping[str, Any]:
    """Cancel a job: at once when it waits, after the items under way when it runs. Of some kinds that takes a right of theirs,
    too. Raises `Forbidden`, `NotFound`, `Conflict`."""
    require(actor, "jobs:cancel")
    with change(actor) as edit:
        row = _locked(_find(which).id)
        kind = known().get(row.kind)
        if kind is not None and kind.cancels:
            require(actor, kind.cancels)
        if row.state in ENDED:
            raise Conflict("error.job.ended", f"this job has ended: {row.state}")
        if not row.cancel_asked:
            edit.record(f"jobs:{row.id}:cancel", {"state": row.state}, {"state": row.state, "cancel_asked": True})
            Job.objects.filter(id=row.id).update(cancel_asked=True)
        if row.state == QUEUED:
            engine().withdraw(row.id)
            close(edit, row.id, "cancelled", Cancelled().code, "the job was cancelled before it ran on")
    return show_job(_find(row.id))


def retry_failed(actor: Actor, which: str) -> Mapping[str, Any]:
    """A new job of the items that failed or were not tried; of a job that ended before it had items, all of it again. Takes
    the right to submit it, too; some kinds cannot be. Raises `Forbidden`, `NotFound`, `Conflict`."""
    require(actor, "jobs:retry")
    old = _find(which)
    kind = kind_of(old.kind)
    require(actor, kind.action)
    if old.state not in ENDED:
        raise Conflict("error.job.not_ended", f"this job is {old.state}", hint="cancel it first")
    if not kind.retries:
        raise Conflict("error.job.not_retried", f"a job of the kind {kind.name} is not tried again", hint=kind.instead)
    left = JobItem.objects.filter(job=old, state__in=["failed", PENDING])
    if old.prepared and not left.exists():
        raise Conflict("error.job.nothing_left", "no item of this job failed or was left untried")
    wish = Wish(old.workspace, old.args, old.priority, 0.0, old.dedupe, old.concurrency, old.item_retries, old.dry_run, old.id)
    with change(actor) as edit:
        row = new_job(edit, actor, kind, wish)
        if old.prepared:
            Job.objects.filter(id=row.id).update(prepared=True, total=_copy(left, row))
        submitting.ring(row.id)
    return show_job(_find(row.id))


def last_of(workspace: str) -> dict[str, Mapping[str, Any]]:
    """The newest job of each kind of a workspace, by kind. Asks for no right: it is part of what shows the workspace."""
    rows = Job.objects.filter(workspace=workspace).values("kind").annotate(newest=Max("id")).values_list("newest", flat=True)
    return {row.kind: show_job(row) for row in Job.objects.filter(id__in=list(rows)).order_by("kind")}


def last_of_each(workspaces: Collection[str]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """The same of several workspaces, by their ids, in two questions however many they are."""
    newest = Job.objects.filter(workspace__in=list(workspaces)).values("workspace", "kind").annotate(newest=Max("id"))
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in Job.objects.filter(id__in=list(newest.values_list("newest", flat=True))).order_by("kind"):
        found.setdefault(row.workspace, {})[row.kind] = show_job(row)
    return found


def kinds(actor: Actor) -> list[Mapping[str, Any]]:
    """Which kinds of job there are. Raises `Forbidden`."""
    require(actor, "jobs:read")
    return [{"kind": each.name, "title": each.title, "action": each.action, "exclusive": each.exclusive, "retries": each.retries}
            for each in sorted(known().values(), key=lambda kind: kind.name)]  # fmt: skip


def workers(actor: Actor) -> list[Mapping[str, Any]]:
    """The workers that run, and those that did within a day and were not heard of since. Raises `Forbidden`."""
    require(actor, "jobs:read")
    return [show_worker(row) for row in Worker.objects.order_by("-beat_at")]


def any_worker() -> bool:
    """Whether a worker runs: without one, jobs wait."""
    return any(show_worker(row)["alive"] for row in Worker.objects.order_by("-beat_at")[:1])


def waiting() -> int:
    """How many jobs could begin now, if a worker had the time."""
    return Job.objects.filter(state=QUEUED, run_after__lte=Now()).count()


def longest_wait() -> float:
    """For how many seconds the job has waited that could have begun first; 0.0 where none waits."""
    first = Job.objects.filter(state=QUEUED, run_after__lte=Now()).aggregate(first=Min("run_after"))["first"]
    return 0.0 if first is None else max(0.0, (timezone.now() - first).total_seconds())


def _find(which: str) -> Job:
    row = Job.objects.filter(id=which).first() if which.isascii() and which.isprintable() and len(which) <= 64 else None
    if row is None:
        raise NotFound("error.job.not_found", f"there is no job {quoted(which)}")
    return row


def _locked(which: str) -> Job:
    rows: QuerySet[Job] = Job.objects.filter(id=which)
    if connection.features.has_select_for_update:
        rows = rows.select_for_update(no_key=True)
    return rows.get()


def _copy(left: "QuerySet[JobItem]", row: Job) -> int:
    """Give `row` new items like those in `left`; how many things they stand for."""
    old = left.order_by("position").values("key", "subject", "data", "things")
    rows = [JobItem(job=row, position=place, **values) for place, values in enumerate(old, 1)]
    JobItem.objects.bulk_create(rows, BATCH)
    return sum(each.things for each in rows)
