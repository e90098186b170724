"""F2, F3: workers die at any moment, between the vendor's answer and our commit too, or stand still and come back late. Nobody is
invited twice and nobody is forgotten: the vendor's own count decides."""

import os
import signal
import time
from collections.abc import Sequence

import pytest

from chaos import kit
from chaos.kit import LONG
from controlkit import ADMIN
from databases import KINDS
from jobs.harness import LEASE, ended, start_worker, state, storm, until
from stationmaster.audit.services import verify
from stationmaster.jobs.models import ITEM_DONE, PENDING, Job, JobItem
from stationmaster.sandbox.admin import Organisation
from stationmaster.sandbox.server import SandboxServer
from stationmaster.workspaces import kinds
from stationmaster.workspaces.models import PlanStep, Seat, Workspace
from stationmaster.workspaces.work.doing import UNCONFIRMED
from work.kit import (
    a_group,
    address,
    an_organisation,
    applied,
    assign,
    attach,
    invited_once,
    persons,
    planned,
    run_all,
    run_kind,
    states,
    steps_of,
)
from work.workerside import lagging

SOAK = bool(os.environ.get("SOAK"))
PEOPLE, WORKSPACES = (1000, 3) if SOAK else (150, 3) if LONG else (20, 2)
KILLS = (210, 210) if SOAK else (40, 80) if LONG else (4, 6)      # over SQLite, over PostgreSQL
STOPS = 3 if SOAK else 0 if LONG else 1      # of PostgreSQL amid them
PACE = 6000 if SOAK else 900      # calls a minute: slow enough that there is something left to be killed in
LAG = 3600.0                      # seconds that lists lag behind while workers are killed: what was begun cannot be looked up
CATCH_UP = 10                     # of so many times that answers are released, lists lag after all but the last
SEED = 2
ASLEEP = 60.0 if LONG else 0.0    # seconds that a worker stands still at least
WORKER = ("work.worker",)
INVITE = "POST *invites*"
pytestmark = pytest.mark.timeout(3500 if SOAK or LONG else 180)


class Vendors:
    """Organisations whose answers to writes can be held once the work is done. `lag`: seconds until their lists show it, until
    it is `calm` and nothing is left in `jobs` but what takes a look at them."""

    def __init__(self, orgs: Sequence[Organisation], jobs: Sequence[str] = (), lag: float = 0.0) -> None:
        self._orgs, self._jobs, self._lag, self._turns = orgs, jobs, lag, 0
        self._lists_lag(lag)
        if lag:
            lagging().touch()

    def hold(self) -> None:
        """From now on."""
        for org in self._orgs:
            org.faults.set("hold-after", on=INVITE, times=None)

    def holds(self) -> bool:
        """Whether one is held."""
        return any(org.faults.held for org in self._orgs)

    def release(self) -> None:
        """No more."""
        for org in self._orgs:
            org.faults.clear()
            org.release()
        self._turns += 1
        self._lists_lag(self._lag if self._turns % CATCH_UP else 0.0)

    def calm(self) -> None:
        """Lists catch up, when nobody can do anything without them."""
        open_ = JobItem.objects.filter(job_id__in=self._jobs).exclude(state__in=ITEM_DONE)
        if not open_.exclude(state=PENDING, reason=UNCONFIRMED).exists():
            self._lists_lag(0.0)
            lagging().unlink(missing_ok=True)

    def _lists_lag(self, seconds: float) -> None:
        for org in self._orgs:
            org.settings.listed_after = seconds


def some(sandbox: SandboxServer, count: int, number: int) -> tuple[list[Organisation], list[Workspace]]:
    """Workspaces that were read, and persons who are assigned to all of them."""
    orgs = [an_organisation(sandbox) for _ in range(count)]
    rows = [attach(sandbox, org, calls_per_minute=PACE) for org in orgs]
    run_all()
    assign(a_group(persons(number)), *rows)
    return orgs, rows


def twice_and_lost(orgs: Sequence[Organisation], number: int) -> tuple[int, int]:
    """How many invitations too many the vendors had of these persons, and how many never came."""
    counts = [org.invitations(address(each)) for org in orgs for each in range(1, number + 1)]
    return sum(each - 1 for each in counts if each > 1), counts.count(0)


def nothing_is_open(rows: Sequence[Workspace]) -> int:
    """One reading leaves nobody unconfirmed, and nothing to be done. How many are unknown after it."""
    for row in rows:
        run_kind(row, kinds.RECONCILE)
    unknown = Seat.objects.filter(workspace__in=rows).exclude(intent="", state="invited").count()
    return unknown + len(steps_of(planned(*rows)))


def test_a_storm_of_crashes(database: str, sandbox: SandboxServer) -> None:
    """Workers are killed at random, and while the vendor's answer is on its way; over PostgreSQL the database stops, too. The
    vendor's lists lag, and it refuses no second invitation. Then everybody was invited exactly once in each workspace, and
    after one reading nothing is unconfirmed and nothing is left."""
    orgs, rows = some(sandbox, WORKSPACES, PEOPLE)
    plan = applied(*rows, concurrency=4, item_retries=5)
    jobs = [str(job) for job in plan["jobs"].values()]
    stops, kills = (STOPS, KILLS[1]) if database == "postgresql" else (0, KILLS[0])
    asked = f"{PEOPLE} people x {WORKSPACES} places: {kills} kills of workers, {stops} of PostgreSQL, seed {SEED}; {database}"
    with kit.figure("F2", asked, "0 twice, 0 lost, 0 unknown after one reconcile; done within 30 s after the last kill") as tell:
        done = storm(
            jobs, Vendors(orgs, jobs, LAG), workers=2 if database == "postgresql" else 1, kills=kills, modules=WORKER,
            database_stops=stops, seed=SEED, life=2.0 if SOAK or LONG else 0.6,
            attempts=1000,      # that they are given up is another test's
        )  # fmt: skip
        took = time.monotonic() - done.last
        assert [state(job) for job in jobs] == ["succeeded"] * WORKSPACES
        (twice, lost), unknown = twice_and_lost(orgs, PEOPLE), nothing_is_open(rows)
        tell(f"{done.killed} kills, {done.between} times between the vendor's 2xx and our commit: {twice} twice, {lost} lost of "
             f"{PEOPLE * WORKSPACES}, {unknown} unknown after one reconcile; done {took:.1f} s after the last kill",
             not twice + lost + unknown and done.killed >= kills and done.between >= 1 and took <= 30)  # fmt: skip
    for org in orgs:
        assert invited_once(org, *range(1, PEOPLE + 1))
    assert unknown == 0
    _each_step_is_done(str(plan["id"]))
    assert done.killed >= kills
    assert done.between >= 1
    assert done.stopped == stops
    assert verify(ADMIN).ok


def _each_step_is_done(plan: str) -> None:
    outcomes = PlanStep.objects.filter(plan_id=plan).exclude(kind="skip").values_list("outcome", flat=True)
    assert (len(outcomes), set(outcomes)) == (PEOPLE * WORKSPACES, {"done"})


@pytest.mark.parametrize("database", KINDS[1:], indirect=True)
def test_a_paused_worker_is_fenced(database: str, sandbox: SandboxServer) -> None:
    """A worker that stood still while the vendor answered, for so long that another one took the job up, writes nothing when it
    wakes: neither at the vendor nor in our rows; nobody is invited twice."""
    (org,), (row,) = some(sandbox, 1, 5)
    vendors = Vendors([org])
    asked = f"a worker amid an invitation is stopped (SIGSTOP) for {ASLEEP or LEASE:g} s or more, lease {LEASE:g} s; {database}"
    with kit.figure("F3", asked, "the late write is refused, 0 done twice") as tell, start_worker(WORKER) as first:
        vendors.hold()
        (job,) = (str(job) for job in applied(row)["jobs"].values())
        until(vendors.holds, "a held answer")
        first.signal(signal.SIGSTOP)
        began = time.monotonic()
        vendors.release()
        fence = Job.objects.get(id=job).fence
        with start_worker(WORKER):
            until(lambda: ended(job), "the end by another worker")
            time.sleep(max(0.0, ASLEEP - (time.monotonic() - began)))
            before, slept = len(org.writes()), time.monotonic() - began
            first.signal(signal.SIGCONT)
            until(lambda: "another worker's now" in first.said() or not first.alive(), "the first worker noticing")
        refused, late = "another worker's now" in first.said(), len(org.writes()) - before
        twice, lost = twice_and_lost([org], 5)
        tell(f"asleep for {slept:.1f} s; its write was {'' if refused else 'not seen to be '}refused; {late} late writes at the "
             f"vendor, {twice} twice, {lost} lost of 5", refused and not late + twice + lost)  # fmt: skip
    assert late == 0
    assert Job.objects.get(id=job).fence > fence
    assert state(job) == "succeeded"
    assert invited_once(org, *range(1, 6))
    assert set(states(row).values()) == {"invited"}
