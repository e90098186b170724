"""F6: PostgreSQL is stopped at once, again and again, under jobs, and workers are killed meanwhile."""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import Error, connections

from chaos import kit
from chaos.kit import LONG
from controlkit import ADMIN
from databases import KINDS, postgresql_stopped
from jobs import deeds  # noqa: F401  registers the kinds
from jobs.harness import WorkerProcess, ended
from jobs.ledger import Ledger
from jobs.test_engines import deed
from stationmaster.audit.services import verify
from stationmaster.jobs.models import Job, JobItem

STOPS, DEEDS, JOBS = (10, 400, 4) if LONG else (2, 40, 3)
EVERY, AWAY = ((5.0, 20.0), 3.0) if LONG else ((1.0, 2.0), 0.5)       # seconds: from one stop to the next, and how long at most
SEED = int(os.environ.get("OUTAGE_SEED", "6"))
WORKERS, LIVES = 2, (2.0, 8.0) if LONG else (1.0, 4.0)      # so many, of which one is killed after so many seconds
pytestmark = pytest.mark.timeout(3600)


@contextmanager
def killing(chance: random.Random, over: Callable[[], bool]) -> Iterator[list[int]]:
    """Two workers, of which one is killed now and then, and another started in its place, until `over`; the list has how many
    were. That jobs are given up which nothing comes of is another test's."""
    stop, killed = threading.Event(), [0]
    running = [WorkerProcess(attempts=1000) for _ in range(WORKERS)]

    def body() -> None:
        while not stop.wait(chance.uniform(*LIVES)):
            if not over():
                chance.choice(running).kill()
                killed[0] += 1
            running[:] = [each if each.alive() else WorkerProcess(attempts=1000) for each in running]

    thread = threading.Thread(target=body)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()
        for each in running:
            each.kill()


def all_ended(jobs: list[str]) -> bool:
    """Whether they have; not, while nobody can be asked."""
    try:
        return ended(*jobs)
    except Error:
        connections.close_all()
        return False


@pytest.mark.parametrize("database", KINDS[1:], indirect=True)
def test_stopped_again_and_again(database: str) -> None:
    """Whatever dies, the vendor did each deed once, and each has its outcome here; the trail is whole. Workers that find no
    database go on by themselves or end and are started anew, as whoever supervises them does."""
    print(f"OUTAGE_SEED={SEED}")
    chance, stops = random.Random(SEED), 0
    done = f"{STOPS} stops of PostgreSQL (immediate, every {EVERY[0]:g} to {EVERY[1]:g} s, seed {SEED}), workers killed meanwhile"
    with kit.figure("F6", done, "the vendor's ledger exact: each deed once, each with its outcome") as tell, Ledger() as ledger:
        jobs = [deed(ledger, DEEDS, f"ws_{number}", args={"per_minute": 240}) for number in range(JOBS)]
        connections.close_all()
        with killing(random.Random(SEED + 1), lambda: stops >= STOPS) as killed:
            while stops < STOPS or not all_ended(jobs):
                connections.close_all()
                if stops == STOPS:
                    time.sleep(0.2)
                    continue
                time.sleep(chance.uniform(*EVERY))
                with postgresql_stopped():
                    time.sleep(chance.uniform(0.0, AWAY))
                stops += 1
        states = list(Job.objects.filter(id__in=jobs).values_list("state", flat=True))
        ok = JobItem.objects.filter(job_id__in=jobs, state="ok").count()
        exact = set(ledger.writes.values()) == {1} and len(ledger.writes) == ok == JOBS * DEEDS
        tell(f"{stops} stops, {killed[0]} workers killed: {ledger.writes.total():,} deeds of {JOBS * DEEDS:,} at the vendor, "
             f"{sum(n - 1 for n in ledger.writes.values())} twice, {ok:,} outcomes", exact and stops == STOPS)  # fmt: skip
        assert exact, ledger.writes.most_common(3)
        assert set(states) == {"succeeded"}
        assert stops == STOPS
        assert verify(ADMIN).ok
