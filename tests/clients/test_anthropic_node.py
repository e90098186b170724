"""Anthropic's SDK for Node through the gateway."""

from collections.abc import Callable

import pytest

from clients import turns
from clients.desk import FOLDER, Client, Desk
from clients.guide import block
from clients.station import Station

CLIENT = Client("Anthropic SDK for Node", "@anthropic-ai/sdk", "anthropic-node")
OTHERS = """
import Anthropic from "@anthropic-ai/sdk";
const client = new Anthropic();
const messages = [{ role: "user", content: "one two three" }];
console.log(JSON.stringify(await client.messages.countTokens({ model: "claude-opus-5-5", messages })));
for await (const model of client.models.list()) console.log(JSON.stringify(model));
"""

BROKEN = """
import Anthropic from "@anthropic-ai/sdk";
const messages = [{ role: "user", content: "say OK" }];
const asked = { model: "claude-opus-5-5", max_tokens: 9, messages, stream: true };
const client = new Anthropic({ maxRetries: 0, defaultHeaders: { "x-sandbox-fault": "sandbox-cut" } });
try {
  for await (const event of await client.messages.create(asked)) void event;
  console.log("whole");
} catch (error) {
  console.log(error instanceof Anthropic.APIError, error.message);
}
"""


@pytest.fixture
def node(desk: Desk, station: Station, key: str) -> Desk:
    """Tell the SDK of the gateway by its variables."""
    desk.environ |= {"ANTHROPIC_BASE_URL": station.url, "ANTHROPIC_API_KEY": key}
    desk.write("work/turns.mjs", (FOLDER / "anthropic_turns.mjs").read_text())
    return desk


@pytest.mark.covers("two turns")
def test_two_turns(node: Desk, station: Station, names_asked: Callable[[], list[str]]) -> None:
    """Both turns are answered, one whole and one streamed; the SDK and our events agree on every token count."""
    nonces = turns.nonce(), turns.nonce()
    lines = node.run(f"node turns.mjs 'say OK {nonces[0]}' 'say OK {nonces[1]}'").lines()
    assert [line["text"] for line in lines] == [f"OK {nonce}" for nonce in nonces]
    calls = turns.calls(station, CLIENT.id, 2)
    assert [event["stream"] for _, event in calls] == [False, True]
    for line, (entry, event) in zip(lines, calls, strict=True):
        assert entry.headers["user-agent"] == f"Anthropic/JS {CLIENT.version}"
        usage, tokens = line["usage"], event["tokens"]
        assert usage["input_tokens"] == tokens["input"]
        assert usage["cache_read_input_tokens"] == tokens["cache_read"]
        assert usage["cache_creation_input_tokens"] == tokens["cache_write"]
        assert usage["output_tokens"] == tokens["output"]
    assert names_asked() == []


@pytest.mark.covers("the code of this page")
def test_page(desk: Desk, station: Station, key: str) -> None:
    """The code on the page works as it stands there."""
    desk.write("work/page.mjs", block("anthropic-node", station.url, key))
    assert desk.run("node page.mjs").out == "OK\n"


@pytest.mark.covers("a broken stream")
def test_broken_stream(node: Desk, station: Station) -> None:
    """A stream that the vendor resets ends in an APIError that says so."""
    node.write("work/broken.mjs", BROKEN)
    told = node.run("node broken.mjs").out
    assert told.startswith("true ")
    assert "stream broke off" in told
    turns.broken(station, CLIENT.id, 1)


@pytest.mark.covers("token counting, model list")
def test_counting_and_models(node: Desk) -> None:
    """The SDK's token count and its list of models come through."""
    node.write("work/others.mjs", OTHERS)
    count, *models = node.run("node others.mjs").lines()
    assert count == {"input_tokens": 3}
    assert any(model["id"].startswith("claude-") for model in models)
    assert {model["type"] for model in models} == {"model"}


@pytest.mark.covers("headers compared with a call past the gateway")
def test_what_the_gateway_drops(node: Desk, station: Station) -> None:
    """Past the gateway, the SDK tells the vendor about this machine; through it, only that is missing."""
    node.run("node turns.mjs 'say OK' 'say OK'")
    node.run(
        "node turns.mjs 'say OK' 'say OK'", {"ANTHROPIC_BASE_URL": station.sandbox_url, "ANTHROPIC_API_KEY": turns.PAST}
    )
    entries = station.ledger()
    through, past = entries[0], entries[2]
    assert turns.private(past)
    dropped = set(past.headers) - set(through.headers) - {"authorization", "connection"}
    assert dropped == turns.private(past)
