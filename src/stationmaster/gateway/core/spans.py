"""What a request's event says as spans of OpenTelemetry: what the client asked of us, and what we asked of the vendor.

Owns the names and attributes (semantic conventions 1.41.0: HTTP, and generative AI, which name no gateway: what is ours alone
begins with `stationmaster.`). Nothing else of a request is there to be told: an event holds no body, no secret, no header.
docs/telemetry.md has the table.
"""

from collections.abc import Callable

from stationmaster.gateway.core.events import Event, Try
from stationmaster.gateway.core.tokens import Tokens
from stationmaster.telemetry.otlp import CLIENT, SERVER, Attributes, Span, Value
from stationmaster.telemetry.tracing import Parent

_PROVIDERS = {"azure_openai": "azure.ai.openai", "gemini": "gcp.gemini", "bedrock": "aws.bedrock", "vertex": "gcp.vertex_ai"}
_OPERATIONS = {
    "chat": "chat", "responses": "chat", "messages": "chat", "converse": "chat", "generateContent": "generate_content",
    "completions": "text_completion", "embeddings": "embeddings",
}  # fmt: skip


def spans(event: Event, place: Parent, vendor_of: Callable[[str], str], new_id: Callable[[], str]) -> list[Span]:
    """The request's span, and below it one for each attempt, in their order. `vendor_of` a credential's id; `new_id` gives a span
    id: 16 hex digits."""
    end = int(event.time * 1e9)
    start = end - event.duration_us * 1000
    refused = 400 <= event.status < 500      # which is no error of a server's span
    failed = "" if refused else event.error or (str(event.status) if event.status >= 500 else "")
    name = f"{event.method} {event.endpoint}"
    server = Span(place.trace, new_id(), place.span, name, SERVER, start, end, _asked(event), failed)
    if not event.attempts:
        return [server]
    name = f"{_operation(event)} {event.sent_model}".rstrip()
    found, began = [server], min(start + event.overhead_us * 1000, end)      # what was ours came before, all but a little
    for each in event.tried:
        since = start + each.began_us * 1000
        began = since + each.duration_us * 1000
        found.append(Span(place.trace, new_id(), server.id, name, CLIENT, since, began, _missed(event, each, vendor_of),
                          each.code or each.outcome))  # fmt: skip
    said = _served(event, vendor_of(event.credential))
    return [*found, Span(place.trace, new_id(), server.id, name, CLIENT, min(began, end), end, said, _failure(event))]


def _operation(event: Event) -> str:
    return _OPERATIONS.get(event.endpoint, event.endpoint)


def _failure(event: Event) -> str:
    """What the vendor's span failed by: our code, its status, or that no answer came; not that the client left."""
    if event.error or event.upstream_status >= 400:
        return event.error or str(event.upstream_status)
    return "" if event.upstream_status or event.client_left else "no_answer"


def _asked(event: Event) -> Attributes:
    """Of the client's request."""
    found: dict[str, Value] = {
        "http.request.method": event.method, "http.response.status_code": event.status,
        "http.request.body.size": event.bytes_in, "http.response.body.size": event.bytes_out, "error.type": event.error,
        "stationmaster.request_id": event.request_id, "stationmaster.endpoint": event.endpoint,
        "stationmaster.key": event.key, "stationmaster.pool": event.pool, "stationmaster.credential": event.credential,
        "stationmaster.attempts": event.attempts, "stationmaster.overhead_us": event.overhead_us,
        "stationmaster.client_left": event.client_left, "stationmaster.session": event.session,
        "stationmaster.tried": [f"{each.credential}: {each.outcome}" for each in event.tried],
    }  # fmt: skip
    return _said(found)


def _served(event: Event, vendor: str) -> Attributes:
    """Of the vendor's answer."""
    found: dict[str, Value] = {
        "gen_ai.operation.name": _operation(event), "gen_ai.provider.name": _PROVIDERS.get(vendor, vendor),
        "gen_ai.request.model": event.sent_model, "gen_ai.request.stream": event.stream, "error.type": _failure(event),
        "http.response.status_code": event.upstream_status, "stationmaster.upstream_request_id": event.upstream_request_id,
        "stationmaster.credential": event.credential, "stationmaster.pool": event.pool,
        "stationmaster.usage_source": event.usage_source,
    }  # fmt: skip
    if event.stream and event.first_byte_us:
        found["gen_ai.response.time_to_first_chunk"] = (event.first_byte_us - event.overhead_us) / 1e6
    if event.tokens is not None:
        found |= _used(event.tokens)
    if event.cost is not None:
        found["stationmaster.cost_usd"] = event.cost / 1e9
    return _said(found)


def _missed(event: Event, tried: Try, vendor_of: Callable[[str], str]) -> Attributes:
    """Of an attempt that another one followed."""
    vendor = vendor_of(tried.credential)
    return _said({
        "gen_ai.operation.name": _operation(event), "gen_ai.provider.name": _PROVIDERS.get(vendor, vendor),
        "gen_ai.request.model": event.sent_model, "gen_ai.request.stream": event.stream,
        "error.type": tried.code or tried.outcome, "http.response.status_code": tried.status,
        "stationmaster.credential": tried.credential, "stationmaster.pool": tried.pool,
    })  # fmt: skip


def _used(tokens: Tokens) -> dict[str, Value]:
    """What is cached counts as input, what is thought as output: so the conventions want it."""
    return {
        "gen_ai.usage.input_tokens": tokens.input + tokens.cache_read + tokens.cache_write,
        "gen_ai.usage.cache_read.input_tokens": tokens.cache_read,
        "gen_ai.usage.cache_creation.input_tokens": tokens.cache_write,
        "gen_ai.usage.output_tokens": tokens.output, "gen_ai.usage.reasoning.output_tokens": tokens.reasoning,
    }  # fmt: skip


def _said(found: dict[str, Value]) -> Attributes:
    """Less what is not known."""
    return {name: value for name, value in found.items() if value not in ("", [], 0) or value is False}
