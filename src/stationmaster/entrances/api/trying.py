"""Trying a model over REST: which route takes it, and who could serve it. Nothing is changed, and no vendor is asked."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from ninja import Router

from stationmaster.entrances.api import asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation
from stationmaster.gateway.core.endpoints import DIALECTS
from stationmaster.routing import services as routing

router = Router()

_ID: Final = "06f2w4k5y8zq1v3t7b9d0c2m4n"
_MEMBER: Final = {
    "credential": "openai-a", "id": f"cred_{_ID}", "vendor": "openai", "weight": 1, "priority": 0, "health": "cooling",
    "cause": "rate_limited", "eligible": False, "why": "cooling",
}  # fmt: skip
_ERROR: Final = {
    "status": 503, "code": "pool_cooling", "message": "Every credential that could serve this waits for its vendor to recover.",
    "hint": "Try again after the stated time.",
}  # fmt: skip
_FOUND: Final = {
    "model": "fast", "dialect": "openai", "key": "team-a", "error": _ERROR, "route": f"route_{_ID}", "position": 1,
    "sent": "gpt-5-mini", "pools": [{"pool": "gpt", "allowed": True, "members": [_MEMBER]}],
}  # fmt: skip
_TEXT: Final[dict[str, Any]] = {"type": ["string", "null"], "maxLength": 256}
_BODY: Final = {
    "type": "object", "additionalProperties": False, "required": ["model"],
    "properties": {"model": {"type": "string", "minLength": 1, "maxLength": 256}, "key": _TEXT,
                   "dialect": {"anyOf": [{"type": "string", "enum": ["", *DIALECTS]}, {"type": "null"}]}},
}  # fmt: skip


@router.post("/routes/all/try", **operation(
    "try_routes", "Try a model", "routes", "Which route takes `model`, asked in `dialect` (openai if left out), by the virtual "
    "key `key` if one is named; what the vendor would be sent; of each pool which members could serve, and why the others not; "
    "`error`: what a client would be answered instead. Decided from what is stored: no vendor is asked.",
    success=schemas.content(schemas.of_example(_FOUND, frozenset({"error"})), _FOUND),
    body=schemas.content(_BODY, {"model": "fast", "dialect": "openai"}),
))  # fmt: skip
def try_model(request: HttpRequest) -> HttpResponse:
    """Where it would go."""
    asking.known_only(request, ())
    return Reply(200, routing.try_model(actor_of(request), asking.body(request))).response()
