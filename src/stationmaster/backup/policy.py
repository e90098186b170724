"""Rules for backups that are made by themselves. Owns: that value, how settings make it, and where the process takes it from."""

import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from stationmaster.asked import Asked
from stationmaster.settings import Settings
from stationmaster.settings.load import find_file


@dataclass(frozen=True)
class BackupPolicy:
    """The rules. `folder`: where they lie (None: none are made); `every`: from one to the next; `keep`: how many stay;
    `passphrase`: what locks them (empty: the key ring); `data`, `settings`: what goes in beside the database."""

    folder: Path | None = None
    every: timedelta = timedelta(hours=24)
    keep: int = 14
    passphrase: str = field(default="", repr=False)
    data: Path = Path()
    settings: Path | None = None


policy = Asked(BackupPolicy)
use = policy.use


def policy_of(settings: Settings) -> BackupPolicy:
    """The rules, by these settings."""
    told = settings.backup
    return BackupPolicy(
        told.folder, timedelta(hours=told.every_hours), told.keep, told.passphrase.get_secret_value(), settings.folder,
        find_file(os.environ, Path.cwd(), settings.folder),
    )  # fmt: skip
