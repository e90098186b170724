"""What `wires` answers, as bytes that a test can name: a stream of numbers, event streams in every spelling, garbage by seed."""

import gzip
import json
import random
from collections.abc import Callable

EVENTS = 200
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
BODY = json.dumps({
    "id": "c", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "OK"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11},
}).encode()  # fmt: skip
FINE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)


def chunk(data: bytes) -> bytes:
    """One chunk (RFC 9112 section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def numbers() -> bytes:
    """A stream of EVENTS numbers, each in a chunk of its own, as it stands on the wire."""
    told = [b'data: {"choices":[{"index":0,"delta":{"content":"%d "}}]}\n\n' % each for each in range(EVENTS)]
    return STREAM + b"".join(map(chunk, [*told, b"data: [DONE]\n\n"])) + b"0\r\n\r\n"


NUMBERS = numbers()
FIRST = NUMBERS.index(b"\n\n", len(STREAM)) + 2      # so many bytes hold the first event
LAST = NUMBERS.index(b"[DONE]\n\n") + 8              # and so many the last


# Event streams in every spelling (WHATWG HTML 9.2.6).

ACCENT = '{"choices":[{"index":0,"delta":{"content":"caf\u00e9 \U0001f682"}}]}'.encode()
PLAIN = b'{"choices":[{"index":0,"delta":{"content":"b"}}]}'
USAGE = b'{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}'


def spelt(*ends: bytes, start: bytes = b"") -> bytes:
    """Four events with comments and fields that nobody knows; line ends as given, in turn."""
    lines = [b": hello", b"", b"data: " + ACCENT, b"", b"event: x", b"id: 7", b"data:" + PLAIN, b": amid", b"unknown: y", b"",
             b"retry: 5", b"", b"data: " + USAGE, b"", b"data: [DONE]", b""]  # fmt: skip
    return start + b"".join(line + ends[at % len(ends)] for at, line in enumerate(lines))


def large() -> bytes:
    """One event of ten mebibytes between small ones."""
    text = b'{"choices":[{"index":0,"delta":{"content":"' + b"x" * 10 * 2**20 + b'"}}]}'
    return b"data: " + PLAIN + b"\n\ndata: " + text + b"\n\ndata: " + USAGE + b"\n\ndata: [DONE]\n\n"


SPELT: dict[str, bytes] = {
    "lf": spelt(b"\n"), "cr": spelt(b"\r"), "crlf": spelt(b"\r\n"), "mixed": spelt(b"\n", b"\r\n", b"\r"),
    "bom": spelt(b"\n", start=b"\xef\xbb\xbf"), "bom crlf": spelt(b"\r\n", start=b"\xef\xbb\xbf"),
}  # fmt: skip
LARGE = large()


# Garbage.

Garbage = Callable[[random.Random], bytes]
JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def _noise(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randint(1, 3000))


def _html(chance: random.Random) -> bytes:
    page = b"<!doctype html><h1>" + b"busy " * chance.randint(1, 400)
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n%b" % (len(page), page)


def _wrong_type(chance: random.Random) -> bytes:
    kind = chance.choice([b"image/png", b"text/plain", b"application/octet-stream", b"x", b"", b"a/b/c;;="])
    body = chance.randbytes(chance.randint(1, 500))
    return b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (kind, len(body), body)


def _interim(chance: random.Random) -> bytes:
    return b"HTTP/1.1 %d X\r\nlink: </x>\r\n\r\n" % chance.choice([100, 102, 103]) * chance.randint(200, 20_000)


def _headers(chance: random.Random) -> bytes:
    return JSON_HEAD + b"".join(b"x-%d: y\r\n" % at for at in range(chance.choice([10_000, 100_000]))) + b"\r\n"


def _double(chance: random.Random) -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + b"HTTP/1.1 %d X\r\ncontent-length: 2\r\n\r\n{}" % chance.choice([200, 500, 204])


def _gzip_lie(chance: random.Random) -> bytes:
    body = chance.choice([BODY, gzip.compress(BODY)[: chance.randint(1, 40)], chance.randbytes(60)])
    return JSON_HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def _shorter(chance: random.Random) -> bytes:
    return JSON_HEAD + b"content-length: %d\r\n\r\n%b" % (len(BODY) + chance.randint(1, 999), BODY)


def _longer(chance: random.Random) -> bytes:
    return JSON_HEAD + b"content-length: %d\r\n\r\n%b" % (len(BODY), BODY + chance.randbytes(chance.randint(1, 99)))


def _flipped(chance: random.Random) -> bytes:
    """A good answer in which some bytes are others."""
    raw = bytearray(chance.choice([FINE, NUMBERS[:3000]]))
    for _ in range(chance.randint(1, 8)):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw)


GARBAGE: dict[str, Garbage] = {
    "random bytes": _noise, "HTML": _html, "another type": _wrong_type, "1xx without end": _interim, "headers": _headers,
    "two status lines": _double, "gzip that is none": _gzip_lie, "shorter than told": _shorter, "longer than told": _longer,
    "bytes flipped": _flipped,
}  # fmt: skip


BROKEN = ("random bytes", "1xx without end", "headers", "two status lines")      # nothing of it can be told
SPOILS = (*BROKEN, "shorter than told", "longer than told")                      # and of these no connection serves again
SOUND = ("HTML", "another type", "gzip that is none")                            # HTTP, but no answer to what was asked
ENDS = ("1xx without end", "headers", "shorter than told", "bytes flipped")      # who sends them hangs up


def garbage(seed: int) -> tuple[str, bytes]:
    """The reply of this number, and its kind."""
    chance = random.Random(seed)
    kind = chance.choice(list(GARBAGE))
    return kind, GARBAGE[kind](chance)
