"""A stream that breaks ends so that each SDK notices; nothing that was cut looks whole."""

from collections.abc import Iterable

import anthropic
import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

import rig
from gateway import plain

BROKEN = ["sandbox-cut", "sandbox-cut-fin"]
PROMPT = "say it words:20"


def texts(stream: Iterable[ChatCompletionChunk], into: list[str]) -> None:
    """Collect a Chat stream's text, as far as it comes."""
    for chunk in stream:
        into.append(chunk.choices[0].delta.content or "")  # noqa: PERF401  kept when the stream raises


@pytest.mark.parametrize("fault", BROKEN)
def test_chat(oai: openai.OpenAI, fault: str) -> None:
    """Chat: an error event makes the client raise APIError, after all the text that came."""
    got: list[str] = []
    with oai.chat.completions.create(
        model=fault, messages=[{"role": "user", "content": PROMPT}], stream=True
    ) as stream, pytest.raises(openai.APIError) as caught:  # fmt: skip
        texts(stream, got)
    assert not isinstance(caught.value, openai.APIConnectionError), "an event told it, not the socket"
    assert "broke off" in caught.value.message
    assert caught.value.code == "upstream_disconnected"
    assert "word" in "".join(got)


@pytest.mark.parametrize("fault", BROKEN)
def test_responses(oai: openai.OpenAI, fault: str) -> None:
    """Responses: `response.failed`, for the id that was begun, is the last event."""
    with oai.responses.create(model=fault, input=PROMPT, stream=True) as stream:
        events = list(stream)
    first, last = events[0], events[-1]
    assert first.type == "response.created"
    assert last.type == "response.failed"
    assert last.response.id == first.response.id
    assert last.response.error is not None
    assert last.response.error.code == "server_error"
    assert "broke off" in last.response.error.message


@pytest.mark.parametrize("fault", BROKEN)
def test_messages(ant: anthropic.Anthropic, fault: str) -> None:
    """Messages: an error event makes the client raise, and keeps what came before it."""
    got: list[str] = []
    with ant.messages.stream(
        model="claude-x", max_tokens=50, messages=[{"role": "user", "content": PROMPT}],
        extra_headers={"x-sandbox-fault": fault},
    ) as stream, pytest.raises(anthropic.APIStatusError) as caught:  # fmt: skip
        got.extend(stream.text_stream)
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["code"] == "upstream_disconnected"


@pytest.mark.parametrize("fault", BROKEN)
def test_gemini(gateway: rig.Gateway, fault: str) -> None:
    """Gemini: a clean end without `finishReason`, which its clients take as a reason to ask again."""
    answer = plain.post(
        gateway.port, "/v1beta/models/gemini-x:streamGenerateContent?alt=sse", plain.gemini(PROMPT),
        ("x-sandbox-fault", fault),
    )  # fmt: skip
    assert (answer.status, answer.whole) == (200, True)
    assert b"finishReason" not in answer.body
    assert b"error" not in answer.body
    assert gateway.event(answer.request_id)["error"] == "upstream_disconnected"


@pytest.mark.parametrize("fault", BROKEN)
def test_a_json_answer(oai: openai.OpenAI, fault: str) -> None:
    """A JSON answer that breaks off in its middle raises in the client: it never looks whole."""
    with pytest.raises((openai.APIError, httpx2.HTTPError)):
        oai.chat.completions.create(model=fault, messages=[{"role": "user", "content": PROMPT}])


@pytest.mark.parametrize("fault", ["sandbox-garbage", "sandbox-close"])
def test_nothing_but_noise(gateway: rig.Gateway, fault: str) -> None:
    """An upstream that says nothing, or no HTTP, is our 502 in the dialect, streamed or not."""
    code = {"sandbox-garbage": "upstream_garbage", "sandbox-close": "upstream_closed"}[fault]
    for stream in (False, True):
        answer = plain.post(gateway.port, "/v1/responses", plain.responses(fault, stream=stream))
        assert (answer.status, answer.json()["error"]["code"]) == (502, code)


def test_an_error_event_of_the_vendors(gateway: rig.Gateway) -> None:
    """The vendor's own error event passes as it is, and nothing is put behind it."""
    for fault in ("sandbox-error-event", "sandbox-error-first"):
        answer = plain.post(gateway.port, "/v1/chat/completions", plain.chat(fault, stream=True))
        assert b"Sandbox: the stream failed as asked." in answer.body
        assert b"upstream_disconnected" not in answer.body


def test_an_end_without_an_end(gateway: rig.Gateway) -> None:
    """A clean end without the dialect's last event is the vendor's own; it passes as it came."""
    answer = plain.post(gateway.port, "/v1/chat/completions", plain.chat("sandbox-cut-clean", stream=True))
    assert answer.whole
    assert b"[DONE]" not in answer.body
