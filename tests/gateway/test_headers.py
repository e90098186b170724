"""Which header fields cross, to the letter, at every vendor and in both directions."""

import pytest

import rig
from gateway import kit, plain
from gateway.upstream import Request, Upstream
from stationmaster.sandbox.server import SandboxServer

# What clients are known to send, and more that should stay here.
SENT = [
    ("user-agent", "OpenAI/Python 3.54.0"), ("accept", "application/json"), ("accept-language", "de"),
    ("accept-encoding", "gzip, deflate, br, zstd"), ("anthropic-version", "2023-06-01"), ("anthropic-beta", "a,b"),
    ("anthropic-workspace-id", "ws"), ("anthropic-dangerous-direct-browser-access", "true"), ("openai-beta", "x=v1"),
    ("openai-organization", "org-caller"), ("openai-project", "proj_caller"), ("x-goog-api-client", "genai/1"),
    ("x-goog-user-project", "caller"), ("x-gemini-api-privileged-user-id", "u"), ("session-id", "s1"),
    ("session_id", "s2"),
    ("thread-id", "t1"), ("conversation_id", "c1"), ("x-client-request-id", "r1"), ("originator", "codex_cli_rs"),
    ("x-codex-turn-state", "state"), ("x-codex-turn-metadata", "{}"), ("x-codex-installation-id", "i"),
    ("x-codex-window-id", "w"), ("x-claude-code-session-id", "s3"), ("x-app", "cli"), ("x-session-id", "s4"),
    ("x-session-affinity", "s5"), ("x-opencode-session", "s6"), ("x-stationmaster-session", "s7"),
    ("x-stainless-os", "Linux"), ("x-stainless-retry-count", "0"), ("x-stainless-timeout", "600"), ("cookie", "a=b"),
    ("forwarded", "for=10.0.0.1"), ("x-forwarded-for", "10.0.0.1"), ("x-forwarded-host", "h"),
    ("x-real-ip", "10.0.0.1"),
    ("via", "1.1 proxy"), ("referer", "http://intern/"), ("origin", "http://intern"), ("sec-fetch-mode", "cors"),
    ("cf-connecting-ip", "10.0.0.1"), ("proxy-authorization", "Basic eDp5"), ("proxy-connection", "keep-alive"),
    ("te", "trailers"), ("keep-alive", "timeout=5"), ("connection", "keep-alive, x-private"), ("x-private", "hop"),
    ("upgrade", "h2c"), ("http2-settings", "AAMAAABkAAQAAP__"), ("idempotency-key", "k1"), ("x-unknown", "passes"),
    ("traceparent", "00-1-2-01"), ("baggage", "user=a"), ("priority", "u=1"), ("from", "a@b"),
]  # fmt: skip

COMMON = {"user-agent", "accept", "accept-language", "idempotency-key", "x-unknown", "traceparent", "priority",
          "content-type", "content-length", "host", "accept-encoding", "x-sandbox-nonce"}  # fmt: skip
OPENAI = {"openai-beta", "session-id", "session_id", "thread-id", "conversation_id", "x-client-request-id",
          "originator", "x-codex-turn-state", "x-codex-window-id"}  # fmt: skip
ANTHROPIC = {"anthropic-version", "anthropic-beta", "anthropic-workspace-id",
             "anthropic-dangerous-direct-browser-access", "x-claude-code-session-id", "x-app"}  # fmt: skip
GEMINI = {"x-goog-api-client", "x-goog-user-project"}

VENDORS = {
    "openai": ("/v1/responses", plain.responses(), COMMON | OPENAI | {"authorization"}),
    "openai_compatible": ("/v1/responses", plain.responses("compat-x"), COMMON | {"authorization", "openai-beta"}),
    "anthropic": ("/v1/messages", plain.messages(), COMMON | ANTHROPIC | {"x-api-key"}),
    "gemini": ("/v1beta/models/gemini-x:generateContent", plain.gemini(), COMMON | GEMINI | {"x-goog-api-key"}),
    "azure_openai": ("/openai/deployments/azure-x/chat/completions", plain.chat(), COMMON | OPENAI | {"api-key"}),
}


@pytest.mark.parametrize("whose", VENDORS)
def test_towards_the_vendor(gateway: rig.Gateway, ledger: SandboxServer, whose: str) -> None:
    """Exactly the listed fields arrive, once each, unchanged but for those that are the gateway's to set."""
    target, value, wanted = VENDORS[whose]
    fields = [plain.BEARER, plain.JSON, ("x-sandbox-nonce", "aa"), *SENT]
    assert plain.ask(gateway.port, "POST", target, plain.dump(value), fields).status == 200
    got = kit.last(ledger).headers
    names = [name.lower() for name, _ in got]
    assert sorted(names) == sorted(wanted)
    sent = dict(fields)
    ours = {"host", "content-length", "accept-encoding", "authorization", "x-api-key", "x-goog-api-key", "api-key"}
    assert {name: text for name, text in got if name.lower() not in ours} == {
        name: sent[name] for name in wanted - ours
    }
    assert dict(got)["accept-encoding"] == "identity"


ALWAYS = {"content-type", "content-length", "date", "x-stationmaster-request-id"}
ON_STREAMS = {"content-type", "transfer-encoding", "date", "x-stationmaster-request-id", "cache-control",
              "x-accel-buffering"}  # fmt: skip
BACK = {
    "openai": {"x-request-id", "openai-processing-ms", "openai-version", "x-codex-turn-state"},
    "openai_compatible": {"x-request-id", "openai-processing-ms", "openai-version", "x-codex-turn-state"},
    "anthropic": {"request-id"},
    "gemini": set[str](),
    "azure_openai": {"x-request-id", "openai-processing-ms", "openai-version", "apim-request-id"},
}


@pytest.mark.parametrize("whose", VENDORS)
def test_towards_the_caller(gateway: rig.Gateway, whose: str) -> None:
    """Exactly the listed fields come back: no cookie, no account, no rate limit, nothing of the network between."""
    target, value, _ = VENDORS[whose]
    answer = plain.post(gateway.port, target, value)
    names = [name.lower() for name, _ in answer.headers]
    assert sorted(names) == sorted(ALWAYS | BACK[whose])


@pytest.mark.parametrize("whose", VENDORS)
def test_towards_the_caller_of_a_stream(gateway: rig.Gateway, whose: str) -> None:
    """The same for streams, which are marked as not to be stored or held back."""
    target, value, _ = VENDORS[whose]
    target = target.replace(":generateContent", ":streamGenerateContent?alt=sse")
    answer = plain.post(gateway.port, target, {**value, "stream": True})
    names = [name.lower() for name, _ in answer.headers]
    assert sorted(names) == sorted(ON_STREAMS | BACK[whose])
    assert (answer.header("cache-control"), answer.header("x-accel-buffering")) == ("no-cache", "no")
    assert (answer.header("content-type") or "").startswith("text/event-stream")


@pytest.mark.parametrize("whose", VENDORS)
def test_on_errors(gateway: rig.Gateway, whose: str) -> None:
    """The same for errors, with Retry-After."""
    target, value, _ = VENDORS[whose]
    answer = plain.post(gateway.port, target, value, ("x-sandbox-fault", "sandbox-429"))
    names = {name.lower() for name, _ in answer.headers}
    assert names - BACK[whose] == ALWAYS | {"retry-after"}


def test_unknown_fields_stay_behind(gateway: rig.Gateway) -> None:
    """A field that is not listed does not reach the caller, whatever the vendor invents."""

    def invent(request: Request) -> None:
        request.answer(
            b"{}", "application/json", 200, "x-internal-host: 10.0.0.1", "x-new-thing: 1", "set-cookie: a=b",
            "Set-Cookie: c=d", "www-authenticate: Bearer", "x-ratelimit-remaining-requests: 1", "server: s", "via: x",
            "access-control-allow-origin: *", "link: <x>", "connection: keep-alive, x-new-thing", 'etag: "e"',
            "x-should-retry: false", "retry-after-ms: 5", "x-powered-by: y", "nel: {}", "content-disposition: inline",
        )  # fmt: skip

    with Upstream(invent) as upstream, rig.running_gateway(kit.wide(upstream.url)) as other:
        answer = plain.post(other.port, "/v1/responses", plain.responses())
    names = {name.lower() for name, _ in answer.headers}
    assert names == {"content-type", "content-length", "x-stationmaster-request-id", "etag", "x-should-retry",
                     "retry-after-ms", "content-disposition"}  # fmt: skip


def test_answers_of_ours(gateway: rig.Gateway) -> None:
    """Our own answers carry a type, a length and the request id."""
    answer = plain.ask(gateway.port, "GET", "/v1/models")
    names = {name.lower() for name, _ in answer.headers}
    assert names == {"content-type", "content-length", "x-stationmaster-request-id"}
    refused = plain.ask(gateway.port, "GET", "/v1/nothing")
    assert {name.lower() for name, _ in refused.headers} == names
