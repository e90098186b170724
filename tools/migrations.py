"""Writes what changed in the models as migrations: `make migrations`. With `--check` it only says whether any is missing."""

import argparse
import tempfile
from pathlib import Path

from django.core.management import call_command

from stationmaster.store.config import StoreConfig, configure
from stationmaster.vault.keyring import generate


def main(*, check: bool = False) -> None:
    """Compare models and migrations; databases are not asked."""
    with tempfile.TemporaryDirectory() as folder:
        configure(StoreConfig(Path(folder), generate()))
        call_command("makemigrations", check_changes=check, dry_run=check)


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--check", action="store_true", help="write nothing; fail where something would be written")
    main(check=asked.parse_args().check)
