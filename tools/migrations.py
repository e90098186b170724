"""Writes what changed in the models as migrations: `make migrations`. With `--check` it only says whether any is missing."""

import sys
import tempfile
from pathlib import Path

from django.core.management import call_command

from stationmaster.store.config import StoreConfig, configure
from stationmaster.vault.keyring import generate


def main() -> None:
    """Compare models and migrations; databases are not asked."""
    with tempfile.TemporaryDirectory() as folder:
        configure(StoreConfig(Path(folder), generate()))
        call_command("makemigrations", check_changes="--check" in sys.argv, dry_run="--check" in sys.argv)


if __name__ == "__main__":
    main()
