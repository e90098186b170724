"""Wishes for seats over REST: asked for, withdrawn, granted or refused. What there is to do is the services'."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from ninja import Router

from stationmaster.entrances.api import asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters
from stationmaster.entrances.api.replay import write
from stationmaster.entrances.api.resource import Resource, mount
from stationmaster.store.actor import Actor
from stationmaster.workspaces import services as workspaces

router = Router()

Given = Mapping[str, Any]
_AT = "2026-11-22T09:30:00.123456+00:00"
_ID = "06f2w4k5y8zq1v3t7b9d0c2m4n"
_TEXT: schemas.Schema = {"type": ["string", "null"]}


def _create(actor: Actor, given: Given) -> tuple[Given, Given]:
    return workspaces.ask_for_seat(actor, given), {}


SEAT_REQUESTS: Final = Resource(
    "seat-requests", "seat request", workspaces.SEAT_REQUESTS,
    {"id": f"sreq_{_ID}", "workspace": "acme-openai", "vendor": "openai", "person": f"per_{_ID}", "name": "Ada Lovelace",
     "email": "ada@example.com", "active": True, "role": "reader", "reason": "for the new project", "state": "asked",
     "lacks_login": False, "decided_by": "", "decided_at": _AT, "why": "", "revision": 41, "created_at": _AT,
     "updated_at": _AT},
    workspaces.list_seat_requests, workspaces.export_seat_requests, workspaces.get_seat_request, _create,
    body={"type": "object", "additionalProperties": False, "required": ["workspace"], "properties": {
        "workspace": {"type": "string", "minLength": 1, "description": "its name or id"},
        "person": {**_TEXT, "description": "for whom, by whoever may decide: a user name, e-mail address or id; left out: "
                                           "oneself"},
        "role": {**_TEXT, "description": "one that can be given there; left out: the weakest"},
        "reason": {**_TEXT, "maxLength": 1000, "description": "what it is for, for whoever decides"},
    }},
    given={"workspace": "acme-openai", "reason": "for the new project"}, nullable=frozenset({"decided_at"}),
    many="seat requests",
)  # fmt: skip
mount(router, SEAT_REQUESTS)

_ONE = schemas.content(SEAT_REQUESTS.schema(), SEAT_REQUESTS.example)


@router.post("/seat-requests/{which}/grant", **operation(
    "grant_seat_requests", "Grant a seat", "seat-requests", "Assigns the person to the workspace; the next plan has them. Nobody "
    "decides their own.",
    parameters=parameters("idempotency"), success=_ONE,
    body=schemas.content({"type": "object", "additionalProperties": False, "properties": {}}, {}),
))  # fmt: skip
def grant(request: HttpRequest, which: str) -> HttpResponse:
    """Yes."""
    return _acted(request, lambda actor, given: workspaces.grant_seat_request(actor, which, given))


@router.post("/seat-requests/{which}/refuse", **operation(
    "refuse_seat_requests", "Refuse a seat", "seat-requests", "`reason` says why, to whoever asked.",
    parameters=parameters("idempotency"), success=_ONE,
    body=schemas.content({"type": "object", "additionalProperties": False, "required": ["reason"], "properties": {
        "reason": {"type": "string", "minLength": 1, "maxLength": 1000},
    }}, {"reason": "no seat is left this month"}),
))  # fmt: skip
def refuse(request: HttpRequest, which: str) -> HttpResponse:
    """No."""
    return _acted(request, lambda actor, given: workspaces.refuse_seat_request(actor, which, given))


@router.post("/seat-requests/{which}/withdraw", **operation(
    "withdraw_seat_requests", "Withdraw a seat request", "seat-requests", "Whoever asked takes it back, before somebody decided.",
    parameters=parameters("idempotency"), success=_ONE,
    body=schemas.content({"type": "object", "additionalProperties": False, "properties": {}}, {}),
))  # fmt: skip
def withdraw(request: HttpRequest, which: str) -> HttpResponse:
    """Taken back."""
    return _acted(request, lambda actor, given: workspaces.withdraw_seat_request(actor, which, given))


def _acted(request: HttpRequest, work: Callable[[Actor, Given], Given]) -> HttpResponse:
    asking.known_only(request, ())
    actor, given = actor_of(request), asking.body(request, optional=True)

    def reply() -> Reply:
        row = work(actor, given)
        return Reply(200, row, row.get("revision"))

    return write(request, actor, reply)
