"""Jobs as plain values. Owns: what is shown of a job, its items, lines and workers; the lists of them; progress."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from stationmaster.jobs.kinds import NAMES, known
from stationmaster.jobs.models import ITEM_STATES, RUNNING, STATES, Job, JobItem, JobLog, Worker
from stationmaster.store.filters import Column
from stationmaster.store.listing import Listing

ALIVE = 90.0      # seconds since a worker's last beat; three leases as they come


@dataclass(frozen=True)
class Progress:
    """How far a job is: what has an outcome, `done` of `total`, `per_minute`, and seconds to go; None: cannot be told."""

    done: int
    total: int
    per_minute: float | None = None
    eta_seconds: float | None = None


def progress(total: int, done: int, seconds: float) -> Progress:
    """The progress of a job that was worked on for `seconds`. Pure."""
    if not done or seconds <= 0:
        return Progress(done, total)
    return Progress(done, total, round(60 * done / seconds, 1), round(seconds * (total - done) / done, 1))


def show_job(row: Job) -> Mapping[str, Any]:
    """A job as plain values. `total`, `ok`, `skipped`, `failed` and `left` (without an outcome) count
    what its items stand for; `known`: whether this version knows its kind."""
    now = progress(row.total, row.ok + row.skipped + row.failed, _seconds(row, timezone.now()))
    kind = known().get(row.kind)
    return {
        "id": row.id, "kind": row.kind, "title": kind.title if kind else row.kind, "known": kind is not None,
        "workspace": row.workspace, "args": row.args, "state": row.state, "cancel_asked": row.cancel_asked,
        "priority": row.priority, "run_after": row.run_after, "created_at": row.created_at, "started_at": row.started_at,
        "ended_at": row.ended_at, "heartbeat_at": row.heartbeat_at, "worker": row.worker, "attempt": row.attempt,
        "actor_kind": row.actor_kind, "actor": row.actor, "request_id": row.actor_rest.get("request_id", ""),
        "concurrency": row.concurrency, "item_retries": row.item_retries, "dry_run": row.dry_run, "retry_of": row.retry_of,
        "total": row.total, "ok": row.ok, "skipped": row.skipped, "failed": row.failed, "left": row.total - now.done,
        "per_minute": now.per_minute, "eta_seconds": now.eta_seconds if row.state == RUNNING else None,
        "cause": row.cause, "sentence": row.sentence, "result": row.result, "lines": row.logged,
    }


def show_item(row: JobItem) -> Mapping[str, Any]:
    """An item as plain values."""
    return {
        "position": row.position, "key": row.key, "subject": row.subject, "state": row.state, "reason": row.reason,
        "sentence": row.sentence, "attempts": row.attempts, "failures": row.failures, "intent": row.intent,
        "intent_at": row.intent_at, "run_after": row.run_after, "data": row.data, "outcome": row.outcome,
    }


def show_line(row: JobLog) -> Mapping[str, Any]:
    """A line of a log as plain values."""
    return {"seq": row.seq, "at": row.at, "level": row.level, "item": row.item, "text": row.text}


def show_worker(row: Worker) -> Mapping[str, Any]:
    """A worker as plain values. `alive`: it was heard of lately."""
    alive = (timezone.now() - row.beat_at).total_seconds() < ALIVE
    return {
        "id": row.id, "engine": row.engine, "version": row.version, "threads": row.threads, "started_at": row.started_at,
        "beat_at": row.beat_at, "alive": alive,
    }


def _seconds(row: Job, now: datetime) -> float:
    """How long it was worked on: while it waited for its turn, a vendor or a worker, it was not."""
    now_too = now - row.claimed_at if row.state == RUNNING and row.claimed_at is not None else timedelta(0)
    return (row.worked + now_too).total_seconds()


JOBS = Listing(
    noun="jobs",
    columns=(
        Column("id"), Column("kind", values=NAMES), Column("workspace"), Column("state", values=STATES), Column("actor"),
        Column("retry_of", sortable=False), Column("created_at", kind="time"), Column("started_at", kind="time", sortable=False),
        Column("ended_at", kind="time", sortable=False), Column("priority", kind="number"), Column("failed", kind="number"),
        Column("dry_run", kind="flag"),
    ),
    show=show_job,
)
ITEMS = Listing(
    noun="job items",
    columns=(
        Column("position", kind="number"), Column("key"), Column("subject"), Column("state", values=ITEM_STATES),
        Column("reason"), Column("attempts", kind="number"),
    ),
    show=show_item, search="", sort="position",
)
