"""A credential's life over REST: minting, rotating, going back, revoking, probing, overriding; its history, the calendar and
feeds. What there is to do is the services'."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from ninja import Router

from stationmaster.credentials import services as credentials
from stationmaster.entrances.api import asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters, query
from stationmaster.entrances.api.jobs import JOBS
from stationmaster.entrances.api.replay import write
from stationmaster.entrances.api.resource import Resource, listed, mount
from stationmaster.entrances.api.resources import CREDENTIALS, LIFE_EXAMPLE
from stationmaster.store.actor import Actor

router = Router()

Given = Mapping[str, Any]
_AT = "2026-11-22T09:30:00.123456+00:00"
_ID = "06f2w4k5y8zq1v3t7b9d0c2m4n"
_NULLABLE = CREDENTIALS.nullable
_JOB = schemas.content(JOBS.schema(), JOBS.example)
_NOTHING: Final = schemas.content({"type": "object", "additionalProperties": False, "properties": {}}, {})
_TIME: Final = {"type": ["string", "null"], "format": "date-time"}
_EVENT: Final = {
    "id": 7, "at": _AT, "gateway": "gw-1", "generation": 3, "state": "disabled", "cause": "invalid_key",
    "code": "invalid_api_key",
    "words": "", "until": 1_795_339_800.0,
}  # fmt: skip
_NOW: Final = {"id": f"cred_{_ID}", "name": "openai-a", "revision": 41, **LIFE_EXAMPLE}
_SLOT: Final = schemas.content(schemas.of_example(_NOW, _NULLABLE), _NOW)
_ENTRY: Final = {"credential": "openai-a", "id": f"cred_{_ID}", "vendor": "openai", "what": "expires", "at": _AT, "state": "soon"}
_SHAPE: Final = {
    "kind": "openai_project_key", "title": "project key", "vendor": "openai", "usable": True, "code": "", "words": "",
    "steps": ["Open the project in the vendor's console."],
}  # fmt: skip
_LONGEST: Final = timedelta(days=3660)


def _created(actor: Actor, given: Given) -> tuple[Given, Given]:
    made = credentials.create_feed(actor, given)
    return made.row, {"address": made.secret.text}


CALENDARS: Final = Resource(
    "calendars", "calendar", credentials.CALENDARS,
    {"id": f"cal_{_ID}", "name": "ops", "owner": f"op_{_ID}", "last_used_at": _AT, "revision": 41, "created_at": _AT},
    credentials.list_feeds, credentials.export_feeds, credentials.get_feed, _created, None, credentials.delete_feed,
    {"type": "object", "additionalProperties": False, "required": ["name"],
     "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 128}}},
    {"name": "ops"}, shown_once={"address": "/calendar/….ics"}, nullable=frozenset({"last_used_at"}),
)  # fmt: skip
mount(router, CALENDARS)


def _object(properties: Given, required: tuple[str, ...] = (), example: Given | None = None) -> schemas.Schema:
    told = {"type": "object", "additionalProperties": False, "properties": dict(properties), "required": list(required)}
    return schemas.content(told, dict(example or {}))


_MINT: Final = _object({
    **{name: CREDENTIALS.body["properties"][name] for name in
       ("workspace", "project", "scopes", "lifetime_days", "rotate_days", "keep_hours", "warn_days", "base_url",
        "allow_insecure_http", "expires_at")},
}, (), {"workspace": "acme-openai", "project": "proj_1", "lifetime_days": 90})  # fmt: skip


@router.post("/credentials/{which}/mint", **operation(
    "mint_credentials", "Mint a key", "credentials", "Queues a job, which is answered: the vendor makes the key, for a "
    "credential that "
    "has no secret, or for a new one of this name.",
    parameters=parameters("idempotency"), success=_JOB, body=_MINT,
))  # fmt: skip
def mint(request: HttpRequest, which: str) -> HttpResponse:
    """A key of its own service account."""
    return _acted(request, lambda actor, given: credentials.mint_credential(actor, which, given))


@router.post("/credentials/{which}/rotate", **operation(
    "rotate_credentials", "Rotate a key", "credentials", "Queues a job, which is answered: a new key is minted, or the "
    "`secret` taken "
    "that is given, proved, shared out over sessions, and the one before revoked when its way back is over.",
    parameters=parameters("idempotency"), success=_JOB,
    body=_object({"secret": {"type": ["string", "null"]}, "expires_at": _TIME}),
))  # fmt: skip
def rotate(request: HttpRequest, which: str) -> HttpResponse:
    """One after the other."""
    return _acted(request, lambda actor, given: credentials.rotate_credential(actor, which, given))


@router.post("/workspaces/{which}/rotate", **operation(
    "rotate_workspaces", "Rotate the keys of a workspace", "credentials",
    "Queues a job for every credential that is minted there.",
    parameters=parameters("idempotency"), success=_JOB, body=_NOTHING,
))  # fmt: skip
def rotate_workspace(request: HttpRequest, which: str) -> HttpResponse:
    """All that are minted there."""
    return _acted(request, lambda actor, given: credentials.rotate_workspace(actor, which, given))


@router.post("/credentials/{which}/rollback", **operation(
    "rollback_credentials", "Go back to the key before", "credentials",
    "While both are valid. One that is on its way in is given up.",
    parameters=parameters("idempotency"), success=_SLOT, body=_NOTHING,
))  # fmt: skip
def rollback(request: HttpRequest, which: str) -> HttpResponse:
    """The one before serves again."""
    return _acted(request, lambda actor, given: credentials.roll_back(actor, which, given))


@router.post("/credentials/{which}/revoke", **operation(
    "revoke_credentials", "Revoke a credential now", "credentials", "It leaked: gateways drop it at once. Queues a job, which is "
    "answered: all of its keys are revoked at the vendor; published copies are withdrawn.",
    parameters=parameters("idempotency"), success=_JOB,
    body=_object({"reason": {"type": ["string", "null"], "maxLength": 1000}}, (), {"reason": "it was in a public repository"}),
))  # fmt: skip
def revoke(request: HttpRequest, which: str) -> HttpResponse:
    """Out of service everywhere."""
    return _acted(request, lambda actor, given: credentials.revoke_credential(actor, which, given))


@router.post("/credentials/{which}/revoke-kept", **operation(
    "revoke_kept_credentials", "Do without the way back", "credentials",
    "Queues a job, which is answered: the key that is kept after "
    "a rotation is revoked now.", parameters=parameters("idempotency"), success=_JOB, body=_NOTHING,
))  # fmt: skip
def revoke_kept(request: HttpRequest, which: str) -> HttpResponse:
    """The one before is revoked."""
    return _acted(request, lambda actor, given: credentials.revoke_kept(actor, which, given))


@router.post("/credentials/{which}/revoked", **operation(
    "mark_revoked_credentials", "Say that a key was revoked by hand", "credentials", "In the vendor's console, where there is no "
    "interface for it.", parameters=parameters("idempotency"),
    success=schemas.content(schemas.of_example(CREDENTIALS.detail["generations"][0], _NULLABLE),
        CREDENTIALS.detail["generations"][0]),
    body=_object({"generation": {"type": "integer", "minimum": 1}}, ("generation",), {"generation": 2}),
))  # fmt: skip
def mark_revoked(request: HttpRequest, which: str) -> HttpResponse:
    """It is over."""
    return _acted(request, lambda actor, given: credentials.mark_revoked(actor, which, given))


@router.post("/credentials/{which}/probe", **operation(
    "probe_credentials", "Probe a credential", "credentials", "Queues a job, which is answered: its vendor is asked for a "
    "list of models. `which` is a name, an id, `all`, or `unhealthy`: those that gateways find anything but well.",
    parameters=parameters("idempotency"), success=_JOB, body=_NOTHING,
))  # fmt: skip
def probe(request: HttpRequest, which: str) -> HttpResponse:
    """Whether it works."""
    return _acted(request, lambda actor, given: credentials.probe_credential(actor, which, given))


@router.post("/credentials/{which}/override", **operation(
    "override_credentials", "Hold a credential in or out of service", "credentials",
    "Whatever gateways find; until a time, or until "
    "it is taken back with an empty `state`.", parameters=parameters("idempotency"), success=_SLOT,
    body=_object({"state": {"type": "string", "enum": ["in", "out", ""]}, "until": _TIME,
                  "reason": {"type": ["string", "null"], "maxLength": 1000}}, ("state",), {"state": "out", "reason": "audit"}),
))  # fmt: skip
def override(request: HttpRequest, which: str) -> HttpResponse:
    """A person says so."""
    return _acted(request, lambda actor, given: credentials.override_credential(actor, which, given))


@router.get("/credentials/{which}/history", **operation(
    "list_credentials_history", "List how a credential's state went on", "credentials",
    "The newest first, with cause; `gateway` is "
    "empty where we asked the vendor ourselves. There is no search.", parameters=parameters("list"),
    success=schemas.content(schemas.page_of(schemas.of_example(_EVENT)), {"items": [_EVENT], "next": "", "total": 1}),
))  # fmt: skip
def history(request: HttpRequest, which: str) -> HttpResponseBase:
    """A page of it."""
    return listed(request, f"{which}-history", lambda actor, asked: credentials.list_history(actor, which, asked), None)


@router.post("/vendors/{which}/recognise", **operation(
    "recognise_vendors", "Recognise a secret", "credentials", "Which kind it looks like, whether it is for API use, and how "
    "one is "
    "made by hand; `which` is a vendor or `any`. Nothing is stored, nothing is sent.",
    success=schemas.content(schemas.of_example(_SHAPE), _SHAPE),
    body=_object({"secret": {"type": "string", "maxLength": 16_384}}, ("secret",), {"secret": "sk-proj-…"}),
))  # fmt: skip
def recognise(request: HttpRequest, which: str) -> HttpResponse:
    """What somebody is about to paste."""
    asking.known_only(request, ())
    return Reply(200, credentials.recognise(actor_of(request), which, asking.body(request))).response()


@router.get("/calendar", **operation(
    "calendar", "See when credentials end", "credentials", "And when they are rotated next, in [since, until).",
    parameters=[query("since", "a time; now when left out", {"type": "string", "format": "date-time"}),
                query("until", "a time; 90 days after `since` when left out", {"type": "string", "format": "date-time"})],
    success=schemas.content(schemas.of_example({"items": [_ENTRY]}), {"items": [_ENTRY]}),
))  # fmt: skip
def calendar(request: HttpRequest) -> HttpResponse:
    """What comes up."""
    asking.known_only(request, ("since", "until"))
    since = _time(request, "since") or timezone.now()
    try:
        until = _time(request, "until") or since + timedelta(days=90)
    except OverflowError:
        raise asking.bad_parameter("since", "is a time in this millennium") from None
    if until - since > _LONGEST:
        raise asking.bad_parameter("until", "is at most ten years after `since`")
    return Reply(200, {"items": credentials.calendar(actor_of(request), since, until)}).response()


def _time(request: HttpRequest, name: str) -> datetime | None:
    text = request.GET.get(name, "")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))      # a plus sign that nobody escaped
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise asking.bad_parameter(name, 'is a time like "2027-01-31T18:00:00Z"') from None


def _acted(request: HttpRequest, work: Callable[[Actor, Given], Given]) -> HttpResponse:
    asking.known_only(request, ())
    actor, given = actor_of(request), asking.body(request, optional=True)

    def reply() -> Reply:
        row = work(actor, given)
        return Reply(200, row, row.get("revision"))

    return write(request, actor, reply)
