"""OpenAI's smaller endpoints: embeddings, moderations, images and audio. Owns their objects and usage."""

import base64
import hashlib
import struct
from collections.abc import Iterator

from stationmaster.sandbox.errors import envelope
from stationmaster.sandbox.text import count
from stationmaster.sandbox.values import CREATED, Asked, Reply, answer, data, event, stream

Object = dict[str, object]

EMBEDDING_SIZE = 64
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_TOPICS = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
_HEARD = "The sandbox heard %d bytes."


def embed(asked: Asked) -> Reply:
    """`POST embeddings`: a vector for each input, as floats or as base64 of little-endian float32."""
    given = asked.fields.get("input", "")
    inputs = given if isinstance(given, list) and given and not isinstance(given[0], int) else [given]
    size = asked.fields.get("dimensions")
    size = size if isinstance(size, int) and 0 < size <= 4096 else EMBEDDING_SIZE
    vectors = [vector(str(each), size) for each in inputs]
    packed = asked.fields.get("encoding_format") == "base64"
    items = [
        {"object": "embedding", "index": at, "embedding": _packed(values) if packed else values}
        for at, values in enumerate(vectors)
    ]
    words = count(asked.fields)
    usage = {"prompt_tokens": words, "total_tokens": words}
    return answer({"object": "list", "data": items, "model": asked.model, "usage": usage})


def vector(text: str, size: int) -> list[float]:
    """A deterministic vector with values in [-1, 1], each exact as a float32."""
    stream = hashlib.shake_256(text.encode()).digest(size)
    return [(byte - 128) / 128 for byte in stream]


def moderate(asked: Asked) -> Reply:
    """`POST moderations`: nothing is ever flagged."""
    given = asked.fields.get("input", "")
    result = {
        "flagged": False,
        "categories": dict.fromkeys(_TOPICS, False),
        "category_scores": dict.fromkeys(_TOPICS, 0.0001),
        "category_applied_input_types": {topic: ["text"] for topic in _TOPICS},
    }
    results = [result] * (len(given) if isinstance(given, list) else 1)
    return answer({"id": asked.id("modr-"), "model": asked.model or "omni-moderation-sandbox", "results": results})


def draw(asked: Asked) -> Reply:
    """`POST images/generations|edits|variations`: one transparent pixel, or a partial and a final event."""
    words = count(asked.fields)
    usage = {
        "input_tokens": words,
        "input_tokens_details": {"text_tokens": words, "image_tokens": 0},
        "output_tokens": 16,
        "total_tokens": words + 16,
    }
    if asked.stream:
        return stream(map(event, _drawing(asked, usage)), _broken)
    counts = {} if asked.fault == "sandbox-no-usage" else {"usage": usage}
    return answer({"created": CREATED, "data": [{"b64_json": _PIXEL}], "output_format": "png"} | counts)


def pronounce(asked: Asked) -> Reply:
    """`POST audio/speech`: 4 KiB of bytes that only look like sound, or with `stream_format: sse` events."""
    sound = hashlib.shake_256(asked.body).digest(4096)
    if asked.fields.get("stream_format") == "sse":
        return stream(map(event, _speaking(asked, sound)), _broken)
    kinds = {
        "wav": "audio/wav",
        "opus": "audio/opus",
        "aac": "audio/aac",
        "flac": "audio/flac",
        "pcm": "audio/pcm",
    }
    kind = kinds.get(str(asked.fields.get("response_format")), "audio/mpeg")
    return Reply((sound,), content_type=kind)


def hear(asked: Asked) -> Reply:
    """`POST audio/transcriptions|translations`: a sentence about the file's size, in the format asked for."""
    text = _HEARD % len(asked.files.get("file", ("", b""))[1])
    usage = {"type": "tokens", "input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    if asked.stream:
        done: Object = {"type": "transcript.text.done", "text": text, "usage": usage}
        happened: list[Object] = [{"type": "transcript.text.delta", "delta": text}, done]
        return stream(map(event, happened), _broken)
    if asked.fields.get("response_format") in ("text", "srt", "vtt"):
        return Reply((text.encode() + b"\n",), content_type="text/plain; charset=utf-8")
    return answer({"text": text, "usage": usage})


def _packed(values: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()


def _drawing(asked: Asked, usage: Object) -> Iterator[Object]:
    kind = "image_edit" if asked.path.endswith("edits") else "image_generation"
    base: Object = {"b64_json": _PIXEL, "created_at": CREATED, "size": "1024x1024", "output_format": "png"}
    yield {"type": f"{kind}.partial_image", "partial_image_index": 0} | base
    yield {"type": f"{kind}.completed", "usage": usage} | base


def _speaking(asked: Asked, sound: bytes) -> Iterator[Object]:
    for at in range(0, len(sound), 1024):
        yield {"type": "speech.audio.delta", "audio": base64.b64encode(sound[at : at + 1024]).decode()}
    words = count(asked.fields)
    usage = {"input_tokens": words, "output_tokens": 16, "total_tokens": words + 16}
    yield {"type": "speech.audio.done", "usage": usage}


def _broken(_sent: int) -> bytes:
    return b"event: error\n" + data(envelope("openai", 500, "Sandbox: the stream failed as asked."))
