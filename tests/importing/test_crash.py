"""Imports through crashes: workers that are killed bring in every record once, and nothing of the file stays behind."""

import json
import os
import random
import time

import pytest
from django.db import Error, connections

from controlkit import ADMIN
from importing.kit import CANARIES, everything_stored, upload
from jobs.harness import WorkerProcess, ended
from stationmaster.audit.services import verify
from stationmaster.importing import services as rosters
from stationmaster.importing.models import Batch, Origin, Piece
from stationmaster.people.models import Person
from stationmaster.store.actor import Actor
from stationmaster.workspaces.models import Assignment, Seat, Workspace

SOAK = bool(os.environ.get("SOAK"))
TEAMS, EACH = (100, 100) if SOAK else (6, 50)
KILLS = 60 if SOAK else 5


@pytest.mark.timeout(7_200 if SOAK else 400)
def test_workers_that_are_killed_bring_every_record_in_once(database: str) -> None:
    """kill -9 at random moments: at the end each team, person, assignment and seat is there once, and the counts are those of the
    file."""
    rows: list[dict[str, object]] = [
        {"id": f"t{each}", "type": "mother", "name": f"team-{each}", "seat_total": EACH, **CANARIES} for each in range(TEAMS)
    ]
    rows += [
        {"id": f"c{team}-{each}", "type": "child", "parent_id": f"t{team}", "email": f"p{team}-{each}@example.com",
         "team_join_status": "success", **CANARIES}
        for each in range(EACH) for team in range(TEAMS)
    ]  # fmt: skip
    which = upload(json.dumps(rows), Actor("cli", "root", "admin"))
    job = rosters.start(Actor("cli", "root", "admin"), which)["job"]
    chance, killed = random.Random(7), 0
    while not _ended(job):
        worker = WorkerProcess([], attempts=KILLS + 10).wait_ready()      # a busy machine may get nothing done between two kills
        if killed < KILLS:
            time.sleep(chance.uniform(0.0, 1.0))
            worker.kill()
            killed += 1
            continue
        while not _ended(job):
            time.sleep(0.1)
        worker.kill()
    of, number = rosters.get_roster(ADMIN, which), TEAMS * EACH
    assert (of["state"], of["unchanged"], of["errors"]) == ("done", 0, 0)
    assert (of["records"], of["created"]) == (number + TEAMS, number + TEAMS)
    assert (Workspace.objects.count(), Person.objects.count(), Assignment.objects.count()) == (TEAMS, number, number)
    assert (Seat.objects.filter(state="active").count(), Origin.objects.count()) == (number, number + TEAMS)
    assert of["left_out"]["secrets"]["password"] == number + TEAMS
    assert not Piece.objects.exists()
    assert not Batch.objects.exists()
    assert not [text for text in everything_stored() if CANARIES["password"] in text]
    assert verify(ADMIN).ok


def _ended(job: str) -> bool:
    try:
        return ended(job)
    except Error:
        connections.close_all()
        return False
