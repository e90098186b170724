"""Nobody is invited twice and nobody is forgotten, whatever dies: workers at any moment, between the vendor's answer and our
commit too, and the database."""

import os
import random
import signal
from collections.abc import Callable, Sequence
from typing import Final

import pytest

from controlkit import ADMIN, OPERATOR
from databases import KINDS
from jobs.harness import ended, start_worker, state, storm, until
from stationmaster.audit.services import verify
from stationmaster.jobs.models import ITEM_DONE, PENDING, Job, JobItem
from stationmaster.people import services as people
from stationmaster.sandbox.admin import Organisation
from stationmaster.sandbox.admin.rows import Place, Project
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.listing import Query
from stationmaster.workspaces import kinds, services
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
PEOPLE, WORKSPACES = (1000, 3) if SOAK else (20, 2)
KILLS = {"sqlite": 210, "postgresql": 210} if SOAK else {"sqlite": 4, "postgresql": 6}
PACE = 6000 if SOAK else 900      # calls a minute: slow enough that there is something left to be killed in
LAG = 3600.0                      # seconds that lists lag behind while workers are killed: what was begun cannot be looked up
CATCH_UP = 10                     # of so many times that answers are released, lists lag after all but the last
DRIFTS = 1000 if SOAK else 8
SEED = int(os.environ.get("DRIFT_SEED") or (random.randrange(2**32) if SOAK else 5))
WORKER = ("work.worker",)
INVITE = "POST *invites*"
pytestmark = pytest.mark.timeout(3500 if SOAK else 180)


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


def test_a_storm_of_crashes(database: str, sandbox: SandboxServer) -> None:
    """Workers are killed at random, and while the vendor's answer is on its way; over PostgreSQL the database stops, too. The
    vendor's lists lag, and it refuses no second invitation. Then everybody was invited exactly once in each workspace, and
    after one reading nothing is unconfirmed and nothing is left."""
    orgs, rows = some(sandbox, WORKSPACES, PEOPLE)
    plan = applied(*rows, concurrency=4, item_retries=5)
    jobs = [str(job) for job in plan["jobs"].values()]
    workers = 2 if database == "postgresql" else 1
    stops = (3 if SOAK else 1) if database == "postgresql" else 0
    done = storm(
        jobs, Vendors(orgs, jobs, LAG), workers=workers, kills=KILLS[database], modules=WORKER, database_stops=stops,
        life=2.0 if SOAK else 0.6, attempts=1000,      # that they are given up is another test's
    )  # fmt: skip
    assert [state(job) for job in jobs] == ["succeeded"] * WORKSPACES
    for org in orgs:
        assert invited_once(org, *range(1, PEOPLE + 1))
    _nothing_is_open(rows)
    outcomes = PlanStep.objects.filter(plan_id=plan["id"]).exclude(kind="skip").values_list("outcome", flat=True)
    assert (len(outcomes), set(outcomes)) == (PEOPLE * WORKSPACES, {"done"})
    assert done.killed >= KILLS[database]
    assert done.between >= 1
    assert done.stopped == stops
    assert verify(ADMIN).ok


def _nothing_is_open(rows: Sequence[Workspace]) -> None:
    """One reading leaves nobody unconfirmed, and nothing to be done."""
    for row in rows:
        run_kind(row, kinds.RECONCILE)
        assert set(states(row).values()) == {"invited"}
        assert not Seat.objects.filter(workspace=row).exclude(intent="").exists()
    assert steps_of(planned(*rows)) == []


@pytest.mark.parametrize("database", KINDS[1:], indirect=True)
def test_a_paused_worker_is_fenced(database: str, sandbox: SandboxServer) -> None:
    """A worker that stood still while the vendor answered, for so long that another one took the job up, writes nothing when it
    wakes: neither at the vendor nor in our rows; nobody is invited twice."""
    (org,), (row,) = some(sandbox, 1, 5)
    vendors = Vendors([org])
    with start_worker(WORKER) as first:
        vendors.hold()
        (job,) = (str(job) for job in applied(row)["jobs"].values())
        until(vendors.holds, "a held answer")
        first.signal(signal.SIGSTOP)
        vendors.release()
        fence = Job.objects.get(id=job).fence
        with start_worker(WORKER):
            until(lambda: ended(job), "the end by another worker")
            first.signal(signal.SIGCONT)
            until(lambda: "another worker's now" in first.said() or not first.alive(), "the first worker noticing")
    assert Job.objects.get(id=job).fence > fence
    assert state(job) == "succeeded"
    assert invited_once(org, *range(1, 6))
    assert set(states(row).values()) == {"invited"}


def test_any_drift_is_mended_in_two_passes(database: str, sandbox: SandboxServer) -> None:
    """From whatever people did at the vendor behind our back (roles, projects, invitations that came, went, ran out), two passes
    of reconciliation, with what they have applied, bring it to what is assigned, where the policy says so; the third writes
    nothing."""
    print(f"DRIFT_SEED={SEED}")      # shown when it fails; the same number draws the same again
    drifting = Drifting(sandbox, random.Random(SEED))
    for round_ in range(DRIFTS):
        drifting.behind_our_back(round_)
        drifting.assign_others()
        for _ in range(2):
            _pass(drifting.row)
        drifting.org.forget()
        assert _pass(drifting.row)["drift"] == {}, (round_, drifting.done)
        assert drifting.org.writes() == [], (round_, drifting.done)
        assert drifting.wrong() == [], (round_, drifting.done)


class Drifting:
    """An organisation of two projects, a dozen persons of whom eight should be in one of them, and chance. `done`: what happened
    in this round."""

    NUMBER: Final = 12

    def __init__(self, sandbox: SandboxServer, chance: random.Random) -> None:
        self.org, self.chance, self.done = an_organisation(sandbox), chance, list[str]()
        self.ours, self.other = (
            self.org.projects.put(Project(f"proj_{name}", name, self.org.clock())).id for name in ("ours", "other")
        )
        self.row = attach(sandbox, self.org, fix_drift="all", removes="all")
        run_all()
        self.who = persons(self.NUMBER)
        assign(a_group(self.who[:8]), self.row, role="reader", projects=[self.ours])

    def behind_our_back(self, round_: int) -> None:
        """Something happens to some of them, and to somebody whom nobody knows."""
        self.done = []
        for number in self.chance.sample(range(1, self.NUMBER + 1), 4):
            self._happen(address(number))
        stranger = f"stranger-{round_}@elsewhere.test"
        self.chance.choice((self.org.add, lambda who: self.org.invite(who, "reader")))(stranger)

    def assign_others(self) -> None:
        """Other eight of the persons are in the group."""
        members = sorted(self.chance.sample(self.who, 8))
        held = [str(each["id"]) for each in people.list_members(ADMIN, "everybody", Query(limit=100)).items]
        people.change_members(ADMIN, "everybody", [m for m in members if m not in held], [m for m in held if m not in members])

    def wrong(self) -> list[str]:
        """Who is not what they should be, by the vendor's own rows. Owners are nobody's to take away: they stay, in any case."""
        wanted = set(people_of("everybody"))
        found = [f"stranger {each.email}" for each in self.org.members() if each.role == "reader" and "stranger" in each.email]
        return found + [whom for whom in map(address, range(1, self.NUMBER + 1)) if not self._right(whom, wanted=whom in wanted)]

    def _right(self, whom: str, *, wanted: bool) -> bool:
        member, waiting = self.org.member(whom), self.org.waiting(whom)
        if member is not None and member.role == "owner":
            return not waiting
        if not wanted:
            return member is None and not waiting
        if member is not None:
            return not waiting and self.org.places.get(f"{self.ours}/{member.id}") is not None
        return [each.role for each in waiting] == ["reader"]      # projects of an invitation are given once they are in

    def _happen(self, whom: str) -> None:
        member, waits = self.org.member(whom), self.org.waiting(whom)
        ways = self._of_invited(whom) if waits else self._of_nobody(whom) if member is None else self._of_member(whom, member.id)
        name = self.chance.choice(sorted(ways))
        self.done.append(f"{whom}: {name}")
        ways[name]()

    def _withdrawn(self, whom: str) -> None:
        for each in self.org.waiting(whom):
            self.org.withdraw(each.id)

    def _of_invited(self, whom: str) -> dict[str, Callable[[], object]]:
        org = self.org
        return {
            "accepts": lambda: org.accept(whom), "expires": lambda: org.expire(whom),
            "is withdrawn": lambda: self._withdrawn(whom),
            "is invited again": lambda: org.invite(whom, "reader", [(self.ours, "member")]),
            "is invited as owner, too": lambda: org.invite(whom, "owner"),
        }  # fmt: skip

    def _of_member(self, whom: str, member: str) -> dict[str, Callable[[], object]]:
        org, place = self.org, f"{self.ours}/{member}"
        return {
            "leaves": lambda: org.leave(whom), "becomes owner": lambda: org.give_role(whom, "owner"),
            "becomes reader": lambda: org.give_role(whom, "reader"),
            "leaves the project": lambda: org.places.drop(place) if org.places.get(place) else None,
            "joins another project": lambda: org.places.put(Place(self.other, member, "member", org.clock())),
        }  # fmt: skip

    def _of_nobody(self, whom: str) -> dict[str, Callable[[], object]]:
        org = self.org
        return {
            "is added": lambda: org.add(whom), "is added as owner": lambda: org.add(whom, "owner"),
            "is invited": lambda: org.invite(whom, "reader"), "is invited as owner": lambda: org.invite(whom, "owner"),
        }  # fmt: skip


def people_of(group: str) -> list[str]:
    """The addresses of a group's members."""
    return [str(each["email"]) for each in people.list_members(ADMIN, group, Query(limit=100)).items]


def _pass(row: Workspace) -> dict[str, object]:
    """One reconciliation and what it has applied, plans that wait for people included: they say yes."""
    result = dict(run_kind(row, kinds.RECONCILE)["result"])
    which = str(result["plan"])
    if which and services.get_plan(ADMIN, which)["state"] == "open":
        plan = services.get_plan(ADMIN, which)
        for who in (ADMIN, OPERATOR):
            services.approve_plan(who, which, {"hash": plan["hash"]})
        services.apply_plan(ADMIN, which, {})
    run_all()
    return result
