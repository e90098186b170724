"""Claude Code through the gateway."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from clients import turns
from clients.desk import Client, Desk
from clients.guide import block
from clients.offline import NAMES_ASKED
from clients.station import PLACE, Station

CLIENT = Client("Claude Code", "@anthropic-ai/claude-code", "claude-code")


@pytest.fixture
def claude(desk: Desk, station: Station, key: str) -> Desk:
    """Where Claude Code runs; told how to reach the gateway as the page says, and to keep quiet."""
    desk.environ |= {
        "ANTHROPIC_BASE_URL": station.url,
        "ANTHROPIC_AUTH_TOKEN": key,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    return desk


def ask(desk: Desk, nonce: str, *options: str) -> dict[str, Any]:
    """One turn; what Claude Code prints about it."""
    told: dict[str, Any] = desk.run(f"claude {' '.join(options)} -p 'say OK {nonce}' --output-format json").json()
    assert (told["result"], told["is_error"], told["num_turns"]) == (f"OK {nonce}", False, 1)
    return told


@pytest.mark.covers("two turns")
def test_two_turns(
    claude: Desk, station: Station, names_asked: Callable[[], list[str]], record_property: Callable[[str, object], None]
) -> None:
    """Both turns are answered in one request each; Claude Code, the vendor and our events agree on the session and
    on every token count, beta features reach the vendor, and nobody outside was asked for."""
    outs = [ask(claude, turns.nonce()), ask(claude, turns.nonce(), "-c")]
    calls = turns.calls(station, CLIENT.id, 2)
    assert outs[0]["session_id"] == outs[1]["session_id"]
    for out, (entry, event) in zip(outs, calls, strict=True):
        assert (entry.path, event["endpoint"], event["stream"]) == ("/v1/messages", "messages", True)
        assert entry.headers["user-agent"].startswith(f"claude-cli/{CLIENT.version} ")
        assert entry.headers["x-claude-code-session-id"] == out["session_id"]
        assert entry.headers["anthropic-beta"].startswith("claude-code-")
        tokens, usage = event["tokens"], out["usage"]
        assert usage["input_tokens"] == tokens["input"]
        assert usage["cache_read_input_tokens"] == tokens["cache_read"]
        assert usage["cache_creation_input_tokens"] == tokens["cache_write"]
        assert usage["output_tokens"] == tokens["output"]
        assert usage["output_tokens_details"]["thinking_tokens"] == tokens["reasoning"]
    assert names_asked() == []
    record_property("note", f"{calls[0][0].body_length // 1000} KB a request")


@pytest.mark.covers("the commands of this page")
def test_page(desk: Desk, station: Station, key: str) -> None:
    """The commands on the page work as they stand there."""
    script = block("claude-code-quiet", station.url, key) + block("claude-code", station.url, key)
    assert desk.run(script).out.split() == ["OK", "OK", "again"]


@pytest.mark.covers("Bedrock and Vertex, by the commands of this page")
@pytest.mark.parametrize("cloud", ["bedrock", "vertex"])
def test_clouds(desk: Desk, station: Station, key: str, cloud: str) -> None:
    """In its modes for clouds Claude Code has its answer, over the cloud's own path; every call is metered, and a model that it
    looks for before is answered or refused, not waited for."""
    script = block("claude-code-quiet", station.url, key) + block(f"claude-code-{cloud}", station.url, key)
    assert desk.run(script).out.split() == ["OK"]
    (last,) = [event for event in station.events(CLIENT.id, 1) if event["stream"]]
    assert (last["credential"], last["status"], last["usage_source"]) == (cloud, 200, "upstream_final")
    seen = station.ledger()[-1]
    turns.check(seen, last)
    assert seen.path.endswith({"bedrock": "/invoke-with-response-stream", "vertex": ":streamRawPredict"}[cloud])
    assert cloud == "bedrock" or seen.path.startswith(PLACE)


@pytest.mark.covers("the key as `x-api-key`, and in both headers")
def test_key_in_other_headers(claude: Desk, station: Station, key: str) -> None:
    """`ANTHROPIC_API_KEY` works as well as `ANTHROPIC_AUTH_TOKEN`, and so do both at once."""
    claude.environ["ANTHROPIC_API_KEY"] = key
    ask(claude, turns.nonce())
    del claude.environ["ANTHROPIC_AUTH_TOKEN"]
    ask(claude, turns.nonce())
    turns.calls(station, CLIENT.id, 2)


@pytest.mark.covers("a broken stream")
def test_broken_stream(claude: Desk, station: Station) -> None:
    """When the vendor fails in the middle of a stream, Claude Code asks again without streaming and has its answer."""
    claude.environ["ANTHROPIC_CUSTOM_HEADERS"] = "x-sandbox-fault: sandbox-error-event"
    assert claude.run("claude -p 'say OK'").out.startswith("OK word1 ")
    streamed, whole = station.events(CLIENT.id, 2)
    assert (streamed["stream"], whole["stream"]) == (True, False)
    assert whole["usage_source"] == "upstream_final"


@pytest.mark.covers("an unknown key")
def test_unknown_key(claude: Desk) -> None:
    """With a key that the gateway does not know, Claude Code shows the gateway's sentence about it."""
    claude.environ |= {"ANTHROPIC_AUTH_TOKEN": turns.PAST, "CLAUDE_CODE_MAX_RETRIES": "0"}
    assert "virtual key is not known" in claude.run("claude -p 'say OK'", code=1).out


@pytest.mark.covers("model discovery")
@pytest.mark.skipif(NAMES_ASKED not in os.environ, reason="Claude Code calls home in this mode: only offline")
def test_model_discovery(claude: Desk, station: Station, key: str) -> None:
    """Told to, Claude Code fetches the gateway's list of models and keeps its Claude models."""
    del claude.environ["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"]
    claude.run(block("claude-code-models", station.url, key) + "claude -p 'say OK'")
    listed = [event for event in station.events(CLIENT.id, 2) if event["endpoint"] == "models"]
    assert [event["status"] for event in listed] == [200]
    kept = claude.home.glob(".claude/cache/*models*.json")
    assert "claude" in "".join(path.read_text() for path in kept)


@pytest.mark.covers("headers compared with a call past the gateway")
def test_what_the_gateway_drops(claude: Desk, station: Station) -> None:
    """Past the gateway, Claude Code tells the vendor about this machine; through it, only that is missing."""
    ask(claude, turns.nonce())
    claude.environ |= {"ANTHROPIC_BASE_URL": station.sandbox_url, "ANTHROPIC_AUTH_TOKEN": turns.PAST}
    ask(claude, turns.nonce())
    through, past = station.ledger()
    dropped = set(past.headers) - set(through.headers) - {"authorization", "connection"}
    assert dropped
    assert all(name.startswith("x-stainless-") for name in dropped)
    assert set(through.headers) - set(past.headers) == {"x-api-key"}
