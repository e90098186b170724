"""The realtime WebSocket: a session that answers `response.create` in text or in sound. Owns its events and usage.

Sound is silence by length: what is sent in is measured and transcribed (where the session asks for that) by how
long it is, what is sent out lasts a while for each word.
"""

import base64
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from stationmaster.sandbox.text import Speech, speak
from stationmaster.sandbox.values import Asked

Object = dict[str, Any]
SILENT = ("response.cancel", "output_audio_buffer.clear")
SECOND = 48_000              # bytes of 16-bit mono sound at 24 kHz
HEARD, SPOKEN = 10, 20       # tokens a second of the user's sound, and of the model's (OpenAI guide, realtime costs)
WORD = SECOND // SPOKEN * 4  # bytes of sound for each word: four tokens
BY_DURATION = "whisper-1"    # transcribes for a price by the second (OpenAI API reference, realtime server events)


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
        self._sound = 0         # bytes in the input buffer
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
        elif str(kind).startswith("input_audio_buffer."):
            yield from self._listen(said)
        elif kind not in SILENT:
            yield _unknown(kind)

    def _listen(self, said: Object) -> Iterator[Object]:
        """Collect sound; `commit` makes an item of it and transcribes it if the session wants that."""
        kind = said["type"]
        if kind == "input_audio_buffer.append":
            self._sound += len(str(said.get("audio") or "")) * 3 // 4
        elif kind == "input_audio_buffer.clear":
            self._sound = 0
        elif kind == "input_audio_buffer.commit":
            yield {"type": "input_audio_buffer.committed", "item_id": "item_sound", "previous_item_id": None}
            wish, seconds, self._sound = _transcription(self._settings), self._sound / SECOND, 0
            if wish:
                yield from _transcribed(seconds, str(wish.get("model") or ""))
        else:
            yield _unknown(kind)

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
        modes = wish.get("output_modalities") or self._settings["output_modalities"] or ["text"]
        aloud = "audio" in modes
        response = {"id": place["response_id"], "object": "realtime.response", "output_modalities": modes}
        item = {"id": place["item_id"], "object": "realtime.item", "type": "message", "role": "assistant"}
        yield {
            "type": "response.created",
            "response": response | {"status": "in_progress", "output": [], "usage": None},
        }
        yield from _spoken(place, item, speech, aloud=aloud)
        yield {"type": "rate_limits.updated", "rate_limits": []}
        output = [item | {"status": "completed", "content": [_content(speech, aloud=aloud)]}]
        done = {"status": "completed", "status_details": None, "output": output, "usage": usage(speech, aloud=aloud)}
        yield {"type": "response.done", "response": response | done}

    def _numbered(self, happened: Object) -> Object:
        self._count += 1
        return {"type": happened["type"], "event_id": f"event_{self._count}"} | happened


def usage(speech: Speech, *, aloud: bool = False) -> Object:
    """Realtime's counts, which spell `token_details` in the singular. Of what is said aloud sound and transcript count."""
    sound = len(speech.pieces) * WORD * SPOKEN // SECOND if aloud else 0
    return {
        "total_tokens": speech.words_in + speech.words_out + sound,
        "input_tokens": speech.words_in,
        "output_tokens": speech.words_out + sound,
        "input_token_details": {
            "text_tokens": speech.words_in,
            "audio_tokens": 0,
            "image_tokens": 0,
            "cached_tokens": speech.cached,
            "cached_tokens_details": {"text_tokens": speech.cached, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": speech.words_out, "audio_tokens": sound},
    }


def _unknown(kind: Any) -> Object:
    error = {"type": "invalid_request_error", "code": "invalid_value", "param": "type"}
    return {"type": "error", "error": error | {"message": f"Unknown event {kind!r}.", "event_id": None}}


def _transcription(settings: Object) -> Object | None:
    """What the session says of transcribing: `audio.input.transcription`, or null or nothing."""
    node: Any = settings
    for key in ("audio", "input", "transcription"):
        node = node.get(key) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else None


def _transcribed(seconds: float, model: str) -> Iterator[Object]:
    """A transcript of one word for each second begun, at a price by the second or by tokens."""
    words = ["sound"] * max(1, math.ceil(seconds))
    place: Object = {"item_id": "item_sound", "content_index": 0}
    kind = "conversation.item.input_audio_transcription"
    for at, word in enumerate(words):
        yield {"type": f"{kind}.delta", **place, "delta": word if at == 0 else " " + word}
    heard = round(seconds * HEARD)
    cost: Object = {
        "type": "tokens",
        "total_tokens": heard + len(words),
        "input_tokens": heard,
        "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
        "output_tokens": len(words),
    }
    if model == BY_DURATION:
        cost = {"type": "duration", "seconds": seconds}
    yield {"type": f"{kind}.completed", **place, "transcript": " ".join(words), "usage": cost}


def _content(speech: Speech, *, aloud: bool) -> Object:
    """An item's content: text, or the transcript of sound, whose bytes came in the deltas only."""
    return {"type": "output_audio", "transcript": speech.text} if aloud else {"type": "output_text", "text": speech.text}


def _spoken(place: Object, item: Object, speech: Speech, *, aloud: bool) -> Iterator[Object]:
    outer = {"response_id": place["response_id"], "output_index": 0}
    whole = item | {"status": "completed", "content": [_content(speech, aloud=aloud)]}
    kind, text = ("audio", "transcript") if aloud else ("text", "text")
    yield {"type": "response.output_item.added", **outer, "item": item | {"status": "in_progress", "content": []}}
    yield {"type": "conversation.item.added", "previous_item_id": None, "item": item | {"content": []}}
    yield {"type": "response.content_part.added", **place, "part": {"type": kind, text: ""}}
    yield from _aloud(place, speech) if aloud else _written(place, speech)
    yield {"type": "response.content_part.done", **place, "part": {"type": kind, text: speech.text}}
    yield {"type": "response.output_item.done", **outer, "item": whole}
    yield {"type": "conversation.item.done", "previous_item_id": None, "item": whole}


def _written(place: Object, speech: Speech) -> Iterator[Object]:
    for piece in speech.pieces:
        yield {"type": "response.output_text.delta", **place, "delta": piece}
    yield {"type": "response.output_text.done", **place, "text": speech.text}


def _aloud(place: Object, speech: Speech) -> Iterator[Object]:
    sound = base64.b64encode(bytes(WORD)).decode()
    for piece in speech.pieces:
        yield {"type": "response.output_audio_transcript.delta", **place, "delta": piece}
        yield {"type": "response.output_audio.delta", **place, "delta": sound}
    yield {"type": "response.output_audio.done", **place}
    yield {"type": "response.output_audio_transcript.done", **place, "transcript": speech.text}


def _parsed(text: str) -> Object:
    try:
        said = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
    return said if isinstance(said, dict) else {}


async def _tell(door: web.WebSocketResponse, happened: Object) -> None:
    await door.send_str(msgspec.json.encode(happened).decode())
