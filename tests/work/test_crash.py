"""Whatever people do at the vendor behind our back, two passes bring it to what is assigned. (That nobody is invited twice,
whatever dies: `chaos/store/test_killed.py`.)"""

import os
import random
from collections.abc import Callable
from typing import Final

import pytest

from controlkit import ADMIN, OPERATOR
from stationmaster.people import services as people
from stationmaster.sandbox.admin.rows import Place, Project
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.listing import Query
from stationmaster.workspaces import kinds, services
from stationmaster.workspaces.models import Workspace
from work.kit import a_group, address, an_organisation, assign, attach, persons, run_all, run_kind

SOAK = bool(os.environ.get("SOAK"))
DRIFTS = 1000 if SOAK else 8
SEED = int(os.environ.get("DRIFT_SEED") or (random.randrange(2**32) if SOAK else 5))
pytestmark = pytest.mark.timeout(3500 if SOAK else 180)


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
