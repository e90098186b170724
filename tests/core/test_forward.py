"""Golden lists of header fields: what each vendor sees of a caller, and what a caller sees of a vendor."""

import pytest

from stationmaster.gateway.core.forward import handshake, to_caller, to_vendor
from stationmaster.gateway.core.snapshot import Vendor
from stationmaster.gateway.core.wire import Headers, parse_response

ALL: tuple[Vendor, ...] = ("openai", "azure_openai", "openai_compatible", "anthropic", "gemini")
OPENAI: tuple[Vendor, ...] = ("openai", "azure_openai")

PASSES: dict[bytes, tuple[Vendor, ...]] = {
    b"user-agent": ALL,
    b"accept": ALL,
    b"content-type": ALL,
    b"accept-language": ALL,
    b"idempotency-key": ALL,
    b"x-unknown": ALL,
    b"range": ALL,
    b"if-none-match": ALL,
    b"cache-control": ALL,
    b"traceparent": ALL,
    b"http-referer": ALL,
    b"x-title": ALL,
    b"openai-beta": (*OPENAI, "openai_compatible"),
    b"x-openai-subagent": OPENAI,
    b"x-openai-client-user-agent": OPENAI,
    b"session-id": OPENAI,
    b"session_id": OPENAI,
    b"thread-id": OPENAI,
    b"conversation_id": OPENAI,
    b"originator": OPENAI,
    b"x-client-request-id": OPENAI,
    b"x-codex-turn-state": OPENAI,
    b"x-codex-beta-features": OPENAI,
    b"anthropic-version": ("anthropic",),
    b"anthropic-beta": ("anthropic",),
    b"anthropic-workspace-id": ("anthropic",),
    b"anthropic-dangerous-direct-browser-access": ("anthropic",),
    b"x-claude-code-session-id": ("anthropic",),
    b"x-app": ("anthropic",),
    b"x-goog-api-client": ("gemini",),
    b"x-goog-user-project": ("gemini",),
}
NEVER = (
    b"authorization",
    b"x-api-key",
    b"x-goog-api-key",
    b"api-key",
    b"cookie",
    b"cookie2",
    b"proxy-authorization",
    b"proxy-connection",
    b"proxy-x",
    b"host",
    b"content-length",
    b"content-encoding",
    b"accept-encoding",
    b"expect",
    b"connection",
    b"keep-alive",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"http2-settings",
    b"forwarded",
    b"via",
    b"from",
    b"referer",
    b"origin",
    b"x-real-ip",
    b"x-client-ip",
    b"true-client-ip",
    b"x-original-url",
    b"x-rewrite-url",
    b"x-http-method-override",
    b"x-method-override",
    b"openai-organization",
    b"openai-project",
    b"x-gemini-api-privileged-user-id",
    b"x-codex-turn-metadata",
    b"x-codex-installation-id",
    b"baggage",
    b"x-session-affinity",
    b"x-session-id",
    b"x-parent-session-id",
    b"x-stainless-lang",
    b"x-stainless-retry-count",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-stationmaster-request-id",
    b"x-stationmaster-anything",
    b"x-opencode-session",
    b"sec-fetch-mode",
    b"cf-connecting-ip",
    b"cf-ray",
    b"sec-websocket-key",
    b"sec-websocket-version",
    b"sec-websocket-protocol",
    b"sec-websocket-extensions",
)


def names(lines: bytes) -> list[bytes]:
    """The names of header lines."""
    return [line.partition(b":")[0] for line in lines.split(b"\r\n") if line]


@pytest.mark.parametrize("vendor", ALL)
def test_golden_list_towards_the_vendor(vendor: Vendor) -> None:
    """Exactly these of all known fields reach this vendor, values untouched; no carrier of a key, no hop-by-hop field,
    nothing that tells of persons, places or another vendor's session."""
    headers: Headers = [(name, b"v-" + name) for name in (*NEVER, *PASSES)]
    lines = to_vendor(headers, vendor)
    assert names(lines) == [name for name, who in PASSES.items() if vendor in who]
    assert all(line.partition(b": ")[2] == b"v-" + line.partition(b": ")[0] for line in lines.split(b"\r\n") if line)


@pytest.mark.parametrize("vendor", ALL)
def test_names_in_connection_do_not_pass(vendor: Vendor) -> None:
    """What a caller declares hop-by-hop stays here (RFC 9110 7.6.1), in any spelling, on any of several lines."""
    headers: Headers = [
        (b"connection", b"x-unknown, X-Title ,, close"),
        (b"connection", b"Accept"),
        (b"x-unknown", b"1"),
        (b"x-title", b"2"),
        (b"accept", b"3"),
        (b"user-agent", b"4"),
    ]
    assert to_vendor(headers, vendor) == b"user-agent: 4\r\n"


def test_repeated_fields_keep_their_order() -> None:
    """Fields that come twice pass twice, in order."""
    headers: Headers = [(b"anthropic-beta", b"a"), (b"x-unknown", b""), (b"anthropic-beta", b"b")]
    assert to_vendor(headers, "anthropic") == b"anthropic-beta: a\r\nx-unknown: \r\nanthropic-beta: b\r\n"


def test_websocket_fields_pass_with_a_websocket_only() -> None:
    """And never the key that browser clients offer as a subprotocol."""
    headers: Headers = [
        (b"sec-websocket-key", b"k"),
        (b"sec-websocket-version", b"13"),
        (b"upgrade", b"websocket"),
        (
            b"sec-websocket-protocol",
            b"realtime, openai-insecure-api-key.sm-secret, OpenAI-Insecure-Api-Key.x,openai-beta.realtime-v1",
        ),
    ]
    lines = to_vendor(headers, "openai", websocket=True)
    assert names(lines) == [b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-protocol"]
    assert b"sec-websocket-protocol: realtime, openai-beta.realtime-v1\r\n" in lines
    assert b"secret" not in lines
    assert to_vendor(headers, "openai") == b""


TO_CALLER = (
    b"accept-ranges",
    b"allow",
    b"apim-request-id",
    b"cache-control",
    b"content-disposition",
    b"content-encoding",
    b"content-language",
    b"content-range",
    b"content-type",
    b"date",
    b"deprecation",
    b"etag",
    b"expires",
    b"last-modified",
    b"openai-processing-ms",
    b"openai-version",
    b"request-id",
    b"retry-after",
    b"retry-after-ms",
    b"sunset",
    b"x-codex-turn-state",
    b"x-models-etag",
    b"x-request-id",
    b"x-should-retry",
)
NOT_TO_CALLER = (
    b"set-cookie",
    b"set-cookie2",
    b"server",
    b"via",
    b"alt-svc",
    b"strict-transport-security",
    b"connection",
    b"keep-alive",
    b"transfer-encoding",
    b"trailer",
    b"content-length",
    b"upgrade",
    b"location",
    b"refresh",
    b"link",
    b"www-authenticate",
    b"proxy-authenticate",
    b"x-ratelimit-limit-requests",
    b"x-ratelimit-remaining-tokens",
    b"anthropic-ratelimit-requests-remaining",
    b"anthropic-organization-id",
    b"openai-organization",
    b"openai-project",
    b"cf-ray",
    b"cf-cache-status",
    b"x-envoy-upstream-service-time",
    b"server-timing",
    b"report-to",
    b"nel",
    b"access-control-allow-origin",
    b"content-security-policy",
    b"x-internal-host",
    b"x-stationmaster-request-id",
    b"x-accel-redirect",
    b"x-sendfile",
    b"x-goog-api-key",
    b"authorization",
    b"azureml-model-session",
    b"x-ms-region",
    b"clear-site-data",
    b"sourcemap",
    b"public-key-pins",
    b"sec-websocket-accept",
    b"x-accel-buffering",
)


def test_golden_list_towards_the_caller() -> None:
    """Exactly these; cookies, rate limits of one credential, organisations, hop-by-hop and unknown ones do not."""
    headers: Headers = [(name, b"v") for name in (*NOT_TO_CALLER, *TO_CALLER)]
    assert names(to_caller(headers, stream=False)) == list(TO_CALLER)


def test_streams_are_not_to_be_stored() -> None:
    """An event stream is marked for every cache and buffer between, whatever the vendor said."""
    headers: Headers = [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"public"),
        (b"x-accel-buffering", b"yes"),
        (b"set-cookie", b"a"),
    ]
    assert (
        to_caller(headers, stream=True)
        == b"content-type: text/event-stream\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n"
    )


def test_handshake_fields() -> None:
    """Of a WebSocket answer only what the handshake is made of."""
    line = parse_response(
        b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: a\r\n"
        b"Sec-WebSocket-Protocol: realtime\r\n"
        b"Set-Cookie: b\r\nServer: c\r\n\r\n",
        "GET",
    )
    assert handshake(line) == b"sec-websocket-accept: a\r\nsec-websocket-protocol: realtime\r\n"
