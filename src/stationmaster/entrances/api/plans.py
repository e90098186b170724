"""Plans over REST: made, looked at, approved, refused, applied, ticked. What there is to do is the services'."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Router

from stationmaster.entrances.api import asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters
from stationmaster.entrances.api.replay import write
from stationmaster.entrances.api.resource import Resource, listed, mount
from stationmaster.store.actor import Actor
from stationmaster.workspaces import services as workspaces

router = Router()

Given = Mapping[str, Any]
_AT = "2026-11-22T09:30:00.123456+00:00"
_ID = "06f2w4k5y8zq1v3t7b9d0c2m4n"
_HASH = "9f2c5a0e41b77d3c9f2c5a0e41b77d3c9f2c5a0e41b77d3c9f2c5a0e41b77d3c"
_NULLABLE = frozenset({"closed_at", "done_at", "ticked_at"})
_MAPS = frozenset({"counts", "cost_minor", "terms", "jobs", "before", "after", "facts"})
_STEP: Final = {
    "id": 7, "position": 1, "kind": "invite", "workspace": "acme-openai", "person": f"per_{_ID}", "name": "Ada Lovelace",
    "email": "ada@example.com", "before": {}, "after": {"role": "reader", "projects": []}, "reason": "assigned", "facts": {},
    "sentence": "is assigned here, and not in",
    "checklist": [{"item": 2, "text": "Invite {who}.", "facts": {"who": "ada@example.com"}, "sentence": "Invite ada@example.com.",
                   "ticked_by": f"op_{_ID}", "ticked_at": _AT}],
    "outcome": "done", "outcome_detail": "", "done_by": "", "done_at": _AT,
}  # fmt: skip


def _object(properties: Given, *required: str) -> schemas.Schema:
    found: schemas.Schema = {"type": "object", "additionalProperties": False, "properties": dict(properties)}
    return {**found, "required": list(required)} if required else found


def _create(actor: Actor, given: Given) -> tuple[Given, Given]:
    return workspaces.make_plan(actor, given), {}


PLANS: Final = Resource(
    "plans", "plan", workspaces.PLANS,
    {"id": f"plan_{_ID}", "state": "open", "hash": _HASH, "workspaces": ["acme-openai"], "counts": {"invite": 4, "blocked": 2},
     "second_approval": ["many_removals"], "approvals": [{"by": f"op_{_ID}", "person": f"op_{_ID}", "at": _AT}],
     "cost_minor": {"USD": 1900},
     "terms": {"acme-copilot": {"price_minor": 1900, "currency": "USD", "cycle_ends": "", "words": "Every seat is bought."}},
     "made_by": f"op_{_ID}", "note": "", "why": "", "jobs": {f"ws_{_ID}": f"job_{_ID}"},
     "closed_at": _AT, "revision": 41, "created_at": _AT, "updated_at": _AT},
    workspaces.list_plans, workspaces.export_plans, workspaces.get_plan, _create, nullable=_NULLABLE, maps=_MAPS,
    body=_object({
        "workspaces": {"description": "names or ids; left out: all that are in use",
                       "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
        "note": {"type": ["string", "null"], "maxLength": 1000},
    }),
    given={"workspaces": ["acme-openai"]},
)  # fmt: skip
mount(router, PLANS)

_ONE = schemas.content(PLANS.schema(), PLANS.example)
_STEP_SCHEMA = schemas.of_example(_STEP, _NULLABLE, _MAPS)


@router.get("/plans/{which}/steps", **operation(
    "list_plans_steps", "List a plan's steps", "plans", "In the order in which they are done; what is only told of (`blocked`, "
    "`skip`) comes last. `sentence` says why, in English; `reason` and `facts` say it to programs.",
    parameters=parameters("list"), file=True,
    success=schemas.content(schemas.page_of(_STEP_SCHEMA), {"items": [_STEP], "next": "", "total": 1}),
))  # fmt: skip
def list_steps(request: HttpRequest, which: str) -> HttpResponseBase:
    """A page of them, or all as a file."""
    return listed(
        request, f"{which}-steps", lambda actor, asked: workspaces.list_steps(actor, which, asked),
        lambda actor, asked, form: workspaces.export_steps(actor, which, asked, form),
    )  # fmt: skip


@router.post("/plans/{which}/approve", **operation(
    "approve_plans", "Approve a plan", "plans", "`hash` names the plan that was looked at. One that would be made otherwise by "
    "now is stale (409). Where `second_approval` says why, it takes two, by different people.",
    parameters=parameters("idempotency"), success=_ONE,
    body=schemas.content(_object({"hash": {"type": ["string", "null"]}}), {"hash": _HASH}),
))  # fmt: skip
def approve(request: HttpRequest, which: str) -> HttpResponse:
    """Yes to it."""
    return _acted(request, lambda actor, given: workspaces.approve_plan(actor, which, given))


@router.post("/plans/{which}/refuse", **operation(
    "refuse_plans", "Refuse a plan", "plans", "For good; `reason` says why.", parameters=parameters("idempotency"), success=_ONE,
    body=schemas.content(_object({"reason": {"type": "string", "minLength": 1, "maxLength": 1000}}, "reason"),
                         {"reason": "not this month"}),
))  # fmt: skip
def refuse(request: HttpRequest, which: str) -> HttpResponse:
    """No to it."""
    return _acted(request, lambda actor, given: workspaces.refuse_plan(actor, which, given))


@router.post("/plans/{which}/apply", **operation(
    "apply_plans", "Apply a plan", "plans", "Queues a job for each workspace; `jobs` names them. The plan must be approved, and "
    "must be what it would be made as now (409 otherwise).",
    parameters=parameters("idempotency"), success=_ONE, body=schemas.content(_object({
        "concurrency": {"type": ["integer", "null"], "minimum": 1, "maximum": 32},
        "item_retries": {"type": ["integer", "null"], "minimum": 1, "maximum": 5},
    }), {"concurrency": 4}),
))  # fmt: skip
def apply(request: HttpRequest, which: str) -> HttpResponse:
    """Have it done."""
    return _acted(request, lambda actor, given: workspaces.apply_plan(actor, which, given))


@router.post("/plans/{which}/tick", **operation(
    "tick_plans", "Tick a step that is done by hand", "plans", "One `item` of its `checklist`, or without one all of it; with "
    "the last one the step is done. `done` false: that item is not done after all, or the whole step is left undone.",
    parameters=parameters("idempotency"), success=schemas.content(_STEP_SCHEMA, _STEP),
    body=schemas.content(_object({"step": {"type": "integer", "minimum": 1, "description": "its id"},
                                  "item": {"type": ["integer", "null"], "minimum": 1, "description": "of its checklist"},
                                  "done": {"type": "boolean", "default": True}}, "step"), {"step": 7, "item": 2}),
))  # fmt: skip
def tick(request: HttpRequest, which: str) -> HttpResponse:
    """A person did it, or did not."""
    return _acted(request, lambda actor, given: workspaces.tick_step(actor, which, given))


def _acted(request: HttpRequest, work: Callable[[Actor, Given], Given]) -> HttpResponse:
    asking.known_only(request, ())
    actor, given = actor_of(request), asking.body(request, optional=True)

    def reply() -> Reply:
        row = work(actor, given)
        return Reply(200, row, row.get("revision"))

    return write(request, actor, reply)
