"""Who made what: files, batches, conversations, responses and vector stores live in the organisation that made them,
and for every other organisation they do not exist (each vendor's API reference). An id that nobody made here is
answered as if it existed. Owns the record of ids; knows nothing of what they stand for."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from stationmaster.sandbox.errors import failure
from stationmaster.sandbox.values import Asked, Reply, answer

MOST = 100_000             # ids remembered

_PREFIXES = {
    "files": "file-", "batches": "batch_", "conversations": "conv_", "vector_stores": "vs_", "responses": "resp_",
    "file_batches": "vsfb_",
}  # fmt: skip
_MEMBERS = frozenset(
    ("file_id", "file_ids", "input_file_id", "vector_store_id", "vector_store_ids", "previous_response_id", "conversation")
)
_SEAL = "sealed-"


class Shelf:
    """The ids that were made, and by which organisations: the same body twice gives the same id."""

    def __init__(self) -> None:
        self._makers: dict[str, set[str]] = {}

    def refusal(self, asked: Asked) -> Reply | None:
        """The vendor's error when a request names something of another organisation, or reasoning sealed for one."""
        for member, name in _named(asked):
            if member == "encrypted_content" and _sealed_elsewhere(name, asked):
                return _refuse(asked, 400, "The encrypted content could not be verified.", "input", "invalid_encrypted_content")
            makers = self._makers.get(name)
            if makers is not None and asked.organisation not in makers:
                if member == "previous_response_id":
                    said = f"Previous response with id '{name}' not found."
                    return _refuse(asked, 400, said, member, "previous_response_not_found")
                return _refuse(asked, 404, f"No such object: {name}", member)
        return None

    def about(self, asked: Asked) -> Asked:
        """A listing's request as one for the newest thing that the organisation made, if it made any."""
        prefix = _made(asked) if asked.method == "GET" else ""
        mine = (name for name, by in reversed(self._makers.items()) if asked.organisation in by)
        newest = next((name for name in mine if name.startswith(prefix)), "") if prefix else ""
        return replace(asked, params={**asked.params, "id": newest}) if newest else asked

    def note(self, asked: Asked) -> None:
        """Remember what a request that was answered well has made, or deleted."""
        prefix = _made(asked) if asked.method == "POST" else ""
        if prefix and not (prefix == "resp_" and asked.fields.get("store") is False):
            name = asked.id(prefix)
            self._put(name, asked.organisation)
            if prefix == "batch_":
                self._put(output_of(name), asked.organisation)
        if asked.method == "DELETE" and asked.path.endswith("/" + asked.params.get("id", "/")):
            self._makers.get(asked.params["id"], set()).discard(asked.organisation)

    def _put(self, name: str, organisation: str) -> None:
        makers = self._makers.pop(name, set())
        if len(self._makers) >= MOST:
            del self._makers[next(iter(self._makers))]
        self._makers[name] = makers | {organisation}


def output_of(batch_id: str) -> str:
    """The id of the file that a batch writes."""
    return f"file-{batch_id.removeprefix('batch_')}-output"


def seal(asked: Asked) -> str:
    """Reasoning that only the organisation that got it can send back."""
    return f"{_SEAL}{_mark(asked)}-{asked.id('')}"


def _sealed_elsewhere(text: str, asked: Asked) -> bool:
    return text.startswith(_SEAL) and not text.startswith(f"{_SEAL}{_mark(asked)}-")


def _mark(asked: Asked) -> str:
    return hashlib.sha256(asked.organisation.encode()).hexdigest()[:8]


def _made(asked: Asked) -> str:
    """The prefix of the ids in the collection that a request is about, or "" when it is about one thing."""
    last = asked.path.rpartition("/")[2]
    if last == "batches" and asked.dialect == "anthropic":
        return "msgbatch_" if "id" not in asked.params else ""
    return _PREFIXES.get(last, "") if "id" not in asked.params or last == "file_batches" else ""


def _named(asked: Asked) -> Iterator[tuple[str, str]]:
    """Every id a request names, with the path's parameter or the member that holds it."""
    yield from ((name, asked.params[name]) for name in ("id", "file", "batch") if name in asked.params)
    stack: list[Any] = [asked.fields]
    while stack:
        value = stack.pop()
        if isinstance(value, Mapping):
            for name, inner in value.items():
                if name in _MEMBERS or name == "encrypted_content":
                    yield from ((name, text) for text in _texts(inner))
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = value.get("id")
    yield from (text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str))


def _refuse(asked: Asked, status: int, message: str, param: str, code: str | None = None) -> Reply:
    if asked.dialect not in ("openai", "azure"):
        return failure(asked, status, message)
    return answer({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}, status)
