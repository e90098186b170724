"""Whatever the gateway does not serve is said in JSON, in the caller's dialect: no page, no redirect."""

import pytest

import rig
from gateway import plain
from stationmaster.sandbox.server import SandboxServer

UNKNOWN = [
    "/v1/nothing", "/v1", "/v1/", "/v2/chat/completions", "/v1/chat/completions/", "/v1/chat", "/v1/v1/responses",
    "/v1/responses/", "/chat/completions/x", "/v1/fine_tuning/jobs", "/v1/assistants", "/v1/organization/users",
    "/admin", "/.env", "/metrics", "/openai", "/openai/deployments/azure-x", "/v1beta",
    "/v1beta/models/gemini-x:deleteEverything",
    "/v1beta/models/", "/v1beta/tunedModels", "/v1/messages/count_tokens/x", "/v1/filesx", "/v1/uploads", "/index.html",
    "/V1/responses", "/v1/Responses", "/v1/models/a/b",
]  # fmt: skip


@pytest.mark.parametrize("target", UNKNOWN)
def test_unknown_paths(gateway: rig.Gateway, ledger: SandboxServer, target: str) -> None:
    """404 in JSON for GET and POST; no Location; the vendor is not asked."""
    for method, body in (("GET", None), ("POST", b"{}")):
        answer = plain.ask(gateway.port, method, target, body)
        assert answer.status == 404, method
        assert answer.header("content-type") == "application/json"
        assert answer.header("location") is None
        assert "no_such_endpoint" in answer.body.decode().lower()
    assert not [entry for entry in ledger.asked() if not entry.path.endswith("/models")]


def test_in_each_dialect(gateway: rig.Gateway) -> None:
    """OpenAI's, Anthropic's and Google's envelope, told by path and by header."""
    openai = plain.ask(gateway.port, "GET", "/v1/nothing").json()
    assert (openai["error"]["code"], openai["error"]["param"]) == ("no_such_endpoint", None)
    for target, fields in (("/v1/messages/x/y", []), ("/v1/nothing", [("anthropic-version", "2023-06-01")])):
        anthropic = plain.ask(gateway.port, "GET", target, None, [plain.BEARER, *fields]).json()
        assert (anthropic["type"], anthropic["error"]["code"]) == ("error", "no_such_endpoint")
    for target, fields in (("/v1beta/x", []), ("/v1/nothing", [("x-goog-api-key", rig.KEY)])):
        google = plain.ask(gateway.port, "GET", target, None, [plain.BEARER, *fields]).json()
        assert (google["error"]["status"], google["error"]["code"]) == ("NOT_FOUND", 404)


def test_other_methods(gateway: rig.Gateway) -> None:
    """A path that exists refuses other methods with 405 and says which it takes (RFC 9110 15.5.6)."""
    for method, target, allowed in (
        ("GET", "/v1/chat/completions", "POST"),
        ("DELETE", "/v1/messages", "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("PUT", "/v1/responses/resp_1", "GET, HEAD, DELETE"),
        ("OPTIONS", "/v1/responses", "POST"),
    ):
        answer = plain.ask(gateway.port, method, target, b"{}" if method in ("POST", "PUT") else None)
        assert (answer.status, answer.header("allow")) == (405, allowed), target
        assert answer.header("content-type") == "application/json"


def test_open_doors(gateway: rig.Gateway) -> None:
    """Health, readiness and what agents probe with answer without a key, at once."""
    for method, target in (
        ("GET", "/healthz"), ("GET", "/readyz"), ("HEAD", "/healthz"), ("HEAD", "/readyz"), ("HEAD", "/"),
        ("GET", "/"),
        ("HEAD", "/api/hello"), ("GET", "/healthz?probe=1"),
    ):  # fmt: skip
        answer = plain.ask(gateway.port, method, target, None, [])
        assert (answer.status, answer.body != b"") == (200, method == "GET"), target
        assert answer.header("content-type") == "application/json"
    assert plain.ask(gateway.port, "GET", "/api/hello", None, []).status == 404
    assert plain.ask(gateway.port, "POST", "/healthz", b"", []).status == 404


def test_open_doors_keep_the_connection(gateway: rig.Gateway) -> None:
    """Probes over one connection."""
    with plain.connected(gateway.port) as sock, sock.makefile("rb") as reader:
        for _ in range(3):
            sock.sendall(plain.head("HEAD", "/") + plain.head("GET", "/readyz"))
            assert plain.read_from(reader, "HEAD").status == 200
            assert plain.read_from(reader).status == 200
