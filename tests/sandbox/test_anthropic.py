"""The official Anthropic client is content with the sandbox's answers."""

import anthropic as sdk
import httpx2
import pytest
from anthropic import Anthropic

from stationmaster.sandbox.server import SandboxServer


def test_a_message_is_answered(anthropic: Anthropic) -> None:
    """The answer repeats the nonce; input tokens leave the cached ones out."""
    answer = anthropic.messages.create(
        model="claude-x",
        max_tokens=9,
        system="Be brief and kind please",
        messages=[{"role": "user", "content": [{"type": "text", "text": "say OK nonce:beef"}]}],
    )
    assert answer.content[0].type == "text"
    assert answer.content[0].text == "OK nonce:beef"
    assert answer.stop_reason == "end_turn"
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens) == (6, 2)
    assert answer.usage.output_tokens == 2


def test_a_stream_has_every_event_in_order(anthropic: Anthropic) -> None:
    """message_start with usage, a ping, the block, cumulative usage, message_stop."""
    events = list(
        anthropic.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "say a b"}], stream=True
        )
    )
    assert [event.type for event in events if event.type != "ping"] == [  # type: ignore[comparison-overlap]
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[0].type == "message_start"
    assert events[0].message.usage.input_tokens == 3
    delta = events[-2]
    assert delta.type == "message_delta"
    assert delta.usage.output_tokens == 2


def test_the_stream_helper_puts_the_message_together(anthropic: Anthropic) -> None:
    """The helper, which checks the order of events, gives the whole text."""
    with anthropic.messages.stream(
        model="m", max_tokens=9, messages=[{"role": "user", "content": "say a b"}]
    ) as stream:
        assert stream.get_final_text() == "a b"


def test_the_wire_has_pings_and_names(http: httpx2.Client) -> None:
    """Each event has an `event:` line, ping included, and any query is welcome."""
    body = {"model": "m", "stream": True, "messages": [{"role": "system", "content": "x"}], "thinking": {}}
    text = http.post("/v1/messages?beta=true", json=body).text
    names = [line[7:] for line in text.splitlines() if line.startswith("event: ")]
    assert names[:3] == ["message_start", "content_block_start", "ping"]
    assert names[-1] == "message_stop"
    assert text.count("\n\n") == len(names)


def test_the_other_endpoints_answer(anthropic: Anthropic) -> None:
    """Counting, models and batches give what the client expects."""
    counted = anthropic.messages.count_tokens(model="m", messages=[{"role": "user", "content": "a b c"}])
    assert counted.input_tokens == 3
    assert "claude-sandbox" in [model.id for model in anthropic.models.list()]
    assert anthropic.models.retrieve("claude-x").display_name == "claude-x"
    batch = anthropic.messages.batches.create(
        requests=[
            {
                "custom_id": "first",
                "params": {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]},
            }
        ]
    )
    assert (batch.processing_status, batch.request_counts.processing) == ("in_progress", 1)
    assert anthropic.messages.batches.retrieve(batch.id).processing_status == "ended"
    assert [result.custom_id for result in anthropic.messages.batches.results(batch.id)] == ["first"]
    assert anthropic.messages.batches.cancel(batch.id).processing_status == "canceling"
    assert anthropic.messages.batches.list().data
    assert anthropic.messages.batches.delete(batch.id).id == batch.id


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("sandbox-400", sdk.BadRequestError),
        ("sandbox-401", sdk.AuthenticationError),
        ("sandbox-403", sdk.PermissionDeniedError),
        ("sandbox-404", sdk.NotFoundError),
        ("sandbox-429", sdk.RateLimitError),
        ("sandbox-500", sdk.InternalServerError),
    ],
)
def test_errors_are_the_vendors(anthropic: Anthropic, model: str, kind: type[sdk.APIStatusError]) -> None:
    """The client raises the class that belongs to the status, from Anthropic's envelope."""
    with pytest.raises(kind) as caught:
        anthropic.messages.create(model=model, max_tokens=1, messages=[{"role": "user", "content": "x"}])
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["type"] == "error"


def test_both_headers_carry_a_credential(sandbox: SandboxServer) -> None:
    """x-api-key and Bearer are both accepted; without either the answer is 401 in Anthropic's envelope."""
    body = {"model": "m", "messages": []}
    statuses = [
        httpx2.post(f"{sandbox.url}/messages", json=body, headers=headers)
        for headers in ({"x-api-key": "k"}, {"authorization": "Bearer k"}, {"authorization": "Basic k"}, {})
    ]
    assert [answer.status_code for answer in statuses] == [200, 200, 401, 401]
    assert statuses[-1].json()["error"]["type"] == "authentication_error"
