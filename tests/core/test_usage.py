"""What an answer cost, in every dialect: whole, streamed, cut, and when the numbers are nonsense."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW
from stationmaster.gateway.core.endpoints import Meter
from stationmaster.gateway.core.sse import EventSplitter, data_of, events
from stationmaster.gateway.core.tokens import DetailedTokens, Tokens, added, with_sound
from stationmaster.gateway.core.usage import StreamUsage, of_body, of_tail, settle

CHAT = (
    b'{"id":"c","choices":[{}],"usage":{"prompt_tokens":20,"completion_tokens":9,"total_tokens":29,'
    b'"prompt_tokens_details":{"cached_tokens":8,"cache_write_tokens":2},"completion_tokens_details":{"reasoning_tokens":4}}}'
)
RESPONSES = (
    b'{"id":"resp_1","object":"response","usage":{"input_tokens":20,"input_tokens_details":{"cached_tokens":8},'
    b'"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":29}}'
)
MESSAGES = (
    b'{"id":"m","type":"message","usage":{"input_tokens":20,"cache_creation_input_tokens":5,"cache_read_input_tokens":8,'
    b'"output_tokens":9,"output_tokens_details":{"thinking_tokens":4},"cache_creation":{"ephemeral_5m_input_tokens":5}}}'
)
COMPACTED = (
    b'{"usage":{"input_tokens":10,"output_tokens":5,"cache_read_input_tokens":1,"iterations":['
    b'{"type":"compaction","input_tokens":900,"output_tokens":90,"cache_read_input_tokens":3,"cache_creation_input_tokens":4},'
    b'{"type":"message","input_tokens":10,"output_tokens":5,"cache_read_input_tokens":1}]}}'
)
ADVISED = (
    b'{"usage":{"input_tokens":10,"output_tokens":5,"iterations":[{"type":"message","input_tokens":10,"output_tokens":5},'
    b'{"type":"advisor_message","model":"other","input_tokens":700,"output_tokens":70}]}}'
)
FELL_BACK = (
    b'{"usage":{"input_tokens":33,"output_tokens":11,"iterations":[{"type":"message","input_tokens":10,"output_tokens":5},'
    b'{"type":"fallback_message","input_tokens":23,"output_tokens":6}]}}'
)
GEMINI = (
    b'{"candidates":[],"usageMetadata":{"promptTokenCount":20,"cachedContentTokenCount":8,"candidatesTokenCount":5,'
    b'"thoughtsTokenCount":4,"toolUsePromptTokenCount":3,"totalTokenCount":32}}'
)

BODIES: list[tuple[Meter, bytes, Tokens | None]] = [
    (Meter.CHAT, CHAT, Tokens(10, 8, 2, 9, 4)),
    (Meter.CHAT, b'{"object":"list","usage":{"prompt_tokens":7,"total_tokens":7}}', Tokens(7)),
    (Meter.CHAT, b'{"usage":{"prompt_tokens":null,"completion_tokens":null,"prompt_tokens_details":null}}', Tokens()),
    (Meter.CHAT, b'{"usage":null}', None),
    (Meter.CHAT, b"{}", None),
    (Meter.CHAT, b"[]", None),
    (Meter.CHAT, b"", None),
    (Meter.CHAT, b"<html>", None),
    (Meter.CHAT, CHAT[:-1], None),
    (Meter.CHAT, b'{"usage":5}', None),
    (Meter.CHAT, b'{"usage":{"prompt_tokens":"9"}}', None),
    (Meter.CHAT, b'{"usage":{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":9}}}', Tokens(0, 9)),
    (Meter.RESPONSES, RESPONSES, Tokens(12, 8, 0, 9, 4)),
    (Meter.RESPONSES, b'{"usage":null}', None),
    (
        Meter.RESPONSES,
        b'{"data":[],"usage":{"input_tokens":5,"output_tokens":6,"total_tokens":11}}',
        Tokens(5, 0, 0, 6),
    ),
    (Meter.MESSAGES, MESSAGES, Tokens(20, 8, 5, 9, 4)),
    (Meter.MESSAGES, COMPACTED, Tokens(910, 4, 4, 95)),
    (Meter.MESSAGES, ADVISED, Tokens(10, 0, 0, 5)),
    (Meter.MESSAGES, FELL_BACK, Tokens(33, 0, 0, 11)),
    (Meter.MESSAGES, b'{"usage":{"input_tokens":3,"output_tokens":4,"iterations":[]}}', Tokens(3, 0, 0, 4)),
    (Meter.MESSAGES, b'{"usage":{"input_tokens":3,"output_tokens":4,"iterations":null}}', Tokens(3, 0, 0, 4)),
    (Meter.GEMINI, GEMINI, Tokens(15, 8, 0, 9, 4)),
    (Meter.GEMINI, b"[" + b'{"usageMetadata":{"promptTokenCount":1}},' + GEMINI + b"]", Tokens(15, 8, 0, 9, 4)),
    (Meter.GEMINI, b" [ ] ", None),
    (Meter.GEMINI, b"{}", None),
    (Meter.GEMINI, b"[1]", None),
    (Meter.NONE, CHAT, None),
]


@pytest.mark.parametrize(
    ("meter", "body", "tokens"), BODIES, ids=[f"{meter.value}-{at}" for at, (meter, _, _) in enumerate(BODIES)]
)
def test_whole_answers(meter: Meter, body: bytes, tokens: Tokens | None) -> None:
    """Each kind of token is counted once; what cannot be read counts as nothing."""
    assert of_body(meter, body) == tokens


# What has a price of its own. Behind the five kinds: written for an hour, sound fresh, sound cached, sound out.


def chat_sound(prompt: int, cached: int, heard: object, out: int, spoken: object, reasoning: int = 0) -> bytes:
    """Chat's usage with sound in it."""
    return msgspec.json.encode({"usage": {
        "prompt_tokens": prompt, "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": heard},
        "completion_tokens": out, "completion_tokens_details": {"audio_tokens": spoken, "reasoning_tokens": reasoning},
    }})  # fmt: skip


def hourly(*written: object, **more: object) -> bytes:
    """Anthropic's usage: how much was written to the cache in all and, where it is said, for an hour."""
    split = {"cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": written[1]}} if written[1:] else {}
    usage = {"input_tokens": 20, "cache_read_input_tokens": 8, "cache_creation_input_tokens": written[0], "output_tokens": 9}
    return msgspec.json.encode({"usage": usage | split | more})


def gemini_sound(prompt: int, out: int, cached: int = 0, /, **sounds: int | None) -> bytes:
    """Gemini's usage; `sounds` are tokens of sound by the list's name, None for a list of text only."""
    lists = {
        f"{name}TokensDetails": [{"modality": "TEXT", "tokenCount": 1}]
        + ([{"modality": "AUDIO", "tokenCount": count}] if count is not None else [])
        for name, count in sounds.items()
    }
    usage = {"promptTokenCount": prompt, "candidatesTokenCount": out, "cachedContentTokenCount": cached}
    return msgspec.json.encode({"usageMetadata": usage | lists})


def step(kind: str, written: int, hour: int | None) -> dict[str, object]:
    """One of Anthropic's iterations."""
    split = {} if hour is None else {"cache_creation": {"ephemeral_1h_input_tokens": hour}}
    return {"type": kind, "input_tokens": 1, "cache_creation_input_tokens": written, "output_tokens": 1} | split


TRANSCRIBED = (
    b'{"text":"x","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":10,"audio_tokens":4},'
    b'"output_tokens":45,"total_tokens":59}}'
)
GEMINI_SOUND = gemini_sound(100, 50, 30, prompt=80, cache=25, candidates=40)
DETAILED: list[tuple[Meter, bytes, Tokens]] = [
    (Meter.CHAT, chat_sound(100, 0, 60, 50, 40), DetailedTokens(100, 0, 0, 50, 0, 0, 60, 0, 40)),
    (Meter.CHAT, chat_sound(100, 0, 0, 50, 40, 5), DetailedTokens(100, 0, 0, 50, 5, output_audio=40)),
    (Meter.CHAT, chat_sound(100, 30, 60, 50, 0), DetailedTokens(70, 30, 0, 50, input_audio=60)),       # text is cached first
    (Meter.CHAT, chat_sound(100, 30, 90, 50, 0), DetailedTokens(70, 30, 0, 50, input_audio=70, cache_read_audio=20)),
    (Meter.CHAT, chat_sound(100, 30, 999, 50, 999), DetailedTokens(70, 30, 0, 50, 0, 0, 70, 30, 50)),
    (Meter.CHAT, chat_sound(100, 30, 0, 50, 0), Tokens(70, 30, 0, 50)),
    (Meter.CHAT, chat_sound(100, 30, None, 50, None), Tokens(70, 30, 0, 50)),
    (Meter.CHAT, chat_sound(100, 30, -5, 50, -5), Tokens(70, 30, 0, 50)),
    (Meter.RESPONSES, TRANSCRIBED, DetailedTokens(14, 0, 0, 45, input_audio=4)),
    (Meter.RESPONSES, TRANSCRIBED.replace(b'"audio_tokens":4', b'"audio_tokens":0'), Tokens(14, 0, 0, 45)),
    (Meter.MESSAGES, hourly(5, 5), DetailedTokens(20, 8, 5, 9, cache_write_1h=5)),
    (Meter.MESSAGES, hourly(5, 3), DetailedTokens(20, 8, 5, 9, cache_write_1h=3)),
    (Meter.MESSAGES, hourly(5, 9), DetailedTokens(20, 8, 5, 9, cache_write_1h=5)),
    (Meter.MESSAGES, hourly(5, 0), Tokens(20, 8, 5, 9)),
    (Meter.MESSAGES, hourly(5, None), Tokens(20, 8, 5, 9)),
    (Meter.MESSAGES, hourly(5, -3), Tokens(20, 8, 5, 9)),
    (Meter.MESSAGES, hourly(5), Tokens(20, 8, 5, 9)),
    (Meter.MESSAGES, hourly(5, cache_creation=None), Tokens(20, 8, 5, 9)),
    (Meter.MESSAGES, hourly(0, 5), Tokens(20, 8, 0, 9)),
    (
        Meter.MESSAGES,
        hourly(5, 5, iterations=[step("compaction", 7, 6), step("message", 5, 5), step("advisor_message", 9, 9)]),
        DetailedTokens(2, 0, 12, 2, cache_write_1h=11),
    ),
    (
        Meter.MESSAGES,      # who says it at the top only is believed
        hourly(5, 5, iterations=[step("compaction", 7, None), step("message", 5, None)]),
        DetailedTokens(2, 0, 12, 2, cache_write_1h=5),
    ),
    (
        Meter.MESSAGES,
        hourly(5, 4, iterations=[step("message", 1, 1), step("fallback_message", 4, 3)]),
        DetailedTokens(20, 8, 5, 9, cache_write_1h=4),
    ),
    (Meter.GEMINI, GEMINI_SOUND, DetailedTokens(70, 30, 0, 50, 0, 0, 55, 25, 40)),
    (Meter.GEMINI, b'[{"usageMetadata":{"promptTokenCount":1}},%b]' % GEMINI_SOUND,
     DetailedTokens(70, 30, 0, 50, 0, 0, 55, 25, 40)),
    (Meter.GEMINI, b'[%b,{"usageMetadata":{"promptTokenCount":1}}]' % GEMINI_SOUND, Tokens(1)),
    (Meter.GEMINI, gemini_sound(100, 50, 30, prompt=80, cache=None), DetailedTokens(70, 30, 0, 50, input_audio=70)),
    (Meter.GEMINI, gemini_sound(100, 50, 30, prompt=80), DetailedTokens(70, 30, 0, 50, 0, 0, 70, 10)),
    (Meter.GEMINI, gemini_sound(100, 50, prompt=None, toolUsePrompt=7), DetailedTokens(100, 0, 0, 50, input_audio=7)),
    (Meter.GEMINI, gemini_sound(100, 50, prompt=None, candidates=None), Tokens(100, 0, 0, 50)),
    (Meter.GEMINI, gemini_sound(100, 50, prompt=0, candidates=0), Tokens(100, 0, 0, 50)),
    (Meter.GEMINI, gemini_sound(100, 50, prompt=-9, candidates=999), DetailedTokens(100, 0, 0, 50, output_audio=50)),
    (Meter.GEMINI, GEMINI.replace(b'"candidates":[]', b'"candidates":[{"content":{"parts":[{"text":"say \\"AUDIO\\""}]}}]'),
     Tokens(15, 8, 0, 9, 4)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("meter", "body", "tokens"), DETAILED, ids=[f"{meter.value}-{at}" for at, (meter, _, _) in enumerate(DETAILED)]
)
def test_what_has_a_price_of_its_own(meter: Meter, body: bytes, tokens: Tokens) -> None:
    """Sound and hour-long writes are counted as parts of their kinds, never more than those; where there are none, the
    counts are the plain ones. The end of a large answer says the same as the whole."""
    assert of_body(meter, body) == tokens
    if not body.startswith(b"["):
        assert of_tail(meter, b'"cut off ' + body) == tokens


_COUNTS = st.integers(-5, 200)
_TOKENS = st.builds(Tokens, *[st.integers(0, 100)] * 5)


def parts_of(tokens: Tokens) -> list[tuple[int, int]]:
    """Each part and its kind; plain tokens have none."""
    if not isinstance(tokens, DetailedTokens):
        return []
    return [(tokens.cache_write_1h, tokens.cache_write), (tokens.input_audio, tokens.input),
            (tokens.cache_read_audio, tokens.cache_read), (tokens.output_audio, tokens.output)]  # fmt: skip


@FEW
@given(_TOKENS, _COUNTS, _COUNTS, st.none() | _COUNTS)
def test_a_part_is_no_more_than_its_kind(tokens: Tokens, heard: int, spoken: int, cached: int | None) -> None:
    """Whatever a vendor says of sound: the kinds stay as they were, no part is above its kind or below nothing, and
    together they are what was heard if there is room for it."""
    made = with_sound(tokens, heard, spoken, cached)
    parts = parts_of(made)
    assert all(0 <= part <= kind for part, kind in parts)
    assert [getattr(made, kind) for kind in Tokens.__struct_fields__] == list(msgspec.structs.astuple(tokens))
    assert bool(parts) is any(part for part, _ in parts)
    if cached is None and parts:
        assert parts[1][0] + parts[2][0] == max(0, min(heard, tokens.input + tokens.cache_read))


@FEW
@given(_TOKENS, _TOKENS, _COUNTS, _COUNTS)
def test_a_sum_by_kind(one: Tokens, other: Tokens, heard: int, spoken: int) -> None:
    """Counts with and without parts add up kind by kind and part by part, in either order, to no more than 2**53."""
    sounding = with_sound(other, heard, spoken)
    both, names = added(one, sounding), DetailedTokens.__struct_fields__
    assert both == added(sounding, one)
    assert type(both) is type(sounding)
    assert [getattr(both, name, 0) for name in names] == [getattr(one, name, 0) + getattr(sounding, name, 0) for name in names]
    assert added(both, Tokens(2**53, 0, 0, 2**53)).input == 2**53


NONSENSE = (b"-5", b"1e3", b"99999999999999999999999999", b"1.5", b'"7"', b"true", b"[]", b"{}", b"NaN", b"0")


@pytest.mark.parametrize("number", NONSENSE)
@pytest.mark.parametrize(
    ("meter", "body", "field"),
    [
        (Meter.CHAT, b'{"usage":{"prompt_tokens":3,"completion_tokens":%b}}', "output"),
        (Meter.RESPONSES, b'{"usage":{"input_tokens":3,"output_tokens":%b}}', "output"),
        (Meter.MESSAGES, b'{"usage":{"input_tokens":%b,"output_tokens":3}}', "input"),
        (Meter.GEMINI, b'{"usageMetadata":{"promptTokenCount":3,"thoughtsTokenCount":%b}}', "output"),
    ],
)
def test_nonsense_is_never_booked_as_negative(number: bytes, meter: Meter, body: bytes, field: str) -> None:
    """A vendor's nonsense gives no count, or none below zero: it must never pay anything back."""
    tokens = of_body(meter, body % number)
    assert tokens is None or min(msgspec.structs.astuple(tokens)) >= 0
    seen = StreamUsage(meter)
    inner = body % number
    seen.see(b'{"type":"response.completed","response":' + inner + b"}" if meter is Meter.RESPONSES else inner)
    assert seen.tokens is None or min(msgspec.structs.astuple(seen.tokens)) >= 0


# Streams.


def stream(*members: dict[str, Any], end: bytes = b"") -> list[bytes]:
    """A stream's data lines."""
    return [msgspec.json.encode(member) for member in members] + ([end] if end else [])


START = {
    "type": "message_start",
    "message": {
        "id": "m",
        "usage": {
            "input_tokens": 20,
            "cache_read_input_tokens": 8,
            "cache_creation_input_tokens": 5,
            "output_tokens": 1,
        },
    },
}
DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}
FINAL = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn"},
    "usage": {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}},
}
CHUNK = {"id": "c", "choices": [{"index": 0, "delta": {"content": "x"}}], "usage": None}
USAGE = {
    "id": "c",
    "choices": [],
    "usage": {"prompt_tokens": 20, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 8}},
}
_STARTED_HOURLY = {"type": "message_start", "message": msgspec.json.decode(hourly(5, 3))}
_SPOKEN = {"id": "c", "choices": [], **msgspec.json.decode(chat_sound(100, 30, 60, 50, 40))}
_HEARD = {"type": "transcript.text.done", **msgspec.json.decode(TRANSCRIBED)}
CREATED = {"type": "response.created", "response": {"id": "resp_1", "usage": None}}
TEXT = {"type": "response.output_text.delta", "delta": "x"}


def _done(kind: str) -> dict[str, Any]:
    return {
        "type": kind,
        "response": {
            "id": "resp_1",
            "usage": {
                "input_tokens": 20,
                "output_tokens": 9,
                "input_tokens_details": {"cached_tokens": 8},
                "output_tokens_details": {"reasoning_tokens": 4},
            },
        },
    }


def frame(out: int, **more: int) -> dict[str, Any]:
    """A frame of a Gemini stream with so much output so far."""
    return {
        "candidates": [{}],
        "usageMetadata": {"promptTokenCount": 20, "cachedContentTokenCount": 8, "candidatesTokenCount": out, **more},
    }


WHOLE, CUT = True, False
STREAMS: list[tuple[str, Meter, list[bytes], bool, Tokens | None, str]] = [
    ("chat", Meter.CHAT, stream(CHUNK, CHUNK, USAGE, end=b"[DONE]"), WHOLE, Tokens(12, 8, 0, 9), "upstream_final"),
    ("chat-no-usage", Meter.CHAT, stream(CHUNK, CHUNK, end=b"[DONE]"), WHOLE, None, "none"),
    ("chat-cut", Meter.CHAT, stream(CHUNK, CHUNK), CUT, Tokens(100, 0, 0, 2), "estimated"),
    ("chat-cut-behind-usage", Meter.CHAT, stream(CHUNK, USAGE), CUT, Tokens(12, 8, 0, 9), "upstream_final"),
    (
        "chat-usage-each-time",
        Meter.CHAT,
        stream(
            {**CHUNK, "usage": {"prompt_tokens": 20, "completion_tokens": 1}},
            {**CHUNK, "usage": {"prompt_tokens": 20, "completion_tokens": 2}},
            end=b"[DONE]",
        ),
        WHOLE,
        Tokens(20, 0, 0, 2),
        "upstream_final",
    ),
    (
        "responses",
        Meter.RESPONSES,
        stream(CREATED, TEXT, _done("response.completed")),
        WHOLE,
        Tokens(12, 8, 0, 9, 4),
        "upstream_final",
    ),
    (
        "responses-incomplete",
        Meter.RESPONSES,
        stream(CREATED, _done("response.incomplete")),
        WHOLE,
        Tokens(12, 8, 0, 9, 4),
        "upstream_final",
    ),
    (
        "responses-failed",
        Meter.RESPONSES,
        stream(CREATED, {"type": "response.failed", "response": {"id": "resp_1", "usage": None}}),
        WHOLE,
        None,
        "none",
    ),
    ("responses-cut", Meter.RESPONSES, stream(CREATED, TEXT, TEXT), CUT, Tokens(100, 0, 0, 3), "estimated"),
    (
        "responses-usage-too-early",
        Meter.RESPONSES,
        stream(_done("response.in_progress"), TEXT),
        CUT,
        Tokens(100, 0, 0, 2),
        "estimated",
    ),
    (
        "images",
        Meter.RESPONSES,
        stream({"type": "image_generation.completed", "usage": {"input_tokens": 5, "output_tokens": 6}}),
        WHOLE,
        Tokens(5, 0, 0, 6),
        "upstream_final",
    ),
    (
        "messages",
        Meter.MESSAGES,
        stream(START, DELTA, FINAL, {"type": "message_stop"}),
        WHOLE,
        Tokens(20, 8, 5, 9, 4),
        "upstream_final",
    ),
    (
        "messages-restated",
        Meter.MESSAGES,
        stream(
            START,
            {**FINAL, "usage": {"input_tokens": 25, "output_tokens": 9}},
            {**FINAL, "usage": {"output_tokens": 11}},
        ),
        WHOLE,
        Tokens(25, 8, 5, 11),
        "upstream_final",
    ),
    (
        "messages-nulls",
        Meter.MESSAGES,
        stream(
            START, {**FINAL, "usage": {"input_tokens": None, "output_tokens": 9, "cache_read_input_tokens": None}}
        ),
        WHOLE,
        Tokens(20, 8, 5, 9),
        "upstream_final",
    ),
    (
        "messages-compacted",
        Meter.MESSAGES,
        stream(
            START,
            {
                **FINAL,
                "usage": {
                    "output_tokens": 5,
                    "iterations": [
                        {"type": "compaction", "input_tokens": 900, "output_tokens": 90},
                        {"type": "message", "input_tokens": 10, "output_tokens": 5},
                    ],
                },
            },
        ),
        WHOLE,
        Tokens(910, 0, 0, 95),
        "upstream_final",
    ),
    ("messages-cut", Meter.MESSAGES, stream(START, DELTA, DELTA, DELTA), CUT, Tokens(20, 8, 5, 4), "estimated"),
    ("messages-cut-at-once", Meter.MESSAGES, [], CUT, Tokens(100), "estimated"),
    (
        "messages-cut-behind-delta",
        Meter.MESSAGES,
        stream(START, DELTA, FINAL),
        CUT,
        Tokens(20, 8, 5, 9, 4),
        "upstream_partial",
    ),
    (
        "messages-error",
        Meter.MESSAGES,
        stream(START, DELTA, {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}),
        CUT,
        Tokens(20, 8, 5, 3),
        "estimated",
    ),
    (
        "gemini",
        Meter.GEMINI,
        stream(frame(1), frame(5, thoughtsTokenCount=4)),
        WHOLE,
        Tokens(12, 8, 0, 9, 4),
        "upstream_final",
    ),
    (
        "chat-sound",
        Meter.CHAT,
        stream(CHUNK, _SPOKEN, end=b"[DONE]"),
        WHOLE,
        DetailedTokens(70, 30, 0, 50, 0, 0, 60, 0, 40),
        "upstream_final",
    ),
    (
        "transcription",
        Meter.RESPONSES,
        stream({"type": "transcript.text.delta", "delta": "x"}, _HEARD),
        WHOLE,
        DetailedTokens(14, 0, 0, 45, input_audio=4),
        "upstream_final",
    ),
    (
        "messages-hourly",
        Meter.MESSAGES,
        stream(_STARTED_HOURLY, DELTA, FINAL, {"type": "message_stop"}),
        WHOLE,
        DetailedTokens(20, 8, 5, 9, 4, cache_write_1h=3),
        "upstream_final",
    ),
    (
        "messages-hourly-restated",
        Meter.MESSAGES,
        stream(_STARTED_HOURLY, {"type": "message_delta", **msgspec.json.decode(hourly(9, 8))}),
        WHOLE,
        DetailedTokens(20, 8, 9, 9, cache_write_1h=8),
        "upstream_final",
    ),
    (
        "messages-hourly-cut",
        Meter.MESSAGES,
        stream(_STARTED_HOURLY, *[DELTA] * 19),
        CUT,
        DetailedTokens(20, 8, 5, 20, cache_write_1h=3),
        "estimated",
    ),
    (
        "gemini-sound",
        Meter.GEMINI,
        [gemini_sound(100, 1, 30, prompt=80, candidates=1), GEMINI_SOUND],
        WHOLE,
        DetailedTokens(70, 30, 0, 50, 0, 0, 55, 25, 40),
        "upstream_final",
    ),
    ("gemini-sound-restated", Meter.GEMINI, [GEMINI_SOUND, *stream(frame(5))], WHOLE, Tokens(12, 8, 0, 5), "upstream_final"),
    ("gemini-cut", Meter.GEMINI, stream(frame(1), frame(5)), CUT, Tokens(12, 8, 0, 5), "upstream_partial"),
    ("gemini-cut-at-once", Meter.GEMINI, [], CUT, Tokens(100), "estimated"),
    ("unmetered", Meter.NONE, stream(USAGE), WHOLE, None, "none"),
    (
        "garbage",
        Meter.CHAT,
        [b"{", b"[]", b"5", b"null", b"<html>", b"\xff", b"", b'{"choices":5}', b'{"usage":null,"choices":5}'],
        WHOLE,
        None,
        "none",
    ),
]


@pytest.mark.parametrize(
    ("name", "meter", "datas", "whole", "tokens", "source"), STREAMS, ids=[row[0] for row in STREAMS]
)
def test_streams(name: str, meter: Meter, datas: list[bytes], whole: bool, tokens: Tokens | None, source: str) -> None:
    """The last word of a stream counts; a cut one without it is an estimate and says so."""
    seen = StreamUsage(meter)
    for data in datas:
        seen.deltas += 1
        seen.see(data)
    assert settle(meter, seen, whole=whole, request_bytes=400) == (tokens, source)


@pytest.mark.parametrize(
    ("name", "meter", "datas", "whole", "tokens", "source"), STREAMS, ids=[row[0] for row in STREAMS]
)
@pytest.mark.parametrize("eol", [b"\n", b"\r\n", b"\r"])
def test_streams_at_any_cut(
    name: str, meter: Meter, datas: list[bytes], whole: bool, tokens: Tokens | None, source: str, eol: bytes
) -> None:
    """The same through the splitter, whatever the line ends, byte by byte."""
    text = (
        b"".join(b"event: x" + eol + b"data: " + data + eol + eol for data in datas if data) + b":" + eol + eol + b":"
    )
    for step in (1, 7, len(text)):
        splitter, seen = EventSplitter(), StreamUsage(meter)
        for at in range(0, len(text), step):
            for event in events(splitter.feed(text[at : at + step])):
                if data := data_of(event):
                    seen.deltas += 1
                    seen.see(data)
        seen.deltas += sum(not data for data in datas)
        assert settle(meter, seen, whole=whole, request_bytes=400) == (tokens, source)


def test_the_extra_chunk_is_told_apart() -> None:
    """Only Chat's chunk of usage without choices may be withheld."""
    seen = StreamUsage(Meter.CHAT)
    assert [
        seen.see(data)
        for data in stream(
            CHUNK,
            {**CHUNK, "usage": USAGE["usage"]},
            {"id": "c", "choices": [], "prompt_filter_results": []},
            USAGE,
        )
    ] == [False, False, False, True]
    for meter in (Meter.RESPONSES, Meter.MESSAGES, Meter.GEMINI):
        assert not StreamUsage(meter).see(msgspec.json.encode(USAGE))


def test_the_response_id_is_kept() -> None:
    """Of a Responses stream, for the event that ends a broken one."""
    seen = StreamUsage(Meter.RESPONSES)
    for data in stream(CREATED, TEXT):
        seen.see(data)
    assert seen.response_id == "resp_1"


@FEW
@given(
    st.sampled_from(list(Meter)),
    st.lists(st.binary(max_size=40) | st.sampled_from([data for row in STREAMS for data in row[2]]), max_size=6),
)
def test_nothing_a_stream_says_raises(meter: Meter, datas: list[bytes]) -> None:
    """Any bytes and any events, in any dialect: never an error, never less than nothing."""
    seen = StreamUsage(meter)
    for data in datas:
        seen.see(data)
        of_body(meter, data)
    tokens, source = settle(meter, seen, whole=True, request_bytes=9)
    assert source in ("upstream_final", "upstream_partial", "estimated", "none")
    assert tokens is None or min(msgspec.structs.astuple(tokens)) >= 0


def test_what_is_paid_by_the_second() -> None:
    """A transcription that states how long it was used no tokens that anybody counted: that is not nothing."""
    assert of_body(Meter.RESPONSES, b'{"text":"hi","usage":{"type":"duration","seconds":3}}') is None
    counted = b'{"text":"hi","usage":{"type":"tokens","input_tokens":3,"output_tokens":1}}'
    assert of_body(Meter.RESPONSES, counted) == Tokens(3, output=1)
