"""Answers of an upstream that are broken, or only look so, as data: bytes, how the connection ends, and what the
caller must see. "9112 6.3" means RFC 9112 section 6.3."""

from typing import Literal, NamedTuple

from wire.crooked import End

Want = Literal["error", "broken", "served"]
BODY = b'{"id":"x","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}'
POISON = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{"poison"}'


class Row(NamedTuple):
    """One upstream answer.

    `want`: "error", our own 502 in the caller's dialect; "broken", that or an answer visibly cut, never one that
    looks whole; "served", exactly `statuses[0]` and `body`. `reusable`: whether the upstream connection may serve
    another request afterwards.
    """

    id: str
    rule: str
    raw: bytes
    want: Want = "error"
    end: End = "keep"
    statuses: tuple[int, ...] = (502,)
    body: bytes = b""
    reusable: bool = False
    request: Literal["chat", "file", "head"] = "chat"


def head(*fields: bytes, first: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """An answer head."""
    return b"".join(line + b"\r\n" for line in (first, b"content-type: application/json", *fields)) + b"\r\n"


def sized(*fields: bytes, body: bytes = BODY, first: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """A whole answer with a length."""
    return head(b"content-length: %d" % len(body), *fields, first=first) + body


def chunked(body: bytes, *fields: bytes) -> bytes:
    """An answer whose chunked body is `body`, framing and all."""
    return head(b"transfer-encoding: chunked", *fields) + body


CHUNK = b"%x\r\n%b\r\n" % (len(BODY), BODY)
LAST = b"0\r\n\r\n"


def _status_lines() -> list[Row]:
    bad = (
        b"",
        b"HTTP/1.1",
        b"HTTP/1.1 ",
        b"HTTP/1.1 OK",
        b"HTTP/1.1 abc OK",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 099 Low",
        b"HTTP/1.1 000 Nought",
        b"HTTP/1.1 600 High",
        b"HTTP/1.1 999 High",
        b"HTTP/1.1 1000 OK",
        b"HTTP/1.1 200OK",
        b"HTTP/1.1 -200 OK",
        b"HTTP/1.1 +200 OK",
        b"HTTP/1.1 2 00",
        b"HTTP/1.1\t200 OK",
        b"HTTP/1.1  200 OK",
        b"HTTP/2 200 OK",
        b"HTTP/2.0 200 OK",
        b"HTTP/1.2 200 OK",
        b"HTTP/0.9 200 OK",
        b"HTTP/9.9 200 OK",
        b"HTTP/11 200 OK",
        b"http/1.1 200 OK",
        b"HTTPS/1.1 200 OK",
        b"ICY 200 OK",
        b" HTTP/1.1 200 OK",
        b"XHTTP/1.1 200 OK",
        b"200 OK",
        b"GET / HTTP/1.1",
        b"\x00HTTP/1.1 200 OK",
        b"HTTP/1.1 \xc2\xb200 OK",
    )
    return [Row(f"status-line-{at}", "9112 4", sized(first=line)) for at, line in enumerate(bad)]


def _garbage() -> list[Row]:
    return [
        Row("random", "9112 4", bytes((at * 89 + 13) % 256 for at in range(400))),
        Row("html-without-head", "9112 4", b"<html><body>502 Bad Gateway</body></html>"),
        Row("json-without-head", "9112 4", BODY),
        Row("tls-alert", "9112 4", bytes.fromhex("15030300020228")),
        Row("h2-settings", "9113 3.4", bytes.fromhex("00000c04000000000000030000006400040000ffff")),
        Row("zeros", "9112 4", bytes(300)),
        Row("line-ends-in-front", "9112 2.2", b"\r\n\r\n" + sized()),
        Row("lf-in-front", "9112 2.2", b"\n" + sized()),
        Row("two-status-lines", "9112 4", b"HTTP/1.1 200 OK\r\n" + sized()),
        Row("reason-nul", "9112 4", sized(first=b"HTTP/1.1 200 O\0K")),
        Row("reason-escape", "9112 4", sized(first=b"HTTP/1.1 200 \x1b[31mOK")),
        Row("status-line-as-field", "9112 5", head(b"HTTP/1.1 200 OK", b"content-length: 0")),
        Row("status-line-lf", "9112 2.2", sized().replace(b"OK\r\n", b"OK\n")),
        Row("lf-everywhere", "9112 2.2", sized().replace(b"\r\n", b"\n"), end="fin"),
        Row("field-lf", "9112 2.2", head(b"x-a: 1\nx-b: 2", b"content-length: 2") + b"{}"),
        Row("field-cr", "9112 2.2", head(b"x-a: 1\rx-b: 2", b"content-length: 2") + b"{}"),
        Row("field-folded", "9112 5.2", head(b"x-a: 1\r\n 2", b"content-length: 2") + b"{}"),
        Row("field-folded-tab", "9112 5.2", head(b"x-request-id: 1\r\n\t2", b"content-length: 2") + b"{}"),
        Row("date-folded", "9112 5.2", head(b"date: now\r\n then", b"content-length: 2") + b"{}"),
        Row("length-folded", "9112 5.2", head(b"content-length: 2\r\n 3") + b"{}"),
        Row("cookie-folded", "9112 5.2", head(b"set-cookie: a\r\n b", b"content-length: 2") + b"{}"),
        Row("first-field-folded", "9112 5.2", b"HTTP/1.1 200 OK\r\n x: y\r\ncontent-length: 2\r\n\r\n{}"),
        Row("field-no-colon", "9112 5", head(b"junk", b"content-length: 2") + b"{}"),
        Row("field-empty-name", "9112 5", head(b": 1", b"content-length: 2") + b"{}"),
        Row("field-space-before-colon", "9112 5.1", head(b"x-a : 1", b"content-length: 2") + b"{}"),
        Row("field-nul", "9110 5.5", head(b"x-request-id: a\0b", b"content-length: 2") + b"{}"),
        Row("field-escape", "9110 5.5", head(b"x-request-id: \x1b[31m", b"content-length: 2") + b"{}"),
        Row("field-delete", "9110 5.5", head(b"date: \x7f", b"content-length: 2") + b"{}"),
        Row("field-control-cookie", "9110 5.5", head(b"set-cookie: a\x01", b"content-length: 2") + b"{}"),
        Row("field-control-limit", "9110 5.5", head(b"x-ratelimit-limit: \x02", b"content-length: 2") + b"{}"),
        Row("field-name-nul", "9110 5.1", head(b"x\0: 1", b"content-length: 2") + b"{}"),
        Row("field-name-high", "9110 5.1", head(b"x\xe9: 1", b"content-length: 2") + b"{}"),
        Row("injected-by-cr", "9110 5.5", head(b"x-request-id: a\rset-cookie: b=c", b"content-length: 2") + b"{}"),
        Row("injected-by-lf", "9110 5.5", head(b"x-request-id: a\nset-cookie: b=c", b"content-length: 2") + b"{}"),
        Row("fields-100000", "6585 5", head(*([b"a: b"] * 100_000), b"content-length: 2") + b"{}"),
        Row("fields-5000", "6585 5", head(*([b"a:"] * 5000), b"content-length: 2") + b"{}"),
        Row("head-40k", "6585 5", head(b"x-a: " + b"a" * 40_000, b"content-length: 2") + b"{}"),
        Row("head-100k", "6585 5", head(b"x-a: " + b"a" * 100_000, b"content-length: 2") + b"{}"),
        Row("head-endless", "6585 5", b"HTTP/1.1 200 OK\r\nx-a: " + b"a" * 500_000),
        Row("status-line-endless", "6585 5", b"HTTP/1.1 200 " + b"O" * 500_000),
        Row("interim-flood", "9110 15.2", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 200 + sized()),
        Row("interim-only", "9110 15.2", b"HTTP/1.1 100 Continue\r\n\r\n", end="fin"),
        Row("interim-reset", "9110 15.2", b"HTTP/1.1 102 Processing\r\n\r\n", end="rst"),
        Row(
            "switch-unasked",
            "9110 15.2.2",
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhello",
        ),
        Row(
            "switch-websocket-unasked",
            "9110 15.2.2",
            b"HTTP/1.1 101 OK\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        ),
    ]


def _framing() -> list[Row]:
    lengths = (
        b"+2",
        b"-2",
        b"0x2",
        b"2_0",
        b"2, 2",
        b"2,3",
        b"",
        b"two",
        b"2 2",
        b"2.0",
        b"99999999999999999999",
        b"18446744073709551618",
        b"9" * 300,
        b"2;",
        b'"2"',
    )
    rows = [
        Row(f"length-{at}", "9112 6.3", head(b"content-length: " + value) + b"{}") for at, value in enumerate(lengths)
    ]
    codings = (
        b"xchunked",
        b"identity",
        b"gzip",
        b"gzip, chunked",
        b"chunked, identity",
        b"chunked, chunked",
        b"",
        b"chunked;q=1",
        b'"chunked"',
    )
    rows += [
        Row(f"coding-{at}", "9112 6.1", head(b"transfer-encoding: " + value) + CHUNK + LAST)
        for at, value in enumerate(codings)
    ]
    rows += [
        Row("length-and-coding", "9112 6.3", chunked(CHUNK + LAST, b"content-length: 3")),
        Row("coding-and-length", "9112 6.3", head(b"content-length: 3", b"transfer-encoding: chunked") + CHUNK + LAST),
        Row("lengths-equal", "9112 6.3", head(b"content-length: 2", b"content-length: 2") + b"{}"),
        Row("lengths-different", "9112 6.3", head(b"content-length: 2", b"content-length: 3") + b"{}"),
        Row("lengths-different-case", "9112 6.3", head(b"content-length: 2", b"Content-LENGTH:  3") + b"{}"),
        Row(
            "codings-two", "9112 6.1", head(b"transfer-encoding: chunked", b"transfer-encoding: chunked") + CHUNK + LAST
        ),
        Row("no-body-then-fin", "9112 8", head(b"content-length: 50"), end="fin"),
        Row("no-body-then-rst", "9112 8", head(b"content-length: 50"), end="rst"),
        Row("no-chunk-then-fin", "9112 8", head(b"transfer-encoding: chunked"), end="fin"),
        Row("no-chunk-then-rst", "9112 8", head(b"transfer-encoding: chunked"), end="rst"),
        Row("close-before-head", "9112 8", b"", end="fin"),
        Row("reset-before-head", "9112 8", b"", end="rst"),
        Row("close-in-status-line", "9112 8", b"HTTP/1.1 20", end="fin"),
        Row("close-in-head", "9112 8", head(b"content-length: 2")[:40], end="fin"),
        Row("close-before-last-lf", "9112 8", head(b"content-length: 0")[:-1], end="fin"),
        Row("reset-in-head", "9112 8", head(b"content-length: 2")[:40], end="rst"),
        Row("body-shorter-fin", "9112 8", head(b"content-length: 500") + BODY, "broken", "fin"),
        Row("body-shorter-rst", "9112 8", head(b"content-length: 500") + BODY, "broken", "rst"),
        Row("body-shorter-by-one", "9112 8", head(b"content-length: %d" % (len(BODY) + 1)) + BODY, "broken", "fin"),
        Row("close-delimited-rst", "9112 8", head() + BODY, "broken", "rst"),
    ]
    return rows


def _chunk_errors() -> list[Row]:
    size = b"%x" % len(BODY)
    bad = {
        "size-sign": b"+" + size + b"\r\n" + BODY + b"\r\n" + LAST,
        "size-0x": b"0x" + CHUNK + LAST,
        "size-space": size + b" \r\n" + BODY + b"\r\n" + LAST,
        "size-in-front": b" " + CHUNK + LAST,
        "size-empty": b"\r\n" + BODY + b"\r\n" + LAST,
        "size-text": b"zz\r\n" + BODY + b"\r\n" + LAST,
        "size-nine-digits": b"100000000\r\n" + BODY,
        "size-endless": b"0" * 100_000,
        "size-lf": size + b"\n" + BODY + b"\r\n" + LAST,
        "size-negative": b"-1\r\n" + BODY + b"\r\n" + LAST,
        "data-lf": size + b"\r\n" + BODY + b"\n" + LAST,
        "data-no-end": size + b"\r\n" + BODY + LAST,
        "data-longer": size + b"\r\n" + BODY + b"more\r\n" + LAST,
        "second-size-bad": CHUNK + b"!\r\nx\r\n" + LAST,
        "second-size-html": CHUNK + b"<html>\r\n",
        "extension-nul": size + b";\0\r\n" + BODY + b"\r\n" + LAST,
        "extension-lf": size + b";a\nb\r\n" + BODY + b"\r\n" + LAST,
        "extension-endless": size + b";" + b"a" * 100_000,
        "last-lf": CHUNK + b"0\n\n",
        "trailer-no-colon": CHUNK + b"0\r\njunk\r\n\r\n",
        "trailer-nul": CHUNK + b"0\r\nx: \0\r\n\r\n",
        "trailers-endless": CHUNK + b"0\r\n" + b"x: aaaaaaaaaaaaaaaa\r\n" * 20_000,
        "head-for-size": sized() + LAST,
    }
    rows = [Row(f"chunk-{name}", "9112 7.1", chunked(body), "broken") for name, body in bad.items()]
    cuts = {
        "in-size": size[:1],
        "behind-size": size + b"\r\n",
        "in-data": size + b"\r\n" + BODY[:9],
        "behind-data": size + b"\r\n" + BODY,
        "in-data-end": size + b"\r\n" + BODY + b"\r",
        "behind-chunk": CHUNK,
        "in-last": CHUNK + b"0",
        "behind-last-size": CHUNK + b"0\r\n",
        "in-trailer": CHUNK + b"0\r\nx: 1\r\n",
        "in-last-end": CHUNK + b"0\r\n\r",
    }
    rows += [Row(f"cut-{name}-fin", "9112 8", chunked(body), "broken", "fin") for name, body in cuts.items()]
    rows += [Row(f"cut-{name}-rst", "9112 8", chunked(body), "broken", "rst") for name, body in cuts.items()]
    return rows


def _redirects() -> list[Row]:
    where = b"location: /v1/files/redirected"
    return [
        Row(f"redirect-{status}", "9110 15.4", sized(where, first=b"HTTP/1.1 %d Elsewhere" % status), reusable=True)
        for status in (300, 301, 302, 303, 305, 307, 308)
    ]


def _sound() -> list[Row]:
    """What only looks broken, and what an upstream may do."""

    def served(name: str, raw: bytes, **more: object) -> Row:
        wanted: dict[str, object] = {"statuses": (200,), "body": BODY, "reusable": True, **more}
        return Row(name, "9112", raw, "served", **wanted)  # type: ignore[arg-type]

    long = BODY[:-1] + b" " * 200_000 + b"}"
    return [
        served("plain", sized()),
        served("chunks", chunked(CHUNK + LAST)),
        served("chunks-upper-padded", chunked(b"%08X\r\n%b\r\n" % (len(BODY), BODY) + b"000\r\n\r\n")),
        served("chunks-extended", chunked(b'%x;a=b;c="d"\r\n%b\r\n' % (len(BODY), BODY) + b"0;z\r\n\r\n")),
        served("chunks-of-one", chunked(b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + LAST)),
        served("trailers", chunked(CHUNK + b"0\r\nx-sum: 1\r\nset-cookie: a=b\r\n\r\n", b"trailer: x-sum")),
        served("no-reason", sized(first=b"HTTP/1.1 200 ")),
        served("no-reason-no-space", sized(first=b"HTTP/1.1 200")),
        served("odd-reason", sized(first=b"HTTP/1.1 200 Tr\xc3\xa8s bien (1)")),
        served(
            "upper-names", sized().upper().replace(BODY.upper(), BODY).replace(b"APPLICATION/JSON", b"application/json")
        ),
        served("length-spaces", head(b"content-length:   %d  " % len(BODY)) + BODY),
        served("length-no-space", head(b"content-length:%d" % len(BODY)) + BODY),
        served("coding-upper", head(b"Transfer-Encoding: CHUNKED") + CHUNK + LAST),
        served("interim-one", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + sized()),
        served("interim-ten", b"HTTP/1.1 102 Processing\r\n\r\n" * 10 + sized()),
        served("interim-length", b"HTTP/1.1 100 Continue\r\ncontent-length: 5\r\n\r\n" + sized()),
        served("close-said", sized(b"connection: close"), reusable=False),
        served("close-said-and-done", sized(b"connection: close"), end="fin", reusable=False),
        served("close-in-list", sized(b"connection: x-a, Close"), reusable=False),
        served("fin-behind-whole", sized(), end="fin", reusable=False),
        served("close-delimited", head() + BODY, end="fin", reusable=False),
        served("close-delimited-empty", head(), end="fin", body=b"", reusable=False),
        served("http10", sized(first=b"HTTP/1.0 200 OK"), reusable=False),
        served("http10-close-delimited", head(first=b"HTTP/1.0 200 OK") + BODY, end="fin", reusable=False),
        served("http10-keep-alive", sized(b"connection: keep-alive", first=b"HTTP/1.0 200 OK")),
        served(
            "http10-coding",
            chunked(CHUNK + LAST, b"connection: keep-alive").replace(b"1.1", b"1.0", 1),
            statuses=(200, 502),
            reusable=False,
        ),
        served("empty", sized(body=b""), body=b""),
        served("long", sized(body=long), body=long),
        served("error-400", sized(first=b"HTTP/1.1 400 Bad"), statuses=(400,)),
        served("error-429", sized(b"retry-after: 1", first=b"HTTP/1.1 429 Slow"), statuses=(429,)),
        served("error-500-chunks", chunked(CHUNK + LAST).replace(b"200 OK", b"500 Oh"), statuses=(500,)),
        served("error-529", sized(first=b"HTTP/1.1 529 Busy"), statuses=(529,)),
        served(
            "error-close-delimited", head(first=b"HTTP/1.1 503 Oh") + BODY, end="fin", statuses=(503,), reusable=False
        ),
        served("no-content", b"HTTP/1.1 204 No Content\r\n\r\n", statuses=(204,), body=b"", request="file"),
        served(
            "no-content-with-length",
            b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n",
            statuses=(204,),
            body=b"",
            request="file",
        ),
        served(
            "no-content-with-bytes",
            b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello",
            statuses=(204,),
            body=b"",
            reusable=False,
            request="file",
        ),
        served(
            "no-content-chunked",
            b"HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            statuses=(204, 502),
            body=b"",
            reusable=False,
            request="file",
        ),
        served(
            "not-modified", b'HTTP/1.1 304 Not Modified\r\netag: "a"\r\n\r\n', statuses=(304,), body=b"", request="file"
        ),
        served(
            "not-modified-with-length",
            b"HTTP/1.1 304 Not Modified\r\ncontent-length: 500\r\n\r\n",
            statuses=(304,),
            body=b"",
            request="file",
        ),
        served(
            "not-modified-with-bytes",
            b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\nhello",
            statuses=(304,),
            body=b"",
            reusable=False,
            request="file",
        ),
        served("head", head(b"content-length: 500"), body=b"", request="head"),
        served("head-chunked", head(b"transfer-encoding: chunked"), body=b"", request="head"),
        served("head-no-length", head(), body=b"", request="head"),
        served("head-with-bytes", sized(), body=b"", reusable=False, request="head"),
        served(
            "head-404", head(b"content-length: 9", first=b"HTTP/1.1 404 No"), statuses=(404,), body=b"", request="head"
        ),
        served(
            "file-octets",
            sized(body=bytes(range(256))).replace(b"application/json", b"application/octet-stream"),
            body=bytes(range(256)),
            request="file",
        ),
    ]


ROWS: list[Row] = [*_status_lines(), *_garbage(), *_framing(), *_chunk_errors(), *_redirects(), *_sound()]
