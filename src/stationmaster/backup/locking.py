"""The file's outside: a head in clear, then sealed pieces. Owns: that a file that was cut, changed or put together of two is
refused, in constant memory.

Pieces are AES-256-GCM in the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and
its Nonce-Reuse Misuse-Resistance", 2015): a piece's nonce is its number and whether it is the last, so that none can be left
out, moved or added. The key is of this file alone: HKDF-SHA256 (RFC 5869), salted by the head, over a master key's subkey or
over what scrypt (RFC 7914) makes of a passphrase. The head is bound to each piece as associated data.
"""

import base64
import binascii
import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from stationmaster.errors import Invalid, StationmasterError
from stationmaster.vault.keyring import KEY_BYTES, KeyRing

MAGIC: Final = b"stationmaster backup 1\n"
PIECE: Final = 1 << 20               # bytes of plain text in a piece
MIN_PASSPHRASE: Final = 12           # characters
_MAX_HEAD: Final = 4096
_TAG: Final = 16
_SCRYPT: Final = {"n": 1 << 17, "r": 8, "p": 1}      # 128 MiB; a file that asks for other costs is none of ours
_PURPOSE: Final = "backup"


@dataclass(frozen=True, repr=False)
class Keys:
    """What opens a file: a passphrase, or the key ring (each may be missing)."""

    passphrase: str = ""
    ring: KeyRing | None = field(default=None)

    def __post_init__(self) -> None:
        if self.passphrase and len(self.passphrase) < MIN_PASSPHRASE:
            message = f"a passphrase has at least {MIN_PASSPHRASE} characters"
            raise Invalid("error.backup.passphrase", message, hint="make one: head -c 32 /dev/urandom | base64")


class Writer:
    """Writes a file; what is written to it is compressed and sealed. `close` ends it: without, it is not whole."""

    def __init__(self, stream: BinaryIO, keys: Keys) -> None:
        head = _head(keys)
        self._stream, self._number, self._held = stream, 0, bytearray()
        self._cipher, self._bound = _cipher(head, keys), _bound(head)
        self._packer = zlib.compressobj(6)
        stream.write(MAGIC + head)

    def write(self, data: bytes) -> None:
        """Add `data`."""
        self._add(self._packer.compress(data))

    def close(self) -> None:
        """Write the last piece."""
        self._add(self._packer.flush())
        self._seal(bytes(self._held), last=True)

    def _add(self, data: bytes) -> None:
        self._held += data
        while len(self._held) > PIECE:
            self._seal(bytes(self._held[:PIECE]), last=False)
            del self._held[:PIECE]

    def _seal(self, data: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._number, last=last), data, self._bound)
        self._stream.write(len(sealed).to_bytes(4, "big") + sealed)
        self._number += 1


def read(stream: BinaryIO, keys: Keys) -> Iterator[bytes]:
    """What was written, bit by bit, a MiB at most at a time. Raises `StationmasterError` for a file that is not whole, was
    changed, or that these keys do not open: maybe only after much of it was read."""
    head = _read_head(stream)
    cipher, bound = _cipher(head, keys), _bound(head)
    unpacker = zlib.decompressobj()
    for number, (sealed, last) in enumerate(_pieces(stream)):
        packed = _opened(cipher, bound, number, sealed, last=last)
        while packed:
            yield unpacker.decompress(packed, PIECE)
            packed = unpacker.unconsumed_tail
    while rest := unpacker.decompress(b"", PIECE):
        yield rest
    if not unpacker.eof:
        raise broken()


def about(stream: BinaryIO) -> dict[str, Any]:
    """The head of a file, which anybody may read: `key` (`passphrase` or `master`), `master_key` (its id). Raises
    `StationmasterError`."""
    return _parsed(_read_head(stream))


def broken() -> StationmasterError:
    """What is said of a file that is not what was written."""
    message = "the backup is damaged: it was cut off or changed, or the key is not its own"
    return Invalid("error.backup.broken", message, hint="take another copy of it, or another backup")


def _head(keys: Keys) -> bytes:
    salt = base64.b64encode(os.urandom(32)).decode()
    if keys.passphrase:
        head: dict[str, Any] = {"key": "passphrase", "salt": salt, "scrypt": _SCRYPT}
    else:
        head = {"key": "master", "salt": salt, "master_key": _ring(keys).active}
    return json.dumps(head).encode() + b"\n"


def _read_head(stream: BinaryIO) -> bytes:
    begins = stream.read(len(MAGIC))
    if begins != MAGIC:
        newer = begins.startswith(MAGIC[:-2])
        message = "the backup was written by a newer Stationmaster" if newer else "this is no backup of Stationmaster"
        raise Invalid("error.backup.not_one", message, hint="name a file that `stationmaster backup` wrote")
    return stream.readline(_MAX_HEAD)


def _parsed(head: bytes) -> dict[str, Any]:
    try:
        found = json.loads(head)
        base64.b64decode(found["salt"], validate=True)
        known = found["key"] == "master" or (found["key"] == "passphrase" and found["scrypt"] == _SCRYPT)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        known = False
    if not known:
        raise broken()
    return dict(found)


def _cipher(head: bytes, keys: Keys) -> AESGCM:
    found = _parsed(head)
    salt = base64.b64decode(found["salt"])
    if found["key"] == "passphrase":
        if not keys.passphrase:
            raise _needs("the backup was locked with a passphrase", "name its file with --passphrase-file")
        secret = Scrypt(salt=salt, length=KEY_BYTES, **_SCRYPT).derive(keys.passphrase.encode())
    else:
        secret = _ring(keys).subkey(_PURPOSE, str(found.get("master_key")))
    return AESGCM(HKDF(SHA256(), KEY_BYTES, salt=salt, info=b"stationmaster/1/backup file").derive(secret))


def _ring(keys: Keys) -> KeyRing:
    if keys.ring is None:
        hint = "put the ring of that time into the data folder as master.keys, or give it as vault.master_key"
        raise _needs("the backup was locked with a master key, and there is no key ring here", hint)
    return keys.ring


def _needs(message: str, hint: str) -> StationmasterError:
    return Invalid("error.backup.key_needed", message, hint=hint)


def _pieces(stream: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Sealed pieces, and whether each is the file's last."""
    size = stream.read(4)
    while size:
        length = int.from_bytes(size, "big")
        if len(size) < 4 or not _TAG <= length <= PIECE + _TAG:
            raise broken()
        sealed = stream.read(length)
        if len(sealed) < length:
            raise broken()
        size = stream.read(4)
        yield sealed, not size


def _opened(cipher: AESGCM, bound: bytes, number: int, sealed: bytes, *, last: bool) -> bytes:
    try:
        return cipher.decrypt(_nonce(number, last=last), sealed, bound)
    except (InvalidTag, ValueError):
        raise broken() from None


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _bound(head: bytes) -> bytes:
    return hashlib.sha256(MAGIC + head).digest()


