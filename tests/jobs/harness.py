"""Workers as processes, to be stopped, killed and watched. For every kind of job: give `start_worker` the modules that register
it, if their apps do not.

`storm` kills workers until the jobs are done: at random moments, between a vendor's answer and our commit, and with PostgreSQL
stopped in between. Then the vendor's ledger tells whether anything was done twice.
"""

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.db import Error, connections

from databases import RING, postgresql_stopped
from stationmaster.jobs.models import QUEUED, RUNNING, Job
from stationmaster.vault import keyring

PATIENCE = 600.0 if os.environ.get("SOAK") else 60.0
HERE = Path(__file__).parent
LEASE = 2.0       # seconds, of workers in tests

_PROGRAM = """
import importlib, json, logging, os, sys, threading
from pathlib import Path
from stationmaster.store.config import StoreConfig, configure
from stationmaster.vault import keyring

given = json.loads(sys.argv[1])
logging.basicConfig(level="WARNING", format="%(name)s %(message)s")
data = Path(given["data"])
configure(StoreConfig(data, keyring.load(data, {}), os.environ["STATIONMASTER_TEST_DATABASE"], allowed=("127.0.0.1",)))
for module in given["modules"]:
    importlib.import_module(module)
from stationmaster.jobs import worker
from stationmaster.jobs.engine import Working
working = Working(worker.name(), threading.Event(), **given["working"])
sys.exit(worker.work(working, lambda: print("ready", flush=True)))
"""


class WorkerProcess:
    """One, by default with the kinds of `jobs.deeds`."""

    def __init__(self, modules: Sequence[str] = ("jobs.deeds",), **working: float) -> None:
        import json

        data = Path(settings.STATIONMASTER_DATA)
        if not (data / "master.keys").exists():
            keyring.write(RING, data / "master.keys")
        how = {"poll": 0.1, "lease": LEASE, "backoff": 0.05, **working}
        given = {"data": str(data), "modules": list(modules), "working": how}
        self.output = data / f"worker-{time.monotonic_ns()}.txt"
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, json.dumps(given)], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, "PYTHONPATH": str(HERE.parent)},
            )

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def said(self) -> str:
        """What it wrote."""
        return self.output.read_text()

    def wait_ready(self) -> "WorkerProcess":
        """Return when it looks for jobs."""
        until(lambda: "ready" in self.said() or self._process.poll() is not None, "a ready worker")
        assert "ready" in self.said(), self.said()
        return self

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill it, as a crash would."""
        self._process.kill()
        self._process.wait()

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def ended(self) -> int:
        """Wait for its end; its exit code."""
        return self._process.wait(PATIENCE)


@contextlib.contextmanager
def start_worker(modules: Sequence[str] = ("jobs.deeds",), **working: float) -> Iterator[WorkerProcess]:
    """A worker that is killed at the end, if it still runs."""
    worker = WorkerProcess(modules, **working)
    try:
        yield worker.wait_ready()
    finally:
        worker.signal(signal.SIGCONT)
        worker.kill()


def until(condition: Callable[[], bool], what: str = "it") -> None:
    """Wait for `condition`."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true"
        time.sleep(0.03)


def ended(*jobs: str) -> bool:
    """Whether they have."""
    return not Job.objects.filter(id__in=jobs, state__in=[QUEUED, RUNNING]).exists()


def state(job: str) -> str:
    """A job's."""
    return Job.objects.values_list("state", flat=True).get(id=job)


class Holding(Protocol):
    """A vendor whose answers can be held once the work is done: where a crash leaves most behind."""

    def hold(self) -> None:
        """Hold the answers of writes from now on."""

    def holds(self) -> bool:
        """Whether one is held now."""

    def release(self) -> None:
        """Give them, and hold no more."""

    def calm(self) -> None:
        """Nobody is killed any more."""


@dataclass
class Storm:
    """What a storm did: how many workers it killed, how often it did while an answer to work that was done was held (so that
    nothing of it can have been committed), how often the database was stopped, and when (`monotonic`) the last one was killed."""

    killed: int = 0
    between: int = 0
    stopped: int = 0
    last: float = 0.0


def storm(
    jobs: Sequence[str], vendor: Holding, *, workers: int, kills: int, modules: Sequence[str] = ("jobs.deeds",), seed: int = 0,
    database_stops: int = 0, life: float = 0.6, **working: float,
) -> Storm:  # fmt: skip
    """Run `jobs` to their end while workers are killed (kill -9), `kills` times if there is work for so long: every other time
    all of them while the vendor holds an answer to work that is done, else all at a random moment. `database_stops`: how often
    PostgreSQL goes away in between. `life`: seconds that workers live at most before a random kill; `working` is theirs."""
    chance = random.Random(seed)
    done, turns, running = Storm(), itertools.count(), list[WorkerProcess]()
    stops = set(chance.sample(range(max(kills // workers, database_stops)), k=database_stops))
    try:
        while not _ended_or_away(jobs):
            if done.killed < kills:
                vendor.hold()      # while they start, which takes as long as it takes, nothing is finished
            running = [each for each in running if each.alive()]
            running += [WorkerProcess(modules, **working) for _ in range(workers - len(running))]
            for each in running:
                each.wait_ready()
            if done.killed >= kills:
                vendor.calm()
                time.sleep(0.1)
                continue
            turn = next(turns)
            _wait_for_a_moment(jobs, vendor, chance, 0.0 if turn % 2 == 0 else life)
            done.between += turn % 2 == 0 and vendor.holds()
            done.killed += len(running)
            for each in running:
                each.kill()
            done.last = time.monotonic()
            vendor.release()
            if turn in stops:
                done.stopped += 1
                connections.close_all()
                with postgresql_stopped():
                    time.sleep(chance.uniform(0.1, 0.5))
    finally:
        for each in running:
            each.kill()
    return done


def _wait_for_a_moment(jobs: Sequence[str], vendor: Holding, chance: random.Random, life: float) -> None:
    """A random one within `life` seconds; or, for none, when the vendor, which was told to, holds an answer."""
    if life:
        vendor.release()
        time.sleep(chance.uniform(0.0, life))
        return
    until(lambda: vendor.holds() or _ended_or_away(jobs), "a held answer")


def _ended_or_away(jobs: Sequence[str]) -> bool:
    try:
        return ended(*jobs)
    except Error:
        connections.close_all()
        return False
