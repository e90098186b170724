"""Chunked bodies (RFC 9112 section 7.1): bytes in, payload out. May not know whose body it is.

Stricter than the grammar: sizes of at most eight hex digits, extensions and trailers bounded and dropped.
Fuzzed against llhttp in the tests.
"""

import re

from stationmaster.gateway.core.wire import ProtocolError

MAX_LINE = 4096        # one size line with its extensions, or one trailer field
MAX_TRAILERS = 32 * 1024

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_BWS = rb"[ \t]*"
_EXTENSION = (
    _BWS + rb";" + _BWS + _TOKEN
    + rb"(?:" + _BWS + rb"=" + _BWS + rb"(?:" + _TOKEN + rb'|"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t -~])*"))?'
)
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:" + _EXTENSION + rb")*")
_BEGINNING = re.compile(rb"[0-9A-Fa-f]{1,8}(?:" + _BWS + rb"|" + _BWS + rb";[\t -~\x80-\xff]*)")   # of a size line
_TRAILER = re.compile(_TOKEN + rb":[\t -~\x80-\xff]*")
_NO_TRAILERS = (b"content-length:", b"transfer-encoding:", b"host:")    # RFC 9110 6.5.1

_known_sizes: dict[bytes, int] = {}  # of size lines of up to three digits, checked once: some 10,000 at most

_IN_SIZE, _IN_DATA, _IN_DATA_END, _IN_TRAILERS, _DONE = range(5)


class ChunkedReader:
    """Takes a chunked body apart as it arrives.

    `feed` returns the payload found (possibly empty); `done` says that the last chunk and its trailers
    were read, `rest` then holds the bytes that follow. Trailer fields are dropped (RFC 9110 6.5.1).
    """

    __slots__ = ("_carry", "_left", "_seen", "_state", "done", "rest")

    def __init__(self) -> None:
        self.done = False
        self.rest = b""
        self._carry = b""
        self._left = 0
        self._seen = 0
        self._state = _IN_SIZE

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; return their payload. Raises ProtocolError at the first wrong byte."""
        if self._state == _IN_SIZE and not self._carry:
            end = data.find(b"\r\n", 1, 9)  # the usual case: one whole chunk, nothing else
            if end > 0:
                line = data[:end]
                size = _known_sizes.get(line) or self._size(line)
                if size and len(data) == size + end + 4 and data.endswith(b"\r\n"):
                    return data[end + 2 : -2]
        return self._walk(data)

    def _walk(self, data: bytes) -> bytes:
        parts: list[bytes] = []
        at = 0
        if self._carry:
            data, self._carry = self._carry + data, b""
        while at < len(data) and self._state != _DONE:
            if self._state == _IN_DATA:
                piece = data[at : at + self._left]
                parts.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._state = _IN_DATA_END
                continue
            end = data.find(b"\r\n", at)
            if end < 0:
                self._check_line(data[at:])
                self._carry = data[at:]
                return b"".join(parts)
            self._line(data[at:end])
            at = end + 2
        if self._state == _DONE:
            self.done, self.rest = True, data[at:]
        return b"".join(parts)

    def _line(self, line: bytes) -> None:
        """One CRLF-ended line: a size, the empty line behind a chunk's data, or a trailer."""
        if self._state == _IN_SIZE:
            self._left = self._size(line)
            self._state = _IN_DATA if self._left else _IN_TRAILERS
        elif self._state == _IN_DATA_END:
            if line:
                raise _bad("chunk data longer than its size")
            self._state = _IN_SIZE
        elif not line:
            self._state = _DONE
        else:
            self._seen += len(line)
            if self._seen > MAX_TRAILERS or len(line) > MAX_LINE or not _TRAILER.fullmatch(line):
                raise _bad("bad trailer")
            if line.lower().startswith(_NO_TRAILERS):
                raise _bad("framing in a trailer")

    def _size(self, line: bytes) -> int:
        found = _SIZE.fullmatch(line)
        if found is None or len(line) > MAX_LINE:
            raise _bad("bad chunk size")
        size = int(found[1], 16)
        if len(line) <= 3:
            _known_sizes[line] = size
        return size

    def _check_line(self, partial: bytes) -> None:
        """A line that has not ended yet may still be refused: too long, or a bare CR or LF inside."""
        if len(partial) > MAX_LINE or b"\n" in partial or b"\r" in partial[:-1]:
            raise _bad("bad chunk line")
        if self._state == _IN_DATA_END and partial != b"\r":
            raise _bad("chunk data longer than its size")
        if self._state == _IN_SIZE and not _BEGINNING.fullmatch(partial.rstrip(b"\r")):
            raise _bad("bad chunk size")


def _bad(why: str) -> ProtocolError:
    return ProtocolError(400, "bad_chunk", f"Malformed chunked body: {why}.")


def chunk(payload: bytes) -> bytes:
    """Frame `payload` (not empty) as one chunk."""
    return b"%x\r\n%b\r\n" % (len(payload), payload)


LAST_CHUNK = b"0\r\n\r\n"
