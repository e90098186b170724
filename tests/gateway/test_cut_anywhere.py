"""An upstream that breaks off at any byte whatever: the client never gets half an event, or a whole answer."""

import json
from typing import Any

import openai
import pytest

import rig
from gateway import kit, plain
from gateway.upstream import Request, Upstream
from stationmaster.sandbox.server import SandboxServer

STEP = 5     # every fifth byte, beginning anew at each kind of stream
DOORS = [
    ("/v1/chat/completions", plain.chat(said="say a b c", stream=True)),
    ("/v1/chat/completions", plain.chat(said="say a b c", stream=True, stream_options={"include_usage": True})),
    ("/v1/responses", plain.responses(said="say a", stream=True)),
    ("/v1/messages", plain.messages(said="say a b", stream=True)),
    ("/v1beta/models/gemini-x:streamGenerateContent?alt=sse", plain.gemini("say a b c")),
]


def recorded(vendor: SandboxServer, target: str, value: object) -> bytes:
    """The vendor's answer to a request, as it stands on the wire."""
    body = plain.dump(value)
    with plain.connected(vendor.port) as sock:
        fields = [plain.BEARER, ("x-api-key", "k"), ("x-goog-api-key", "k"), plain.JSON, ("connection", "close")]
        sock.sendall(plain.head("POST", target, fields, length=len(body)) + body)
        return rig.read_all(sock)


def told(body: bytes) -> list[Any]:
    """The data of every event that a parser would hand on; raises ValueError for half a one."""
    events = body.replace(b": keep-alive\n\n", b"").split(b"\n\n")
    assert events.pop() == b"", "the last event has its blank line"
    lines = [line for event in events for line in event.split(b"\n") if line.startswith(b"data:")]
    return [json.loads(line[5:]) if line != b"data: [DONE]" else "[DONE]" for line in lines]


@pytest.mark.parametrize(("target", "value"), DOORS)
def test_a_stream(vendor: SandboxServer, target: str, value: dict[str, Any]) -> None:
    """Before the body: our 502. In it: whole events, then the dialect's error; Gemini's just ends."""
    raw = recorded(vendor, target, value)
    head = raw.index(b"\r\n\r\n") + 4
    upto = [0]

    def cut(request: Request) -> None:
        request.wire.sendall(raw[: upto[0]])
        raise OSError("hang up")

    with Upstream(cut) as upstream, rig.running_gateway(kit.wide(upstream.url)) as gateway:
        for place in [*range(1, head, 40), *range(head, len(raw) - 5, STEP)]:
            upto[0] = place
            answer = plain.post(gateway.port, target, value)
            if place <= head:
                assert answer.status == 502, place
                continue
            if answer.status == 502:
                assert place < head + 700, "nothing was told yet"
                continue
            assert (answer.status, answer.whole) == (200, True)
            events = told(answer.body)
            if "gemini" in target:
                assert "error" not in events[-1]
            elif "responses" in target:
                assert events[-1]["type"] == "response.failed" or place > raw.rindex(b"response.completed")
            else:
                done = events[-1] == "[DONE]" or events[-1].get("type") == "message_stop"
                assert "error" in events[-1] or done, place


def test_json(vendor: SandboxServer) -> None:
    """A JSON answer that is cut is never whole: 502, or a body shorter than was announced."""
    value = plain.responses()
    raw = recorded(vendor, "/v1/responses", value)
    upto = [0]

    def cut(request: Request) -> None:
        request.wire.sendall(raw[: upto[0]])
        raise OSError("hang up")

    with Upstream(cut) as upstream, rig.running_gateway(kit.wide(upstream.url)) as gateway:
        for upto[0] in range(1, len(raw), 17):
            answer = plain.post(gateway.port, "/v1/responses", value)
            assert answer.status == 502 or not answer.whole


def test_in_the_sdk(vendor: SandboxServer) -> None:
    """Cut inside an event, the SDK still sees the error event and not half a text."""
    value = plain.responses(said="say a b c", stream=True)
    raw = recorded(vendor, "/v1/responses", value)
    half = raw.index(b"response.output_text.delta") + 60

    def cut(request: Request) -> None:
        request.wire.sendall(raw[:half])
        raise OSError("hang up")

    with (
        Upstream(cut) as upstream,
        rig.running_gateway(kit.wide(upstream.url)) as gateway,
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=rig.KEY, max_retries=0, timeout=20) as client,
        client.responses.create(model="gpt-4o", input="say a b c", stream=True) as stream,
    ):
        assert [event.type for event in stream][-1] == "response.failed"
