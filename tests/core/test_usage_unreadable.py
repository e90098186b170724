"""Usage that is not as its vendor's reference has it: one part that cannot be read does not void the rest."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW, MANY
from core.test_usage import (
    BODIES,
    CHAT,
    CHUNK,
    CREATED,
    DELTA,
    DETAILED,
    FINAL,
    START,
    TEXT,
    USAGE,
    frame,
    parts_of,
    step,
    stream,
)
from stationmaster.gateway.core import reread
from stationmaster.gateway.core.endpoints import Meter
from stationmaster.gateway.core.tokens import DetailedTokens, Tokens
from stationmaster.gateway.core.usage import StreamUsage, of_body, of_tail, settle, unread

MOST = 2**53
NINES = b"9" * 5000


def heard_as(count: bytes) -> bytes:
    """Gemini's usage with so much sound in its prompt."""
    return (b'{"promptTokenCount":20,"candidatesTokenCount":9,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":%b}]}'
            % count)  # fmt: skip


LENIENT: list[tuple[Meter, bytes, Tokens | None]] = [
    *[
        (Meter.CHAT, b'{"prompt_tokens":20,"completion_tokens":9,"prompt_tokens_details":%b}' % detail, Tokens(20, 0, 0, 9))
        for detail in (b"[]", b'""', b'"8"', b"0", b"true", b"[[]]", b'[{"cached_tokens":8}]', b'{"cached_tokens":"8"}',
                       b'{"cached_tokens":-8}', b'{"cached_tokens":0.5}', b'{"cached_tokens":NaN}', b'{"cached_tokens":{}}')
    ],
    *[
        (Meter.CHAT, b'{"prompt_tokens":20,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":8,"audio_tokens":%b}}'
         % detail, Tokens(12, 8, 0, 9))
        for detail in (b'""', b"0.5", b"0.0", b"[]", b"{}", b"false", b'"three"', b"-1.0", b"-Infinity")
    ],
    (Meter.CHAT, b'{"prompt_tokens":20,"completion_tokens":9,"completion_tokens_details":{"reasoning_tokens":"4"}}',
     Tokens(20, 0, 0, 9)),
    (Meter.CHAT, b'{"completion_tokens":9,"completion_tokens_details":{"reasoning_tokens":4,"audio_tokens":""}}',
     Tokens(output=9, reasoning=4)),
    (Meter.CHAT, b'{"prompt_tokens":20.0,"completion_tokens":9e0,"prompt_tokens_details":{"cached_tokens":8.0}}',
     Tokens(12, 8, 0, 9)),
    (Meter.CHAT, b'{"prompt_tokens":20,"completion_tokens":%b}' % NINES, Tokens(20, 0, 0, MOST)),
    (Meter.CHAT, b'{"prompt_tokens":20,"completion_tokens":-%b}' % NINES, Tokens(20)),
    (Meter.CHAT, b'{"prompt_tokens":20,"completion_tokens":1e999}', Tokens(20, 0, 0, MOST)),
    (Meter.CHAT, b'{"prompt_tokens":20,"completion_tokens":1e30}', Tokens(20, 0, 0, MOST)),
    *[(Meter.CHAT, b'{"prompt_tokens":%b,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":8}}' % most,
       Tokens(MOST - 8, 8, 0, 9)) for most in (b"1" + b"0" * 19, NINES, b"1e30")],
    (Meter.CHAT, b'{"prompt_tokens":20,"completion_tokens":9,"total_tokens":%b,"queue_time":NaN}' % NINES, Tokens(20, 0, 0, 9)),
    (Meter.CHAT, b'{"prompt_tokens":"20","completion_tokens":9}', Tokens(output=9)),
    (Meter.CHAT, b'{"prompt_tokens":20,"completion_tokens":null,"prompt_tokens_details":[]}', Tokens(20)),
    (Meter.CHAT, b'{"prompt_tokens":null,"completion_tokens":null,"prompt_tokens_details":[]}', None),
    (Meter.CHAT, b'{"prompt_tokens":"20","completion_tokens":0.5}', None),
    *[(Meter.CHAT, usage, None) for usage in (b"5", b'"20"', b"[]", b"true", b"0", b'""', b'[{"prompt_tokens":20}]')],
    (Meter.RESPONSES, b'{"input_tokens":20,"output_tokens":9,"input_tokens_details":[],"output_tokens_details":""}',
     Tokens(20, 0, 0, 9)),
    (Meter.RESPONSES, b'{"input_tokens":20.0,"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4.0}}',
     Tokens(20, 0, 0, 9, 4)),
    (Meter.RESPONSES, b'{"type":5,"input_tokens":20,"output_tokens":9,"input_token_details":{"audio_tokens":"4"}}',
     Tokens(20, 0, 0, 9)),
    (Meter.RESPONSES, b'{"input_tokens":20,"output_tokens":%b}' % NINES, Tokens(20, 0, 0, MOST)),
    (Meter.RESPONSES, b'{"input_tokens":"","output_tokens":""}', None),
    (Meter.RESPONSES, b"[]", None),
    (Meter.MESSAGES, b'{"input_tokens":20,"cache_read_input_tokens":8,"output_tokens":9,"cache_creation":[]}',
     Tokens(20, 8, 0, 9)),
    (Meter.MESSAGES, (b'{"input_tokens":20,"cache_creation_input_tokens":5,"output_tokens":9,'
     b'"cache_creation":{"ephemeral_1h_input_tokens":"5"},"output_tokens_details":0}'), Tokens(20, 0, 5, 9)),
    (Meter.MESSAGES, b'{"input_tokens":20,"cache_read_input_tokens":"8","output_tokens":9.0}', Tokens(20, 0, 0, 9)),
    (Meter.MESSAGES, b'{"input_tokens":20,"output_tokens":9,"iterations":{}}', Tokens(20, 0, 0, 9)),
    (Meter.MESSAGES, b'{"input_tokens":20,"output_tokens":9,"iterations":[{"type":"message","input_tokens":1},5]}',
     Tokens(20, 0, 0, 9)),
    (Meter.MESSAGES, b'{"input_tokens":20,"output_tokens":9,"iterations":[{"type":null,"input_tokens":1}]}', Tokens(20, 0, 0, 9)),
    (Meter.MESSAGES, (b'{"input_tokens":20,"output_tokens":9,"iterations":[{"type":"message","input_tokens":20.0,'
     b'"output_tokens":null,"cache_creation":[]},{"type":"compaction","input_tokens":900,"output_tokens":90}]}'),
     Tokens(920, 0, 0, 90)),
    (Meter.MESSAGES, b'{"input_tokens":[],"output_tokens":"9"}', None),
    (Meter.MESSAGES, b'"none"', None),
    (Meter.GEMINI, b'{"promptTokenCount":20,"candidatesTokenCount":9,"promptTokensDetails":{},"note":"AUDIO"}',
     Tokens(20, 0, 0, 9)),
    (Meter.GEMINI, b'{"promptTokenCount":20.0,"candidatesTokenCount":5,"thoughtsTokenCount":4.0}', Tokens(20, 0, 0, 9, 4)),
    (Meter.GEMINI, b'{"promptTokenCount":20,"candidatesTokenCount":9,"cachedContentTokenCount":[]}', Tokens(20, 0, 0, 9)),
    (Meter.GEMINI, heard_as(b'"8"'), Tokens(20, 0, 0, 9)),
    (Meter.GEMINI, heard_as(b"8.0"), DetailedTokens(20, 0, 0, 9, input_audio=8)),
    (Meter.GEMINI, b'{"promptTokenCount":20,"thoughtsTokenCount":%b}' % NINES, Tokens(20, 0, 0, MOST, MOST)),
    (Meter.GEMINI, b'{"promptTokenCount":"20"}', None),
    (Meter.GEMINI, b"20", None),
]  # fmt: skip
LENIENTLY = pytest.mark.parametrize(
    ("meter", "usage", "tokens"), LENIENT, ids=[f"{meter.value}-{at}" for at, (meter, _, _) in enumerate(LENIENT)]
)


def answer_with(meter: Meter, usage: bytes) -> bytes:
    """A whole answer with this usage."""
    return b'{"id":"x","text":"said",%b:%b}' % (b'"usageMetadata"' if meter is Meter.GEMINI else b'"usage"', usage)


def stream_with(meter: Meter, usage: bytes) -> list[bytes]:
    """A whole stream that ends with this usage: three events in every dialect."""
    return {
        Meter.CHAT: [*stream(CHUNK), b'{"id":"c","choices":[],"usage":%b}' % usage, b"[DONE]"],
        Meter.RESPONSES: [*stream(CREATED, TEXT),
                          b'{"type":"response.completed","response":{"id":"resp_1","usage":%b}}' % usage],
        Meter.MESSAGES: [*stream(DELTA), b'{"type":"message_delta","usage":%b}' % usage, b'{"type":"message_stop"}'],
        Meter.GEMINI: [*stream({"candidates": [{}]}) * 2,
                       b'{"candidates":[{"finishReason":"STOP"}],"usageMetadata":%b}' % usage],
    }[meter]  # fmt: skip


def streamed(meter: Meter, datas: list[bytes]) -> StreamUsage:
    """What was seen of a stream."""
    seen = StreamUsage(meter)
    for data in datas:
        seen.deltas += 1
        seen.see(data)
    return seen


@LENIENTLY
def test_one_unreadable_part_does_not_void_the_rest(meter: Meter, usage: bytes, tokens: Tokens | None) -> None:
    """Whole: what can be read of usage counts, and details that cannot are as if absent. Where nothing can be read a
    quarter token a byte is booked, and flagged. From the end of a large answer it is the same."""
    body = answer_with(meter, usage)
    assert of_body(meter, body) == tokens
    assert of_tail(meter, b'"cut off",' + body[1:]) == tokens
    if tokens is None:
        assert unread(meter, body, 400) == (Tokens(100, output=len(body) // 4), "estimated")
        assert unread(meter, body[1:], 400, size=80_000, cut=True) == (Tokens(100, output=20_000), "estimated")


@LENIENTLY
def test_one_unreadable_part_of_a_stream(meter: Meter, usage: bytes, tokens: Tokens | None) -> None:
    """Streamed: the same counts; where nothing can be read a token an event is booked, and flagged. The stream's end
    is seen all the same."""
    seen = streamed(meter, stream_with(meter, usage))
    assert not seen.broken_off
    wanted = (Tokens(100, output=3), "estimated") if tokens is None else (tokens, "upstream_final")
    assert settle(meter, seen, whole=True, request_bytes=400) == wanted


@pytest.mark.parametrize(
    ("meter", "body"),
    [
        *[(meter, answer_with(meter, b"null")) for meter in (Meter.CHAT, Meter.RESPONSES, Meter.MESSAGES, Meter.GEMINI)],
        (Meter.CHAT, b'{"choices":[{"message":{"content":"usage"}}],"logprob":-Infinity}'),
        (Meter.CHAT, b'{"usage_note":[]}'),
        (Meter.CHAT, b'{"usageMetadata":[]}'),
        (Meter.GEMINI, b'{"usage":[]}'),
        (Meter.GEMINI, b'[1,{"usageMetadata":null}]'),
        (Meter.RESPONSES, b'{"usage":{"type":"duration","seconds":3}}'),
        (Meter.RESPONSES, b'{"usage":{"type":"duration","input_tokens":""}}'),
        (Meter.CHAT, b'{"usage":"half'),
        (Meter.CHAT, b"<html>"),
        (Meter.CHAT, b""),
        (Meter.NONE, CHAT),
    ],
)  # fmt: skip
def test_no_usage_is_no_estimate(meter: Meter, body: bytes) -> None:
    """Only usage that is there and cannot be read is estimated: none, null, or seconds are booked as nothing."""
    assert of_body(meter, body) is None
    assert unread(meter, body, 400) == (None, "none")
    assert unread(meter, body, 400, size=80_000, cut=True) == (None, "none")
    if meter is not Meter.NONE and body.startswith(b"{"):
        assert settle(meter, streamed(meter, [body]), whole=True, request_bytes=400) == (None, "none")


@pytest.mark.parametrize(
    ("meter", "body", "tokens"), [row for row in BODIES + DETAILED if row[2] is not None],
)
def test_the_second_reading_agrees_with_the_first(meter: Meter, body: bytes, tokens: Tokens) -> None:
    """What is as the reference has it says the same either way; something else in the answer that is no JSON, or is
    nested too deeply, changes nothing."""
    assert reread.of_body(meter, body).tokens == tokens
    odd = body.replace(b"{", b'{"odd":[NaN,"\\ud800"],', 1)
    assert of_body(meter, odd) == tokens
    if body.startswith(b"{"):
        assert of_body(meter, body.replace(b"{", b'{"deep":%b%b,' % (b"[" * 5000, b"]" * 5000), 1)) == tokens


def test_the_last_frame_that_can_be_read() -> None:
    """Gemini's array and stream restate usage: one that cannot be read leaves the one before, which then is a part."""
    frames = [*stream(frame(1)), b'{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":"x"}}']
    assert of_body(Meter.GEMINI, b"[%b]" % b",".join(frames)) == Tokens(12, 8, 0, 1)
    seen = streamed(Meter.GEMINI, frames)
    assert settle(Meter.GEMINI, seen, whole=True, request_bytes=400) == (Tokens(12, 8, 0, 1), "upstream_partial")


_BAD = {"prompt_tokens": "x"}
_LATER: list[tuple[str, Meter, list[bytes], Tokens, str]] = [
    ("chat-restated", Meter.CHAT, stream({**CHUNK, "usage": USAGE["usage"]}, *[{**CHUNK, "usage": _BAD}] * 11),
     Tokens(12, 8, 0, 12), "estimated"),
    ("chat-restated-well", Meter.CHAT, stream({**CHUNK, "usage": _BAD}, USAGE), Tokens(12, 8, 0, 9), "upstream_final"),
    ("messages-end", Meter.MESSAGES, stream(START, DELTA, {**FINAL, "usage": []}, {"type": "message_stop"}),
     Tokens(20, 8, 5, 4), "estimated"),
    ("messages-end-twice", Meter.MESSAGES, stream(START, FINAL, {**FINAL, "usage": []}, {"type": "message_stop"}),
     Tokens(20, 8, 5, 9, 4), "estimated"),
    ("messages-start", Meter.MESSAGES, stream({"type": "message_start", "message": {"usage": "x"}}, FINAL),
     Tokens(0, 0, 0, 9, 4), "upstream_final"),
    ("messages-details", Meter.MESSAGES, stream(START, {**FINAL, "usage": {"output_tokens": 9.0, "input_tokens": "x"}}),
     Tokens(20, 8, 5, 9), "upstream_final"),
    ("images", Meter.RESPONSES,
     stream({"type": "image_generation.completed", "usage": {"input_tokens": 5.0, "output_tokens": ""}}),
     Tokens(5), "upstream_final"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "meter", "datas", "tokens", "source"), _LATER, ids=[row[0] for row in _LATER])
def test_usage_in_several_events(name: str, meter: Meter, datas: list[bytes], tokens: Tokens, source: str) -> None:
    """Where usage comes in parts those that can be read count; a last word that cannot be read makes it an estimate."""
    assert settle(meter, streamed(meter, datas), whole=True, request_bytes=400) == (tokens, source)


@pytest.mark.parametrize(
    ("chunk", "extra"),
    [
        (b'{"choices":[],"usage":{"prompt_tokens":5}}', True),
        (b'{"choices":[],"usage":{}}', True),
        (b'{"usage":{"prompt_tokens":5}}', True),
        (b'{"choices":null,"usage":{"prompt_tokens":5}}', True),
        (b'{"choices":[],"usage":[]}', True),
        (b'{"choices":[],"usage":"x"}', True),
        (b'{"choices":[],"usage":0}', True),
        (b'{"usage":{"prompt_tokens":5,"prompt_tokens_details":[]}}', True),
        (b'{"choices":[],"usage":{"prompt_tokens":%b}}' % NINES, True),
        (b'{"choices":[],"usage":{"prompt_tokens":NaN}}', True),
        (b'{"id":5,"type":7,"candidates":"x","choices":[],"usage":{"prompt_tokens":5},"x":"\\ud800"}', True),
        (b'{"choices":[],"usage":{"prompt_tokens":5},"prompt_filter_results":[],"error":null}', True),
        (b'{"choices":[],"usage":null}', False),
        (b'{"choices":[]}', False),
        (b'{"usage":null,"choices":[],"type":7}', False),
        (b'{"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":5}}', False),
        (b'{"choices":[{"delta":{"content":"x"}}],"usage":[]}', False),
        (b'{"choices":[{"finish_reason":7}],"usage":{"prompt_tokens":5}}', False),
        (b'{"error":{"message":"x"},"usage":{"prompt_tokens":5}}', False),
        (b'{"error":{"message":"x"},"choices":[],"usage":[]}', False),
        (b'[{"choices":[],"usage":{}}]', False),
    ],
)  # fmt: skip
def test_the_extra_chunk_is_known_by_its_shape(chunk: bytes, extra: bool) -> None:
    """No choices and usage that is not null, readable or not, whatever stands beside it; but an error is for the client."""
    seen = StreamUsage(Meter.CHAT)
    assert seen.matters(b"data: %b\n\n" % chunk) or not extra
    assert seen.see(chunk) is extra


@pytest.mark.parametrize(
    ("meter", "datas"),
    [
        (Meter.CHAT, stream({**CHUNK, "error": None})),
        (Meter.CHAT, [b'{"choices":[{"delta":{},"finish_reason":null}],"error":null,"type":5}']),
        (Meter.GEMINI, stream({"candidates": [{}], "promptFeedback": None, "error": None})),
        (Meter.MESSAGES, stream({**START, "error": None})),
        (Meter.RESPONSES, stream({**CREATED, "error": None})),
    ],
)
def test_a_null_ends_no_stream(meter: Meter, datas: list[bytes]) -> None:
    """A member that is null says nothing: a stream that ends behind it is broken off."""
    assert streamed(meter, datas).broken_off


@pytest.mark.parametrize(
    ("meter", "data"),
    [
        (Meter.CHAT, b'{"choices":[{"finish_reason":"stop"}],"type":5}'),
        (Meter.CHAT, b'{"choices":[{"finish_reason":7}]}'),
        (Meter.CHAT, b'{"error":{"message":"x"},"type":5}'),
        (Meter.RESPONSES, b'{"type":"response.completed","response":{"id":"resp_1","usage":[]}}'),
        (Meter.RESPONSES, b'{"type":"error","choices":5}'),
        (Meter.RESPONSES, b'{"error":{"message":"x"},"choices":5}'),
        (Meter.MESSAGES, b'{"type":"message_stop","choices":5}'),
        (Meter.MESSAGES, b'{"type":"error","error":{},"choices":5}'),
        (Meter.GEMINI, b'{"candidates":[{"finishReason":"STOP"}],"usageMetadata":5}'),
        (Meter.GEMINI, b'{"promptFeedback":{},"candidates":5}'),
    ],
)
def test_an_odd_end_is_an_end(meter: Meter, data: bytes) -> None:
    """What stands beside it does not hide a stream's last event, or the response's id."""
    seen = streamed(meter, [*stream(CREATED), data] if meter is Meter.RESPONSES else [data])
    assert seen.ended
    assert not seen.broken_off
    assert seen.response_id == ("resp_1" if meter is Meter.RESPONSES else "")


# Any part spoilt.

_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(10**400), 10**400) | st.text(max_size=3)
    | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, 3.0, -2.0, 1e300]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["cached_tokens", "audio_tokens", "modality", "tokenCount", "type"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
_GEMINI_LIST = [{"modality": "TEXT", "tokenCount": 15}, {"modality": "AUDIO", "tokenCount": 5}]
SOUND: dict[Meter, dict[str, Any]] = {
    Meter.CHAT: {
        "prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29,
        "prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 2, "audio_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 2},
    },
    Meter.RESPONSES: {
        "input_tokens": 20, "output_tokens": 9, "total_tokens": 29, "input_tokens_details": {"cached_tokens": 8},
        "output_tokens_details": {"reasoning_tokens": 4},
    },
    Meter.MESSAGES: {
        "input_tokens": 20, "cache_read_input_tokens": 8, "cache_creation_input_tokens": 5, "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4}, "cache_creation": {"ephemeral_1h_input_tokens": 3},
    },
    Meter.GEMINI: {
        "promptTokenCount": 20, "candidatesTokenCount": 5, "thoughtsTokenCount": 4, "cachedContentTokenCount": 8,
        "promptTokensDetails": _GEMINI_LIST, "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 2}],
        "candidatesTokensDetails": _GEMINI_LIST,
    },
}  # fmt: skip
_IN = {Meter.CHAT: 20, Meter.RESPONSES: 20, Meter.MESSAGES: 33, Meter.GEMINI: 20}
_DETAIL = ("cachedContentTokenCount", "total_tokens")


def _paths(value: object, before: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Where something stands in a JSON value, itself left out."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, part in inside for path in [(*before, key), *_paths(part, (*before, key))]]


def _spoilt(usage: dict[str, Any], path: tuple[str | int, ...], put: object) -> bytes:
    """This usage with something else in one place, as JSON."""
    copy = json.loads(json.dumps(usage))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = put
    return json.dumps(copy).encode()


_PLACES = [(meter, path) for meter, usage in SOUND.items() for path in _paths(usage)]
_DETAILS = [(meter, path) for meter, path in _PLACES if len(path) > 1 or isinstance(SOUND[meter][str(path[0])], dict | list)
            or path[0] in _DETAIL]  # fmt: skip


def _all_readings(meter: Meter, usage: bytes) -> tuple[Tokens | None, str]:
    """What is booked, which is the same whole, from the end of an answer, and streamed."""
    body = answer_with(meter, usage)
    tokens, seen = of_body(meter, body), streamed(meter, stream_with(meter, usage))
    assert of_tail(meter, body[1:]) == tokens
    booked, source = settle(meter, seen, whole=True, request_bytes=400)
    assert source in ("none", "estimated") if tokens is None else (booked, source) == (tokens, "upstream_final")
    assert unread(meter, body, 400)[1] == source or tokens is not None
    return tokens, source


@MANY
@given(st.sampled_from(_DETAILS), _ANY)
def test_any_detail_spoilt(place: tuple[Meter, tuple[str | int, ...]], put: object) -> None:
    """Whatever stands in a detail: the output stays as stated, and so does the input, cached or not, unless more was
    cached than there is. Nothing is below 0, and no part above its kind."""
    meter, path = place
    tokens, source = _all_readings(meter, _spoilt(SOUND[meter], path, put))
    assert tokens is not None
    assert source == "upstream_final"
    cached = tokens.cache_read + tokens.cache_write
    assert tokens.output == 9
    assert tokens.input + cached == max(_IN[meter], cached)
    assert min(msgspec.structs.astuple(tokens)) >= 0
    assert all(part <= kind for part, kind in parts_of(tokens))


@MANY
@given(st.sampled_from(_PLACES), st.sampled_from(_PLACES), _ANY, _ANY)
def test_anything_spoilt(
    one: tuple[Meter, tuple[str | int, ...]], other: tuple[Meter, tuple[str | int, ...]], put: object, top: object
) -> None:
    """Whatever stands in a total, or in place of all usage: nothing raises, nothing is paid back, and every way of
    reading says the same."""
    meter, path = one
    for usage in (_spoilt(SOUND[meter], path, put), json.dumps(top).encode(), _spoilt({"a": put}, ("a",), top)):
        tokens, _source = _all_readings(meter, usage)
        assert tokens is None or 0 <= min(msgspec.structs.astuple(tokens)) <= max(msgspec.structs.astuple(tokens)) <= MOST


_UNREADABLE = st.booleans() | st.text(max_size=3) | st.sampled_from([0.5, [], {}, [1]])
_ROUNDS: dict[str, Any] = {**SOUND[Meter.MESSAGES], "iterations": [step("compaction", 7, 6), step("message", 5, 5)]}


@FEW
@given(st.sampled_from([path for path in _paths(_ROUNDS["iterations"]) if len(path) == 2]), _UNREADABLE)
def test_an_iteration_spoilt(path: tuple[str | int, ...], put: object) -> None:
    """Anthropic's iterations stand for the totals: with one that cannot be read the totals at the top count, not a sum
    with a hole. What is only split further may be missing."""
    if path[-1] == "type" and isinstance(put, str):
        return
    tokens, _source = _all_readings(Meter.MESSAGES, _spoilt(_ROUNDS, ("iterations", *path), put))
    assert tokens is not None
    kinds = (tokens.input, tokens.cache_read, tokens.cache_write, tokens.output)
    assert kinds == ((2, 0, 12, 2) if path[-1] == "cache_creation" else (20, 8, 5, 9))
