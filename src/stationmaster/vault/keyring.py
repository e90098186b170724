"""The master keys. Owns: where they come from, their ids, the keys derived from them for each purpose.

A ring has one active key, which seals, and any number of older ones, which only open. Keys come from
`STATIONMASTER_MASTER_KEY`, from the file that `STATIONMASTER_MASTER_KEY_FILE` names, or from `master.keys` in
the data folder, which is made at the first run. The text is one key a line (or with commas between), 32 bytes in
base64, the active one first; blank lines and lines that begin with # count for nothing.
"""

import base64
import binascii
import os
import secrets
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from stationmaster.errors import StationmasterError

VARIABLE = "STATIONMASTER_MASTER_KEY"
FILE_NAME = "master.keys"
KEY_BYTES = 32
_HEADER = "# Stationmaster's master keys, the active one first. Keep a copy elsewhere: without it no stored secret opens.\n"


class KeyRingError(StationmasterError):
    """Master keys that cannot be had."""


class UnknownKey(KeyRingError):
    """Something is sealed with a master key that the ring does not hold."""


@dataclass(frozen=True, repr=False)
class KeyRing:
    """Master keys, the active one first. `source` says where they came from: `environment`, or a file's path.
    `writable`: whether the file is ours to write, so that a new key can be added."""

    keys: tuple[bytes, ...]
    source: str = "memory"
    writable: bool = False
    _derived: dict[tuple[str, str], bytes] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if not self.keys or any(len(key) != KEY_BYTES for key in self.keys):
            _refuse("error.vault.bad_key", f"a master key has {KEY_BYTES} bytes, and there is at least one", self.source)
        if len(set(self.keys)) < len(self.keys):
            _refuse("error.vault.bad_key", "one master key is given twice", self.source)

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self.ids)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key ring is not copied out of its process")

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The keys' ids, in order; an id follows from its key and gives nothing of it away."""
        return tuple(map(id_of, self.keys))

    @property
    def active(self) -> str:
        """The id of the key that seals."""
        return self.ids[0]

    def subkey(self, purpose: str, key_id: str = "") -> bytes:
        """The 32-byte key for `purpose`, of the active key or of the one named. Raises `UnknownKey`."""
        wanted = key_id or self.active
        if (wanted, purpose) not in self._derived:
            self._derived[wanted, purpose] = derive(self._key(wanted), purpose)
        return self._derived[wanted, purpose]

    def with_new(self) -> "KeyRing":
        """The same ring with a new active key in front."""
        return KeyRing((secrets.token_bytes(KEY_BYTES), *self.keys), self.source, self.writable)

    def activated(self, key_id: str) -> "KeyRing":
        """The same ring with the named key as the active one. Raises `UnknownKey`."""
        first = self._key(key_id)
        return KeyRing((first, *(key for key in self.keys if key != first)), self.source, self.writable)

    def without(self, key_id: str) -> "KeyRing":
        """The same ring less one key, which is not the active one. Raises `KeyRingError`."""
        self._key(key_id)
        if key_id == self.active:
            raise KeyRingError("error.vault.active_key", f"{key_id} is the active master key", hint="rotate first", status=409)
        return KeyRing(tuple(key for key in self.keys if id_of(key) != key_id), self.source, self.writable)

    def _key(self, key_id: str) -> bytes:
        for key in self.keys:
            if id_of(key) == key_id:
                return key
        raise UnknownKey(
            "error.vault.unknown_key", f"the master key {key_id} is not in the key ring ({self.source})",
            hint="put the key back from its copy", fault="operator",
        )


def derive(key: bytes, purpose: str) -> bytes:
    """A 32-byte key for one purpose by HKDF-SHA256 (RFC 5869)."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"stationmaster/1/" + purpose.encode()).derive(key)


def id_of(key: bytes) -> str:
    """A key's id: `mk_` and 12 hex digits derived from it."""
    return f"mk_{derive(key, 'key id')[:6].hex()}"


def generate() -> KeyRing:
    """A ring of one new key."""
    return KeyRing((secrets.token_bytes(KEY_BYTES),))


def load(folder: Path, environ: Mapping[str, str]) -> KeyRing:
    """The ring of this installation; the file in `folder` is made when there is none. Raises `KeyRingError`.

    A ring that others may read is refused: whoever copied it can open every stored secret for good.
    """
    if text := environ.get(VARIABLE):
        return parse(text, "environment")
    if path := environ.get(f"{VARIABLE}_FILE"):
        return read(Path(path), private=False)
    own = folder / FILE_NAME
    if not own.exists():
        return _first(own)
    return read(own)


def parse(text: str, source: str, *, writable: bool = False) -> KeyRing:
    """Read the text of a ring. Raises `KeyRingError`, which repeats nothing of it."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    words = (word.strip() for line in lines for word in line.split(","))
    return KeyRing(tuple(_key(word, source) for word in words if word), source, writable)


def read(path: Path, *, private: bool = True) -> KeyRing:
    """Read a ring's file; a `private` one must be its owner's alone, others have their mode from whoever mounts them."""
    try:
        mode, text = stat.S_IMODE(path.stat().st_mode), path.read_text("ascii")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not text"
        raise KeyRingError("error.vault.unreadable", f"cannot read the key ring {path}: {why}", fault="operator") from None
    if private and mode & 0o077:
        hint = f"chmod 600 {path}; if others use this machine, rotate the master key"
        raise KeyRingError("error.vault.open_to_others", f"others may read the key ring {path}", hint=hint, fault="operator")
    return parse(text, str(path), writable=private)


def text_of(ring: KeyRing) -> str:
    """The ring as its file has it."""
    return _HEADER + "".join(base64.b64encode(key).decode() + "\n" for key in ring.keys)


def write(ring: KeyRing, path: Path) -> None:
    """Put `ring` into the file at `path`, 0600, in one step: a crash leaves the old file or the new one."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".master-")
    try:
        _fill(descriptor, ring)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _first(path: Path) -> KeyRing:
    """Make the file; where another process was faster, its ring counts."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".master-")
    try:
        _fill(descriptor, generate())
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        Path(temporary).unlink(missing_ok=True)
    _sync_folder(path.parent)
    return read(path)


def _fill(descriptor: int, ring: KeyRing) -> None:
    with os.fdopen(descriptor, "w") as file:
        file.write(text_of(ring))
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _key(word: str, source: str) -> bytes:
    try:
        return base64.b64decode(word, validate=True)
    except (binascii.Error, ValueError):
        _refuse("error.vault.bad_key", "a master key is not base64", source)


def _refuse(code: str, message: str, source: str) -> NoReturn:
    hint = "make one: head -c 32 /dev/urandom | base64"
    raise KeyRingError(code, f"{message} ({source})", hint=hint, fault="operator") from None
