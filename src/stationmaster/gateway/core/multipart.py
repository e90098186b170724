"""The `model` field of a multipart form, found as the form passes (RFC 7578). May not know who asks.

Files may come before the field, so the form is scanned to its end: a second `model`, or a part that two
servers might read differently, is refused.
"""

import re

MAX_PART_HEAD = 8 * 1024
MAX_MODEL = 512

_PARAMETER = re.compile(rb';[ \t]*([^\s=;"]+)=(?:"((?:[^"\\\r\n]|\\.)*)"|([^\s;"]+))[ \t]*')
_DISPOSITION = re.compile(
    rb'form-data; ?name="([^"\\\r\n]*)"'
    rb"(?:; ?filename=(?:\"(?:[^\"\\\r\n]|\\.)*\"|[^\s;\"]+))?(?:; ?filename\*=[^\s;]+)?",
    re.IGNORECASE,
)

_DELIMITER, _AFTER, _HEAD, _DATA = range(4)


class BadMultipart(Exception):
    """The form is malformed, or ambiguous in what it calls its model."""


def boundary_of(content_type: bytes) -> bytes:
    """The boundary of a multipart/form-data content type. Raises BadMultipart."""
    kind, parameters = content_type[:19], content_type[19:].strip()
    found: dict[bytes, bytes] = {}
    at = 0
    while (parameter := _PARAMETER.match(parameters, at)) is not None:
        name = parameter[1].lower()
        if name in found:
            raise BadMultipart("a parameter is named twice")
        found[name] = parameter[2] if parameter[2] is not None else parameter[3]
        at = parameter.end()
    boundary = found.get(b"boundary", b"")
    if kind.lower() != b"multipart/form-data" or at != len(parameters) or not 0 < len(boundary) <= 70:
        raise BadMultipart("no boundary")
    return boundary


class ModelField:
    """Scans a form as it arrives. `model` is None until the field is whole; `span` is where it stands,
    counted in bytes from the form's start; `done` says that the closing delimiter passed."""

    __slots__ = ("_at", "_buffer", "_line", "_mark", "_named", "_state", "done", "model", "span")

    def __init__(self, boundary: bytes) -> None:
        self._line = b"\r\n--" + boundary
        self._mark = b"--" + boundary
        self._buffer = b"\r\n"  # the first delimiter has no line end of its own before it
        self._at = -2
        self._state = _DELIMITER
        self._named = False
        self.model: str | None = None
        self.span = (0, 0)
        self.done = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the form. Raises BadMultipart."""
        if self.done:
            self._epilogue(data)
            return
        self._buffer += data
        while self._step():
            pass

    def _epilogue(self, data: bytes) -> None:
        """Behind the end nothing may stand (RFC 2046 5.1.1 would have it ignored; not every server does)."""
        if data.strip(b" \t\r\n"):
            raise BadMultipart("something stands behind the last part")

    def _step(self) -> bool:
        if self._state == _AFTER:
            return self._after()
        if self._state == _HEAD:
            return self._head()
        return self._data()

    def _data(self) -> bool:
        """Up to the next delimiter line: a part's content, or before the first part nothing at all."""
        at = self._buffer.find(self._mark)
        end = at - 2
        if at < 0:
            self._wait_for_delimiter()
            return False
        if self._buffer[max(end, 0) : at] != b"\r\n":
            raise BadMultipart("the boundary stands where no line begins with it")
        if self._state == _DELIMITER and (end or self._at != -2):
            raise BadMultipart("something stands before the first part")
        if self._named:
            self._take_model(end)
        self._drop(end + len(self._line))
        self._state = _AFTER
        return True

    def _wait_for_delimiter(self) -> None:
        """No boundary yet: keep what may be the beginning of one, and a model field whole."""
        if self._named:
            if len(self._buffer) > MAX_MODEL + len(self._line):
                raise BadMultipart("the model field is too long")
        elif len(self._buffer) > len(self._line):
            self._drop(len(self._buffer) - len(self._line))

    def _take_model(self, end: int) -> None:
        if self.model is not None:
            raise BadMultipart("the model is named twice")
        if end > MAX_MODEL:
            raise BadMultipart("the model field is too long")
        try:
            self.model = self._buffer[:end].decode("utf-8")
        except UnicodeDecodeError:
            raise BadMultipart("the model is no text") from None
        self.span = (self._at, self._at + end)
        self._named = False

    def _after(self) -> bool:
        """Behind a delimiter: CRLF opens a part, `--` closes the form."""
        if len(self._buffer) < 2:
            return False
        mark = self._buffer[:2]
        if mark == b"--":
            self.done, rest, self._buffer = True, self._buffer[2:], b""
            self._epilogue(rest)
            return False
        if mark != b"\r\n":
            raise BadMultipart("a delimiter line goes on")
        self._drop(2)
        self._state = _HEAD
        return True

    def _head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        head = self._buffer if end < 0 else self._buffer[:end]
        if len(head) > MAX_PART_HEAD or self._mark in head:
            raise BadMultipart("a part's head has no end")
        if end < 0:
            return False
        self._named = self._names_model(self._buffer[:end])
        self._drop(end + 4)
        self._state = _DATA
        return True

    def _names_model(self, head: bytes) -> bool:
        if b"\r\n " in head or b"\r\n\t" in head:
            raise BadMultipart("a part's head is folded")
        fields = [line.partition(b":") for line in head.split(b"\r\n")]
        names = [name.lower() for name, _, _ in fields]
        if names.count(b"content-disposition") != 1:
            raise BadMultipart("a part needs one Content-Disposition")
        disposition = fields[names.index(b"content-disposition")][2].strip()
        found = _DISPOSITION.fullmatch(disposition)
        if found is None:
            raise BadMultipart("a part's Content-Disposition is not plain")
        if found[1].strip().lower() != b"model":
            return False
        if found[1] != b"model" or b"content-transfer-encoding" in names or b"filename" in disposition.lower():
            raise BadMultipart("the model field is not plain")
        return True

    def _drop(self, count: int) -> None:
        self._buffer = self._buffer[count:]
        self._at += count
