"""AWS Bedrock's runtime: models invoked in their makers' words, and Converse. Owns its objects, events and counts (Bedrock
Runtime, API reference): Anthropic's models write Messages, any other writes what Meta's do.
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec

from stationmaster.sandbox import frames, messages
from stationmaster.sandbox.errors import failure
from stationmaster.sandbox.text import Speech, count, speak
from stationmaster.sandbox.values import Asked, Reply, answer, dump

Object = dict[str, object]
_METRICS = "amazon-bedrock-invocationMetrics"
_NOT_HERE = ("model", "stream")


def invoke(asked: Asked) -> Reply:
    """`POST /model/{model}/invoke`."""
    speech = speak(asked)
    if not _is_anthropic(asked):
        return _counted(asked, speech, answer(_generation(asked, speech, speech.text)))
    return _refused(asked) or _counted(asked, speech, messages.create(asked))


def invoke_stream(asked: Asked) -> Reply:
    """`POST /model/{model}/invoke-with-response-stream`: each of the maker's events in a `chunk`, counts in the last."""
    refused = _refused(asked) if _is_anthropic(asked) else None
    speech = speak(asked)
    parts = messages.events(asked, speech) if _is_anthropic(asked) else _generations(asked, speech)
    return refused or _stream(_chunk(part) for part in _with_metrics(asked, speech, parts))


def converse(asked: Asked) -> Reply:
    """`POST /model/{model}/converse`."""
    speech = speak(asked)
    message = {"role": "assistant", "content": [{"text": speech.text}]}
    body: Object = {"output": {"message": message}, "stopReason": "end_turn", "metrics": {"latencyMs": 7}}
    return answer(body | _usage(asked, speech))


def converse_stream(asked: Asked) -> Reply:
    """`POST /model/{model}/converse-stream`."""
    return _stream(frames.event(kind, value) for kind, value in _conversation(asked, speak(asked)))


def count_tokens(asked: Asked) -> Reply:
    """`POST /model/{model}/count-tokens`: of a request to Converse, or of the body of one to InvokeModel."""
    told = asked.fields.get("input")
    given = told if isinstance(told, dict) else {}
    inner = given.get("converse") or msgspec.json.decode(base64.b64decode(given["invokeModel"]["body"]))
    return answer({"inputTokens": count(inner)})


def list_async(_asked: Asked) -> Reply:
    """`GET /async-invoke`: none ever ran."""
    return answer({"asyncInvokeSummaries": []})


def _is_anthropic(asked: Asked) -> bool:
    return "anthropic" in asked.model or "claude" in asked.model


def _refused(asked: Asked) -> Reply | None:
    """Bedrock takes Messages without the members that its path says, and with a version."""
    odd = next((name for name in _NOT_HERE if name in asked.fields), "")
    if odd:
        return failure(asked, 400, f"Malformed input request: #: extraneous key [{odd}] is not permitted")
    if "anthropic_version" not in asked.fields:
        return failure(asked, 400, "Malformed input request: #: required key [anthropic_version] not found")
    return None


def _counted(asked: Asked, speech: Speech, reply: Reply) -> Reply:
    """With the counts that Bedrock puts into the head of every model's answer."""
    if reply.status != 200 or asked.fault == "sandbox-no-usage":
        return reply
    counts = {"input": speech.words_in - speech.cached, "output": speech.words_out + speech.thoughts,
              "cache-read-input": speech.cached, "cache-write-input": 0}
    named = {f"x-amzn-bedrock-{kind}-token-count": str(number) for kind, number in counts.items()}
    return replace(reply, headers={**reply.headers, **named, "x-amzn-bedrock-invocation-latency": "7"})


def _generation(asked: Asked, speech: Speech, text: str, *, last: bool = True) -> Object:
    body: Object = {"generation": text, "stop_reason": "stop" if last else None}
    if asked.fault == "sandbox-no-usage":
        return body
    return body | {"prompt_token_count": speech.words_in, "generation_token_count": speech.words_out}


def _generations(asked: Asked, speech: Speech) -> Iterator[Object]:
    for at, piece in enumerate(speech.pieces, 1):
        yield _generation(asked, speech, piece, last=at == len(speech.pieces))


def _with_metrics(asked: Asked, speech: Speech, parts: Iterator[Object]) -> Iterator[Object]:
    before: Object | None = None
    for part in parts:
        if before is not None:
            yield before
        before = part
    last = before or {}
    yield last if asked.fault == "sandbox-no-usage" else last | {_METRICS: {
        "inputTokenCount": speech.words_in - speech.cached, "outputTokenCount": speech.words_out + speech.thoughts,
        "cacheReadInputTokenCount": speech.cached, "cacheWriteInputTokenCount": 0,
        "invocationLatency": 7, "firstByteLatency": 3,
    }}


def _chunk(part: Object) -> bytes:
    return frames.event("chunk", {"bytes": base64.b64encode(dump(part)).decode(), "p": "abcdefgh"})


def _conversation(asked: Asked, speech: Speech) -> Iterator[tuple[str, Object]]:
    yield "messageStart", {"role": "assistant"}
    for piece in speech.pieces:
        yield "contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}}
    yield "contentBlockStop", {"contentBlockIndex": 0}
    yield "messageStop", {"stopReason": "end_turn"}
    yield "metadata", {"metrics": {"latencyMs": 7}} | _usage(asked, speech)


def _usage(asked: Asked, speech: Speech) -> Object:
    """Converse's counts: input leaves the cache out. What costs nothing here is not told."""
    if asked.fault == "sandbox-no-usage":
        return {}
    out = speech.words_out + speech.thoughts
    return {"usage": {
        "inputTokens": speech.words_in - speech.cached, "outputTokens": out, "totalTokens": speech.words_in + out,
        "cacheReadInputTokens": speech.cached, "cacheWriteInputTokens": 0,
    }}


def _stream(parts: Iterator[bytes]) -> Reply:
    broken: Callable[[int], bytes] = _failed
    return Reply(parts, True, content_type=frames.MIME, broken=broken)


def _failed(sent: int) -> bytes:
    kind = "modelStreamErrorException" if sent else "throttlingException"
    return frames.exception(kind, "Sandbox: the stream failed as asked.")
