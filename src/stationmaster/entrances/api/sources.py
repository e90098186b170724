"""Where credentials' short-lived secrets come from, over REST: see, set, take away, refresh now, list. What there is to do is the
services'."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from ninja import Router

from stationmaster.credentials import services as credentials
from stationmaster.entrances.api import asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters
from stationmaster.entrances.api.replay import write
from stationmaster.entrances.api.resource import Resource, mount
from stationmaster.issuers.registry import KINDS

router = Router()

_AT: Final = "2026-11-22T09:30:00.123456+00:00"
_ID: Final = "06f2w4k5y8zq1v3t7b9d0c2m4n"
_OPTIONS: Final = {"token_url": "https://login.acme.example/token", "client_id": "stationmaster", "scope": "models"}
_EXAMPLE: Final = {
    "id": f"src_{_ID}", "credential": "models", "kind": "oauth2_client_credentials", "options": _OPTIONS, "secret_set": True,
    "refresh_token_set": False, "refresh": "ok", "asked_at": _AT, "expires_at": _AT, "refresh_at": _AT, "refreshed_at": _AT,
    "failures": 0, "last_error": "", "last_words": "", "revision": 41, "created_at": _AT, "updated_at": _AT,
}  # fmt: skip
_TIMES: Final = frozenset({"asked_at", "expires_at", "refresh_at", "refreshed_at"})
_TEXT: Final = {"type": ["string", "null"]}
_BODY: Final = {
    "type": "object", "additionalProperties": False, "required": ["kind", "options"],
    "properties": {
        "kind": {"type": "string", "enum": list(KINDS)},
        "options": {"type": "object", "description": "the kind's public parts; docs/reference/credential-sources.md lists them",
                    "additionalProperties": {"type": ["string", "integer", "boolean"]}},
        "secret": {**_TEXT, "maxLength": 16_384, "description": "empty: as it is stored"},
        "refresh_token": {**_TEXT, "maxLength": 16_384, "description": "empty: as it is stored"},
        "vendor": {**_TEXT, "description": "of a credential that is made with it, as are the fields that follow"},
        "base_url": _TEXT, "organisation": _TEXT, "allow_insecure_http": {"type": ["boolean", "null"]},
    },
}  # fmt: skip
_GIVEN: Final = {"kind": "oauth2_client_credentials", "options": _OPTIONS, "secret": "…"}
SOURCES: Final = Resource(
    "sources", "source", credentials.SOURCES, _EXAMPLE, credentials.list_sources, credentials.export_sources, nullable=_TIMES,
    maps=frozenset({"options"}),
)  # fmt: skip
_ONE: Final = schemas.content(SOURCES.schema(), _EXAMPLE)
mount(router, SOURCES)


@router.get("/credentials/{which}/source", **operation(
    "get_credentials_source", "Read where a credential's secret comes from", "credentials",
    "How it stands with its refreshing, and when the next one is. Its `ETag` is its version, for `If-Match`.", success=_ONE,
))  # fmt: skip
def get(request: HttpRequest, which: str) -> HttpResponse:
    """What is kept of it in public."""
    asking.known_only(request, ())
    row = credentials.get_source(actor_of(request), which)
    return Reply(200, row, row["revision"]).response()


@router.put("/credentials/{which}/source", **operation(
    "put_credentials_source", "Say where a credential's secret comes from", "credentials",
    "Short-lived secrets are fetched within seconds, and replaced before they end. For a name that there is not, with `vendor`, "
    "a credential is made. `If-Match` says which version is replaced; `*`: whichever, or none.",
    parameters=parameters("if_match", "idempotency"), body=schemas.content(_BODY, _GIVEN), success=_ONE,
))  # fmt: skip
def put(request: HttpRequest, which: str) -> HttpResponse:
    """All of it anew, but for sealed parts that are left out."""
    asking.known_only(request, ())
    actor, given, version = actor_of(request), asking.body(request), asking.version(request)

    def work() -> Reply:
        row = credentials.put_source(actor, which, given, version)
        return Reply(200, row, row["revision"])

    return write(request, actor, work)


@router.delete("/credentials/{which}/source", **operation(
    "delete_credentials_source", "Forget where a credential's secret comes from", "credentials",
    "The secret that was issued last serves until it ends.", parameters=parameters("if_match", "idempotency"), status=204,
))  # fmt: skip
def delete(request: HttpRequest, which: str) -> HttpResponse:
    """It is refreshed no more."""
    asking.known_only(request, ())
    actor, version = actor_of(request), asking.version(request)

    def work() -> Reply:
        credentials.delete_source(actor, which, version)
        return Reply(204)

    return write(request, actor, work)


@router.post("/credentials/{which}/refresh", **operation(
    "refresh_credentials", "Refresh a credential's secret now", "credentials",
    "Within seconds; the source is answered as it is until then. Many calls lead to one refresh.",
    parameters=parameters("idempotency"), success=_ONE,
    body=schemas.content({"type": "object", "additionalProperties": False, "properties": {}}, {}),
))  # fmt: skip
def refresh(request: HttpRequest, which: str) -> HttpResponse:
    """Ahead of time."""
    asking.known_only(request, ())
    actor, given = actor_of(request), asking.body(request, optional=True)

    def work() -> Reply:
        row = credentials.refresh_credential(actor, which, given)
        return Reply(200, row, row["revision"])

    return write(request, actor, work)
