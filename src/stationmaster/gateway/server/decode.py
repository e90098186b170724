"""Request bodies that came compressed (RFC 9110 section 8.4). Owns: decoding under a cap, so that no
small body becomes a large one. zstandard is loaded at the first body that needs it."""

import zlib

from stationmaster.gateway.core import faults
from stationmaster.gateway.core.peek import Refused

_PIECE = 64 * 1024


def decode(body: bytes, encoding: bytes, cap: int) -> bytes:
    """The plain body. Raises Refused: over `cap` bytes, or not what `encoding` (gzip, zstd) says."""
    return _zstd(body, cap) if encoding == b"zstd" else _gzip(body, cap)


def _gzip(body: bytes, cap: int) -> bytes:
    reader = zlib.decompressobj(wbits=31)
    try:
        plain = reader.decompress(body, cap + 1)
    except zlib.error:
        raise Refused(faults.BAD_ENCODING) from None
    if len(plain) > cap:
        raise Refused(faults.BODY_TOO_LARGE)
    if not reader.eof or reader.unused_data:
        raise Refused(faults.BAD_ENCODING)
    return plain


def _zstd(body: bytes, cap: int) -> bytes:
    import zstandard

    reader = zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024).decompressobj()  # RFC 9659
    pieces, size = [], 0
    try:
        for at in range(0, len(body), _PIECE):
            piece = reader.decompress(body[at : at + _PIECE])
            pieces.append(piece)
            size += len(piece)
            if size > cap:
                raise Refused(faults.BODY_TOO_LARGE)
    except zstandard.ZstdError:
        raise Refused(faults.BAD_ENCODING) from None
    if not reader.eof or reader.unused_data:
        raise Refused(faults.BAD_ENCODING)
    return b"".join(pieces)
