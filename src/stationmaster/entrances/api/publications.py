"""Publishing over REST: plans of it, and what is published where. What there is to do is the services'."""

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Router

from stationmaster.entrances.api import asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters
from stationmaster.entrances.api.resource import Resource, listed, mount
from stationmaster.entrances.api.targets import JOB, acted
from stationmaster.publishing import services as publishing

router = Router()

Given = Mapping[str, Any]
_AT = "2026-11-22T09:30:00.123456+00:00"
_ID = "06f2w4k5y8zq1v3t7b9d0c2m4n"
_HASH = "0c1f2a9b51"
_NULLABLE: Final = frozenset({"published_at", "seen_at", "health_until", "applied_at"})
_MAPS: Final = frozenset({"counts", "usage"})
_TEXT: Final = {"type": ["string", "null"]}
_NAMES: Final = {"anyOf": [{"type": "array", "items": {"type": "string", "minLength": 1}}, {"type": "null"}]}
_PLAN_BODY: Final = {"type": "object", "additionalProperties": False, "properties": {
    "target": {**_TEXT, "description": "its name or id; left out: the default one"},
    "credentials": {**_NAMES, "description": "names or ids: either these, or a pool"},
    "pool": {**_TEXT, "description": "its name or id: its members"},
    "withdraw": {"type": ["boolean", "null"], "description": "plan taking them away"},
}}  # fmt: skip
_STEP: Final = {
    "position": 1, "credential": f"cred_{_ID}", "name": "openai-a", "action": "update", "fields": ["models"],
    "reason": "", "sentence": "", "models": ["gpt-5"], "priority": 50, "concurrency": 0, "groups": [], "pool": "",
}  # fmt: skip

PLANS: Final = Resource(
    "publish-plans", "plan of publishing", publishing.PLANS,
    {"id": f"pplan_{_ID}", "target": f"tgt_{_ID}", "target_name": "relay", "pool": "gpt", "withdraw": False, "hash": _HASH,
     "state": "made", "counts": {"create": 4, "skip": 2}, "notes": ["Targets know no weights."], "job": f"job_{_ID}",
     "made_by": f"op_{_ID}", "created_at": _AT},
    publishing.list_plans, None, publishing.get_plan, maps=_MAPS, nullable=_NULLABLE, many="plans of publishing",
)  # fmt: skip
PUBLICATIONS: Final = Resource(
    "publications", "publication", publishing.PUBLICATIONS,
    {"id": f"pub_{_ID}", "credential": f"cred_{_ID}", "credential_name": "openai-a", "vendor": "openai", "target": f"tgt_{_ID}",
     "target_name": "relay", "pool": f"pool_{_ID}", "state": "published", "cause": "", "words": "", "wanted": True,
     "job": f"job_{_ID}", "models": ["gpt-5"], "priority": 50, "concurrency": 0, "groups": ["7"], "entry": "17",
     "place": "openai-responses", "generation": 3, "behind": False, "published_at": _AT, "seen": "drifted", "drift": ["models"],
     "seen_at": _AT, "health": "active", "health_words": "", "health_until": _AT, "usage": {"requests": 12},
     "revision": 41, "created_at": _AT, "updated_at": _AT},
    publishing.list_publications, publishing.export_publications, publishing.get_publication, maps=_MAPS, nullable=_NULLABLE,
)  # fmt: skip
mount(router, PLANS)
mount(router, PUBLICATIONS)


@router.post("/publish-plans", **operation(
    "create_publish_plans", "Plan what is published", "publish-plans", "Reads the target, changes nothing: what would be made, "
    "changed, taken over or taken away there, and what would be left alone.", status=201, relays=True,
    body=schemas.content(_PLAN_BODY, {"target": "relay", "pool": "gpt"}),
    success=schemas.content(PLANS.schema(), PLANS.example),
))  # fmt: skip
def make(request: HttpRequest) -> HttpResponse:
    """A plan. Made twice it is two of them, so no key is taken that would hold a transaction open while the target is read."""
    asking.known_only(request, ())
    row = publishing.make_plan(actor_of(request), asking.body(request))
    return Reply(201, row, row.get("revision"), f"/api/v1/publish-plans/{row['id']}").response()


@router.get("/publish-plans/{which}/steps", **operation(
    "list_publish_plans_steps", "List the steps of a plan of publishing", "publish-plans", "One a credential, with the terms "
    "that it would be published on. `sentence` says why it is left alone, in English; `reason` says it to programs.",
    parameters=parameters("list"),
    success=schemas.content(schemas.page_of(schemas.of_example(_STEP)), {"items": [_STEP], "next": "", "total": 1}),
))  # fmt: skip
def steps(request: HttpRequest, which: str) -> HttpResponseBase:
    """A page of them."""
    return listed(request, f"{which}-steps", lambda actor, asked: publishing.list_steps(actor, which, asked), None)


@router.post("/publish-plans/{which}/apply", **operation(
    "apply_publish_plans", "Publish what a plan says", "publish-plans", "Queues a job, which is answered. `hash` names the plan "
    "that was looked at; the target must have been tested since it was changed (409 otherwise). `dry_run`: all is done but "
    "writing there.", parameters=parameters("idempotency"), success=JOB, body=schemas.content(
        {"type": "object", "additionalProperties": False, "properties": {
            "hash": _TEXT, "dry_run": {"type": ["boolean", "null"]}}}, {"hash": _HASH}),
))  # fmt: skip
def apply(request: HttpRequest, which: str) -> HttpResponse:
    """Have it done."""
    return acted(request, lambda actor, given: publishing.apply_plan(actor, which, given))


@router.get("/credentials/{which}/publications", **operation(
    "list_credentials_publications", "See where a credential is published", "publications", "Every target that holds it, or "
    "should.", success=schemas.content(schemas.of_example({"items": [PUBLICATIONS.example]}, _NULLABLE, _MAPS),
                                       {"items": [PUBLICATIONS.example]}),
))  # fmt: skip
def copies(request: HttpRequest, which: str) -> HttpResponse:
    """Its copies elsewhere."""
    asking.known_only(request, ())
    return Reply(200, {"items": publishing.copies_of(actor_of(request), which)}).response()
