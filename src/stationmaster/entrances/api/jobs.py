"""Jobs over REST: lists, items, logs, what they leave, cancelling, trying again. What there is to do is the services'.

A log is followed by asking again: `wait` holds the answer until there is a line. Whoever waits holds a thread meanwhile, so few
may, and not for long; the answer says where to go on.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Router

from stationmaster.entrances.api import answering, asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters, query
from stationmaster.entrances.api.replay import write
from stationmaster.entrances.api.resource import Resource, listed
from stationmaster.jobs import services as jobs
from stationmaster.jobs.artifacts import ARTIFACTS, artifact
from stationmaster.store.actor import Actor
from stationmaster.store.given import known_only

router = Router()

MAX_WAIT: Final = 20            # seconds for which an answer is held
WAITING: Final = 16             # callers who may wait at a time; others are answered at once
_STEP: Final = 0.25             # seconds between two looks
_waiting = threading.BoundedSemaphore(WAITING)

_AT = "2026-11-22T09:30:00.123456+00:00"
_JOB = "job_06f2w4k5y8zq1v3t7b9d0c2m4n"
_NULLABLE = frozenset({"started_at", "ended_at", "heartbeat_at", "per_minute", "eta_seconds", "intent_at", "run_after"})
_MAPS = frozenset({"args", "result", "data", "outcome"})
_EXAMPLE: Mapping[str, Any] = {
    "id": _JOB, "kind": "reconcile", "title": "Reconcile", "known": True, "workspace": "ws_06f2w4k5y8zq1v3t7b9d0c2m4n",
    "args": {"plan": "plan_06f2w4k5y8zq1v3t7b9d0c2m4n"}, "state": "running", "cancel_asked": False, "priority": 0,
    "run_after": _AT, "created_at": _AT, "started_at": _AT, "ended_at": _AT, "heartbeat_at": _AT,
    "worker": "host-4711-5f3a9c01", "attempt": 1, "actor_kind": "operator", "actor": "op_06f2w4k5y8zq1v3t7b9d0c2m4n",
    "request_id": "req_06f2w4k5y8zq1v3t7b9d0c2m4n", "concurrency": 4, "item_retries": 3, "dry_run": False, "retry_of": "",
    "total": 50, "ok": 20, "skipped": 1, "failed": 2, "left": 27, "per_minute": 31.5, "eta_seconds": 51.4, "cause": "",
    "sentence": "", "result": {}, "lines": 48,
}  # fmt: skip
_ITEM = {
    "position": 1, "key": "invite:seat_06f2w4k5y8zq1v3t7b9d0c2m4n", "subject": "seat_06f2w4k5y8zq1v3t7b9d0c2m4n",
    "state": "failed", "reason": "error.vendor.rejected", "sentence": "no seat is free", "attempts": 1, "failures": 0,
    "intent": "POST /organization/invites", "intent_at": _AT, "run_after": _AT, "data": {}, "outcome": {},
}  # fmt: skip
_LINE = {"seq": 48, "at": _AT, "level": "info", "item": "", "text": "started"}
_LOG = {"lines": [_LINE], "next": 48, "ended": False, "state": "running"}
_WORKER = {
    "id": "host-4711-5f3a9c01", "engine": "procrastinate", "version": "0.5.0", "threads": 4, "started_at": _AT, "beat_at": _AT,
    "alive": True,
}  # fmt: skip
_KIND = {"kind": "reconcile", "title": "Reconcile", "action": "workspaces:update", "exclusive": True, "retries": True}

JOBS: Final = Resource(
    "jobs", "job", jobs.JOBS, _EXAMPLE, jobs.list_jobs, jobs.export_jobs, jobs.get, nullable=_NULLABLE, maps=_MAPS,
)  # fmt: skip
_NOTHING = schemas.content({"type": "object", "additionalProperties": False, "properties": {}}, {})
_RESULT = {"application/json": {"schema": {"type": "object"}, "example": {"job": _EXAMPLE, "items": [_ITEM]}}}
_ITEMS = schemas.page_of(schemas.of_example(_ITEM, _NULLABLE, _MAPS))
_ONE = schemas.content(JOBS.schema(), _EXAMPLE)


def _list_of(example: Mapping[str, Any]) -> schemas.Schema:
    """The answer's description of a list that is never long."""
    return schemas.content(schemas.of_example({"items": [example]}, _NULLABLE, _MAPS), {"items": [example]})


@router.get("/jobs/{which}/items", **operation(
    "list_job_items", "List a job's items", "jobs", "What a job does, thing by thing, and what became of it. There is no search.",
    parameters=parameters("list"), success=schemas.content(_ITEMS, {"items": [_ITEM], "next": "", "total": 1}),
))  # fmt: skip
def list_items(request: HttpRequest, which: str) -> HttpResponseBase:
    """A page of them."""
    return listed(request, f"{which}-items", lambda actor, asked: jobs.items(actor, which, asked), None)


@router.get("/jobs/{which}/log", **operation(
    "job_log", "Read a job's log", "jobs", "Lines behind the number `after`. Ask again with `next` until `ended`; with `wait` "
    "the answer comes when there is a line, or after so many seconds.",
    parameters=[query("after", "the number of the last line that is known", {"type": "integer", "minimum": 0, "default": 0}),
                query("limit", "lines at most", {"type": "integer", "minimum": 1, "maximum": jobs.MAX_LINES, "default": 500}),
                query("wait", "seconds to wait for a line", {"type": "integer", "minimum": 0, "maximum": MAX_WAIT})],
    success=schemas.content(schemas.of_example(_LOG), _LOG),
))  # fmt: skip
def read_log(request: HttpRequest, which: str) -> HttpResponse:
    """Some lines."""
    asking.known_only(request, ("after", "limit", "wait"))
    after, limit, wait = (_number(request, name, default) for name, default in (("after", 0), ("limit", 500), ("wait", 0)))
    if wait > MAX_WAIT:
        raise asking.bad_parameter("wait", f"is a number up to {MAX_WAIT}")
    return Reply(200, _patiently(actor_of(request), which, after, limit, wait)).response()


@router.post("/jobs/{which}/cancel", **operation(
    "cancel_job", "Cancel a job", "jobs", "At once when it waits; after the items under way when it runs.",
    parameters=parameters("idempotency"), success=_ONE, body=_NOTHING,
))  # fmt: skip
def cancel(request: HttpRequest, which: str) -> HttpResponse:
    """No further item."""
    return _acted(request, lambda actor: jobs.cancel(actor, which), 200)


@router.post("/jobs/{which}/retry", **operation(
    "retry_job", "Try again what failed", "jobs",
    "A new job of the items that failed or were not tried. Imports are not: upload the file again.",
    parameters=parameters("idempotency"), success=_ONE, status=201, body=_NOTHING,
))  # fmt: skip
def retry(request: HttpRequest, which: str) -> HttpResponse:
    """Another job."""
    return _acted(request, lambda actor: jobs.retry_failed(actor, which), 201)


@router.get("/jobs/{which}/artifacts", **operation(
    "list_job_artifacts", "List what a job leaves", "jobs", "The names of its files and their types.",
    success=_list_of({"name": "run.log", "type": "text/plain"}),
))  # fmt: skip
def list_artifacts(request: HttpRequest, which: str) -> HttpResponse:
    """Their names."""
    asking.known_only(request, ())
    jobs.get(actor_of(request), which)
    return Reply(200, {"items": [{"name": name, "type": type_} for name, type_ in ARTIFACTS.items()]}).response()


@router.get("/jobs/{which}/artifacts/{name}", **operation(
    "get_job_artifact", "Take a file that a job leaves", "jobs", f"One of {', '.join(ARTIFACTS)}, written from what is stored.",
    success={type_: {"schema": {"type": "string"}} for type_ in ARTIFACTS.values()} | _RESULT,
))  # fmt: skip
def get_artifact(request: HttpRequest, which: str, name: str) -> HttpResponseBase:
    """One file."""
    asking.known_only(request, ())
    actor = actor_of(request)
    pieces = artifact(actor, which, name)
    return answering.download(pieces, f"{jobs.get(actor, which)['id']}-{name}", ARTIFACTS[name])


@router.get("/workers", **operation(
    "list_workers", "List workers", "jobs", "Processes that run jobs, the latest first; with none alive, jobs wait.",
    success=_list_of(_WORKER),
))  # fmt: skip
def list_workers(request: HttpRequest) -> HttpResponse:
    """Who runs jobs."""
    asking.known_only(request, ())
    return Reply(200, {"items": jobs.workers(actor_of(request))}).response()


@router.get("/job-kinds", **operation(
    "list_job_kinds", "List kinds of job", "jobs", "What jobs can be, and the action that submitting one takes.",
    success=_list_of(_KIND),
))  # fmt: skip
def list_kinds(request: HttpRequest) -> HttpResponse:
    """What jobs can be."""
    asking.known_only(request, ())
    return Reply(200, {"items": jobs.kinds(actor_of(request))}).response()


def _acted(request: HttpRequest, work: Callable[[Actor], Mapping[str, Any]], status: int) -> HttpResponse:
    asking.known_only(request, ())
    known_only(asking.body(request, optional=True), frozenset())
    actor = actor_of(request)

    def reply() -> Reply:
        row = work(actor)
        return Reply(status, row, location=f"/api/v1/jobs/{row['id']}" if status == 201 else "")

    return write(request, actor, reply)


def _patiently(actor: Actor, which: str, after: int, limit: int, wait: int) -> Mapping[str, Any]:
    """Lines, once there are any, the job has ended, or it took too long."""
    found = jobs.log(actor, which, after, limit)
    with _place(wait) as end:
        while not found["lines"] and not found["ended"] and time.monotonic() < end:
            time.sleep(_STEP)
            found = jobs.log(actor, which, after, limit)
    return found


@contextmanager
def _place(wait: int) -> Iterator[float]:
    """Until when this caller may wait; not at all when too many do."""
    mine = wait > 0 and _waiting.acquire(blocking=False)
    try:
        yield time.monotonic() + wait if mine else 0.0
    finally:
        if mine:
            _waiting.release()


def _number(request: HttpRequest, name: str, default: int) -> int:
    text = request.GET.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise asking.bad_parameter(name, "is a whole number from 0 on")
    return int(text)
