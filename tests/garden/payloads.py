"""What is sent: bytes that two readers may take apart in two ways, as data. "9112 6.3" means RFC 9112 section 6.3.

`served` says how many requests of a row arrive behind the gateway when it is asked directly: 0 where the bytes have to be, or
may be, refused. What a proxy makes of them is its own affair, as long as both agree on what was asked. `mutations` makes
more of them by chance from a seed.
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

from wire.malformed_requests import CHAT, FILE, HEALTH, HIDDEN, HOST, KEY, NAMED, NAMED_CHUNK, NAMED_SIZE, TE, get
from wire.malformed_requests import LAST as END

BODY = NAMED_CHUNK + END
HALF = b"1\r\n{\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(NAMED) - 1, NAMED[1:])
TEN = CHAT[:-1] + b"0"
SHORT = b"Content-Length: 5"


class Row(NamedTuple):
    """One connection's bytes."""

    id: str
    rule: str
    idea: str
    raw: bytes
    served: int = 0


def chat(*fields: bytes, body: bytes = NAMED, line: bytes = CHAT, host: bytes = HOST) -> bytes:
    """A request with a body; its framing is among `fields`."""
    return get(b"Content-Type: application/json", *fields, line=line, host=host) + body


def _both() -> list[Row]:
    return [
        Row("cl-te", "9112 6.3", "a length and chunks: the length wins here, the chunks there",
            chat(NAMED_SIZE, TE, body=BODY + HIDDEN)),
        Row("te-cl", "9112 6.3", "the same, the other way round", chat(TE, NAMED_SIZE, body=BODY + HIDDEN)),
        Row("cl0-te", "9112 6.3", "no body by its length, chunks behind it", chat(b"Content-Length: 0", TE, body=BODY)),
        Row("te-cl-hides", "9112 6.3", "a request where one reader sees the body of another",
            chat(TE, b"Content-Length: %d" % (len(END) + len(HIDDEN)), body=END + HIDDEN)),
        Row("cl-te-space", "9112 5.1", "the coding's name ends in a space", chat(NAMED_SIZE, b"Transfer-Encoding : chunked")),
        Row("te-space-cl", "9112 5.1", "the same before the length", chat(b"Transfer-Encoding : chunked", NAMED_SIZE)),
        Row("te-tab", "9112 5.1", "the coding's name ends in a tab", chat(NAMED_SIZE, b"Transfer-Encoding\t: chunked")),
        Row("te-vtab-value", "9112 6.1", "a vertical tab before `chunked`",
            chat(NAMED_SIZE, b"Transfer-Encoding: \x0bchunked")),
        Row("te-xchunked", "9112 6.1", "a coding that only ends like the one",
            chat(NAMED_SIZE, b"Transfer-Encoding: xchunked")),
        Row("te-quoted", "9112 6.1", "a quoted coding", chat(NAMED_SIZE, b'Transfer-Encoding: "chunked"')),
        Row("te-comma", "9110 5.6.1", "an empty element before it", chat(NAMED_SIZE, b"Transfer-Encoding: ,chunked")),
        Row("te-identity", "9112 6.1", "a coding that was taken out of HTTP", chat(NAMED_SIZE, b"Transfer-Encoding: identity")),
        Row("te-gzip-chunked", "9112 6.1", "two codings", chat(b"Transfer-Encoding: gzip, chunked", body=BODY)),
        Row("te-chunked-gzip", "9112 6.3", "chunks that are not the last coding",
            chat(b"Transfer-Encoding: chunked, gzip", body=BODY)),
        Row("te-twice", "9112 6.1", "chunked applied twice", chat(TE, TE, body=BODY)),
        Row("te-twice-identity", "9112 6.1", "two fields, the second takes it back",
            chat(TE, b"Transfer-Encoding: identity", NAMED_SIZE)),
        Row("te-folded", "9112 5.2", "the coding on a folded line", chat(NAMED_SIZE, b"Transfer-Encoding:\r\n chunked")),
        Row("te-nul", "9110 5.5", "a NUL behind it", chat(NAMED_SIZE, b"Transfer-Encoding: chunked\0")),
        Row("te-high", "9110 5.1", "a byte above ASCII in its name", chat(NAMED_SIZE, b"Transfer\xadEncoding: chunked")),
        Row("te-underscore", "9110 5.1", "a name that CGI takes for it", chat(NAMED_SIZE, b"Transfer_Encoding: chunked"), 1),
        Row("te-by-lf", "9112 2.2", "a field behind a lone LF", chat(NAMED_SIZE, b"X-Row: 1\nTransfer-Encoding: chunked")),
        Row("te-by-cr", "9112 2.2", "a field behind a lone CR", chat(NAMED_SIZE, b"X-Row: 1\rTransfer-Encoding: chunked")),
        Row("te-connection", "9110 7.6.1", "the coding named hop by hop",
            chat(b"Connection: Transfer-Encoding", TE, body=BODY), 1),
        Row("cl-connection", "9110 7.6.1", "the length named hop by hop", chat(b"Connection: Content-Length", NAMED_SIZE), 1),
        Row("te-case", "9112 7", "the coding in other letters", chat(b"tRANSFER-eNCODING: ChUnKeD", body=BODY), 1),
        Row("te-ows", "9110 5.6.3", "blanks before its value", chat(b"Transfer-Encoding: \t chunked", body=BODY), 1),
        Row("te-ows-behind", "9110 5.6.3", "and behind it", chat(b"Transfer-Encoding: chunked \t", body=BODY)),
    ]  # fmt: skip


def _lengths() -> list[Row]:
    size = len(NAMED)
    return [
        Row("cl-cl", "9112 6.3", "two lengths", chat(NAMED_SIZE, SHORT)),
        Row("cl-cl-short-first", "9112 6.3", "two lengths, the short one first", chat(SHORT, NAMED_SIZE)),
        Row("cl-cl-equal", "9112 6.3", "the same length twice", chat(NAMED_SIZE, NAMED_SIZE)),
        Row("cl-list", "9110 8.6", "the same length as a list", chat(b"Content-Length: %d, %d" % (size, size))),
        Row("cl-plus", "9110 8.6", "a sign before it", chat(b"Content-Length: +%d" % size)),
        Row("cl-minus", "9110 8.6", "a negative one", chat(b"Content-Length: -%d" % size)),
        Row("cl-hex", "9110 8.6", "one in hexadecimal", chat(b"Content-Length: 0x%x" % size)),
        Row("cl-underscore", "9110 8.6", "digits as Python may write them", chat(b"Content-Length: 0_%d" % size)),
        Row("cl-zero-padded", "9110 8.6", "leading zeros, which the grammar allows", chat(b"Content-Length: 000%d" % size), 1),
        Row("cl-wraps-64", "9110 8.6", "beyond 64 bits", chat(b"Content-Length: %d" % (2**64 + size))),
        Row("cl-wraps-32", "9110 8.6", "beyond 32 bits", chat(b"Content-Length: %d" % (2**32 + size))),
        Row("cl-space-inside", "9110 8.6", "a space between digits", chat(b"Content-Length: %d 0" % size)),
        Row("cl-empty", "9110 8.6", "none in it", chat(b"Content-Length:")),
        Row("cl-space-colon", "9112 5.1", "a space before the colon", chat(b"Content-Length : %d" % size)),
        Row("cl-folded", "9112 5.2", "the length on a folded line", chat(b"Content-Length:\r\n %d" % size)),
        Row("cl-by-lf", "9112 2.2", "a second length behind a lone LF", chat(b"X-Row: 1\nContent-Length: 0", NAMED_SIZE)),
        Row("cl-get-body", "9110 9.3.1", "a GET with a body that looks like a request",
            get(b"Content-Length: %d" % len(HIDDEN)) + HIDDEN, 1),
        Row("cl-head-body", "9110 9.3.2", "a HEAD with such a body",
            get(b"Content-Length: %d" % len(HEALTH), line=b"HEAD /healthz HTTP/1.1") + HEALTH),
        Row("cl-short", "9112 6.3", "the body goes on behind its length", chat(b"Content-Length: %d" % (size - 1))),
        Row("cl-long", "9112 8", "the body ends before its length, then another request",
            chat(b"Content-Length: %d" % (size + len(HEALTH)), body=NAMED + HEALTH)),
    ]  # fmt: skip


def _chunks() -> list[Row]:
    size = len(NAMED)

    def framed(first: bytes, end: bytes = END) -> bytes:
        return chat(TE, body=first + NAMED + b"\r\n" + end)

    return [
        Row("chunks-two", "9112 7.1", "two good chunks", chat(TE, body=HALF), 1),
        Row("chunk-0x", "9112 7.1", "0x before the size", framed(b"0x%x\r\n" % size)),
        Row("chunk-plus", "9112 7.1", "a sign before the size", framed(b"+%x\r\n" % size)),
        Row("chunk-underscore", "9112 7.1", "digits as Python may write them", framed(b"0_%x\r\n" % size)),
        Row("chunk-space-before", "9112 7.1", "a space before the size", framed(b" %x\r\n" % size)),
        Row("chunk-space-behind", "9112 7.1", "a space behind the size", framed(b"%x \r\n" % size)),
        Row("chunk-wraps-32", "9112 7.1", "a size beyond 32 bits", framed(b"1%08x\r\n" % size)),
        Row("chunk-wraps-64", "9112 7.1", "a size beyond 64 bits", framed(b"1%016x\r\n" % size)),
        Row("chunk-zeros", "9112 7.1", "many leading zeros", framed(b"0" * 40 + b"%x\r\n" % size)),
        Row("chunk-minus-zero", "9112 7.1", "a last chunk of -0", framed(b"%x\r\n" % size, b"-0\r\n\r\n")),
        Row("chunk-00", "9112 7.1", "a last chunk of 000", framed(b"%x\r\n" % size, b"000\r\n\r\n"), 1),
        Row("chunk-lf", "9112 2.2, 7.1", "the size ends in LF", framed(b"%x\n" % size)),
        Row("chunk-cr", "9112 7.1", "the size ends in CR", framed(b"%x\r" % size)),
        Row("chunk-data-lf", "9112 7.1", "the data ends in LF", chat(TE, body=b"%x\r\n%b\n" % (size, NAMED) + END)),
        Row("chunk-data-none", "9112 7.1", "nothing between data and the next size",
            chat(TE, body=b"%x\r\n%b" % (size, NAMED) + END)),
        Row("chunk-data-xx", "9112 7.1", "two bytes that are no line end behind the data",
            chat(TE, body=b"%x\r\n%bXX" % (size, NAMED) + END + HIDDEN)),
        Row("chunk-ext", "9112 7.1.1", "an extension", framed(b"%x;a=b\r\n" % size), 1),
        Row("chunk-ext-quoted", "9112 7.1.1", "a quoted one", framed(b'%x;a="b;c"\r\n' % size), 1),
        Row("chunk-ext-lf", "9112 7.1.1", "an LF in the extension, then what looks like a chunk",
            chat(TE, body=b"2;\nxx\r\n%x\r\n%b\r\n0\r\n\r\n" % (size, NAMED) + HIDDEN)),
        Row("chunk-ext-quoted-crlf", "9112 7.1.1", "a line end within quotes", framed(b'%x;a="\r\n"\r\n' % size)),
        Row("chunk-ext-bare", "9112 7.1.1", "a semicolon and nothing", framed(b"%x;\r\n" % size)),
        Row("chunk-ext-long", "9112 7.1.1", "an extension of 20,000 bytes", framed(b"%x;a=%b\r\n" % (size, b"b" * 20_000))),
        Row("chunk-last-lf", "9112 7.1", "the end is LF LF", framed(b"%x\r\n" % size, b"0\n\n")),
        Row("chunk-last-no-crlf", "9112 7.1", "no empty line at the end, another request at once",
            framed(b"%x\r\n" % size, b"0\r\n" + HEALTH)),
        Row("trailer", "9110 6.5", "a trailer field", framed(b"%x\r\n" % size, b"0\r\nX-Sum: 1\r\n\r\n"), 1),
        Row("trailer-length", "9110 6.5.1", "a length as a trailer",
            framed(b"%x\r\n" % size, b"0\r\nContent-Length: 50\r\n\r\n")),
        Row("trailer-te", "9110 6.5.1", "a coding as a trailer",
            framed(b"%x\r\n" % size, b"0\r\nTransfer-Encoding: chunked\r\n\r\n")),
        Row("trailer-lf", "9112 2.2", "a trailer that ends in LF", framed(b"%x\r\n" % size, b"0\r\nX: 1\n\r\n")),
        Row("trailer-request", "9112 7.1.2", "a request line for a trailer", framed(b"%x\r\n" % size, b"0\r\n" + HIDDEN)),
        Row("trailer-folded", "9112 5.2", "a folded trailer", framed(b"%x\r\n" % size, b"0\r\nX: 1\r\n 2\r\n\r\n")),
    ]  # fmt: skip


def _lines() -> list[Row]:
    path = b"/v1/files/row-NNNN"
    return [
        Row("lf-everywhere", "9112 2.2", "lines end in LF", get().replace(b"\r\n", b"\n")),
        Row("lf-first-line", "9112 2.2", "the first line ends in LF", FILE + b"\n" + HOST + KEY + b"\r\n"),
        Row("lf-head-end", "9112 2.2", "the head ends in LF LF", FILE + b"\r\n" + HOST + KEY[:-2] + b"\n\n"),
        Row("cr-lf-in-front", "9112 2.2", "an empty line in front", b"\r\n" + get(), 1),
        Row("lf-in-front", "9112 2.2", "a lone LF in front", b"\n" + get()),
        Row("fold", "9112 5.2", "a folded line", get(b"X-Row: a\r\n b")),
        Row("fold-first", "9112 2.2", "a blank before the first field", FILE + b"\r\n " + HOST + KEY + b"\r\n"),
        Row("fold-hides", "9112 5.2", "a length on a folded line of another field",
            chat(b"X-Row: a\r\n Content-Length: 0", NAMED_SIZE)),
        Row("nul-value", "9110 5.5", "a NUL in a value", get(b"X-Row: a\0b")),
        Row("nul-name", "9110 5.1", "a NUL in a name", get(b"X-\0Row: a")),
        Row("nul-target", "9112 3.2", "a NUL in the target", get(line=b"GET " + path + b"\0 HTTP/1.1")),
        Row("no-colon", "9112 5", "a line without a colon", get(b"junk")),
        Row("empty-name", "9110 5.1", "a colon and no name", get(b": a")),
        Row("two-spaces", "9112 3", "two spaces in the first line", get(line=b"GET  " + path + b" HTTP/1.1")),
        Row("tab-first-line", "9112 3", "a tab in the first line", get(line=b"GET\t" + path + b" HTTP/1.1")),
        Row("space-in-target", "9112 3.2", "a space in the target", get(line=b"GET " + path + b" x HTTP/1.1")),
        Row("version-12", "9112 2.3", "HTTP/1.2", get(line=b"GET " + path + b" HTTP/1.2")),
        Row("version-20", "9112 2.3", "HTTP/2.0 in the manner of HTTP/1", get(line=b"GET " + path + b" HTTP/2.0")),
        Row("version-09", "1945 5", "a request of HTTP/0.9", b"GET " + path + b"\r\n\r\n"),
        Row("preface", "9113 3.4", "HTTP/2's first bytes", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9)),
    ]  # fmt: skip


def _targets() -> list[Row]:
    path = b"/v1/files/row-NNNN"
    return [
        Row("absolute", "9112 3.2.2", "absolute-form", get(line=b"GET http://gateway.test" + path + b" HTTP/1.1")),
        Row("absolute-other", "9112 3.2.2", "absolute-form with another host",
            get(line=b"GET http://other.test" + path + b" HTTP/1.1")),
        Row("absolute-userinfo", "9110 4.2.4", "a name and a password in it",
            get(line=b"GET http://a:b@gateway.test" + path + b" HTTP/1.1")),
        Row("authority", "9112 3.2.3", "authority-form without CONNECT", get(line=b"GET gateway.test:80 HTTP/1.1")),
        Row("connect", "9110 9.3.6", "a tunnel, and a request inside", get(line=b"CONNECT gateway.test:80 HTTP/1.1") + HEALTH),
        Row("asterisk", "9112 3.2.4", "asterisk-form", get(line=b"OPTIONS * HTTP/1.1")),
        Row("fragment", "9112 3.2", "a fragment", get(line=b"GET " + path + b"#/../x HTTP/1.1")),
        Row("encoded-line-end", "9112 3.2", "a line end in percents", get(line=b"GET " + path + b"%0d%0aX:%201 HTTP/1.1")),
        Row("host-twice", "9112 3.2", "two hosts", get(host=HOST + b"Host: other.test\r\n")),
        Row("host-none", "9112 3.2", "no host", get(host=b"")),
        Row("host-list", "9112 3.2", "two hosts in one field", get(host=b"Host: gateway.test, other.test\r\n")),
        Row("host-path", "9112 3.2", "a path in the host", get(host=b"Host: gateway.test/x\r\n")),
        Row("host-space", "9112 5.1", "a space before the host's colon", get(host=b"Host : gateway.test\r\n")),
    ]  # fmt: skip


def _connections() -> list[Row]:
    good = chat(NAMED_SIZE)
    return [
        Row("pipeline", "9112 9.3.2", "three requests at once", good + chat(TE, body=BODY) + good, 3),
        Row("pipeline-broken", "9112 9.3.2", "a good one, then a bad one, then a good one",
            good + chat(NAMED_SIZE, TE) + good, 1),
        Row("pipeline-close", "9112 9.6", "one that ends the connection, then another",
            chat(NAMED_SIZE, b"Connection: close") + good, 1),
        Row("pipeline-garbage", "9112 2.2", "garbage behind a good one", good + b"\0\0\0\0garbage\r\n\r\n", 1),
        Row("pipeline-crlf", "9112 2.2", "empty lines between two", good + b"\r\n\r\n" + good, 2),
        Row("http10", "9112 9.3", "HTTP/1.0, then another", chat(NAMED_SIZE, line=TEN) + good, 1),
        Row("http10-keep-alive", "9112 9.3", "HTTP/1.0 that would go on",
            chat(NAMED_SIZE, b"Connection: keep-alive", line=TEN) + good, 1),
        Row("http10-te", "9112 6.1", "chunks in HTTP/1.0", chat(TE, body=BODY, line=TEN)),
        Row("http10-te-keep-alive", "9112 6.1", "the same, and it would go on",
            chat(TE, b"Connection: keep-alive", body=BODY, line=TEN) + good),
        Row("expect", "9110 10.1.1", "`Expect: 100-continue`, its body at once", chat(NAMED_SIZE, b"Expect: 100-continue"), 1),
        Row("expect-chunks", "9110 10.1.1", "the same with chunks", chat(TE, b"Expect: 100-continue", body=BODY), 1),
        Row("expect-get", "9110 10.1.1", "an expectation without a body, then another request",
            get(b"Expect: 100-continue") + good, 2),
        Row("expect-other", "9110 10.1.1", "an expectation that nobody knows", chat(NAMED_SIZE, b"Expect: 200-ok")),
        Row("expect-twice", "9110 10.1.1", "obfuscated: two of them", chat(NAMED_SIZE, b"Expect: 100-continue", b"Expect: x")),
        Row("upgrade-h2c", "9113 3.1", "an upgrade to HTTP/2, then another request",
            chat(NAMED_SIZE, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk") + good, 2),
        Row("upgrade-websocket", "9110 7.8", "an upgrade where there is none, then another request",
            chat(NAMED_SIZE, b"Connection: Upgrade", b"Upgrade: websocket") + good, 2),
        Row("connection-list", "9110 7.6.1", "close among other options",
            chat(NAMED_SIZE, b"Connection: x, close, y") + good, 1),
        Row("method-unknown", "9110 9.1", "a method that nobody knows, with a body",
            chat(NAMED_SIZE, line=CHAT.replace(b"POST", b"FOO"))),
        Row("method-case", "9110 9.1", "a method in small letters", chat(NAMED_SIZE, line=CHAT.replace(b"POST", b"post"))),
        Row("trace", "9110 9.3.8", "TRACE with a body", chat(NAMED_SIZE, line=b"TRACE /v1/files/row-NNNN HTTP/1.1")),
    ]  # fmt: skip


ROWS: list[Row] = [*_both(), *_lengths(), *_chunks(), *_lines(), *_targets(), *_connections()]
_GOOD = [row for row in ROWS if row.served]

_LINES = (
    b"Transfer-Encoding: chunked", b"Transfer-Encoding : chunked", b"Transfer-Encoding: xchunked", b"Content-Length: 0",
    b"Content-Length: 5", b"Content-Length: +5", b"Connection: close", b"Connection: keep-alive", b"Connection: Content-Length",
    b"Connection: Transfer-Encoding", b"Expect: 100-continue", b"Upgrade: h2c", b"TE: trailers", b"Trailer: Content-Length",
    b"Host: other.test", b" folded", b"X\0: 1", b": none", b"junk", b"X-Row: 1", b"Content-Encoding: gzip",
)  # fmt: skip
_BITS = (b"\n", b"\r", b"\r\n", b"\0", b" ", b"\t", b"\x0b", b";", b",", b'"', b":", b"0", b"0x", b"+", b"-", b"_", b"1", b"f",
         b"\xff", b"\x85", b"HTTP/1.0", b"HTTP/1.1", b"0\r\n\r\n", b"GET /healthz HTTP/1.1\r\n")  # fmt: skip


def mutations(seed: int, count: int) -> Iterator[bytes]:
    """`count` connections' bytes, each one of the rows changed in one to three places, and behind it a request that ends the
    connection. The same for the same seed."""
    chance = random.Random(seed)
    for _ in range(count):
        data = chance.choice(chance.choice((ROWS, _GOOD))).raw
        for _ in range(chance.randint(1, 3)):
            data = _mutated(chance, data)
        yield data + HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


def _mutated(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    lines = data.split(b"\r\n")
    line = chance.randrange(len(lines))
    kind = chance.randrange(8)
    if kind == 0:
        return data[:at] + chance.choice(_BITS) + data[at:]
    if kind == 1:
        return data[:at] + data[at + chance.randint(1, 3) :]
    if kind == 2:
        return b"\r\n".join([*lines[:line], chance.choice(_LINES), *lines[line:]])
    if kind == 3:
        return b"\r\n".join([*lines[:line], lines[line], *lines[line:]])
    if kind == 4:
        return b"\r\n".join([*lines[:line], *lines[line + 1 :]])
    if kind == 5:
        return b"\r\n".join(lines[: line + 1]) + chance.choice((b"\n", b"\r", b"\r\r\n")) + b"\r\n".join(lines[line + 1 :])
    if kind == 6:
        return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
    other = chance.choice(ROWS).raw
    return data[:at] + other[chance.randrange(len(other)) :]
