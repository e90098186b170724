"""Paths, prefixes, headers, and the server itself."""

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
import httpx2
import pytest
from typer.testing import CliRunner

import stationmaster.sandbox.server as server
from stationmaster.cli.sandbox import sandbox as command
from stationmaster.errors import StationmasterError
from stationmaster.sandbox.app import make_app
from stationmaster.sandbox.ledger import Ledger
from stationmaster.sandbox.server import SandboxServer


@pytest.mark.parametrize("prefix", ["", "/v1", "/openai/v1"])
def test_every_prefix_is_served(http: httpx2.Client, prefix: str) -> None:
    """OpenAI's paths answer with and without /v1, and under Azure's."""
    assert http.get(f"{prefix}/models").json()["object"] == "list"
    assert http.post(f"{prefix}/responses", json={"input": "say hi"}).status_code == 200


def test_head_works_where_get_does(http: httpx2.Client) -> None:
    """HEAD has the head of GET and no body; `/` needs no credential."""
    assert httpx2.head(str(http.base_url)).status_code == 200
    answer = http.head("/v1/models")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_anything_else_is_a_json_404(http: httpx2.Client) -> None:
    """Unknown paths and methods are refused in OpenAI's envelope, never with a page."""
    for answer in (http.get("/nowhere"), http.put("/v1/models"), http.get("/v1/models/")):
        assert answer.status_code == 404
        assert answer.json()["error"]["type"] == "invalid_request_error"


def test_one_model_list_serves_both_vendors(http: httpx2.Client) -> None:
    """OpenAI's and Anthropic's fields are in one object."""
    listed = http.get("/v1/models", headers={"anthropic-version": "2023-06-01"}).json()
    assert listed["has_more"] is False
    assert {"object", "created", "owned_by", "type", "display_name", "created_at"} < listed["data"][0].keys()


def test_answers_carry_the_vendors_headers(http: httpx2.Client) -> None:
    """Request ids, rate limits, the account and the delivery network, for header rules to be tested on."""
    headers = http.get("/v1/models").headers
    for name in ("x-request-id", "openai-organization", "openai-processing-ms", "set-cookie", "cf-ray", "alt-svc"):
        assert name in headers
    assert headers["x-ratelimit-remaining-requests"] == "9999"
    anthropic = http.post("/v1/messages", json={}).headers
    assert "request-id" in anthropic
    assert "anthropic-ratelimit-requests-remaining" in anthropic


def test_a_websocket_for_responses_is_refused_with_426(http: httpx2.Client) -> None:
    """Clients take 426 as the sign to use POST."""
    headers = {"connection": "upgrade", "upgrade": "websocket"}
    assert http.get("/v1/responses", headers=headers).status_code == 426
    assert http.get("/v1/realtime?model=m").status_code == 426


def test_realtime_answers_in_events(sandbox: SandboxServer, key: str) -> None:
    """A session greets, takes an item, and answers in the right order, ending with usage."""

    async def talk() -> list[dict[str, Any]]:
        headers = {"authorization": f"Bearer {key}"}
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "say a b"}]}
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{sandbox.url}/v1/realtime?model=rt", headers=headers) as door,
        ):
            events = [await door.receive_json()]
            await door.send_json({"type": "conversation.item.create", "item": item})
            await door.send_json({"type": "response.create"})
            while events[-1]["type"] != "response.done":
                events.append(await door.receive_json(timeout=20))
            return events

    events = asyncio.run(talk())
    assert [event["type"] for event in events] == [
        "session.created",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "rate_limits.updated",
        "response.done",
    ]
    assert events[0]["session"]["model"] == "rt"
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == "a b"
    assert events[-1]["response"]["usage"]["output_tokens"] == 2
    assert sandbox.asked()[0].model == "rt"


def test_realtime_needs_a_credential_and_has_faults(sandbox: SandboxServer) -> None:
    """Without a credential the upgrade is refused; a fault by model name comes instead of the upgrade."""

    async def status(query: str, headers: dict[str, str]) -> int:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect(f"{sandbox.url}/realtime?model={query}", headers=headers)
            return caught.value.status

    assert asyncio.run(status("m", {})) == 401
    assert asyncio.run(status("sandbox-429", {"authorization": "Bearer k"})) == 429


def test_a_large_body_is_read_whole(sandbox: SandboxServer, http: httpx2.Client) -> None:
    """40 MiB are taken and counted."""
    http.post("/v1/files", files={"file": ("big.bin", b"\x00" * (40 * 2**20))}, data={"purpose": "batch"})
    assert sandbox.asked()[-1].body_length > 40 * 2**20


def test_many_at_once(sandbox: SandboxServer, http: httpx2.Client) -> None:
    """Two hundred requests on many connections are all answered and all noted."""

    def one(number: int) -> str:
        answer = http.post("/v1/responses", json={"input": f"say OK nonce:{number:x}"})
        return str(answer.json()["output"][0]["content"][0]["text"])

    with ThreadPoolExecutor(32) as pool:
        said = list(pool.map(one, range(200)))
    assert said == [f"OK nonce:{number:x}" for number in range(200)]
    assert len(sandbox.asked()) == 200


def test_closing_leaves_no_thread_and_no_waiting_peer() -> None:
    """A server that is closed while an answer hangs ends at once, and its port is free."""
    with SandboxServer() as closing:
        peer = socket.create_connection((closing.host, closing.port), timeout=20)
        peer.sendall(
            b"GET /v1/models?sandbox_fault=sandbox-hang HTTP/1.1\r\nhost: s\r\nauthorization: Bearer k\r\n\r\n"
        )
        while not closing.asked():
            pass
    with peer:
        assert peer.recv(1) == b""
    assert "sandbox" not in [thread.name for thread in threading.enumerate() if thread is closing._thread]
    with SandboxServer(port=closing.port) as again:
        assert again.port == closing.port


def test_a_taken_port_is_an_error_of_ours(sandbox: SandboxServer) -> None:
    """The command says which address it could not have; the thread raises where it is started."""
    with pytest.raises(StationmasterError, match="Cannot listen") as caught:
        server.run(sandbox.host, sandbox.port, lambda port: None)
    assert caught.value.code == "error.sandbox.cannot_listen"
    with pytest.raises(OSError, match="address already in use"), SandboxServer(port=sandbox.port):
        pass


def test_serving_ends_when_told() -> None:
    """The foreground server reports its port and ends with what it waits for."""
    ports: list[int] = []

    async def brief() -> None:
        ended = asyncio.Event()
        ended.set()
        await server.serve(make_app(Ledger()), "127.0.0.1", 0, ports.append, ended)

    asyncio.run(brief())
    assert ports[0] > 0


def test_the_command_says_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line on stderr with the address, nothing on stdout."""
    import typer

    monkeypatch.setattr(server, "run", lambda host, port, started: started(port))
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, ["--port", "4011"])
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "Sandbox on http://127.0.0.1:4011\n")
