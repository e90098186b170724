"""What an answer cost in tokens, read from a copy of it. Owns: each dialect's usage fields (their API
references). May not know prices, keys or sockets.

Every reader normalises to one `Tokens`: input without cache, cache read, cache write, output, reasoning
(a part of output). Where some of them are sound, or were written to the cache for an hour, it is a `DetailedTokens`.
"""

import json
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from stationmaster.gateway.core.endpoints import Meter

Source = Literal["upstream_final", "upstream_partial", "estimated", "none"]

_decode = msgspec.json.decode
_MOST = 2**53                    # what every reader of JSON takes; no request has so many tokens
_scanner = json.JSONDecoder()


class Tokens(msgspec.Struct, frozen=True):
    """Token counts of one request, by kind. `reasoning` is included in `output`."""

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        """All of them together."""
        return self.input + self.cache_read + self.cache_write + self.output


class DetailedTokens(Tokens, frozen=True):
    """Tokens of which some have a price that few requests meet: of each kind those of the sort behind its name.

    They are parts of `cache_write`, `input`, `cache_read` and `output`, as `reasoning` is one of `output`. One of them
    is not 0: else it is plain `Tokens`, so that the usual request carries and costs no more for them.
    """

    cache_write_1h: int = 0
    input_audio: int = 0
    cache_read_audio: int = 0
    output_audio: int = 0


class _Details(msgspec.Struct):
    cached_tokens: int | None = 0
    cache_write_tokens: int | None = 0
    audio_tokens: int | None = 0


class _OutDetails(msgspec.Struct):
    reasoning_tokens: int | None = 0
    audio_tokens: int | None = 0


class _Chat(msgspec.Struct):
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _OutDetails | None = None


class _Responses(msgspec.Struct):
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    input_tokens_details: _Details | None = None
    output_tokens_details: _OutDetails | None = None
    input_token_details: _Details | None = None      # in the singular: transcriptions


class _Thinking(msgspec.Struct):
    thinking_tokens: int | None = 0


class _Written(msgspec.Struct):
    ephemeral_1h_input_tokens: int | None = 0


class _Iteration(msgspec.Struct):
    type: str = "message"
    input_tokens: int | None = 0
    cache_creation_input_tokens: int | None = 0
    cache_read_input_tokens: int | None = 0
    output_tokens: int | None = 0
    cache_creation: _Written | None = None


class _Messages(msgspec.Struct):
    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens: int | None = None
    output_tokens_details: _Thinking | None = None
    cache_creation: _Written | None = None
    iterations: list[_Iteration] | None = None


class _Gemini(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = 0
    cached_content_token_count: int | None = 0
    candidates_token_count: int | None = 0
    thoughts_token_count: int | None = 0
    tool_use_prompt_token_count: int | None = 0


class _Modality(msgspec.Struct, rename="camel"):
    modality: str = ""
    token_count: int | None = 0


class _GeminiSound(_Gemini, rename="camel"):
    """The same where some of it is sound."""

    prompt_tokens_details: list[_Modality] | None = None
    cache_tokens_details: list[_Modality] | None = None
    candidates_tokens_details: list[_Modality] | None = None
    tool_use_prompt_tokens_details: list[_Modality] | None = None


def _tokens(fresh: int, cache_read: int, cache_write: int, output: int, reasoning: int) -> Tokens:
    """Nobody is paid back: what a vendor states below nothing counts as nothing."""
    if (
        fresh < 0 or cache_read < 0 or cache_write < 0 or output < 0 or reasoning < 0
        or fresh + cache_read + cache_write + output + reasoning > _MOST
    ):
        return Tokens(_sane(fresh), _sane(cache_read), _sane(cache_write), _sane(output), _sane(reasoning))
    return Tokens(fresh, cache_read, cache_write, output, reasoning)


def _sane(count: int) -> int:
    return 0 if count < 0 else min(count, _MOST)


def with_sound(tokens: Tokens, heard: int, spoken: int, heard_cached: int | None = None) -> Tokens:
    """`tokens` of which so many are sound: `heard` of all input, cached or not, and `spoken` of the output.

    Where the vendor does not say how many of the cached ones are sound, what was cached is text first: the dearer
    reading, so that a budget is never passed unseen.
    """
    stated = heard - tokens.input if heard_cached is None else heard_cached
    cached = max(0, min(stated, heard, tokens.cache_read))
    fresh = max(0, min(heard - cached, tokens.input))
    return _detailed(tokens, input_audio=fresh, cache_read_audio=cached, output_audio=max(0, min(spoken, tokens.output)))


def _detailed(tokens: Tokens, **parts: int) -> Tokens:
    return DetailedTokens(*msgspec.structs.astuple(tokens), **parts) if any(parts.values()) else tokens


def added(one: Tokens, other: Tokens) -> Tokens:
    """Both together, kind by kind, no more than 2**53 of each."""
    sums = {kind: _sane(getattr(one, kind, 0) + getattr(other, kind, 0)) for kind in DetailedTokens.__struct_fields__}
    return _detailed(Tokens(*(sums.pop(kind) for kind in Tokens.__struct_fields__)), **sums)


def _openai_tokens(total_in: int | None, total_out: int | None, details: _Details | None,
                   out: _OutDetails | None) -> Tokens:
    cached = written = heard = reasoning = spoken = 0
    if details:
        cached, written, heard = details.cached_tokens or 0, details.cache_write_tokens or 0, details.audio_tokens or 0
    if out:
        reasoning, spoken = out.reasoning_tokens or 0, out.audio_tokens or 0
    tokens = _tokens((total_in or 0) - cached - written, cached, written, total_out or 0, reasoning)
    return with_sound(tokens, heard, spoken) if heard or spoken else tokens


def _chat(usage: _Chat) -> Tokens:
    return _openai_tokens(usage.prompt_tokens, usage.completion_tokens, usage.prompt_tokens_details,
                          usage.completion_tokens_details)


def _responses(usage: _Responses) -> Tokens:
    return _openai_tokens(usage.input_tokens, usage.output_tokens, usage.input_tokens_details or usage.input_token_details,
                          usage.output_tokens_details)


def _gemini(usage: _Gemini) -> Tokens:
    cached, thoughts = usage.cached_content_token_count or 0, usage.thoughts_token_count or 0
    prompt = (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
    tokens = _tokens(prompt - cached, cached, 0, (usage.candidates_token_count or 0) + thoughts, thoughts)
    return _gemini_sound(usage, tokens) if type(usage) is _GeminiSound else tokens


def _gemini_sound(usage: _GeminiSound, tokens: Tokens) -> Tokens:
    """The prompt's details include what was cached of it, as its count does (Gemini API reference, UsageMetadata)."""
    heard = _sound_in(usage.prompt_tokens_details) + _sound_in(usage.tool_use_prompt_tokens_details)
    cached = None if usage.cache_tokens_details is None else _sound_in(usage.cache_tokens_details)
    return with_sound(tokens, heard, _sound_in(usage.candidates_tokens_details), cached)


def _sound_in(details: list[_Modality] | None) -> int:
    return sum(part.token_count or 0 for part in details or () if part.modality == "AUDIO")


def _messages(usage: _Messages) -> Tokens:
    """Anthropic: input excludes the cache. Of what was written to it, the hour-long part is stated beside."""
    counted = _summed(usage, usage.iterations) if usage.iterations else usage
    thinking = (usage.output_tokens_details.thinking_tokens or 0) if usage.output_tokens_details else 0
    written = counted.cache_creation_input_tokens or 0
    tokens = _tokens(counted.input_tokens or 0, counted.cache_read_input_tokens or 0, written, counted.output_tokens or 0,
                     thinking)
    hourly = (counted.cache_creation.ephemeral_1h_input_tokens or 0) if counted.cache_creation else 0
    return _detailed(tokens, cache_write_1h=max(0, min(hourly, tokens.cache_write))) if hourly else tokens


_EXECUTOR = ("message", "compaction")


def _summed(usage: _Messages, steps: list[_Iteration]) -> _Messages:
    """With `iterations`, the top level leaves compaction out, so the executor's iterations are summed; a fallback
    message makes the top level whole again."""
    rounds = [step for step in steps if step.type in _EXECUTOR]
    if not rounds or any(step.type == "fallback_message" for step in steps):
        return usage
    hourly = [step.cache_creation.ephemeral_1h_input_tokens or 0 for step in rounds if step.cache_creation]
    return _Messages(
        input_tokens=sum(step.input_tokens or 0 for step in rounds),
        cache_read_input_tokens=sum(step.cache_read_input_tokens or 0 for step in rounds),
        cache_creation_input_tokens=sum(step.cache_creation_input_tokens or 0 for step in rounds),
        output_tokens=sum(step.output_tokens or 0 for step in rounds),
        cache_creation=_Written(sum(hourly)) if hourly else usage.cache_creation,
    )


class _ChatBody(msgspec.Struct):
    usage: _Chat | None = None


class _ResponsesBody(msgspec.Struct):
    usage: _Responses | None = None


class _MessagesBody(msgspec.Struct):
    usage: _Messages | None = None


class _GeminiBody(msgspec.Struct, rename="camel"):
    usage_metadata: _Gemini | None = None


class _GeminiSoundBody(msgspec.Struct, rename="camel"):
    usage_metadata: _GeminiSound | None = None


_chat_body = msgspec.json.Decoder(_ChatBody).decode
_responses_body = msgspec.json.Decoder(_ResponsesBody).decode
_messages_body = msgspec.json.Decoder(_MessagesBody).decode
_gemini_body = msgspec.json.Decoder(_GeminiBody).decode
_gemini_list = msgspec.json.Decoder(list[_GeminiBody]).decode
_gemini_sound_body = msgspec.json.Decoder(_GeminiSoundBody).decode
_gemini_sound_list = msgspec.json.Decoder(list[_GeminiSoundBody]).decode


_CHAT, _RESPONSES, _MESSAGES, _GEMINI = Meter.CHAT, Meter.RESPONSES, Meter.MESSAGES, Meter.GEMINI


def of_body(meter: Meter, body: bytes) -> Tokens | None:
    """The usage that a whole JSON answer states, or None when it states none that can be read."""
    try:
        if meter is _CHAT:
            chat = _chat_body(body).usage
            return _chat(chat) if chat else None
        if meter is _RESPONSES:
            responses = _responses_body(body).usage
            return _responses(responses) if responses else None
        if meter is _MESSAGES:
            messages = _messages_body(body).usage
            return _messages(messages) if messages else None
        return _of_gemini_body(body) if meter is _GEMINI else None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


_MARKS = (b'"usage":', b'"usageMetadata":', b'"usage" :', b'"usageMetadata" :')


def of_tail(meter: Meter, tail: bytes) -> Tokens | None:
    """The usage stated in the last part of a JSON answer too large to keep. Every vendor writes it behind the
    content. Inside a JSON string its quotes would be escaped, so that no text can pass for it."""
    at = max(tail.rfind(mark) for mark in _MARKS)
    if at < 0:
        return None
    try:
        text = tail[at:].decode("utf-8", "replace")
        stated, _ = _scanner.raw_decode(text, text.index("{"))
    except ValueError:
        return None
    name = "usageMetadata" if meter is Meter.GEMINI else "usage"
    return of_body(meter, msgspec.json.encode({name: stated}))


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
    return _gemini(counted[-1]) if counted else None


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
    usage_metadata: _Gemini | None = None


class _Usage(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw()


class _ResponseObject(msgspec.Struct):
    id: str = ""
    usage: _Responses | None = None


_event = msgspec.json.Decoder(_Event).decode
_response_object = msgspec.json.Decoder(_ResponseObject).decode
_chat_usage = msgspec.json.Decoder(_Chat | None).decode
_messages_usage = msgspec.json.Decoder(_Messages | None).decode

_TERMINAL = ("response.completed", "response.incomplete", "response.failed", "error")

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
    Meter.NONE.value: lambda _event: False,
}


class StreamUsage:
    """Reads usage off a stream's events as they pass. One a stream; `see` takes an event's data bytes.

    `matters` tells cheaply whether a single event has to be seen at all. `broken_off` says that the dialect's
    stream began and its terminal event never came, so that a clean end is none.
    """

    __slots__ = ("_meter", "_parts", "began", "deltas", "ended", "final", "matters", "response_id", "tokens")

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._parts = _Messages()
        self.matters = _MATTERS[meter.value]
        self.deltas = 0
        self.began = False
        self.ended = False
        self.final = False
        self.response_id = ""
        self.tokens: Tokens | None = None

    @property
    def broken_off(self) -> bool:
        """Whether the stream may not end here."""
        return (self.began or (self._meter is _CHAT and self.deltas > 0)) and not self.ended

    def see(self, data: bytes) -> bool:
        """Take one event's data. True: it is OpenAI Chat's extra usage chunk (no choices, only usage)."""
        if data == b"[DONE]":
            self.ended = True
            return False
        try:
            return self._see(_event(data), data)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return False

    def _see(self, event: _Event, data: bytes) -> bool:
        if event.error:
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
        self.tokens, self.final = _chat(usage), True
        return event.choices is not None and not event.choices

    def _see_responses(self, event: _Event) -> None:
        self.ended = self.ended or event.type in _TERMINAL
        if event.response:
            self.began = True
            response = _response_object(event.response)
            self.response_id = response.id
            if event.type in _TERMINAL and response.usage is not None:
                self.tokens, self.final = _responses(response.usage), True
        elif event.usage:  # audio and image streams state it beside their terminal event's type
            self.tokens, self.final = _responses(_decode(event.usage, type=_Responses)), True

    def _see_messages(self, event: _Event) -> None:
        """`message_start` states the input, `message_delta` restates what changed: overwrite, never add."""
        self.began = True
        self.ended = self.ended or event.type == "message_stop"
        stated = event.usage
        if event.message:
            stated = _decode(event.message, type=_Usage).usage
        usage = _messages_usage(stated) if stated else None
        if usage is None:
            return
        for field in usage.__struct_fields__:
            if getattr(usage, field) is not None:
                setattr(self._parts, field, getattr(usage, field))
        self.tokens = _messages(self._parts)
        self.final = self.final or event.type == "message_delta"

    def _see_gemini(self, event: _Event, data: bytes) -> None:
        """Every frame restates the usage so far; the last one has a reason to finish."""
        self.began = True
        usage = event.usage_metadata if data.find(_SOUND) < 0 else _gemini_sound_body(data).usage_metadata
        if usage is not None:
            self.tokens, self.final = _gemini(usage), True
        if event.prompt_feedback or any(candidate.finish_reason for candidate in event.candidates or []):
            self.ended = True


def settle(meter: Meter, seen: StreamUsage, *, whole: bool, request_bytes: int) -> tuple[Tokens | None, Source]:
    """What to book for a stream that ended, `whole` or cut.

    A cut stream without its final numbers is booked as an estimate: a quarter token a request byte for
    input that the vendor did not state, one token a delta for output. Both are rough, hence the source.
    """
    if meter is Meter.NONE:
        return None, "none"
    if seen.tokens is not None and whole and seen.final:
        return seen.tokens, "upstream_final"
    if meter is Meter.GEMINI and seen.tokens is not None:
        return seen.tokens, "upstream_partial"
    if seen.tokens is not None and seen.final:
        return seen.tokens, "upstream_final" if meter is not Meter.MESSAGES else "upstream_partial"
    if seen.tokens is None and whole:
        return None, "none"
    return _estimate(seen, request_bytes), "estimated"


def _estimate(seen: StreamUsage, request_bytes: int) -> Tokens:
    if seen.tokens is not None:  # Anthropic: the input is exact from message_start
        return msgspec.structs.replace(seen.tokens, output=max(seen.tokens.output, seen.deltas))
    return Tokens(input=request_bytes // 4, output=seen.deltas)
