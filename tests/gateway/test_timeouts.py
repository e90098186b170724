"""Silence: an upstream's is ended in time, and a quiet stream is kept alive meanwhile."""

import time
from collections.abc import Iterator

import anthropic
import openai
import pytest

import rig
from gateway import kit, plain
from stationmaster.sandbox.server import SandboxServer


@pytest.fixture(scope="module")
def hasty(vendor: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway that does not wait long for an answer to begin."""
    with rig.running_gateway(kit.wide(vendor.url, answer_timeout=0.6, keepalive_comment=0.3)) as running:
        yield running


@pytest.fixture(scope="module")
def talkative(vendor: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway that comments on silence, and ends it when it has lasted for six comments."""
    with rig.running_gateway(kit.wide(vendor.url, idle_timeout=1.8, keepalive_comment=0.3)) as running:
        yield running


DOORS = [
    ("/v1/chat/completions", plain.chat()),
    ("/v1/responses", plain.responses()),
    ("/v1/messages", plain.messages()),
    ("/v1beta/models/gemini-x:streamGenerateContent?alt=sse", plain.gemini()),
]


@pytest.mark.parametrize(("target", "value"), DOORS)
def test_no_answer(hasty: rig.Gateway, target: str, value: dict[str, object]) -> None:
    """An upstream that does not begin to answer is 504 in the dialect, streamed or not; no comment before a 200."""
    target += ("&" if "?" in target else "?") + "sandbox_fault=sandbox-hang"
    started = time.monotonic()
    answer = plain.post(hasty.port, target, {**value, "stream": True})
    assert answer.status == 504
    assert b"upstream_timeout" in answer.body.lower()
    assert b"keep-alive" not in answer.body
    assert time.monotonic() - started > 0.4, "not before its time is up"


@pytest.mark.parametrize(("target", "value"), DOORS)
def test_a_stream_that_falls_silent(talkative: rig.Gateway, target: str, value: dict[str, object]) -> None:
    """Comments keep it alive; when its time is up it ends with the dialect's error."""
    target += ("&" if "?" in target else "?") + "sandbox_fault=sandbox-stall"
    answer = plain.post(talkative.port, target, {**value, "stream": True})
    assert (answer.status, answer.whole) == (200, True)
    comments = answer.body.count(b"\n\n: keep-alive\n\n") + answer.body.count(b": keep-alive\n\n: keep-alive")
    assert 1 <= comments <= 6
    if "gemini" in target:
        assert answer.body.endswith(b": keep-alive\n\n")
        assert b"finishReason" not in answer.body
    else:
        assert b"did not answer in time" in answer.body.split(b": keep-alive\n\n")[-1]
    assert talkative.event(answer.request_id)["error"] == "upstream_timeout"


def test_json_that_falls_silent(talkative: rig.Gateway) -> None:
    """A JSON answer that stops in its middle is cut, so that it never looks whole; it gets no comments."""
    answer = plain.post(talkative.port, "/v1/responses", plain.responses("sandbox-stall"))
    assert (answer.status, answer.whole) == (200, False)
    assert b"keep-alive" not in answer.body


def test_sdks_do_not_mind_comments(talkative: rig.Gateway) -> None:
    """Both SDKs skip the comments and raise at the end."""
    with (
        openai.OpenAI(base_url=f"{talkative.url}/v1", api_key=rig.KEY, max_retries=0, timeout=20) as oai,
        oai.chat.completions.create(
            model="sandbox-stall", messages=[{"role": "user", "content": "say OK"}], stream=True
        ) as chunks,
        pytest.raises(openai.APIError, match="did not answer in time"),
    ):
        list(chunks)
    with (
        anthropic.Anthropic(base_url=talkative.url, api_key=rig.KEY, max_retries=0, timeout=20) as ant,
        ant.messages.create(
            model="claude-x", max_tokens=5, messages=[{"role": "user", "content": "say OK"}], stream=True,
            extra_headers={"x-sandbox-fault": "sandbox-stall"},
        ) as events,
        pytest.raises(anthropic.APIStatusError, match="did not answer in time"),
    ):  # fmt: skip
        list(events)


def test_a_lively_stream_has_no_comments(vendor: SandboxServer) -> None:
    """Twenty milliseconds between events are no silence, though all of them together are longer than one."""
    value = plain.responses("sandbox-slow", "say OK words:180", stream=True)
    with rig.running_gateway(kit.wide(vendor.url, keepalive_comment=2.0)) as gateway:
        started = time.monotonic()
        answer = plain.post(gateway.port, "/v1/responses", value)
        assert time.monotonic() - started > 2.5
    assert b"keep-alive" not in answer.body
    assert b"response.completed" in answer.body
