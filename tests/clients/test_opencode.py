"""opencode through the gateway."""

from collections.abc import Callable
from typing import Any

import pytest

from clients import turns
from clients.desk import Client, Desk
from clients.guide import block
from clients.station import Station

CLIENT = Client("opencode", "opencode-ai", "opencode")
PACKAGES = {
    "@ai-sdk/openai-compatible": ("gpt-5.5", "/v1/chat/completions"),
    "@ai-sdk/openai": ("gpt-5.5", "/v1/responses"),
    "@ai-sdk/anthropic": ("claude-opus-5-5", "/v1/messages"),
}


@pytest.fixture
def opencode(desk: Desk, station: Station, key: str) -> Desk:
    """Set opencode up as the page says."""
    desk.write("work/opencode.json", block("opencode", station.url, key))
    desk.environ["OPENCODE_DISABLE_MODELS_FETCH"] = "1"
    return desk


def ask(desk: Desk, nonce: str, *options: str, model: str = "gpt-5.5") -> list[dict[str, Any]]:
    """One turn; what opencode prints about it."""
    command = f"opencode run -m stationmaster/{model} --format json {' '.join(options)} 'say OK {nonce}'"
    lines = desk.run(command).lines()
    assert [line["part"]["text"] for line in lines if line["type"] == "text"] == [f"OK {nonce}"]
    return lines


def check_tokens(told: list[dict[str, Any]], event: dict[str, Any]) -> None:
    """What opencode counted for a turn is what the event says."""
    (tokens,) = (line["part"]["tokens"] for line in told if line["type"] == "step_finish")
    counted = event["tokens"]
    assert tokens["input"] == counted["input"]
    assert tokens["cache"] == {"read": counted["cache_read"], "write": counted["cache_write"]}
    assert tokens["output"] + tokens["reasoning"] == counted["output"]


@pytest.mark.covers("Bedrock, by the file of this page")
def test_bedrock(desk: Desk, station: Station, key: str) -> None:
    """opencode's own provider for Bedrock asks over Converse, and is metered."""
    desk.write("work/opencode.json", block("opencode-bedrock", station.url, key))
    desk.environ |= {"OPENCODE_DISABLE_MODELS_FETCH": "1", "AWS_BEARER_TOKEN_BEDROCK": key}
    nonce = turns.nonce()
    told = desk.run(
        f"opencode run -m amazon-bedrock/eu.anthropic.claude-opus-5-5 --format json --title test 'say OK {nonce}'"
    ).lines()
    assert [line["part"]["text"] for line in told if line["type"] == "text"] == [f"OK {nonce}"]
    ((entry, event),) = turns.calls(station, CLIENT.id, 1)
    assert (entry.path, event["credential"]) == ("/model/eu.anthropic.claude-opus-5-5/converse-stream", "bedrock")


@pytest.mark.covers("two turns in each of three dialects")
@pytest.mark.parametrize("package", PACKAGES)
def test_two_turns(
    opencode: Desk, station: Station, package: str, record_property: Callable[[str, object], None]
) -> None:
    """With each of its providers both turns are answered in one request each, in one session; opencode and our
    events agree on every token count."""
    model, path = PACKAGES[package]
    config = opencode.work / "opencode.json"
    config.write_text(config.read_text().replace("@ai-sdk/openai-compatible", package).replace("gpt-5.5", model))
    outs = [
        ask(opencode, turns.nonce(), "--title test", model=model),
        ask(opencode, turns.nonce(), "-c", model=model),
    ]
    assert len({line["sessionID"] for out in outs for line in out}) == 1
    calls = turns.calls(station, CLIENT.id, 2)
    for out, (entry, event) in zip(outs, calls, strict=True):
        assert (entry.path, event["stream"]) == (path, True)
        assert entry.headers["user-agent"].startswith(f"opencode/{CLIENT.version} ")
        check_tokens(out, event)
    if package == "@ai-sdk/openai-compatible":
        record_property("note", f"{calls[0][0].body_length // 1000} KB a request")


@pytest.mark.covers("the commands of this page")
def test_page(
    opencode: Desk,
    station: Station,
    key: str,
    names_asked: Callable[[], list[str]],
    record_property: Callable[[str, object], None],
) -> None:
    """The commands on the page work as they stand there, the session's title included. One name outside is asked
    for at the first start, a package registry's, and opencode does without."""
    script = block("opencode-quiet", station.url, key) + block("opencode-try", station.url, key)
    assert opencode.run(script).out.split() == ["OK", "OK", "again"]
    turns.calls(station, CLIENT.id, 3)
    outside = set(names_asked())
    assert len(outside) <= 1
    if outside:
        record_property("note", "looks for a package registry at its first start, and does without")


@pytest.mark.covers("headers compared with a call past the gateway")
def test_what_the_gateway_drops(opencode: Desk, station: Station) -> None:
    """Past the gateway, opencode tells the vendor its session; through it, only that is missing."""
    ask(opencode, turns.nonce(), "--title test")
    config = opencode.work / "opencode.json"
    config.write_text(config.read_text().replace(station.url, station.sandbox_url))
    opencode.environ["STATIONMASTER_KEY"] = turns.PAST
    ask(opencode, turns.nonce(), "-c")
    through, past = station.ledger()
    assert turns.private(past) == {"x-session-affinity", "x-session-id"}
    assert set(past.headers) - set(through.headers) - {"connection"} == turns.private(past)
