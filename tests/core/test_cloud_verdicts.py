"""What the clouds' errors say of the credential: AWS' kinds in a header or in a frame, Google's as of Gemini."""

import json
from typing import Any

import pytest

from stationmaster.gateway.core.pauses import MAX_PAUSE
from stationmaster.gateway.core.verdict import Verdict, about_credential, judge, judge_exception

NOW, WALL = 1000.0, 1_790_000_000.0
SUFFIX = ":http://internal.amazon.com/coral/com.amazon.bedrock/"


def aws(status: int, kind: str, message: str = "x", member: str = "message") -> Verdict:
    """What an answer of AWS' means."""
    headers = [(b"x-amzn-errortype", f"{kind}{SUFFIX}".encode())] if kind else []
    return judge("bedrock", status, headers, json.dumps({member: message}).encode(), now=NOW, wall=WALL)


def said(verdict: Verdict) -> tuple[Any, ...]:
    """In one line: signal, cause, whether another may serve, whether it is ours."""
    happening = verdict.happening
    return (happening and happening.signal, happening and happening.cause, verdict.retry, verdict.ours)


NOTHING, ELSEWHERE = (None, None, False, False), (None, None, True, False)
BAD_KEY = ("credential_fault", "invalid_key", True, True)
DENIED = ("credential_fault", "denied", True, True)
LIMITED = ("limited", "rate_limited", True, False)
UPSTREAM = ("upstream_fault", "upstream", True, False)

ANSWERS = [
    (429, "ThrottlingException", "Too many requests, please wait before trying again.", LIMITED),
    (400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account.", LIMITED),
    (429, "ModelNotReadyException", "The model is not ready for inference.", ELSEWHERE),
    (403, "UnrecognizedClientException", "The security token included in the request is invalid.", BAD_KEY),
    (403, "InvalidSignatureException", "The request signature we calculated does not match.", BAD_KEY),
    (403, "ExpiredTokenException", "The security token included in the request is expired", BAD_KEY),
    (400, "IncompleteSignature", "Authorization header is not as it has to be.", BAD_KEY),
    (403, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.", BAD_KEY),
    (403, "AccessDeniedException", "Bearer Token has expired", BAD_KEY),
    (403, "AccessDeniedException", "Your account is not authorized to invoke this API operation.", DENIED),
    (403, "AccessDeniedException", "You don't have access to the model with the specified model ID.", ELSEWHERE),
    (403, "AccessDeniedException", "Model access is denied due to IAM user or service role is not authorized.", ELSEWHERE),
    (403, "AccessDeniedException",
     "User: arn:aws:iam::1:user/a is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:x", ELSEWHERE),
    (403, "", "Forbidden", DENIED),
    (403, "OptInRequired", "x", ("terminal", "denied", True, True)),
    (400, "ValidationException", "The provided model identifier is invalid.", NOTHING),
    (400, "ValidationException", "Bearer Token is what the text begins with", NOTHING),
    (404, "ResourceNotFoundException", "Could not resolve the foundation model.", NOTHING),
    (408, "ModelTimeoutException", "x", UPSTREAM), (424, "ModelErrorException", "x", UPSTREAM),
    (500, "InternalServerException", "x", UPSTREAM), (503, "ServiceUnavailableException", "x", UPSTREAM),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected"), ANSWERS, ids=[f"{row[0]}-{row[1]}-{row[2][:12]}" for row in ANSWERS]
)
def test_answers_of_aws(status: int, kind: str, message: str, expected: tuple[Any, ...]) -> None:
    """Each kind of error moves a credential as it should; what is about one model alone moves nothing, and goes elsewhere."""
    assert said(aws(status, kind, message)) == expected
    assert said(aws(status, kind, message, "Message")) == expected


def test_what_is_remembered() -> None:
    """AWS' own word is the code; a word that nobody knows is not."""
    assert getattr(aws(429, "ThrottlingException").happening, "code", None) == "ThrottlingException"
    assert getattr(aws(429, "our-own-secret").happening, "code", None) == ""


def test_a_days_tokens() -> None:
    """A day's quota that is used up is the longest pause."""
    waits = [
        aws(429, "ThrottlingException", text).happening
        for text in (
            "Too many tokens per day, please wait before trying again.",
            "Too many tokens, please wait before trying again.",
        )
    ]
    assert [wait.until - NOW for wait in waits if wait] == [MAX_PAUSE, 5.0]


IN_STREAMS = [
    ("throttlingException", LIMITED), ("serviceUnavailableException", UPSTREAM), ("internalServerException", UPSTREAM),
    ("modelStreamErrorException", UPSTREAM), ("modelTimeoutException", UPSTREAM), ("validationException", NOTHING),
    ("accessDeniedException", DENIED), ("somethingNewException", ELSEWHERE), ("", ELSEWHERE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), IN_STREAMS)
def test_exceptions_in_streams(name: str, expected: tuple[Any, ...]) -> None:
    """In a stream the same kinds are spelt with a small letter, and mean the same."""
    assert said(judge_exception("bedrock", name, b'{"message": "x"}', now=NOW, wall=WALL)) == expected
    assert said(judge_exception("bedrock", name, b"\xff no JSON", now=NOW, wall=WALL)) == expected


def google(status: int, word: str, reason: str = "", message: str = "x") -> tuple[Any, ...]:
    """What an answer of Vertex' means."""
    detail = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    body = {"error": {"code": status, "message": message, "status": word, "details": detail}}
    return said(judge("vertex", status, [], json.dumps(body).encode(), now=NOW, wall=WALL))


@pytest.mark.parametrize(("status", "word", "reason", "expected"), [
    (401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED", BAD_KEY), (401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED", BAD_KEY),
    (401, "UNAUTHENTICATED", "", BAD_KEY), (403, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED", DENIED),
    (403, "PERMISSION_DENIED", "SERVICE_DISABLED", ("terminal", "denied", True, True)),
    (403, "PERMISSION_DENIED", "BILLING_DISABLED", ("terminal", "billing", True, True)),
    (429, "RESOURCE_EXHAUSTED", "", LIMITED), (404, "NOT_FOUND", "", NOTHING), (400, "INVALID_ARGUMENT", "", NOTHING),
    (503, "UNAVAILABLE", "", UPSTREAM), (504, "DEADLINE_EXCEEDED", "", UPSTREAM),
])  # fmt: skip
def test_answers_of_google(status: int, word: str, reason: str, expected: tuple[Any, ...]) -> None:
    """Google's errors at Vertex mean what they mean everywhere."""
    assert google(status, word, reason) == expected


def test_what_is_ours() -> None:
    """A cloud's 401 and 403 are about our credential: no caller is told that their key is bad."""
    for vendor in ("bedrock", "vertex"):
        assert about_credential(vendor, 403, b"{}")
        assert about_credential(vendor, 401, b"{}")
        assert not about_credential(vendor, 400, b"API_KEY_INVALID")
