"""What the gateway itself answers when it cannot pass a request on. Owns: codes, texts, envelopes, endings.

May not know sockets or upstreams. Our errors carry `type: stationmaster_error`, a code, a hint and the
request id, so that nobody takes them for the vendor's; a vendor's own errors never pass through here.
"""

import math
from collections.abc import Iterable

import msgspec

from stationmaster.gateway.core.endpoints import Dialect, Meter
from stationmaster.gateway.core.eventstream import encode
from stationmaster.gateway.core.limits import retry_after

_json = msgspec.json.encode

TYPE = "stationmaster_error"


class Fault(msgspec.Struct, frozen=True):
    """One answer of ours: HTTP `status`, stable `code`, `message`, `hint`, and headers beyond the usual."""

    status: int
    code: str
    message: str
    hint: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    close: bool = False


_NO_RETRY = (("x-should-retry", "false"),)

INTERNAL = Fault(500, "internal_error", "The gateway made a mistake.", "Tell its operator the request id.", close=True)
MISSING_KEY = Fault(401, "missing_key", "No virtual key was presented.",
                    "Send it as 'Authorization: Bearer …', 'x-api-key', 'x-goog-api-key' or 'api-key'.")
UNKNOWN_KEY = Fault(401, "unknown_key", "This virtual key is not known here.",
                    "Check for a typing error, or ask the gateway's operator for a key.")
NOT_FOUND = Fault(404, "no_such_endpoint", "The gateway has no such endpoint.",
                  "Base URLs end in /v1 for OpenAI clients and without it for Anthropic and Gemini clients.")
UPGRADE_REQUIRED = Fault(426, "upgrade_not_offered", "Responses are served over POST, not over WebSocket.",
                         "Switch the client's WebSocket transport off; most fall back by themselves.")
NEEDS_WEBSOCKET = Fault(426, "websocket_needed", "This endpoint speaks WebSocket only.",
                        "Connect with a WebSocket client.", (("upgrade", "websocket"),))
NO_MODEL = Fault(400, "no_model", "The request names no model.", "Add a 'model'.")
MODEL_UNNAMED = Fault(403, "model_unnamed", "This key may use certain models only, and the request names none.",
                      'Name a model, or use a key whose models are ["*"].', _NO_RETRY)
KEY_EXPIRED = Fault(403, "key_expired", "This virtual key has expired.", "Ask the gateway's operator for another.",
                    _NO_RETRY)
KEY_REQUESTS = Fault(429, "key_requests_limited", "This virtual key is at its requests a minute.",
                     "Try again after the stated time.")
KEY_TOKENS = Fault(429, "key_tokens_limited", "This virtual key is at its tokens a minute.",
                   "Try again after the stated time.")
KEY_CALLS = Fault(429, "key_calls_limited", "This virtual key has as many calls under way as it may.",
                  "Try again when one of them is over.")
KEY_BUDGET = Fault(402, "budget_spent", "This virtual key's … has no room for the call, whose own estimate counts.",
                   "Ask for less (max_tokens), …or have the operator raise it.", _NO_RETRY)
POOL_REFUSED = Fault(403, "pool_not_allowed", "This key may not use the pool that serves the model.",
                     "Ask the gateway's operator.", _NO_RETRY)
NO_DEFAULT_POOL = Fault(404, "no_default_pool", "The request names no model and the gateway has no default pool.",
                        "The operator can set 'default_pool'.", _NO_RETRY)
BAD_JSON = Fault(400, "bad_json", "The body is not valid JSON.", "Check the body and its encoding (UTF-8).")
NOT_AN_OBJECT = Fault(400, "bad_json", "The body is not a JSON object with a 'model' that is a string.", "")
DUPLICATE_MEMBER = Fault(400, "duplicate_member", "The body names one of its top-level members twice.",
                         "Servers disagree on which one counts; send it once.")
TOO_MANY_MEMBERS = Fault(400, "too_many_members", "The body has more than 1,024 top-level members.", "")
MODELS_ELSEWHERE = Fault(403, "models_elsewhere",
                         "This key may use certain models only, and the body names others beside 'model'.",
                         "Leave 'models' and 'fallbacks' out, and name allowed models in tools.", _NO_RETRY)
BATCH_MODELS = Fault(400, "batch_models", "A batch may name models of one pool only, and no aliases.",
                     "Name the vendor's own model.", _NO_RETRY)
BAD_MULTIPART = Fault(400, "bad_multipart", "The multipart body is malformed or names its model twice.", "")
BAD_ENCODING = Fault(400, "bad_encoding", "The body does not decode by its Content-Encoding.", "")
UNKNOWN_ENCODING = Fault(415, "unknown_encoding", "Request bodies may be plain, gzip or zstd.", "")
BAD_EXPECTATION = Fault(417, "bad_expectation", "Only 'Expect: 100-continue' is understood.", "")
BODY_TOO_LARGE = Fault(413, "body_too_large", "The request body is larger than this gateway takes.",
                       "The operator can raise 'max_body_mib'.", _NO_RETRY, close=True)
BUDGET_SPENT = Fault(503, "bodies_over_budget", "The gateway holds too many request bodies just now.",
                     "Try again shortly.", (("retry-after", "1"),), close=True)
TOO_MANY_CONNECTIONS = Fault(503, "too_many_connections", "The gateway has no room for more connections.",
                             "Try again shortly.", (("retry-after", "1"),), close=True)
NO_FILES = Fault(503, "no_files", "The gateway may open no more connections to vendors just now.",
                 "Try again shortly. The operator can raise the limit of open files.", (("retry-after", "1"),))
HEAD_TIMEOUT = Fault(408, "head_timeout", "The request's head did not arrive in time.", "", close=True)
BODY_TIMEOUT = Fault(408, "body_timeout", "The request's body stopped arriving.", "", close=True)
NO_MEMBER = Fault(503, "no_member", "No credential of the pool may be sent this model over this API.",
                  "The operator can change the 'models' of the pool's members.", _NO_RETRY)
POOL_OUT = Fault(503, "pool_out_of_service", "Every credential that could serve this is out of service.",
                 "Tell the gateway's operator the request id.", _NO_RETRY)
POOL_COOLING = Fault(503, "pool_cooling", "Every credential that could serve this waits for its vendor to recover.",
                     "Try again after the stated time.")
POOL_LIMITED = Fault(429, "pool_rate_limited", "Every credential that could serve this is at a limit just now.",
                     "Try again after the stated time.")
UNREACHABLE = Fault(502, "upstream_unreachable", "The upstream cannot be reached.", "Try again shortly.")
UPSTREAM_TLS = Fault(502, "upstream_tls", "The upstream's certificate was refused.",
                     "The operator can check its host name and 'ca_bundle'.", _NO_RETRY)
UPSTREAM_TIMEOUT = Fault(504, "upstream_timeout", "The upstream did not answer in time.", "Try again shortly.")
UPSTREAM_GARBAGE = Fault(502, "upstream_garbage", "The upstream's answer is no HTTP.", "Try again shortly.")
UPSTREAM_CLOSED = Fault(502, "upstream_closed", "The upstream closed the connection before its answer.",
                        "Try again shortly.")
UPSTREAM_CREDENTIAL = Fault(502, "upstream_credential", "The upstream refused the gateway's own credential.",
                            "Your virtual key is fine; tell the gateway's operator the request id.", _NO_RETRY)
UPSTREAM_SECRET = Fault(502, "upstream_error_withheld",
                        "The upstream's error text repeated the gateway's credential and was withheld.",
                        "Tell the gateway's operator the request id.", _NO_RETRY)
UPSTREAM_ERROR_SIZE = Fault(502, "upstream_error_too_large", "The upstream's error text is too large.", "")
UPSTREAM_ENCODED_ERROR = Fault(502, "upstream_error_encoded", "The upstream's error text came compressed unasked.", "")
UPSTREAM_REDIRECT = Fault(502, "upstream_redirect", "The upstream redirected the request, which is never followed.",
                          "The operator can check the credential's 'base_url'.", _NO_RETRY)
STREAM_BROKEN = Fault(502, "upstream_disconnected", "The upstream's stream broke off.", "Send the request again.")
STREAM_DRAINED = Fault(503, "draining", "The gateway shut down before the answer's end.", "Send the request again.",
                       (("retry-after", "1"),), close=True)
# About what lives in one vendor organisation. None of them says whether a thing exists elsewhere.
NO_SUCH_RESOURCE = Fault(404, "no_such_resource", "This key's tenant has no such resource.",
                         "Check the ids that the request names.", _NO_RETRY)
RESOURCES_SHARED = Fault(403, "resources_shared",
                         "This key may use only files, batches and vector stores that its tenant made through the gateway.",
                         "The operator can set 'shared_resources' on the key.", _NO_RETRY)
LISTING_SHARED = Fault(403, "listing_shared",
                       "Lists show what everybody in the vendor organisation made, so this key may not ask for them.",
                       "Keep the ids of what you make; the operator can set 'shared_resources' on the key.", _NO_RETRY)
RESOURCES_APART = Fault(400, "resources_apart", "The request names things of different vendor organisations.",
                        "Create them again in one of them, or use them in separate requests.", _NO_RETRY)
OWNER_OUT = Fault(503, "owner_out", "The vendor organisation that holds what the request names is out of service.",
                  "No other can serve it: try again later, or start anew without it.", (("retry-after", "10"),))


def in_time(fault: Fault, headers: tuple[tuple[str, str], ...]) -> Fault:
    """`fault`, saying when to try again."""
    return msgspec.structs.replace(fault, headers=headers)


_BUDGETS = {"day": "budget for the day", "month": "budget for the month", "total": "total budget"}
_NEXT = {"day": "wait for the next day (UTC), ", "month": "wait for the next month (UTC), ", "total": ""}


def budget_spent(period: str, wait: float) -> Fault:
    """The key's budget for `period` (`day`, `month`, `total`) has no room. `wait`: seconds until it begins anew, 0: never;
    infinite: the call is dearer than all of it, so that no wait helps."""
    budget, retry = _BUDGETS[period], retry_after(wait) if 0 < wait < math.inf else _NO_RETRY
    if wait == math.inf:
        return Fault(402, KEY_BUDGET.code, f"The call's own estimate is larger than this virtual key's whole {budget}.",
                     "Waiting does not help: ask for less (max_tokens), or have the operator raise it.", retry)
    message, hint = KEY_BUDGET.message.replace("…", budget), KEY_BUDGET.hint.replace("…", _NEXT[period])
    return Fault(402, KEY_BUDGET.code, message, hint, retry)


def no_route(model: str) -> Fault:
    """No route takes `model`. 404 as the vendors answer an unknown model."""
    return Fault(404, "model_not_found", f"No route serves the model '{_short(model)}'.",
                 "GET /v1/models lists what this key can use.", _NO_RETRY)


def model_refused(model: str) -> Fault:
    """The key may not use `model`."""
    return Fault(403, "model_not_allowed", f"This key may not use the model '{_short(model)}'.",
                 "GET /v1/models lists what this key can use.", _NO_RETRY)


def not_spoken(dialects: Iterable[Dialect]) -> Fault:
    """Nobody where the request would go speaks its dialect; somebody there speaks `dialects`."""
    return Fault(400, "dialect_not_served", "No credential of the pool speaks this API.",
                 f"The pool's credentials speak {', '.join(dialects)}: ask in that dialect, or for another model.", _NO_RETRY)


def method_refused(methods: tuple[str, ...]) -> Fault:
    """The path exists, the method does not (RFC 9110 15.5.6: with Allow)."""
    return Fault(405, "method_not_allowed", f"This endpoint takes {', '.join(methods)}.", "",
                 (("allow", ", ".join(methods)),))


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


_GOOGLE = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
           405: "UNIMPLEMENTED", 408: "DEADLINE_EXCEEDED", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE",
           504: "DEADLINE_EXCEEDED"}


def envelope(fault: Fault, dialect: Dialect, request_id: str) -> bytes:
    """The fault as the JSON body that `dialect`'s clients parse."""
    message = _sentence(fault, request_id)
    if dialect in ("gemini", "vertex"):
        return _json({"error": _google(fault, message, request_id)})
    if dialect == "bedrock":
        return _json({"message": message, "type": TYPE, "code": fault.code, "hint": fault.hint, "request_id": request_id})
    if dialect == "anthropic":
        inner = {"type": TYPE, "message": message, "code": fault.code, "hint": fault.hint}
        return _json({"type": "error", "error": inner, "request_id": request_id})
    return _json({"error": {"message": message, "type": TYPE, "param": None, "code": fault.code,
                            "hint": fault.hint, "request_id": request_id}})


def _sentence(fault: Fault, request_id: str) -> str:
    return f"{fault.message} {fault.hint}".strip() + f" (request {request_id})"


def _google(fault: Fault, message: str, request_id: str) -> dict[str, object]:
    return {
        "code": fault.status,
        "message": message,
        "status": _GOOGLE.get(fault.status, "INTERNAL" if fault.status >= 500 else "FAILED_PRECONDITION"),
        "details": [{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": fault.code.upper(),
            "domain": "stationmaster",
            "metadata": {"request_id": request_id, "hint": fault.hint},
        }],
    }


def stream_ending(fault: Fault, meter: Meter, dialect: Dialect, request_id: str, response_id: str = "") -> bytes:
    """What to write on an open event stream that broke, so that the dialect's clients notice.

    Empty for Gemini models, whose clients retry on an end without `finishReason` but not on an error frame. A failed response's
    `code` is the vendor's, for Codex decides by it whether to try again; type and hint are as in every error of ours.
    """
    if meter is Meter.GEMINI or dialect == "gemini":
        return b""
    if meter is Meter.MESSAGES or dialect == "anthropic":
        return b"event: error\ndata: %b\n\n" % envelope(fault, "anthropic", request_id)
    if dialect == "bedrock":
        return _exception(fault, request_id)
    if meter is Meter.RESPONSES:
        failed = {"type": "response.failed", "sequence_number": 0, "response": {
            "id": response_id, "object": "response", "status": "failed", "output": [],
            "error": {"code": "server_error", "message": _sentence(fault, request_id), "type": TYPE, "hint": fault.hint},
        }}
        return b"event: response.failed\ndata: %b\n\n" % _json(failed)
    return b"data: %b\n\n" % envelope(fault, dialect, request_id)


# Bedrock Runtime, API reference: errors, and members of ResponseStream and ConverseStreamOutput.
_AWS = {400: "ValidationException", 401: "UnrecognizedClientException", 402: "ServiceQuotaExceededException",
        403: "AccessDeniedException", 404: "ResourceNotFoundException", 405: "ValidationException", 408: "ModelTimeoutException",
        413: "ValidationException", 415: "ValidationException", 429: "ThrottlingException", 503: "ServiceUnavailableException",
        504: "ModelTimeoutException"}
_AWS_IN_STREAMS = {429: "throttlingException", 503: "serviceUnavailableException"}


def _aws(status: int) -> str:
    """The name of the error that AWS' clients raise."""
    return _AWS.get(status, "InternalServerException" if status >= 500 else "ValidationException")


def _exception(fault: Fault, request_id: str) -> bytes:
    """The frame with which an open event stream of Bedrock's says that it failed; the usual name of it means "retry"."""
    kind = _AWS_IN_STREAMS.get(fault.status, "modelStreamErrorException")
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return encode(headers, envelope(fault, "bedrock", request_id))


CRLF = "\r\n"
REASONS = {
    200: "OK", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 402: "Payment Required",
    403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 408: "Request Timeout", 413: "Content Too Large", 414: "URI Too Long",
    415: "Unsupported Media Type", 417: "Expectation Failed", 426: "Upgrade Required", 429: "Too Many Requests",
    431: "Request Header Fields Too Large", 500: "Internal Server Error", 501: "Not Implemented",
    502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout", 505: "HTTP Version Not Supported",
}


def own_head(status: int, length: int, request_id: str, *, close: bool, extra: str = "") -> bytes:
    """The head of an answer of ours: JSON of `length` bytes. `extra` is whole lines."""
    return (
        f"HTTP/1.1 {status} {REASONS.get(status, 'Error')}\r\ncontent-type: application/json\r\n"
        f"content-length: {length}\r\nx-stationmaster-request-id: {request_id}\r\n{extra}"
        f"{'connection: close' + CRLF if close else ''}\r\n"
    ).encode()


def answer(fault: Fault, dialect: Dialect, request_id: str, *, close: bool, head_only: bool = False) -> bytes:
    """The whole HTTP answer for `fault`, ready to write."""
    body = envelope(fault, dialect, request_id)
    extra = "".join(f"{name}: {value}{CRLF}" for name, value in fault.headers)
    if dialect == "bedrock":
        extra += f"x-amzn-errortype: {_aws(fault.status)}{CRLF}"
    head = own_head(fault.status, len(body), request_id, close=close, extra=extra)
    return head if head_only else head + body
