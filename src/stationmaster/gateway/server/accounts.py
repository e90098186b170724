"""What keys spent, kept in a file over a restart. Owns the file: JSON, replaced whole, so that it is never half. And
beside it what is known of a cluster's other gateways.
"""

import os
import secrets
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from stationmaster.errors import StationmasterError
from stationmaster.gateway.core.cluster import Books
from stationmaster.gateway.core.spend import Spent

T = TypeVar("T")


class Accounts:
    """The file, or nothing when none is configured."""

    def __init__(self, path: str) -> None:
        self._file = _File(path)

    def load(self) -> dict[str, Spent]:
        """What was spent, by key; nothing when there is no file yet. Raises StationmasterError on one that cannot be
        read or used: starting at nothing would give every budget anew."""
        found = self._file.load(dict[str, Spent])
        if found is None:
            self.save({})
        return found or {}

    def save(self, spent: dict[str, Spent]) -> None:
        """Keep it. Raises StationmasterError when the file cannot be written."""
        self._file.save(spent)


class Known(msgspec.Struct):
    """What a gateway keeps of its cluster: its own name there, how many gateways there were, what the others had spent."""

    name: str
    gateways: int = 1
    spent: Books = {}


class Acquaintances:
    """`<state_file>.cluster`; without a state file, nothing, and the gateway has another name at each start."""

    def __init__(self, state_file: str) -> None:
        self._file = _File(f"{state_file}.cluster" if state_file else "")
        self.is_new = False        # nothing was known when it was loaded

    def load(self) -> Known:
        """What was known; a new name when nothing was. Raises StationmasterError on a file that cannot be used."""
        found = self._file.load(Known)
        self.is_new = found is None
        return found or Known(secrets.token_hex(8))

    def save(self, known: Known) -> None:
        """Keep it. Raises StationmasterError when the file cannot be written."""
        self._file.save(known)


class _File:
    """A file of JSON. `path`: empty for none."""

    def __init__(self, path: str) -> None:
        self._path = Path(path) if path else None
        self._written = b""

    def load(self, kind: type[T]) -> T | None:
        """What it holds; None: there is none. Raises StationmasterError."""
        if self._path is None or not self._path.exists():
            return None
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=kind)
        except (OSError, msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise StationmasterError(
                "error.gateway.state", f"Cannot use the state file {self._path}: {_why(error)}.",
                hint="Mend it, or move it away to let every budget begin anew.",
            ) from error

    def save(self, what: Any) -> None:
        """Replace it, unless it holds that already. Raises StationmasterError."""
        text = msgspec.json.encode(what)
        if self._path is None or text == self._written:
            return
        fresh = self._path.with_name(self._path.name + ".new")
        try:
            with fresh.open("wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise StationmasterError(
                "error.gateway.state", f"Cannot write the state file {self._path}: {error.strerror}.",
                hint="Name a file in a folder that exists and may be written to.",
            ) from error
        self._written = text


def _why(error: Exception) -> str:
    """In words; an error of JSON's would show what stands in the file."""
    if isinstance(error, OSError):
        return error.strerror or "it cannot be read"
    return "it holds something else than spending by key" if isinstance(error, msgspec.ValidationError) else "it is not JSON"
