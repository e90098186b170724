"""OpenAI Responses: create, retrieve, cancel, delete, list input, compact. Owns the response object, its
events and usage (the vendor's API reference). Remembers nothing: any id is answered as if it had been created
(`shelf` knows whose it is)."""

from collections.abc import Iterator, Mapping

from stationmaster.sandbox.errors import failure
from stationmaster.sandbox.shelf import seal
from stationmaster.sandbox.text import Speech, speak
from stationmaster.sandbox.values import CREATED, Asked, Reply, answer, event, stream

Object = dict[str, object]
_ECHOED: Mapping[str, object] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


def create(asked: Asked) -> Reply:
    """`POST responses`: the response, or its events; `background` is answered with a queued response."""
    speech = speak(asked)
    turn = asked.id("turn_")
    if asked.stream:
        return stream(_frames(asked, speech), lambda sent: _broken(asked, sent), x_codex_turn_state=turn)
    if asked.fields.get("background") is True:
        return answer(_response(asked, "queued", [], None), x_codex_turn_state=turn)
    return answer(_done(asked, speech), x_codex_turn_state=turn)


def retrieve(asked: Asked) -> Reply:
    """`GET responses/{id}`: a completed response of that id, or with `?stream=true` its events again."""
    return create(asked)


def cancel(asked: Asked) -> Reply:
    """`POST responses/{id}/cancel`."""
    return answer(_response(asked, "cancelled", [], None))


def delete(asked: Asked) -> Reply:
    """`DELETE responses/{id}`."""
    return answer({"id": asked.params["id"], "object": "response.deleted", "deleted": True})


def input_items(asked: Asked) -> Reply:
    """`GET responses/{id}/input_items`: one user message."""
    content = [{"type": "input_text", "text": "Hello"}]
    item = {"id": asked.id("msg_"), "type": "message", "role": "user", "status": "completed", "content": content}
    ends = {"first_id": item["id"], "last_id": item["id"], "has_more": False}
    return answer({"object": "list", "data": [item]} | ends)


def compact(asked: Asked) -> Reply:
    """`POST responses/compact`: one opaque compaction item."""
    item = {"id": asked.id("cmp_"), "type": "compaction", "encrypted_content": seal(asked)}
    body = {"id": asked.id("resp_"), "object": "response.compaction", "created_at": CREATED, "output": [item]}
    return answer(body | {"usage": usage(speak(asked))})


def no_upgrade(asked: Asked) -> Reply:
    """`GET responses`: a WebSocket upgrade is refused with 426, which clients take as "use POST"."""
    if asked.headers.get("upgrade", "").lower() == "websocket":
        return failure(asked, 426, "Responses are not served over WebSocket here.")
    return failure(asked, 404, "Give the id of a response.")


def usage(speech: Speech) -> Object:
    """Responses' counts: input includes cached tokens, output includes reasoning tokens."""
    out = speech.words_out + speech.thoughts
    return {
        "input_tokens": speech.words_in,
        "input_tokens_details": {"cached_tokens": speech.cached, "cache_write_tokens": 0},
        "output_tokens": out,
        "output_tokens_details": {"reasoning_tokens": speech.thoughts},
        "total_tokens": speech.words_in + out,
    }


def _response(asked: Asked, status: str, output: list[Object], counts: Object | None) -> Object:
    known = {key: asked.fields.get(key, usual) for key, usual in _ECHOED.items()}
    return {
        "id": asked.params.get("id") or asked.id("resp_"),
        "object": "response",
        "created_at": CREATED,
        "completed_at": CREATED if status == "completed" else None,
        "status": status,
        "background": asked.fields.get("background") is True,
        "error": None,
        "incomplete_details": None,
        "model": asked.model or "gpt-sandbox",
        "output": output,
        "service_tier": "default",
        "usage": counts,
    } | known | ({"conversation": {"id": _id_of(conversation)}} if (conversation := asked.fields.get("conversation")) else {})


def _id_of(value: object) -> object:
    """A conversation's id, given as it is or in an object."""
    return value.get("id") if isinstance(value, dict) else value


def _done(asked: Asked, speech: Speech) -> Object:
    counts = None if asked.fault == "sandbox-no-usage" else usage(speech)
    return _response(asked, "completed", [*_sealed(asked), _message(asked, "completed", [_part(speech.text)])], counts)


def _message(asked: Asked, status: str, content: list[Object]) -> Object:
    return {"id": asked.id("msg_"), "type": "message", "status": status, "role": "assistant", "content": content}


def _sealed(asked: Asked) -> list[Object]:
    """The reasoning, encrypted, if the request wants it included."""
    include = asked.fields.get("include")
    if not isinstance(include, list) or "reasoning.encrypted_content" not in include:
        return []
    return [{"id": asked.id("rs_"), "type": "reasoning", "summary": [], "encrypted_content": seal(asked)}]


def _part(text: str) -> Object:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _events(asked: Asked, speech: Speech) -> Iterator[Object]:
    sealed = _sealed(asked)
    at = len(sealed)
    place: Object = {"item_id": asked.id("msg_"), "output_index": at, "content_index": 0}
    running = _response(asked, "in_progress", [], None)
    started, whole = _message(asked, "in_progress", []), _message(asked, "completed", [_part(speech.text)])
    yield {"type": "response.created", "response": running}
    yield {"type": "response.in_progress", "response": running}
    for item in sealed:
        yield {"type": "response.output_item.added", "output_index": 0, "item": item | {"encrypted_content": ""}}
        yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield {"type": "response.output_item.added", "output_index": at, "item": started}
    yield {"type": "response.content_part.added", **place, "part": _part("")}
    for piece in speech.pieces:
        yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **place, "text": speech.text, "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": _part(speech.text)}
    yield {"type": "response.output_item.done", "output_index": at, "item": whole}
    yield {"type": "response.completed", "response": _done(asked, speech)}


def _frames(asked: Asked, speech: Speech) -> Iterator[bytes]:
    for number, happened in enumerate(_events(asked, speech)):
        yield event({"type": happened["type"], "sequence_number": number} | happened)


def _broken(asked: Asked, sent: int) -> bytes:
    """`response.failed` in the middle; as the first event the bare `error`, there being no response yet."""
    error = {"code": "server_error", "message": "Sandbox: the stream failed as asked."}
    if sent:
        failed = _response(asked, "failed", [], None) | {"error": error}
        return event({"type": "response.failed", "sequence_number": sent, "response": failed})
    return event({"type": "error", "sequence_number": 0, "param": None} | error)
