"""A worker that lost its job changes nothing: at no vendor, in no row, in no mail. Every kind of seat job, at each write."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from controlkit import ADMIN, OPERATOR
from stationmaster.audit.services import verify
from stationmaster.jobs import items
from stationmaster.jobs import services as jobs
from stationmaster.people import services as people
from stationmaster.sandbox.admin import Organisation
from stationmaster.sandbox.admin.rows import Project
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.changes import change
from stationmaster.workspaces import kinds, seats
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Plan, Seat, Workspace
from work.fences import Losing
from work.kit import (
    Mailbox,
    a_group,
    address,
    an_organisation,
    applied,
    assign,
    attach,
    persons,
    rules,
    run,
    run_all,
    run_kind,
    states,
    submit,
)


def ready(sandbox: SandboxServer, number: int, **policy: Any) -> tuple[Organisation, Workspace, list[str]]:
    """A workspace that was read, with so many persons who are assigned to it by a group."""
    org = an_organisation(sandbox)
    row = attach(sandbox, org, **policy)
    run_all()
    who = persons(number)
    assign(a_group(who), row)
    return org, row, who


def a_coder(sandbox: SandboxServer, **policy: Any) -> tuple[Organisation, Workspace, str]:
    """A GitHub organisation that was read, with one person in it, active long ago, who is assigned a licence."""
    org = an_organisation(sandbox, "github_copilot", people=1)
    row = attach(sandbox, org, **policy)
    (who,) = persons(1)
    org.add(address(1), login="coder-1", last_active_at=time.time() - 90 * 86_400)
    people.link_login(ADMIN, who, vendor="github_copilot", login="coder-1")
    assign(a_group([who]), row)
    run_all()
    return org, row, who


def job_of(plan: dict[str, object]) -> str:
    """The one job that applies a plan."""
    (job,) = dict(plan["jobs"]).values()  # type: ignore[call-overload]
    return str(job)


def lost(monkeypatch: pytest.MonkeyPatch, job: str, org: Organisation, mailbox: Mailbox | None = None) -> list[str]:
    """Lose this job at each of its writes, and see it succeed in the end; where it was lost. None of its writes was made without
    asking for the fence first."""
    with monkeypatch.context() as patch:
        losing = Losing(patch, job, org, mailbox)
        losing.run()
    assert losing.unfenced == []
    assert jobs.get(ADMIN, job)["state"] == "succeeded"
    assert verify(ADMIN).ok
    return losing.met


def at_the_vendor(met: list[str]) -> list[str]:
    """Those of the places that are in front of a vendor's writes."""
    return [place.removeprefix("vendor ") for place in met if place.startswith("vendor ")]


def aged(row: Workspace, **fields: object) -> None:
    """Its seats, as if time had passed."""
    with change(ADMIN) as edit:
        for each in Seat.objects.filter(workspace=row):
            seat = seats.locked(each.id)
            with edit.updating(seat, action="age"):
                for name, value in fields.items():
                    setattr(seat, name, value)


def test_onboarding(database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lost an onboarding writes down nothing of what they read; the next one does."""
    org = an_organisation(sandbox, people=3)
    row = attach(sandbox, org)
    met = lost(monkeypatch, str(jobs.last_of(row.id)[kinds.ONBOARD]["id"]), org)
    assert {"items", "finish identity Done", "finish people Done", "end succeeded"} <= set(met)
    assert org.writes() == []
    assert workspaces.get_workspace(ADMIN, row.id)["found"]["members"] == 3


def test_applying_invites_once(database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lost an apply job between reading and inviting invites nobody and notes nothing on the seat; the person is invited
    once in all, though the vendor would take a second invitation."""
    org, row, _ = ready(sandbox, 1)
    met = lost(monkeypatch, job_of(applied(row)), org)
    assert len(at_the_vendor(met)) == 1
    assert "record note" in met
    assert org.invitations(address(1)) == 1
    assert states(row) == {address(1): "invited"}


def test_applying_what_nobody_knows_of(database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where the vendor invited, its answer was lost, and it lists what it did late, so that a later reading decides:
    nobody who lost the job notes that it is not known, puts the item off, or says that it was done."""
    org, row, _ = ready(sandbox, 1)
    plan = applied(row)
    org.faults.set("500-after", on="POST *invites*", times=1)
    org.settings.listed_after = 3_600.0
    put_off = items.put_off

    def lists_it_from_here_on(*args: Any, **more: Any) -> Any:
        org.settings.listed_after = 0.0
        return put_off(*args, **more)

    monkeypatch.setattr(items, "put_off", lists_it_from_here_on)
    with rules(listed_after=timedelta(minutes=5)):
        met = lost(monkeypatch, job_of(plan), org)
    assert {"record note", "record unsure"} <= set(met)
    assert any(place.startswith("put off") for place in met)
    assert org.invitations(address(1)) == 1
    assert states(row) == {address(1): "invited"}


def test_applying_all_else(database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A role, a project, a removal, an invitation taken back: each is not written by whoever lost the job, and each is in the
    end."""
    org, row, who = ready(sandbox, 4)
    project = org.projects.put(Project("proj_research", "Research", org.clock()))
    run(job_of(applied(row)))
    for number in (1, 2, 3):
        org.accept(address(number))
    people.change_members(ADMIN, "everybody", [], who)
    workspaces.create_assignment(ADMIN, {"workspace": row.name, "person": who[0], "role": "owner"})
    workspaces.create_assignment(ADMIN, {"workspace": row.name, "person": who[1], "projects": [project.id]})
    run_kind(row, kinds.RECONCILE)
    plan = applied(row, second=OPERATOR)
    assert set(plan["counts"]) - {"skip"} == {"withdraw", "remove", "role", "projects"}
    met = lost(monkeypatch, job_of(plan), org)
    assert len(at_the_vendor(met)) == 4
    assert states(row) == {address(1): "active", address(2): "active", address(3): "removed", address(4): "removed"}
    assert {each.email: each.role for each in org.members()}[address(1)] == "owner"
    assert [place.project for place in org.places.all() if place.project == project.id] == [project.id]


def test_licences(database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lost the job neither buys a licence nor gives one back; in the end each is done."""
    org, row, who = a_coder(sandbox)
    met = lost(monkeypatch, job_of(applied(row, second=OPERATOR)), org)
    assert [place.split()[0] for place in at_the_vendor(met)] == ["POST"]
    licence = org.licences.get("coder-1")
    assert licence is not None
    assert licence.ends_at is None
    people.change_members(ADMIN, "everybody", [], [who])
    met = lost(monkeypatch, job_of(applied(row, second=OPERATOR)), org)
    assert [place.split()[0] for place in at_the_vendor(met)] == ["DELETE"]
    licence = org.licences.get("coder-1")
    assert licence is not None
    assert licence.ends_at is not None


def test_an_invitation_on_request(database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """"Invite again": whoever lost the job neither takes the old invitation back nor makes a new one."""
    org, row, _ = ready(sandbox, 1)
    run(job_of(applied(row)))
    seat = Seat.objects.get(workspace=row)
    met = lost(monkeypatch, str(workspaces.reinvite_seat(ADMIN, seat.id, {})["id"]), org)
    assert [place.split()[0] for place in at_the_vendor(met)] == ["DELETE", "POST"]
    assert [each.email for each in org.invites() if each.status == "pending"] == [address(1)]
    assert states(row) == {address(1): "invited"}


def test_reconciling(database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lost a reconciliation moves no seat, and makes no plan and no job that mends; one of each is made in the end."""
    org, row, _ = ready(sandbox, 2, fix_drift="invite")
    before = Plan.objects.count()
    org.add(address(1))
    met = lost(monkeypatch, submit(row, kinds.RECONCILE), org)
    assert {"finish people Done", "record Reconciling.conclude", "end succeeded"} <= set(met)
    assert org.writes() == []
    assert Plan.objects.count() == before + 1
    assert [state for state, in Plan.objects.filter(made_by="system").values_list("state")] == ["applying"]


def test_looking_for_inactive_people(
    database: str, sandbox: SandboxServer, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever lost the job makes nobody a candidate, tells nobody, and has no time of grace begin."""
    org, row, _ = a_coder(sandbox, remove_inactive_days=30, notify=True)
    run(job_of(applied(row, second=OPERATOR)))
    aged(row, since=timezone.now() - timedelta(days=200))
    met = lost(monkeypatch, submit(row, kinds.OFFBOARD), org, mailbox)
    assert "record _further" in met
    assert at_the_vendor(met) == ["mail"]
    assert Seat.objects.get(workspace=row).removal == "notified"
    assert {taken.to for taken in mailbox.taken} == {address(1)}
    assert len({str(taken.mail["Message-ID"]) for taken in mailbox.taken}) == 1


def test_reminding(database: str, sandbox: SandboxServer, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lost the job writes to nobody, and notes nobody as written to."""
    org, row, _ = ready(sandbox, 1)
    run(job_of(applied(row)))
    aged(row, invited_at=timezone.now() - timedelta(days=10))
    met = lost(monkeypatch, submit(row, kinds.REMIND), org, mailbox)
    assert "record _note" in met
    assert [taken.to for taken in mailbox.taken] == [address(1)]
