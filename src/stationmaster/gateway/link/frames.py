"""An update as a stream of bytes: each frame behind its length, the last one with a digest of all before it. Owns that
form, in both directions; what is in a frame is `core.updates`'s. May not know HTTP or files.

    4 bytes, big-endian: the length of a frame | the frame | … | the length of the `end` frame | the `end` frame

The digest is SHA-256, in hex, of every byte before the length of the `end` frame. It finds what was cut or mixed up on
the way; it proves nothing of who sent it, which TLS and the token do.
"""

import hashlib
import struct
from collections.abc import Iterator

from stationmaster.gateway.core.records import BadUpdate, Update
from stationmaster.gateway.core.updates import Reader, encode_end, encode_frames

MEDIA_TYPE = "application/vnd.stationmaster.frames"
MAX_FRAME = 16 * 1024 * 1024
MAX_UPDATE = 512 * 1024 * 1024

_LENGTH = struct.Struct("!I")


def pack(update: Update) -> Iterator[bytes]:
    """An update's bytes, a frame at a time."""
    digest = hashlib.sha256()
    for frame in encode_frames(update):
        piece = _LENGTH.pack(len(frame)) + frame
        digest.update(piece)
        yield piece
    end = encode_end(update.revision, digest.hexdigest())
    yield _LENGTH.pack(len(end)) + end


class Unpacker:
    """Takes the bytes as they come."""

    def __init__(self) -> None:
        self._reader = Reader()
        self._digest = hashlib.sha256()
        self._data = bytearray()
        self._taken = 0
        self._update: Update | None = None

    def feed(self, data: bytes) -> None:
        """Take in some bytes. Raises BadUpdate, and is of no more use then."""
        self._taken += len(data)
        if self._taken > MAX_UPDATE:
            raise BadUpdate(f"it is larger than {MAX_UPDATE} bytes")
        self._data += data
        while self._frame():
            pass

    def _frame(self) -> bool:
        """Take a frame, if one is here whole."""
        if len(self._data) < _LENGTH.size:
            return False
        if self._update is not None:
            raise BadUpdate("something stands behind its end")
        end = _LENGTH.size + _LENGTH.unpack_from(self._data)[0]
        if end > MAX_FRAME:
            raise BadUpdate(f"a frame is larger than {MAX_FRAME} bytes")
        if len(self._data) < end:
            return False
        piece = bytes(self._data[:end])
        del self._data[:end]
        self._update = self._reader.feed(piece[_LENGTH.size :])
        if self._update is None:
            self._digest.update(piece)
        elif self._reader.sha256 != self._digest.hexdigest():
            raise BadUpdate("its digest is another")
        return True

    def finish(self) -> Update:
        """No more bytes come: the update. Raises BadUpdate when it is not whole."""
        if self._update is None or self._data:
            raise BadUpdate("it ends too early" if self._update is None else "something stands behind its end")
        return self._update


def unpack(data: bytes) -> Update:
    """The update that `data` is. Raises BadUpdate."""
    unpacker = Unpacker()
    unpacker.feed(data)
    return unpacker.finish()
