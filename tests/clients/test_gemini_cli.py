"""Gemini CLI through the gateway."""

from collections.abc import Callable
from typing import Any

import pytest

from clients import turns
from clients.desk import Client, Desk
from clients.guide import block
from clients.station import Station

CLIENT = Client("Gemini CLI", "@google/gemini-cli", "gemini-cli")


@pytest.fixture
def gemini(desk: Desk, station: Station, key: str) -> Desk:
    """Set Gemini CLI up as the page says."""
    desk.write("home/.gemini/settings.json", block("gemini-cli", station.url, key))
    desk.environ |= {
        "GOOGLE_GEMINI_BASE_URL": station.url,
        "GEMINI_API_KEY": key,
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    }
    return desk


def ask(desk: Desk, nonce: str, *options: str) -> dict[str, Any]:
    """One turn; what Gemini CLI prints about it."""
    told: dict[str, Any] = desk.run(f"gemini {' '.join(options)} -p 'say OK {nonce}' --output-format json").json()
    assert told["response"] == f"OK {nonce}"
    return told


@pytest.mark.covers("two turns")
def test_two_turns(
    gemini: Desk, station: Station, names_asked: Callable[[], list[str]], record_property: Callable[[str, object], None]
) -> None:
    """Both turns are answered, each by the model that the router model chose; Gemini CLI and our events agree on
    every token count of both models, and nobody outside was asked for."""
    outs = [ask(gemini, turns.nonce()), ask(gemini, turns.nonce(), "--resume", "latest")]
    assert outs[0]["session_id"] == outs[1]["session_id"]
    calls = turns.calls(station, CLIENT.id, 4)
    for out, pair in zip(outs, (calls[:2], calls[2:]), strict=True):
        assert [event["endpoint"] for _, event in pair] == ["generateContent", "streamGenerateContent"]
        for entry, event in pair:
            assert entry.headers["user-agent"].startswith(f"GeminiCLI-tui/{CLIENT.version}/")
            counted, tokens = turns.counted(event), out["stats"]["models"][event["model"]]["tokens"]
            assert tokens["prompt"] == counted["prompt"]
            assert tokens["cached"] == counted["cache_read"]
            assert tokens["thoughts"] == counted["reasoning"]
            assert tokens["candidates"] + tokens["thoughts"] == counted["output"]
    assert names_asked() == []
    record_property("note", f"{calls[1][0].body_length // 1000} KB a request")


@pytest.mark.covers("one model by name")
def test_one_model(gemini: Desk, station: Station) -> None:
    """With `-m` a turn is one streamed request."""
    ask(gemini, turns.nonce(), "-m", "gemini-test")
    ((_, event),) = turns.calls(station, CLIENT.id, 1)
    assert (event["model"], event["endpoint"]) == ("gemini-test", "streamGenerateContent")


@pytest.mark.covers("the commands of this page")
def test_page(gemini: Desk, station: Station, key: str) -> None:
    """The commands on the page work as they stand there."""
    assert gemini.run(block("gemini-cli-try", station.url, key)).out.split() == ["OK", "OK", "again"]


@pytest.mark.covers("the key in two headers")
def test_key_in_two_headers(gemini: Desk, station: Station) -> None:
    """The key as Bearer beside Google's own header works, and neither reaches the vendor."""
    gemini.environ["GEMINI_API_KEY_AUTH_MECHANISM"] = "bearer"
    ask(gemini, turns.nonce(), "-m", "gemini-test")
    ((entry, _),) = turns.calls(station, CLIENT.id, 1)
    assert "authorization" not in entry.headers
