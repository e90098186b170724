"""The Azure flavour of OpenAI's client: deployments in the path, the virtual key in `api-key`."""

from collections.abc import Iterator

import openai
import pytest

import rig
from gateway import kit
from stationmaster.sandbox.ledger import fingerprint
from stationmaster.sandbox.server import SandboxServer


@pytest.fixture
def azure(gateway: rig.Gateway) -> Iterator[openai.AzureOpenAI]:
    """AzureOpenAI, pointed at the gateway."""
    with openai.AzureOpenAI(
        azure_endpoint=gateway.url, api_key=rig.KEY, api_version="2024-10-21", max_retries=0, timeout=20
    ) as client:
        yield client


def test_chat(azure: openai.AzureOpenAI, ledger: SandboxServer) -> None:
    """A deployment answers, whole and streamed; the vendor sees its own path, version and key."""
    made = azure.chat.completions.create(model="azure-x", messages=[{"role": "user", "content": "say OK"}])
    assert made.choices[0].message.content == "OK"
    stream = azure.chat.completions.create(
        model="azure-x", messages=[{"role": "user", "content": "say OK"}], stream=True
    )
    with stream:
        parts = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    assert "".join(parts) == "OK"
    seen = kit.last(ledger)
    assert (seen.path, seen.query) == ("/openai/deployments/azure-x/chat/completions", "api-version=2024-10-21")
    assert seen.credential == fingerprint(kit.SECRETS["azure_openai"])


def test_other_doors(azure: openai.AzureOpenAI) -> None:
    """Embeddings, images and forms of a deployment."""
    assert azure.embeddings.create(model="azure-embed", input="one").data[0].embedding
    assert azure.images.generate(model="azure-image", prompt="a dot").created
    assert azure.audio.transcriptions.create(model="azure-ear", file=("a.wav", b"RIFF" + bytes(100))).text


def test_an_alias(azure: openai.AzureOpenAI, ledger: SandboxServer) -> None:
    """An alias is put into the path; the body stays."""
    azure.chat.completions.create(model="fast-azure", messages=[{"role": "user", "content": "say OK"}])
    assert kit.last(ledger).path == "/openai/deployments/azure-mini/chat/completions"


def test_an_error_of_ours(azure: openai.AzureOpenAI) -> None:
    """A model in whose pool nobody speaks Azure's dialect is our 400, in OpenAI's shape, and says who speaks what."""
    with pytest.raises(openai.APIStatusError) as caught:
        azure.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "say OK"}])
    assert (caught.value.status_code, caught.value.code) == (400, "dialect_not_served")
    assert "speak openai:" in caught.value.message


def test_what_has_no_deployment(azure: openai.AzureOpenAI, ledger: SandboxServer) -> None:
    """Responses are asked for without a deployment in the path: the path and its version reach the vendor together."""
    assert azure.responses.create(model="azure-x", input="say OK").output_text == "OK"
    seen = kit.last(ledger)
    assert (seen.path, seen.query) == ("/openai/responses", "api-version=2024-10-21")


def test_the_version_free_api(gateway: rig.Gateway, ledger: SandboxServer) -> None:
    """The plain client, pointed at `/openai/v1/`, reaches that."""
    with openai.OpenAI(base_url=f"{gateway.url}/openai/v1/", api_key=rig.KEY, max_retries=0, timeout=20) as client:
        assert client.responses.create(model="azure-x", input="say OK").output_text == "OK"
    assert kit.last(ledger).path == "/openai/v1/responses"


def test_a_token_of_the_directory(vendor: SandboxServer, ledger: SandboxServer) -> None:
    """A credential that is a token of Entra ID is sent as one, and one that is a key as a key."""
    token = "eyJhbGciOi.eyJhdWQiOi.c2lnbmF0dXJl"
    snapshot = kit.with_secret(rig.snapshot_for(vendor.url), "azure_openai", token)
    with rig.running_gateway(snapshot) as gateway, openai.AzureOpenAI(
        azure_endpoint=gateway.url, azure_ad_token=rig.KEY, api_version="2024-10-21", max_retries=0, timeout=20
    ) as client:
        assert client.chat.completions.create(model="azure-x", messages=[{"role": "user", "content": "say OK"}]).choices
    seen = kit.last(ledger)
    assert (seen.header("api-key"), seen.header("authorization")) == (None, fingerprint(token))
