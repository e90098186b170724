"""Imports at size and through crashes: little memory, every row once."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import Error, connections

from controlkit import ADMIN
from databases import RING
from jobs.harness import WorkerProcess, ended
from people.kit import upload
from stationmaster.audit.services import verify
from stationmaster.people import imports
from stationmaster.people.models import Membership, Person
from stationmaster.store.actor import Actor
from stationmaster.vault import keyring

SOAK = bool(os.environ.get("SOAK"))
ROWS = 1_000_000 if SOAK else 20_000
CRASHED = 60_000 if SOAK else 3_000
KILLS = 60 if SOAK else 6
MEMORY = 64 << 20
TESTS = Path(__file__).parents[1]


@pytest.mark.timeout(10_800 if SOAK else 900)
def test_a_large_file_takes_little_memory(database: str) -> None:
    """At most 64 MiB above what a small one takes, whatever the number of its rows; each row is imported."""
    if database == "postgresql" and not SOAK:
        pytest.skip("the process that imports is the same; SOAK=1 runs it")
    data = Path(settings.STATIONMASTER_DATA)
    keyring.write(RING, data / "master.keys")
    connections.close_all()
    done = subprocess.run(
        [sys.executable, "-m", "people.big_import", str(ROWS), str(data)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    came = json.loads(done.stdout)
    assert (came["rows"], came["created"], came["errors"]) == (ROWS, ROWS, 0)
    assert came["above"] <= MEMORY, came
    assert Person.objects.count() == ROWS + 500


@pytest.mark.timeout(7_200 if SOAK else 300)
def test_workers_that_are_killed_import_every_row_once(database: str) -> None:
    """kill -9 at random moments: at the end every person is there once, in their group, and the counts are those of the file."""
    text = "mail,groups\n" + "".join(f"p{each}@example.com,g{each % 7}\n" for each in range(CRASHED))
    which = upload(text, Actor("cli", "root", "admin"))
    imports.preview(ADMIN, which, {})
    job = imports.start(ADMIN, which)["job"]
    chance, killed = random.Random(5), 0
    while not _ended(job):
        worker = WorkerProcess([], attempts=KILLS + 10).wait_ready()      # a busy machine may get nothing done between two kills
        if killed < KILLS:
            time.sleep(chance.uniform(0.0, 0.8))
            worker.kill()
            killed += 1
            continue
        while not _ended(job):
            time.sleep(0.1)
        worker.kill()
    of = imports.get_import(ADMIN, which)
    assert (of["state"], of["rows"], of["created"], of["unchanged"]) == ("done", CRASHED, CRASHED, 0)
    assert (Person.objects.count(), Membership.objects.count()) == (CRASHED, CRASHED)
    assert killed >= KILLS // 2      # a quick machine may be done before the last
    assert verify(ADMIN).ok


def _ended(job: str) -> bool:
    try:
        return ended(job)
    except Error:
        connections.close_all()
        return False
