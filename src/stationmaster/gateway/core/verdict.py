"""What an upstream's answer says about the credential we sent, and whether another one may do better.

Owns: the vendors' error codes (their API references' error pages). May not know who asked, or what becomes of a verdict.

The body's code counts before the status. A vendor may send anything, and a text may repeat the caller's own words (a
model's name, a tool's): no caller may talk our credential into being disabled. So a text counts only where it opens
with a whole sentence about the account.
"""

import re
from typing import Any

import msgspec

from stationmaster.gateway.core.life import OK, RATE_LIMITED, UPSTREAM, Happening, Signal
from stationmaster.gateway.core.pauses import DEFAULT_PAUSE, MAX_PAUSE, Headers, pause, pause_in_text, time_of
from stationmaster.gateway.core.snapshot import Vendor

MAX_BODY = 1024 * 1024      # of an error that is read; a larger one is judged by its status
_MAX_MESSAGE = 2000
_MAX_REGAIN = 32 * 86400.0  # spend limits are monthly

_decode = msgspec.json.decode
_ABSENT = msgspec.Raw()
_BROKEN = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Verdict(msgspec.Struct, frozen=True):
    """`happening`: what it says of the credential, None: nothing (the caller's own error). `retry`: another member may
    succeed. `ours`: it is about our credential, so that the caller must not take it for theirs."""

    happening: Happening | None
    retry: bool
    ours: bool


_FINE = Verdict(OK, retry=False, ours=False)
_CALLERS = Verdict(None, retry=False, ours=False)
_ELSEWHERE = Verdict(None, retry=True, ours=False)


def about_credential(vendor: Vendor, status: int, body: bytes) -> bool:
    """Whether the error is about the credential we sent, so that the caller must not take it for theirs.

    401 and 403 always are: no credential of the caller's ever reaches the vendor. Gemini answers a bad key
    with 400 and `reason: API_KEY_INVALID` (ai.google.dev, troubleshooting), which is looked for even in a body
    that cannot be read. `Verdict.ours` is wider: it counts our money as well.
    """
    return status in (401, 403) or (vendor == "gemini" and status == 400 and b"API_KEY_INVALID" in body)


def judge(vendor: Vendor, status: int, headers: Headers, body: bytes, *, now: float, wall: float) -> Verdict:
    """The verdict on a whole answer. `now` is the clock of `Happening.until`, `wall` seconds since 1970; field names
    are lower-case. Only an error's body is read."""
    if status < 400:
        return _FINE if status < 300 or status == 304 else _CALLERS   # other redirections are never followed
    told = _read(body)
    return _judge(vendor, status, headers, _typed(told, headers) if vendor == "bedrock" else told, now, wall)


def judge_exception(vendor: Vendor, name: str, payload: bytes, *, now: float, wall: float) -> Verdict:
    """The verdict on an error inside an AWS event stream, which is called `name`."""
    told = _named(_read(payload), name[:1].upper() + name[1:])
    return _judge(vendor, _WORTH.get(told.words[0], 0), [], told, now, wall)


def judge_event(vendor: Vendor, data: bytes, *, now: float, wall: float) -> Verdict | None:
    """The verdict on a stream event's data when it is an error, in any dialect; None when it is none."""
    if b'"error"' not in data:
        return None
    told = _read(data)
    if not told.event:
        return None
    status = told.status or next((_WORTH[word] for word in told.words if word in _WORTH), 0)
    return _judge(vendor, status, [], told, now, wall)


# What an error says.


class _Envelope(msgspec.Struct):
    """Any vendor's error, as a body or as a stream's event."""

    type: Any = None
    code: Any = None
    message: Any = None
    shouted: Any = msgspec.field(default=None, name="Message")     # AWS' front
    error: msgspec.Raw = _ABSENT
    response: msgspec.Raw = _ABSENT


class _Error(msgspec.Struct):
    type: Any = None
    code: Any = None
    status: Any = None
    message: Any = None
    details: msgspec.Raw = _ABSENT


class _Violation(msgspec.Struct, rename="camel"):
    quota_id: str = ""


class _Detail(msgspec.Struct):
    """Anthropic's `details`, or one of Google's (ErrorInfo, RetryInfo, QuotaFailure)."""

    error_code: str = ""
    reason: str = ""
    retry_delay: str = msgspec.field(default="", name="retryDelay")
    violations: list[_Violation] = []


class _Told(msgspec.Struct, frozen=True):
    """What could be read: code words, the most telling first; the status that the error itself names, or 0; a
    pause in Google's spelling; whether a day's quota is used up; whether this is an error event."""

    words: tuple[str, ...] = ()
    message: str = ""
    status: int = 0
    retry_delay: str = ""
    daily: bool = False
    event: bool = False


def _typed(told: _Told, headers: Headers) -> _Told:
    """AWS names the kind of error in a header, before a colon, and repeats it nowhere (REST JSON protocol, error types)."""
    kind = next((text for name, text in headers if name == b"x-amzn-errortype"), b"")
    return _named(told, kind.partition(b":")[0].decode("latin-1")) if kind else told


def _named(told: _Told, word: str) -> _Told:
    daily = told.daily or _DAILY.match(told.message) is not None
    return msgspec.structs.replace(told, words=(word, *told.words), daily=daily, event=True)


def _read(body: bytes) -> _Told:
    """What an error body or event says; nothing when it is not JSON that can be understood."""
    if len(body) > MAX_BODY:
        return _Told()
    try:
        return _unfold(_envelope(body))
    except _BROKEN:
        return _Told()


def _envelope(body: bytes) -> _Envelope:
    """One object; without `alt=sse` Gemini writes an array, whose first item is the error."""
    if body.lstrip()[:1] != b"[":
        return _decode(body, type=_Envelope)
    return next(iter(_decode(body, type=list[_Envelope])), _Envelope())


def _unfold(envelope: _Envelope) -> _Told:
    """The error is an object or a text under `error`, or the envelope itself (OpenAI's bare event, Azure's front)."""
    failed = envelope.type == "response.failed"
    raw = _decode(envelope.response, type=_Envelope).error if failed and envelope.response else envelope.error
    error = bytes(raw)
    if error.startswith(b"{"):
        return _told(_decode(error, type=_Error), event=True)
    text = error.startswith(b'"')
    said = _Error(code=envelope.code, message=_decode(error) if text else envelope.message or envelope.shouted)
    return _told(said, event=text or failed or envelope.type == "error")


def _told(error: _Error, *, event: bool) -> _Told:
    details = _details(bytes(error.details))
    words = [word for detail in details for word in (detail.error_code, detail.reason)]
    words += [word for word in (error.code, error.type, error.status) if isinstance(word, str)]
    quotas = [violation.quota_id for detail in details for violation in detail.violations]
    return _Told(
        tuple(word for word in words if word),
        error.message[:_MAX_MESSAGE] if isinstance(error.message, str) else "",
        _status(error.code),
        next((detail.retry_delay for detail in details if detail.retry_delay), ""),
        any("PerDay" in quota or "Daily" in quota for quota in quotas),
        event,
    )


def _details(raw: bytes) -> list[_Detail]:
    """Google's list or Anthropic's object; what is neither explains nothing."""
    try:
        if raw.startswith(b"["):
            return _decode(raw, type=list[_Detail])
        return [_decode(raw, type=_Detail)] if raw.startswith(b"{") else []
    except _BROKEN:
        return []


def _status(code: object) -> int:
    """An HTTP status given as the error's code: Google's number, Azure's text."""
    if isinstance(code, str) and re.fullmatch(r"[45][0-9]{2}", code):
        return int(code)
    return code if isinstance(code, int) and 400 <= code < 600 else 0


# What codes and sentences mean.

_Meaning = tuple[Signal, str]

_BILLING: _Meaning = ("terminal", "billing")
_TERMINATED: _Meaning = ("terminal", "terminated")
_SUSPENDED: _Meaning = ("terminal", "suspended")
_DEAD_KEY: _Meaning = ("terminal", "invalid_key")
_SHUT: _Meaning = ("terminal", "denied")
_BAD_KEY: _Meaning = ("credential_fault", "invalid_key")
_DENIED: _Meaning = ("credential_fault", "denied")

# AWS, common errors of its services: about who asks, at whatever status.
_AWS_IDENTITY = ("UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "InvalidClientTokenId",
                 "IncompleteSignature", "MissingAuthenticationTokenException")
# At any status. OpenAI, error codes and spend limits; Anthropic, errors and `error.details.error_code`; Google,
# google.api.ErrorReason. No general word is here (permission_error, server_error): the status says that better.
_CODES: dict[str, _Meaning] = {
    **dict.fromkeys((
        "credit_balance_exhausted", "organization_spend_limit_exceeded", "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded", "insufficient_quota", "billing_hard_limit_reached", "billing_not_active",
        "billing_error", "enforced_spend_limit_reached", "contract_spend_limit_reached", "credit_balance_too_low",
        "linked_organization_billing_unavailable", "linked_organization_spend_limit_reached", "insufficient_balance",
        "BILLING_DISABLED",
    ), _BILLING),
    **dict.fromkeys((
        "account_deactivated", "organization_deactivated", "account_terminated", "access_terminated",
        "organization_disabled",
    ), _TERMINATED),
    **dict.fromkeys((
        "organization_on_hold", "account_suspended", "organization_suspended", "organization_restricted",
        "CONSUMER_SUSPENDED",
    ), _SUSPENDED),
    **dict.fromkeys(("api_key_revoked", "key_revoked", "api_key_disabled", "key_disabled"), _DEAD_KEY),
    "SERVICE_DISABLED": _SHUT,
    **dict.fromkeys((
        "invalid_api_key", "API_KEY_INVALID", "ACCESS_TOKEN_TYPE_UNSUPPORTED", "ACCESS_TOKEN_EXPIRED", *_AWS_IDENTITY,
    ), _BAD_KEY),
    "OptInRequired": _SHUT,
    "ServiceQuotaExceededException": ("limited", RATE_LIMITED),
    **dict.fromkeys((
        "ip_not_authorized", "unsupported_country_region_territory", "API_KEY_SERVICE_BLOCKED",
        "API_KEY_IP_ADDRESS_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED", "cmek_key_disabled", "cmek_key_network_blocked",
    ), _DENIED),
}
# About something that the caller named, whatever the status: a billed end user, a tool's server.
_CALLERS_CODES = frozenset((
    "user_profile_not_billable", "user_profile_billing_not_authorized", "sandbox_egress_restricted",
    "external_connector_error",
))
# The status that an event's word stands for. What is not here may be anybody's doing.
_WORTH: dict[str, int] = {
    **dict.fromkeys(("rate_limit_exceeded", "rate_limit_error", "slow_down", "RESOURCE_EXHAUSTED", "ThrottlingException"), 429),
    **dict.fromkeys((
        "server_error", "api_error", "internal_error", "INTERNAL", "vector_store_timeout", "InternalServerException",
    ), 500),
    **dict.fromkeys(("service_unavailable_error", "server_is_overloaded", "UNAVAILABLE", "ServiceUnavailableException"), 503),
    **dict.fromkeys(("timeout_error", "DEADLINE_EXCEEDED"), 504),
    "ModelTimeoutException": 408,
    **dict.fromkeys(("ModelErrorException", "ModelStreamErrorException"), 424),
    "AccessDeniedException": 403,
    "ResourceNotFoundException": 404,
    "overloaded_error": 529,
    **dict.fromkeys(("authentication_error", "UNAUTHENTICATED"), 401),
    **dict.fromkeys(("permission_error", "PERMISSION_DENIED"), 403),
    **dict.fromkeys(("not_found_error", "NOT_FOUND", "model_not_found"), 404),
    "request_too_large": 413,
    **dict.fromkeys((
        "invalid_request_error", "INVALID_ARGUMENT", "FAILED_PRECONDITION", "context_length_exceeded", "invalid_prompt",
        "bio_policy", "misalignment_policy_violation", "content_filter", "invalid_image", "invalid_image_format",
        "invalid_base64_image", "invalid_image_url", "image_too_large", "image_too_small", "image_parse_error",
        "image_content_policy_violation", "invalid_image_mode", "image_file_too_large", "unsupported_image_media_type",
        "empty_image_file", "failed_to_download_image", "image_file_not_found", "ValidationException",
    ), 400),
}

_SENTENCES: tuple[tuple[re.Pattern[str], _Meaning], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (
        (r"your credit balance is too low\b", _BILLING),
        (r"you have reached your specified (?:workspace )?(?:api )?usage limits\b", _BILLING),
        (r"user location is not supported\b|gemini api free tier is not available\b", _DENIED),
        (r"you do not have an account because it has been deleted or deactivated\b", _TERMINATED),
        (r"your access (?:was|has been) terminated\b", _TERMINATED),
        (r"authentication failed: please make sure your api key is valid\b|bearer token has expired\b", _BAD_KEY),
    )
)
_FATE = re.compile(
    r"(?:the |this |your )?(?:openai |anthropic |api ){0,2}(account|organi[sz]ation|project|workspace|key)"
    r"(?: associated with this api key)?(?: has been| was| is| is associated with a) "
    r"(deactivated|terminated|disabled|suspended|restricted|on hold|revoked|reported as leaked)\b(?! (?:for|from|to)\b)",
    re.IGNORECASE,
)
_FATES: dict[str, _Meaning] = {
    "deactivated": _TERMINATED, "terminated": _TERMINATED, "disabled": _TERMINATED,
    "suspended": _SUSPENDED, "restricted": _SUSPENDED, "on hold": _SUSPENDED,
    "revoked": _DEAD_KEY, "reported as leaked": _DEAD_KEY,
}
_TALKATIVE = frozenset((0, 400, 401, 403, 429))   # 0: an event that names no status
_DAILY = re.compile(r"too many tokens per day\b", re.IGNORECASE)
# AWS grants models one by one, so that these are about the model that was asked for: another account may have it.
_ONE_MODEL = re.compile(
    r"you don't have access to the model\b|model access is denied\b|user: \S+ is not authorized to perform: bedrock:",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\b(?:IP|CORS|origin)\b")
_TOO_LARGE = re.compile(r"request too large for\b", re.IGNORECASE)


def _sentence(vendor: Vendor, status: int, message: str) -> _Meaning | None:
    """OpenAI has codes for what the others write at 400, where texts repeat the caller most."""
    if status not in _TALKATIVE or (status == 400 and vendor in ("openai", "azure_openai")):
        return None
    if (fate := _FATE.match(message)) is not None:
        noun, word = fate[1].lower(), fate[2].lower()
        return _DEAD_KEY if (noun, word) == ("key", "disabled") else _FATES[word]
    return next((meaning for pattern, meaning in _SENTENCES if pattern.match(message)), None)


# The verdict.

_UPSTREAM = frozenset((408, 424, 425, 499))
_STATUSES: dict[int, _Meaning] = {401: _BAD_KEY, 402: _BILLING, 403: _DENIED, 429: ("limited", RATE_LIMITED)}


def _judge(vendor: Vendor, status: int, headers: Headers, told: _Told, now: float, wall: float) -> Verdict:
    if not _CALLERS_CODES.isdisjoint(told.words):
        return _CALLERS
    if vendor == "bedrock" and _of_one_model(told):
        return _ELSEWHERE
    coded = next((_CODES[word] for word in told.words if word in _CODES), None)
    meaning = coded or _sentence(vendor, status, told.message) or _by_status(status, told.message)
    if meaning is None:
        return _ELSEWHERE if status == 0 else _CALLERS
    signal, cause = meaning
    if signal == "limited" and _TOO_LARGE.match(told.message):
        return _ELSEWHERE   # never fits this account's limit, though it may fit another's (OpenAI, rate limits)
    until = _until(signal, headers, told, now, wall)
    ours = signal in ("credential_fault", "terminal")
    return Verdict(Happening(signal, cause, _code(told.words), until), retry=True, ours=ours)


def _of_one_model(told: _Told) -> bool:
    """Whether an error of Bedrock's says nothing of the credential, but that it cannot serve this model, or not yet."""
    denied = "AccessDeniedException" in told.words and _ONE_MODEL.match(told.message) is not None
    return denied or "ModelNotReadyException" in told.words


def _by_status(status: int, message: str) -> _Meaning | None:
    if status >= 500 or status in _UPSTREAM:
        return "upstream_fault", UPSTREAM
    if status == 401 and _PLACE.search(message):
        return _DENIED      # an allow list of addresses, or CORS: the key itself is good
    return _STATUSES.get(status)


def _until(signal: Signal, headers: Headers, told: _Told, now: float, wall: float) -> float:
    if signal == "limited":
        return now + _wait(headers, told, wall)
    regain = _regain(told.message, wall) if signal == "terminal" else None
    return 0.0 if regain is None else now + regain


def _wait(headers: Headers, told: _Told, wall: float) -> float:
    """Google's delay is no help where a day's quota is used up: such a credential rests as long as we ever let one."""
    if told.daily:
        return MAX_PAUSE
    stated = pause(headers, wall)
    if stated is None:
        stated = pause_in_text(told.message, told.retry_delay)
    return DEFAULT_PAUSE if stated is None else stated


_REGAIN = re.compile(r"regain access on ([0-9]{4}-[0-9]{2}-[0-9]{2})(?: at ([0-9]{2}:[0-9]{2}) UTC)?")


def _regain(message: str, wall: float) -> float | None:
    """Seconds until a spend limit ends, which Anthropic writes as "You will regain access on 2026-12-01 at 00:00 UTC"."""
    found = _REGAIN.search(message)
    time = time_of(f"{found[1]}T{found[2] or '00:00'}:00Z") if found else None
    return None if time is None or time <= wall else min(time - wall, _MAX_REGAIN)


_KNOWN = frozenset((
    *_CODES, *_WORTH, "ModelNotReadyException",
    "ramp_limit_exceeded", "cmek_key_unreachable", "cmek_context_unavailable", "insufficient_permissions",
    "CANCELLED",
))


def _code(words: tuple[str, ...]) -> str:
    """The word to remember: the one that counted, else the first we know, or empty. Never a word of the upstream's own
    making: it ends up in logs, and might be our key."""
    counted = next((word for word in words if word in _CODES), "")
    return counted or next((word for word in words if word in _KNOWN), "")
