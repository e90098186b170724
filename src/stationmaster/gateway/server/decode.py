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

    reader = zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024).stream_reader(body)  # RFC 9659
    pieces, size = [], 0
    try:
        while piece := reader.read(_PIECE):   # bounded, whatever a frame says of itself
            pieces.append(piece)
            size += len(piece)
            if size > cap:
                raise Refused(faults.BODY_TOO_LARGE)
    except zstandard.ZstdError:
        raise Refused(faults.BAD_ENCODING) from None
    plain = b"".join(pieces)
    if not _zstd_whole(body):
        raise Refused(faults.BAD_ENCODING)
    return plain


def _zstd_whole(body: bytes) -> bool:
    """Whether the body is one frame and nothing else. The blocks' headers are walked (RFC 8878 3.1.1.2)."""
    import zstandard

    try:
        parameters = zstandard.get_frame_parameters(body)
        at = zstandard.frame_header_size(body)
    except zstandard.ZstdError:
        return False
    last = False
    while not last and at + 3 <= len(body):
        header = int.from_bytes(body[at : at + 3], "little")
        last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
        at += 3 + (1 if kind == 1 else size)
    return last and at + (4 if parameters.has_checksum else 0) == len(body)
