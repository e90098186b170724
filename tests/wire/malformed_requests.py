"""Requests that are no good HTTP, as data: what is sent, what must come back, and who says so.

Each row is one connection's bytes. `row-NNNN` in them becomes a mark of its own, so that the upstream's ledger
can be asked whether anything of a refused row ever arrived there. "9112 3.2" means RFC 9112 section 3.2.

Statuses: where a standard leaves a choice, the row lists every status that is right. `closes` says whether
the connection must be closed behind the answer; None leaves it open to either.
"""

from typing import NamedTuple

import rig

MARK = b"row-NNNN"
HOST = b"Host: gateway.test\r\n"
KEY = b"Authorization: Bearer " + rig.KEY.encode() + b"\r\n"
NARROW = b"Authorization: Bearer " + rig.KEY.encode() + b"-narrow\r\n"
BODY = b'{"model":"row-NNNN","messages":[{"role":"user","content":"hi"}]}'
FILE = b"GET /v1/files/row-NNNN HTTP/1.1"
CHAT = b"POST /v1/chat/completions HTTP/1.1"
HIDDEN = b"GET /v1/files/row-NNNN-hidden HTTP/1.1\r\n" + HOST + KEY + b"\r\n"

SMALL = 1500  # rows up to this many bytes are also sent one byte at a time


class Row(NamedTuple):
    """One malformed request. `primed` is sent first, each on a connection of its own, and may be good HTTP.
    `tail` is False where bytes behind the request would complete it instead of following it."""

    id: str
    rule: str
    raw: bytes
    statuses: frozenset[int]
    closes: bool | None = True
    primed: tuple[bytes, ...] = ()
    tail: bool = True


def row(
    name: str,
    rule: str,
    raw: bytes,
    *statuses: int,
    closes: bool | None = True,
    primed: tuple[bytes, ...] = (),
    tail: bool = True,
) -> Row:
    """A row; without statuses it is a plain 400."""
    return Row(name, rule, raw, frozenset(statuses or (400,)), closes, primed, tail)


def get(*fields: bytes, line: bytes = FILE, host: bytes = HOST) -> bytes:
    """A request without a body: first line, Host, key, and `fields` as they are."""
    return line + b"\r\n" + host + KEY + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


def post(*fields: bytes, body: bytes = BODY, line: bytes = CHAT) -> bytes:
    """A request with a body; its framing is among `fields`."""
    return get(*fields, line=line) + body


def sized(body: bytes = BODY) -> bytes:
    """The right Content-Length line."""
    return b"Content-Length: %d" % len(body)


def chunks(body: bytes, *fields: bytes) -> bytes:
    """A request whose chunked body is `body`, framing and all."""
    return post(b"Transfer-Encoding: chunked", *fields, body=body)


GOOD_CHUNK = b"%x\r\n%b\r\n" % (len(BODY), BODY)
LAST = b"0\r\n\r\n"


def _request_lines() -> list[Row]:
    path = b"/v1/files/row-NNNN"
    versions = {
        "0.9": (400, 505),
        "1.2": (400, 505),
        "1.10": (400, 505),
        "2.0": (400, 505),
        "3.0": (400, 505),
        "9.9": (400, 505),
        "01.1": (400,),
        "1.01": (400, 505),
        "1": (400,),
        "1.": (400,),
        ".1": (400,),
        "1,1": (400,),
        "1.1.1": (400,),
        "1.1junk": (400,),
        "-1.1": (400,),
        "+1.1": (400,),
        "1 .1": (400,),
        "1.1\x00": (400,),
        "x.y": (400,),
        "": (400,),
        "\xef\xbc\x91.1": (400,),
    }
    rows = [
        row(
            f"version-{version.encode().hex() or 'none'}",
            "9112 2.3",
            get(line=b"GET " + path + b" HTTP/" + version.encode("latin-1")),
            *statuses,
        )
        for version, statuses in versions.items()
    ]
    protocols = (
        b"http/1.1",
        b"Http/1.1",
        b"HTTPS/1.1",
        b"HTP/1.1",
        b"HTTP /1.1",
        b"RTSP/1.0",
        b"ICE/1.0",
        b"SIP/2.0",
        b"HTTP\\1.1",
        b"1.1",
    )
    rows += [
        row(f"protocol-{at}", "9112 2.3", get(line=b"GET " + path + b" " + name), 400, 505)
        for at, name in enumerate(protocols)
    ]
    methods = (
        b"get",
        b"Get",
        b"FOO",
        b"GET\x00",
        b"GE T",
        b"GE:T",
        b"GE(T",
        b'"GET"',
        b"G\xc3\x8bT",
        b"\x7fGET",
        b"GET\x0b",
        b"GETX",
        b"-",
    )
    rows += [
        row(f"method-{at}", "9110 9.1", get(line=name + b" " + path + b" HTTP/1.1"), 400, 405, 501)
        for at, name in enumerate(methods)
    ]
    rows += [
        row("no-method", "9112 3", get(line=b" " + path + b" HTTP/1.1")),
        row("no-target", "9112 3", get(line=b"GET HTTP/1.1"), 400, 505),
        row("empty-target", "9112 3", get(line=b"GET  HTTP/1.1"), 400, 505),
        row("no-version", "9112 3", get(line=b"GET " + path), 400, 505),
        row("method-only", "9112 3", get(line=b"GET")),
        row("two-spaces-first", "9112 3", get(line=b"GET  " + path + b" HTTP/1.1")),
        row("two-spaces-second", "9112 3", get(line=b"GET " + path + b"  HTTP/1.1")),
        row("tab-first", "9112 3", get(line=b"GET\t" + path + b" HTTP/1.1")),
        row("tab-second", "9112 3", get(line=b"GET " + path + b"\tHTTP/1.1")),
        row("vertical-tab", "9112 3", get(line=b"GET\x0b" + path + b" HTTP/1.1")),
        row("space-behind", "9112 3", get(line=FILE + b" ")),
        row("tab-behind", "9112 3", get(line=FILE + b"\t")),
        row("fourth-word", "9112 3", get(line=FILE + b" again")),
        row("space-before", "9112 3", get(line=b" " + FILE)),
        row("tab-before", "9112 3", get(line=b"\t" + FILE)),
        row("nul-before", "9112 3", get(line=b"\0" + FILE)),
        row("space-in-target", "9112 3.2", get(line=b"GET /v1/files/a row-NNNN HTTP/1.1")),
        row("nul-in-target", "9112 3.2", get(line=b"GET " + path + b"\0 HTTP/1.1")),
        row("control-in-target", "9112 3.2", get(line=b"GET " + path + b"\x01 HTTP/1.1")),
        row("delete-in-target", "9112 3.2", get(line=b"GET " + path + b"\x7f HTTP/1.1")),
        row("utf8-in-target", "9112 3.2", get(line=b"GET " + path + b"\xc3\xa9 HTTP/1.1")),
        row("high-byte-in-target", "9112 3.2", get(line=b"GET " + path + b"\xff HTTP/1.1")),
        row("cr-in-target", "9112 2.2", get(line=b"GET " + path + b"\rX HTTP/1.1")),
        row("fragment", "9112 3.2", get(line=b"GET " + path + b"#part HTTP/1.1")),
        row("absolute-form", "9112 3.2.2", get(line=b"GET http://gateway.test" + path + b" HTTP/1.1")),
        row("absolute-https", "9112 3.2.2", get(line=b"GET https://gateway.test" + path + b" HTTP/1.1")),
        row("absolute-other-host", "9112 3.2.2", get(line=b"GET http://other.test" + path + b" HTTP/1.1")),
        row("absolute-userinfo", "9110 4.2.4", get(line=b"GET http://a:b@gateway.test" + path + b" HTTP/1.1")),
        row("absolute-file", "9112 3.2.2", get(line=b"GET file:///row-NNNN HTTP/1.1")),
        row("authority-form-get", "9112 3.2.3", get(line=b"GET gateway.test:80 HTTP/1.1")),
        row("asterisk-get", "9112 3.2.4", get(line=b"GET * HTTP/1.1")),
        row("asterisk-options", "9112 3.2.4", get(line=b"OPTIONS * HTTP/1.1"), 400, 404, 405, closes=None),
        row("no-leading-slash", "9112 3.2.1", get(line=b"GET v1/files/row-NNNN HTTP/1.1")),
        row("query-only", "9112 3.2.1", get(line=b"GET ?row-NNNN HTTP/1.1")),
        row("long-target-9k", "9110 15.5.15", get(line=b"GET " + path + b"a" * 9000 + b" HTTP/1.1"), 414),
        row("long-query-9k", "9110 15.5.15", get(line=b"GET " + path + b"?" + b"q" * 9000 + b" HTTP/1.1"), 414),
        row("long-target-40k", "9110 15.5.15", get(line=b"GET /" + b"a" * 40_000 + b" HTTP/1.1"), 414),
        row("long-target-1m", "9110 15.5.15", get(line=b"GET /" + b"a" * 2**20 + b" HTTP/1.1"), 414),
        row("endless-method", "9110 9.1", b"A" * 50_000, 400, 414, 431, 501),
        row("endless-spaces", "9112 3", b"GET " + b" " * 50_000, 400, 414, 431),
        row("lf-ends-first-line", "9112 2.2", FILE + b"\n" + HOST + KEY + b"\r\n"),
        row("cr-ends-first-line", "9112 2.2", FILE + b"\r" + HOST + KEY + b"\r\n"),
        row("crcrlf-ends-first-line", "9112 2.2", FILE + b"\r\r\n" + HOST + KEY + b"\r\n"),
        row("lf-everywhere", "9112 2.2", get().replace(b"\r\n", b"\n")),
        row("cr-everywhere", "9112 2.2", get().replace(b"\r\n", b"\r")),
        row("lf-in-front", "9112 2.2", b"\n" + get()),
        row("cr-in-front", "9112 2.2", b"\r" + get()),
        row("crlf-cr-in-front", "9112 2.2", b"\r\n\r" + get()),
        row("crlf-lf-in-front", "9112 2.2", b"\r\n\n" + get()),
        row("simple-request", "1945 5", b"GET /v1/files/row-NNNN\r\n", 400, 408, 505, tail=False),
        row("simple-request-ended", "1945 5", b"GET /v1/files/row-NNNN\r\n\r\n", 400, 505),
    ]
    return rows


def _field_syntax() -> list[Row]:
    rows = [
        row(f"name-with-{byte:02x}", "9110 5.1", get(b"X" + bytes([byte]) + b"y: 1"))
        for byte in b'\x00\x01\t\x0b\x1f "(),/;<=>?@[\\]{}\x7f\x80\xff'
    ]
    rows += [
        row(f"value-with-{byte:02x}", "9110 5.5", get(b"X-Row: a" + bytes([byte]) + b"b"))
        for byte in b"\x00\x01\x07\x08\x0b\x0c\x0e\x1b\x1f\x7f"
    ]
    rows += [
        row("space-before-colon", "9112 5.1", get(b"X-Row : 1")),
        row("tab-before-colon", "9112 5.1", get(b"X-Row\t: 1")),
        row("space-before-colon-length", "9112 5.1", post(b"Content-Length : %d" % len(BODY))),
        row("space-before-colon-coding", "9112 5.1", chunks(b"").replace(b"Encoding:", b"Encoding :") + LAST),
        row("no-colon", "9112 5", get(b"X-Row")),
        row("no-colon-last", "9112 5", get(b"X-Row: 1", b"junk")),
        row("empty-name", "9110 5.1", get(b": 1")),
        row("equals-for-colon", "9112 5", get(b"X-Row=1")),
        row("first-line-folded", "9112 2.2", FILE + b"\r\n " + HOST + KEY + b"\r\n"),
        row("first-line-folded-tab", "9112 2.2", FILE + b"\r\n\t" + HOST + KEY + b"\r\n"),
        row("folded-space", "9112 5.2", get(b"X-Row: a\r\n b")),
        row("folded-tab", "9112 5.2", get(b"X-Row: a\r\n\tb")),
        row("folded-blank", "9112 5.2", get(b"X-Row: a\r\n ")),
        row("folded-length", "9112 5.2", post(b"Content-Length:\r\n %d" % len(BODY))),
        row("folded-length-twice", "9112 5.2", post(b"Content-Length: %d\r\n 0" % len(BODY))),
        row("folded-coding", "9112 5.2", chunks(LAST).replace(b"Encoding: ", b"Encoding:\r\n ")),
        row("folded-key", "9112 5.2", get(b"X-Api-Key:\r\n " + rig.KEY.encode())),
        row("cr-in-value", "9110 5.5", get(b"X-Row: a\rb")),
        row("lf-in-value", "9110 5.5", get(b"X-Row: a\nb")),
        row("lf-hides-a-field", "9112 2.2", get(b"X-Row: a\nContent-Length: 5")),
        row("cr-hides-a-field", "9112 2.2", get(b"X-Row: a\rContent-Length: 5")),
        row("cr-ends-value", "9112 2.2", get(b"X-Row: a\r")),
        row("lf-ends-value", "9112 2.2", FILE + b"\r\nX-Row: a\n" + HOST + KEY + b"\r\n"),
        row("lf-ends-head", "9112 2.2", FILE + b"\r\n" + HOST + KEY + b"\n", tail=False),
        row("lf-lf-ends-head", "9112 2.2", FILE + b"\r\n" + HOST + KEY[:-2] + b"\n\n"),
        row("cr-cr-lf-ends-head", "9112 2.2", FILE + b"\r\n" + HOST + KEY + b"\r\r\n"),
        row("nul-for-a-line", "9112 5", get(b"\0")),
        row("control-in-key", "9110 5.5", get(b"X-Api-Key: sm-\x01")),
        row("nul-in-name-only", "9110 5.1", get(b"\0: 1")),
        row("name-of-nothing-but-space", "9110 5.1", get(b" : 1")),
    ]
    return rows


def _hosts() -> list[Row]:
    bad = (
        b"a b",
        b"a\tb",
        b"http://gateway.test",
        b"gateway.test/v1",
        b"user@gateway.test",
        b"gateway.test?x",
        b"gateway.test#x",
        b"gate\\way",
        b"gateway.test:http",
        b"gateway.test:123456",
        b"gateway.test:-1",
        b"gateway.test:80:80",
        b"[::1",
        b"::1",
        b"[gateway]",
        b"g\xc3\xa4te",
        b'"gateway"',
        b"<gateway>",
        b"gateway|test",
        b"gateway^test",
        b"gate\x00way",
    )
    rows = [row(f"host-{at}", "9112 3.2", get(host=b"Host: " + value + b"\r\n")) for at, value in enumerate(bad)]
    rows += [
        row("host-missing", "9112 3.2", get(host=b"")),
        row("host-twice-equal", "9112 3.2", get(host=HOST * 2)),
        row("host-twice-different", "9112 3.2", get(host=HOST + b"Host: other.test\r\n")),
        row("host-twice-case", "9112 3.2", get(host=HOST + b"hOST: gateway.test\r\n")),
        row("host-twice-second-empty", "9112 3.2", get(host=HOST + b"Host:\r\n")),
        row("host-twice-apart", "9112 3.2", get(b"X-Row: 1", b"Host: other.test")),
        row("host-twice-http10", "9112 3.2", get(line=FILE[:-1] + b"0", host=HOST * 2)),
        row("host-space-before-colon", "9112 5.1", get(host=b"Host : gateway.test\r\n")),
    ]
    return rows


def _lengths() -> list[Row]:
    size = b"%d" % len(BODY)
    bad = (
        b"+" + size,
        b"-" + size,
        b"-1",
        b"-0",
        b"0x40",
        b"0X40",
        b"6_4",
        b"6 4",
        b"64, 64",
        b"64,64",
        b"64, 65",
        b"64,",
        b",64",
        b"",
        b"\t",
        b"64;",
        b"64.0",
        b"6.4e1",
        b"64e0",
        b"sixty",
        b"\xd9\xa6\xd9\xa4",
        b"\xef\xbc\x96\xef\xbc\x94",
        b'"64"',
        b"64\x0b",
        b"64\x0c",
        b"64\x00",
        b"64 junk",
        b"(64)",
        b"64\xa0",
        b"\x0b64",
        b"0b1000000",
        b"18446744073709551616",
        b"18446744073709551680",
        b"99999999999999999999999999",
        b"9" * 400,
    )
    rows = [
        row(f"length-{at}", "9112 6.3, 9110 8.6", post(b"Content-Length: " + value), 400, 413)
        for at, value in enumerate(bad)
    ]
    rows += [
        row("length-nine-quintillion", "9110 8.6", post(b"Content-Length: 9223372036854775807"), 400, 413),
        row("length-over-limit", "9110 15.5.14", post(b"Content-Length: 900000000"), 413),
        row("length-over-limit-15-digits", "9110 15.5.14", post(b"Content-Length: 999999999999999"), 413),
        row("lengths-equal", "9112 6.3", post(sized(), sized())),
        row("lengths-different", "9112 6.3", post(sized(), b"Content-Length: 5")),
        row("lengths-different-shorter-first", "9112 6.3", post(b"Content-Length: 5", sized())),
        row("lengths-different-case", "9112 6.3", post(sized(), b"content-length: 5")),
        row("lengths-different-case-first", "9112 6.3", post(b"CONTENT-LENGTH: 5", sized())),
        row("lengths-apart", "9112 6.3", post(sized(), b"X-Row: 1", b"Content-Length: 0")),
        row("lengths-no-space", "9112 6.3", post(sized(), b"Content-Length:5")),
        row("lengths-zero-padded", "9112 6.3", post(sized(), b"Content-Length: 0000000000005")),
        row("lengths-get", "9112 6.3", get(b"Content-Length: 0", b"Content-Length: 10")),
        row("body-shorter", "9112 8", post(b"Content-Length: 100"), 408, 400, tail=False),
    ]
    return rows


def _codings() -> list[Row]:
    body = GOOD_CHUNK + LAST
    values = (
        b"xchunked",
        b"chunkedx",
        b"chunke",
        b"chunked;q=1",
        b"chunked; a=b",
        b'"chunked"',
        b"'chunked'",
        b"chunked\x0b",
        b"\x0bchunked",
        b"chunked\x0c",
        b"chunked\x00",
        b"ch unked",
        b"identity",
        b"gzip",
        b"deflate",
        b"br",
        b"gzip, chunked",
        b"chunked, identity",
        b"identity, chunked",
        b"chunked, gzip",
        b"chunked, chunked",
        b"chunked,",
        b",chunked",
        b", chunked",
        b"chunked chunked",
        b"chunked gzip",
        b"",
        b"\t",
        b"chun\xe2\x84\xaaed",
        b"chunked\xa0",
        b"chunked\x1f",
        b"null",
        b"chunked;",
        b"[chunked]",
        b"cow, chunked",
        b"trailers",
    )
    rows = [
        row(f"coding-{at}", "9112 6.1", post(b"Transfer-Encoding: " + value, body=body), 400, 501)
        for at, value in enumerate(values)
    ]
    te = b"Transfer-Encoding: chunked"
    rows += [
        row("length-then-coding", "9112 6.1, 6.3", post(sized(), te)),
        row("coding-then-length", "9112 6.1, 6.3", post(te, sized(), body=body)),
        row("length-zero-and-coding", "9112 6.3", post(b"Content-Length: 0", te, body=body)),
        row("coding-and-length-of-chunks", "9112 6.3", post(te, b"Content-Length: %d" % len(body), body=body)),
        row("length-and-coding-apart", "9112 6.3", post(sized(), b"X-Row: 1", te)),
        row("length-and-coding-case", "9112 6.3", post(b"content-length: 64", b"tRANSFER-eNCODING: CHUNKED")),
        row("length-and-unknown-coding", "9112 6.3", post(sized(), b"Transfer-Encoding: xchunked"), 400, 501),
        row("length-and-identity", "9112 6.3", post(sized(), b"Transfer-Encoding: identity"), 400, 501),
        row("bad-length-and-coding", "9112 6.3", post(b"Content-Length: +5", te, body=body)),
        row("coding-twice", "9112 6.1", post(te, te, body=body)),
        row("coding-twice-identity-second", "9112 6.1", post(te, b"Transfer-Encoding: identity", body=body), 400, 501),
        row("coding-twice-identity-first", "9112 6.1", post(b"Transfer-Encoding: identity", te, body=body), 400, 501),
        row("coding-twice-gzip-first", "9112 6.1", post(b"Transfer-Encoding: gzip", te, body=body), 400, 501),
        row("coding-http10", "9112 6.1", post(te, body=body, line=CHAT[:-1] + b"0")),
        row(
            "coding-http10-keep-alive",
            "9112 6.1",
            post(b"Connection: keep-alive", te, body=body, line=CHAT[:-1] + b"0"),
        ),
        row("coding-and-length-http10", "9112 6.1", post(te, sized(), line=CHAT[:-1] + b"0")),
        row("coding-on-get-with-length", "9112 6.3", get(te, b"Content-Length: 5") + LAST),
        row("coding-named-with-space", "9112 5.1", post(b" Transfer-Encoding: chunked", sized(), body=body)),
    ]
    return rows


def _chunk_framing() -> list[Row]:
    sizes = (
        b"+40",
        b"-40",
        b"-0",
        b"0x40",
        b"0X40",
        b"4_0",
        b"40 ",
        b"40\t",
        b" 40",
        b"\t40",
        b"",
        b"g",
        b"40g",
        b"4 0",
        b"40,",
        b"40.0",
        b"\x0040",
        b"40\x00",
        b"123456789",
        b"000000040",
        b"FFFFFFFFFFFFFFFFFF",
        b'"40"',
        b"\xef\xbc\x94\xef\xbc\x90",
        b"40 x",
        b"40=",
        b"0x",
        b"4.e1",
        b"40\r",
        b"40\n",
        b"\n40",
        b"\r40",
    )
    rows = [
        row(f"chunk-size-{at}", "9112 7.1", chunks(size + b"\r\n" + BODY + b"\r\n" + LAST))
        for at, size in enumerate(sizes)
    ]
    size = b"%x" % len(BODY)
    rows += [
        row("chunk-size-lf", "9112 7.1", chunks(size + b"\n" + BODY + b"\r\n" + LAST)),
        row("chunk-size-cr", "9112 7.1", chunks(size + b"\r" + BODY + b"\r\n" + LAST)),
        row("chunk-data-lf", "9112 7.1", chunks(size + b"\r\n" + BODY + b"\n" + LAST)),
        row("chunk-data-cr", "9112 7.1", chunks(size + b"\r\n" + BODY + b"\r" + LAST)),
        row("chunk-data-nothing", "9112 7.1", chunks(size + b"\r\n" + BODY + LAST)),
        row("chunk-data-any-two", "9112 7.1", chunks(size + b"\r\n" + BODY + b"XX" + LAST)),
        row("chunk-data-lf-cr", "9112 7.1", chunks(size + b"\r\n" + BODY + b"\n\r" + LAST)),
        row("chunk-data-longer", "9112 7.1", chunks(size + b"\r\n" + BODY + b"more\r\n" + LAST)),
        row("chunk-data-shorter", "9112 7.1", chunks(b"%x\r\n" % (len(BODY) + 4) + BODY + b"\r\n" + LAST)),
        row("chunk-last-lf", "9112 7.1", chunks(GOOD_CHUNK + b"0\n\n")),
        row("chunk-last-lf-only-end", "9112 7.1", chunks(GOOD_CHUNK + b"0\r\n\n"), tail=False),
        row("chunk-last-cr-end", "9112 7.1", chunks(GOOD_CHUNK + b"0\r\n\rX")),
        row("chunk-last-many-zeros", "9112 7.1", chunks(GOOD_CHUNK + b"0" * 20 + b"\r\n\r\n")),
        row("chunk-last-minus", "9112 7.1", chunks(GOOD_CHUNK + b"-0\r\n\r\n")),
        row("chunk-extension-lf", "9112 7.1.1", chunks(size + b";a\nb\r\n" + BODY + b"\r\n" + LAST)),
        row("chunk-extension-lf-hides", "9112 7.1.1", chunks(b"2;\nxx\r\n" + size + b"\r\n" + BODY + b"\r\n" + LAST)),
        row("chunk-extension-cr", "9112 7.1.1", chunks(size + b";a\rb\r\n" + BODY + b"\r\n" + LAST)),
        row("chunk-extension-nul", "9112 7.1.1", chunks(size + b";a\0b\r\n" + BODY + b"\r\n" + LAST)),
        row("chunk-extension-delete", "9112 7.1.1", chunks(size + b";a\x7f\r\n" + BODY + b"\r\n" + LAST)),
        row("chunk-extension-escape", "9112 7.1.1", chunks(size + b";\x1b[0m\r\n" + BODY + b"\r\n" + LAST)),
        row("chunk-extension-long", "9112 7.1.1", chunks(size + b";" + b"a" * 5000 + b"\r\n" + BODY + b"\r\n" + LAST)),
        row("chunk-extension-endless", "9112 7.1.1", chunks(size + b";" + b"a" * 200_000)),
        row("chunk-size-endless", "9112 7.1", chunks(b"0" * 200_000)),
        row("trailer-no-colon", "9112 7.1.2", chunks(GOOD_CHUNK + b"0\r\njunk\r\n\r\n")),
        row("trailer-space-before-colon", "9112 7.1.2", chunks(GOOD_CHUNK + b"0\r\nX : 1\r\n\r\n")),
        row("trailer-empty-name", "9112 7.1.2", chunks(GOOD_CHUNK + b"0\r\n: 1\r\n\r\n")),
        row("trailer-nul", "9112 7.1.2", chunks(GOOD_CHUNK + b"0\r\nX: a\0\r\n\r\n")),
        row("trailer-folded", "9112 7.1.2", chunks(GOOD_CHUNK + b"0\r\nX: a\r\n b\r\n\r\n")),
        row("trailer-lf", "9112 7.1.2", chunks(GOOD_CHUNK + b"0\r\nX: a\nY: b\r\n\r\n")),
        row("trailer-cr", "9112 7.1.2", chunks(GOOD_CHUNK + b"0\r\nX: a\rY: b\r\n\r\n")),
        row("trailer-high-name", "9112 7.1.2", chunks(GOOD_CHUNK + b"0\r\n\xc3\xa9: a\r\n\r\n")),
        row("trailer-long", "9112 7.1.2", chunks(GOOD_CHUNK + b"0\r\nX: " + b"a" * 5000 + b"\r\n\r\n"), 400, 431),
        row("trailers-endless", "9112 7.1.2", chunks(GOOD_CHUNK + b"0\r\n" + b"X: aaaaaaaa\r\n" * 20_000), 400, 431),
        row("trailer-is-a-request", "9112 7.1.2", chunks(GOOD_CHUNK + b"0\r\n" + HIDDEN)),
        row("chunk-is-huge", "9110 15.5.14", chunks(b"FFFFFFFF\r\nabc"), 400, 408, 413, tail=False),
        row("chunks-over-limit", "9110 15.5.14", chunks((b"10000\r\n" + b" " * 65536 + b"\r\n") * 20 + LAST), 413),
        row("chunks-stop", "9112 8", chunks(GOOD_CHUNK), 408, tail=False),
        row("chunk-stops-inside", "9112 8", chunks(size + b"\r\n" + BODY[:10]), 408, 400, tail=False),
    ]
    return rows


def _expectations_and_sizes() -> list[Row]:
    many = [b"X-%d: a" % number for number in range(200)]
    return [
        row("expect-unknown", "9110 10.1.1", post(b"Expect: a-miracle", sized()), 417, closes=None),
        row("expect-list", "9110 10.1.1", post(b"Expect: 100-continue, a-miracle", sized()), 417, closes=None),
        row("expect-parameter", "9110 10.1.1", post(b"Expect: 100-continue=1", sized()), 417, closes=None),
        row("expect-200", "9110 10.1.1", post(b"Expect: 200-ok", sized()), 417, closes=None),
        row("fields-129", "6585 5", get(*many[:127]), 431),
        row("fields-200", "6585 5", get(*many), 431),
        row("fields-100000", "6585 5", get(*([b"X: a"] * 100_000)), 431),
        row("fields-empty-many", "6585 5", get(*([b"X:"] * 6000)), 431),
        row("head-33k", "6585 5", get(b"X-Row: " + b"a" * 33 * 1024), 431),
        row("field-1m", "6585 5", get(b"X-Row: " + b"a" * 2**20), 431),
        row("name-40k", "6585 5", get(b"X" * 40_000 + b": a"), 431),
        row("key-1m", "6585 5", get(b"X-Api-Key: " + b"k" * 2**20), 431),
        row("head-without-end", "6585 5", FILE + b"\r\n" + HOST + b"X-Row: " + b"a" * 2**18, 431),
        row("head-stops", "9110 15.5.9", FILE + b"\r\n" + HOST, 408, tail=False),
        row("head-stops-in-line", "9110 15.5.9", FILE[:20], 408, tail=False),
    ]


def _other_protocols() -> list[Row]:
    hello = bytes.fromhex(
        "16030100a5010000a10303" + "5a" * 32 + "20" + "a5" * 32 + "0008130213031301c02f" + "0100" + "0050"
        "0000000e000c0000096c6f63616c686f7374"
        "000b00020100"
        "000a00080006001d00170018"
        "0010000b000908687474702f312e31"
        "002b00050403040303"
        "000d000a00080403080408050401"
    )
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    return [
        row("tls-hello", "9112 2", hello),
        row("tls-alert", "9112 2", bytes.fromhex("15030300020228")),
        row("h2-preface", "9113 3.4", preface + bytes.fromhex("000000040000000000"), 400, 505),
        row("h2-preface-cut", "9113 3.4", preface[:18], 400, 505),
        row("h2-settings-only", "9113 6.5", bytes.fromhex("00001204000000000000030000006400040000ffff")),
        row("ssh", "9112 2", b"SSH-2.0-OpenSSH_9.6\r\n"),
        row("smtp", "9112 2", b"EHLO row-NNNN\r\n"),
        row("redis", "9112 2", b"*1\r\n$4\r\nPING\r\n"),
        row("redis-inline", "9112 2", b"PING\r\n"),
        row("proxy-v1", "9112 2", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + get()),
        row("proxy-v2", "9112 2", b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12) + get()),
        row("fastcgi", "9112 2", bytes.fromhex("0101000100080000000100000000000001040001000000")),
        row("socks4", "9112 2", b"\x04\x01\x00\x50\x7f\x00\x00\x01row\0"),
        row("socks5", "9112 2", b"\x05\x01\x00"),
        row("policy-file", "9112 2", b"<policy-file-request/>\0"),
        row("answer-for-request", "9112 2.1", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        row("json-for-request", "9112 2", BODY + b"\r\n\r\n"),
        row("zeros", "9112 2", bytes(64)),
        row("high-bytes", "9112 2", b"\xff" * 64),
        row("pseudo-random", "9112 2", bytes((at * 197 + 91) % 256 for at in range(300))),
        row("utf16", "9112 2", b"\xff\xfe" + get().decode().encode("utf-16-le")),
        row("byte-order-mark", "9112 2", b"\xef\xbb\xbf" + get()),
    ]


def _smuggling() -> list[Row]:
    te, size = b"Transfer-Encoding: chunked", b"%d" % len(HIDDEN)
    plain = get(b"X-Pair: a", te, line=CHAT) + b"2\r\n{}\r\n" + LAST
    no_length = get(b"X-Pair: b", line=CHAT)
    padded = post(b"X-Pair: c", b"Content-Length: %013d" % len(BODY))
    shadowed = post(b"x-content-length: 5", sized())
    return [
        row("cl-te", "9112 11.2", post(sized(LAST + HIDDEN), te, body=LAST + HIDDEN)),
        row(
            "te-cl", "9112 11.2", post(te, b"Content-Length: 4", body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN))
        ),
        row("te-te", "9112 11.2", post(te, b"Transfer-Encoding: cow", body=LAST + HIDDEN), 400, 501),
        row("te-te-space", "9112 11.2", post(te, b"Transfer-Encoding : cow", body=LAST + HIDDEN)),
        row("te-lf-te", "9112 11.2", post(b"X: y\nTransfer-Encoding: chunked", body=LAST + HIDDEN)),
        row("cl-cl", "9112 11.2", post(b"Content-Length: 0", b"Content-Length: " + size, body=HIDDEN)),
        row("cl-plus", "9112 11.2", post(b"Content-Length: +0", body=HIDDEN)),
        row("cl-lf-cl", "9112 11.2", post(b"X: y\nContent-Length: " + size, body=HIDDEN)),
        row("cl-empty", "9112 11.2", post(b"Content-Length:", body=HIDDEN)),
        row("cl-fold", "9112 11.2", post(b"X: y\r\n Content-Length: " + size, b"Content-Length:\r\n 0", body=HIDDEN)),
        row("chunk-short-hides", "9112 11.2", chunks(b"2\r\n{}" + HIDDEN)),
        row("chunk-extension-hides", "9112 11.2", chunks(b"0;\n" + HIDDEN)),
        row("chunk-zero-lf-hides", "9112 11.2", chunks(b"0\n\n" + HIDDEN)),
        row("line-lf-hides", "9112 11.2", get(line=b"GET / HTTP/1.1\nGET /v1/files/row-NNNN HTTP/1.1")),
        row(
            "upgrade-and-two-lengths",
            "9112 11.2",
            post(b"Upgrade: h2c", b"Connection: Upgrade", sized(), te, body=LAST + HIDDEN),
        ),
        row(
            "connection-names-length",
            "9110 7.6.1",
            post(b"Connection: Content-Length", sized(), te, body=LAST + HIDDEN),
        ),
        # The same heads again after their good twins were understood and remembered.
        row(
            "remembered-coding-then-both", "9112 6.3", get(b"X-Pair: a", sized(), te, line=CHAT) + BODY, primed=(plain,)
        ),
        row(
            "remembered-coding-then-both-behind",
            "9112 6.3",
            get(b"X-Pair: a", te, sized(), line=CHAT) + BODY,
            primed=(plain,),
        ),
        row(
            "remembered-length-then-two",
            "9112 6.3",
            post(b"content-length: 5", b"X-Pair: c", b"Content-Length: %013d" % len(BODY)),
            primed=(padded,),
        ),
        row(
            "remembered-shadow-then-two",
            "9112 6.3",
            post(b"content-length: 5", b"x-content-length: 5", sized()),
            primed=(shadowed,),
        ),
        row(
            "remembered-nothing-then-hidden",
            "9112 6.3",
            post(b"X-Pair: b", sized(HIDDEN), body=HIDDEN, line=CHAT),
            closes=None,
            primed=(no_length,),
        ),
        row(
            "remembered-get-then-length-and-coding",
            "9112 6.3",
            get(b"X-Pair: d", te, b"Content-Length: 5") + LAST,
            primed=(get(b"X-Pair: d", te) + LAST,),
        ),
        row(
            "remembered-length-then-nameless-field",
            "9110 5.1",
            post(b"X-Pair: e", b":"),
            primed=(post(b"X-Pair: e", sized()),),
        ),
        row(
            "remembered-length-then-empty-line-name",
            "9110 5.1",
            post(b"X-Pair: f", b": "),
            primed=(post(b"X-Pair: f", sized()),),
        ),
        row(
            "remembered-129th-field",
            "6585 5",
            post(*[b"X-%d: a" % number for number in range(126)], sized()),
            431,
            primed=(get(*[b"X-%d: a" % number for number in range(126)], line=CHAT),),
        ),
    ]


def _doors() -> list[Row]:
    lines = {
        "trace": (b"TRACE /v1/files/row-NNNN HTTP/1.1", (405, 501)),
        "trace-root": (b"TRACE / HTTP/1.1", (404, 405, 501)),
        "options": (b"OPTIONS /v1/chat/completions HTTP/1.1", (405,)),
        "options-unknown": (b"OPTIONS /row-NNNN HTTP/1.1", (404, 405)),
        "propfind": (b"PROPFIND /v1/files/row-NNNN HTTP/1.1", (405,)),
        "patch-chat": (b"PATCH /v1/chat/completions HTTP/1.1", (405,)),
        "get-chat": (b"GET /v1/chat/completions HTTP/1.1", (405,)),
        "query-method": (b"QUERY /v1/files/row-NNNN HTTP/1.1", (405,)),
    }
    rows = [
        row(f"door-{name}", "9110 15.5.6", get(line=line), *statuses, closes=None)
        for name, (line, statuses) in lines.items()
    ]
    rows.append(row("door-connect", "9110 9.3.6", get(line=b"CONNECT gateway.test:443 HTTP/1.1"), 400, 405, 501))
    paths = (
        b"//v1/files/row-NNNN",
        b"/v1//files/row-NNNN",
        b"/v1/files//row-NNNN",
        b"/v1/files/row-NNNN//",
        b"/v1/files/row-NNNN/",
        b"/v1/chat/../files/row-NNNN",
        b"/v1/files/../files/row-NNNN",
        b"/../v1/files/row-NNNN",
        b"/./v1/files/row-NNNN",
        b"/v1/./files/row-NNNN",
        b"/v1/files/row-NNNN/.",
        b"/v1/files/row-NNNN/..",
        b"/v1/files/%2e%2e/row-NNNN",
        b"/v1/files/%2E%2E/row-NNNN",
        b"/v1/files/.%2e/row-NNNN",
        b"/v1/files/%2e/row-NNNN",
        b"/v1/files%2frow-NNNN",
        b"/v1/files/a%2Frow-NNNN",
        b"/v1%2ffiles/row-NNNN",
        b"/v1/files/a%5crow-NNNN",
        b"/v1/files/a%5C..%5Crow-NNNN",
        b"/v1\\files\\row-NNNN",
        b"/v1/files/a\\row-NNNN",
        b"/v1;x=1/files/row-NNNN",
        b"/v1/files;x/row-NNNN",
        b"/v1/files/row-NNNN;x",
        b"/v1/files/row-NNNN%00",
        b"/v1/files/row-NNNN%0d%0aX:y",
        b"/v1/files/row-NNNN%7f",
        b"/V1/files/row-NNNN",
        b"/v1/Files/row-NNNN",
        b"/v1/%66iles/row-NNNN",
        b"/%76%31/files/row-NNNN",
        b"/v2/files/row-NNNN",
        b"/v1/v1/files/row-NNNN",
        b"/row-NNNN",
        b"/admin/row-NNNN",
        b"/.env?row-NNNN",
        b"/sandbox/ledger?row-NNNN",
        b"/v1/filesx/row-NNNN",
        b"/openai/../v1/files/row-NNNN",
        b"/v1beta/models/../row-NNNN:generateContent",
        b"/v1beta/models/row-NNNN:unheardOf",
        b"/v1beta/row-NNNN",
        b"/v1/files/<row-NNNN>",
        b'/v1/files/"row-NNNN"',
        b"/v1/files/row-NNNN|x",
        b"/v1/files/{row-NNNN}",
        b"/v1/files/row-NNNN^",
        b"/v1/files/`row-NNNN`",
        b"/@other.test/row-NNNN",
        b"/http://other.test/row-NNNN",
    )
    rows += [
        row(f"path-{at}", "ASVS 4.1.3", get(line=b"GET " + path + b" HTTP/1.1"), 404, closes=False)
        for at, path in enumerate(paths)
    ]
    posts = (
        b"/v1/chat/completions/",
        b"/v1/chat//completions",
        b"/v1/chat/completions;x",
        b"/v1/messages;x=1",
        b"/v1/messages/../messages",
        b"/v1/responses/%2e%2e/responses",
        b"/v1beta/models/gemini-x:generateContent/x",
        b"/v1beta/models/a/b:generateContent",
        b"/openai/deployments//chat/completions",
        b"/openai/deployments/a%2fb/chat/completions",
    )
    rows += [
        row(f"path-post-{at}", "ASVS 4.1.3", post(sized(), line=b"POST " + path + b" HTTP/1.1"), 404, closes=False)
        for at, path in enumerate(posts)
    ]
    return rows


ROWS: list[Row] = [
    *_request_lines(),
    *_field_syntax(),
    *_hosts(),
    *_lengths(),
    *_codings(),
    *_chunk_framing(),
    *_expectations_and_sizes(),
    *_other_protocols(),
    *_smuggling(),
    *_doors(),
]


class Unusual(NamedTuple):
    """Well-formed bytes that few clients send: they must be served. `statuses` of all answers, in order."""

    id: str
    rule: str
    raw: bytes
    statuses: tuple[int, ...] = (200,)
    closes: bool = False
    methods: tuple[str, ...] = ("POST",)
    at_once: bool = False  # answered before its body is read: only when both come together may more follow


NAMED = b'{"model":"gpt-4o","messages":[{"role":"user","content":"row-NNNN"}]}'
NAMED_CHUNK = b"%x\r\n%b\r\n" % (len(NAMED), NAMED)
NAMED_SIZE = b"Content-Length: %d" % len(NAMED)
HEALTH = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
TEN = b"HTTP/1.0"


def _served(*fields: bytes, line: bytes = CHAT, body: bytes = NAMED) -> bytes:
    return post(*fields, line=line, body=body)


def _halves() -> bytes:
    cut = len(NAMED) // 2
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (NAMED[:cut], NAMED[cut:]))


def _each_byte() -> bytes:
    return b"".join(b"1\r\n%c\r\n" % byte for byte in NAMED)


TE = b"Transfer-Encoding: chunked"

UNUSUAL: list[Unusual] = [
    Unusual("plain", "9112", _served(NAMED_SIZE)),
    Unusual("crlf-in-front", "9112 2.2", b"\r\n" + _served(NAMED_SIZE)),
    Unusual("three-crlf-in-front", "9112 2.2", b"\r\n\r\n\r\n" + _served(NAMED_SIZE)),
    Unusual("crlf-between", "9112 2.2", HEALTH + b"\r\n" + HEALTH, (200, 200), methods=("GET",)),
    Unusual("no-space-behind-colon", "9110 5.5", _served(b"Content-Length:%d" % len(NAMED))),
    Unusual("spaces-around-length", "9110 5.5", _served(b"Content-Length:   %d  " % len(NAMED))),
    Unusual("tabs-around-length", "9110 5.5", _served(b"Content-Length:\t%d\t" % len(NAMED))),
    Unusual(
        "spaces-around-host",
        "9110 5.5",
        get(line=CHAT, host=b"Host:  gateway.test  \r\n").replace(b"\r\n\r\n", b"\r\n" + NAMED_SIZE + b"\r\n\r\n")
        + NAMED,
    ),
    Unusual("spaces-around-coding", "9110 5.5", _served(b"Transfer-Encoding:  chunked  ", body=NAMED_CHUNK + LAST)),
    Unusual("length-upper", "9110 5.1", _served(b"CONTENT-LENGTH: %d" % len(NAMED))),
    Unusual("length-lower", "9110 5.1", _served(b"content-length: %d" % len(NAMED))),
    Unusual("length-zero-padded", "9110 8.6", _served(b"Content-Length: %08d" % len(NAMED))),
    Unusual("coding-upper", "9112 6.1", _served(b"TRANSFER-ENCODING: CHUNKED", body=NAMED_CHUNK + LAST)),
    Unusual("coding-mixed", "9112 6.1", _served(b"Transfer-Encoding: ChUnKeD", body=NAMED_CHUNK + LAST)),
    Unusual("coding-lower-name", "9110 5.1", _served(b"transfer-encoding: chunked", body=NAMED_CHUNK + LAST)),
    Unusual("key-scheme-lower", "9110 11.1", _served(NAMED_SIZE).replace(b"Bearer", b"bearer")),
    Unusual("empty-value", "9110 5.5", _served(b"X-Empty:", NAMED_SIZE)),
    Unusual("value-high-bytes", "9110 5.5", _served(b"X-High: caf\xc3\xa9 \xff", NAMED_SIZE)),
    Unusual("value-tab-inside", "9110 5.5", _served(b"X-Tab: a\tb", NAMED_SIZE)),
    Unusual("odd-token-name", "9110 5.6.2", _served(b"!#$%&'*+.^_`|~: 1", NAMED_SIZE)),
    Unusual(
        "host-with-port", "9112 3.2", get(line=FILE, host=b"Host: gateway.test:4000\r\n"), (200,), methods=("GET",)
    ),
    Unusual("host-ipv6", "9112 3.2", get(line=FILE, host=b"Host: [::1]:4000\r\n"), methods=("GET",)),
    Unusual("chunk-extension", "9112 7.1.1", _served(TE, body=b'%x;a=b;c="d"\r\n%b\r\n' % (len(NAMED), NAMED) + LAST)),
    Unusual(
        "chunk-extension-bare", "9112 7.1.1", _served(TE, body=b"%x;a\r\n%b\r\n" % (len(NAMED), NAMED) + b"0;z\r\n\r\n")
    ),
    Unusual("chunk-size-upper", "9112 7.1", _served(TE, body=b"%X\r\n%b\r\n" % (len(NAMED), NAMED) + LAST)),
    Unusual("chunk-size-padded", "9112 7.1", _served(TE, body=b"%06x\r\n%b\r\n" % (len(NAMED), NAMED) + LAST)),
    Unusual("chunks-two", "9112 7.1", _served(TE, body=_halves() + LAST)),
    Unusual("chunks-of-one", "9112 7.1", _served(TE, body=_each_byte() + LAST)),
    Unusual("chunk-last-000", "9112 7.1", _served(TE, body=NAMED_CHUNK + b"000\r\n\r\n")),
    Unusual(
        "trailers", "9112 7.1.2", _served(TE, b"Trailer: X-Sum", body=NAMED_CHUNK + b"0\r\nX-Sum: 1\r\nX-B:\r\n\r\n")
    ),
    Unusual("http10", "9112 9.3", _served(NAMED_SIZE, line=CHAT[:-8] + TEN), closes=True),
    Unusual("http10-no-host", "9112 3.2", get(line=b"GET /healthz HTTP/1.0", host=b""), closes=True, methods=("GET",)),
    Unusual(  # may end as well, if it is said: so it does
        "http10-keep-alive",
        "9112 9.3",
        _served(b"Connection: keep-alive", NAMED_SIZE, line=CHAT[:-8] + TEN),
        closes=True,
    ),
    Unusual(
        "http10-expect", "9110 10.1.1", _served(b"Expect: 100-continue", NAMED_SIZE, line=CHAT[:-8] + TEN), closes=True
    ),
    Unusual("connection-close", "9112 9.6", _served(b"Connection: close", NAMED_SIZE), closes=True),
    Unusual("connection-close-upper", "9112 9.6", _served(b"Connection: CLOSE", NAMED_SIZE), closes=True),
    Unusual("connection-close-in-list", "9112 9.6", _served(b"Connection: x-a, close ,x-b", NAMED_SIZE), closes=True),
    Unusual(
        "connection-close-second-line",
        "9112 9.6",
        _served(b"Connection: x-a", b"Connection: close", NAMED_SIZE),
        closes=True,
    ),
    Unusual("connection-keep-alive", "9112 9.3", _served(b"Connection: Keep-Alive", NAMED_SIZE)),
    Unusual("expect-with-body", "9110 10.1.1", _served(b"Expect: 100-continue", NAMED_SIZE)),
    Unusual("expect-upper", "9110 10.1.1", _served(b"Expect: 100-Continue", NAMED_SIZE)),
    Unusual("head", "9110 9.3.2", b"HEAD /healthz HTTP/1.1\r\n" + HOST + b"\r\n", methods=("HEAD", "GET")),
    Unusual("head-file", "9110 9.3.2", get(line=b"HEAD /v1/files/row-NNNN HTTP/1.1"), methods=("HEAD", "GET")),
    Unusual("head-unknown", "9110 9.3.2", get(line=b"HEAD /row-NNNN HTTP/1.1"), (404,), methods=("HEAD", "GET")),
    Unusual(
        "pipelined-three",
        "9112 9.3.2",
        HEALTH + _served(NAMED_SIZE) + HEALTH,
        (200, 200, 200),
        methods=("GET", "POST", "GET"),
    ),
    Unusual(
        "pipelined-behind-404", "9112 9.3.2", get(line=b"GET /row-NNNN HTTP/1.1") + HEALTH, (404, 200), methods=("GET",)
    ),
    Unusual(
        "pipelined-behind-chunks",
        "9112 9.3.2",
        _served(TE, body=NAMED_CHUNK + LAST) + HEALTH,
        (200, 200),
        methods=("POST", "GET"),
    ),
    Unusual(
        "pipelined-behind-refused-body",
        "9112 9.3.2",
        _served(NAMED_SIZE, line=b"POST /row-NNNN HTTP/1.1") + HEALTH,
        (404, 200),
        at_once=True,
    ),
    Unusual("pipelined-behind-close", "9112 9.6", _served(b"Connection: close", NAMED_SIZE) + HEALTH, closes=True),
    Unusual("pipelined-ten", "9112 9.3.2", HEALTH * 10, (200,) * 10, methods=("GET",)),
    Unusual("body-on-get", "9110 9.3.1", get(b"Content-Length: %d" % len(HIDDEN)) + HIDDEN, methods=("GET",)),
    Unusual(
        "body-on-health",
        "9110 9.3.1",
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
        methods=("GET",),
        at_once=True,
    ),
    Unusual(
        "body-on-unknown",
        "9110 9.3.1",
        get(b"Content-Length: %d" % len(HIDDEN), line=b"GET /row-NNNN HTTP/1.1") + HIDDEN,
        (404,),
        methods=("GET",),
        at_once=True,
    ),
    Unusual("empty-body", "9110 8.6", get(b"Content-Length: 0", line=FILE), methods=("GET",)),
    Unusual("upgrade-ignored", "9110 7.8", _served(b"Upgrade: h2c", b"Connection: Upgrade", NAMED_SIZE)),
    Unusual("te-field", "9110 10.1.4", _served(b"TE: trailers", b"Connection: TE", NAMED_SIZE)),
    Unusual(
        "query-odd", "9112 3.2.1", get(line=b"GET /v1/files/row-NNNN?a=/../&b=%2f;c//?d HTTP/1.1"), methods=("GET",)
    ),
]
