"""Error bodies as each vendor writes them. Owns the envelopes and their type and code words (the vendor's API
reference); knows nothing of when an error happens.
"""

from collections.abc import Mapping
from dataclasses import replace

from stationmaster.sandbox.faults import ErrorFault
from stationmaster.sandbox.values import Asked, Dialect, Reply, answer

Words = Mapping[int, tuple[str, str]]

_OPENAI: Words = {
    400: ("invalid_request_error", "invalid_value"),
    401: ("invalid_request_error", "invalid_api_key"),
    402: ("insufficient_quota", "billing_not_active"),
    403: ("permission_error", "insufficient_permissions"),
    404: ("invalid_request_error", "model_not_found"),
    426: ("invalid_request_error", "upgrade_required"),
    429: ("requests", "rate_limit_exceeded"),
    503: ("server_error", "server_is_overloaded"),
    529: ("server_error", "server_is_overloaded"),
}
_ANTHROPIC: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_GEMINI: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    529: "UNAVAILABLE",
}
# AWS: the status and kind of what elsewhere is another status; its other errors are kinds of their own.
_BEDROCK: Mapping[int, tuple[int, str]] = {
    400: (400, "ValidationException"),
    401: (403, "UnrecognizedClientException"),
    402: (400, "ServiceQuotaExceededException"),
    403: (403, "AccessDeniedException"),
    404: (404, "ResourceNotFoundException"),
    429: (429, "ThrottlingException"),
    500: (500, "InternalServerException"),
    503: (503, "ServiceUnavailableException"),
    529: (503, "ServiceUnavailableException"),
}
_CAUSES: Mapping[str, Mapping[Dialect, str]] = {
    "quota": {
        "openai": "insufficient_quota",
        "azure": "insufficient_quota",
        "anthropic": "enforced_spend_limit_reached",
    },
    "deactivated": {
        "openai": "account_deactivated",
        "azure": "account_deactivated",
        "anthropic": "organization_on_hold",
    },
}


def envelope(dialect: Dialect, status: int, message: str, cause: str = "", wait: str = "") -> dict[str, object]:
    """The body a vendor sends with an error: the same four facts in its own words.

    `cause` is a key of the money and account causes, `wait` the seconds of a Retry-After.
    """
    code = _CAUSES.get(cause, {}).get(dialect, "")
    if dialect == "anthropic":
        return _anthropic(status, message, code)
    if dialect in ("gemini", "vertex"):
        return _gemini(status, message, cause, wait)
    if dialect == "bedrock":
        return {"message": "Too many tokens per day, please wait before trying again." if cause == "quota" else message}
    kind, usual = _OPENAI.get(status, ("server_error", "server_error") if status >= 500 else _OPENAI[400])
    kind = code if code == "insufficient_quota" else kind
    return {"error": {"message": message, "type": kind, "param": None, "code": code or usual}}


def failure(asked: Asked, status: int, message: str, **headers: str) -> Reply:
    """An error answer in the dialect of the request."""
    return _named(asked, answer(envelope(asked.dialect, status, message), status, **headers))


def fault_reply(asked: Asked, fault: ErrorFault) -> Reply:
    """The answer of an error fault; Retry-After is told in the body too where the dialect does that."""
    message = f"Sandbox: {fault.sentence}"
    if fault.echo:
        message = f"Incorrect API key provided: {asked.credential}."
    wait = fault.headers.get("retry-after", "")
    body = envelope(asked.dialect, fault.status, message, fault.code, wait)
    return _named(asked, answer(body, fault.status, **fault.headers))


def refusal(kind: str, message: str) -> Reply:
    """AWS' answer to what is not signed as it has to be."""
    status = 400 if kind == "IncompleteSignature" else 403
    return answer({"message": message}, status, **{"x-amzn-errortype": kind})


def _named(asked: Asked, reply: Reply) -> Reply:
    """AWS says in a header what kind of error it is."""
    if asked.dialect != "bedrock":
        return reply
    status, kind = _BEDROCK.get(reply.status, (reply.status, "ValidationException"))
    tagged = {**reply.headers, "x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
    return replace(reply, status=status, headers=tagged)


def _anthropic(status: int, message: str, code: str) -> dict[str, object]:
    error: dict[str, object] = {"type": _ANTHROPIC.get(status, "api_error"), "message": message}
    if code:
        error["details"] = {"error_code": code}
    return {"type": "error", "error": error, "request_id": "req_sandbox"}


def _gemini(status: int, message: str, cause: str, wait: str) -> dict[str, object]:
    error: dict[str, object] = {"code": status, "message": message, "status": _GEMINI.get(status, "INTERNAL")}
    rpc = "type.googleapis.com/google.rpc."
    if wait:
        error["details"] = [{"@type": rpc + "RetryInfo", "retryDelay": f"{wait}s"}]
    if cause == "quota":
        violation = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}
        error["details"] = [{"@type": rpc + "QuotaFailure", "violations": [violation]}]
    if cause == "deactivated":
        error["details"] = [{"@type": rpc + "ErrorInfo", "reason": "API_KEY_INVALID"}]
    return {"error": error}
