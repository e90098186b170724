"""The official SDKs, pointed at the gateway, see what they would see at the vendor."""

import anthropic
import openai
import pytest
import rig


@pytest.fixture
def oai(gateway: rig.Gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=rig.KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def ant(gateway: rig.Gateway):
    with anthropic.Anthropic(base_url=gateway.url, api_key=rig.KEY, max_retries=0) as client:
        yield client


def test_it_works(oai) -> None:
    """A Chat request comes back with text and usage."""
    answer = oai.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "say OK"}])
    assert answer.choices[0].message.content.startswith("OK")
    stream = oai.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "say OK"}], stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in stream).startswith("OK")
    with oai.responses.stream(model="gpt-4o", input="say OK") as s:
        assert s.get_final_response().output_text.startswith("OK")
    print(oai.models.list())


def test_ant(ant) -> None:
    """Messages, streamed and not."""
    m = ant.messages.create(model="claude-x", max_tokens=50, messages=[{"role": "user", "content": "say OK"}])
    assert m.content[0].text.startswith("OK")
    with ant.messages.stream(model="claude-x", max_tokens=50, messages=[{"role": "user", "content": "say OK"}]) as s:
        assert s.get_final_text().startswith("OK")
