"""The second reading of answers whose usage, or what stands beside it, is not as the dialect's reference has it. Owns
what they say all the same. May not know prices, keys or sockets.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from stationmaster.gateway.core import lenient
from stationmaster.gateway.core.endpoints import Meter
from stationmaster.gateway.core.lenient import members
from stationmaster.gateway.core.stated import (
    Chat,
    Converse,
    GeminiSound,
    Invoked,
    Messages,
    Responses,
    of_chat,
    of_converse,
    of_gemini,
    of_invoked,
    of_messages,
    of_responses,
)
from stationmaster.gateway.core.tokens import Tokens

TERMINAL = ("response.completed", "response.incomplete", "response.failed", "error")     # of a Responses stream


class Reading(msgspec.Struct, frozen=True):
    """What is stated. `unreadable`: there is usage, and no number in it."""

    tokens: Tokens | None = None
    unreadable: bool = False


_NOTHING, _UNREADABLE = Reading(), Reading(unreadable=True)


class _Dialect(msgspec.Struct, frozen=True):
    """`totals`: members of which one has to be a number. Details are parts of them."""

    member: str
    kind: type[Any]
    totals: tuple[str, ...]
    tokens: Callable[[Any], Tokens]


_IN_OUT = ("input_tokens", "output_tokens")
_KINDS = (*_IN_OUT, "cache_read_input_tokens", "cache_creation_input_tokens")
_CONVERSED = ("inputTokens", "outputTokens")
_COUNTS = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount")
_DIALECTS = {
    Meter.CHAT: _Dialect("usage", Chat, ("prompt_tokens", "completion_tokens"), of_chat),
    Meter.RESPONSES: _Dialect("usage", Responses, _IN_OUT, of_responses),
    Meter.MESSAGES: _Dialect("usage", Messages, _KINDS, of_messages),
    Meter.GEMINI: _Dialect("usageMetadata", GeminiSound, _COUNTS, of_gemini),
    Meter.CONVERSE: _Dialect("usage", Converse, _CONVERSED, of_converse),
    Meter.INVOKE: _Dialect("usage", Invoked, (*_KINDS, *_CONVERSED, "prompt_tokens", "completion_tokens"), of_invoked),
}


def of_stated(meter: Meter, stated: object) -> Reading:
    """What a `usage` (`usageMetadata`) says; None where an answer has none."""
    dialect = _DIALECTS.get(meter)
    if dialect is None or stated is None or members(stated).get("type") == "duration":    # paid by the second
        return _NOTHING
    usage = lenient.read(dialect.kind, stated, dialect.totals)
    return Reading(dialect.tokens(usage)) if usage is not None else _UNREADABLE


def messages_of(stated: object) -> Messages | None:
    """Anthropic's usage before it is counted: in a stream it comes in parts. None: nothing in it can be read."""
    return lenient.read(Messages, stated, _KINDS)


def of_body(meter: Meter, body: bytes) -> Reading:
    """What a whole JSON answer states. Nothing, if it is no JSON."""
    dialect = _DIALECTS.get(meter)
    if dialect is None or body.find(b'"%b"' % dialect.member.encode()) < 0:
        return _NOTHING
    try:
        value = lenient.loads(body)
    except RecursionError:      # something in it is too deep, which usage is not
        return of_tail(meter, body)
    except ValueError:
        return _NOTHING
    frames = value if isinstance(value, list) and meter is Meter.GEMINI else [value]
    return _last([of_stated(meter, members(frame).get(dialect.member)) for frame in frames])


def _last(readings: list[Reading]) -> Reading:
    """Of frames that each restate the usage so far the last that says something."""
    counted = [reading for reading in readings if reading.tokens is not None]
    return counted[-1] if counted else _UNREADABLE if _UNREADABLE in readings else _NOTHING


def of_tail(meter: Meter, tail: bytes) -> Reading:
    """What the last part of a JSON answer states. Every vendor writes usage behind the content. Inside a JSON string
    its quotes would be escaped, so that no text can pass for it."""
    dialect = _DIALECTS.get(meter)
    if dialect is None:
        return _NOTHING
    marks = [b'"%b"%b:' % (dialect.member.encode(), space) for space in (b"", b" ")]
    at, mark = max((tail.rfind(mark), mark) for mark in marks)
    if at < 0:
        return _NOTHING
    try:
        return of_stated(meter, lenient.first(tail[at + len(mark) :]))
    except (ValueError, RecursionError):
        return _NOTHING


class Said(msgspec.Struct, frozen=True):
    """One event of a stream. `stated` is its usage as it stands there, None: it has none; `extra`: Chat's chunk of
    usage and nothing else."""

    kind: str = ""
    began: bool = True
    ended: bool = False
    response_id: str = ""
    stated: object = None
    extra: bool = False


def of_event(meter: Meter, data: bytes) -> Said | None:
    """What a stream's event says of where the stream stands, and of usage. None: it is no JSON object."""
    try:
        event = lenient.loads(data)
    except (ValueError, RecursionError):
        return None
    reads = _EVENTS.get(meter)
    return reads(event) if reads is not None and isinstance(event, dict) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _finished(parts: object, name: str) -> bool:
    return isinstance(parts, list) and any(members(part).get(name) for part in parts)


def _of_chat(event: dict[str, Any]) -> Said:
    failed, choices, usage = event.get("error") is not None, event.get("choices"), event.get("usage")
    extra = usage is not None and not choices and not failed
    return Said(began=False, ended=failed or _finished(choices, "finish_reason"), stated=usage, extra=extra)


def _of_responses(event: dict[str, Any]) -> Said:
    kind, response, stated = _text(event.get("type")), members(event.get("response")), event.get("usage")
    last = kind in TERMINAL
    if response:
        stated = response.get("usage") if last else None
    return Said(kind, bool(response), last or event.get("error") is not None, _text(response.get("id")), stated)


def _of_messages(event: dict[str, Any]) -> Said:
    kind, message = _text(event.get("type")), members(event.get("message"))
    ended = kind == "message_stop" or event.get("error") is not None
    return Said(kind, ended=ended, stated=message.get("usage") if message else event.get("usage"))


def _of_gemini(event: dict[str, Any]) -> Said:
    told = event.get("error") is not None or event.get("promptFeedback") is not None
    return Said(ended=told or _finished(event.get("candidates"), "finishReason"), stated=event.get("usageMetadata"))


_EVENTS: dict[Meter, Callable[[dict[str, Any]], Said]] = {
    Meter.CHAT: _of_chat,
    Meter.RESPONSES: _of_responses,
    Meter.MESSAGES: _of_messages,
    Meter.GEMINI: _of_gemini,
}
