"""What a request cost stands in its event, read from the answer, in every dialect, streamed and not."""

import time
from typing import Any

import pytest

import rig
from gateway import plain
from gateway.doors import FORM, form
from gateway.upstream import Request, Upstream

SAID = "one two three four five say OK now"          # eight words in, two of them cached, two out
WHOLE = {"input": 6, "cache_read": 2, "cache_write": 0, "output": 2, "reasoning": 0}
THOUGHT = {**WHOLE, "output": 5, "reasoning": 3}
GEMINI = "/v1beta/models/gemini-x"
AZURE = "/openai/deployments/azure-x"

ROWS: list[tuple[str, dict[str, Any], dict[str, int]]] = [
    ("/v1/chat/completions", plain.chat(said=SAID), WHOLE),
    ("/v1/chat/completions", plain.chat(said=SAID, reasoning_effort="low"), THOUGHT),
    ("/v1/completions", {"model": "gpt-4o", "prompt": SAID}, WHOLE),
    ("/v1/responses", plain.responses(said=SAID), WHOLE),
    ("/v1/responses", plain.responses(said=SAID, reasoning={"effort": "low"}), THOUGHT),
    ("/v1/messages", plain.messages(said=SAID), WHOLE),
    ("/v1/messages", plain.messages(said=SAID, thinking={"type": "enabled"}), THOUGHT),
    ("/openai/deployments/azure-x/chat/completions", plain.chat(said=SAID), WHOLE),
    (f"{GEMINI}:generateContent", plain.gemini(SAID), WHOLE),
    (f"{GEMINI}:generateContent", plain.gemini(SAID) | {"generationConfig": {"thinkingConfig": {"a": 1}}}, THOUGHT),
]  # fmt: skip
STREAMS = [
    (target.replace(":generateContent", ":streamGenerateContent?alt=sse"), {**value, "stream": True}, tokens)
    for target, value, tokens in ROWS
] + [(f"{GEMINI}:streamGenerateContent", plain.gemini(SAID), WHOLE)]


@pytest.mark.parametrize(("target", "value", "tokens"), ROWS + STREAMS)
def test_exact(gateway: rig.Gateway, target: str, value: dict[str, Any], tokens: dict[str, int]) -> None:
    """The vendor's own counts, by kind, marked as final."""
    if "thinking" in value and value.get("stream"):
        tokens = {**tokens, "reasoning": 3}
    elif "thinking" in value:
        tokens = {**tokens, "reasoning": 0}     # a whole message does not say how much of it was thought
    answer = plain.post(gateway.port, target, value)
    event = gateway.event(answer.request_id)
    assert (event["tokens"], event["usage_source"]) == (tokens, "upstream_final")
    assert event["stream"] == ((answer.header("content-type") or "").startswith("text/event-stream"))


OTHERS: list[tuple[str, dict[str, Any], int, int]] = [
    ("/v1/embeddings", {"model": "text-embedding-3", "input": "one two three four"}, 4, 0),
    ("/v1/images/generations", {"model": "gpt-image-1", "prompt": "a dot"}, 2, 16),
    ("/v1/images/generations", {"model": "gpt-image-1", "prompt": "a dot", "stream": True}, 2, 16),
    ("/v1/audio/speech", {"model": "tts-1", "voice": "a", "input": "a b", "stream_format": "sse"}, 2, 16),
    ("/v1/responses/compact", plain.responses(said="a b"), 2, 4),
]


@pytest.mark.parametrize(("target", "value", "tokens_in", "tokens_out"), OTHERS)
def test_other_endpoints(
    gateway: rig.Gateway, target: str, value: dict[str, Any], tokens_in: int, tokens_out: int
) -> None:
    """Embeddings, images, sound: whatever states usage is read."""
    event = gateway.event(plain.post(gateway.port, target, value).request_id)
    assert (event["tokens"]["input"], event["tokens"]["output"]) == (tokens_in, tokens_out)
    assert event["usage_source"] == "upstream_final"


@pytest.mark.parametrize("stream", [b"false", b"true"])
def test_a_transcription(gateway: rig.Gateway, stream: bytes) -> None:
    """A form's answer, too."""
    body = form(("model", b"whisper-1"), ("stream", stream))
    answer = plain.ask(gateway.port, "POST", "/v1/audio/transcriptions", body, [plain.BEARER, ("content-type", FORM)])
    event = gateway.event(answer.request_id)
    assert (event["tokens"]["input"], event["tokens"]["output"], event["model"]) == (10, 5, "whisper-1")


@pytest.mark.parametrize(
    ("method", "target", "value"),
    [
        ("GET", "/v1/files", None),
        ("POST", "/v1/moderations", {"input": "x"}),
        ("POST", "/v1/messages/count_tokens", plain.messages()),
        ("POST", f"{GEMINI}:countTokens", plain.gemini()),
        ("GET", "/v1/responses/resp_1", None),
        ("GET", "/v1/models", None),
    ],
)
def test_what_costs_nothing(gateway: rig.Gateway, method: str, target: str, value: object) -> None:
    """No tokens are booked where none were spent: reading a response again does not bill it twice."""
    body = None if value is None else plain.dump(value)
    event = gateway.event(plain.ask(gateway.port, method, target, body, [plain.BEARER, plain.JSON]).request_id)
    assert (event["tokens"], event["usage_source"]) == (None, "none")


@pytest.mark.parametrize(("target", "value", "tokens"), ROWS[::3] + STREAMS[:-1:3])
def test_a_vendor_that_states_none(
    gateway: rig.Gateway, target: str, value: dict[str, Any], tokens: dict[str, int]
) -> None:
    """A whole answer without usage books nothing, and says that there was none."""
    answer = plain.post(gateway.port, target, value, ("x-sandbox-fault", "sandbox-no-usage"))
    event = gateway.event(answer.request_id)
    assert (event["status"], event["tokens"], event["usage_source"]) == (200, None, "none")


@pytest.mark.parametrize("target", ["/v1/chat/completions", "/v1/completions", f"{AZURE}/chat/completions"])
@pytest.mark.parametrize("asked", [False, True])
def test_the_usage_chunk(gateway: rig.Gateway, target: str, asked: bool) -> None:
    """It reaches who asked for it, and nobody else sees it or any chunk without choices."""
    said = {"messages": plain.chat(said=SAID)["messages"]} if "chat" in target else {"prompt": SAID}
    value: dict[str, object] = {"model": "gpt-4o", "stream": True, **said}
    if asked:
        value["stream_options"] = {"include_usage": True}
    answer = plain.post(gateway.port, target, value)
    events = [line for line in answer.body.split(b"\n\n") if line]
    assert events[-1] == b"data: [DONE]"
    chunks = [plain.load(event.removeprefix(b"data: ")) for event in events[:-1]]
    empty = [chunk for chunk in chunks if not chunk["choices"] and "prompt_filter_results" not in chunk]
    assert len(empty) == asked
    assert [chunk["usage"]["total_tokens"] for chunk in chunks if chunk.get("usage")] == [10] * asked
    assert answer.whole


def test_the_usage_chunk_of_a_refused_option(gateway: rig.Gateway) -> None:
    """`include_usage: false` is a way of not asking."""
    value = plain.chat(said=SAID, stream=True, stream_options={"include_usage": False})
    answer = plain.post(gateway.port, "/v1/chat/completions", value)
    assert b'"total_tokens"' not in answer.body
    assert gateway.event(answer.request_id)["tokens"] == WHOLE


CUT = ["sandbox-cut", "sandbox-cut-fin"]


@pytest.mark.parametrize("fault", CUT)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("target", "value", "tokens"), [ROWS[0], ROWS[3], ROWS[5], ROWS[8]])
def test_a_broken_answer(
    gateway: rig.Gateway, target: str, value: dict[str, Any], tokens: dict[str, int], stream: bool, fault: str
) -> None:
    """What was cut is booked and flagged: estimated, or for Gemini's streams the last frame's own numbers."""
    if stream:
        target = target.replace(":generateContent", ":streamGenerateContent?alt=sse")
        value = {**value, "stream": True}
    answer = plain.post(gateway.port, target, value, ("x-sandbox-fault", fault))
    event = gateway.event(answer.request_id)
    assert event["error"] == "upstream_disconnected"
    wanted = "upstream_partial" if stream and "gemini" in target else "estimated"
    assert event["usage_source"] == wanted
    assert event["tokens"]["input"] > 0
    assert event["tokens"]["output"] > 0
    if stream and "messages" in target:
        assert event["tokens"]["input"] == 6, "message_start told it"


@pytest.mark.parametrize("fault", ["sandbox-500", "sandbox-429", "sandbox-401", "sandbox-close", "sandbox-garbage"])
def test_errors_cost_nothing(gateway: rig.Gateway, fault: str) -> None:
    """An answer that is an error books nothing."""
    event = gateway.event(plain.post(gateway.port, "/v1/responses", plain.responses(fault)).request_id)
    assert (event["tokens"], event["usage_source"]) == (None, "none")


def test_all_of_an_event(gateway: rig.Gateway) -> None:
    """An event says who, what, where to, how it went and how long it took."""
    value = plain.chat("fast", "say OK", stream=True)
    answer = plain.post(gateway.port, "/v1/chat/completions", value)
    event = gateway.event(answer.request_id)
    times = {name: event.pop(name) for name in ("time", "overhead_us", "first_byte_us", "duration_us")}
    assert 0 < times["overhead_us"] < times["first_byte_us"] <= times["duration_us"] < 10_000_000
    assert event.pop("upstream_request_id") == answer.header("x-request-id")
    assert event == {
        "event": "request", "request_id": answer.request_id, "key": "rig", "owner": "the rig", "tenant": "rig",
        "endpoint": "chat", "dialect": "openai", "method": "POST", "model": "fast", "sent_model": "gpt-4o-mini",
        "pool": "openai", "credential": "openai", "attempts": 1, "status": 200, "upstream_status": 200, "error": "",
        "stream": True, "client_left": False, "client_retry": False,
        "bytes_in": len(plain.dump(value)), "bytes_out": len(answer.body),
        "tokens": {"input": 2, "cache_read": 0, "cache_write": 0, "output": 1, "reasoning": 0},
        "usage_source": "upstream_final", "cost": None, "session": "", "tried": [], "skipped": None,
    }  # fmt: skip


# Usage that is not as the vendor's reference has it, from servers that call themselves compatible.

_COUNTED = {"input": 10, "cache_read": 0, "cache_write": 0, "output": 1000, "reasoning": 0}
ODD: list[tuple[bytes, dict[str, int] | None]] = [
    (b'{"prompt_tokens":10,"completion_tokens":1000,"prompt_tokens_details":[]}', _COUNTED),
    (b'{"prompt_tokens":10,"completion_tokens":1000,"completion_tokens_details":{"audio_tokens":0.0,"reasoning_tokens":"0"}}',
     _COUNTED),
    (b'{"prompt_tokens":10.0,"completion_tokens":1e3,"prompt_tokens_details":null}', _COUNTED),
    (b'{"prompt_tokens":10,"completion_tokens":%b}' % (b"9" * 5000), {**_COUNTED, "output": 2**53}),
    (b'{"prompt_tokens":"10","completion_tokens":""}', None),
    (b"[]", None),
]
FORMS = ("at once", "in pieces", "large")


def _tell(said: dict[str, bytes], request: Request) -> None:
    """Answer with the usage that is to be said: a stream, a body in one piece, in chunks, or too large to be kept."""
    asked = plain.load(request.body)
    whole = b'{"object":"chat.completion","text":"%b","choices":[],"usage":%b}' % (said["text"], said["usage"])
    if asked.get("stream"):
        request.open_stream()
        request.chunk(b'data: {"choices":[{"index":0,"delta":{"content":"w"},"finish_reason":"stop"}]}\n\n')
        if asked.get("stream_options", {}).get("include_usage"):
            request.chunk(b'data: {"service_tier":null,"choices":[],"usage":%b}\n\n' % said["usage"])
        request.chunk(b"data: [DONE]\n\n")
        request.wire.sendall(b"0\r\n\r\n")
    elif said["form"] == b"at once":
        request.answer(whole)
    else:
        request.wire.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
        for at in range(0, len(whole), 10_000):
            request.chunk(whole[at : at + 10_000])
        request.wire.sendall(b"0\r\n\r\n")


@pytest.mark.parametrize(("usage", "tokens"), ODD)
def test_usage_that_is_not_quite_right(usage: bytes, tokens: dict[str, int] | None) -> None:
    """What can be read of it counts; where nothing can, an estimate is booked, flagged. The client gets the vendor's
    bytes, and of a stream not the chunk that it did not ask for."""
    said: dict[str, bytes] = {"usage": usage, "text": b"w", "form": b""}
    with (
        Upstream(lambda request: _tell(said, request)) as upstream,
        rig.running_gateway(rig.snapshot_for(upstream.url)) as gateway,
    ):
        for form in FORMS:
            said |= {"form": form.encode(), "text": b"w" * (200_000 if form == "large" else 1)}
            answer = plain.post(gateway.port, "/v1/chat/completions", plain.chat())
            assert answer.body.endswith(b',"usage":%b}' % usage)
            event = gateway.event(answer.request_id)
            guess = {**_COUNTED, "input": len(plain.dump(plain.chat())) // 4, "output": len(answer.body) // 4}
            wanted = (guess, "estimated") if tokens is None else (tokens, "upstream_final")
            assert (event["tokens"], event["usage_source"]) == wanted, form
        answer = plain.post(gateway.port, "/v1/chat/completions", plain.chat(stream=True))
        event = gateway.event(answer.request_id)
        assert answer.whole
        assert answer.body.count(b"data: ") == 2, "what was said, and [DONE]"
        assert b"usage" not in answer.body
        assert event["usage_source"] == ("estimated" if tokens is None else "upstream_final")
        assert tokens is None or event["tokens"] == tokens
        asking = plain.chat(stream=True, stream_options={"include_usage": True})
        assert b'"usage":%b}' % usage in plain.post(gateway.port, "/v1/chat/completions", asking).body


FIRST = b'event: response.created\ndata: {"type":"response.created","response":{"id":"r"}}\n\n'
LAST = (b'event: response.completed\ndata: {"type":"response.completed","response":{"id":"r",'
        b'"usage":{"input_tokens":3,"output_tokens":2}}}\n\n')


def test_a_byte_a_packet() -> None:
    """However small the pieces of a stream's last event are, it is passed on unchanged and its usage counts."""

    def tell(request: Request) -> None:
        request.open_stream()
        request.chunk(FIRST)
        for at in range(40):
            time.sleep(0.002)
            request.chunk(LAST[at : at + 1])
        request.chunk(LAST[40:])
        request.wire.sendall(b"0\r\n\r\n")

    with Upstream(tell) as upstream, rig.running_gateway(rig.snapshot_for(upstream.url)) as gateway:
        answer = plain.post(gateway.port, "/v1/responses", plain.responses(stream=True))
        event = gateway.event(answer.request_id)
    assert answer.body == FIRST + LAST
    assert (event["tokens"]["input"], event["tokens"]["output"], event["usage_source"]) == (3, 2, "upstream_final")
