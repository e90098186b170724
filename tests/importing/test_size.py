"""Imports at size: little memory, whatever the file has."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections

from databases import RING
from stationmaster.people.models import Person
from stationmaster.vault import keyring

SOAK = bool(os.environ.get("SOAK"))
ACCOUNTS = 9_500 if SOAK else 700      # of a hundred kilobytes each; a file has at most a gibibyte
MEMORY = 64 << 20
TESTS = Path(__file__).parents[1]


@pytest.mark.timeout(10_800 if SOAK else 900)
def test_a_large_file_takes_little_memory(database: str) -> None:
    """Seventy megabytes, with SOAK a gigabyte: at most 64 MiB above what a small one takes, and each account comes in."""
    if database == "postgresql" and not SOAK:
        pytest.skip("the process that imports is the same; SOAK=1 runs it")
    data = Path(settings.STATIONMASTER_DATA)
    keyring.write(RING, data / "master.keys")
    connections.close_all()
    done = subprocess.run(
        [sys.executable, "-m", "importing.big", str(ACCOUNTS), str(data)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    came = json.loads(done.stdout)
    assert came["size"] > ACCOUNTS * 90_000
    assert (came["records"], came["created"], came["errors"]) == (ACCOUNTS + 1, ACCOUNTS, 0)      # the team was there
    assert came["secrets"] == ACCOUNTS
    assert came["above"] <= MEMORY, came
    assert Person.objects.count() == ACCOUNTS + 20
