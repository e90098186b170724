"""OpenAI's Python client sees through the gateway what it would see at the vendor, on every endpoint."""

import asyncio
import io
import wave

import openai
import pytest

import rig
from stationmaster.sandbox.server import SandboxServer

ASK = "say OK now"


def sound() -> tuple[str, bytes]:
    """A second of silence, as a file to upload."""
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(8000)
        made.writeframes(bytes(16000))
    return "silence.wav", file.getvalue()


def test_chat(oai: openai.OpenAI) -> None:
    """A Chat completion comes back typed, with its text and its counts."""
    made = oai.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": ASK}])
    assert made.choices[0].message.content == "OK now"
    assert made.usage is not None
    assert made.usage.prompt_tokens == 3
    assert made._request_id


def test_chat_streamed(oai: openai.OpenAI) -> None:
    """Chunks arrive one by one, every one with a choice, and no usage that was not asked for."""
    stream = oai.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": ASK}], stream=True
    )
    with stream:
        chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "OK now"
    assert all(chunk.usage is None for chunk in chunks)


def test_chat_streamed_with_usage(oai: openai.OpenAI) -> None:
    """A caller who asks for usage gets the chunk that has it, without choices."""
    stream = oai.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": ASK}], stream=True,
        stream_options={"include_usage": True},
    )  # fmt: skip
    with stream:
        last = list(stream)[-1]
    assert last.usage is not None
    assert (last.choices, last.usage.total_tokens) == ([], 5)


def test_chat_stream_helper(oai: openai.OpenAI) -> None:
    """The client's own accumulator rebuilds the completion."""
    with oai.chat.completions.stream(model="gpt-4o", messages=[{"role": "user", "content": ASK}]) as stream:
        stream.until_done()
        assert stream.get_final_completion().choices[0].message.content == "OK now"


def test_responses(oai: openai.OpenAI) -> None:
    """A response comes back whole, and its counts with it."""
    made = oai.responses.create(model="gpt-4o", input=ASK)
    assert made.output_text == "OK now"
    assert made.usage is not None
    assert made.usage.output_tokens == 2


def test_responses_streamed(oai: openai.OpenAI) -> None:
    """Events arrive in their order, from created to completed; the accumulator agrees."""
    with oai.responses.create(model="gpt-4o", input=ASK, stream=True) as stream:
        kinds = [event.type for event in stream]
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert kinds.count("response.output_text.delta") == 2
    with oai.responses.stream(model="gpt-4o", input=ASK) as events:
        assert events.get_final_response().output_text == "OK now"


def test_responses_later(oai: openai.OpenAI) -> None:
    """A stored response is retrieved (streamed too), its input listed, cancelled, compacted and deleted."""
    started = oai.responses.create(model="gpt-4o", input=ASK, background=True)
    assert started.status == "queued"
    assert oai.responses.retrieve(started.id).id == started.id
    with oai.responses.retrieve(started.id, stream=True) as stream:
        assert [event.type for event in stream][-1] == "response.completed"
    assert [item.type for item in oai.responses.input_items.list(started.id)] == ["message"]
    assert oai.responses.cancel(started.id).status == "cancelled"
    compacted = oai.responses.compact(model="gpt-4o", input=ASK)
    assert [item.type for item in compacted.output] == ["compaction"]
    oai.responses.delete(started.id)


def test_completions(oai: openai.OpenAI) -> None:
    """The older completions, whole and streamed."""
    assert oai.completions.create(model="gpt-4o", prompt=ASK).choices[0].text == "OK now"
    with oai.completions.create(model="gpt-4o", prompt=ASK, stream=True) as stream:
        assert "".join(chunk.choices[0].text for chunk in stream) == "OK now"


def test_embeddings(oai: openai.OpenAI) -> None:
    """Vectors, in base64 (the client's default) and as numbers, are the same."""
    packed = oai.embeddings.create(model="text-embedding-3", input=["one", "two"])
    plain = oai.embeddings.create(model="text-embedding-3", input=["one", "two"], encoding_format="float")
    assert len(packed.data) == 2
    assert packed.data[0].embedding == plain.data[0].embedding


def test_moderations(oai: openai.OpenAI) -> None:
    """A moderation, with a model named and without one."""
    assert not oai.moderations.create(input=ASK, model="omni-moderation-latest").results[0].flagged
    assert not oai.moderations.create(input=ASK).results[0].flagged


def test_models(oai: openai.OpenAI) -> None:
    """Models are listed and retrieved, names with slashes and colons among them."""
    assert "gpt-sandbox" in [model.id for model in oai.models.list()]
    assert oai.models.retrieve("gpt-sandbox").owned_by == "sandbox"


def test_images(oai: openai.OpenAI) -> None:
    """Images are drawn, streamed, edited and varied."""
    picture = ("dot.png", b"\x89PNG" + bytes(64))
    drawn = oai.images.generate(model="gpt-image-1", prompt="a dot")
    assert drawn.data is not None
    assert drawn.data[0].b64_json
    with oai.images.generate(model="gpt-image-1", prompt="a dot", stream=True) as stream:
        assert [event.type for event in stream][-1] == "image_generation.completed"
    assert oai.images.edit(model="gpt-image-1", image=picture, prompt="a dot").created
    with pytest.deprecated_call():
        assert oai.images.create_variation(model="dall-e-2", image=picture).created


def test_speech(oai: openai.OpenAI) -> None:
    """Speech is bytes, whole and as they come, and events when asked for."""
    whole = oai.audio.speech.create(model="tts-1", voice="alloy", input=ASK)
    assert len(whole.content) == 4096
    with oai.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input=ASK) as streamed:
        assert streamed.read() == whole.content


def test_transcriptions(oai: openai.OpenAI) -> None:
    """Sound goes up as a form; text, JSON and events come back."""
    heard = oai.audio.transcriptions.create(model="whisper-1", file=sound())
    assert heard.text == f"The sandbox heard {len(sound()[1])} bytes."
    text = oai.audio.transcriptions.create(model="whisper-1", file=sound(), response_format="text")
    assert text.strip() == heard.text
    with oai.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound(), stream=True) as stream:
        assert [event.type for event in stream][-1] == "transcript.text.done"
    with pytest.deprecated_call():
        assert oai.audio.translations.create(model="whisper-1", file=sound()).text == heard.text


def test_files(oai: openai.OpenAI) -> None:
    """A file goes up, is listed, described, read back and deleted."""
    made = oai.files.create(file=("rows.jsonl", b'{"row":1}\n' * 100), purpose="batch")
    assert (made.filename, made.bytes) == ("rows.jsonl", 1000)
    assert [file.object for file in oai.files.list()] == ["file"]
    assert oai.files.retrieve(made.id).id == made.id
    assert oai.files.content(made.id).content.startswith(b'{"custom_id"')
    assert oai.files.delete(made.id).deleted


def test_batches(oai: openai.OpenAI) -> None:
    """A batch is made, listed, followed and cancelled."""
    made = oai.batches.create(
        input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h"
    )
    assert [batch.object for batch in oai.batches.list()] == ["batch"]
    assert oai.batches.retrieve(made.id).status == "completed"
    assert oai.batches.cancel(made.id).status == "cancelling"


def test_conversations(oai: openai.OpenAI) -> None:
    """A conversation and its items live a whole life."""
    made = oai.conversations.create(metadata={"a": "b"})
    assert oai.conversations.retrieve(made.id).id == made.id
    assert oai.conversations.update(made.id, metadata={"a": "c"}).metadata == {"a": "c"}
    added = oai.conversations.items.create(
        made.id, items=[{"type": "message", "role": "user", "content": "Hello"}]
    )
    assert added.data[0].type == "message"
    assert len(list(oai.conversations.items.list(made.id))) == 1
    assert oai.conversations.items.retrieve("msg_1", conversation_id=made.id).type == "message"
    assert oai.conversations.items.delete("msg_1", conversation_id=made.id).id == made.id
    assert oai.conversations.delete(made.id).deleted


def test_vector_stores(oai: openai.OpenAI) -> None:
    """A vector store, its files, a batch of files and a search."""
    made = oai.vector_stores.create(name="shelf")
    assert oai.vector_stores.retrieve(made.id).id == made.id
    assert oai.vector_stores.update(made.id, name="board").name == "board"
    assert len(list(oai.vector_stores.list())) == 1
    assert [hit.content[0].text for hit in oai.vector_stores.search(made.id, query="what")] == ["what"]
    files = oai.vector_stores.files
    assert files.create(made.id, file_id="file-1").id == "file-1"
    assert files.retrieve("file-1", vector_store_id=made.id).status == "completed"
    assert files.update("file-1", vector_store_id=made.id, attributes={"a": "b"}).attributes == {"a": "b"}
    assert len(list(files.list(made.id))) == 1
    assert [part.text for part in files.content("file-1", vector_store_id=made.id)] == ["Hello"]
    assert files.delete("file-1", vector_store_id=made.id).deleted
    batch = oai.vector_stores.file_batches.create(made.id, file_ids=["file-1"])
    assert oai.vector_stores.file_batches.retrieve(batch.id, vector_store_id=made.id).status == "completed"
    assert len(list(oai.vector_stores.file_batches.list_files(batch.id, vector_store_id=made.id))) == 1
    assert oai.vector_stores.file_batches.cancel(batch.id, vector_store_id=made.id).status == "cancelled"
    assert oai.vector_stores.delete(made.id).deleted


def test_tries_again_after_a_429(gateway: rig.Gateway, ledger: SandboxServer) -> None:
    """The vendor's Retry-After reaches the client, which obeys it and then gives up by itself."""
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=rig.KEY, max_retries=1, timeout=20) as client,
        pytest.raises(openai.RateLimitError),
    ):
        client.responses.create(model="sandbox-429", input=ASK)
    times = [entry.at for entry in ledger.asked() if entry.model == "sandbox-429"]
    assert len(times) == 2
    assert times[1] - times[0] >= 1.0


def test_without_a_version_in_the_base_url(gateway: rig.Gateway) -> None:
    """A base URL without /v1 serves the same client."""
    with openai.OpenAI(base_url=gateway.url, api_key=rig.KEY, max_retries=0, timeout=20) as client:
        assert client.responses.create(model="gpt-4o", input=ASK).output_text == "OK now"


def test_the_asynchronous_client(gateway: rig.Gateway) -> None:
    """The asynchronous client: many calls at once over few connections, streamed and whole."""

    async def all_at_once() -> list[str]:
        async with openai.AsyncOpenAI(
            base_url=f"{gateway.url}/v1", api_key=rig.KEY, max_retries=0, timeout=20
        ) as client:

            async def streamed(number: int) -> str:
                stream = await client.chat.completions.create(
                    model="gpt-4o", messages=[{"role": "user", "content": f"say {number}"}], stream=True
                )
                return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

            async def whole(number: int) -> str:
                return (await client.responses.create(model="gpt-4o", input=f"say {number}")).output_text

            return list(
                await asyncio.gather(*(streamed(n) if n % 2 else whole(n) for n in range(20)))
            )

    assert asyncio.run(all_at_once()) == [str(number) for number in range(20)]
