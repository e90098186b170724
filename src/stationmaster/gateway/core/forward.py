"""Which header fields cross the gateway, each way. Owns: the lists and their reasons. May not know sockets.

Towards the vendor everything passes but what is stripped here; towards the caller only what is listed
(what real clients send: docs/clients.md; RFC 9110 section 7.6.1 for the hop-by-hop ones).
"""

import re

from stationmaster.gateway.core.snapshot import Vendor
from stationmaster.gateway.core.wire import Headers, ResponseLine, tokens
from stationmaster.telemetry.tracing import read

CARRIERS = (b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key")

_HOP_BY_HOP = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection",
    b"te", b"trailer", b"transfer-encoding", b"upgrade", b"http2-settings",
})
_OURS_TO_SET = frozenset({
    b"host", b"content-length", b"content-encoding", b"accept-encoding", b"expect",
    b"sec-websocket-extensions",    # a compressed WebSocket would hide what it cost; none is offered, so none is used
})
_IDENTITY = frozenset({
    b"cookie", b"cookie2", b"forwarded", b"via", b"from", b"referer", b"origin", b"x-real-ip", b"x-client-ip",
    b"true-client-ip", b"x-original-url", b"x-rewrite-url", b"x-http-method-override", b"x-method-override",
    b"x-http-method", b"client-ip", b"x-originating-ip", b"x-original-uri", b"x-forwarded", b"ocp-apim-subscription-key",
    b"openai-organization", b"openai-project", b"x-gemini-api-privileged-user-id",
    b"x-codex-turn-metadata", b"x-codex-installation-id", b"baggage",
    b"x-session-affinity", b"x-session-id", b"x-parent-session-id",
})
_STRIPPED = frozenset({*CARRIERS, *_HOP_BY_HOP, *_OURS_TO_SET, *_IDENTITY})
_STRIPPED_PREFIXES = (
    b"x-stainless-", b"x-forwarded-", b"x-stationmaster-", b"x-opencode-", b"sec-fetch-", b"cf-", b"proxy-", b"x-envoy-",
    b"x-amzn-", b"x-amz-", b"amz-sdk-",
)
# Session and harness fields are the native tongue of one vendor's client: nobody else gets them.
_NATIVE: dict[bytes, tuple[Vendor, ...]] = {
    b"session-id": ("openai", "azure_openai"),
    b"session_id": ("openai", "azure_openai"),
    b"thread-id": ("openai", "azure_openai"),
    b"conversation_id": ("openai", "azure_openai"),
    b"x-client-request-id": ("openai", "azure_openai"),
    b"originator": ("openai", "azure_openai"),
    b"x-app": ("anthropic",),
    **dict.fromkeys((
        b"x-amzn-bedrock-accept", b"x-amzn-bedrock-content-type", b"x-amzn-bedrock-trace", b"x-amzn-bedrock-guardrailidentifier",
        b"x-amzn-bedrock-guardrailversion", b"x-amzn-bedrock-performanceconfig-latency", b"x-amzn-bedrock-service-tier",
    ), ("bedrock",)),    # InvokeModel, request headers; what else AWS' clients say is part of their signature, which is not sent
}
_NATIVE_PREFIXES: tuple[tuple[bytes, tuple[Vendor, ...]], ...] = (
    (b"x-codex-", ("openai", "azure_openai")),
    (b"x-openai-", ("openai", "azure_openai")),
    (b"openai-", ("openai", "azure_openai", "openai_compatible")),
    (b"x-claude-code-", ("anthropic",)),
    (b"anthropic-", ("anthropic", "bedrock", "vertex")),
    (b"x-goog-", ("gemini",)),
)


def to_vendor(headers: Headers, vendor: Vendor, *, websocket: bool = False) -> bytes:
    """The caller's fields that `vendor` may see, as header lines. Names listed in Connection never pass."""
    named = set(tokens(headers, b"connection")) - {b"content-type"}   # by which we went ourselves
    return b"".join([
        b"%b: %b\r\n" % (name, _subprotocols(value) if name == b"sec-websocket-protocol" else value)
        for name, value in headers
        if name not in named and _passes(name, vendor) and (websocket or not name.startswith(b"sec-websocket-"))
    ])


def _passes(name: bytes, vendor: Vendor) -> bool:
    folded = name.replace(b"_", b"-")     # servers behind CGI-like interfaces read the two as one
    if name not in _NATIVE and (folded in _STRIPPED or folded.startswith(_STRIPPED_PREFIXES)):
        return False
    natives = _NATIVE.get(name)
    if natives is None:
        natives = next((who for prefix, who in _NATIVE_PREFIXES if name.startswith(prefix)), None)
    return natives is None or vendor in natives


def _subprotocols(value: bytes) -> bytes:
    """Browser clients offer their key as a subprotocol; the offer is not ours to pass on."""
    offers = [offer.strip() for offer in value.split(b",")]
    return b", ".join(offer for offer in offers if not offer.lower().startswith(b"openai-insecure-api-key"))


_TO_CALLER = frozenset({
    b"accept-ranges", b"allow", b"apim-request-id", b"cache-control", b"content-disposition", b"content-encoding",
    b"content-language", b"content-range", b"content-type", b"date", b"deprecation", b"etag", b"expires",
    b"last-modified", b"openai-processing-ms", b"openai-version", b"request-id", b"retry-after",
    b"retry-after-ms", b"sunset", b"x-amzn-bedrock-cache-read-input-token-count",
    b"x-amzn-bedrock-cache-write-input-token-count", b"x-amzn-bedrock-content-type", b"x-amzn-bedrock-input-token-count",
    b"x-amzn-bedrock-invocation-latency", b"x-amzn-bedrock-output-token-count", b"x-amzn-bedrock-performanceconfig-latency",
    b"x-amzn-bedrock-service-tier", b"x-amzn-errortype", b"x-amzn-requestid", b"x-codex-turn-state",
    b"x-models-etag", b"x-request-id", b"x-should-retry",
})
_ON_STREAMS = frozenset({b"cache-control", b"x-accel-buffering"})
_WEBSOCKET = frozenset({b"sec-websocket-accept", b"sec-websocket-protocol"})


def to_caller(headers: Headers, *, stream: bool) -> bytes:
    """The answer's fields that the caller may see, as header lines; streams are marked as not to be stored."""
    lines = b"".join([
        b"%b: %b\r\n" % field
        for field in headers
        if field[0] in _TO_CALLER and not (stream and field[0] in _ON_STREAMS)
    ])
    return lines + b"cache-control: no-cache\r\nx-accel-buffering: no\r\n" if stream else lines


def handshake(response: ResponseLine) -> bytes:
    """The fields of a WebSocket handshake answer (RFC 6455 section 4.2.2); no extensions, for none was offered."""
    return b"".join(b"%b: %b\r\n" % field for field in response.headers if field[0] in _WEBSOCKET)


_PLAIN_JSON = re.compile(rb"application/(?:[a-z0-9.+-]+\+)?json(?:[ \t]*;[ \t]*charset=\"?(?:utf-8|us-ascii)\"?)?", re.IGNORECASE)


def as_json(headers: Headers) -> Headers:
    """The fields of a body that was read as JSON: their content type says so, and in UTF-8, so that nobody behind
    us reads it as anything else."""
    if _PLAIN_JSON.fullmatch(value(headers, b"content-type").strip()):
        return headers
    return [*(field for field in headers if field[0] != b"content-type"), (b"content-type", b"application/json")]


def caller_trace(headers: Headers) -> str:
    """What the caller says of its trace (W3C Trace Context, `traceparent`); empty: nothing, or nothing that is valid."""
    found = value(headers, b"traceparent")[:256].decode("latin-1").strip()
    return found if found and read(found) is not None else ""


def value(headers: Headers, name: bytes) -> bytes:
    """The first field called `name`, or empty."""
    return next((text for field, text in headers if field == name), b"")
