"""Event streams (WHATWG HTML, server-sent events): bytes in, whole events out. May not know dialects.

The stream is passed on as it came; this only finds where events end, at any split of the bytes, and with
LF, CRLF or CR line ends.
"""

import re

MAX_EVENT = 16 * 1024 * 1024

_EOL = rb"(?:\r\n|\n|\r(?!\n))"
_END = re.compile(_EOL + _EOL)


class EventSplitter:
    """Cuts a byte stream at the blank lines that end events. Nothing is lost: `tail` is what has no end yet.
    `clean` says that nothing waits, `torn` that the last run returned ended inside an event too large to keep."""

    __slots__ = ("_parts", "_seam", "_size", "clean", "torn")

    def __init__(self) -> None:
        self.clean = True
        self.torn = False
        self._parts: list[bytes] = []
        self._seam = b""       # the tail's last bytes: an end may begin in them
        self._size = 0

    @property
    def tail(self) -> bytes:
        """Bytes seen since the last event's end."""
        return b"".join(self._parts)

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; return the whole events that are now complete, as one run of bytes.

        Each byte is looked at once, however an event is cut. One of more than 16 MiB is let through in pieces.
        """
        if self.clean and data.endswith(b"\n\n"):
            self.torn = False
            return data
        seam = self._seam
        cut = _last_end(seam + data if seam else data) - len(seam)
        if cut < 0 or (cut == 0 and not seam):
            if self._size + len(data) <= MAX_EVENT:
                self._keep(data)
                return b""
            cut, self.torn = len(data), True
        else:
            self.torn = False
        run = b"".join([*self._parts, data[:cut]])
        self._parts, self._seam, self._size, self.clean = [], b"", 0, True
        if cut < len(data):
            self._keep(data[cut:])
        return run

    def _keep(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        self._seam = (self._seam + data)[-3:] if len(data) < 3 else data[-3:]
        self.clean = False


def _last_end(data: bytes) -> int:
    """Index behind the last blank line, or 0. A CR at the very end may be half of a CRLF: it waits."""
    until = len(data) - 1 if data.endswith(b"\r") else len(data)
    cut = 0
    for end in _END.finditer(data, 0, until):
        cut = end.end()
    return cut


def events(run: bytes) -> list[bytes]:
    """The single events of a run of whole ones, each with its blank line."""
    found, start = [], 0
    for end in _END.finditer(run):
        found.append(run[start : end.end()])
        start = end.end()
    if start < len(run):
        found.append(run[start:])
    return found


_LINE = re.compile(rb"\r\n|\n|\r")


def data_of(event: bytes) -> bytes:
    """The event's data: its `data:` lines joined by LF."""
    if event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2 and b"\r" not in event:
        return event[6:-2]
    lines = _LINE.split(event.removeprefix(b"\xef\xbb\xbf"))
    values = [line[5:] for line in lines if line.startswith(b"data:") or line == b"data"]
    return b"\n".join(value[1:] if value.startswith(b" ") else value for value in values)
