"""Google's Vertex AI: publishers' models, in Google's words or raw in the publisher's. Owns its doors (Vertex AI, API reference);
what is said behind them is Gemini's, Anthropic's and OpenAI's kin's."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from stationmaster.sandbox import chat, gemini, messages
from stationmaster.sandbox.catalogue import NAMES
from stationmaster.sandbox.errors import failure
from stationmaster.sandbox.values import Asked, Reply, answer

_RAW = ("rawPredict", "streamRawPredict")


def act(asked: Asked) -> Reply:
    """`POST …/publishers/{publisher}/models/{model}:{verb}`."""
    publisher, verb = asked.params["publisher"], asked.params["verb"]
    if publisher == "google" and verb in ("generateContent", "streamGenerateContent", "countTokens"):
        return gemini.act(asked)
    raw = _PUBLISHERS.get(publisher, chat.complete) if verb in _RAW else None
    return raw(asked) if raw else failure(asked, 404, f"Publisher model {publisher}/{asked.model} has no {verb} here.")


def list_models(_asked: Asked) -> Reply:
    """`GET /v1beta1/publishers/google/models`."""
    return answer({"publisherModels": [{"name": f"publishers/google/models/{name}"} for name in NAMES]})


def _anthropic(asked: Asked) -> Reply:
    """Messages without a model, which the path has, and with a version; tokens are counted at a model of that name."""
    if asked.params["model"] == "count-tokens":
        return messages.count_tokens(asked) if "model" in asked.fields else failure(asked, 400, "model: Field required")
    if "anthropic_version" not in asked.fields or "model" in asked.fields:
        return failure(asked, 400, "anthropic_version: Field required, model: Extra inputs are not permitted")
    return messages.create(asked)


_PUBLISHERS: Mapping[str, Callable[[Asked], Reply]] = {
    "anthropic": _anthropic,
    "google": lambda asked: failure(replace(asked), 404, "Google's models are not raw."),
}
