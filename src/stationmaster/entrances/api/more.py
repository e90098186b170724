"""What is not a list of things: usage in figures, settings, rotation, the audit trail's check, health, who one is."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router

from stationmaster import __version__
from stationmaster.audit import services as audit
from stationmaster.bills import services as bills
from stationmaster.credentials.models import Credential
from stationmaster.entrances import live
from stationmaster.entrances.api import asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters, query
from stationmaster.entrances.api.replay import write
from stationmaster.entrances.api.resources import GATEWAY_TOKENS, KEYS
from stationmaster.errors import Invalid
from stationmaster.gateway.config.problems import shown
from stationmaster.operators import services as operators
from stationmaster.operators.access import require, rights
from stationmaster.routing import services as routing
from stationmaster.store.changes import revision
from stationmaster.store.filters import bad_filter
from stationmaster.usage import services as usage
from stationmaster.usage.gateways import connected

more = Router()

_SINCE = "2026-11-01T00:00:00+00:00"
_SUMS = dict(zip(usage.MEASURES, (1840, 12, 812_000, 4_096_000, 0, 230_000, 64_000, 18_400_000_000, 3), strict=True))
_SETTING = {
    "name": "retention.raw_events_days", "value": 30, "origin": "stored", "where": "by op_06f2w4k5y8zq1v3t7b9d0c2m4n",
    "locked": False, "can_be_saved": True, "takes_effect": "now", "description": "how long single requests are kept",
    "expected": "a whole number from 1 to 3650", "revision": 41,
}
_TIMES = [
    query("since", "a time; 30 days before `until` when left out", {"type": "string", "format": "date-time"}),
    query("until", "a time; now when left out", {"type": "string", "format": "date-time"}),
    {**parameters("list")[1], "description": f"`field:op:value` over {', '.join(usage.BY)}"},
    query("by", "take the sums apart by this", {"type": "string", "enum": list(usage.BY)}),
]


def _setting_schema() -> schemas.Schema:
    schema = schemas.of_example(_SETTING)
    return {**schema, "properties": {**schema["properties"], "value": {}}}


def _answer_schema(part: Mapping[str, Any]) -> schemas.Schema:
    times = {"type": "string", "format": "date-time"}
    sums = schemas.of_example(_SUMS)
    parts = {"type": "array", "items": {"type": "object", "required": list(_SUMS),
                                        "properties": {**schemas.of_example(dict(part))["properties"]}}}  # fmt: skip
    properties = {"since": times, "until": times, "total": sums, "parts": parts}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _shown(answer: usage.Answer) -> HttpResponse:
    body = {"since": answer.since, "until": answer.until, "total": answer.total, "parts": answer.parts}
    return Reply(200, body).response()


_TOTALS = {"since": _SINCE, "until": "2026-12-01T00:00:00+00:00", "total": _SUMS, "parts": [{"model": "gpt-5-mini", **_SUMS}]}


@more.get("/usage/totals", **operation(
    "usage_totals", "Sums of usage", "usage", "Costs are in nanodollars (10⁻⁹ USD); `unpriced` requests cost something that is "
    "not known. The parts add up to the total.", parameters=_TIMES,
    success=schemas.content(_answer_schema({**_SUMS}), _TOTALS),
))  # fmt: skip
def usage_totals(request: HttpRequest) -> HttpResponse:
    """Sums over a time."""
    asking.known_only(request, ("since", "until", "filter", "by"))
    return _shown(usage.totals(actor_of(request), _question(request)))


@more.get("/usage/series", **operation(
    "usage_series", "The course of usage", "usage", "Steps without usage are left out. Days are those of UTC.",
    parameters=[*_TIMES, query("step", "how long a step is", {"type": "string", "enum": ["hour", "day"], "default": "day"})],
    success=schemas.content(_answer_schema({"start": _SINCE, **_SUMS}), {**_TOTALS, "parts": [{"start": _SINCE, **_SUMS}]}),
))  # fmt: skip
def usage_series(request: HttpRequest) -> HttpResponse:
    """Sums over each hour or day of a time."""
    asking.known_only(request, ("since", "until", "filter", "by", "step"))
    step = request.GET.get("step", "day")
    if step not in ("hour", "day"):
        raise asking.bad_parameter("step", "is hour or day")
    return _shown(usage.series(actor_of(request), _question(request), "hour" if step == "hour" else "day"))


def _question(request: HttpRequest) -> usage.Question:
    until = _time(request, "until") or timezone.now()
    try:
        since = _time(request, "since") or until - timedelta(days=30)
    except OverflowError:
        raise bad_filter("until", "is a time in this millennium") from None
    return usage.Question(since, until, asking.filters(request), request.GET.get("by", ""))


def _time(request: HttpRequest, name: str) -> datetime | None:
    text = request.GET.get(name, "")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))      # a plus sign that nobody escaped
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise asking.bad_parameter(name, 'is a time like "2027-01-31T18:00:00Z"') from None


@more.post("/keys/{which}/rotate", **operation(
    "rotate_keys", "Give a virtual key another secret", "keys", "The old one is let in for `grace_seconds` more. The answer's "
    "`key` is shown this once.", parameters=parameters("if_match", "idempotency"),
    body=schemas.content({"type": "object", "additionalProperties": False, "properties": {
        "grace_seconds": {"type": "integer", "minimum": 0, "maximum": 7_776_000, "default": 0},
        "secret_sha256": {"type": "string", "description": "of a key that was made elsewhere"},
    }}, {"grace_seconds": 86_400}),
    success=schemas.content(schemas.of_example({**KEYS.example, "key": "sm-…"}, {"key"}), {**KEYS.example, "key": "sm-…"}),
))  # fmt: skip
def rotate_keys(request: HttpRequest, which: str) -> HttpResponse:
    """Another secret for the same key."""
    asking.known_only(request, ())
    actor, given = actor_of(request), asking.body(request)
    grace = _number(_only(given, "grace_seconds", "secret_sha256"), "grace_seconds", 0)
    sha256 = given.get("secret_sha256", "")
    if not isinstance(sha256, str):
        raise _wrong("secret_sha256", "expected a string")
    version = asking.version(request)

    def work() -> Reply:
        made = routing.rotate_key(actor, which, grace, sha256, version)
        return Reply(200, {**made.row, "key": made.key.key if made.key else None}, made.row["revision"])

    return write(request, actor, work)


_TOKEN = {**GATEWAY_TOKENS.example, "token": "sm-gw-…"}


@more.post("/gateway-tokens/{which}/rotate", **operation(
    "rotate_gateway_tokens", "Give gateways another token", "gateway-tokens", "The old one is let in for `overlap_seconds` more, "
    "a day when left out. The answer's `token` is shown this once.", parameters=parameters("if_match", "idempotency"),
    body=schemas.content({"type": "object", "additionalProperties": False, "properties": {
        "overlap_seconds": {"type": "integer", "minimum": 0, "maximum": 2_592_000, "default": 86_400},
    }}, {"overlap_seconds": 3600}),
    success=schemas.content(schemas.of_example(_TOKEN, GATEWAY_TOKENS.nullable), _TOKEN),
))  # fmt: skip
def rotate_gateway_tokens(request: HttpRequest, which: str) -> HttpResponse:
    """Another token for the same gateways."""
    asking.known_only(request, ())
    actor, given = actor_of(request), _only(asking.body(request), "overlap_seconds")
    overlap = timedelta(seconds=min(_number(given, "overlap_seconds", 86_400), 10**9))
    version = asking.version(request)

    def work() -> Reply:
        made = operators.rotate_gateway_token(actor, which, overlap, version)
        return Reply(200, {**made.row, "token": made.secret.text}, made.row["revision"])

    return write(request, actor, work)


_VERDICT = {"ok": True, "head": {"count": 7, "hash": "9f2c…"}, "faults": [{"seq": 3, "what": "was changed"}]}


@more.post("/audit/verify", **operation(
    "verify_audit", "Check the audit trail", "audit", "Goes through the whole trail. `since` is a head that was kept elsewhere: "
    "an earlier state that was put back shows against it.",
    body=schemas.content({"type": "object", "additionalProperties": False, "properties": {"since": {
        "anyOf": [{"type": "object", "additionalProperties": False, "required": ["count", "hash"], "properties": {
            "count": {"type": "integer", "minimum": 0}, "hash": {"type": "string"}}}, {"type": "null"}],
    }}}, {"since": {"count": 5, "hash": "1b7a…"}}),
    success=schemas.content(schemas.of_example(_VERDICT), _VERDICT),
))  # fmt: skip
def verify_audit(request: HttpRequest) -> HttpResponse:
    """Whether the trail is whole."""
    asking.known_only(request, ())
    since = _head(_only(asking.body(request, optional=True), "since").get("since"))
    verdict = audit.verify(actor_of(request), since)
    faults = [{"seq": fault.seq, "what": fault.what} for fault in verdict.faults]
    head = {"count": verdict.head.count, "hash": verdict.head.hash}
    return Reply(200, {"ok": verdict.ok, "head": head, "faults": faults}).response()


def _head(given: Any) -> audit.Head | None:
    if given is None:
        return None
    if not (isinstance(given, dict) and given.keys() == {"count", "hash"} and isinstance(given["hash"], str)):
        raise _wrong("since", 'expected {"count": …, "hash": "…"}')
    return audit.Head(_number(given, "count", 0), given["hash"])


@more.get("/settings", **operation(
    "list_settings", "List settings", "settings", "All of them, with where each value comes from; secrets are masked.",
    success=schemas.content({"type": "object", "required": ["items"], "additionalProperties": False, "properties": {
        "items": {"type": "array", "items": _setting_schema()}}}, {"items": [_SETTING]}),
))  # fmt: skip
def list_settings(request: HttpRequest) -> HttpResponse:
    """Every setting."""
    asking.known_only(request, ())
    return Reply(200, {"items": live.list_settings(actor_of(request))}).response()


@more.get("/settings/{name}", **operation(
    "get_setting", "Read a setting", "settings", "Its `ETag` is the version of what is saved, for `If-Match`; 0: nothing is.",
    success=schemas.content(_setting_schema(), _SETTING),
))  # fmt: skip
def get_setting(request: HttpRequest, name: str) -> HttpResponse:
    """One setting."""
    asking.known_only(request, ())
    return _of_setting(live.get_setting(actor_of(request), name)).response()


@more.put("/settings/{name}", **operation(
    "save_setting", "Save a setting", "settings", "Refused (409) where a flag, the environment or a file decides it.",
    parameters=parameters("if_match", "idempotency"),
    body=schemas.content({"type": "object", "additionalProperties": False, "required": ["value"], "properties": {"value": {}}},
                         {"value": 30}),
    success=schemas.content(_setting_schema(), _SETTING),
))  # fmt: skip
def save_setting(request: HttpRequest, name: str) -> HttpResponse:
    """Another value for a setting."""
    asking.known_only(request, ())
    actor, given = actor_of(request), _only(asking.body(request), "value")
    if "value" not in given:
        raise _wrong("value", "missing")
    version = asking.version(request)
    return write(request, actor, lambda: _of_setting(live.save_setting(actor, name, given["value"], version)))


@more.delete("/settings/{name}", **operation(
    "clear_setting", "Take a saved value away", "settings", "Then the default holds again.",
    parameters=parameters("if_match", "idempotency"), success=schemas.content(_setting_schema(), _SETTING),
))  # fmt: skip
def clear_setting(request: HttpRequest, name: str) -> HttpResponse:
    """The default for a setting."""
    asking.known_only(request, ())
    actor, version = actor_of(request), asking.version(request)
    return write(request, actor, lambda: _of_setting(live.clear_setting(actor, name, version)))


def _of_setting(row: Mapping[str, Any]) -> Reply:
    return Reply(200, row, row["revision"])


_HEALTH = {
    "version": "0.1.0", "revision": 41, "credentials": {"healthy": 12, "cooling": 1, "unknown": 2},
    "gateways": {"known": 3, "connected": 2, "up_to_date": 2}, "bills": {"apart": 1},
}  # fmt: skip


@more.get("/health", **operation(
    "health", "How it stands", "health", "Credentials by what gateways said of them last, the gateways themselves, and on how "
    "many of the last fourteen days a vendor's bill is too far from what was counted.",
    success=schemas.content(schemas.of_example(_HEALTH, maps={"credentials"}), _HEALTH),
))  # fmt: skip
def health(request: HttpRequest) -> HttpResponse:
    """Credentials by health, gateways by connection."""
    asking.known_only(request, ())
    require(actor_of(request), "health:read")
    states = Credential.objects.order_by().values_list("health").annotate(Count("id"))
    now = revision()
    return Reply(200, {
        "version": __version__, "revision": now, "credentials": dict(states), "gateways": connected(now),
        "bills": {"apart": bills.apart()},
    }).response()  # fmt: skip


_ME = {
    "kind": "token", "id": "tok_06f2w4k5y8zq1v3t7b9d0c2m4n", "person": "op_06f2w4k5y8zq1v3t7b9d0c2m4n", "role": "viewer",
    "may": ["credentials:read", "usage:read"],
}  # fmt: skip


@more.get("/me", **operation(
    "me", "Who am I", "me", "Whom the token or session stands for, and the actions that it may do.",
    success=schemas.content(schemas.of_example(_ME), _ME),
))  # fmt: skip
def me(request: HttpRequest) -> HttpResponse:
    """The caller."""
    asking.known_only(request, ())
    actor = actor_of(request)
    may = sorted(rights(actor.role, actor.scopes))
    return Reply(200, {"kind": actor.kind, "id": actor.id, "person": actor.person, "role": actor.role, "may": may}).response()


def _only(given: dict[str, Any], *known: str) -> dict[str, Any]:
    for name in given:
        if name not in known:
            raise _wrong(name[:80], f"unknown field; the fields are {', '.join(known)}")
    return given


def _number(given: Mapping[str, Any], name: str, default: int) -> int:
    value = given.get(name, default)
    if type(value) is not int or value < 0:
        raise _wrong(name, "expected a whole number from 0 on")
    return value


def _wrong(field: str, why: str) -> Invalid:
    said = shown(field)
    return Invalid("error.api.bad_value", f"{said}: {why}", fields={said: why})
