"""The last configuration, kept on disk: for starts at which nobody answers. Owns the file: sealed with AES-256-GCM
under a key that HKDF-SHA256 (RFC 5869) derives from the gateway token, mode 0600.

    magic | salt | { length | nonce | sealed update } …

The first update is a whole one, the others follow it; each is bound to its place. A file that was edited, mixed from
others or sealed with another token is refused. One whose last update was not written to its end is used without it.
Not found out: that somebody put back an older copy of the whole file; the control plane's answer corrects that.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from stationmaster.errors import StationmasterError
from stationmaster.gateway.core.records import BadUpdate, Configuration, Records, Update, apply, whole
from stationmaster.gateway.link.frames import pack, unpack

_MAGIC = b"stationmaster snapshot 1\n"
_SALT, _NONCE = 32, 12
_LENGTH = struct.Struct("!I")
_PLACE = struct.Struct("!Q")
MOST_UPDATES = 1000        # behind the whole one; then the file is written anew
MOST_GROWTH = 4            # as is one that has become so many times as large


class Cache:
    """The file. `load` what is in it, `keep` what came; `become` another token's."""

    def __init__(self, path: Path, token: str) -> None:
        self._path = path
        self._token = token
        self._salt = b""
        self._places = 0           # updates in the file; 0: it has to be written anew
        self._whole_size = self._size = 0

    def load(self) -> Configuration | None:
        """What is kept; None: nothing yet. Raises StationmasterError when it cannot be opened or used."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _refused(f"{self._path} cannot be read: {error.strerror}") from error
        try:
            return self._open(data)
        except InvalidTag:
            raise _refused(f"{self._path} was sealed with another token, or edited") from None
        except (BadUpdate, ValueError) as error:
            raise _refused(f"{self._path} holds no configuration: {error}") from None

    def _open(self, data: bytes) -> Configuration | None:
        if not data.startswith(_MAGIC) or len(data) < len(_MAGIC) + _SALT:
            raise BadUpdate("it does not begin like one")
        self._salt, at = data[len(_MAGIC) : len(_MAGIC) + _SALT], len(_MAGIC) + _SALT
        key, found, places = self._key(), Configuration(0, Records()), 0
        while at + _LENGTH.size <= len(data):
            end = at + _LENGTH.size + _LENGTH.unpack_from(data, at)[0]
            if end > len(data):
                break
            nonce, sealed = data[at + _LENGTH.size :][:_NONCE], data[at + _LENGTH.size + _NONCE : end]
            update = unpack(key.decrypt(nonce, sealed, self._bound(places)))
            if update.base not in (None, found.revision):
                raise BadUpdate("its updates do not follow each other")
            found = Configuration(update.revision, apply(found.records, update))
            at, places = end, places + 1
        if not places:
            raise BadUpdate("it ends before the first update")
        return found

    def keep(self, update: Update, now: Configuration) -> None:
        """Keep that `update` made it `now`. Raises OSError; then the file is as it was, and is written anew next time."""
        follows = 0 < self._places <= MOST_UPDATES and self._size < MOST_GROWTH * self._whole_size + (1 << 20)
        places, self._places = self._places, 0
        if update.base is None or not follows:
            self._write(whole(now.records, now.revision))
        else:
            self._append(update, places)
            self._places = places + 1

    def _write(self, update: Update) -> None:
        self._salt = os.urandom(_SALT)
        sealed = self._seal(update, 0)
        draft = self._path.with_name(f"{self._path.name}.new")
        with _opened(draft, os.O_TRUNC) as file:
            file.write(_MAGIC + self._salt + sealed)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        self._places, self._whole_size, self._size = 1, len(sealed), len(sealed)

    def _append(self, update: Update, place: int) -> None:
        sealed = self._seal(update, place)
        with _opened(self._path, os.O_APPEND) as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        self._size += len(sealed)

    def _seal(self, update: Update, place: int) -> bytes:
        nonce = os.urandom(_NONCE)
        sealed = self._key().encrypt(nonce, b"".join(pack(update)), self._bound(place))
        return _LENGTH.pack(len(nonce) + len(sealed)) + nonce + sealed

    def _bound(self, place: int) -> bytes:
        return _MAGIC + self._salt + _PLACE.pack(place)

    def _key(self) -> AESGCM:
        derive = HKDF(SHA256(), 32, salt=self._salt, info=b"stationmaster gateway snapshot")
        return AESGCM(derive.derive(self._token.encode()))

    def become(self, token: str, now: Configuration | None) -> None:
        """Go by another token from now on; what is kept is sealed anew. Raises OSError."""
        self._token, self._places = token, 0
        if now is not None:
            self._write(whole(now.records, now.revision))


def _opened(path: Path, how: int) -> BinaryIO:
    """A file that only we may read, for writing."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | how, 0o600), "wb")


def _refused(message: str) -> StationmasterError:
    return StationmasterError(
        "error.gateway.kept_snapshot", f"The kept configuration cannot be used: {message}.",
        hint="Give the token that it was kept with, or remove the file: the control plane sends another.", fault="operator",
    )
