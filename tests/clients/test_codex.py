"""Codex CLI through the gateway."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from clients import turns
from clients.desk import Client, Desk
from clients.guide import block
from clients.station import Station

CLIENT = Client("Codex CLI", "@openai/codex", "codex")
FIRST = "codex exec --sandbox read-only --json"
NEXT = "codex exec resume --last --json"


@pytest.fixture
def codex(desk: Desk, station: Station, key: str) -> Desk:
    """Set Codex up as the page says."""
    set_up(desk, station.url, key)
    return desk


def set_up(desk: Desk, address: str, key: str) -> None:
    """Write the page's settings for a gateway at `address`."""
    desk.write("home/.codex/config.toml", block("codex-quiet", address, key) + block("codex", address, key))


def said(lines: list[dict[str, Any]]) -> list[str]:
    """The agent's messages."""
    return [line["item"]["text"] for line in lines if line["type"] == "item.completed"]


@pytest.mark.covers("two turns")
def test_two_turns(
    codex: Desk, station: Station, names_asked: Callable[[], list[str]], record_property: Callable[[str, object], None]
) -> None:
    """Both turns are answered over HTTP in one request each; Codex, the vendor and our events agree on the thread
    and on every token count, and nobody outside was asked for."""
    nonces = turns.nonce(), turns.nonce()
    outs = [codex.run(f"{how} 'say OK {nonce}'").lines() for how, nonce in zip((FIRST, NEXT), nonces, strict=True)]
    assert [said(out) for out in outs] == [[f"OK {nonce}"] for nonce in nonces]

    calls = turns.calls(station, CLIENT.id, 2)
    thread = outs[0][0]["thread_id"]
    assert outs[1][0]["thread_id"] == thread
    total: Counter[str] = Counter()
    for out, (entry, event) in zip(outs, calls, strict=True):
        assert (entry.path, event["endpoint"], event["stream"]) == ("/v1/responses", "responses", True)
        assert f"/{CLIENT.version} " in entry.headers["user-agent"]
        assert {entry.headers[name] for name in ("session-id", "thread-id")} == {thread}
        total.update(turns.counted(event))  # Codex counts up over a thread
        assert out[-1]["usage"] == {
            "input_tokens": total["prompt"],
            "cached_input_tokens": total["cache_read"],
            "cache_write_input_tokens": total["cache_write"],
            "output_tokens": total["output"],
            "reasoning_output_tokens": total["reasoning"],
        }
    assert names_asked() == []
    record_property("note", f"{calls[0][0].body_length // 1000} KB a request")


@pytest.mark.covers("the commands of this page")
def test_page(codex: Desk, station: Station, key: str) -> None:
    """The commands on the page work as they stand there."""
    assert codex.run(block("codex-try", station.url, key)).out.split() == ["OK", "OK", "again"]


@pytest.mark.covers("WebSocket refused, POST instead")
def test_websocket_refused(codex: Desk, station: Station, record_property: Callable[[str, object], None]) -> None:
    """A Codex that prefers WebSocket is refused once with 426 and goes on over POST at once."""
    nonce = turns.nonce()
    websocket = "-c model_providers.stationmaster.supports_websockets=true"
    assert said(codex.run(f"{FIRST} {websocket} 'say OK {nonce}'").lines())[-1] == f"OK {nonce}"
    refused, answered = station.events(CLIENT.id, 2)
    assert (refused["method"], refused["status"], refused["error"]) == ("GET", 426, "upgrade_not_offered")
    assert (answered["method"], answered["status"]) == ("POST", 200)
    assert answered["time"] - refused["time"] < 3
    assert [entry.nonce for entry in station.ledger()] == [nonce.removeprefix("nonce:")]


@pytest.mark.covers("a broken stream")
def test_broken_stream(codex: Desk, station: Station) -> None:
    """A stream that the vendor resets is asked for again, and in the end Codex says what happened."""
    done = codex.run("codex exec -m sandbox-cut 'say OK'", code=1)
    assert "stream broke off" in done.err
    turns.broken(station, CLIENT.id, 6)


@pytest.mark.covers("headers compared with a call past the gateway")
def test_what_the_gateway_drops(codex: Desk, station: Station, key: str) -> None:
    """Past the gateway, Codex tells the vendor about this machine; through it, only that is missing."""
    codex.run(f"{FIRST} 'say OK'")
    set_up(codex, station.sandbox_url, key)
    codex.run(f"{FIRST} 'say OK'", {"STATIONMASTER_KEY": turns.PAST})
    through, past = station.ledger()
    assert turns.private(past) == {"x-codex-turn-metadata"}
    assert set(past.headers) - set(through.headers) == {"x-codex-turn-metadata"}
    assert set(through.headers) - set(past.headers) <= {"accept-encoding"}
