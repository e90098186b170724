"""OpenAI Chat Completions and the older Completions. Owns their objects, chunks and usage (the vendor's API
reference).
"""

from collections.abc import Iterator

from stationmaster.sandbox.errors import envelope
from stationmaster.sandbox.text import Speech, speak
from stationmaster.sandbox.values import CREATED, Asked, Reply, answer, data, stream

Object = dict[str, object]

CHUNK = "chat.completion.chunk"
TEXT = "text_completion"


def complete(asked: Asked) -> Reply:
    """`POST chat/completions`: a `chat.completion`, or its chunks ending in `data: [DONE]`."""
    speech = speak(asked)
    if asked.stream:
        return stream(_frames(asked, CHUNK, _chat_deltas(asked, speech), speech), _broken)
    message: Object = {"role": "assistant", "content": speech.text, "refusal": None, "annotations": []}
    choice: Object = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return answer(_whole(asked, "chat.completion", choice, speech))


def complete_text(asked: Asked) -> Reply:
    """`POST completions`: a `text_completion`, whole or in chunks of the same type."""
    speech = speak(asked)
    if asked.stream:
        return stream(_frames(asked, TEXT, _text_deltas(asked, speech), speech), _broken)
    choice = {"index": 0, "text": speech.text, "logprobs": None, "finish_reason": "stop"}
    return answer(_whole(asked, TEXT, choice, speech))


def usage(speech: Speech) -> Object:
    """Chat's counts: prompt includes cached tokens, completion includes reasoning tokens."""
    out = speech.words_out + speech.thoughts
    return {
        "prompt_tokens": speech.words_in,
        "completion_tokens": out,
        "total_tokens": speech.words_in + out,
        "prompt_tokens_details": {"cached_tokens": speech.cached, "cache_write_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": speech.thoughts,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _base(asked: Asked, kind: str) -> Object:
    prefix = "chatcmpl-" if kind.startswith("chat") else "cmpl-"
    return {
        "id": asked.id(prefix),
        "object": kind,
        "created": CREATED,
        "model": asked.model,
        "service_tier": "default",
        "system_fingerprint": "fp_sandbox",
    }


def _whole(asked: Asked, kind: str, choice: Object, speech: Speech) -> Object:
    body = _base(asked, kind) | {"choices": [choice]}
    return body if asked.fault == "sandbox-no-usage" else body | {"usage": usage(speech)}


def _chat_deltas(asked: Asked, speech: Speech) -> Iterator[Object]:
    base = _base(asked, CHUNK)
    if asked.dialect == "azure":
        filters: list[Object] = [{"prompt_index": 0, "content_filter_results": {}}]
        yield base | {"choices": [], "prompt_filter_results": filters}
    yield base | {"choices": [_choice({"role": "assistant", "content": "", "refusal": None})]}
    for piece in speech.pieces:
        yield base | {"choices": [_choice({"content": piece})]}
    yield base | {"choices": [_choice({}, "stop")]}


def _text_deltas(asked: Asked, speech: Speech) -> Iterator[Object]:
    base = _base(asked, TEXT)
    for piece in speech.pieces:
        yield base | {"choices": [{"index": 0, "text": piece, "logprobs": None, "finish_reason": None}]}
    yield base | {"choices": [{"index": 0, "text": "", "logprobs": None, "finish_reason": "stop"}]}


def _choice(delta: Object, finish: str | None = None) -> Object:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _frames(asked: Asked, kind: str, chunks: Iterator[Object], speech: Speech) -> Iterator[bytes]:
    """The chunks; with `include_usage` each says `usage: null`, and one more without choices has the counts."""
    options = asked.fields.get("stream_options")
    counted = isinstance(options, dict) and options.get("include_usage") is True
    counted = counted and asked.fault != "sandbox-no-usage"
    for chunk in chunks:
        yield data(chunk | {"usage": None} if counted else chunk)
    if counted:
        yield data(_base(asked, kind) | {"choices": [], "usage": usage(speech)})
    yield b"data: [DONE]\n\n"


def _broken(_sent: int) -> bytes:
    return data(envelope("openai", 500, "Sandbox: the stream failed as asked."))
