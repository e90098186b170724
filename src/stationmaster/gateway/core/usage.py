"""What an answer cost in tokens, read from a copy of it: from a whole body, from its end, from a stream's events. Owns
where usage stands. May not know prices, keys or sockets.

Answers are read by their dialect's types, which is fast. What is not as those have it is read again (`reread`), for
what can be read of it.
"""

from collections.abc import Callable, Sequence

import msgspec

from stationmaster.gateway.core import reread
from stationmaster.gateway.core.endpoints import Meter
from stationmaster.gateway.core.lenient import REFUSED
from stationmaster.gateway.core.replies import Reply
from stationmaster.gateway.core.reread import TERMINAL
from stationmaster.gateway.core.stated import (
    Chat,
    Converse,
    Counts,
    Gemini,
    GeminiSound,
    Invoked,
    Messages,
    Responses,
    of_chat,
    of_converse,
    of_counts,
    of_gemini,
    of_invoked,
    of_messages,
    of_responses,
)
from stationmaster.gateway.core.tokens import Source, Tokens
from stationmaster.gateway.core.wire import Headers

_decode = msgspec.json.decode


class _ChatBody(msgspec.Struct):
    usage: Chat | None = None


class _ResponsesBody(msgspec.Struct):
    usage: Responses | None = None


class _MessagesBody(msgspec.Struct):
    usage: Messages | None = None


class _GeminiBody(msgspec.Struct, rename="camel"):
    usage_metadata: Gemini | None = None


class _GeminiSoundBody(msgspec.Struct, rename="camel"):
    usage_metadata: GeminiSound | None = None


class _ConverseBody(msgspec.Struct):
    usage: Converse | None = None


class _InvokedBody(msgspec.Struct):
    usage: Invoked | None = None


_chat_body = msgspec.json.Decoder(_ChatBody).decode
_responses_body = msgspec.json.Decoder(_ResponsesBody).decode
_messages_body = msgspec.json.Decoder(_MessagesBody).decode
_gemini_body = msgspec.json.Decoder(_GeminiBody).decode
_gemini_list = msgspec.json.Decoder(list[_GeminiBody]).decode
_converse_body = msgspec.json.Decoder(_ConverseBody).decode
_invoked_body = msgspec.json.Decoder(_InvokedBody).decode
_gemini_sound_body = msgspec.json.Decoder(_GeminiSoundBody).decode
_gemini_sound_list = msgspec.json.Decoder(list[_GeminiSoundBody]).decode


_CHAT, _RESPONSES, _MESSAGES, _GEMINI = Meter.CHAT, Meter.RESPONSES, Meter.MESSAGES, Meter.GEMINI


def of_body(meter: Meter, body: bytes) -> Tokens | None:
    """The usage that a whole JSON answer states, or None when it states none that can be read."""
    try:
        if meter is _CHAT:
            chat = _chat_body(body).usage
            return of_chat(chat) if chat else None
        if meter is _RESPONSES:
            responses = _responses_body(body).usage
            return of_responses(responses) if responses and responses.type != "duration" else None
        if meter is _MESSAGES:
            messages = _messages_body(body).usage
            return of_messages(messages) if messages else None
        return _of_gemini_body(body) if meter is _GEMINI else _of_bedrock_body(meter, body)
    except REFUSED:
        return reread.of_body(meter, body).tokens


def _of_bedrock_body(meter: Meter, body: bytes) -> Tokens | None:
    if meter is Meter.CONVERSE:
        conversed = _converse_body(body).usage
        return of_converse(conversed) if conversed else None
    invoked = _invoked_body(body).usage if meter is Meter.INVOKE else None
    return of_invoked(invoked) if invoked else None


_COUNT = "x-amzn-bedrock-{}-token-count"
_FIELDS = {_COUNT.format(kind.replace("_", "-")).encode(): f"{kind}_token_count"
           for kind in ("input", "output", "cache_read_input", "cache_write_input")}


def of_fields(fields: Headers) -> Tokens | None:
    """The usage that Bedrock states in an answer's head, whatever its model writes."""
    stated = {_FIELDS[name]: int(text) for name, text in fields if name in _FIELDS and text.isdigit() and len(text) < 16}
    return of_counts(Counts(**stated))


def of_tail(meter: Meter, tail: bytes) -> Tokens | None:
    """The usage stated in the last part of a JSON answer too large to keep."""
    return reread.of_tail(meter, tail).tokens


def unread(meter: Meter, body: bytes, request_bytes: int, *, reply: Reply | None = None, size: int = 0,
           cut: bool = False) -> tuple[Tokens | None, Source]:
    """What to book for a whole answer in which no usage was read: what its head states; else nothing, or if there is usage
    that cannot be read an estimate. `cut`: `body` is the end of an answer of `size` bytes."""
    tokens = of_fields(reply.fields()) if meter is Meter.INVOKE and reply is not None else None
    if tokens is not None:
        return tokens, "upstream_final"
    if (reread.of_tail if cut else reread.of_body)(meter, body).unreadable:
        return by_size(request_bytes, size or len(body)), "estimated"
    return None, "none"


def by_size(request_bytes: int, answer_bytes: int) -> Tokens:
    """What the bytes of a request and a JSON answer suggest: a quarter token each."""
    return Tokens(input=request_bytes // 4, output=answer_bytes // 4)


_SOUND = b'"AUDIO"'      # Gemini says of what modality each count is; only where this stands they are read


def _of_gemini_body(body: bytes) -> Tokens | None:
    """One object, or without `alt=sse` the whole stream as one array, whose last usage counts."""
    several = body.lstrip()[:1] == b"["
    frames: Sequence[_GeminiBody | _GeminiSoundBody]
    if body.find(_SOUND) < 0:
        frames = _gemini_list(body) if several else [_gemini_body(body)]
    else:
        frames = _gemini_sound_list(body) if several else [_gemini_sound_body(body)]
    counted = [frame.usage_metadata for frame in frames if frame.usage_metadata]
    return of_gemini(counted[-1]) if counted else None


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    finish_reason: str | None = None


class _Event(msgspec.Struct, rename="camel"):
    """The members of any dialect's stream event that matter to us."""

    type: str = ""
    choices: list[_Choice] | None = None
    candidates: list[_Candidate] | None = None
    prompt_feedback: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    response: msgspec.Raw = msgspec.Raw()     # empty: absent
    message: msgspec.Raw = msgspec.Raw()
    usage: msgspec.Raw = msgspec.Raw()
    usage_metadata: Gemini | None = None


class _Usage(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw()


class _ResponseObject(msgspec.Struct):
    id: str = ""
    usage: Responses | None = None


_event = msgspec.json.Decoder(_Event).decode
_response_object = msgspec.json.Decoder(_ResponseObject).decode
_chat_usage = msgspec.json.Decoder(Chat | None).decode
_messages_usage = msgspec.json.Decoder(Messages | None).decode

_NULL = b"null"


def _told(member: msgspec.Raw) -> bool:
    """Whether a member that an event has is not null."""
    return bytes(member) != _NULL


def _chat_matters(event: bytes) -> bool:
    """Nearly all chunks say that they are not the last, and usage, if at all, as null; both stand near the end."""
    if event.rfind(b'"finish_reason":null') < 0:
        return True
    at = event.rfind(b'"usage"')
    return at >= 0 and not event.startswith(b":null", at + len(b'"usage"'))


# `find`, for `in` is slower: CPython tries an int first.
def _responses_matters(event: bytes) -> bool:
    return (
        event.find(b'"response"') >= 0 or event.find(b'"usage"') >= 0 or event.find(b'"error"') >= 0
        or event.find(b'"encrypted_content"') >= 0
    )


def _messages_matters(event: bytes) -> bool:
    return event.find(b'"message_') >= 0 or event.find(b'"error"') >= 0


# Whether one event has to be read. Inside a JSON string the quotes would be escaped, so no text passes for a member.
_MATTERS: dict[str, Callable[[bytes], bool]] = {
    Meter.CHAT.value: _chat_matters,
    Meter.RESPONSES.value: _responses_matters,
    Meter.MESSAGES.value: _messages_matters,
    Meter.GEMINI.value: bool,
    **dict.fromkeys((Meter.NONE.value, Meter.INVOKE.value, Meter.CONVERSE.value), lambda _event: False),   # `framed` reads these
}


class StreamUsage:
    """Reads usage off a stream's events as they pass. One a stream; `see` takes an event's data bytes.

    `matters` tells cheaply whether a single event has to be seen at all. `broken_off` says that the dialect's
    stream began and its terminal event never came, so that a clean end is none.
    """

    __slots__ = ("_meter", "_parts", "began", "deltas", "ended", "final", "matters", "response_id", "tokens", "unreadable")

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._parts = Messages()
        self.matters = _MATTERS[meter.value]
        self.deltas = 0
        self.began = False
        self.ended = False
        self.final = False
        self.response_id = ""
        self.tokens: Tokens | None = None
        self.unreadable = False     # usage was stated in which no number could be read

    @property
    def broken_off(self) -> bool:
        """Whether the stream may not end here."""
        return (self.began or (self._meter is _CHAT and self.deltas > 0)) and not self.ended

    def see(self, data: bytes) -> bool:
        """Take one event's data. True: it is OpenAI Chat's extra usage chunk (usage and no choices, whatever else)."""
        if data == b"[DONE]":
            self.ended = True
            return False
        try:
            return self._see(_event(data), data)
        except REFUSED:
            return self._see_again(data)

    def _see(self, event: _Event, data: bytes) -> bool:
        if event.error and _told(event.error):
            self.ended = True      # the vendor said itself that this is the end
        if self._meter is _CHAT:
            return self._see_chat(event)
        if self._meter is _RESPONSES:
            self._see_responses(event)
        elif self._meter is _MESSAGES:
            self._see_messages(event)
        elif self._meter is _GEMINI:
            self._see_gemini(event, data)
        return False

    def _see_chat(self, event: _Event) -> bool:
        if any(choice.finish_reason for choice in event.choices or []):
            self.ended = True
        usage = _chat_usage(event.usage) if event.usage else None
        if usage is None:
            return False
        self.tokens, self.final = of_chat(usage), True
        return not event.choices and not (event.error and _told(event.error))

    def _see_responses(self, event: _Event) -> None:
        self.ended = self.ended or event.type in TERMINAL
        if event.response:
            self.began = True
            response = _response_object(event.response)
            self.response_id = response.id
            if event.type in TERMINAL and response.usage is not None:
                self.tokens, self.final = of_responses(response.usage), True
        elif event.usage:  # audio and image streams state it beside their terminal event's type
            usage = _decode(event.usage, type=Responses)
            if usage.type != "duration":
                self.tokens, self.final = of_responses(usage), True

    def _see_messages(self, event: _Event) -> None:
        """`message_start` states the input, `message_delta` restates what changed: overwrite, never add."""
        self.began = True
        self.ended = self.ended or event.type == "message_stop"
        stated = event.usage
        if event.message:
            stated = _decode(event.message, type=_Usage).usage
        usage = _messages_usage(stated) if stated else None
        if usage is not None:
            self._restate(usage, event.type)

    def _restate(self, usage: Messages, kind: str) -> None:
        for field in usage.__struct_fields__:
            if getattr(usage, field) is not None:
                setattr(self._parts, field, getattr(usage, field))
        self.tokens = of_messages(self._parts)
        self.final = self.final or kind == "message_delta"

    def _see_gemini(self, event: _Event, data: bytes) -> None:
        """Every frame restates the usage so far; the last one has a reason to finish."""
        self.began = True
        usage = event.usage_metadata if data.find(_SOUND) < 0 else _gemini_sound_body(data).usage_metadata
        if usage is not None:
            self.tokens, self.final = of_gemini(usage), True
        if event.prompt_feedback and _told(event.prompt_feedback):
            self.ended = True
        if any(candidate.finish_reason for candidate in event.candidates or []):
            self.ended = True

    def _see_again(self, data: bytes) -> bool:
        """An event that is not as its dialect's types have it."""
        said = reread.of_event(self._meter, data)
        if said is None:
            return False
        self.began, self.ended = self.began or said.began, self.ended or said.ended
        self.response_id = said.response_id or self.response_id
        if self._meter is _MESSAGES:
            self._take_parts(said)
        else:
            self._take(reread.of_stated(self._meter, said.stated))
        return said.extra

    def _take(self, reading: reread.Reading) -> None:
        """What came last counts: where that cannot be read, what came before is not final."""
        if reading.tokens is not None:
            self.tokens, self.final = reading.tokens, True
        elif reading.unreadable:
            self.unreadable, self.final = True, False

    def _take_parts(self, said: reread.Said) -> None:
        usage = reread.messages_of(said.stated)
        if usage is not None:
            self._restate(usage, said.kind)
        elif said.stated is not None:
            self.unreadable, self.final = True, False


def settle(meter: Meter, seen: StreamUsage, *, whole: bool, request_bytes: int) -> tuple[Tokens | None, Source]:
    """What to book for a stream that ended, `whole` or cut.

    A cut stream without its final numbers, and one whose numbers cannot be read, is booked as an estimate: a quarter
    token a request byte for input that the vendor did not state, one token a delta for output. Both are rough, hence
    the source.
    """
    if meter is Meter.NONE:
        return None, "none"
    if seen.tokens is not None and whole and seen.final:
        return seen.tokens, "upstream_final"
    if meter is Meter.GEMINI and seen.tokens is not None:
        return seen.tokens, "upstream_partial"
    if seen.tokens is not None and seen.final:
        return seen.tokens, "upstream_final" if meter is not Meter.MESSAGES else "upstream_partial"
    if seen.tokens is None and whole and not seen.unreadable:
        return None, "none"
    return _estimate(seen, request_bytes), "estimated"


def _estimate(seen: StreamUsage, request_bytes: int) -> Tokens:
    if seen.tokens is not None:  # Anthropic: the input is exact from message_start
        return msgspec.structs.replace(seen.tokens, output=max(seen.tokens.output, seen.deltas))
    return Tokens(input=request_bytes // 4, output=seen.deltas)
