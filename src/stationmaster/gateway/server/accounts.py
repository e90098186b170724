"""What keys spent, kept in a file over a restart. Owns the file: JSON, replaced whole, so that it is never half."""

import os
from pathlib import Path

import msgspec

from stationmaster.errors import StationmasterError
from stationmaster.gateway.core.spend import Spent


class Accounts:
    """The file, or nothing when none is configured."""

    def __init__(self, path: str) -> None:
        self._path = Path(path) if path else None
        self._written = b""

    def load(self) -> dict[str, Spent]:
        """What was spent, by key; nothing when there is no file yet. Raises StationmasterError on one that cannot be
        read or used: starting at nothing would give every budget anew."""
        if self._path is None or not self._path.exists():
            self.save({})
            return {}
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Spent])
        except (OSError, msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise StationmasterError(
                "error.gateway.state", f"Cannot use the state file {self._path}: {_why(error)}.",
                hint="Mend it, or move it away to let every budget begin anew.",
            ) from error

    def save(self, spent: dict[str, Spent]) -> None:
        """Keep it. Raises StationmasterError when the file cannot be written."""
        text = msgspec.json.encode(spent)
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
