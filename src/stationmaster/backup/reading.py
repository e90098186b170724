"""Reading a backup. Owns: that a file is checked to its last byte before anything of it is used."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from stationmaster.backup import locking
from stationmaster.backup.locking import Keys
from stationmaster.errors import Invalid, StationmasterError
from stationmaster.vault import keyring

FORMAT: Final = 1
# Of the gateway that runs beside the control plane: what budgets have spent, in whose name, and whose files are whose.
STATE: Final = ("gateway/spent.json", "gateway/spent.json.cluster", "gateway/spent.json.owners")
RING: Final = keyring.FILE_NAME
SETTINGS: Final = "stationmaster.toml"
_SAID: Final = frozenset({"format", "made_at", "revision", "audit", "migrations"})      # at the beginning of each


@dataclass(frozen=True)
class Contents:
    """What is in a backup: where it is from, the files, how many rows each table has."""

    begin: dict[str, Any]
    files: dict[str, str] = field(repr=False)
    counts: dict[str, int]

    def shown(self) -> dict[str, Any]:
        """What people are told of it."""
        names = ("program", "made_at", "engine", "revision", "master_key", "audit")
        return {**{name: self.begin.get(name) for name in names}, "files": sorted(self.files), "rows": sum(self.counts.values())}


def check(file: Path, keys: Keys) -> Contents:
    """Read all of it, and keep what is not rows. Raises `StationmasterError` for a file that is not whole or says what none
    says."""
    try:
        return _checked(file, keys)
    except (KeyError, TypeError, ValueError):
        raise locking.broken() from None


def _checked(file: Path, keys: Keys) -> Contents:
    begin: dict[str, Any] = {}
    files: dict[str, str] = {}
    counts: dict[str, int] = {}
    told: dict[str, int] | None = None
    table = ""
    for line in lines(file, keys):
        if told is not None:
            raise locking.broken()
        if "rows" in line:
            counts[table] += len(line["rows"])
        elif "table" in line:
            table = line["table"]
            counts[table] = 0
        elif "file" in line:
            files[line["file"]] = line["text"]
        elif "begin" in line:
            begin = line["begin"]
        else:
            told = line["end"]
    if not begin or told != counts:
        raise locking.broken()
    if begin["format"] != FORMAT:
        message = "the backup was written by a newer Stationmaster"
        raise Invalid("error.backup.newer", message, hint="restore it with that version")
    if not begin.keys() >= _SAID:
        raise locking.broken()
    return Contents(begin, files, counts)


def lines(file: Path, keys: Keys) -> Iterator[dict[str, Any]]:
    """Its lines, one at a time. Raises `StationmasterError`."""
    try:
        with file.open("rb") as stream:
            held = b""
            for part in locking.read(stream, keys):
                *whole, held = (held + part).split(b"\n")
                yield from map(_line, whole)
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror or type(error).__name__}"
        raise StationmasterError("error.backup.unreadable", message, hint="name a file that you may read") from None
    if held:
        raise locking.broken()


def _line(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise locking.broken() from None
    if not isinstance(found, dict):
        raise locking.broken()
    return found
