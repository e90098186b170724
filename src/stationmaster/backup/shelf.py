"""The folder in which backups lie that were made by themselves. Owns: their names, and which of them go.

May not know what is in one, nor Django: `doctor` and `backup list` look where there is no database.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from stationmaster.backup import locking
from stationmaster.errors import Conflict, StationmasterError

_FORM: Final = "stationmaster-scheduled-%Y%m%dT%H%M%SZ.backup"
_NAME: Final = re.compile(r"stationmaster-scheduled-\d{8}T\d{6}Z\.backup")


@dataclass(frozen=True)
class Kept:
    """One of them: the file, and when it was begun."""

    file: Path
    at: datetime

    def shown(self) -> dict[str, Any]:
        """What people are told of it. `key`: `passphrase`, the id of a master key, or empty when it cannot be read."""
        return {"file": str(self.file), "made_at": self.at.isoformat(), "bytes": self.file.stat().st_size, "key": _key(self.file)}


def named(folder: Path | None) -> Path:
    """The folder that settings name. Raises `Conflict` where they name none."""
    if folder is None:
        message = "no folder is set for backups where this runs"
        raise Conflict("error.backup.no_folder", message, hint="set backup.folder for the control plane and for each worker")
    return folder


def name_at(at: datetime) -> str:
    """What one that is begun at that time is called."""
    return at.astimezone(UTC).strftime(_FORM)


def kept(folder: Path) -> list[Kept]:
    """Those that are there, the newest first; files that people put beside them are none. Raises `StationmasterError`."""
    try:
        names = sorted((each.name for each in folder.iterdir() if _NAME.fullmatch(each.name)), reverse=True)
    except OSError as error:
        message = f"{folder} cannot be read: {error.strerror or type(error).__name__}"
        hint = "backup.folder names a folder that is there, and that this account may read and write"
        raise StationmasterError("error.backup.unreadable", message, hint=hint, fault="operator") from None
    return [Kept(folder / name, datetime.strptime(name, _FORM).replace(tzinfo=UTC)) for name in names]


def too_many(files: Sequence[Kept], keep: int) -> list[Kept]:
    """Those of them, the newest first, that are more than are kept."""
    return list(files[keep:])


def begun(folder: Path) -> list[Path]:
    """What was begun in the folder and never ended."""
    return list(folder.glob(".stationmaster-scheduled-*"))


def _key(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            head = locking.about(stream)
    except (OSError, StationmasterError):
        return ""
    return str(head.get("master_key") or head["key"])
