"""AWS' own client and Anthropic's for Bedrock, pointed at the gateway: what they ask reaches Bedrock on its native paths, signed
anew, and what Bedrock answers reaches them as it is."""

import contextlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import boto3  # type: ignore[import-untyped]
import pytest
from botocore import UNSIGNED  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import ClientError, EventStreamError  # type: ignore[import-untyped]

import rig
from gateway import cloudy, kit
from stationmaster.gateway.core.tokens import Tokens
from stationmaster.sandbox.ledger import fingerprint
from stationmaster.sandbox.server import SandboxServer

MESSAGE: anthropic.types.MessageParam = {"role": "user", "content": "say OK"}


@pytest.fixture(scope="module")
def bedrock(vendor: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway that signs with an identity."""
    with rig.running_gateway(cloudy.snapshot(cloudy.priced(cloudy.bedrock(vendor.url)))) as running:
        yield running


@contextmanager
def signing(gateway: rig.Gateway) -> Iterator[Any]:
    """boto3's client, with the virtual key as the id of the access key with which it signs."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=20)
    made = boto3.client(
        "bedrock-runtime", "us-west-2", endpoint_url=gateway.url, config=config, aws_access_key_id=rig.KEY,
        aws_secret_access_key="anything", aws_session_token="of-no-interest",
    )  # fmt: skip
    try:
        yield made
    finally:
        made.close()


@contextmanager
def with_api_key(gateway: rig.Gateway, key: str = rig.KEY) -> Iterator[Any]:
    """The same with an API key, as AWS_BEARER_TOKEN_BEDROCK makes it; that boto3 refuses to send over plain http."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=20, signature_version=UNSIGNED)
    made = boto3.client("bedrock-runtime", "us-west-2", endpoint_url=gateway.url, config=config)
    made.meta.events.register(
        "request-created.*.*", lambda request, **_: request.headers.add_header("Authorization", f"Bearer {key}")
    )
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def aws(bedrock: rig.Gateway) -> Iterator[Any]:
    """boto3's client, signing."""
    with signing(bedrock) as made:
        yield made


@pytest.mark.parametrize("how", [signing, with_api_key], ids=["signature", "key"])
def test_converse(bedrock: rig.Gateway, ledger: SandboxServer, how: Any) -> None:
    """Converse answers, whole and streamed, whether the client sends an API key or signs; Bedrock sees our identity, in our
    region, and no trace of the client's signature."""
    with how(bedrock) as aws:
        made = aws.converse(modelId=cloudy.CLAUDE, **cloudy.said())
        assert made["output"]["message"]["content"] == [{"text": "OK"}]
        streamed = aws.converse_stream(modelId=cloudy.CLAUDE, **cloudy.said("say one two three"))
        events = list(streamed["stream"])
    text = [event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event]
    assert "".join(text) == "one two three"
    assert list(events[-1]) == ["metadata"]
    for entry, path in zip(kit.calls(ledger), ("converse", "converse-stream"), strict=True):
        assert entry.path == f"/model/{cloudy.CLAUDE.replace(':', '%3A')}/{path}"
        assert entry.credential == fingerprint("AKIASANDBOX")
        names = {name.lower() for name, _ in entry.headers}
        assert "x-amz-date" in names
        assert not names & {"x-amz-security-token", "amz-sdk-request", "amz-sdk-invocation-id", "x-amz-content-sha256"}


def test_usage_of_converse(bedrock: rig.Gateway, aws: Any) -> None:
    """What Converse states is booked, whole and streamed: with its cache, from the terminal event, at the credential's price."""
    for ask in (aws.converse, aws.converse_stream):
        made = ask(modelId=cloudy.CLAUDE, **cloudy.said("say one two three four five six seven"))
        stated = made["usage"] if "usage" in made else list(made["stream"])[-1]["metadata"]["usage"]
        event = bedrock.event(made["ResponseMetadata"]["HTTPHeaders"]["x-stationmaster-request-id"])
        booked = event["tokens"]
        assert (booked["input"], booked["cache_read"], booked["output"]) == (
            stated["inputTokens"],
            stated["cacheReadInputTokens"],
            stated["outputTokens"],
        )
        assert (event["usage_source"], event["dialect"], event["model"]) == ("upstream_final", "bedrock", cloudy.CLAUDE)
        paid = stated["inputTokens"] + stated["cacheReadInputTokens"] + 2 * stated["outputTokens"]
        assert event["cost"] == paid * 1000


@pytest.mark.parametrize("model", [cloudy.CLAUDE, cloudy.LLAMA, cloudy.PROFILE], ids=["claude", "llama", "profile"])
def test_invoke(bedrock: rig.Gateway, ledger: SandboxServer, aws: Any, model: str) -> None:
    """InvokeModel answers in its model's maker's words, and is metered by Bedrock's counts whoever that is; an ARN is one
    segment of the path."""
    body = {"prompt": "say OK now"} if model == cloudy.LLAMA else cloudy.messages("say OK now")
    made = aws.invoke_model(modelId=model, body=json.dumps(body))
    answer = json.loads(made["body"].read())
    assert answer.get("generation") == "OK now" or answer["content"][0]["text"] == "OK now"
    headers = made["ResponseMetadata"]["HTTPHeaders"]
    event = bedrock.event(headers["x-stationmaster-request-id"])
    assert event["tokens"]["output"] == int(headers["x-amzn-bedrock-output-token-count"]) == 2
    assert event["tokens"]["input"] == int(headers["x-amzn-bedrock-input-token-count"]) > 0
    assert event["usage_source"] == "upstream_final"
    assert kit.last(ledger).model == model


@pytest.mark.parametrize("model", [cloudy.CLAUDE, cloudy.LLAMA], ids=["claude", "llama"])
def test_invoke_streamed(bedrock: rig.Gateway, aws: Any, model: str) -> None:
    """A stream of chunks passes, and is metered."""
    body = {"prompt": "say OK now"} if model == cloudy.LLAMA else cloudy.messages("say OK now")
    made = aws.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))
    parts = [json.loads(event["chunk"]["bytes"]) for event in made["body"]]
    counts = parts[-1]["amazon-bedrock-invocationMetrics"]
    event = bedrock.event(made["ResponseMetadata"]["HTTPHeaders"]["x-stationmaster-request-id"])
    assert (event["tokens"]["input"], event["tokens"]["output"]) == (counts["inputTokenCount"], counts["outputTokenCount"])
    assert (event["usage_source"], event["stream"], event["error"]) == ("upstream_final", True, "")


def test_count_tokens(bedrock: rig.Gateway, aws: Any) -> None:
    """Tokens are counted there."""
    assert aws.count_tokens(modelId=cloudy.CLAUDE, input={"converse": cloudy.said("one two three")})["inputTokens"] == 3


def test_an_alias(bedrock: rig.Gateway, ledger: SandboxServer, aws: Any) -> None:
    """An alias is put into the path, and what is sent is what is signed."""
    aws.converse(modelId="fast", **cloudy.said())
    assert kit.last(ledger).path == f"/model/{cloudy.CLAUDE.replace(':', '%3A')}/converse"


def test_errors(bedrock: rig.Gateway, aws: Any) -> None:
    """Bedrock's errors pass with their names, ours have names that AWS' client knows, and both are raised as such."""
    with pytest.raises(ClientError) as theirs:
        aws.converse(modelId="sandbox-400", **cloudy.said())
    assert theirs.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "Sandbox: The request is refused as invalid.",
    }
    with pytest.raises(ClientError) as ours:
        aws.converse(modelId="gpt-unknown", **cloudy.said())
    assert ours.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert "No route serves the model 'gpt-unknown'" in ours.value.response["Error"]["Message"]
    with with_api_key(bedrock, "nobody-knows-this") as stranger, pytest.raises(ClientError) as refused:
        stranger.converse(modelId=cloudy.CLAUDE, **cloudy.said())
    assert refused.value.response["Error"]["Code"] == "UnrecognizedClientException"
    assert "This virtual key is not known here" in refused.value.response["Error"]["Message"]


@pytest.mark.parametrize("how", ["cut", "cut-clean", "cut-fin", "error-event"])
def test_broken_streams(bedrock: rig.Gateway, aws: Any, how: str) -> None:
    """A stream that breaks off, however politely, ends in an exception that AWS' client raises; what was said is booked as
    an estimate."""
    made = aws.converse_stream(modelId=f"sandbox-{how}", **cloudy.said())
    seen = []
    with contextlib.closing(made["stream"]) as stream, pytest.raises(EventStreamError) as caught:
        seen.extend(stream)
    assert caught.value.response["Error"]["Code"] == "modelStreamErrorException"
    assert len(seen) == 8
    event = bedrock.event(made["ResponseMetadata"]["HTTPHeaders"]["x-stationmaster-request-id"])
    assert (event["usage_source"], event["error"]) == ("estimated", "" if how == "error-event" else "upstream_disconnected")


@pytest.fixture
def claude(bedrock: rig.Gateway) -> Iterator[anthropic.AnthropicBedrock]:
    """Anthropic's client for Bedrock, with an API key."""
    with anthropic.AnthropicBedrock(
        api_key=rig.KEY, aws_region="us-west-2", base_url=bedrock.url, max_retries=0, timeout=20
    ) as made:
        yield made


def test_anthropics_client(claude: anthropic.AnthropicBedrock, bedrock: rig.Gateway) -> None:
    """Messages over Bedrock, whole and streamed; usage booked is usage told."""
    made = claude.messages.create(model=cloudy.CLAUDE, max_tokens=100, messages=[MESSAGE])
    assert made.content[0].type == "text"
    assert made.content[0].text == "OK"
    with claude.messages.stream(
        model=cloudy.CLAUDE, max_tokens=100, messages=[{"role": "user", "content": "say one two three"}]
    ) as stream:
        final = stream.get_final_message()
        request_id = stream.response.headers["x-stationmaster-request-id"]
    assert [block.text for block in final.content if block.type == "text"] == ["one two three"]
    tokens = bedrock.event(request_id)["tokens"]
    assert tokens == kit_tokens(
        Tokens(final.usage.input_tokens, final.usage.cache_read_input_tokens or 0, 0, final.usage.output_tokens)
    )


def kit_tokens(tokens: Tokens) -> dict[str, int]:
    """Tokens as events show them."""
    return {name: getattr(tokens, name) for name in Tokens.__struct_fields__}


def test_anthropics_client_signs(bedrock: rig.Gateway, ledger: SandboxServer) -> None:
    """The same with keys of an identity, of which the id is the virtual key."""
    with anthropic.AnthropicBedrock(
        aws_access_key=rig.KEY,
        aws_secret_key="anything",
        aws_region="us-west-2",
        base_url=f"{bedrock.url}/bedrock",
        max_retries=0,
        timeout=20,
    ) as signing:
        made = signing.messages.create(model=cloudy.CLAUDE, max_tokens=10, messages=[MESSAGE])
    assert made.usage.output_tokens == 1
    assert kit.last(ledger).credential == fingerprint("AKIASANDBOX")


@pytest.mark.parametrize("fault", ["sandbox-cut-clean", "sandbox-cut", "sandbox-error-event"])
def test_anthropics_client_notices(claude: anthropic.AnthropicBedrock, fault: str) -> None:
    """A broken stream is an error for it as well."""
    with (
        pytest.raises(anthropic.APIError),
        claude.messages.stream(
            model=cloudy.CLAUDE, max_tokens=100, messages=[MESSAGE], extra_headers={"x-sandbox-fault": fault}
        ) as stream,
    ):
        stream.get_final_message()
