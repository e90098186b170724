"""A process that makes one change after another, as the control plane does, for tests that break its disk: each is tried again
while the disk refuses it. What it prints is what it was told was done, and what it was refused.

    python -m chaos.store.changing FOLDER CHANGES NAME
"""

import os
import sys
from pathlib import Path

from django.db import DatabaseError, connection

TRIES = 20


def main(folder: str, changes: int, called: str) -> None:
    """Open the store as every process does, and do it."""
    from stationmaster.store.config import StoreConfig, configure
    from stationmaster.vault import keyring

    configure(StoreConfig(Path(folder), keyring.load(Path(folder), {}), os.environ["STATIONMASTER_TEST_DATABASE"]))
    for number in range(changes):
        for _ in range(TRIES):
            try:
                _change(f"{called}-{number}")
            except DatabaseError as error:
                print("refused", getattr(error.__cause__, "sqlite_errorname", type(error).__name__), flush=True)
                if connection.in_atomic_block:
                    raise
                continue
            print("done", f"{called}-{number}", flush=True)
            break


def _change(name: str) -> None:
    """Make a credential, unless a try whose commit was refused made it after all."""
    from controlkit import ADMIN, a_credential
    from stationmaster.credentials.models import Credential
    from stationmaster.credentials.services import create_credential

    if not Credential.objects.filter(name=name).exists():
        create_credential(ADMIN, a_credential(name))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
