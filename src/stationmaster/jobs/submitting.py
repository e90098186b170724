"""Making jobs. Owns: their new rows, what arguments may be, telling the engine; all in the caller's transaction."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from stationmaster.errors import Conflict, Invalid
from stationmaster.jobs.claims import ring_of
from stationmaster.jobs.engine import engine
from stationmaster.jobs.kinds import Kind
from stationmaster.jobs.models import QUEUED, RUNNING, Job
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change
from stationmaster.store.given import refuse_odd_text

MAX_ARGS: Final = 8192           # bytes of JSON
MAX_CONCURRENCY: Final = 32
MAX_RETRIES: Final = 5
_LIMITS: Final = {"concurrency": (1, MAX_CONCURRENCY), "item_retries": (1, MAX_RETRIES), "priority": (-100, 100)}


@dataclass(frozen=True)
class Wish:
    """A job as it is asked for; `delay` in seconds. `item_retries`: how often an item that may work later is tried in all."""

    workspace: str = ""
    args: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    delay: float = 0.0
    dedupe: str = ""
    concurrency: int = 1
    item_retries: int = 3
    dry_run: bool = False
    retry_of: str = ""


def new_job(edit: Change, actor: Actor, kind: Kind, wish: Wish) -> Job:
    """Make the row of a queued job. Raises `Invalid`, and `Conflict` when one with its dedupe key waits or runs."""
    _check(wish)
    row = Job(
        kind=kind.name, workspace=wish.workspace, args=dict(wish.args), priority=wish.priority, dedupe=wish.dedupe,
        lock=lock_of(kind, wish.workspace), run_after=Now() + timedelta(seconds=wish.delay), created_at=Now(),
        actor_kind=actor.kind, actor=actor.id, actor_rest=_rest(actor), concurrency=wish.concurrency,
        item_retries=wish.item_retries, dry_run=wish.dry_run, retry_of=wish.retry_of,
    )
    row.search_text = f"{row.id}\n{kind.name}\n{wish.workspace}\n{actor.id}\n{wish.retry_of}".casefold()
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise _waits_already(wish.dedupe) from None
    if actor.kind != "system":
        edit.record(f"jobs:{row.id}:{'retry' if wish.retry_of else 'submit'}", None, _told(row))
    return row


def ring(job: str) -> None:
    """Have the engine run a job whose row is complete; part of the open transaction."""
    engine().submit(ring_of(job))


def lock_of(kind: Kind, workspace: str) -> str:
    """Of which jobs one runs at a time; empty: of none."""
    if not kind.exclusive:
        return ""
    return f"workspace:{workspace}" if workspace else f"kind:{kind.name}"


def _check(wish: Wish) -> None:
    refuse_odd_text(wish.args, "args")
    wrong = {name: f"is a whole number from {low} to {high}" for name, (low, high) in _LIMITS.items()
             if type(getattr(wish, name)) is not int or not low <= getattr(wish, name) <= high}  # fmt: skip
    if wish.delay < 0 or wish.delay > 366 * 86_400:
        wrong["delay"] = "is a number of seconds, up to a year"
    if not _is_plain(wish.args):
        wrong["args"] = f"is an object of ids, numbers and lists of them, of up to {MAX_ARGS} bytes"
    if wrong:
        raise Invalid("error.job.bad_wish", "; ".join(f"{name} {why}" for name, why in wrong.items()), fields=wrong)


def _is_plain(args: Mapping[str, Any]) -> bool:
    """Whether arguments are one flat object of plain values: rows of their own hold anything else."""
    def plain(value: Any) -> bool:
        return value is None or isinstance(value, str | int | float | bool)

    flat = all(isinstance(name, str) and (plain(value) or (isinstance(value, list | tuple) and all(map(plain, value))))
               for name, value in args.items())  # fmt: skip
    try:
        return flat and len(json.dumps(dict(args), allow_nan=False).encode()) <= MAX_ARGS
    except (TypeError, ValueError):
        return False


def _rest(actor: Actor) -> dict[str, Any]:
    scopes = None if actor.scopes is None else sorted(actor.scopes)
    return {"role": actor.role, "request_id": actor.request_id, "scopes": scopes, "person": actor.person,
            "fresh": actor.fresh}  # fmt: skip


def _told(row: Job) -> dict[str, Any]:
    return {name: getattr(row, name) for name in
            ("kind", "workspace", "args", "priority", "concurrency", "item_retries", "dry_run", "retry_of")}  # fmt: skip


def _waits_already(dedupe: str) -> Conflict:
    other = Job.objects.filter(dedupe=dedupe, state__in=[QUEUED, RUNNING]).values_list("id", flat=True).first() or ""
    return Conflict("error.job.already", f"the same job is queued or running: {other}", hint="wait for it, or cancel it",
                    fields={"job": other})  # fmt: skip
