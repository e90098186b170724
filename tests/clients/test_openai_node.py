"""OpenAI's SDK for Node through the gateway."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from clients import turns
from clients.desk import FOLDER, Client, Desk
from clients.guide import block
from clients.station import Station

CLIENT = Client("OpenAI SDK for Node", "openai", "openai-node")
UNASKED = """
import OpenAI from "openai";
const messages = [{ role: "user", content: "say OK" }];
const stream = await new OpenAI().chat.completions.create({ model: "gpt-5.5", messages, stream: true });
for await (const chunk of stream) console.log(JSON.stringify([chunk.choices.length, chunk.usage ?? null]));
"""
BROKEN = """
import OpenAI from "openai";
const messages = [{ role: "user", content: "say OK" }];
const asked = { model: "sandbox-cut", messages, stream: true };
try {
  for await (const chunk of await new OpenAI({ maxRetries: 0 }).chat.completions.create(asked)) void chunk;
  console.log("whole");
} catch (error) {
  console.log(error instanceof OpenAI.APIError, error.message);
}
"""
MODELS = """
import OpenAI from "openai";
for await (const model of new OpenAI().models.list()) console.log(JSON.stringify(model));
"""


@pytest.fixture
def node(desk: Desk, station: Station, key: str) -> Desk:
    """Tell the SDK of the gateway by its variables."""
    desk.environ |= {"OPENAI_BASE_URL": f"{station.url}/v1", "OPENAI_API_KEY": key}
    desk.write("work/turns.mjs", (FOLDER / "openai_turns.mjs").read_text())
    return desk


def reported(usage: dict[str, Any]) -> tuple[int, int, int, int]:
    """Prompt, cached, output and reasoning tokens, whichever dialect's names they have."""
    before, after = ("input", "output") if "input_tokens" in usage else ("prompt", "completion")
    return (
        usage[f"{before}_tokens"],
        usage[f"{before}_tokens_details"]["cached_tokens"],
        usage[f"{after}_tokens"],
        usage[f"{after}_tokens_details"]["reasoning_tokens"],
    )


@pytest.mark.covers("two turns in Chat and in Responses")
def test_two_turns(node: Desk, station: Station, names_asked: Callable[[], list[str]]) -> None:
    """All turns are answered, streamed and whole; the SDK and our events agree on every token count."""
    nonces = turns.nonce(), turns.nonce()
    lines = node.run(f"node turns.mjs 'say OK {nonces[0]}' 'say OK {nonces[1]}'").lines()
    assert [line["text"] for line in lines] == [f"OK {nonce}" for nonce in nonces] * 2
    for line, (entry, event) in zip(lines, turns.calls(station, CLIENT.id, 4), strict=True):
        assert event["endpoint"] == line["api"]
        assert entry.headers["user-agent"] == f"OpenAI/JS {CLIENT.version}"
        counted = turns.counted(event)
        names = ("prompt", "cache_read", "output", "reasoning")
        assert reported(line["usage"]) == tuple(counted[name] for name in names)
    assert names_asked() == []


@pytest.mark.covers("the code of this page")
def test_page(desk: Desk, station: Station, key: str) -> None:
    """The code on the page works as it stands there."""
    desk.write("work/page.mjs", block("openai-node", station.url, key))
    assert desk.run("node page.mjs").out == "OK\n"


@pytest.mark.covers("usage metered, not shown, when not asked for")
def test_usage_not_asked_for(node: Desk, station: Station) -> None:
    """A Chat stream that does not ask for usage gets no chunk without a choice, and is metered all the same."""
    node.write("work/unasked.mjs", UNASKED)
    chunks = [json.loads(line) for line in node.run("node unasked.mjs").out.splitlines()]
    assert chunks
    assert all(chunk == [1, None] for chunk in chunks)
    (event,) = station.events(CLIENT.id, 1)
    assert (event["usage_source"], event["tokens"]["output"]) == ("upstream_final", 1)


@pytest.mark.covers("a broken stream")
def test_broken_stream(node: Desk, station: Station) -> None:
    """A stream that the vendor resets ends in an APIError that says so."""
    node.write("work/broken.mjs", BROKEN)
    assert node.run("node broken.mjs").out.startswith("true The upstream's stream broke off.")
    turns.broken(station, CLIENT.id, 1)


@pytest.mark.covers("model list")
def test_models(node: Desk, station: Station) -> None:
    """The SDK reads the gateway's list of models, with the vendors' models in it."""
    node.write("work/models.mjs", MODELS)
    models = node.run("node models.mjs").lines()
    assert {"gpt-sandbox"} <= {model["id"] for model in models}
    assert {model["object"] for model in models} == {"model"}


@pytest.mark.covers("headers compared with a call past the gateway")
def test_what_the_gateway_drops(node: Desk, station: Station) -> None:
    """Past the gateway, the SDK tells the vendor about this machine; through it, only that is missing."""
    node.run("node turns.mjs 'say OK' 'say OK'")
    node.run(
        "node turns.mjs 'say OK' 'say OK'",
        {"OPENAI_BASE_URL": f"{station.sandbox_url}/v1", "OPENAI_API_KEY": turns.PAST},
    )
    entries = station.ledger()
    through, past = entries[0], entries[4]
    assert turns.private(past)
    assert set(past.headers) - set(through.headers) - {"connection"} == turns.private(past)
