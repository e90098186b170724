"""The official OpenAI client is content with the sandbox's OpenAI and Azure answers."""

import pytest
from openai import AuthenticationError, AzureOpenAI, OpenAI
from openai.types.chat import ChatCompletionUserMessageParam

from stationmaster.sandbox.server import SandboxServer


def test_chat_answers_what_it_was_told_to_say(openai: OpenAI) -> None:
    """`say OK` is answered with OK, and usage counts words."""
    answer = openai.chat.completions.create(model="gpt-x", messages=[{"role": "user", "content": "say OK"}])
    assert answer.choices[0].message.content == "OK"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (2, 1)
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 0


def test_the_same_question_gets_the_same_answer(openai: OpenAI) -> None:
    """Answers, ids included, come from the request alone."""
    first, second = (openai.responses.create(model="gpt-x", input="hello there") for _ in range(2))
    assert first == second


def test_a_chat_stream_counts_only_when_asked(openai: OpenAI) -> None:
    """The chunk with usage has no choices and comes last, and only with include_usage."""
    question: ChatCompletionUserMessageParam = {"role": "user", "content": "say one two three"}
    plain = list(openai.chat.completions.create(model="m", messages=[question], stream=True))
    counted = list(
        openai.chat.completions.create(
            model="m",
            messages=[question],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert all("usage" not in chunk.model_fields_set for chunk in plain)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in plain) == "one two three"
    assert plain[-1].choices[0].finish_reason == "stop"
    assert all("usage" in chunk.model_fields_set and chunk.usage is None for chunk in counted[:-1])
    assert counted[-1].choices == []
    assert counted[-1].usage is not None
    assert counted[-1].usage.completion_tokens == 3


def test_responses_stream_in_the_right_order(openai: OpenAI) -> None:
    """Events rise in number from response.created to response.completed, which has the usage."""
    events = list(openai.responses.create(model="m", input="say one two", stream=True))
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(10))
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == "one two"
    assert last.response.usage is not None
    assert last.response.usage.output_tokens == 2


def test_a_coding_agents_input_is_understood(openai: OpenAI) -> None:
    """The user's newest message is answered, not the developer's, and not the context that agents add."""
    answer = openai.responses.create(
        model="m",
        input=[
            {"role": "developer", "content": [{"type": "input_text", "text": "say nothing"}]},
            {"role": "user", "content": [{"type": "input_text", "text": "say one"}]},
            {"role": "user", "content": [{"type": "input_text", "text": "say two"}]},
            {"type": "function_call_output", "call_id": "c", "output": "say three"},
        ],
        reasoning={"effort": "low"},
    )
    assert answer.output_text == "two"
    assert answer.usage is not None
    assert answer.usage.output_tokens_details.reasoning_tokens == 3


def test_long_answers_have_as_many_words_as_asked(openai: OpenAI) -> None:
    """`words:<n>` makes an answer of n words that still repeats the nonce."""
    answer = openai.responses.create(model="m", input="say OK nonce:c0ffee words:500")
    assert len(answer.output_text.split()) == 500
    assert answer.output_text.startswith("OK nonce:c0ffee ")


def test_json_is_answered_when_json_is_asked(openai: OpenAI) -> None:
    """A schema gets the smallest object that fits it."""
    properties = {"kind": {"enum": ["a", "b"]}, "n": {"type": "integer"}}
    schema: dict[str, object] = {"type": "object", "properties": properties}
    answer = openai.responses.create(
        model="m",
        input="hi",
        text={"format": {"type": "json_schema", "name": "n", "schema": schema}},
    )
    assert answer.output_text == '{"kind":"a","n":1}'


def test_stored_responses_can_be_asked_for(openai: OpenAI) -> None:
    """Retrieve, input items, cancel, compact and delete answer for any id."""
    assert openai.responses.retrieve("resp_1").id == "resp_1"
    assert openai.responses.input_items.list("resp_1").data[0].type == "message"
    assert openai.responses.cancel("resp_1").status == "cancelled"
    assert openai.responses.compact(model="m", input="hi").object == "response.compaction"
    assert openai.responses.create(model="m", input="hi", background=True).status == "queued"
    openai.responses.delete("resp_1")


def test_the_smaller_endpoints_answer(openai: OpenAI) -> None:
    """Completions, embeddings, moderations, models, images and audio give what the client expects."""
    assert openai.completions.create(model="m", prompt="say hi").choices[0].text == "hi"
    chunks = list(openai.completions.create(model="m", prompt="say hi you", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == "hi you"
    floats = openai.embeddings.create(model="m", input=["a", "b"], encoding_format="float", dimensions=8)
    packed = openai.embeddings.create(model="m", input=["a", "b"], dimensions=8)
    assert [item.embedding for item in floats.data] == [item.embedding for item in packed.data]
    assert openai.moderations.create(input="hi").results[0].flagged is False
    assert "gpt-sandbox" in [model.id for model in openai.models.list()]
    assert openai.models.retrieve("anything").id == "anything"
    assert openai.images.generate(model="m", prompt="a cat").data
    assert openai.images.edit(model="m", image=b"png", prompt="a cat").usage
    assert openai.audio.speech.create(model="m", input="hi", voice="alloy").read()[:1]
    heard = openai.audio.transcriptions.create(model="m", file=("a.wav", b"\x00\r\n--\xff"))
    assert heard.text == "The sandbox heard 6 bytes."


def test_things_that_live_at_the_vendor_can_be_made_and_asked_for(openai: OpenAI) -> None:
    """Files, batches, conversations and vector stores are described back."""
    uploaded = openai.files.create(file=("b.jsonl", b"{}\n"), purpose="batch")
    assert (uploaded.filename, uploaded.bytes) == ("b.jsonl", 3)
    assert openai.files.retrieve("file-1").id == "file-1"
    assert openai.files.content("file-1").read().startswith(b"{")
    assert openai.files.delete("file-1").deleted
    assert openai.files.list().data
    batch = openai.batches.create(input_file_id=uploaded.id, endpoint="/v1/responses", completion_window="24h")
    assert batch.status == "validating"
    assert openai.batches.retrieve(batch.id).status == "completed"
    assert openai.batches.cancel(batch.id).status == "cancelling"
    talk = openai.conversations.create(metadata={"a": "b"})
    assert openai.conversations.retrieve(talk.id).id == talk.id
    assert openai.conversations.items.list(talk.id).data
    assert openai.conversations.delete(talk.id).deleted
    store = openai.vector_stores.create(name="s")
    assert openai.vector_stores.retrieve(store.id).id == store.id
    assert openai.vector_stores.search(store.id, query="q").data[0].content[0].text == "q"
    assert openai.vector_stores.files.create(store.id, file_id="file-1").id == "file-1"
    assert openai.vector_stores.delete(store.id).deleted


def test_azure_takes_the_model_from_the_path(sandbox: SandboxServer) -> None:
    """A deployment's name is its model, and faults go by it too; the first chunk has filters and no choices."""
    with AzureOpenAI(azure_endpoint=sandbox.url, api_key="az", api_version="v", max_retries=0) as azure:
        answer = azure.chat.completions.create(model="dep", messages=[{"role": "user", "content": "say OK"}])
        chunks = list(azure.chat.completions.create(model="dep", messages=[], stream=True))
        with pytest.raises(AuthenticationError):
            azure.embeddings.create(model="sandbox-401", input="x")
    assert answer.choices[0].message.content == "OK"
    assert chunks[0].choices == []
    assert sandbox.asked()[0].path == "/openai/deployments/dep/chat/completions"
    assert [entry.model for entry in sandbox.asked()] == ["dep", "dep", "sandbox-401"]


def test_without_a_credential_nothing_is_answered(sandbox: SandboxServer) -> None:
    """401 in OpenAI's own words."""
    headers = {"authorization": ""}
    with (
        OpenAI(base_url=sandbox.url, api_key="x", max_retries=0, default_headers=headers) as client,
        pytest.raises(AuthenticationError) as caught,
    ):
        client.models.list()
    assert caught.value.code == "invalid_api_key"
