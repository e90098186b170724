"""Usage off Bedrock's answers: frames of either stream, whole bodies of every maker, counts in heads."""

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW
from stationmaster.gateway.core.endpoints import Meter
from stationmaster.gateway.core.eventstream import Frame
from stationmaster.gateway.core.framed import FrameUsage
from stationmaster.gateway.core.tokens import DetailedTokens, Source, Tokens
from stationmaster.gateway.core.usage import of_body, of_fields, of_tail

dump = msgspec.json.encode
USAGE = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 18, "cacheReadInputTokens": 2, "cacheWriteInputTokens": 1}
METRICS = {
    "inputTokenCount": 10,
    "outputTokenCount": 5,
    "cacheReadInputTokenCount": 2,
    "cacheWriteInputTokenCount": 1,
    "invocationLatency": 100,
    "firstByteLatency": 9,
}
BOOKED = Tokens(10, 2, 1, 5)


def event(kind: str, value: object) -> Frame:
    """One event as it is read."""
    return Frame({":message-type": "event", ":event-type": kind}, dump(value))


def chunk(value: object, **more: str) -> Frame:
    """One chunk of a model's own stream."""
    return event("chunk", {"bytes": base64.b64encode(dump(value)).decode(), **more})


EXCEPTION = Frame({":message-type": "exception", ":exception-type": "modelStreamErrorException"}, b'{"message": "x"}')
CONVERSED = [
    event("messageStart", {"role": "assistant"}),
    event("contentBlockDelta", {"delta": {"text": "metadata"}}),
    event("messageStop", {"stopReason": "end_turn"}),
    event("metadata", {"usage": USAGE, "metrics": {}}),
]
ANTHROPIC: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {
            "usage": {"input_tokens": 10, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 1, "output_tokens": 1}
        },
    },
    {"type": "content_block_delta", "delta": {"text": "amazon-bedrock-invocationMetrics"}},
    {"type": "message_delta", "usage": {"output_tokens": 5}},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": METRICS},
]
CLAUDES = [chunk(part, p="abc") for part in ANTHROPIC]
LLAMAS = [
    chunk({"generation": "a"}),
    chunk({"generation": "", "stop_reason": "stop", "amazon-bedrock-invocationMetrics": METRICS}),
]

ROWS: list[tuple[str, Meter, list[Frame], bool, Tokens | None, Source]] = [
    ("converse", Meter.CONVERSE, CONVERSED, True, BOOKED, "upstream_final"),
    ("converse without usage", Meter.CONVERSE, CONVERSED[:3], True, None, "none"),
    ("converse cut", Meter.CONVERSE, CONVERSED[:2], False, Tokens(100, output=2), "estimated"),
    ("converse cut behind its usage", Meter.CONVERSE, CONVERSED, False, BOOKED, "upstream_final"),
    ("converse failed", Meter.CONVERSE, [*CONVERSED[:2], EXCEPTION], True, Tokens(100, output=3), "estimated"),
    ("converse failed at once", Meter.CONVERSE, [EXCEPTION], True, None, "none"),
    ("converse, floats", Meter.CONVERSE,
     [event("metadata", {"usage": {**USAGE, "inputTokens": 10.0}})], True, BOOKED, "upstream_final"),
    ("converse, unreadable", Meter.CONVERSE, [event("metadata", {"usage": {"inputTokens": "many"}})], True, Tokens(100, output=1),
     "estimated"),
    ("claude", Meter.INVOKE, CLAUDES, True, BOOKED, "upstream_final"),
    ("claude cut", Meter.INVOKE, CLAUDES[:2], False, Tokens(10, 2, 1, 2), "estimated"),
    ("llama", Meter.INVOKE, LLAMAS, True, BOOKED, "upstream_final"),
    ("llama without counts", Meter.INVOKE, LLAMAS[:1], True, None, "none"),
    ("llama cut", Meter.INVOKE, LLAMAS[:1], False, Tokens(100, output=1), "estimated"),
    ("counts that are none", Meter.INVOKE,
     [chunk({"amazon-bedrock-invocationMetrics": "many"})], True, Tokens(100, output=1), "estimated"),
    ("nothing is metered", Meter.NONE, LLAMAS, True, None, "none"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("meter", "stream", "whole", "tokens", "source"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_streams(meter: Meter, stream: list[Frame], whole: bool, tokens: Tokens | None, source: Source) -> None:
    """What a stream states is booked, whoever's model spoke; what it could not state is an estimate, and says so."""
    seen = FrameUsage(meter)
    for frame in stream:
        seen.see(frame)
    assert seen.settle(whole=whole, request_bytes=400) == (tokens, source)


@pytest.mark.parametrize(("meter", "stream"), [(Meter.CONVERSE, CONVERSED[:3]), (Meter.INVOKE, CLAUDES)])
def test_where_a_stream_may_end(meter: Meter, stream: list[Frame]) -> None:
    """A stream that began may end behind the frame that says so, behind an exception, and nowhere before."""
    seen = FrameUsage(meter)
    assert not seen.broken_off
    for frame in stream[:-1]:
        seen.see(frame)
        assert seen.broken_off
    seen.see(stream[-1])
    assert not seen.broken_off
    failed = FrameUsage(meter)
    for frame in (stream[0], EXCEPTION):
        failed.see(frame)
    assert not failed.broken_off


def test_a_stream_that_nobody_can_read_may_end_anywhere() -> None:
    """Of other makers' streams we do not know the last event: none is called broken for that."""
    seen = FrameUsage(Meter.INVOKE)
    seen.see(LLAMAS[0])
    assert not seen.broken_off


@FEW
@given(st.lists(st.tuples(st.sampled_from(["chunk", "metadata", "messageStart", "x"]), st.binary(max_size=60)), max_size=5))
def test_nothing_a_frame_says_raises(parts: list[tuple[str, bytes]]) -> None:
    """Whatever a payload is, it is passed over or read."""
    for meter in Meter:
        seen = FrameUsage(meter)
        for kind, payload in parts:
            seen.see(Frame({":message-type": "event", ":event-type": kind}, payload))
            seen.see(event("chunk", {"bytes": base64.b64encode(payload).decode()}))
            seen.see(event("chunk", {"bytes": "%%%"}))
        seen.settle(whole=True, request_bytes=1)


BODIES: list[tuple[str, Meter, object, Tokens | None]] = [
    ("converse", Meter.CONVERSE, {"usage": USAGE}, BOOKED),
    ("converse, an hour", Meter.CONVERSE,
     {"usage": {**USAGE, "cacheDetails": [{"ttl": "1h", "inputTokens": 1}, {"ttl": "5m", "inputTokens": 0}]}},
     DetailedTokens(10, 2, 1, 5, cache_write_1h=1)),
    ("converse, none", Meter.CONVERSE, {"output": {}}, None),
    ("anthropic", Meter.INVOKE, {"usage": {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 2,
     "cache_creation_input_tokens": 1}}, BOOKED),
    ("amazon", Meter.INVOKE, {"usage": {"inputTokens": 10, "outputTokens": 5, "cacheReadInputTokenCount": 2,
     "cacheWriteInputTokenCount": 1}}, BOOKED),
    ("openai's kin", Meter.INVOKE, {"usage": {"prompt_tokens": 12, "completion_tokens": 5,
     "prompt_tokens_details": {"cached_tokens": 2}}}, Tokens(10, 2, 0, 5)),
    ("meta", Meter.INVOKE, {"generation": "x", "prompt_token_count": 10}, None),
]  # fmt: skip


@pytest.mark.parametrize(("meter", "body", "tokens"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
def test_bodies(meter: Meter, body: object, tokens: Tokens | None) -> None:
    """A whole answer is read in its maker's words, at once and from the end of a long one."""
    assert of_body(meter, dump(body)) == tokens
    assert of_tail(meter, b'"text": "' + b"x" * 99 + b'", ' + dump(body)[1:]) == tokens


def test_heads() -> None:
    """Bedrock's own counts stand in the head of every model's answer; what is no number there is none."""
    name = "x-amzn-bedrock-{}-token-count"
    fields = {"input": "10", "output": "5", "cache-read-input": "2", "cache-write-input": "1"}
    assert of_fields([(name.format(kind).encode(), text.encode()) for kind, text in fields.items()]) == BOOKED
    assert of_fields([(name.format("output").encode(), b"5")]) == Tokens(output=5)
    for odd in (b"", b"-1", b"many", b"9" * 40):
        assert of_fields([(name.format("input").encode(), odd)]) is None
