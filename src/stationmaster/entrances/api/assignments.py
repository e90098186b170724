"""Assignments over REST: who should hold a seat where. What there is to do is the services'."""

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from ninja import Router

from stationmaster.entrances.api import asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters
from stationmaster.entrances.api.plans import PLANS
from stationmaster.entrances.api.replay import write
from stationmaster.entrances.api.resource import Resource, mount
from stationmaster.store.actor import Actor
from stationmaster.workspaces import services as workspaces

router = Router()

_AT = "2026-11-22T09:30:00.123456+00:00"
_ID = "06f2w4k5y8zq1v3t7b9d0c2m4n"
_TEXT: schemas.Schema = {"type": ["string", "null"]}
_PROJECTS: schemas.Schema = {"anyOf": [{"type": "array", "items": {"type": "string"}, "maxItems": 100}, {"type": "null"}]}


def _create(actor: Actor, given: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return workspaces.create_assignment(actor, given), {}


ASSIGNMENTS: Final = Resource(
    "assignments", "assignment", workspaces.ASSIGNMENTS,
    {"id": f"asg_{_ID}", "workspace": "acme-openai", "group": f"grp_{_ID}", "person": "", "name": "engineers", "role": "reader",
     "projects": ["proj_1"], "revision": 41, "created_at": _AT, "updated_at": _AT},
    workspaces.list_assignments, workspaces.export_assignments, workspaces.get_assignment, _create,
    workspaces.update_assignment, workspaces.delete_assignment,
    {"type": "object", "additionalProperties": False, "required": ["workspace"], "properties": {
        "workspace": {"type": "string", "minLength": 1, "description": "its name or id"},
        "group": {**_TEXT, "description": "a group's name or id: either this, or a person"},
        "person": {**_TEXT, "description": "a person's user name, e-mail address or id"},
        "role": {**_TEXT, "description": "one that the vendor lets us give; left out: its weakest for who is invited, any for "
                                         "who is in"},
        "projects": {**_PROJECTS, "description": "ids of the vendor's projects"},
    }},
    {"workspace": "acme-openai", "group": "engineers", "role": "reader"}, {"role": "owner"},
)  # fmt: skip

_SEVERAL: schemas.Schema = {
    "type": "object", "additionalProperties": False, "required": ["assignments"],
    "properties": {"assignments": {"type": "array", "minItems": 1, "maxItems": 1000, "items": ASSIGNMENTS.body}},
}  # fmt: skip


@router.post("/assignments/several", **operation(
    "create_several_assignments", "Assign many at once", "assignments", "Up to 1,000 rows, all of them or none; what is wrong is "
    "told of every row, in `fields`. One that is there is given the row's role and projects. Answers with the plan of their "
    "workspaces, which waits for its approval.",
    parameters=parameters("idempotency"), success=schemas.content(PLANS.schema(), PLANS.example), status=201,
    body=schemas.content(_SEVERAL, {"assignments": [ASSIGNMENTS.given, {"workspace": "acme-openai", "person": "ada"}]}),
))  # fmt: skip
def several(request: HttpRequest) -> HttpResponse:
    """All of them, and their plan."""
    asking.known_only(request, ())
    actor, given = actor_of(request), asking.body(request)

    def reply() -> Reply:
        row = workspaces.assign_several(actor, given)
        return Reply(201, row, row.get("revision"), f"/api/v1/plans/{row['id']}")

    return write(request, actor, reply)


mount(router, ASSIGNMENTS)
