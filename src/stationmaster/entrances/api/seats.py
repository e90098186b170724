"""Seats over REST, and what belongs to workspaces besides: what was read of their vendors, their jobs, vendors themselves. What
there is to do is the services'."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Router

from stationmaster.entrances.api import asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters
from stationmaster.entrances.api.jobs import JOBS
from stationmaster.entrances.api.replay import write
from stationmaster.entrances.api.resource import Resource, listed, mount
from stationmaster.store.actor import Actor
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.vendorlist import shown_vendor

router = Router()

Given = Mapping[str, Any]
_AT = "2026-11-22T09:30:00.123456+00:00"
_ID = "06f2w4k5y8zq1v3t7b9d0c2m4n"
_NULLABLE = frozenset({"invited_at", "expires_at", "reminded_at", "last_active_at", "removal_at", "grace_until"})
_MOMENT = {
    "seq": 7, "at": _AT, "action": "invited", "actor": f"op_{_ID}", "actor_kind": "operator", "state": "invited", "cause": "",
    "detail": "",
}  # fmt: skip
_NOTHING: Final = {"type": "object", "additionalProperties": False, "properties": {}}
_MEMBER = {
    "id": "user-1", "person": f"per_{_ID}", "email": "ada@example.com", "login": "", "name": "Ada", "role": "reader",
    "has_seat": True, "directory_managed": False, "is_service_account": False, "conflict": "", "added_at": _AT,
    "last_active_at": None, "ends_at": None, "projects": [["proj_1", "member"]], "seen_at": _AT, "missed": 0,
}  # fmt: skip
VENDOR: Final = shown_vendor(vendor("openai"))

SEATS: Final = Resource(
    "seats", "seat", workspaces.SEATS,
    {"id": f"seat_{_ID}", "workspace": "acme-openai", "person": f"per_{_ID}", "name": "Ada Lovelace", "email": "ada@example.com",
     "active": True, "state": "invited", "since": _AT, "cause": "", "detail": "", "role": "reader",
     "vendor_role": "reader", "projects": ["proj_1"],
     "unconfirmed": "", "invited_at": _AT, "expires_at": _AT, "reminded_at": _AT, "last_active_at": _AT, "removal": "",
     "removal_at": _AT, "grace_until": _AT, "removal_reason": "", "revision": 41, "created_at": _AT, "updated_at": _AT},
    workspaces.list_seats, workspaces.export_seats, workspaces.get_seat, nullable=_NULLABLE,
)  # fmt: skip
mount(router, SEATS)

_ONE = schemas.content(SEATS.schema(), SEATS.example)
_JOB = schemas.content(JOBS.schema(), JOBS.example)


@router.get("/seats/{which}/history", **operation(
    "list_seats_history", "List what happened to a seat", "seats", "The oldest first, by the audit trail. There is no search.",
    parameters=parameters("list"),
    success=schemas.content(schemas.page_of(schemas.of_example(_MOMENT)), {"items": [_MOMENT], "next": "", "total": 1}),
))  # fmt: skip
def history(request: HttpRequest, which: str) -> HttpResponseBase:
    """A page of it."""
    return listed(request, f"{which}-history", lambda actor, asked: workspaces.seat_history(actor, which, asked), None)


@router.post("/seats/{which}/skip", **operation(
    "skip_seats", "Keep somebody", "seats", "No plan removes them until it is taken back; `reason` says why.",
    parameters=parameters("idempotency"), success=_ONE,
    body=schemas.content({"type": "object", "additionalProperties": False, "required": ["reason"], "properties": {
        "reason": {"type": "string", "minLength": 1, "maxLength": 1000}}}, {"reason": "on parental leave"}),
))  # fmt: skip
def skip(request: HttpRequest, which: str) -> HttpResponse:
    """They stay."""
    return _acted(request, lambda actor, given: workspaces.skip_removal(actor, which, given))


@router.post("/seats/{which}/unskip", **operation(
    "unskip_seats", "Let go of somebody again", "seats", "Takes `skip` back.", parameters=parameters("idempotency"), success=_ONE,
    body=schemas.content(_NOTHING, {}),
))  # fmt: skip
def unskip(request: HttpRequest, which: str) -> HttpResponse:
    """Plans may remove them."""
    return _acted(request, lambda actor, given: workspaces.unskip_removal(actor, which, given))


@router.post("/seats/{which}/reinvite", **operation(
    "reinvite_seats", "Invite somebody again", "seats", "Queues a job, which is answered: for an invitation that expired or "
    "failed, or somebody who was removed for want of activity.",
    parameters=parameters("idempotency"), success=_JOB, body=schemas.content(_NOTHING, {}),
))  # fmt: skip
def reinvite(request: HttpRequest, which: str) -> HttpResponse:
    """One more invitation."""
    return _acted(request, lambda actor, given: workspaces.reinvite_seat(actor, which, given))


@router.post("/workspaces/{which}/run", **operation(
    "run_workspaces", "Run a job of a workspace", "workspaces", "`onboard` reads it for the first time, `reconcile` again, "
    "`offboard` looks for candidates by its policy, `remind` writes to who was invited. One that waits or runs is not queued "
    "twice (409).",
    parameters=parameters("idempotency"), success=_JOB,
    body=schemas.content({"type": "object", "additionalProperties": False, "required": ["kind"], "properties": {
        "kind": {"type": "string", "enum": [*workspaces.RUNNABLE]}, "dry_run": {"type": "boolean", "default": False},
    }}, {"kind": "reconcile"}),
))  # fmt: skip
def run(request: HttpRequest, which: str) -> HttpResponse:
    """Queue it."""
    return _acted(request, lambda actor, given: workspaces.run_job(actor, which, given))


@router.get("/workspaces/{which}/listed/{name}", **operation(
    "list_workspaces_listed", "List what a vendor has", "workspaces", "What was last read of it: `name` is one of "
    f"{', '.join(workspaces.LISTED)}. `missed` counts the complete readings in a row that did not show a row.",
    parameters=parameters("list"),
    success=schemas.content(schemas.page_of({"type": "object"}), {"items": [_MEMBER], "next": "", "total": 1}),
))  # fmt: skip
def vendor_rows(request: HttpRequest, which: str, name: str) -> HttpResponseBase:
    """A page of it."""
    return listed(
        request, f"{which}-listed", lambda actor, asked: workspaces.list_listed(actor, which, name, asked), None
    )


@router.get("/vendors", **operation(
    "list_vendors", "List vendors", "workspaces", "What each offers an interface for, and what stays to be done by hand.",
    success=schemas.content(schemas.of_example({"items": [VENDOR]}), {"items": [VENDOR]}),
))  # fmt: skip
def vendors(request: HttpRequest) -> HttpResponse:
    """All of them."""
    asking.known_only(request, ())
    return Reply(200, {"items": workspaces.list_vendors(actor_of(request))}).response()


def _acted(request: HttpRequest, work: Callable[[Actor, Given], Given]) -> HttpResponse:
    asking.known_only(request, ())
    actor, given = actor_of(request), asking.body(request, optional=True)

    def reply() -> Reply:
        row = work(actor, given)
        return Reply(200, row, row.get("revision"))

    return write(request, actor, reply)
