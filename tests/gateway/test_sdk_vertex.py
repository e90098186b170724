"""Google's own client and Anthropic's for Vertex, pointed at the gateway: project and location are the credential's, whatever
the client names, and so is the token."""

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

import rig
from asking import PLAIN
from gateway import cloudy, kit, plain
from stationmaster.sandbox.ledger import fingerprint
from stationmaster.sandbox.server import SandboxServer

MESSAGE: anthropic.types.MessageParam = {"role": "user", "content": "say OK"}
ELSEWHERE = "/projects/somebody-else/locations/us-east5"


@pytest.fixture(scope="module")
def vertex(vendor: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway with a Vertex credential."""
    with rig.running_gateway(cloudy.snapshot(cloudy.priced(cloudy.vertex(vendor.url)))) as running:
        yield running


@pytest.fixture
def claude(vertex: rig.Gateway) -> Iterator[anthropic.AnthropicVertex]:
    """Anthropic's client for Vertex, of another project."""
    http = anthropic.DefaultHttpxClient(verify=PLAIN)
    with anthropic.AnthropicVertex(
        region="us-east5",
        project_id="somebody-else",
        access_token=rig.KEY,
        base_url=f"{vertex.url}/v1",
        max_retries=0,
        timeout=20,
        http_client=http,
    ) as made:
        yield made


@pytest.fixture
def google(vertex: rig.Gateway) -> Iterator[Any]:
    """Google's client for Vertex, of another project."""
    http = httpx.Client(verify=PLAIN)
    options = types.HttpOptions(base_url=vertex.url, httpx_client=http, timeout=20_000)
    credentials = Credentials(token=rig.KEY)  # type: ignore[no-untyped-call]
    with (
        http,
        genai.Client(
            enterprise=True, project="somebody-else", location="us-east5", credentials=credentials, http_options=options
        ) as made,
    ):
        yield made


def test_messages(claude: anthropic.AnthropicVertex, ledger: SandboxServer) -> None:
    """Messages over Vertex, whole and streamed, with our token, project and location."""
    made = claude.messages.create(model=cloudy.OF_VERTEX, max_tokens=100, messages=[MESSAGE])
    assert [block.text for block in made.content if block.type == "text"] == ["OK"]
    with claude.messages.stream(model=cloudy.OF_VERTEX, max_tokens=100, messages=[MESSAGE]) as stream:
        assert stream.get_final_text() == "OK"
    whole, streamed = kit.calls(ledger)
    assert whole.path.replace("%40", "@") == f"/v1{cloudy.PLACE}/publishers/anthropic/models/{cloudy.OF_VERTEX}:rawPredict"
    assert streamed.path.endswith(":streamRawPredict")
    assert {whole.credential, streamed.credential} == {fingerprint(cloudy.SECRETS["vertex"])}


def test_usage_of_messages(claude: anthropic.AnthropicVertex, vertex: rig.Gateway) -> None:
    """Usage booked is usage told, whole and streamed, at the credential's price."""
    ask = {"model": cloudy.OF_VERTEX, "max_tokens": 100, "messages": [{"role": "user", "content": "say one two three four"}]}
    made = claude.messages.with_raw_response.create(**ask)  # type: ignore[call-overload]
    whole = vertex.event(made.headers["x-stationmaster-request-id"])
    usage = made.parse().usage
    assert (whole["tokens"]["input"], whole["tokens"]["output"]) == (usage.input_tokens, usage.output_tokens)
    assert whole["cost"] == (usage.input_tokens + usage.cache_read_input_tokens + 2 * usage.output_tokens) * 1000
    with claude.messages.stream(**ask) as stream:  # type: ignore[arg-type]
        usage = stream.get_final_message().usage
        request_id = stream.response.headers["x-stationmaster-request-id"]
    event = vertex.event(request_id)
    assert (event["tokens"]["input"], event["tokens"]["output"]) == (usage.input_tokens, usage.output_tokens)
    assert (event["usage_source"], event["dialect"]) == ("upstream_final", "vertex")


def test_count_tokens(claude: anthropic.AnthropicVertex, ledger: SandboxServer) -> None:
    """Counting names its model in the body: it is routed, and replaced by an alias, there."""
    assert claude.messages.count_tokens(model=cloudy.OF_VERTEX, messages=[MESSAGE]).input_tokens == 2
    assert claude.messages.count_tokens(model="quick", messages=[MESSAGE]).input_tokens == 2
    assert kit.last(ledger).path == f"/v1{cloudy.PLACE}/publishers/anthropic/models/count-tokens:rawPredict"
    assert kit.last(ledger).model == "count-tokens"


def test_an_alias(claude: anthropic.AnthropicVertex, ledger: SandboxServer) -> None:
    """An alias is put into the path."""
    claude.messages.create(model="quick", max_tokens=10, messages=[MESSAGE])
    assert kit.last(ledger).model == "claude-y@20260101"


@pytest.mark.parametrize("fault", ["sandbox-cut", "sandbox-cut-clean", "sandbox-cut-fin"])
def test_broken_messages(claude: anthropic.AnthropicVertex, fault: str) -> None:
    """A stream that breaks off ends in Anthropic's error event, which its client raises."""
    with (
        pytest.raises(anthropic.APIError, match="broke off"),
        claude.messages.stream(
            model=cloudy.OF_VERTEX, max_tokens=100, messages=[MESSAGE], extra_headers={"x-sandbox-fault": fault}
        ) as stream,
    ):
        stream.get_final_message()


def test_generate(google: Any, vertex: rig.Gateway, ledger: SandboxServer) -> None:
    """Google's models over Vertex, whole, streamed and counted; usage booked is usage told."""
    made = google.models.generate_content(model="gemini-x", contents="say one two three")
    assert made.text == "one two three"
    headers = {name.lower(): value for name, value in made.sdk_http_response.headers.items()}
    event = vertex.event(headers["x-stationmaster-request-id"])
    assert event["tokens"]["output"] == made.usage_metadata.candidates_token_count == 3
    assert event["tokens"]["input"] + event["tokens"]["cache_read"] == made.usage_metadata.prompt_token_count
    pieces = [part.text for part in google.models.generate_content_stream(model="gemini-x", contents="say one two three")]
    assert "".join(pieces) == "one two three"
    assert google.models.count_tokens(model="gemini-x", contents="one two three").total_tokens == 3
    for entry in kit.calls(ledger):
        assert entry.path.startswith(f"/v1beta1{cloudy.PLACE}/publishers/google/models/gemini-x:")
        assert entry.credential == fingerprint(cloudy.SECRETS["vertex"])


def test_errors(google: Any) -> None:
    """Vertex' errors and ours reach Google's client as what they are."""
    with pytest.raises(errors.APIError) as theirs:
        google.models.generate_content(model="sandbox-404", contents="say OK")
    assert (theirs.value.code, theirs.value.status) == (404, "NOT_FOUND")
    with pytest.raises(errors.APIError) as ours:
        google.models.generate_content(model="gpt-unknown", contents="say OK")
    assert (ours.value.code, ours.value.status) == (404, "NOT_FOUND")
    assert "No route serves the model 'gpt-unknown'" in str(ours.value.message)


@pytest.mark.parametrize("before", ["/v1", "", "/vertex_ai/v1", "/vertex/v1beta1", "/v1beta1"])
@pytest.mark.parametrize("place", [ELSEWHERE, ""])
def test_prefixes(vertex: rig.Gateway, ledger: SandboxServer, before: str, place: str) -> None:
    """What clients put before the path, and whether they name a place at all, changes nothing but the version."""
    target = f"{before}{place}/publishers/google/models/gemini-x:generateContent"
    assert plain.post(vertex.port, target, plain.gemini()).status == 200
    version = "v1beta1" if "beta" in before else "v1"
    assert kit.last(ledger).path == f"/{version}{cloudy.PLACE}/publishers/google/models/gemini-x:generateContent"


def test_other_publishers(vertex: rig.Gateway, ledger: SandboxServer) -> None:
    """Raw predictions of other publishers pass, and are metered in the words that most of them use."""
    target = "/v1/publishers/mistralai/models/mistral-x:rawPredict"
    answer = plain.post(vertex.port, target, plain.chat("mistral-x"))
    assert answer.json()["usage"]["completion_tokens"] == vertex.event(answer.request_id)["tokens"]["output"] == 1
    assert kit.last(ledger).model == "mistral-x"
