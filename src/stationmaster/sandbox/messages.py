"""Anthropic Messages, token counting and message batches. Owns their objects, events and usage (the vendor's API
reference). Lenient: system turns, content lists, thinking and unknown fields are all welcome.
"""

from collections.abc import Iterator

from stationmaster.sandbox.errors import envelope
from stationmaster.sandbox.text import Speech, count, speak
from stationmaster.sandbox.values import CREATED_TEXT, Asked, Reply, answer, dump, event, stream

Object = dict[str, object]
EXPIRES_TEXT = "2026-09-22T14:13:20Z"


def create(asked: Asked) -> Reply:
    """`POST messages`: a message, or its events from `message_start` to `message_stop`."""
    speech = speak(asked)
    if asked.stream:
        return stream((event(happened) for happened in events(asked, speech)), _broken)
    content: list[Object] = [{"type": "text", "text": speech.text}]
    return answer(_message(asked, content, "end_turn", _usage(asked, speech, speech.words_out + speech.thoughts)))


def count_tokens(asked: Asked) -> Reply:
    """`POST messages/count_tokens`."""
    return answer({"input_tokens": count(asked.fields)})


def create_batch(asked: Asked) -> Reply:
    """`POST messages/batches`: a batch in progress."""
    requests = asked.fields.get("requests")
    size = len(requests) if isinstance(requests, list) else 0
    return answer(_batch(asked, "in_progress", processing=size))


def retrieve_batch(asked: Asked) -> Reply:
    """`GET messages/batches/{id}`: an ended batch of that id."""
    return answer(_batch(asked, "ended", succeeded=1))


def cancel_batch(asked: Asked) -> Reply:
    """`POST messages/batches/{id}/cancel`."""
    return answer(_batch(asked, "canceling", processing=1) | {"cancel_initiated_at": CREATED_TEXT})


def delete_batch(asked: Asked) -> Reply:
    """`DELETE messages/batches/{id}`."""
    return answer({"id": asked.params["id"], "type": "message_batch_deleted"})


def list_batches(asked: Asked) -> Reply:
    """`GET messages/batches`: one ended batch."""
    batch = _batch(asked, "ended", succeeded=1)
    return answer({"data": [batch], "has_more": False, "first_id": batch["id"], "last_id": batch["id"]})


def batch_results(asked: Asked) -> Reply:
    """`GET messages/batches/{id}/results`: JSON lines, one succeeded request."""
    speech = speak(asked)
    message = _message(asked, [{"type": "text", "text": "OK"}], "end_turn", _usage(asked, speech, 1))
    line = {"custom_id": "first", "result": {"type": "succeeded", "message": message}}
    return Reply((dump(line) + b"\n",), content_type="application/x-jsonl")


def _usage(asked: Asked, speech: Speech, out: int) -> Object | None:
    """Anthropic's counts: `input_tokens` leaves cached tokens out; None where the fault leaves usage out."""
    if asked.fault == "sandbox-no-usage":
        return None
    return {
        "input_tokens": speech.words_in - speech.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": speech.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": out,
        "service_tier": "standard",
        "inference_geo": "global",
    }


def _message(asked: Asked, content: list[Object], stop: str | None, usage: Object | None) -> Object:
    message: Object = {
        "id": asked.id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": asked.model or "claude-sandbox",
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
    }
    return message | {"usage": usage} if usage else message


def events(asked: Asked, speech: Speech) -> Iterator[Object]:
    """What a stream of one message says, from `message_start` to `message_stop`."""
    yield {"type": "message_start", "message": _message(asked, [], None, _usage(asked, speech, 1))}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield {"type": "ping"}
    for piece in speech.pieces:
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
    yield {"type": "content_block_stop", "index": 0}
    yield _message_delta(asked, speech)
    yield {"type": "message_stop"}


def _message_delta(asked: Asked, speech: Speech) -> Object:
    happened: Object = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}}
    counts = _usage(asked, speech, speech.words_out + speech.thoughts)
    if counts is None:
        return happened
    cumulative = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    details = {"output_tokens_details": {"thinking_tokens": speech.thoughts}}
    return happened | {"usage": {key: counts[key] for key in cumulative} | details}


def _broken(_sent: int) -> bytes:
    return event(envelope("anthropic", 529, "Sandbox: the stream failed as asked."))


def _batch(asked: Asked, status: str, processing: int = 0, succeeded: int = 0) -> Object:
    batch_id = asked.params.get("id") or asked.id("msgbatch_")
    counts = {"processing": processing, "succeeded": succeeded, "errored": 0, "canceled": 0, "expired": 0}
    ended = status == "ended"
    return {
        "id": batch_id,
        "type": "message_batch",
        "processing_status": status,
        "request_counts": counts,
        "created_at": CREATED_TEXT,
        "expires_at": EXPIRES_TEXT,
        "ended_at": CREATED_TEXT if ended else None,
        "cancel_initiated_at": None,
        "archived_at": None,
        "results_url": _results_url(asked, batch_id) if ended else None,
    }


def _results_url(asked: Asked, batch_id: str) -> str:
    root = asked.path.partition("/messages/batches")[0]
    return f"http://{asked.headers.get('host', '127.0.0.1')}{root}/messages/batches/{batch_id}/results"
