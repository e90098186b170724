"""What a realtime WebSocket cost: at any cut of the bytes, from another implementation's frames, from garbage."""

import asyncio
import json
import tracemalloc
from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from aiohttp import EofStream, WSMsgType
from aiohttp._websocket.reader import WebSocketDataQueue
from aiohttp.http_websocket import WebSocketReader, WebSocketWriter
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW, MANY, feed_three_ways, single
from stationmaster.gateway.core.forward import handshake, to_vendor
from stationmaster.gateway.core.tokens import DetailedTokens, Tokens, added
from stationmaster.gateway.core.websocket import HEAD, MAX_MESSAGE, FrameReader, RealtimeUsage
from stationmaster.gateway.core.wire import Headers, parse_response
from stationmaster.sandbox.realtime import Session
from stationmaster.sandbox.values import Asked

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(payload: bytes, opcode: int = TEXT, *, final: bool = True, mask: bytes = b"") -> bytes:
    """One frame, with its length in the shortest form (RFC 6455 section 5.2)."""
    size, masked = len(payload), 0x80 if mask else 0
    if size < 126:
        length = bytes([masked | size])
    elif size < 65536:
        length = bytes([masked | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([masked | 127]) + size.to_bytes(8, "big")
    hidden = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)) if mask else payload
    return bytes([(0x80 if final else 0) | opcode]) + length + mask + hidden


def in_parts(payload: bytes, *sizes: int, between: bytes = b"") -> bytes:
    """One text message in fragments of these sizes and a last one, with `between` behind each but the last."""
    frames, at = b"", 0
    for size in sizes:
        frames += frame(payload[at : at + size], CONT if frames else TEXT, final=False) + between
        at += size
    return frames + frame(payload[at:], CONT)


# A conversation as it is on the wire (OpenAI API reference, realtime server events), its sound and texts cut short.
GREETING = b'{"type":"session.created","event_id":"event_1","session":{"id":"sess_1","model":"gpt-realtime"}}'
HEARD = (
    b'{"type":"conversation.item.input_audio_transcription.completed","event_id":"event_3","item_id":"item_1",'
    b'"content_index":0,"transcript":"say \\"response.done\\"","usage":{"type":"tokens","total_tokens":26,'
    b'"input_tokens":17,"input_token_details":{"text_tokens":0,"audio_tokens":17},"output_tokens":9}}'
)
BEGUN = b'{"type":"response.created","event_id":"event_4","response":{"id":"resp_1","status":"in_progress","usage":null}}'
SOUND = b'{"type":"response.output_audio.delta","event_id":"event_5","response_id":"resp_1","delta":"%b"}' % (b"AAAA" * 60)
SAID = b'{"type":"response.output_audio_transcript.done","event_id":"event_6","transcript":"response.done"}'
DONE = (
    b'{"type":"response.done","event_id":"event_7","response":{"id":"resp_1","status":"completed","output":[{"id":"item_2",'
    b'"content":[{"type":"output_audio","transcript":"response.done"}]}],"usage":{"total_tokens":253,"input_tokens":132,'
    b'"output_tokens":121,"input_token_details":{"text_tokens":119,"audio_tokens":13,"image_tokens":0,"cached_tokens":64,'
    b'"cached_tokens_details":{"text_tokens":60,"audio_tokens":4}},"output_token_details":{"text_tokens":30,'
    b'"audio_tokens":91}}}}'
)
ONE = DetailedTokens(input=68, cache_read=64, output=121, input_audio=9, cache_read_audio=4, output_audio=91)
EVENTS = (GREETING, HEARD, BEGUN, SOUND, SAID, DONE, BEGUN, SOUND, DONE)
ALL = DetailedTokens(input=17 + 2 * 68, cache_read=2 * 64, output=9 + 2 * 121,
                     input_audio=17 + 2 * 9, cache_read_audio=2 * 4, output_audio=2 * 91)  # fmt: skip
CONVERSATION = b"".join((
    frame(GREETING), frame(b"", PING), frame(HEARD), frame(BEGUN), frame(SOUND), frame(b"\x00" * 9, BINARY), frame(SAID),
    in_parts(DONE, 0, 1, 300, between=frame(b"are you there", PING)), frame(BEGUN), in_parts(SOUND, 100), frame(DONE),
    frame(b"\x03\xe8", CLOSE),
))  # fmt: skip

Sum = tuple[Tokens | None, int, bool, bool, str]


def metered(pieces: Sequence[bytes]) -> Sum:
    """What the meter says of these bytes."""
    usage = RealtimeUsage()
    for piece in pieces:
        usage.feed(piece)
    return usage.tokens, usage.responses, usage.unfinished, usage.lost, usage.source


def messages(pieces: Sequence[bytes]) -> tuple[list[bytes], bool]:
    """Every text message in these bytes, and whether they were no framing."""
    reader = FrameReader(lambda _head: True)
    found = [message for piece in pieces for message in reader.feed(piece)]
    return found, reader.lost


def test_every_cut_of_a_conversation() -> None:
    """Exhaustively: cut at every one place, and byte by byte, the same sum; bytes behind the Close frame change nothing."""
    wanted = (ALL, 2, False, False, "upstream_final")
    assert feed_three_ways(CONVERSATION, metered, behind=frame(DONE) + b"\xff\xff") == wanted
    for at in range(len(CONVERSATION) + 1):
        assert metered([CONVERSATION[:at], CONVERSATION[at:]]) == wanted, at


def test_every_two_cuts_of_short_frames() -> None:
    """Exhaustively: fragments, empty frames, controls between, masks, cut at every two places."""
    short = b"".join((
        frame(b""), frame(b"ab"), in_parts(b"cdef", 0, 2, 0, between=frame(b"!", PONG)), frame(b"gh", mask=b"\x01\x80\xff\x00"),
        frame(b"no", BINARY), frame(b"ijklmn", mask=b"mask"),
    ))  # fmt: skip
    wanted = ([b"", b"ab", b"cdef", b"gh", b"ijklmn"], False)
    for first in range(len(short) + 1):
        for second in range(first, len(short) + 1):
            assert messages([short[:first], short[first:second], short[second:]]) == wanted, (first, second)


# Another implementation's frames.


def written(payloads: Sequence[tuple[bytes, int]], *, use_mask: bool = False) -> bytes:
    """What aiohttp writes for these payloads and opcodes."""
    wire: list[bytes] = []
    transport: Any = SimpleNamespace(is_closing=lambda: False, write=lambda data: wire.append(bytes(data)))
    protocol: Any = SimpleNamespace(_paused=False)

    async def send() -> None:
        writer = WebSocketWriter(protocol, transport, use_mask=use_mask)
        for payload, opcode in payloads:
            await writer.send_frame(payload, opcode)

    asyncio.run(send())
    return b"".join(wire)


def read_by_aiohttp(wire: bytes) -> list[bytes]:
    """The text messages that aiohttp reads."""
    protocol: Any = SimpleNamespace(_reading_paused=False)

    async def read() -> list[bytes]:
        queue = WebSocketDataQueue(protocol, 2**30, loop=asyncio.get_running_loop())
        refused, _rest = WebSocketReader(queue, 0, compress=False, decode_text=False).feed_data(wire)
        assert not refused
        queue.feed_eof()
        found: list[bytes] = []
        while True:
            try:
                message: Any = await queue.read()
            except EofStream:
                return found
            if message.type is WSMsgType.TEXT:
                found.append(message.data)

    return asyncio.run(read())


@pytest.mark.parametrize("use_mask", [False, True])
def test_frames_that_aiohttp_writes(use_mask: bool) -> None:
    """Every form of length, masked or not, with controls and sound between."""
    texts = [b"x" * size for size in (0, 1, 125, 126, 127, 65535, 65536, 70_000)]
    payloads = [pair for text in texts for pair in ((text, TEXT), (b"ping", PING), (text, BINARY), (b"", PONG))]
    wire = written(payloads, use_mask=use_mask)
    assert feed_three_ways(wire, messages) == (texts, False)


_PART = st.tuples(st.binary(max_size=200), st.sampled_from([b"", b"mask", b"\x00\xff\x80\x7f"]))
_CONTROLS = st.lists(st.sampled_from([PING, PONG]), max_size=2)
_MESSAGE = st.tuples(st.sampled_from([TEXT, BINARY]), st.lists(_PART, min_size=1, max_size=4), _CONTROLS)


@FEW
@given(st.lists(_MESSAGE, max_size=6), st.lists(st.integers(0, 2000), max_size=6))
def test_any_messages_beside_aiohttp(told: list[tuple[int, list[tuple[bytes, bytes]], list[int]]], cuts: list[int]) -> None:
    """Of any messages in any fragments, cut anywhere, both read the same texts."""
    wire = b""
    for opcode, parts, controls in told:
        for at, (payload, mask) in enumerate(parts):
            wire += frame(payload, CONT if at else opcode, final=at == len(parts) - 1, mask=mask)
            wire += b"".join(frame(b"c", control) for control in controls)
    places = sorted({0, *(cut % (len(wire) + 1) for cut in cuts), len(wire)})
    pieces = [wire[start:end] for start, end in pairwise(places)]
    assert messages(pieces) == (read_by_aiohttp(wire), False)
    assert messages(single(wire)) == messages(pieces)


def asked() -> Asked:
    """A request to the sandbox's realtime door."""
    return Asked("openai", "GET", "/v1/realtime", {"model": "gpt-realtime"}, {}, {})


HEARING = {"audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}, "output_modalities": ["audio"]}
TURNS: list[dict[str, Any]] = [
    {"type": "session.update", "session": HEARING},
    {"type": "input_audio_buffer.append", "audio": "AAAA" * 48_000},
    {"type": "input_audio_buffer.commit"},
    {"type": "response.create", "response": {"input": "please say one two three four"}},
    {"type": "response.create", "response": {"input": "please say it as text", "output_modalities": ["text"]}},
]


def test_a_session_of_the_sandbox() -> None:
    """Sound, text and a transcript, framed by aiohttp: what the events state is what is counted."""
    session = Session(asked())
    told = [session.opening(), *(event for turn in TURNS for event in session.answer(msgspec.json.encode(turn).decode()))]
    kinds = [event["type"] for event in told]
    assert kinds.count("response.output_audio.delta") == 4
    stated = [event["response"]["usage"] for event in told if event["type"] == "response.done"]
    stated += [event["usage"] for event in told if event["type"].endswith("transcription.completed")]
    cached = sum(usage["input_token_details"].get("cached_tokens", 0) for usage in stated)
    assert len(stated) == 3
    assert cached > 0
    assert all(usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0 for usage in stated)
    heard = sum(usage["input_token_details"]["audio_tokens"] for usage in stated)
    spoken = sum(usage.get("output_token_details", {}).get("audio_tokens", 0) for usage in stated)
    assert min(heard, spoken) > 0
    total = DetailedTokens(
        sum(usage["input_tokens"] for usage in stated) - cached, cached, 0, sum(usage["output_tokens"] for usage in stated),
        input_audio=heard, output_audio=spoken,
    )  # fmt: skip
    wire = written([(msgspec.json.encode(event), TEXT) for event in told])
    assert feed_three_ways(wire, metered) == (total, 2, False, False, "upstream_final")


def test_the_sandbox_bills_whisper_by_duration() -> None:
    """A transcription priced by the second states seconds of the sound that came, and no tokens are counted."""
    session = Session(asked())
    wish = {"type": "session.update", "session": {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}}
    told = [event for turn in (wish, *TURNS[1:3]) for event in session.answer(msgspec.json.encode(turn).decode())]
    assert told[-1]["usage"] == {"type": "duration", "seconds": 3.0}
    assert metered([written([(msgspec.json.encode(event), TEXT) for event in told])])[0] is None


# What counts.

_USAGE = b'{"input_tokens":5,"output_tokens":3,"input_token_details":{"cached_tokens":2}}'
_FIVE = Tokens(3, 2, 0, 3)


def _sounding(count: int, details: bytes, spoken: int = 7) -> bytes:
    """The end of a response with `count` tokens of input and nine of output."""
    usage = b'{"input_tokens":%d,"output_tokens":9,"input_token_details":%b,"output_token_details":{"audio_tokens":%d}}'
    return b'{"type":"response.done","response":{"usage":%b}}' % (usage % (count, details, spoken))


COUNTED: dict[str, tuple[bytes, Tokens | None, int]] = {
    "plain": (b'{"type":"response.done","response":{"usage":%b}}' % _USAGE, _FIVE, 1),
    "event-id-first": (b'{"event_id":"e","type":"response.done","response":{"usage":%b}}' % _USAGE, _FIVE, 1),
    "spaces": (b' {\n "event_id" : "e" ,\t"type" : "response.done", "response" : { "usage" : %b } }' % _USAGE, _FIVE, 1),
    "type-last": (b'{"response":{"a":"%b","usage":%b},"type":"response.done"}' % (b"x" * HEAD, _USAGE), _FIVE, 1),
    "no-details": (b'{"type":"response.done","response":{"usage":{"input_tokens":5,"output_tokens":3}}}', Tokens(5, 0, 0, 3), 1),
    "null-details": (
        b'{"type":"response.done","response":{"usage":{"input_tokens":5,"input_token_details":null}}}', Tokens(5), 1,
    ),
    "null-counts": (
        b'{"type":"response.done","response":{"usage":{"input_tokens":null,"input_token_details":{"cached_tokens":null}}}}',
        Tokens(), 1,
    ),
    "sound": (_sounding(100, b'{"cached_tokens":64,"audio_tokens":13,"cached_tokens_details":{"audio_tokens":4}}'),
              DetailedTokens(36, 64, 0, 9, 0, 0, 9, 4, 7), 1),
    "sound-cached-and-nobody-says-which": (_sounding(100, b'{"cached_tokens":64,"audio_tokens":40}'),
                                           DetailedTokens(36, 64, 0, 9, 0, 0, 36, 4, 7), 1),
    "sound-cached-null": (_sounding(100, b'{"cached_tokens":64,"audio_tokens":40,"cached_tokens_details":null}'),
                          DetailedTokens(36, 64, 0, 9, 0, 0, 36, 4, 7), 1),
    "sound-and-only-text-cached": (
        _sounding(100, b'{"cached_tokens":64,"audio_tokens":20,"cached_tokens_details":{"text_tokens":64,"audio_tokens":0}}'),
        DetailedTokens(36, 64, 0, 9, 0, 0, 20, 0, 7), 1,
    ),
    "more-sound-than-there-is": (
        _sounding(100, b'{"cached_tokens":64,"audio_tokens":999,"cached_tokens_details":{"audio_tokens":99}}', 99),
        DetailedTokens(36, 64, 0, 9, 0, 0, 36, 64, 9), 1,
    ),
    "negative-sound": (
        _sounding(100, b'{"cached_tokens":64,"audio_tokens":-9,"cached_tokens_details":{"audio_tokens":-9}}', -9),
        Tokens(36, 64, 0, 9), 1,
    ),
    "no-sound": (_sounding(100, b'{"cached_tokens":64,"audio_tokens":null}', 0), Tokens(36, 64, 0, 9), 1),
    "cancelled": (b'{"type":"response.done","response":{"status":"cancelled","usage":%b}}' % _USAGE, _FIVE, 1),
    "failed": (b'{"type":"response.done","response":{"status":"failed","usage":null}}', None, 0),
    "no-usage": (b'{"type":"response.done","response":{}}', None, 0),
    "no-response": (b'{"type":"response.done"}', None, 0),
    "heard": (b'{"type":"conversation.item.input_audio_transcription.completed","usage":%b}' % _USAGE, _FIVE, 0),
    "heard-seconds": (
        b'{"type":"conversation.item.input_audio_transcription.completed","usage":{"type":"duration","seconds":4.5}}', None, 0,
    ),
    "heard-nothing": (b'{"type":"conversation.item.input_audio_transcription.completed","usage":null}', None, 0),
    "another-event": (b'{"type":"response.updated","response":{"usage":%b}}' % _USAGE, None, 0),
    "a-text-of-that-name": (b'{"delta":"response.done","type":"x","response":{"usage":%b}}' % _USAGE, None, 0),
    "an-event-in-a-text": (
        b'{"item":"{\\"type\\":\\"response.done\\",\\"response\\":{\\"usage\\":{\\"input_tokens\\":5}}}","type":"x"}', None, 0,
    ),
    "negative": (b'{"type":"response.done","response":{"usage":{"input_tokens":-5,"output_tokens":-3}}}', Tokens(), 1),
    "more-cached-than-there-is": (
        b'{"type":"response.done","response":{"usage":{"input_tokens":1,"input_token_details":{"cached_tokens":9}}}}',
        Tokens(0, 9), 1,
    ),
    "too-many": (
        b'{"type":"response.done","response":{"usage":{"output_tokens":9999999999999999999}}}', Tokens(output=2**53), 1,
    ),
    "floats": (b'{"type":"response.done","response":{"usage":{"input_tokens":5.0,"output_tokens":3e0}}}', Tokens(5, 0, 0, 3), 1),
    "one-text-for-a-number": (
        b'{"type":"response.done","response":{"usage":{"input_tokens":"5","output_tokens":3}}}', Tokens(output=3), 1,
    ),
    "details-no-object": (
        (b'{"type":"response.done","response":{"usage":{"input_tokens":5,"output_tokens":3,"input_token_details":[],'
         b'"output_token_details":""}}}'), Tokens(5, 0, 0, 3), 1,
    ),
    "sound-no-number": (_sounding(100, b'{"cached_tokens":64,"audio_tokens":"","cached_tokens_details":[]}', 0),
                        Tokens(36, 64, 0, 9), 1),
    "thousands-of-digits": (
        b'{"type":"response.done","response":{"usage":{"output_tokens":%b}}}' % (b"9" * 5000), Tokens(output=2**53), 1,
    ),
    "no-json-inside": (
        b'{"type":"response.done","response":{"score":NaN,"usage":%b}}' % _USAGE, _FIVE, 1,
    ),
    "heard-floats": (
        b'{"type":"conversation.item.input_audio_transcription.completed","usage":{"input_tokens":5.0,"output_tokens":"3"}}',
        Tokens(5), 0,
    ),
    "heard-seconds-and-more": (
        b'{"type":"conversation.item.input_audio_transcription.completed","usage":{"type":"duration","input_tokens":""}}', None,
        0,
    ),
    "another-odd-event": (b'{"type":"response.updated","a":"response.done","usage":[]}', None, 0),
    "half": (b'{"type":"response.done","response":{"usage":%b' % _USAGE, None, 0),
    "an-array": (b'["response.done"]', None, 0),
    "no-json": (b'"response.done" \xff\xfe', None, 0),
    "deep": (b'{"type":"response.done","x":' + b"[" * 100_000, None, 0),
    "deep-inside": (b'{"type":"response.done","response":{"usage":' + b'{"x":' * 100_000, None, 0),
    "no-utf-8": (b'{"type":"response.done","event_id":"\xff","response":{"usage":{"type":"\xff"}}}', Tokens(), 1),
    "empty": (b"", None, 0),
}  # fmt: skip


@pytest.mark.parametrize(("event", "tokens", "responses"), COUNTED.values(), ids=COUNTED)
def test_what_counts(event: bytes, tokens: Tokens | None, responses: int) -> None:
    """Each kind once, however the event is written; what cannot be read counts as nothing and disturbs nothing."""
    source = "none" if tokens is None else "upstream_final"
    assert metered([frame(event)]) == (tokens, responses, False, False, source)
    both = metered([frame(DONE) + frame(event)])
    assert both == (added(ONE, tokens or Tokens()), responses + 1, False, False, "upstream_final")
    assert metered([frame(event) + frame(DONE)]) == both


@pytest.mark.parametrize("usage", [b"[]", b'"x"', b"5", b'{"input_tokens":"5"}', b'{"input_tokens":[],"output_tokens":0.5}'])
def test_usage_that_cannot_be_read(usage: bytes) -> None:
    """It is estimated by its event, which repeats what was said, and the sum is flagged; a response is over all the same."""
    event = b'{"type":"response.done","response":{"output":[{"transcript":"a b c d"}],"usage":%b}}' % usage
    guess = Tokens(output=len(event) // 4)
    assert metered([frame(BEGUN) + frame(event)]) == (guess, 1, False, False, "estimated")
    assert metered([frame(DONE) + frame(event)]) == (added(ONE, guess), 2, False, False, "estimated")
    heard = b'{"type":"conversation.item.input_audio_transcription.completed","transcript":"a","usage":%b}' % usage
    assert metered([frame(heard)]) == (Tokens(output=len(heard) // 4), 0, False, False, "estimated")
    odd = b'{"type":"response.created","response":{"usage":%b}}' % usage
    assert metered([frame(odd)]) == (None, 0, True, False, "none")


_SPOILT = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.text(max_size=3) | st.sampled_from([0.5, 3.0, 1e300]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["audio_tokens", "cached_tokens"]), inner),
    max_leaves=5,
)
_PLACES = [("input_token_details",), ("output_token_details",), ("input_token_details", "cached_tokens"),
           ("input_token_details", "audio_tokens"), ("input_token_details", "cached_tokens_details"),
           ("input_token_details", "cached_tokens_details", "audio_tokens"),
           ("output_token_details", "audio_tokens")]  # fmt: skip


@MANY
@given(st.sampled_from(_PLACES), _SPOILT)
def test_any_detail_spoilt(path: tuple[str, ...], put: object) -> None:
    """Whatever stands in a detail: the output stays as stated, and so does the input unless more was cached than there
    is; nothing is below 0."""
    event = json.loads(DONE)
    inner = event["response"]["usage"]
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = put
    tokens, responses, _unfinished, _lost, source = metered([frame(json.dumps(event).encode())])
    assert tokens is not None
    assert (tokens.output, responses, source) == (121, 1, "upstream_final")
    assert tokens.input + tokens.cache_read == max(132, tokens.cache_read)
    assert min(msgspec.structs.astuple(tokens)) >= 0


def test_a_response_without_its_end() -> None:
    """A connection that ends inside a response states a part of its cost only."""
    assert metered([frame(BEGUN), frame(SOUND)]) == (None, 0, True, False, "none")
    assert metered([frame(BEGUN), frame(DONE), frame(BEGUN)]) == (ONE, 1, True, False, "upstream_partial")
    assert metered([frame(BEGUN), frame(DONE)[:-1]]) == (None, 0, True, False, "none")
    assert metered([frame(BEGUN), frame(BEGUN), frame(DONE), frame(DONE)])[1:] == (2, False, False, "upstream_final")
    assert metered([frame(DONE), frame(BEGUN)])[2:] == (True, False, "upstream_partial")


# What is no framing.

NOT_FRAMING = {
    "reserved-1": b"\xc1\x01x",     # a compressed message: nobody agreed on that
    "reserved-2": b"\xa1\x01x",
    "reserved-3": b"\x91\x01x",
    "opcode-3": b"\x83\x00",
    "opcode-7": b"\x87\x00",
    "opcode-11": b"\x8b\x00",
    "opcode-15": b"\x8f\x00",
    "ping-in-parts": b"\x09\x00",
    "close-in-parts": b"\x08\x00",
    "long-ping": b"\x89\x7e\x00\x7e" + bytes(126),
    "two-bytes-for-125": b"\x81\x7e\x00\x7d" + bytes(125),
    "eight-bytes-for-65535": b"\x81\x7f" + (65535).to_bytes(8, "big"),
    "length-with-sign": b"\x81\x7f\x80" + bytes(7),
    "continues-nothing": frame(b"x", CONT),
    "begins-inside": frame(b"x", final=False) + frame(b"y"),
    "sound-begins-inside": frame(b"x", final=False) + frame(b"y", BINARY),
    "http": b"HTTP/1.1 200 OK\r\n",
    "json": b'{"type":"response.done"}',
}  # fmt: skip


@pytest.mark.parametrize("noise", NOT_FRAMING.values(), ids=NOT_FRAMING)
def test_deaf_to_what_is_no_framing(noise: bytes) -> None:
    """What came before still counts, as a part; what comes behind does not, however well it is framed."""
    assert feed_three_ways(noise, messages, behind=frame(b"behind")) == ([], True)
    assert feed_three_ways(frame(DONE) + noise, metered, behind=frame(DONE)) == (ONE, 1, False, True, "upstream_partial")
    assert metered([noise]) == (None, 0, False, True, "none")


@MANY
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=4))
def test_any_bytes(data: bytes, cuts: list[int]) -> None:
    """Nothing raises, and where the bytes are cut makes no difference."""
    places = sorted({0, *(cut % (len(data) + 1) for cut in cuts), len(data)})
    pieces = [data[start:end] for start, end in pairwise(places)]
    assert messages(pieces) == feed_three_ways(data, messages)
    assert metered(pieces) == feed_three_ways(data, metered)


@MANY
@given(st.integers(0, len(CONVERSATION) - 1), st.integers(0, 255))
def test_any_byte_changed(at: int, byte: int) -> None:
    """A spoilt byte raises nothing, pays nothing back, and is read the same at any cut."""
    spoilt = CONVERSATION[:at] + bytes([byte]) + CONVERSATION[at + 1 :]
    tokens, responses, *_rest = feed_three_ways(spoilt, metered)
    assert responses <= 2
    assert tokens is None or min(msgspec.structs.astuple(tokens)) >= 0


# What is kept.


def test_a_message_too_large_is_let_by() -> None:
    """Beyond 1 MiB even an event about usage is not kept, which shows; what comes behind is read."""
    room = MAX_MESSAGE - len(DONE)
    just = DONE[:-1] + b" " * room + b"}"
    assert metered([frame(BEGUN), frame(just)]) == (ONE, 1, False, False, "upstream_final")
    large = DONE[:-1] + b" " * (room + 1) + b"}"
    wire = frame(BEGUN) + in_parts(large, 1000, 500_000) + frame(BEGUN) + frame(DONE)
    assert metered([wire]) == (ONE, 1, True, False, "upstream_partial")
    assert metered([wire[at : at + 4096] for at in range(0, len(wire), 4096)]) == metered([wire])


ENDLESS = {
    "one-frame": (frame(bytes(10 * MAX_MESSAGE))[:10], bytes(8192), 500),
    "fragments": (frame(b"{", final=False), frame(bytes(8192), CONT, final=False), 500),
    "fragments-of-a-byte": (frame(b"{", final=False), frame(b" ", CONT, final=False), 100_000),
}


@pytest.mark.parametrize(("opening", "piece", "times"), ENDLESS.values(), ids=ENDLESS)
def test_memory_is_bounded(opening: bytes, piece: bytes, times: int) -> None:
    """Of a message without an end, in pieces of any size, not much more than 1 MiB is held."""
    usage = RealtimeUsage()
    usage.feed(opening)
    tracemalloc.start()
    try:
        for _ in range(times):
            usage.feed(piece)
        assert tracemalloc.get_traced_memory()[1] < 2.5 * MAX_MESSAGE
    finally:
        tracemalloc.stop()
    assert not usage.lost


def test_a_message_is_judged_by_its_head() -> None:
    """Each text message is shown once, by 256 bytes at most, and one that does not matter is not returned."""
    shown: list[bytes] = []

    def matters(head: bytes) -> bool:
        shown.append(head)
        return head.startswith(b"a")

    texts = [b"a" * 10, b"b" * 10, b"a" * 1000, b"b" * 1000, b"a" * HEAD, b""]
    wire = b"".join(map(frame, texts)) + frame(b"a", BINARY) + frame(b"a", PING)
    reader = FrameReader(matters)
    assert [message for byte in single(wire) for message in reader.feed(byte)] == [text for text in texts if text[:1] == b"a"]
    assert shown == [text[:HEAD] for text in texts]


# The handshake.


def test_no_extension_is_agreed_on() -> None:
    """What would hide the frames from the meter is not offered to a vendor, and not passed on if one names it unasked
    (RFC 6455 section 9.1), in any spelling; the rest of the handshake is."""
    offer = b"permessage-deflate; client_max_window_bits"
    headers: Headers = [
        (b"sec-websocket-key", b"k"),
        (b"sec-websocket-extensions", offer),
        (b"sec-websocket-version", b"13"),
        (b"sec_websocket_extensions", offer),
        (b"sec-websocket-extensions", offer),
    ]
    for vendor in ("openai", "azure_openai", "openai_compatible"):
        assert to_vendor(headers, vendor, websocket=True) == b"sec-websocket-key: k\r\nsec-websocket-version: 13\r\n"
    line = parse_response(
        b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: a\r\n"
        b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
        "GET",
    )
    assert handshake(line) == b"sec-websocket-accept: a\r\n"
