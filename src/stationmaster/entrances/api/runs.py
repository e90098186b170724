"""Batch runs over REST, and the test of the mail relay. What there is to do is the services'."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from ninja import Router

from stationmaster.entrances.api import asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters
from stationmaster.entrances.api.replay import write
from stationmaster.mail import services as mail
from stationmaster.store.actor import Actor
from stationmaster.workspaces import services as workspaces

router = Router()

Given = Mapping[str, Any]
_AT = "2026-11-22T09:30:00.123456+00:00"
_SUMS: Final = {"done": 20, "skipped": 1, "failed": 2, "left": 27, "pending": 27}
_ROW: Final = {"workspace": "acme-openai", "job": "job_06f2w4k5y8zq1v3t7b9d0c2m4n", "state": "running", "running": True,
               "heartbeat_at": _AT, **_SUMS}  # fmt: skip
_STATUS: Final = {"running": True, "heartbeat_at": _AT, **_SUMS, "workspaces": [_ROW]}
_STARTED: Final = {**_STATUS, "refused": [{"plan": "plan_06f2w4k5y8zq1v3t7b9d0c2m4n", "why": "the plan changed"}]}
_NULLABLE: Final = frozenset({"heartbeat_at"})
_SENT: Final = {"sent": True, "host": "smtp.example.com", "port": 587, "tls": "starttls", "sender": "stationmaster@example.com"}
_NOTHING: Final = {"type": "object", "additionalProperties": False, "properties": {}}
_PACE: Final = {"type": "object", "additionalProperties": False, "properties": {
    "concurrency": {"type": ["integer", "null"], "minimum": 1, "maximum": 32, "description": "people of a workspace at a time"},
    "item_retries": {"type": ["integer", "null"], "minimum": 1, "maximum": 5, "description": "how often one is tried"},
}}  # fmt: skip
_TO: Final = {"type": "object", "additionalProperties": False, "required": ["to"], "properties": {
    "to": {"type": "string", "minLength": 3, "maxLength": 254, "description": "an e-mail address"}}}  # fmt: skip
_WHICH: Final = "`which` is a workspace's name or id, or `all`."


@router.get("/runs/{which}", **operation(
    "get_runs", "See where a batch run stands", "runs", f"{_WHICH} Of each workspace its newest apply job; `pending`: approved "
    "steps without an outcome.",
    success=schemas.content(schemas.of_example(_STATUS, _NULLABLE), _STATUS),
))  # fmt: skip
def status(request: HttpRequest, which: str) -> HttpResponse:
    """Where it stands."""
    asking.known_only(request, ())
    return Reply(200, workspaces.get_run(actor_of(request), which)).response()


@router.post("/runs/{which}/start", **operation(
    "start_runs", "Start a batch run", "runs", f"Does everything that was approved and is not done yet. {_WHICH}",
    parameters=parameters("idempotency"), success=schemas.content(schemas.of_example(_STARTED, _NULLABLE), _STARTED),
    body=schemas.content(_PACE, {"concurrency": 4, "item_retries": 3}),
))  # fmt: skip
def start(request: HttpRequest, which: str) -> HttpResponse:
    """Until nothing is left."""
    return _acted(request, lambda actor, given: workspaces.start_run(actor, which, given))


@router.post("/runs/{which}/stop", **operation(
    "stop_runs", "Stop a batch run", "runs", f"After the people under way; the next run goes on with the rest. {_WHICH}",
    parameters=parameters("idempotency"), success=schemas.content(schemas.of_example(_STATUS, _NULLABLE), _STATUS),
    body=schemas.content(_NOTHING, {}),
))  # fmt: skip
def stop(request: HttpRequest, which: str) -> HttpResponse:
    """No further one."""
    return _acted(request, lambda actor, given: workspaces.stop_run(actor, which, given))


@router.post("/mail/test", **operation(
    "test_mail", "Send a test mail", "settings", "To one address, by the relay of the settings in [mail]; "
    "refused (409) while there is none.", relays=True,
    parameters=parameters("idempotency"), success=schemas.content(schemas.of_example(_SENT), _SENT),
    body=schemas.content(_TO, {"to": "ada@example.com"}),
))  # fmt: skip
def test(request: HttpRequest) -> HttpResponse:
    """One mail."""
    return _acted(request, mail.send_test)


def _acted(request: HttpRequest, work: Callable[[Actor, Given], Mapping[str, Any]]) -> HttpResponse:
    asking.known_only(request, ())
    actor, given = actor_of(request), asking.body(request, optional=True)
    return write(request, actor, lambda: Reply(200, work(actor, given)))
