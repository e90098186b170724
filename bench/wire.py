"""What is sent: an SDK's 17 headers, bodies of exact sizes, one streaming call. Knows no sockets."""

import json
import random
from collections.abc import Mapping

CLIENT_MODEL = "gpt-4o-mini"
CHAT_PATH = "/v1/chat/completions"
UPSTREAM_KEY = "sk-upstream-0123456789abcdefghijklmnopqrstuvwxyz"
SIZES = {"1k": 1024, "10k": 10 * 1024, "100k": 100 * 1024, "1m": 1024 * 1024}
HEADER_COUNT = 17

# The openai Python SDK sends these; Host and Content-Length, which whoever writes the request adds,
# make 17.
SDK_HEADERS = {
    "Accept-Encoding": "gzip, deflate",
    "Connection": "keep-alive",
    "accept": "application/json",
    "content-type": "application/json",
    "user-agent": "OpenAI/Python 3.54.0",
    "x-stainless-lang": "python",
    "x-stainless-package-version": "3.54.0",
    "x-stainless-os": "Linux",
    "x-stainless-arch": "x64",
    "x-stainless-runtime": "CPython",
    "x-stainless-runtime-version": "3.11.7",
    "x-stainless-async": "false",
    "x-stainless-retry-count": "0",
    "x-stainless-read-timeout": "600",
}

# Named by a client, a session counts before all else that may tell it; its number is always ten digits long.
SESSION_HEADER, SESSION_NAME = "x-stationmaster-session", "session-%010d"

WORDS = ("invoice", "station", "harbour", "ledger", "signal", "carriage", "ticket", "north", "copper", "quiet")


def headers(key: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The SDK's headers for one virtual key, with what a gateway asks for on top."""
    return {**SDK_HEADERS, "authorization": f"Bearer {key}", **(extra or {})}


def chat_body(size: int, *, stream: bool = False) -> bytes:
    """A chat completion request of exactly `size` bytes."""
    empty = len(_chat("", stream=stream))
    if size < empty:
        raise ValueError(f"a chat request has at least {empty} bytes, not {size}")
    return _chat(_prose(size - empty), stream=stream)


def raw_request(port: int, send: Mapping[str, str], body: bytes) -> bytes:
    """One whole HTTP/1.1 request, as the stream client writes it."""
    lines = [f"POST {CHAT_PATH} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    lines += [f"{name}: {value}" for name, value in send.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def any_session(port: int, send: Mapping[str, str], body: bytes) -> tuple[bytes, bytes]:
    """One whole request that names its session, cut in two where the name belongs."""
    before, _, after = raw_request(port, {**send, SESSION_HEADER: SESSION_NAME}, body).partition(SESSION_NAME.encode())
    return before, after


def session_name(number: int) -> bytes:
    """What a session is called; all names are of one length."""
    return (SESSION_NAME % number).encode()


def answer_body() -> str:
    """A chat completion of about half a kilobyte, with usage."""
    message = {"role": "assistant", "content": _prose(120), "refusal": None}
    usage = {"prompt_tokens": 212, "completion_tokens": 24, "total_tokens": 236}
    return json.dumps(
        {
            "id": "chatcmpl-BenchBenchBenchBenchBench01",
            "object": "chat.completion",
            "created": 1760000000,
            "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": usage,
            "service_tier": "default",
            "system_fingerprint": "fp_0123456789",
        },
        separators=(",", ":"),
    )


# In nginx's words: the last three digits of how many requests a connection has had. What is left of a limit is made of
# them: never little, or a gateway that reads it would keep sessions away from a vendor that is well.
ANSWER_VARIABLES = r"""
    map $connection_requests $three {
        "~^\d$" "00$connection_requests";
        "~^\d\d$" "0$connection_requests";
        "~(?<last>\d\d\d)$" $last;
    }"""


def answer_headers() -> dict[str, str]:
    """What the vendor adds to its answers, besides Date, Server, Content-Type and the length.

    In nginx's words: `$…` differs from answer to answer, as these headers do in life, so that a gateway which
    remembers heads gains no more here than it would there.
    """
    return {
        "x-request-id": "req_$request_id",
        "openai-processing-ms": "4$connection_requests",
        "openai-version": "2020-10-01",
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-limit-tokens": "2000000",
        "x-ratelimit-remaining-requests": "9$three",
        "x-ratelimit-remaining-tokens": "19${three}00",
        "x-ratelimit-reset-requests": "6ms",
        "x-ratelimit-reset-tokens": "${connection_requests}ms",
        "cf-ray": "$request_id-FRA",
    }


def _chat(text: str, *, stream: bool) -> bytes:
    messages = [{"role": "system", "content": "Answer briefly."}, {"role": "user", "content": text}]
    call: dict[str, object] = {"model": CLIENT_MODEL, "messages": messages, "temperature": 0.2}
    if stream:
        call |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(call, separators=(",", ":")).encode()


def _prose(length: int) -> str:
    dice = random.Random(length)
    text = " ".join(dice.choice(WORDS) for _ in range(length // 4 + 1))
    return text[:length]
