"""The ledger tells what was asked, and no secret."""

import hashlib
import json

import httpx2
from openai import OpenAI

from gateway import kit
from stationmaster.sandbox.ledger import CAPACITY, Entry, Ledger
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.values import Asked


def sealed(secret: str) -> str:
    """A secret as the ledger shows it."""
    return "sha256:" + hashlib.sha256(secret.encode()).hexdigest()


def over(sandbox: SandboxServer) -> list[Entry]:
    """What was asked, once nothing of it is open any more: a client may have its answer before the ledger says so."""
    kit.wait_for(lambda: all(entry.outcome != "open" for entry in sandbox.asked()))
    return sandbox.asked()


def test_a_request_is_described(sandbox: SandboxServer, http: httpx2.Client) -> None:
    """Method, path, query, headers in their spelling, model, nonce, and the body by length and digest."""
    body = b'{"model": "m", "messages": [{"role": "user", "content": "see nonce:0aF1"}]}'
    http.post("/v1/chat/completions?beta=true", content=body, headers={"X-Mixed-Case": "Yes"})
    (entry,) = over(sandbox)
    assert (entry.method, entry.path, entry.query) == ("POST", "/v1/chat/completions", "beta=true")
    assert ("X-Mixed-Case", "Yes") in entry.headers
    assert (entry.model, entry.nonce, entry.fault, entry.outcome) == ("m", "0aF1", "", "answered")
    assert (entry.body_length, entry.body_sha256) == (len(body), hashlib.sha256(body).hexdigest())


def test_no_secret_is_kept(sandbox: SandboxServer, http: httpx2.Client, key: str) -> None:
    """Credentials are known by digest only, wherever they came."""
    secrets = {name: f"secret-{name}" for name in ("x-api-key", "api-key", "x-goog-api-key", "cookie")}
    http.get("/v1beta/models?key=secret-query&a=b", headers=secrets)
    (entry,) = sandbox.asked()
    assert entry.header("Authorization") == sealed(key)
    assert [entry.header(name) for name in secrets] == [sealed(secret) for secret in secrets.values()]
    assert entry.credential == sealed("secret-x-goog-api-key")
    assert entry.query == f"key={sealed('secret-query')}&a=b"
    shown = http.get("/sandbox/ledger").text
    assert "secret-" not in shown
    assert key not in shown


def test_it_is_read_and_emptied_over_http(sandbox: SandboxServer, http: httpx2.Client) -> None:
    """Requests about the sandbox itself are not in it; sequence numbers go on after emptying."""
    http.get("/v1/models")
    http.get("/nowhere")
    first = http.get("/sandbox/ledger").json()
    assert [entry["path"] for entry in first] == ["/v1/models", "/nowhere"]
    assert http.delete("/sandbox/ledger").json() == {"forgotten": 2}
    http.get("/v1/models")
    (later,) = http.get("/sandbox/ledger").json()
    assert later["sequence"] == first[-1]["sequence"] + 1


def test_connections_can_be_told_apart(sandbox: SandboxServer, http: httpx2.Client) -> None:
    """Requests on one connection share its name; another connection has another."""
    http.get("/v1/models")
    http.get("/v1/models")
    httpx2.get(f"{sandbox.url}/v1/models")
    first, second, third = (entry.connection for entry in sandbox.asked())
    assert first == second != third


def test_a_nonce_may_be_named(sandbox: SandboxServer, openai: OpenAI) -> None:
    """A header or the body's metadata may carry it."""
    openai.responses.create(model="m", input="x", metadata={"nonce": "from-body"})
    openai.responses.create(model="m", input="x", extra_headers={"x-sandbox-nonce": "from-header"})
    assert [entry.nonce for entry in sandbox.asked()] == ["from-body", "from-header"]


def test_it_is_bounded() -> None:
    """The newest entries stay."""
    ledger = Ledger()
    asked = Asked("openai", "GET", "/", {}, {}, {})
    for _ in range(CAPACITY + 5):
        ledger.note(asked, "", [], "")
    assert len(ledger.asked()) == CAPACITY
    assert ledger.asked()[0].sequence == 6


def test_entries_are_plain_json(sandbox: SandboxServer, http: httpx2.Client) -> None:
    """What HTTP shows is what the thread sees."""
    http.get("/v1/models")
    (entry,) = over(sandbox)
    assert http.get("/sandbox/ledger").json() == [json.loads(json.dumps(entry.plain()))]
