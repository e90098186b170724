"""The models on offer, in one shape that OpenAI's and Anthropic's clients both read (the vendor's API reference)."""

from stationmaster.sandbox.faults import SENTENCES
from stationmaster.sandbox.values import CREATED, CREATED_TEXT, Asked, Reply, answer

NAMES = (
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-5.5",
    "claude-sonnet",
    "gpt-sandbox",
    "claude-sandbox",
    "gemini-sandbox",
    "text-embedding-sandbox",
    "image-sandbox",
    "speech-sandbox",
    *SENTENCES,
)


def list_models(_asked: Asked) -> Reply:
    """`GET models`: the ordinary names first, then those that are faults."""
    ends = {"has_more": False, "first_id": NAMES[0], "last_id": NAMES[-1]}
    return answer({"object": "list", "data": [_model(name) for name in NAMES]} | ends)


def retrieve_model(asked: Asked) -> Reply:
    """`GET models/{model}`: any name exists."""
    return answer(_model(asked.params["model"]))


def _model(name: str) -> dict[str, object]:
    return {
        "id": name,
        "object": "model",
        "created": CREATED,
        "owned_by": "sandbox",
        "type": "model",
        "display_name": name,
        "created_at": CREATED_TEXT,
        "lifecycle": "active",
    }
