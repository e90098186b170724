"""Anthropic's Python client sees through the gateway what it would see at the vendor, on every endpoint."""

import asyncio

import anthropic
from anthropic.types import MessageParam

import rig

ASK: list[MessageParam] = [{"role": "user", "content": "say OK now"}]


def text_of(message: anthropic.types.Message) -> str:
    """The message's text blocks, joined."""
    return "".join(block.text for block in message.content if block.type == "text")


def test_messages(ant: anthropic.Anthropic) -> None:
    """A message comes back typed, with its text, its counts and the vendor's request id."""
    made = ant.messages.create(model="claude-x", max_tokens=50, messages=ASK)
    assert text_of(made) == "OK now"
    assert (made.usage.input_tokens, made.usage.output_tokens) == (3, 2)
    assert (made._request_id or "").startswith("req_")


def test_messages_streamed(ant: anthropic.Anthropic) -> None:
    """Events arrive in their order; the accumulator rebuilds the message and its counts."""
    with ant.messages.create(model="claude-x", max_tokens=50, messages=ASK, stream=True) as stream:
        kinds = [event.type for event in stream]
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])
    with ant.messages.stream(model="claude-x", max_tokens=50, messages=ASK) as events:
        final = events.get_final_message()
    assert text_of(final) == "OK now"
    assert final.usage.output_tokens == 2


def test_beta_messages(ant: anthropic.Anthropic) -> None:
    """`?beta=true` and `anthropic-beta` are part of the request and pass."""
    made = ant.beta.messages.create(model="claude-x", max_tokens=50, messages=[{"role": "user", "content": "say OK"}],
                                    betas=["context-1m-2025-08-07"])  # fmt: skip
    assert made.content[0].type == "text"


def test_count_tokens(ant: anthropic.Anthropic) -> None:
    """Tokens are counted by the vendor."""
    assert ant.messages.count_tokens(model="claude-x", messages=ASK).input_tokens == 3


def test_batches(ant: anthropic.Anthropic) -> None:
    """A batch is made, listed, followed, read, cancelled and deleted."""
    batches = ant.messages.batches
    made = batches.create(
        requests=[{"custom_id": "first", "params": {"model": "claude-x", "max_tokens": 5, "messages": ASK}}]
    )
    assert made.request_counts.processing == 1
    assert [batch.processing_status for batch in batches.list()] == ["ended"]
    assert batches.retrieve(made.id).id == made.id
    assert batches.cancel(made.id).processing_status == "canceling"
    assert batches.delete(made.id).type == "message_batch_deleted"


def test_batch_results(ant: anthropic.Anthropic, gateway: rig.Gateway) -> None:
    """Results are JSON lines. The client follows `results_url`, which names the vendor, so it is asked here."""
    answer = ant.get("/v1/messages/batches/msgbatch_1/results", cast_to=str, options={})
    assert '"custom_id":"first"' in answer


def test_models(ant: anthropic.Anthropic) -> None:
    """Models are listed with a display name and a date, and retrieved."""
    listed = {model.id: model for model in ant.models.list()}
    assert listed["claude-sandbox"].display_name == "claude-sandbox"
    assert listed["claude-sandbox"].created_at.year == 2026
    assert ant.models.retrieve("claude-sandbox").type == "model"


def test_a_bearer_token(gateway: rig.Gateway) -> None:
    """A client configured with `auth_token` sends it as Authorization: served just the same."""
    with anthropic.Anthropic(
        base_url=gateway.url, api_key=None, auth_token=rig.KEY, max_retries=0, timeout=20
    ) as client:
        assert text_of(client.messages.create(model="claude-x", max_tokens=50, messages=ASK)) == "OK now"


def test_the_asynchronous_client(gateway: rig.Gateway) -> None:
    """The asynchronous client: many streams at once, none of them mixed up."""

    async def all_at_once() -> list[str]:
        async with anthropic.AsyncAnthropic(
            base_url=gateway.url, api_key=rig.KEY, max_retries=0, timeout=20
        ) as client:

            async def one(number: int) -> str:
                asked: list[MessageParam] = [{"role": "user", "content": f"say {number}"}]
                async with client.messages.stream(model="claude-x", max_tokens=50, messages=asked) as stream:
                    return await stream.get_final_text()

            return list(await asyncio.gather(*(one(number) for number in range(20))))

    assert asyncio.run(all_at_once()) == [str(number) for number in range(20)]
