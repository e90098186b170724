"""The clouds' doors: which paths they are, what they name, in whose words they are refused."""

import json

import pytest
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW
from stationmaster.gateway.core import faults
from stationmaster.gateway.core.endpoints import Meter, ModelIn, dialect_of, match
from stationmaster.gateway.core.forward import to_vendor
from stationmaster.gateway.core.snapshot import Vendor

ARN = "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.anthropic.x"
PLACE = "/projects/p/locations/l"

DOORS = [
    ("/model/a.b-v1:0/invoke", "bedrock.invoke", "/model/a.b-v1:0/invoke", "a.b-v1:0", Meter.INVOKE),
    ("/model/a%3A0/invoke-with-response-stream", "bedrock.invoke_stream", "/model/a%3A0/invoke-with-response-stream", "a:0",
     Meter.INVOKE),
    (f"/bedrock/model/{ARN}/converse", "bedrock.converse", f"/model/{ARN}/converse",
     "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.x", Meter.CONVERSE),
    ("/model/a/converse-stream", "bedrock.converse_stream", "/model/a/converse-stream", "a", Meter.CONVERSE),
    ("/model/a/count-tokens", "bedrock.count_tokens", "/model/a/count-tokens", "a", Meter.NONE),
    (f"/v1{PLACE}/publishers/anthropic/models/c@2:rawPredict", "vertex.rawPredict",
     "/v1/publishers/anthropic/models/c@2:rawPredict", "c@2", Meter.MESSAGES),
    (f"/vertex_ai/v1{PLACE}/publishers/anthropic/models/c%402:streamRawPredict", "vertex.streamRawPredict",
     "/v1/publishers/anthropic/models/c%402:streamRawPredict", "c@2", Meter.MESSAGES),
    (f"/v1beta1{PLACE}/publishers/google/models/g:streamGenerateContent", "vertex.streamGenerateContent",
     "/v1beta1/publishers/google/models/g:streamGenerateContent", "g", Meter.GEMINI),
    ("/v1beta1/publishers/google/models/g:generateContent", "vertex.generateContent",
     "/v1beta1/publishers/google/models/g:generateContent", "g", Meter.GEMINI),
    (f"{PLACE}/publishers/google/models/g:countTokens", "vertex.countTokens", "/v1/publishers/google/models/g:countTokens", "g",
     Meter.NONE),
    (f"/v1{PLACE}/publishers/mistralai/models/m:rawPredict", "vertex.rawPredict", "/v1/publishers/mistralai/models/m:rawPredict",
     "m", Meter.CHAT),
]  # fmt: skip


@pytest.mark.parametrize(("path", "kind", "suffix", "model", "meter"), DOORS, ids=[row[1] + row[0][:9] for row in DOORS])
def test_doors(path: str, kind: str, suffix: str, model: str, meter: Meter) -> None:
    """Every native path is a door: the model is told from it, and project and location are not passed on."""
    found = match("POST", path)
    assert found is not None
    assert (found.endpoint.kind, found.suffix, found.model, found.endpoint.meter) == (kind, suffix, model, meter)
    assert found.endpoint.model_in is ModelIn.PATH
    assert dialect_of(path, set()) == found.endpoint.dialect


def test_counting_at_vertex() -> None:
    """Anthropic's models are counted for at a model that is none; the real one is in the body."""
    found = match("POST", f"/v1{PLACE}/publishers/anthropic/models/count-tokens:rawPredict")
    assert found is not None
    assert (found.endpoint.kind, found.endpoint.model_in, found.model) == ("vertex.count_tokens", ModelIn.BODY, "")
    other = match("POST", f"/v1{PLACE}/publishers/mistralai/models/count-tokens:rawPredict")
    assert other is not None
    assert other.model == "count-tokens"


@pytest.mark.parametrize("path", [
    "/model/a/unknown", "/model/a/invoke/", "/model//invoke", "/model/../invoke", "/model/a%2F..%2Fb/invoke", "/model/%2e/invoke",
    "/model/a%2F%2Fb/invoke", "/model/a%5Cb/invoke", "/model/a%0Ab/invoke", "/model/a/b/invoke", "/v1/model/a/invoke",
    f"/v2{PLACE}/publishers/google/models/g:generateContent", f"/v1{PLACE}/publishers/google/models/g:predict",
    f"/v1{PLACE}/publishers/google/models/g", f"/v1{PLACE}/publishers/anthropic/models/c:generateContent",
    f"/v1{PLACE}/endpoints/e:rawPredict", "/v1/projects/p/publishers/google/models/g:generateContent",
    "/v1/projects/../locations/l/publishers/google/models/g:generateContent",
    f"/v1{PLACE}/publishers/google/models/../g:generateContent", f"/v1{PLACE}/publishers/google%2Fx/models/g:generateContent",
])  # fmt: skip
def test_no_doors(path: str) -> None:
    """What is not exactly one of them is none: nothing is resolved or guessed."""
    assert match("POST", path) is None


@FEW
@given(st.text("/model%2F.:@av1projectslocations~ ü-", max_size=80))
def test_any_path(rest: str) -> None:
    """Whatever a path is, the answer is a door or none, and a door's suffix is free of places and dots."""
    for start in ("/model/", "/bedrock/model/", "/v1/projects/", "/publishers/"):
        found = match("POST", start + rest)
        if found is not None and found.endpoint.dialect in ("bedrock", "vertex"):
            assert not {".", "..", ""} & set(found.suffix[1:].split("/"))
            assert "/projects/" not in found.suffix


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 408, 413, 415, 417, 429, 500, 502, 503, 504])
def test_our_errors_at_bedrock(status: int) -> None:
    """An error of ours has a name that AWS' client raises, in the field where it looks for one, and says whose it is."""
    raw = faults.answer(faults.Fault(status, "some_code", "It went wrong.", "Do this."), "bedrock", "req_1", close=False)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.count(b"\r\nx-amzn-errortype: ") == 1
    assert head.split(b"x-amzn-errortype: ")[1].split(b"\r\n")[0].decode().endswith("Exception")
    told = json.loads(body)
    assert told["message"].startswith("It went wrong. Do this.")
    assert (told["type"], told["code"], told["request_id"]) == (faults.TYPE, "some_code", "req_1")


@pytest.mark.parametrize(("fault", "kind"), [
    (faults.STREAM_BROKEN, "modelStreamErrorException"), (faults.STREAM_DRAINED, "serviceUnavailableException"),
    (faults.UPSTREAM_TIMEOUT, "modelStreamErrorException"), (faults.INTERNAL, "modelStreamErrorException"),
])  # fmt: skip
def test_our_endings_at_bedrock(fault: faults.Fault, kind: str) -> None:
    """A stream that broke ends in a frame that botocore reads as an exception of this kind."""
    buffer = EventStreamBuffer()
    buffer.add_data(faults.stream_ending(fault, Meter.CONVERSE, "bedrock", "req_1"))
    (message,) = buffer
    assert (message.headers[":message-type"], message.headers[":exception-type"]) == ("exception", kind)
    assert "req_1" in json.loads(message.payload)["message"]


def test_our_endings_at_vertex() -> None:
    """Anthropic's streams end in its error event there too, Gemini's with nothing, others' as OpenAI's do."""
    endings = [
        faults.stream_ending(faults.STREAM_BROKEN, meter, "vertex", "req_1")
        for meter in (Meter.MESSAGES, Meter.GEMINI, Meter.CHAT)
    ]
    assert [ending[:14] for ending in endings] == [b"event: error\nd", b"", b'data: {"error"']
    assert json.loads(endings[0].split(b"data: ")[1])["error"]["type"] == faults.TYPE


SENT = [
    (b"x-amz-security-token", ()), (b"x-amz-date", ()), (b"x-amz-content-sha256", ()), (b"amz-sdk-request", ()),
    (b"amz-sdk-invocation-id", ()), (b"x-amzn-trace-id", ()), (b"authorization", ()), (b"x-goog-user-project", ("gemini",)),
    (b"x-amzn-bedrock-trace", ("bedrock",)), (b"x-amzn-bedrock-guardrailidentifier", ("bedrock",)),
    (b"anthropic-beta", ("anthropic", "bedrock", "vertex")), (b"x-claude-code-session-id", ("anthropic",)),
    (b"x-goog-api-client", ("gemini",)), (b"openai-beta", ("openai", "azure_openai", "openai_compatible")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "who"), SENT, ids=[row[0].decode() for row in SENT])
def test_who_is_sent_what(name: bytes, who: tuple[Vendor, ...]) -> None:
    """Whatever signs or names an account stays here; a vendor's own fields go to that vendor."""
    vendors: tuple[Vendor, ...] = ("openai", "anthropic", "gemini", "azure_openai", "openai_compatible", "bedrock", "vertex")
    assert tuple(vendor for vendor in vendors if to_vendor([(name, b"x")], vendor)) == who
