"""What an upstream's error says of our credential: each vendor's errors as they are written, and what is made up."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW
from stationmaster.gateway.core.life import OK, Happening
from stationmaster.gateway.core.pauses import DEFAULT_PAUSE, MAX_PAUSE
from stationmaster.gateway.core.snapshot import Vendor
from stationmaster.gateway.core.verdict import MAX_BODY, Verdict, about_credential, judge, judge_event

NOW = 1000.0
WALL = 1794960000.0     # 2026-11-18T00:00:00Z
VENDORS: tuple[Vendor, ...] = ("openai", "anthropic", "gemini", "azure_openai", "openai_compatible")

NOTHING = Verdict(None, retry=False, ours=False)
ELSEWHERE = Verdict(None, retry=True, ours=False)


def upstream(code: str = "") -> Verdict:
    """The vendor failed."""
    return Verdict(Happening("upstream_fault", "upstream", code), retry=True, ours=False)


def limited(seconds: float, code: str = "") -> Verdict:
    """The key is valid and has to rest."""
    return Verdict(Happening("limited", "rate_limited", code, NOW + seconds), retry=True, ours=False)


def fault(cause: str, code: str = "") -> Verdict:
    """The credential was refused."""
    return Verdict(Happening("credential_fault", cause, code), retry=True, ours=True)


def terminal(cause: str, code: str = "", until: float = 0.0) -> Verdict:
    """The credential is of no use for now."""
    return Verdict(Happening("terminal", cause, code, until), retry=True, ours=True)


def openai(message: str, kind: str = "invalid_request_error", code: str | None = None) -> dict[str, Any]:
    """OpenAI's and Azure's envelope."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic(kind: str, message: str, code: str = "") -> dict[str, Any]:
    """Anthropic's envelope, with the code that newer API versions add."""
    details = {"details": {"error_code": code}} if code else {"details": None}
    return {"type": "error", "error": {"type": kind, "message": message} | details, "request_id": "req_1"}


def google(code: int, status: str, message: str = "No.", *details: dict[str, Any]) -> dict[str, Any]:
    """Google's envelope."""
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def reason(word: str) -> dict[str, Any]:
    """Google's ErrorInfo."""
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": word, "domain": "googleapis.com"}


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}


def quota(name: str) -> dict[str, Any]:
    """Google's QuotaFailure."""
    violation = {"quotaMetric": "generate_content_requests", "quotaId": name, "quotaValue": "250"}
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}


_QUOTA = "You exceeded your current quota, please check your plan and billing details."
_DEACTIVATED = "The OpenAI account associated with this API key has been deactivated. Please check your email."
_REGAIN = "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."
_LOW = "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."

Row = tuple[Vendor, int, Any, Verdict]
OPENAI: list[Row] = [
    ("openai", 401, openai("Incorrect API key provided: sk-…abcd.", code="invalid_api_key"),
     fault("invalid_key", "invalid_api_key")),
    ("openai", 401, openai("You must be a member of an organization to use the API."),
     fault("invalid_key", "invalid_request_error")),
    ("openai", 401, openai("Your request IP does not match the configured IP allowlist."),
     fault("denied", "invalid_request_error")),
    ("openai", 401, openai("Not from there.", code="ip_not_authorized"), fault("denied", "ip_not_authorized")),
    ("openai", 401, openai(_DEACTIVATED, code="account_deactivated"), terminal("terminated", "account_deactivated")),
    ("openai", 401, openai(_DEACTIVATED), terminal("terminated", "invalid_request_error")),
    ("openai", 401, openai("This key is associated with a deactivated account. If you feel this is an error, …"),
     terminal("terminated", "invalid_request_error")),
    ("openai", 401, openai("You do not have an account because it has been deleted or deactivated."),
     terminal("terminated", "invalid_request_error")),
    ("openai", 401, openai("Closed.", code="organization_deactivated"), terminal("terminated", "organization_deactivated")),
    ("openai", 401, openai("This API key has been revoked."), terminal("invalid_key", "invalid_request_error")),
    ("openai", 401, openai("Your API key has been disabled."), terminal("invalid_key", "invalid_request_error")),
    ("openai", 403, openai("Country not supported", "request_forbidden", "unsupported_country_region_territory"),
     fault("denied", "unsupported_country_region_territory")),
    ("openai", 403, openai("Project `proj_1` does not have access to model `gpt-5.5`", code="model_not_found"),
     fault("denied", "model_not_found")),
    ("openai", 403, openai("Missing scopes: model.request", "permission_error", "insufficient_permissions"),
     fault("denied", "insufficient_permissions")),
    ("openai", 429, openai("Rate limit reached for gpt-5.5. Please try again in 1.54s.", "tokens", "rate_limit_exceeded"),
     limited(1.54, "rate_limit_exceeded")),
    ("openai", 429, openai("Slow down.", "rate_limit_error", "slow_down"), limited(DEFAULT_PAUSE, "slow_down")),
    ("openai", 429, openai("Request too large for gpt-5.5 on tokens per min (TPM).", "tokens", "rate_limit_exceeded"), ELSEWHERE),
    *[
        ("openai", 429, openai(_QUOTA, "insufficient_quota", code), terminal("billing", code))
        for code in (
            "insufficient_quota", "credit_balance_exhausted", "organization_spend_limit_exceeded",
            "project_spend_limit_exceeded", "organization_usage_limit_exceeded",
        )
    ],
    ("openai", 429, openai(_QUOTA, "insufficient_quota"), terminal("billing", "insufficient_quota")),
    ("openai", 429, openai("Your access was terminated due to violation of our policies.", "access_terminated"),
     terminal("terminated", "access_terminated")),
    ("openai", 400, openai("Billing hard limit has been reached", code="billing_hard_limit_reached"),
     terminal("billing", "billing_hard_limit_reached")),
    ("openai", 400, openai("Unsupported value: 'temperature'.", code="unsupported_value"), NOTHING),
    ("openai", 404, openai("The model `gpt-9` does not exist or you do not have access to it.", code="model_not_found"), NOTHING),
    ("openai", 409, openai("Conflict."), NOTHING),
    ("openai", 424, openai("MCP server: 401 (Unauthorized)", "external_connector_error", "http_error"), NOTHING),
    ("openai", 500, openai("The server had an error.", "server_error"), upstream("server_error")),
    ("openai", 503, openai("Overloaded.", "service_unavailable_error", "server_is_overloaded"), upstream("server_is_overloaded")),
]
ANTHROPIC: list[Row] = [
    ("anthropic", 400, anthropic("invalid_request_error", "messages: at least one message is required"), NOTHING),
    ("anthropic", 400, anthropic("invalid_request_error", _LOW), terminal("billing", "invalid_request_error")),
    ("anthropic", 400, anthropic("invalid_request_error", _REGAIN),
     terminal("billing", "invalid_request_error", NOW + 13 * 86400)),
    ("anthropic", 400, anthropic("invalid_request_error", _REGAIN.replace("2026", "9999")),
     terminal("billing", "invalid_request_error", NOW + 32 * 86400)),
    ("anthropic", 400, anthropic("invalid_request_error", _REGAIN.replace("2026", "2025")),
     terminal("billing", "invalid_request_error")),
    ("anthropic", 400, anthropic("invalid_request_error", _REGAIN.replace("12-01", "13-99")),
     terminal("billing", "invalid_request_error")),
    ("anthropic", 400, anthropic("invalid_request_error", "You may appeal.", "organization_on_hold"),
     terminal("suspended", "organization_on_hold")),
    ("anthropic", 400, anthropic("invalid_request_error", "This organization has been disabled."),
     terminal("terminated", "invalid_request_error")),
    ("anthropic", 400, anthropic("invalid_request_error", "Key off.", "cmek_key_disabled"), fault("denied", "cmek_key_disabled")),
    ("anthropic", 401, anthropic("authentication_error", "invalid x-api-key"), fault("invalid_key", "authentication_error")),
    ("anthropic", 401, anthropic("authentication_error", "CORS requests must set 'anthropic-dangerous-direct-browser-access'"),
     fault("denied", "authentication_error")),
    ("anthropic", 402, anthropic("billing_error", "Payment required."), terminal("billing", "billing_error")),
    ("anthropic", 402, anthropic("billing_error", "No.", "linked_organization_spend_limit_reached"),
     terminal("billing", "linked_organization_spend_limit_reached")),
    ("anthropic", 403, anthropic("permission_error", "Your API key does not have permission to use the specified resource."),
     fault("denied", "permission_error")),
    ("anthropic", 403, anthropic("permission_error", "No.", "user_profile_not_billable"), NOTHING),
    ("anthropic", 404, anthropic("not_found_error", "model: claude-9"), NOTHING),
    ("anthropic", 409, anthropic("conflict_error", "Busy.", "concurrent_membership_change"), NOTHING),
    ("anthropic", 413, anthropic("request_too_large", "Request exceeds the maximum size"), NOTHING),
    ("anthropic", 429, anthropic("rate_limit_error", "This request would exceed your rate limit."),
     limited(DEFAULT_PAUSE, "rate_limit_error")),
    ("anthropic", 429, anthropic("rate_limit_error", "Rising too fast.", "ramp_limit_exceeded"),
     limited(DEFAULT_PAUSE, "ramp_limit_exceeded")),
    ("anthropic", 429, anthropic("rate_limit_error", "Spent.", "enforced_spend_limit_reached"),
     terminal("billing", "enforced_spend_limit_reached")),
    ("anthropic", 429, anthropic("rate_limit_error", "Spent.", "contract_spend_limit_reached"),
     terminal("billing", "contract_spend_limit_reached")),
    ("anthropic", 500, anthropic("api_error", "Internal server error"), upstream("api_error")),
    ("anthropic", 503, anthropic("api_error", "Unreachable.", "cmek_key_unreachable"), upstream("cmek_key_unreachable")),
    ("anthropic", 504, anthropic("timeout_error", "Timed out."), upstream("timeout_error")),
    ("anthropic", 529, anthropic("overloaded_error", "Overloaded"), upstream("overloaded_error")),
]
GOOGLE: list[Row] = [
    ("gemini", 400, google(400, "INVALID_ARGUMENT", "API key not valid.", reason("API_KEY_INVALID")),
     fault("invalid_key", "API_KEY_INVALID")),
    ("gemini", 400, [google(400, "INVALID_ARGUMENT", "API key expired.", reason("API_KEY_INVALID"))],
     fault("invalid_key", "API_KEY_INVALID")),
    ("gemini", 400, google(400, "INVALID_ARGUMENT", "Invalid JSON payload received."), NOTHING),
    ("gemini", 400, google(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
     fault("denied", "FAILED_PRECONDITION")),
    ("gemini", 400, google(400, "FAILED_PRECONDITION", "Gemini API free tier is not available in your country."),
     fault("denied", "FAILED_PRECONDITION")),
    ("gemini", 400, google(400, "FAILED_PRECONDITION", "The File abc is not in an ACTIVE state."), NOTHING),
    ("gemini", 401, google(401, "UNAUTHENTICATED", "No.", reason("ACCESS_TOKEN_TYPE_UNSUPPORTED")),
     fault("invalid_key", "ACCESS_TOKEN_TYPE_UNSUPPORTED")),
    ("gemini", 401, google(401, "UNAUTHENTICATED"), fault("invalid_key", "UNAUTHENTICATED")),
    ("gemini", 403, google(403, "PERMISSION_DENIED"), fault("denied", "PERMISSION_DENIED")),
    ("gemini", 403, google(403, "PERMISSION_DENIED", "No.", reason("CONSUMER_SUSPENDED")),
     terminal("suspended", "CONSUMER_SUSPENDED")),
    ("gemini", 403, google(403, "PERMISSION_DENIED", "No.", reason("SERVICE_DISABLED")), terminal("denied", "SERVICE_DISABLED")),
    ("gemini", 403, google(403, "PERMISSION_DENIED", "Enable billing.", reason("BILLING_DISABLED")),
     terminal("billing", "BILLING_DISABLED")),
    ("gemini", 403, google(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
     terminal("invalid_key", "PERMISSION_DENIED")),
    ("gemini", 404, google(404, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta."), NOTHING),
    ("gemini", 429, google(429, "RESOURCE_EXHAUSTED", _QUOTA, quota("GenerateRequestsPerMinutePerProjectPerModel"), RETRY),
     limited(34.0, "RESOURCE_EXHAUSTED")),
    ("gemini", 429, google(429, "RESOURCE_EXHAUSTED", _QUOTA, quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), RETRY),
     limited(MAX_PAUSE, "RESOURCE_EXHAUSTED")),
    ("gemini", 499, google(499, "CANCELLED"), upstream("CANCELLED")),
    ("gemini", 500, google(500, "INTERNAL"), upstream("INTERNAL")),
    ("gemini", 503, google(503, "UNAVAILABLE", "The model is overloaded."), upstream("UNAVAILABLE")),
    ("gemini", 504, google(504, "DEADLINE_EXCEEDED"), upstream("DEADLINE_EXCEEDED")),
]
OTHERS: list[Row] = [
    ("azure_openai", 401, openai("Access denied due to invalid subscription key or wrong API endpoint.", "", "401"),
     fault("invalid_key")),
    ("azure_openai", 401, {"statusCode": 401, "message": "Access denied due to missing subscription key."}, fault("invalid_key")),
    ("azure_openai", 403, openai("Access denied due to Virtual Network/Firewall rules.", "", "AccessDenied"), fault("denied")),
    ("azure_openai", 429, openai("Rate limit exceeded. Please retry after 26 seconds.", "", "429"), limited(26.0)),
    ("azure_openai", 429, {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 7 seconds."}, limited(7.0)),
    ("azure_openai", 404, openai("The API deployment does not exist.", "", "DeploymentNotFound"), NOTHING),
    ("azure_openai", 400, openai("Filtered.", "", "content_filter"), NOTHING),
    ("azure_openai", 408, openai("Timed out."), upstream("invalid_request_error")),
    ("azure_openai", 424, openai("The model failed.", "", "ModelError"), upstream()),
    ("openai_compatible", 400, openai("Organization has been restricted. Please reach out to support."),
     terminal("suspended", "invalid_request_error")),
    ("openai_compatible", 402, openai("Insufficient Balance", "unknown_error"), terminal("billing")),
    ("openai_compatible", 400, {"error": "model 'x' not found"}, NOTHING),
    ("openai_compatible", 401, {"detail": "Unauthorized"}, fault("invalid_key")),
    ("openai_compatible", 425, "Too Early", upstream()),
    ("openai_compatible", 422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, NOTHING),
    ("openai_compatible", 502, None, upstream()),
]
ROWS = OPENAI + ANTHROPIC + GOOGLE + OTHERS


@pytest.mark.parametrize(
    ("vendor", "status", "body", "verdict"), ROWS, ids=[f"{at}-{row[0]}-{row[1]}" for at, row in enumerate(ROWS)]
)
def test_vendors_errors(vendor: Vendor, status: int, body: Any, verdict: Verdict) -> None:
    """Each documented error says of the credential what the vendor means by it."""
    assert judge(vendor, status, [], msgspec.json.encode(body), now=NOW, wall=WALL) == verdict


BARE = {
    200: Verdict(OK, retry=False, ours=False), 101: Verdict(OK, retry=False, ours=False),
    304: Verdict(OK, retry=False, ours=False), 302: NOTHING,
    400: NOTHING, 404: NOTHING, 405: NOTHING, 409: NOTHING, 410: NOTHING, 413: NOTHING, 415: NOTHING, 422: NOTHING,
    401: fault("invalid_key"), 402: terminal("billing"), 403: fault("denied"), 429: limited(DEFAULT_PAUSE),
    408: upstream(), 424: upstream(), 425: upstream(), 499: upstream(),
    500: upstream(), 502: upstream(), 503: upstream(), 504: upstream(), 520: upstream(), 529: upstream(),
}
UNREADABLE = (
    b"", b"<html>", b"null", b"[]", b"[1]", b"{}", b'"text"', b"5", b'{"error":5}', b'{"error":null}', b'{"error":{}}',
    b'{"error":[]}', b'{"error":{"code":' + b"9" * 5000 + b"}}", b'{"error":{"code":true,"message":{},"type":[]}}',
    b'{"error":{"details":7}}', b'{"error":{"details":[1]}}', b'{"error":{"details":[{"reason":5}]}}',
    b'{"error":{"message":"\xff"}}',
    b"[" * 100_000, b'{"error":' * 50_000, b" " * (MAX_BODY + 1), b'{"error":{"details":' + b"[" * 50_000,
)


@pytest.mark.parametrize("status", BARE)
@pytest.mark.parametrize("body", UNREADABLE, ids=range(len(UNREADABLE)))
def test_without_a_readable_body_the_status_decides(status: int, body: bytes) -> None:
    """Garbage, other shapes, too deep or too much: nothing fails, and the status alone is judged, for every vendor."""
    for vendor in VENDORS:
        assert judge(vendor, status, [], body, now=NOW, wall=WALL) == BARE[status]


def test_headers_state_the_pause() -> None:
    """A limit lasts as long as its fields say, before what its text says, and no longer than an hour."""
    body = msgspec.json.encode(openai("Please try again in 9s.", "requests", "rate_limit_exceeded"))
    for field, seconds in ((b"3", 3.0), (b"1000000000", MAX_PAUSE), (b"-4", 9.0), (b"", 9.0)):
        verdict = judge("openai", 429, [(b"retry-after", field)], body, now=NOW, wall=WALL)
        assert verdict == limited(seconds, "rate_limit_exceeded")


# What a caller can make a vendor repeat.
ECHOED = (
    "your credit balance is too low", "this organization has been disabled", "account_deactivated",
    "organization has been suspended", "regain access on 2026-12-01", "API_KEY_INVALID", 'x","code":"account_deactivated',
    "Request too large for",
)
ECHOES: list[tuple[Vendor, int, str]] = [
    ("openai", 404, "The model `{}` does not exist or you do not have access to it."),
    ("openai", 400, "{}"),
    ("openai", 400, "Invalid value: '{}'."),
    ("openai_compatible", 400, "The model {} does not exist."),
    ("anthropic", 400, "tools.0.name: {}"),
    ("anthropic", 404, "{}"),
    ("gemini", 400, "Invalid value at 'contents' ({})"),
    ("gemini", 404, "models/{} is not found"),
]


@pytest.mark.parametrize("said", ECHOED)
@pytest.mark.parametrize(("vendor", "status", "message"), ECHOES)
def test_no_caller_talks_a_credential_down(vendor: Vendor, status: int, message: str, said: str) -> None:
    """An error text that repeats the caller's words says nothing of the credential, whatever the words are."""
    for envelope in (openai(message.format(said)), anthropic("invalid_request_error", message.format(said))):
        assert judge(vendor, status, [], msgspec.json.encode(envelope), now=NOW, wall=WALL) == NOTHING


def test_a_code_of_the_upstreams_own_making_is_not_remembered() -> None:
    """A code that an upstream made of our key reaches no `Happening`: only the vendors' own words do."""
    for secret in ("sk-proj-abc_def", "AIzaSyD_x1", "sentinel", "my_secret_key"):
        verdict = judge("openai", 401, [], msgspec.json.encode(openai("No.", secret, secret)), now=NOW, wall=WALL)
        assert verdict == fault("invalid_key")


def _failed(code: str, message: str = "No.") -> dict[str, Any]:
    return {"type": "response.failed", "response": {"id": "r", "status": "failed", "error": {"code": code, "message": message}}}


def _bare(code: str | None) -> dict[str, Any]:
    return {"type": "error", "sequence_number": 0, "code": code, "message": "No.", "param": None}


EVENTS: list[tuple[Vendor, Any, Verdict | None]] = [
    ("openai", openai("The server had an error.", "server_error"), upstream("server_error")),
    ("openai", openai("Slow down.", "tokens", "rate_limit_exceeded"), limited(DEFAULT_PAUSE, "rate_limit_exceeded")),
    ("openai", openai("Spent.", "insufficient_quota", "insufficient_quota"), terminal("billing", "insufficient_quota")),
    ("openai", openai("Too long.", code="context_length_exceeded"), NOTHING),
    ("openai", openai("?", "odd_error"), ELSEWHERE),
    ("openai", _failed("server_error"), upstream("server_error")),
    ("openai", _failed("rate_limit_exceeded", "Please try again in 1.5s."), limited(1.5, "rate_limit_exceeded")),
    ("openai", _failed("insufficient_quota"), terminal("billing", "insufficient_quota")),
    ("openai", _failed("invalid_prompt"), NOTHING),
    ("openai", {"type": "response.failed", "response": {"error": None}}, ELSEWHERE),
    ("openai", _bare("server_error"), upstream("server_error")),
    ("openai", _bare("rate_limit_exceeded"), limited(DEFAULT_PAUSE, "rate_limit_exceeded")),
    ("openai", _bare("invalid_api_key"), fault("invalid_key", "invalid_api_key")),
    ("openai", _bare(None), ELSEWHERE),
    ("openai_compatible", {"error": {"code": 502, "message": "Provider returned error"}}, upstream()),
    ("openai_compatible", {"error": {"code": "429", "message": "No."}, "choices": []}, limited(DEFAULT_PAUSE)),
    ("openai_compatible", {"error": "boom"}, ELSEWHERE),
    ("anthropic", anthropic("overloaded_error", "Overloaded"), upstream("overloaded_error")),
    ("anthropic", anthropic("api_error", "Internal"), upstream("api_error")),
    ("anthropic", anthropic("rate_limit_error", "No."), limited(DEFAULT_PAUSE, "rate_limit_error")),
    ("anthropic", anthropic("authentication_error", "No."), fault("invalid_key", "authentication_error")),
    ("anthropic", anthropic("permission_error", "No."), fault("denied", "permission_error")),
    ("anthropic", anthropic("invalid_request_error", _LOW), terminal("billing", "invalid_request_error")),
    ("anthropic", anthropic("invalid_request_error", "messages: wrong"), NOTHING),
    ("gemini", google(503, "UNAVAILABLE"), upstream("UNAVAILABLE")),
    ("gemini", google(429, "RESOURCE_EXHAUSTED", "No.", RETRY), limited(34.0, "RESOURCE_EXHAUSTED")),
    ("gemini", google(400, "INVALID_ARGUMENT", "No.", reason("API_KEY_INVALID")), fault("invalid_key", "API_KEY_INVALID")),
    ("openai", {"type": "response.created", "response": {"id": "r", "error": None, "status": "in_progress"}}, None),
    ("openai", {"type": "response.completed", "response": {"error": {"code": "server_error"}}}, None),
    ("openai", {"id": "c", "choices": [{"delta": {"content": '"error"'}}], "error": None}, None),
    ("anthropic", {"type": "message_start", "message": {"id": "m"}}, None),
    ("anthropic", {"type": "ping", "note": "error"}, None),
    ("gemini", {"candidates": [{"content": {"parts": [{"text": "error"}]}}]}, None),
]


@pytest.mark.parametrize(("vendor", "event", "verdict"), EVENTS, ids=range(len(EVENTS)))
def test_stream_events(vendor: Vendor, event: Any, verdict: Verdict | None) -> None:
    """An error that comes as an event is judged like one with a status; any other event is none."""
    assert judge_event(vendor, json.dumps(event).encode(), now=NOW, wall=WALL) == verdict
    assert judge_event(vendor, msgspec.json.encode(event), now=NOW, wall=WALL) == verdict


@pytest.mark.parametrize("data", [b"", b"[DONE]", b'"error"', b'{"error"', b'["error"]', b'{"error":' * 50_000, b"[]"])
def test_what_is_no_event_is_no_error(data: bytes) -> None:
    """Data that is no JSON object gives no verdict."""
    assert judge_event("openai", data, now=NOW, wall=WALL) is None


_WORDS = st.sampled_from(("error", "type", "code", "status", "message", "details", "response", "reason", "response.failed"))
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=9), _WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=5),
    max_leaves=12,
)


@FEW
@given(st.sampled_from(VENDORS), st.integers(400, 599), _JSON)
def test_any_json_is_judged(vendor: Vendor, status: int, body: Any) -> None:
    """No body makes judging fail; what is 401 or 403 is ours; and 5xx or 429 without a known code never are."""
    data = json.dumps(body).encode()
    verdict = judge(vendor, status, [], data, now=NOW, wall=WALL)
    judge_event(vendor, data, now=NOW, wall=WALL)
    assert verdict.ours == (status in (401, 402, 403))
    assert verdict.retry == (verdict.happening is not None)


ABOUT: list[tuple[Vendor, int, bytes, bool]] = [
    ("openai", 401, b"", True), ("anthropic", 403, b"<html>", True), ("gemini", 403, b"{}", True),
    ("gemini", 400, b'{"error":{"details":[{"reason":"API_KEY_INVALID"}]}}', True),
    ("gemini", 400, b'{"error": API_KEY_INVALID cut', True),
    ("gemini", 400, b"{}", False), ("openai", 400, b"API_KEY_INVALID", False), ("anthropic", 402, b"{}", False),
    ("openai", 429, b'{"error":{"code":"insufficient_quota"}}', False), ("openai", 500, b"", False),
]


@pytest.mark.parametrize(("vendor", "status", "body", "ours"), ABOUT)
def test_about_credential(vendor: Vendor, status: int, body: bytes, ours: bool) -> None:
    """Every 401 and 403 is about our credential, and Gemini's 400 for a bad key, readable or not; no other answer is."""
    assert about_credential(vendor, status, body) is ours
