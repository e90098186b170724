"""Google's Gemini API: generate, stream, embed, count, list. Owns its objects and usage (the vendor's API
reference).
"""

from collections.abc import Iterator

from stationmaster.sandbox.catalogue import NAMES
from stationmaster.sandbox.errors import envelope, failure
from stationmaster.sandbox.media import vector
from stationmaster.sandbox.text import Speech, count, speak, texts
from stationmaster.sandbox.values import Asked, Reply, answer, data, dump, stream

Object = dict[str, object]
EMBEDDING_SIZE = 64


def act(asked: Asked) -> Reply:
    """`POST models/{model}:{verb}`: generate, stream, embed or count; another verb is 404."""
    verbs = {
        "generateContent": _generate,
        "streamGenerateContent": _stream,
        "embedContent": _embed,
        "batchEmbedContents": _embed_many,
        "countTokens": _count,
    }
    verb = verbs.get(asked.params["verb"])
    return verb(asked) if verb else failure(asked, 404, f"No method {asked.params['verb']} here.")


def list_models(_asked: Asked) -> Reply:
    """`GET /v1beta/models`."""
    return answer({"models": [_model(name) for name in NAMES]})


def retrieve_model(asked: Asked) -> Reply:
    """`GET /v1beta/models/{model}`: any name exists."""
    return answer(_model(asked.model))


def _model(name: str) -> Object:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "description": "Simulated.",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens", "embedContent"],
    }


def _generate(asked: Asked) -> Reply:
    speech = speak(asked)
    return answer(_content(asked, speech, speech.text, speech.words_out, last=True))


def _stream(asked: Asked) -> Reply:
    """Server-sent events with `?alt=sse`; without it one JSON array, an element at a time."""
    parts = _parts(asked, speak(asked))
    if asked.query.get("alt") == "sse":
        return stream(map(data, parts), lambda _sent: data(_failed()))
    return Reply(_array(parts), True, broken=lambda sent: (b",\r\n" if sent else b"[") + dump(_failed()) + b"]")


def _failed() -> Object:
    return envelope("gemini", 503, "Sandbox: the stream failed as asked.")


def _array(parts: Iterator[Object]) -> Iterator[bytes]:
    for at, part in enumerate(parts):
        yield (b",\r\n" if at else b"[") + dump(part)
    yield b"]"


def _parts(asked: Asked, speech: Speech) -> Iterator[Object]:
    for at, piece in enumerate(speech.pieces, 1):
        last = at == len(speech.pieces)
        yield _content(asked, speech, piece, speech.words_out if last else at, last=last)


def _content(asked: Asked, speech: Speech, text: str, out: int, *, last: bool) -> Object:
    candidate: Object = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if last:
        candidate["finishReason"] = "STOP"
    body: Object = {"candidates": [candidate], "modelVersion": asked.model, "responseId": asked.id("")}
    return body if asked.fault == "sandbox-no-usage" else body | {"usageMetadata": _usage(speech, out)}


def _usage(speech: Speech, out: int) -> Object:
    """Gemini's counts: the prompt includes cached tokens, candidates leave thoughts out."""
    counts: Object = {
        "promptTokenCount": speech.words_in,
        "candidatesTokenCount": out,
        "totalTokenCount": speech.words_in + out + speech.thoughts,
        "cachedContentTokenCount": speech.cached,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": speech.words_in}],
    }
    return counts | {"thoughtsTokenCount": speech.thoughts} if speech.thoughts else counts


def _embed(asked: Asked) -> Reply:
    return answer({"embedding": _embedding(asked.fields.get("content"))})


def _embed_many(asked: Asked) -> Reply:
    requests = asked.fields.get("requests")
    listed = requests if isinstance(requests, list) else []
    wanted = [each.get("content") for each in listed if isinstance(each, dict)]
    return answer({"embeddings": [_embedding(content) for content in wanted]})


def _embedding(content: object) -> Object:
    return {"values": vector(" ".join(texts(content)), EMBEDDING_SIZE)}


def _count(asked: Asked) -> Reply:
    inner = asked.fields.get("generateContentRequest")
    words = count(inner if isinstance(inner, dict) else asked.fields)
    return answer({"totalTokens": words, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": words}]})
