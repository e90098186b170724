"""Whose ids are whose, kept in a file over a restart. Owns the file, beside the state file: blocks of entries, each
behind its length, written on as ids pass and anew when it has grown to twice what is known.

Ids stand in it as digests, organisations, credentials, tenants and keys by name: no secret.
"""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from stationmaster.errors import StationmasterError
from stationmaster.gateway.core.owners import MAX_OWNERS, Entry

_LENGTH = 4                # bytes before each block
_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(list[Entry]).decode


class Deeds:
    """The file, or nothing when there is no state file. `known` gives all entries that still matter."""

    def __init__(self, state_file: str) -> None:
        self._path = Path(f"{state_file}.owners") if state_file else None
        self._fresh: list[Entry] = []      # not yet written
        self._written = 0                  # entries in the file
        self._anew = True                  # what stands there cannot be written on: not ours yet, or torn
        self._news = False                 # there is something to write then

    def load(self) -> list[Entry]:
        """What was known, oldest first. What a crash left half is left out, and so is anything behind it. Raises
        StationmasterError when the file cannot be read."""
        if self._path is None or not self._path.exists():
            return []
        try:
            return _read(self._path.read_bytes())
        except OSError as error:
            raise StationmasterError(
                "error.gateway.state", f"Cannot read {self._path}: {error.strerror}.",
                hint="Mend its rights, or move it away: then what was made before is known to nobody.",
            ) from error

    def add(self, entries: tuple[Entry, ...]) -> None:
        """Ids that passed."""
        if self._path is None or not entries:
            return
        self._news = True
        if not self._anew:
            self._fresh += entries

    def save(self, known: Callable[[], tuple[Entry, ...]]) -> None:
        """Write what is new. Raises StationmasterError when that cannot be: then all of it is written next time."""
        if self._path is None or not self._news:
            return
        fresh, self._fresh = self._fresh, []
        try:
            if self._anew or self._written + len(fresh) > 2 * MAX_OWNERS:
                self._write_anew(self._path, known())
            else:
                self._append(self._path, fresh)
        except OSError as error:
            self._anew = True
            raise StationmasterError("error.gateway.state", f"Cannot write {self._path}: {error.strerror}.") from error
        self._anew = self._news = False

    def _append(self, path: Path, entries: list[Entry]) -> None:
        with path.open("ab") as file:
            file.write(_block(entries))
        self._written += len(entries)

    def _write_anew(self, path: Path, entries: tuple[Entry, ...]) -> None:
        fresh = path.with_name(path.name + ".new")
        with fresh.open("wb") as file:
            file.write(_block(list(entries)))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        self._written = len(entries)


def _block(entries: list[Entry]) -> bytes:
    packed = _encode(entries)
    return len(packed).to_bytes(_LENGTH, "big") + packed


def _read(data: bytes) -> list[Entry]:
    found: list[Entry] = []
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + _LENGTH], "big")
        block = data[at + _LENGTH : at + _LENGTH + size]
        try:
            found += _decode(block)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            break
        at += _LENGTH + size
    return found
