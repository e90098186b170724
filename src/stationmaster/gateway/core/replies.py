"""An upstream's answer head, understood once: its status, framing, and what of it the caller may see.

May not know sockets. Heads of one upstream repeat but for a few lines; those are cut out and the rest is
looked up, so that llhttp reads each kind of head once (docs/decisions/0002-heads.md).
"""

import re

import msgspec

from stationmaster.gateway.core import faults
from stationmaster.gateway.core.forward import handshake, to_caller, value
from stationmaster.gateway.core.wire import Headers, ProtocolError, ResponseLine, parse_response

MAX_CACHED = 1024
MAX_CACHED_HEAD = 8 * 1024
SHAPE_AFTER = 8            # times a head must come back before it gets a pattern, which is dear to make

# Lines that differ between two otherwise equal heads. Groups: 1 may pass to the caller, 2 is the body's
# length, 3 is the vendor's id of the request; the rest never passes. Their values are checked here as
# strictly as llhttp would (RFC 9110 5.5), for on a hit nobody else looks at them.
_TEXT = rb"[\t\x20-\x7e\x80-\xff]*"
_VOLATILE = re.compile(
    rb"\r\n(?:"
    rb"((?:date|openai-processing-ms|x-amzn-bedrock-(?:invocation-latency|[a-z-]+-token-count)):" + _TEXT + rb")|"
    rb"content-length: ?([0-9]{1,15})|"
    rb"((?:x-request-id|request-id|apim-request-id|x-amzn-requestid):" + _TEXT + rb")|"
    rb"(?:cf-ray|set-cookie|x-ratelimit-[a-z-]+|anthropic-ratelimit-[a-z-]+|x-envoy-[a-z-]+|server-timing|report-to):"
    + _TEXT + rb")(?=\r\n)",
    re.IGNORECASE,
)


_PASSES, _LENGTH, _ID = 1, 2, 3    # the groups
_OPEN = {_PASSES: b"(" + _TEXT + b")", _LENGTH: rb"([0-9]{1,15})", _ID: b"(" + _TEXT + b")", None: _TEXT}


class ReplyHead:
    """What answer heads that differ in volatile lines only have in common."""

    __slots__ = (
        "_seen", "_shape", "encoded", "framed", "framing", "json", "keep_alive", "line", "start", "status", "stream",
        "stream_start", "usual",
    )

    def __init__(self, line: ResponseLine) -> None:
        kind = value(line.headers, b"content-type")
        self.line = line
        self.status = line.status
        self.framing = line.framing
        self.keep_alive = line.keep_alive
        self.encoded = value(line.headers, b"content-encoding") not in (b"", b"identity")
        self.stream = kind.startswith(b"text/event-stream") and not self.encoded
        self.framed = kind.startswith(b"application/vnd.amazon.eventstream") and not self.encoded
        self.json = b"json" in kind and not self.encoded
        self.usual = self.status == 200 and self.json and self.framing == "length"
        status = b"HTTP/1.1 %d %b" % (line.status, faults.REASONS.get(line.status, "").encode())
        self.start = status + _lines(line, stream=False)
        self.stream_start = status + _lines(line, stream=True)
        self._seen = 0
        self._shape: Shape | None = None

    @property
    def handshake(self) -> bytes:
        """The WebSocket fields of a 101."""
        return handshake(self.line)

    def seen(self, raw: bytes) -> None:
        """`raw` was this head again. One that keeps coming back is worth a pattern of its own."""
        self._seen += 1
        if self._seen == SHAPE_AFTER:
            self._shape = Shape(raw)

    def again(self, data: bytes) -> "Reply | None":
        """Read what `data` begins with as this head with other volatile values, or None if it is not that."""
        shape = self._shape
        if shape is None or (found := shape.match(data)) is None:
            return None
        values = found.groups()
        length, at = -1, shape.length_at
        if at >= 0:
            length = int(values[at])
            values = values[:at] + values[at + 1 :]
        return Reply(
            self, length, shape.template % values, values[shape.id_at] if shape.id_at >= 0 else b"", found.end(),
            data,
        )


class Shape:
    """One head's pattern: its fixed lines literally, its volatile values open. Much cheaper than cutting the
    volatile lines out. `template` takes the values that may pass, in their order, and gives their lines."""

    __slots__ = ("id_at", "length_at", "match", "template")

    def __init__(self, raw: bytes) -> None:
        fixed = _VOLATILE.split(raw)[::4]
        pattern, template, kinds = [re.escape(fixed[0])], [], []
        for line, after in zip(_VOLATILE.finditer(raw), fixed[1:], strict=True):
            name, kind = line[0][2 : line[0].index(b":")], line.lastindex
            pattern += [b"\r\n", re.escape(name), b": ?", _OPEN[kind], re.escape(after)]
            if kind is not None:
                kinds.append(kind)
            if kind in (_PASSES, _ID):
                template.append(b"\r\n%b: %%b" % name)
        passing = [kind for kind in kinds if kind != _LENGTH]
        self.length_at = kinds.index(_LENGTH) if _LENGTH in kinds else -1
        self.id_at = passing.index(_ID) if _ID in passing else -1
        self.template = b"".join(template)
        self.match = re.compile(b"".join(pattern)).match


def _lines(line: ResponseLine, *, stream: bool) -> bytes:
    """The fields that are the same every time, each with the CRLF before it."""
    fixed = [field for field in line.headers if not _is_volatile(field)]
    lines = to_caller(fixed, stream=stream)
    return b"\r\n" + lines[:-2] if lines else b""


def _is_volatile(field: tuple[bytes, bytes]) -> bool:
    return _VOLATILE.match(b"\r\n%b: %b\r\n" % field) is not None


class Reply(msgspec.Struct, frozen=True, gc=False):
    """One answer head: what is common, the body's length (-1: not stated), the volatile lines that may pass
    (each with the CRLF before it), the vendor's id of the request, or empty, how long the head was, and bytes
    that begin with it."""

    head: ReplyHead
    length: int
    lines: bytes
    vendor_id: bytes
    size: int
    raw: bytes

    def fields(self) -> Headers:
        """All of the head's fields as they came this time, names in lower case."""
        lines = self.raw[: self.size].split(b"\r\n")[1:-2]
        pairs = [line.partition(b":") for line in lines]
        return [(name.lower(), text.strip(b" \t")) for name, _, text in pairs]


_cache: dict[bytes, ReplyHead] = {}


def read_reply(raw: bytes, method: str) -> Reply:
    """Understand one whole answer head to a `method` request. Raises ProtocolError."""
    parts = _VOLATILE.split(raw)
    lengths = [digits for digits in parts[2::4] if digits is not None]
    if len(lengths) > 1:
        raise ProtocolError(502, "upstream_garbage", "The upstream states two lengths.")
    key = b"%b%d%b" % (b"".join(parts[::4]), len(lengths), b"H" if method == "HEAD" else b"")
    head = _cache.get(key)
    if head is None:
        head = _understand(raw, method, key)
    head.seen(raw)
    return _reply(head, int(lengths[0]) if lengths else head.line.length, parts, raw)


def _reply(head: ReplyHead, length: int, parts: list[bytes | None], raw: bytes) -> Reply:
    passing = [line for pair in zip(parts[1::4], parts[3::4], strict=True) for line in pair if line is not None]
    ids = [line for line in parts[3::4] if line is not None]
    lines = b"\r\n" + b"\r\n".join(passing) if passing else b""
    return Reply(head, length, lines, ids[0].partition(b":")[2].strip() if ids else b"", len(raw), raw)


def _understand(raw: bytes, method: str, key: bytes) -> ReplyHead:
    head = ReplyHead(parse_response(raw, method))
    if len(key) <= MAX_CACHED_HEAD:
        if len(_cache) >= MAX_CACHED:
            _cache.clear()
        _cache[key] = head
    return head
