"""Targets over REST: other gateways that credentials are published into, kept, tried, read back. What there is to do is the
services'."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from ninja import Router

from stationmaster.entrances.api import asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters
from stationmaster.entrances.api.jobs import JOBS
from stationmaster.entrances.api.replay import write
from stationmaster.entrances.api.resource import Resource, mount
from stationmaster.publishing import services as publishing
from stationmaster.publishing.tables import TargetTable
from stationmaster.store.actor import Actor
from stationmaster.store.given import known_only

router = Router()

Given = Mapping[str, Any]
_AT = "2026-11-22T09:30:00.123456+00:00"
_ID = "06f2w4k5y8zq1v3t7b9d0c2m4n"
NULLABLE: Final = frozenset({"tested_at", "read_at"})
MAPS: Final = frozenset({"counts", "seen", "last_jobs", "capabilities"})
NOTHING: Final = schemas.content({"type": "object", "additionalProperties": False, "properties": {}}, {})
JOB: Final = schemas.content(JOBS.schema(), JOBS.example)

_NEW: Final = schemas.of_table(TargetTable, extra={
    "disabled_reason": {"type": ["string", "null"], "description": "why, for people"},
})
_TRIED_FIELDS: Final = {**schemas.for_update(_NEW), "properties": {
    name: each for name, each in _NEW["properties"].items() if name != "kind"}}
KIND_EXAMPLE: Final = {
    "kind": "crs", "title": "Claude Relay Service", "capabilities": {"connect": True, "publish": True, "read": True},
    "credential": "user_password", "optional": False, "vendors": ["anthropic", "openai"], "keeps": ["name", "models"],
    "direction": "lower", "shows_secret": False, "calls_per_minute": 240,
    "unknown": ["The target never shows which secret it holds."], "traps": ["The target writes secrets into its own log."],
}  # fmt: skip
_TRIED: Final = {"ok": True, "words": "", "code": "", "version": "1.1.247", "warnings": ["an older release"], "stored": False}
_GROUP: Final = {"id": "7", "name": "team", "vendors": ["openai"]}


def _created(actor: Actor, given: Given) -> tuple[Given, Given]:
    return publishing.create_target(actor, given), {}


TARGETS: Final = Resource(
    "targets", "target", publishing.TARGETS,
    {"id": f"tgt_{_ID}", "name": "relay", "label": "in Frankfurt", "kind": "crs", "base_url": "https://relay.example.com",
     "user": "admin", "secret_set": True, "allow_insecure_http": False, "concurrency": 0, "priority": 50, "groups": ["7"],
     "group_names": [], "models": [], "default": True, "read_minutes": 60, "calls_per_minute": 0, "disabled": False,
     "disabled_reason": "", "state": "ready", "tested_at": _AT, "tested_ok": True, "tested_words": "", "trouble": "",
     "read_at": _AT, "read_words": "", "version": "1.1.247", "revision": 41, "created_at": _AT, "updated_at": _AT},
    publishing.list_targets, publishing.export_targets, publishing.get_target, _created, publishing.update_target,
    publishing.delete_target, _NEW,
    {"name": "relay", "kind": "crs", "base_url": "https://relay.example.com", "user": "admin", "secret": "…"},
    {"default": True}, nullable=NULLABLE, maps=MAPS,
    detail={"offers": KIND_EXAMPLE, "counts": {"published": 12}, "seen": {"present": 12}, "last_jobs": {}},
)  # fmt: skip
mount(router, TARGETS)


@router.post("/targets/{which}/forget", **operation(
    "forget_targets", "Forget a target with what is published there", "targets", "Entries stay at the target, and nobody here "
    "knows of them any more.", parameters=parameters("idempotency"), body=NOTHING,
    success=schemas.content(schemas.of_example({"id": f"tgt_{_ID}"}), {"id": f"tgt_{_ID}"}),
))  # fmt: skip
def forget(request: HttpRequest, which: str) -> HttpResponse:
    """Without withdrawing anything."""
    return acted(request, lambda actor, given: _forgotten(actor, which, given))


def _forgotten(actor: Actor, which: str, given: Given) -> Given:
    asking_nothing(given)
    row = publishing.get_target(actor, which)
    publishing.delete_target(actor, which, forget=True)
    return {"id": row["id"]}


@router.post("/targets/{which}/test", **operation(
    "test_targets", "Test the connection of a target", "targets", "As it is stored, with the fields that are given in their "
    "place, which takes the right to change it; they are not stored. Changes nothing there. A stored secret is never sent to "
    "another address, nor as another user: give it anew. "
    "`stored`: it was tested as it is stored, which a run asks for after a change.",
    body=schemas.content(_TRIED_FIELDS, {"concurrency": 4}), success=schemas.content(schemas.of_example(_TRIED), _TRIED),
    relays=True,
))  # fmt: skip
def test(request: HttpRequest, which: str) -> HttpResponse:
    """Whether it answers, and takes the admin's credential."""
    asking.known_only(request, ())
    given = asking.body(request, optional=True)
    return Reply(200, publishing.test_target(actor_of(request), given, which)).response()


@router.post("/target-kinds/{kind}/test", **operation(
    "test_target_kinds", "Test the connection of a target that is not stored", "targets", "Takes the right to attach one. "
    "Nothing is stored, nothing changes there.", body=schemas.content({**_TRIED_FIELDS, "required": ["base_url"]},
                                   {"base_url": "https://relay.example.com", "user": "admin", "secret": "…"}),
    success=schemas.content(schemas.of_example(_TRIED), _TRIED), relays=True,
))  # fmt: skip
def test_unsaved(request: HttpRequest, kind: str) -> HttpResponse:
    """Before it is stored."""
    asking.known_only(request, ())
    given = {**asking.body(request), "kind": kind}
    return Reply(200, publishing.test_target(actor_of(request), given)).response()


@router.post("/targets/{which}/groups", **operation(
    "list_target_groups", "Ask a target for its groups", "targets", "Now, there; none where its kind has none.",
    body=NOTHING, success=schemas.content(schemas.of_example({"items": [_GROUP]}), {"items": [_GROUP]}), relays=True,
))  # fmt: skip
def groups(request: HttpRequest, which: str) -> HttpResponse:
    """What credentials can be put into there."""
    asking.known_only(request, ())
    asking_nothing(asking.body(request, optional=True))
    return Reply(200, {"items": publishing.list_groups(actor_of(request), which)}).response()


@router.post("/targets/{which}/read-back", **operation(
    "read_back_targets", "Read a target back", "publications", "Queues a job, which is answered: what was published is looked "
    "for there, and how it stands is noted.", parameters=parameters("idempotency"), body=NOTHING, success=JOB,
))  # fmt: skip
def read_back(request: HttpRequest, which: str) -> HttpResponse:
    """What became of what we published."""

    def work(actor: Actor, given: Given) -> Given:
        asking_nothing(given)
        return publishing.read_back(actor, which)

    return acted(request, work)


@router.post("/targets/{which}/withdraw", **operation(
    "withdraw_targets", "Withdraw credentials from a target", "publications", "Queues a job, which is answered. Only what was "
    "published from here is taken away.", parameters=parameters("idempotency"), success=JOB, body=schemas.content(
        {"type": "object", "additionalProperties": False, "required": ["credentials"], "properties": {
            "credentials": {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}}},
        {"credentials": ["openai-a"]}),
))  # fmt: skip
def withdraw(request: HttpRequest, which: str) -> HttpResponse:
    """Take copies back."""
    return acted(request, lambda actor, given: publishing.withdraw(actor, {**given, "target": which}))


@router.get("/target-kinds", **operation(
    "list_target_kinds", "List kinds of target", "targets", "What each takes and keeps, what it never tells (`unknown`), and "
    "what its people should know (`traps`).",
    success=schemas.content(schemas.of_example({"items": [KIND_EXAMPLE]}, (), MAPS), {"items": [KIND_EXAMPLE]}),
))  # fmt: skip
def list_kinds(request: HttpRequest) -> HttpResponse:
    """What can be published into."""
    asking.known_only(request, ())
    return Reply(200, {"items": publishing.list_kinds(actor_of(request))}).response()


def acted(request: HttpRequest, work: Callable[[Actor, Given], Given]) -> HttpResponse:
    """Do it, once for each Idempotency-Key."""
    asking.known_only(request, ())
    actor, given = actor_of(request), asking.body(request, optional=True)

    def reply() -> Reply:
        row = work(actor, given)
        return Reply(200, row, row.get("revision"))

    return write(request, actor, reply)


def asking_nothing(given: Given) -> None:
    """Raise `Invalid` for fields of a call that takes none."""
    known_only(given, frozenset())
