"""HTTP/1.1 heads: bytes in, validated values out. Owns: what a well-formed head is, on both sides.

May not know routes, keys or vendors. llhttp (httptools) is the one judge of syntax; what RFC 9112 leaves
to the recipient is decided here, always towards refusal (docs/decisions/0002-heads.md).
"""

import re
from typing import Literal

import httptools
import msgspec

MAX_HEAD = 32 * 1024
MAX_TARGET = 8 * 1024
MAX_FIELDS = 128
MAX_PARAMETERS = 64

Headers = list[tuple[bytes, bytes]]


class ProtocolError(Exception):
    """The peer's bytes are no acceptable HTTP/1.1. `status` is what a server answers."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class RequestLine(msgspec.Struct, frozen=True):
    """A validated request head. Field names are lower-case; `length` is None when none was given."""

    method: str
    target: str
    http11: bool
    headers: Headers
    length: int | None
    chunked: bool
    keep_alive: bool


class ResponseLine(msgspec.Struct, frozen=True):
    """A validated answer head. `framing` follows RFC 9112 section 6.3, seen from the request's method."""

    status: int
    headers: Headers
    framing: Literal["none", "length", "chunked", "close"]
    length: int
    keep_alive: bool


class _Fields:
    """Collects what llhttp cut out of a head."""

    __slots__ = ("complete", "headers", "url")

    def __init__(self) -> None:
        self.url = b""
        self.headers: Headers = []
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.rstrip(b" \t")))  # RFC 9110 5.5; llhttp leaves it on

    def on_headers_complete(self) -> None:
        self.complete = True


class PartialHead:
    """A head that comes in pieces: refused as soon as it can no longer become valid. Each byte is read once."""

    __slots__ = ("_fields", "_parser", "_size", "_start")

    def __init__(self) -> None:
        self._fields = _Fields()
        self._parser = httptools.HttpRequestParser(self._fields)
        self._size = 0
        self._start = b""

    def feed(self, data: bytes) -> None:
        """Take the head's next bytes. Raises ProtocolError."""
        if len(self._start) < MAX_TARGET + 64:
            self._start += data[: MAX_TARGET + 64]
        self._size += len(data)
        if self._size > MAX_HEAD:
            raise _too_large(self._start)
        if self._start[:1] in (b"\r", b"\n") and self._start != b"\r":
            raise ProtocolError(400, "bad_http", "Malformed HTTP: a lone line end before the request.")
        _feed(self._parser, data)
        if len(self._fields.headers) > MAX_FIELDS:
            raise ProtocolError(431, "too_many_fields", f"More than {MAX_FIELDS} header fields.")


def parse_request(raw: bytes) -> RequestLine:
    """Validate one whole request head (with its final empty line). Raises ProtocolError with 400..505."""
    if len(raw) > MAX_HEAD:
        raise _too_large(raw)
    fields = _Fields()
    parser = httptools.HttpRequestParser(fields)
    _feed(parser, raw)
    version = parser.get_http_version()
    if version not in ("1.1", "1.0"):
        raise ProtocolError(505, "http_version", "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
    method = parser.get_method().decode("ascii")
    if not raw.lstrip(b"\r\n").startswith(b"%b %b HTTP/" % (parser.get_method(), fields.url)):
        raise ProtocolError(400, "bad_http", "Malformed HTTP: one space stands between the parts of a request line.")
    _check_target(method, fields.url)
    _check_fields(fields, http11=version == "1.1")
    length, chunked = _request_framing(fields.headers, http11=version == "1.1")
    return RequestLine(
        method=method,
        target=fields.url.decode("ascii"),
        http11=version == "1.1",
        headers=fields.headers,
        length=length,
        chunked=chunked,
        keep_alive=_keep_alive(fields.headers, http11=version == "1.1"),
    )


def _too_large(raw: bytes) -> ProtocolError:
    if b"\r\n" not in raw[: MAX_TARGET + 64]:
        return ProtocolError(414, "uri_too_long", f"The request target is longer than {MAX_TARGET} bytes.")
    return ProtocolError(431, "head_too_large", f"The request head is larger than {MAX_HEAD} bytes.")


def _feed(parser: httptools.HttpRequestParser | httptools.HttpResponseParser, raw: bytes) -> None:
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        return  # the head is whole; who may upgrade is decided elsewhere
    except httptools.HttpParserInvalidMethodError as error:
        raise ProtocolError(400, "bad_method", "The request method is not one of HTTP's.") from error
    except httptools.HttpParserError as error:
        raise ProtocolError(400, "bad_http", f"Malformed HTTP: {error}.") from error


_TARGET = re.compile(rb"/[!-~]*")


def _check_target(method: str, target: bytes) -> None:
    if len(target) > MAX_TARGET:
        raise ProtocolError(414, "uri_too_long", f"The request target is longer than {MAX_TARGET} bytes.")
    if target.count(b"&") > MAX_PARAMETERS:
        raise ProtocolError(400, "bad_target", f"More than {MAX_PARAMETERS} query parameters.")
    if not _TARGET.fullmatch(target) or b"#" in target:  # RFC 9112 3.2: origin-form only, a gateway is no proxy
        raise ProtocolError(400, "bad_target", f"{method} needs a target that begins with '/'.")


_LINES = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def _check_fields(fields: _Fields, *, http11: bool) -> None:
    if not fields.complete:
        raise ProtocolError(400, "bad_http", "Malformed HTTP: the head has no end.")
    if len(fields.headers) > MAX_FIELDS:
        raise ProtocolError(431, "too_many_fields", f"More than {MAX_FIELDS} header fields.")
    if any(_LINES.search(value) for _, value in fields.headers):  # RFC 9110 5.5
        raise ProtocolError(400, "bad_field_value", "A header value holds a control character.")
    names = [name for name, _ in fields.headers]
    if any(names.count(name) > 1 for name in _ONCE):
        raise ProtocolError(400, "repeated_field", "A header field that may stand once only stands twice.")
    hosts = [value for name, value in fields.headers if name == b"host"]
    if len(hosts) > 1 or (http11 and not hosts):  # RFC 9112 3.2
        raise ProtocolError(400, "bad_host", "Exactly one Host header is needed.")
    if hosts and not _HOST.fullmatch(hosts[0]):
        raise ProtocolError(400, "bad_host", "The Host header is no host name.")


# Fields of one value (RFC 9110 5.3): whoever reads a second one sees another request than we do.
_ONCE = (
    b"content-type", b"content-encoding", b"expect", b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key",
    b"upgrade",
)
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?")


def _request_framing(headers: Headers, *, http11: bool) -> tuple[int | None, bool]:
    lengths = [value for name, value in headers if name == b"content-length"]
    codings = [value for name, value in headers if name == b"transfer-encoding"]
    if codings and (lengths or not http11):  # RFC 9112 6.1, 6.3: refused, not repaired
        raise ProtocolError(400, "bad_framing", "Transfer-Encoding next to Content-Length or in HTTP/1.0.")
    if len(lengths) > 1 or len(codings) > 1:
        raise ProtocolError(400, "bad_framing", "The body's length is given more than once.")
    if codings and codings[0].strip().lower() != b"chunked":
        raise ProtocolError(501, "bad_coding", "Only 'Transfer-Encoding: chunked' is understood.")
    return (_length(lengths[0]) if lengths else None), bool(codings)


def _length(value: bytes) -> int:
    if not re.fullmatch(rb"[0-9]{1,18}", value):
        raise ProtocolError(400, "bad_length", "Content-Length is no plain number.")
    return int(value)


def _keep_alive(headers: Headers, *, http11: bool) -> bool:
    """An HTTP/1.0 connection carries one request: its keep-alive is not worth the ways it can go wrong."""
    return http11 and b"close" not in tokens(headers, b"connection")


def tokens(headers: Headers, name: bytes) -> list[bytes]:
    """All comma-separated members of field `name`, lower-case (RFC 9110 5.6.1)."""
    return [
        token.strip().lower()
        for field, value in headers
        if field == name
        for token in value.split(b",")
        if token.strip()
    ]


def parse_response(raw: bytes, method: str) -> ResponseLine:
    """Validate one whole answer head to a `method` request. Raises ProtocolError (status 502)."""
    fields = _Fields()
    parser = httptools.HttpResponseParser(fields)
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        raise _garbage(str(error)) from error
    if not fields.complete or parser.get_http_version() not in ("1.1", "1.0"):
        raise _garbage("no HTTP/1.1 head")
    if len(fields.headers) > 2 * MAX_FIELDS:
        raise _garbage("too many fields")
    if _LINES.search(raw.partition(b"\r\n")[0]):  # RFC 9112 4, which llhttp does not hold reasons to
        raise _garbage("a control character in its first line")
    return _response(parser, fields.headers, method)


def _garbage(why: str) -> ProtocolError:
    return ProtocolError(502, "upstream_garbage", f"The upstream's answer is no HTTP: {why}.")


def _response(parser: httptools.HttpResponseParser, headers: Headers, method: str) -> ResponseLine:
    status = parser.get_status_code()
    if not 100 <= status <= 599:
        raise _garbage("status out of range")
    lengths = [value for name, value in headers if name == b"content-length"]
    codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    if len(lengths) + len(codings) > 1:
        raise _garbage("its length is stated twice")
    if lengths and not (lengths[0].isdigit() and len(lengths[0]) <= 18):
        raise _garbage("bad Content-Length")
    length = int(lengths[0]) if lengths else -1
    coding = codings[0] if codings else None
    framing = _response_framing(status, method, coding, length)
    http11 = parser.get_http_version() == "1.1"
    keep = _reusable(headers, status, length, http11=http11, coded=coding is not None)
    return ResponseLine(status, headers, framing, length, keep and framing != "close")


def _reusable(headers: Headers, status: int, length: int, *, http11: bool, coded: bool) -> bool:
    """Whether another request may follow on the connection (RFC 9112 9.3), and nothing speaks against it: a coding
    in HTTP/1.0 is faulty (6.1); a 204 or 304 has no body (6.3), but one that states one may send it."""
    options = tokens(headers, b"connection")
    if b"close" in options or not (http11 or b"keep-alive" in options):
        return False
    return not (coded and (not http11 or status in (204, 304))) and not (status == 204 and length >= 0)


def _response_framing(
    status: int, method: str, coding: bytes | None, length: int
) -> Literal["none", "length", "chunked", "close"]:
    """RFC 9112 section 6.3, in its order."""
    if method == "HEAD" or status < 200 or status in (204, 304):
        return "none"
    if coding is not None:
        if coding != b"chunked":
            raise _garbage("unknown Transfer-Encoding")
        return "chunked"
    return "length" if length >= 0 else "close"
