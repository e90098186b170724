"""Rows of jobs. Owns: their tables, and what the database itself holds: one running job a lock, one waiting job a dedupe key.

Ids and plain values only, as JSON. Nothing here is configuration: workers write it without a revision.
"""

from datetime import timedelta
from typing import Any, ClassVar, Final

from django.db import models
from django.db.models import Q

from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText
from stationmaster.store.rows import new_id

QUEUED: Final = "queued"
RUNNING: Final = "running"
ENDED: Final = ("succeeded", "partial", "failed", "cancelled")
STATES: Final = (QUEUED, RUNNING, *ENDED)

PENDING: Final = "pending"
ITEM_DONE: Final = ("ok", "skipped", "failed")
ITEM_STATES: Final = (PENDING, RUNNING, *ITEM_DONE)


class Job(models.Model):
    """One durable run. `lock`: of the jobs with the same one, one runs at a time (empty: any number). `dedupe`: of those with
    the same one, one is queued or running (empty: any number). `fence` goes up by one at each claim: who holds an older one
    has lost the job. `attempt`: claims since something of it was last done. `claimed_at`: since when who runs it does,
    `worked`: how long those before them did. `logged`: lines of its log."""

    PREFIX: ClassVar[str] = "job"
    KIND: ClassVar[str] = "job"

    id = AsciiField(max_length=64, primary_key=True)
    kind = AsciiField(max_length=40, db_index=True)
    workspace = AsciiField(max_length=64, default="", db_index=True)
    args = JsonText(default=dict)
    state = AsciiField(max_length=12, default=QUEUED, db_index=True)
    priority = models.SmallIntegerField(default=0)
    lock = AsciiField(max_length=120, default="")
    dedupe = AsciiField(max_length=200, default="")
    run_after = models.DateTimeField()
    created_at = models.DateTimeField(db_index=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, db_index=True)
    heartbeat_at = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True)
    worked = models.DurationField(default=timedelta)
    fence = models.PositiveIntegerField(default=0)
    worker = AsciiField(max_length=120, default="")
    attempt = models.PositiveIntegerField(default=0)
    cancel_asked = models.BooleanField(default=False)
    actor_kind = AsciiField(max_length=20)
    actor = AsciiField(max_length=64, db_index=True)
    actor_rest = JsonText(default=dict)                     # role, request_id, scopes and person of the actor
    concurrency = models.PositiveSmallIntegerField(default=1)
    item_retries = models.PositiveSmallIntegerField(default=3)
    dry_run = models.BooleanField(default=False)
    retry_of = AsciiField(max_length=64, default="")
    prepared = models.BooleanField(default=False)           # its items are written down
    total = models.PositiveIntegerField(default=0)
    ok = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    cause = AsciiField(max_length=120, default="")          # a dotted code, empty for none
    sentence = models.TextField(default="")                 # the cause for people
    result = JsonText(default=dict)
    logged = models.PositiveIntegerField(default=0)
    search_text = models.TextField(default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["lock"], condition=Q(state=RUNNING) & ~Q(lock=""), name="jobs_one_running_a_lock",
            ),
            models.UniqueConstraint(
                fields=["dedupe"], condition=Q(state__in=[QUEUED, RUNNING]) & ~Q(dedupe=""), name="jobs_one_waiting_a_key",
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["state", "run_after"], name="jobs_due")]

    def __init__(self, *args: Any, **named: Any) -> None:
        if not args:
            named = {"id": new_id(self.PREFIX), **named}
        super().__init__(*args, **named)

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class JobItem(models.Model):
    """One thing that a job does, idempotently. `key` is unique in the job and says what it is for good; `subject` the id of
    what it is about; `data` plain values that its kind needs; `things`: for how many it stands in the job's counts.
    `attempts`: how often it was begun, `failures`: how often of that it could be tried again later. `intent_at`, `intent`: the
    last vendor write that was about to leave."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()                # 1, 2, 3 …
    key = AsciiField(max_length=200)
    subject = AsciiField(max_length=64, default="")
    data = JsonText(default=dict)
    things = models.PositiveIntegerField(default=1)
    state = AsciiField(max_length=12, default=PENDING)
    reason = AsciiField(max_length=120, default="")         # a dotted code
    sentence = models.TextField(default="")                 # the reason for people
    attempts = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    intent_at = models.DateTimeField(null=True)
    intent = AsciiField(max_length=200, default="")
    outcome = JsonText(default=dict)
    run_after = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["job", "key"], name="jobs_item_key"),
            models.UniqueConstraint(fields=["job", "position"], name="jobs_item_position"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["job", "state", "position"], name="jobs_item_state")]

    def __str__(self) -> str:
        return f"item {self.position}"


class JobLog(models.Model):
    """One line of a job's log, cleaned and redacted before it was written. `item`: the key of the item it is about."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="lines")
    seq = models.PositiveIntegerField()                     # 1, 2, 3 …, as they became visible
    at = models.DateTimeField()
    level = AsciiField(max_length=8)
    item = AsciiField(max_length=200, default="")
    text = models.TextField()

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["job", "seq"], name="jobs_log_seq")]

    def __str__(self) -> str:
        return f"line {self.seq}"


class Schedule(models.Model):
    """A job that comes again and again. `workspace` may be empty."""

    kind = AsciiField(max_length=40)
    workspace = AsciiField(max_length=64, default="")
    args = JsonText(default=dict)
    every = models.PositiveIntegerField()                   # seconds
    next_at = models.DateTimeField(db_index=True)
    last_job = AsciiField(max_length=64, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["kind", "workspace"], name="jobs_one_schedule_each"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.workspace}"


class Pace(models.Model):
    """When the next call of a workspace would be exactly on time (GCRA's theoretical arrival), in seconds since 1970."""

    id = AsciiField(max_length=64, primary_key=True)        # the workspace, or whatever is paced
    next_at = models.FloatField(default=0.0)

    def __str__(self) -> str:
        return str(self.id)


class Worker(models.Model):
    """A worker process that runs, or did lately."""

    id = AsciiField(max_length=120, primary_key=True)       # host, process, something random
    engine = AsciiField(max_length=20)
    version = AsciiField(max_length=40)
    threads = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.id)
