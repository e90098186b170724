"""A caller cannot choose the upstream: whatever names a listener of ours in a request, nobody calls there."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rig
from gateway import kit, plain
from gateway.upstream import Request, Upstream
from stationmaster.sandbox.server import SandboxServer

Made = tuple[int, dict[str, Any], list[tuple[str, int]], list[tuple[str, int]]]

EXAMPLES = 10_000 if os.environ.get("SOAK") else 1000


class Bait:
    """A listener that counts who calls."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port: int = self._socket.getsockname()[1]
        self.callers = 0
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="bait")
        self._thread.start()

    def _run(self) -> None:
        while not self._ending:
            try:
                caller, _ = self._socket.accept()
            except TimeoutError:
                continue
            self.callers += 1
            caller.close()

    def close(self) -> None:
        """Stop listening."""
        self._ending = True
        self._thread.join()
        self._socket.close()


@pytest.fixture(scope="module")
def bait() -> Iterator[Bait]:
    """Somewhere a request must never go."""
    made = Bait()
    yield made
    made.close()


MEMBERS = [
    "api_base", "base_url", "api_url", "url", "endpoint", "host", "hostname", "server", "proxy", "proxies",
    "target",
    "azure_endpoint", "api_type", "custom_llm_provider", "litellm_params", "extra_headers", "headers",
    "extra_body",
    "api_key", "credential", "organization", "region", "aws_bedrock_runtime_endpoint", "vertex_location",
    "fallbacks",
    "model_info", "router", "provider", "callback", "callbacks", "webhook", "webhook_url", "success_callback",
    "config",
    "x-portkey-custom-host", "mock_response", "timeout", "transport", "http_client", "ssl_verify", "image_url",
]  # fmt: skip
FIELDS = [
    "x-forwarded-host", "x-forwarded-server", "x-forwarded-for", "x-forwarded-proto", "forwarded", "x-host",
    "x-original-host", "x-original-url", "x-rewrite-url", "x-http-host-override", "x-upstream", "x-upstream-host",
    "x-target", "x-target-url", "x-base-url", "x-api-base", "x-portkey-custom-host", "x-portkey-config",
    "x-portkey-provider", "helicone-target-url", "helicone-openai-api-base", "x-proxy-url", "x-litellm-api-base",
    "x-envoy-original-path", "x-envoy-upstream-alt-stat-name", "x-backend", "destination", "location",
    "content-location", "referer", "origin", "via", "proxy-authorization",
    "proxy-connection", "alt-used", "x-stationmaster-upstream", "x-stationmaster-credential",
    "x-stationmaster-pool",
    "x-goog-api-client", "openai-organization", "openai-project", "anthropic-workspace-id",
    "x-ms-client-request-id",
]  # fmt: skip
QUERY = [*MEMBERS, "upstream", "redirect", "redirect_uri", "next", "callback", "_host", "key"]
DOORS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/chat/completions", plain.chat("gpt-4o")),
    ("/v1/responses", plain.responses("gpt-4o")),
    ("/v1/messages", plain.messages("claude-x")),
    ("/v1/embeddings", {"model": "gpt-4o", "input": "a"}),
    ("/v1beta/models/gemini-x:generateContent", plain.gemini()),
    ("/openai/deployments/azure-x/chat/completions", plain.chat("azure-x")),
    ("/v1/batches", {"input_file_id": "f"}),
]


def spellings(port: int) -> list[str]:
    """The bait's address, in the ways that some parser somewhere takes for one."""
    places = [f"127.0.0.1:{port}", f"localhost:{port}", f"[::ffff:127.0.0.1]:{port}", f"2130706433:{port}",
              f"x@127.0.0.1:{port}", f"127.0.0.1:{port}/v1", f"0:{port}"]  # fmt: skip
    urls = [f"{scheme}{place}" for place in places for scheme in ("http://", "https://", "//", "http:\\\\", "http:/")]
    return [*places, *urls, f"for=x;host=127.0.0.1:{port};proto=http"]


@st.composite
def requests(draw: st.DrawFn) -> Made:
    """A door, members to add (nested or not), header fields and query parameters, each with an address' number."""
    address = st.integers(0, 41)
    deep = st.recursive(
        address, lambda inner: st.dictionaries(st.sampled_from(MEMBERS), inner, min_size=1, max_size=3), max_leaves=4
    )
    members = draw(st.dictionaries(st.sampled_from(MEMBERS), deep, max_size=4))
    fields = draw(st.lists(st.tuples(st.sampled_from(FIELDS), address), max_size=4, unique_by=lambda field: field[0]))
    query = draw(st.lists(st.tuples(st.sampled_from(QUERY), address), max_size=3))
    return draw(st.integers(0, len(DOORS) - 1)), members, fields, query


def filled(node: Any, where: list[str]) -> Any:
    """Address numbers replaced by addresses."""
    if isinstance(node, dict):
        return {name: filled(inner, where) for name, inner in node.items()}
    return where[node % len(where)]


@pytest.mark.timeout(1800 if EXAMPLES > 1000 else 180)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(made=requests())
def test_nothing_in_a_request_steers_it(
    gateway: rig.Gateway, vendor: SandboxServer, bait: Bait, made: Made
) -> None:
    """Members, headers and parameters that name the bait: the configured vendor answers, under its own Host."""
    door, members, fields, query = made
    where = spellings(bait.port)
    target, value = DOORS[door]
    text = "&".join(f"{name}={where[number % len(where)]}" for name, number in query).replace("\\", "%5C")
    headers = [(name, where[number % len(where)]) for name, number in fields]
    body = json.dumps({**filled(members, where), **value}).encode()
    vendor.forget()
    answer = plain.ask(
        gateway.port, "POST", f"{target}?{text}" if text else target, body, [plain.BEARER, plain.JSON, *headers]
    )
    assert answer.status == 200, answer.body
    assert kit.last(vendor).header("host") == f"127.0.0.1:{vendor.port}"
    assert bait.callers == 0


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}", "evil.example"])
def test_the_host_header(gateway: rig.Gateway, ledger: SandboxServer, bait: Bait, host: str) -> None:
    """The caller's Host is not passed on."""
    fields = [("host", host.format(bait.port)), plain.BEARER, plain.JSON]
    assert plain.ask(gateway.port, "POST", "/v1/responses", plain.dump(plain.responses()), fields).status == 200
    assert kit.last(ledger).header("host") == f"127.0.0.1:{ledger.port}"
    assert bait.callers == 0


TARGETS = [
    "http://127.0.0.1:{}/v1/responses", "//127.0.0.1:{}/v1/responses", "/v1/responses/../../x@127.0.0.1:{}",
    "@127.0.0.1:{}/v1/responses", "/@127.0.0.1:{}/v1/responses", "/v1/files/http://127.0.0.1:{}/x",
    "127.0.0.1:{}", "*",
    "/v1/files/..%2f..%2f@127.0.0.1:{}", "/v1/files/%2e%2e/%2e%2e/admin", "/v1//files", "/v1/files/./x",
    "/v1beta/models/..:generateContent", "/v1beta/models/a%2Fb:generateContent",
    "/openai/deployments/../v1/files/x",
    "/v1/responses%00", "/v1/files/a%0d%0ahost:%20127.0.0.1:{}", "/v1/files/a\\b",
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_strange_targets(gateway: rig.Gateway, ledger: SandboxServer, bait: Bait, target: str, method: str) -> None:
    """Absolute and twisted targets are refused here; neither the bait nor the vendor is asked."""
    body = None if method == "GET" else plain.dump(plain.responses())
    answer = plain.ask(gateway.port, method, target.format(bait.port), body, [plain.BEARER, plain.JSON])
    assert answer.status >= 400
    assert answer.header("content-type") == "application/json"
    assert bait.callers == 0
    assert not [entry for entry in ledger.asked() if not entry.path.endswith("/models")]


def test_connect_is_refused(gateway: rig.Gateway, bait: Bait) -> None:
    """The gateway is no proxy."""
    with plain.connected(gateway.port) as sock:
        sock.sendall(f"CONNECT 127.0.0.1:{bait.port} HTTP/1.1\r\nhost: 127.0.0.1:{bait.port}\r\n\r\n".encode())
        assert plain.read(sock).status == 400
    assert bait.callers == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(bait: Bait, status: int) -> None:
    """An upstream that points elsewhere is answered 502: the secret goes nowhere it was not meant for."""
    place = f"location: http://127.0.0.1:{bait.port}/v1/responses"

    def redirect(request: Request) -> None:
        request.answer(b"", "text/html", status, place)

    with Upstream(redirect) as upstream, rig.running_gateway(kit.wide(upstream.url)) as gateway:
        answer = plain.post(gateway.port, "/v1/responses", plain.responses())
    assert (answer.status, answer.json()["error"]["code"]) == (502, "upstream_redirect")
    assert answer.header("location") is None
    assert bait.callers == 0
