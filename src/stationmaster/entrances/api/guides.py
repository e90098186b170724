"""Getting credentials by hand, over REST: the steps as data, and storing what was pasted, which is proved before it serves."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from ninja import Router

from stationmaster.credentials import services as credentials
from stationmaster.entrances.api import asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters
from stationmaster.entrances.api.jobs import JOBS
from stationmaster.entrances.api.replay import write
from stationmaster.entrances.api.resources import CREDENTIALS

router = Router()

_STEP: Final = {
    "text": "Make a key for it, with an end that you can keep.", "link": "https://platform.claude.com/settings/keys",
    "values": {"name": "stationmaster claude-a 2"},
}  # fmt: skip
_GUIDE: Final = {
    "vendor": "anthropic", "title": "Anthropic Console", "ways": [{"way": "paste", "steps": [_STEP]}],
    "claims": {"issuer": "https://login.example.com", "subject": "stationmaster", "audience": "https://api.anthropic.com"},
    "problems": ["The identity token lives longer than an hour: allow that where the issuer is added."],
}  # fmt: skip
_LIFE: Final = (
    "workspace", "project", "lifetime_days", "rotate_days", "keep_hours", "warn_days", "expires_at", "base_url", "organisation",
    "allow_insecure_http",
)  # fmt: skip


def _object(properties: dict[str, Any], required: tuple[str, ...], example: dict[str, Any]) -> schemas.Schema:
    told = {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}
    return schemas.content(told, example)


@router.post("/vendors/{which}/guide", **operation(
    "guide_vendors", "See how a credential is got by hand", "credentials", "Step by step, with the exact values to enter: for a "
    "key that is pasted, and at Anthropic for short-lived tokens by federation. `name`: of the credential; `workspace`: an "
    "attached one; `identity`: where identity tokens come from, `file:NAME` or `credential:NAME`, whose claims are told. Nothing "
    "is stored.", success=schemas.content(schemas.of_example(_GUIDE, maps={"claims", "values"}), _GUIDE),
    body=_object({name: {"type": ["string", "null"], "maxLength": 256} for name in ("name", "workspace", "identity")}, (),
                 {"name": "claude-a", "identity": "file:anthropic"}),
))  # fmt: skip
def guide(request: HttpRequest, which: str) -> HttpResponse:
    """What to do, in order."""
    asking.known_only(request, ())
    return Reply(200, credentials.guide(actor_of(request), which, asking.body(request, optional=True))).response()


@router.post("/credentials/{which}/paste", **operation(
    "paste_credentials", "Paste a key that is proved first", "credentials", "Queues a job, which is answered: the vendor is "
    "asked whether it works before any gateway gets it. For a credential that there is, or a new one of this name, whose "
    "`vendor` may be left out where the secret's shape tells it.", parameters=parameters("idempotency"),
    success=schemas.content(JOBS.schema(), JOBS.example),
    body=_object({
        "secret": {"type": "string", "maxLength": 16_384}, "vendor": {"type": ["string", "null"]},
        **{name: CREDENTIALS.body["properties"][name] for name in ("scopes", *_LIFE)},
    }, ("secret",), {"secret": "sk-ant-api03-…"}),
))  # fmt: skip
def paste(request: HttpRequest, which: str) -> HttpResponse:
    """By hand, and proved."""
    asking.known_only(request, ())
    actor, given = actor_of(request), asking.body(request)
    return write(request, actor, lambda: Reply(200, credentials.paste_credential(actor, which, given)))
