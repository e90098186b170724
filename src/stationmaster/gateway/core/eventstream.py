"""AWS event streams (application/vnd.amazon.eventstream): bytes in, whole frames out, each as it came. May not know what the
frames are about.

A frame is its length, the length of its headers, a CRC of these, headers, a payload, a CRC of all
(https://smithy.io/2.0/aws/amazon-eventstream.html). Both CRCs are checked: a frame that is damaged is passed to nobody.
"""

import struct
import zlib

import msgspec

MAX_FRAME = 25 * 1024 * 1024       # the format allows 24 MiB of payload and 128 KiB of headers

_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_LEAST = _PRELUDE.size + _CRC.size
_STRING = 7
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}    # of header values by type; 6 and 7 state theirs


class Frame(msgspec.Struct, frozen=True):
    """One frame read: its headers that are texts, and its payload."""

    headers: dict[str, str]
    payload: bytes

    @property
    def event(self) -> str:
        """What kind of event it is; empty when it is none."""
        return self.headers.get(":event-type", "") if self.headers.get(":message-type") == "event" else ""

    @property
    def exception(self) -> str:
        """The name of the error that it tells; empty when it tells none."""
        kind = self.headers.get(":message-type", "")
        if kind == "exception":
            return self.headers.get(":exception-type", "") or "exception"
        return (self.headers.get(":error-code", "") or "error") if kind == "error" else ""


class FrameSplitter:
    """Cuts a byte stream into frames, at any split of the bytes. `broken`: what came is no frame, and nothing behind it can be
    read any more. `tail`: how many bytes of a frame without an end are held."""

    __slots__ = ("_need", "_parts", "broken", "tail")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._need = _PRELUDE.size     # bytes that have to be here before there is something to look at
        self.tail = 0
        self.broken = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the frames that are now complete, in their order. Each byte is copied a few times at
        most, however a frame is cut."""
        if self.broken:
            return []
        self._parts.append(data)
        self.tail += len(data)
        if self.tail < self._need:
            return []
        return self._cut(b"".join(self._parts) if len(self._parts) > 1 else data)

    def _cut(self, held: bytes) -> list[bytes]:
        found, at, size = [], 0, len(held)
        self._need = _PRELUDE.size
        while size - at >= _PRELUDE.size:
            total = _length(held, at)
            if not total:
                self.broken = True
                break
            if size - at < total:
                self._need = total
                break
            frame = held[at : at + total]
            if zlib.crc32(frame[:-4]) != _CRC.unpack_from(frame, total - 4)[0]:
                self.broken = True
                break
            found.append(frame)
            at += total
        self._parts = [held[at:]] if at < size else []
        self.tail = size - at
        return found


def _length(held: bytes, at: int) -> int:
    """The length of the frame that begins there; 0: none does."""
    total, headers, crc = _PRELUDE.unpack_from(held, at)
    sound = zlib.crc32(held[at : at + 8]) == crc and headers + _LEAST <= total <= MAX_FRAME
    return int(total) if sound else 0


def parse(frame: bytes) -> Frame | None:
    """Read a whole frame that was cut out; None: its headers cannot be read."""
    total, size, _ = _PRELUDE.unpack_from(frame)
    start = _PRELUDE.size + size
    try:
        return Frame(_headers(frame[_PRELUDE.size : start]), frame[start : total - 4])
    except (IndexError, KeyError, struct.error, UnicodeDecodeError):
        return None


def _headers(block: bytes) -> dict[str, str]:
    """The texts among the headers, by name. Raises IndexError, KeyError, struct.error or UnicodeDecodeError."""
    found, at = {}, 0
    while at < len(block):
        end = at + 1 + block[at]
        name, kind, at = block[at + 1 : end].decode(), block[end], end + 1
        if kind in _SIZES:
            at += _SIZES[kind]
            continue
        if kind not in (6, _STRING):
            raise KeyError(kind)
        at, start = at + 2 + int.from_bytes(block[at : at + 2]), at + 2
        if at > len(block):
            raise IndexError
        if kind == _STRING:
            found[name] = block[start:at].decode()
    return found


def encode(headers: dict[str, str], payload: bytes) -> bytes:
    """One frame of text headers and a payload."""
    block = b"".join(
        b"%c%b%c%b%b" % (len(name), name.encode(), _STRING, len(value.encode()).to_bytes(2), value.encode())
        for name, value in headers.items()
    )
    lengths = struct.pack(">II", _LEAST + len(block) + len(payload), len(block))
    front = b"%b%b%b%b" % (lengths, _CRC.pack(zlib.crc32(lengths)), block, payload)
    return front + _CRC.pack(zlib.crc32(front))
