"""The simulated clouds: AWS' signatures are checked, and their doors answer as the clouds do."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]

from asking import PLAIN
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.signatures import secret_of, token_of

TALK = {"messages": [{"role": "user", "content": [{"text": "say one two"}]}]}
PATH = "/model/anthropic.claude-x-v1%3A0/converse"


def signed(url: str, id_: str = "AKIAONE", body: bytes = b"", **wrong: Any) -> dict[str, str]:
    """The fields of a request that botocore signs; `wrong`: another secret, token, service, or moment."""
    request = AWSRequest(method="POST", url=url, data=body, headers={"host": httpx.URL(url).netloc.decode()})
    token = wrong.get("token", token_of(id_) if id_.startswith("ASIA") else None)
    signer = SigV4Auth(
        Credentials(id_, wrong.get("secret", secret_of(id_)), token), wrong.get("service", "bedrock"), "eu-central-1"
    )
    stamp = (datetime.now(UTC) + wrong.get("late", timedelta())).strftime("%Y%m%dT%H%M%SZ")
    request.context["timestamp"] = stamp
    signer._modify_request_before_signing(request)
    signer._inject_signature_to_request(
        request, signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    )
    return dict(request.headers.items())


def post(url: str, body: bytes, fields: dict[str, str]) -> httpx.Response:
    """A POST that is taken as it is."""
    with httpx.Client(verify=PLAIN, trust_env=False) as client:
        return client.post(url, content=body, headers=fields)


GOOD: list[tuple[str, dict[str, Any]]] = [("AKIAONE", {}), ("ASIAONE", {})]
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("AKIAONE", {"secret": "another"}, "InvalidSignatureException"),
    ("AKIAONE", {"service": "s3"}, "InvalidSignatureException"),
    ("AKIAONE", {"late": timedelta(minutes=-6)}, "InvalidSignatureException"),
    ("ASIAONE", {"token": "another"}, "UnrecognizedClientException"),
    ("ASIAONE", {"token": None}, "UnrecognizedClientException"),
    ("AKIAONE", {"token": "any"}, "UnrecognizedClientException"),
    ("ASIAEXPIRED", {}, "ExpiredTokenException"),
]


@pytest.mark.parametrize(("id_", "wrong"), GOOD)
def test_a_signature_that_holds(vendor: SandboxServer, id_: str, wrong: dict[str, Any]) -> None:
    """What botocore signs with the right keys is taken."""
    body = json.dumps(TALK).encode()
    assert post(vendor.url + PATH, body, signed(vendor.url + PATH, id_, body, **wrong)).status_code == 200


@pytest.mark.parametrize(("id_", "wrong", "kind"), BAD)
def test_a_signature_that_does_not(vendor: SandboxServer, id_: str, wrong: dict[str, Any], kind: str) -> None:
    """Wrong keys, tokens, services and moments are refused, each by its name."""
    body = json.dumps(TALK).encode()
    answer = post(vendor.url + PATH, body, signed(vendor.url + PATH, id_, body, **wrong))
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (403, kind)


@pytest.mark.parametrize("change", [
    lambda url, body, fields: (url + "?a=1", body, fields),
    lambda url, body, fields: (url.replace("-x-", "-y-"), body, fields),
    lambda url, body, fields: (url, body + b" ", fields),
    lambda url, body, fields: (url, body, fields | {"x-amz-extra": "unsigned"}),
    lambda url, body, fields: (url, body, fields | {"X-Amz-Date": fields["X-Amz-Date"][:-2] + "0Z"}),
])  # fmt: skip
def test_nothing_signed_may_change(vendor: SandboxServer, change: Callable[..., tuple[str, bytes, dict[str, str]]]) -> None:
    """Target, body, time and AWS' own fields are as they were signed, or the request is refused."""
    body = json.dumps(TALK).encode()
    fields = signed(vendor.url + PATH, "AKIAONE", body, late=timedelta(seconds=7 - datetime.now(UTC).second % 10))
    assert post(*change(vendor.url + PATH, body, fields)).status_code == 403


def test_no_proof_at_all(vendor: SandboxServer) -> None:
    """Without any proof Bedrock answers as it does to a bad one."""
    answer = post(vendor.url + PATH, b"{}", {})
    assert (answer.status_code, answer.headers["x-amzn-errortype"].partition(":")[0]) == (403, "UnrecognizedClientException")


def test_a_stream(vendor: SandboxServer) -> None:
    """A stream is frames that botocore reads, from the first to the counts."""
    answer = post(f"{vendor.url}{PATH}-stream", json.dumps(TALK).encode(), {"authorization": "Bearer a-key-of-some-length"})
    buffer = EventStreamBuffer()
    buffer.add_data(answer.content)
    kinds = [message.headers[":event-type"] for message in buffer]
    assert kinds == ["messageStart", "contentBlockDelta", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"]


@pytest.mark.parametrize("body", [{}, {"model": "x", "anthropic_version": "y"}, {"stream": True, "anthropic_version": "y"}])
def test_what_invoking_refuses(vendor: SandboxServer, body: dict[str, Any]) -> None:
    """Messages over Bedrock have a version, and neither model nor stream."""
    answer = post(
        f"{vendor.url}/model/anthropic.claude/invoke", json.dumps(body).encode(), {"authorization": "Bearer a-key-of-length"}
    )
    assert (answer.status_code, answer.headers["x-amzn-errortype"].partition(":")[0]) == (400, "ValidationException")


def test_what_vertex_refuses(vendor: SandboxServer) -> None:
    """A place is part of every path, and Messages have a version and no model."""
    fields = {"authorization": "Bearer a-token-of-length"}
    at = f"{vendor.url}/v1/projects/p/locations/l/publishers/anthropic/models/claude"
    assert post(f"{vendor.url}/v1/publishers/google/models/g:generateContent", b"{}", fields).status_code == 404
    assert post(f"{at}:rawPredict", b'{"messages": []}', fields).json()["error"]["status"] == "INVALID_ARGUMENT"
    assert post(f"{at}:generateContent", b"{}", fields).status_code == 404
    assert post(f"{at}:rawPredict", b'{"messages": [], "anthropic_version": "v"}', {}).status_code == 401
