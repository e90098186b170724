"""The realtime WebSocket: a session that answers `response.create` in text. Owns its events and usage;
text only: sound that is sent in is taken and ignored."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from stationmaster.sandbox.text import Speech, speak
from stationmaster.sandbox.values import Asked

Object = dict[str, Any]
SILENT = ("input_audio_buffer.append", "input_audio_buffer.clear", "response.cancel", "output_audio_buffer.clear")


async def converse(request: web.Request, asked: Asked) -> web.WebSocketResponse:
    """`GET /v1/realtime?model=…` upgraded: `session.created`, then an answer to each event.

    The fault `sandbox-cut` drops the connection in the middle of the first response.
    """
    door = web.WebSocketResponse(protocols=("realtime",))
    await door.prepare(request)
    session = Session(asked)
    await _tell(door, session.opening())
    async for message in door:
        if message.type is not WSMsgType.TEXT:
            continue
        for told, happened in enumerate(session.answer(message.data)):
            if asked.fault == "sandbox-cut" and told > 4 and request.transport is not None:
                request.transport.abort()
                return door
            await _tell(door, happened)
    return door


class Session:
    """One conversation: numbers its events, remembers what the user said."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._turns: list[Object] = []
        self._count = 0
        self._settings: Object = {
            "id": asked.id("sess_"),
            "object": "realtime.session",
            "type": "realtime",
            "model": asked.model or "gpt-realtime-sandbox",
            "output_modalities": ["text"],
        }

    def opening(self) -> Object:
        """The event that greets."""
        return self._numbered({"type": "session.created", "session": self._settings})

    def answer(self, text: str) -> Iterator[Object]:
        """The events with which the server answers one client event."""
        for happened in self._answer(_parsed(text)):
            yield self._numbered(happened)

    def _answer(self, said: Object) -> Iterator[Object]:
        kind = said.get("type")
        if kind == "response.create":
            yield from self._respond(said.get("response") or {})
        elif kind == "session.update":
            self._settings |= said.get("session") or {}
            yield {"type": "session.updated", "session": self._settings}
        elif kind == "conversation.item.create":
            yield from self._take(said.get("item") or {})
        elif kind == "input_audio_buffer.commit":
            yield {"type": "input_audio_buffer.committed", "item_id": "item_sound", "previous_item_id": None}
        elif kind not in SILENT:
            error = {"type": "invalid_request_error", "code": "invalid_value", "param": "type"}
            yield {"type": "error", "error": error | {"message": f"Unknown event {kind!r}.", "event_id": None}}

    def _take(self, item: Object) -> Iterator[Object]:
        self._turns.append(item)
        item = {"id": f"item_user_{len(self._turns)}", "object": "realtime.item", "status": "completed"} | item
        yield {"type": "conversation.item.added", "previous_item_id": None, "item": item}
        yield {"type": "conversation.item.done", "previous_item_id": None, "item": item}

    def _respond(self, wish: Object) -> Iterator[Object]:
        fields = {"instructions": wish.get("instructions", ""), "input": wish.get("input") or self._turns}
        speech = speak(replace(self._asked, fields=fields))
        number = self._count
        place: Object = {"response_id": f"resp_{number}", "item_id": f"item_{number}"}
        place |= {"output_index": 0, "content_index": 0}
        response = {"id": place["response_id"], "object": "realtime.response", "output_modalities": ["text"]}
        item = {"id": place["item_id"], "object": "realtime.item", "type": "message", "role": "assistant"}
        yield {
            "type": "response.created",
            "response": response | {"status": "in_progress", "output": [], "usage": None},
        }
        yield from _spoken(place, item, speech)
        yield {"type": "rate_limits.updated", "rate_limits": []}
        output = [item | {"status": "completed", "content": [{"type": "output_text", "text": speech.text}]}]
        done = {"status": "completed", "status_details": None, "output": output, "usage": usage(speech)}
        yield {"type": "response.done", "response": response | done}

    def _numbered(self, happened: Object) -> Object:
        self._count += 1
        return {"type": happened["type"], "event_id": f"event_{self._count}"} | happened


def usage(speech: Speech) -> Object:
    """Realtime's counts, which spell `token_details` in the singular."""
    return {
        "total_tokens": speech.words_in + speech.words_out,
        "input_tokens": speech.words_in,
        "output_tokens": speech.words_out,
        "input_token_details": {
            "text_tokens": speech.words_in,
            "audio_tokens": 0,
            "image_tokens": 0,
            "cached_tokens": speech.cached,
            "cached_tokens_details": {"text_tokens": speech.cached, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": speech.words_out, "audio_tokens": 0},
    }


def _spoken(place: Object, item: Object, speech: Speech) -> Iterator[Object]:
    outer = {"response_id": place["response_id"], "output_index": 0}
    part: Object = {"type": "text", "text": ""}
    whole = item | {"status": "completed", "content": [{"type": "output_text", "text": speech.text}]}
    yield {"type": "response.output_item.added", **outer, "item": item | {"status": "in_progress", "content": []}}
    yield {"type": "conversation.item.added", "previous_item_id": None, "item": item | {"content": []}}
    yield {"type": "response.content_part.added", **place, "part": part}
    for piece in speech.pieces:
        yield {"type": "response.output_text.delta", **place, "delta": piece}
    yield {"type": "response.output_text.done", **place, "text": speech.text}
    yield {"type": "response.content_part.done", **place, "part": part | {"text": speech.text}}
    yield {"type": "response.output_item.done", **outer, "item": whole}
    yield {"type": "conversation.item.done", "previous_item_id": None, "item": whole}


def _parsed(text: str) -> Object:
    try:
        said = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
    return said if isinstance(said, dict) else {}


async def _tell(door: web.WebSocketResponse, happened: Object) -> None:
    await door.send_str(msgspec.json.encode(happened).decode())
