"""What an engine is. Owns: the Protocol that both engines fulfil, and what a worker hands to it.

An engine decides when and where a job is run, never what becomes of it: that is in our rows, and it may well start one twice.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

Report = Callable[[str], None]


@dataclass(frozen=True)
class Ring:
    """A job that wants to be run: `lock` as in the row, not before `run_after`."""

    job: str
    lock: str
    priority: int
    run_after: datetime


@dataclass(frozen=True)
class Working:
    """How a worker works. `id` names the process for good; `threads`: jobs at a time, and one more of those with a priority above
    0, so that a few long ones hold up nothing urgent; `poll`: seconds between two looks;
    `lease`: seconds without a heartbeat after which a job is taken up by another worker; `attempts`: of a kind that says none;
    `retention`: days; `backoff`: seconds before the first new try, doubled each time; `patience`: seconds to wait
    for another worker to end, where there can be one only. `stop` is set when it is to end."""

    id: str
    stop: threading.Event
    threads: int = 4
    poll: float = 0.5
    lease: float = 30.0
    attempts: int = 10
    retention: int = 90
    backoff: float = 1.0
    patience: float = 0.0


class Chores(Protocol):
    """What a worker does beside jobs. Both raise Django's database errors."""

    def look(self) -> None:
        """Do what is due; to be called often."""

    def end(self) -> None:
        """The worker is no more."""


class Engine(Protocol):
    """Runs jobs. `name` is shown to people."""

    name: str

    def submit(self, ring: Ring) -> None:
        """Have a job run; part of the caller's transaction: rolled back, nothing is run."""

    def withdraw(self, job: str) -> None:
        """A job was cancelled before it ran; part of the caller's transaction. Running it all the same would do nothing."""

    def work(self, working: Working, chores: Chores, ready: Callable[[], None]) -> None:
        """Run jobs, and see to `chores`, until `working.stop` is set and what is under way is handed back. `ready` is called
        once it looks for jobs.
        Raises `StationmasterError` when it cannot work here."""
