"""Applying: exactly what was approved, each person once, whatever the vendor does."""

from datetime import timedelta
from typing import Any

import pytest

from controlkit import ADMIN, OPERATOR
from stationmaster.audit.services import verify
from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import JobItem, Pace
from stationmaster.people import services as people
from stationmaster.sandbox.admin import Organisation
from stationmaster.sandbox.admin.rows import Project
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.changes import change
from stationmaster.workspaces import kinds, seats
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Plan, Seat, Workspace
from work.kit import (
    a_group,
    address,
    an_organisation,
    applied,
    approved,
    assign,
    attach,
    invited_once,
    persons,
    planned,
    rules,
    run,
    run_all,
    run_kind,
    run_once,
    states,
    steps_of,
    told_of,
)

INVITE = "POST *invites*"


def ready(
    sandbox: SandboxServer, number: int, vendor: str = "openai", **settings: Any
) -> tuple[Organisation, Workspace, list[str]]:
    """A workspace that was read, and so many persons who are assigned to it by a group."""
    org = an_organisation(sandbox, vendor, **settings)
    row = attach(sandbox, org)
    run_all()
    who = persons(number)
    assign(a_group(who), row)
    return org, row, who


def job_of(plan: dict[str, Any]) -> str:
    """The one job that applies a plan."""
    (job,) = plan["jobs"].values()
    return str(job)


def once_each(org: Organisation, number: int) -> bool:
    """Whether each of the persons was invited exactly once."""
    return invited_once(org, *range(1, number + 1))


def test_a_plan_becomes_invitations(database: str, sandbox: SandboxServer) -> None:
    """An approved plan is done: everybody is invited once, with the role of the plan; seats say so, with the vendor's
    invitation and its end; the plan is applied; a second plan has nothing to do; the audit trail holds."""
    org, row, _ = ready(sandbox, 5)
    plan = applied(row)
    job = run(job_of(plan))
    assert (job["state"], job["ok"], job["result"]["done"]) == ("succeeded", 5, 5)
    assert once_each(org, 5)
    seat = Seat.objects.get(workspace=row, person__email=address(1))
    assert (seat.state, bool(seat.invite), seat.intent, seat.role) == ("invited", True, "", "reader")
    assert seat.expires_at is not None
    assert seat.invited_at is not None
    assert seat.expires_at > seat.invited_at
    assert Plan.objects.get(id=plan["id"]).state == "applied"
    assert steps_of(planned(row)) == []
    assert verify(ADMIN).ok


def test_invitations_become_seats(database: str, sandbox: SandboxServer) -> None:
    """Who accepts is active after the next reading, who lets it run out is expired, the others stay invited."""
    org, row, _ = ready(sandbox, 3)
    run(job_of(applied(row)))
    org.accept(address(1))
    org.expire(address(2))
    run_kind(row, kinds.RECONCILE)
    assert states(row) == {address(1): "active", address(2): "expired", address(3): "invited"}


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
@pytest.mark.parametrize("fault", ["500-after", "timeout-after", "close-after", "garbage-after"])
def test_work_that_was_done_without_an_answer_is_found(
    database: str, sandbox: SandboxServer, vendor: str, fault: str
) -> None:
    """A vendor that does the work and then fails to say so is read, and nobody is invited twice."""
    if fault == "timeout-after" and vendor == "anthropic":
        pytest.skip("it takes the whole timeout, and is the same road")
    org, row, _ = ready(sandbox, 2, vendor)
    org.faults.set(fault.replace("timeout", "close"), on=INVITE, times=2)
    assert run(job_of(applied(row)))["state"] == "succeeded"
    assert once_each(org, 2)
    assert set(states(row).values()) == {"invited"}


@pytest.mark.parametrize("fault", ["500", "503", "close", "429", "429-bare", "409", "bad-json-after"])
def test_work_that_was_not_done_is_tried_again(database: str, sandbox: SandboxServer, fault: str) -> None:
    """What fails for now is tried again, and is done once."""
    org, row, _ = ready(sandbox, 2)
    org.faults.set(fault, on=INVITE, times=2)
    assert run(job_of(applied(row)))["state"] == "succeeded"
    assert once_each(org, 2)


def test_nobody_is_invited_again_before_the_vendor_had_its_time(database: str, sandbox: SandboxServer) -> None:
    """Where lists lag, an invitation whose answer was lost is looked for until the vendor had time to list it; until then
    the seat stands unconfirmed and no plan writes to it."""
    org, row, who = ready(sandbox, 1)
    plan = applied(row)
    org.faults.set("500-after", on=INVITE, times=1)
    org.settings.listed_after = 1.5
    with rules(listed_after=timedelta(seconds=3)):
        job = run(job_of(plan))
    org.settings.listed_after = 0.0
    assert job["state"] == "succeeded"
    assert once_each(org, 1)
    assert JobItem.objects.get(job=job["id"]).attempts > 1
    with change(ADMIN) as edit:
        seats.begin(edit, Seat.objects.get(person_id=who[0]).id, "reinvite")
    assert steps_of(planned(row)) == [("blocked", address(1), "unsure")]


def test_a_refusal_is_told_and_stops_nobody_else(database: str, sandbox: SandboxServer) -> None:
    """Whom the vendor refuses has failed, with the vendor's reason; the others are invited; the next plan tries again."""
    org, row, _ = ready(sandbox, 3)
    org.settings.allowed_domains = {"elsewhere.test"}
    plan = applied(row)
    job = run(job_of(plan))
    org.settings.allowed_domains = set()
    assert (job["state"], job["failed"]) == ("failed", 3)
    assert set(states(row).values()) == {"failed"}
    assert "not allowed here" in Seat.objects.get(workspace=row, person__email=address(1)).detail
    assert Plan.objects.get(id=plan["id"]).state == "applied"
    assert {reason for _, _, reason in steps_of(planned(row))} == {"failed_before"}
    assert run(job_of(applied(row)))["state"] == "succeeded"
    assert once_each(org, 3)


def test_retrying_a_job_does_what_failed(database: str, sandbox: SandboxServer) -> None:
    """"Retry failed" makes a job of the failed people alone, and what it does stands in the plan."""
    org, row, _ = ready(sandbox, 3)
    org.faults.set("500", on=INVITE, times=30)
    plan = applied(row, item_retries=1)
    first = run(job_of(plan))
    org.faults.clear()
    assert first["failed"] == 3
    again = jobs.retry_failed(ADMIN, first["id"])
    second = run(str(again["id"]))
    assert second["ok"] == 3, told_of(second["id"])
    assert once_each(org, 3)
    assert set(Plan.objects.get(id=plan["id"]).steps.exclude(kind="skip").values_list("outcome", flat=True)) == {"done"}


def test_who_is_in_already_is_taken_over(database: str, sandbox: SandboxServer) -> None:
    """Whoever was added, or invited, at the vendor between the approval and the call is linked, not invited again."""
    org, row, _ = ready(sandbox, 2)
    plan = applied(row)

    def meanwhile() -> None:
        org.add(address(1))
        org.invite(address(2), "reader")

    item = jobs.get(ADMIN, job_of(plan))
    assert item["state"] == "queued"
    before = _read_first(row)
    meanwhile()
    with before:
        run(job_of(plan))
    assert states(row) == {address(1): "active", address(2): "invited"}
    assert [write.operation for write in org.writes() if write.done and "invites" in write.operation] == []


def test_who_was_invited_while_the_job_waited_is_not_invited_again(database: str, sandbox: SandboxServer) -> None:
    """A job that goes on later looks who was invited, or came in, at the vendor meanwhile: nobody gets a second invitation."""
    org, row, _ = ready(sandbox, 3)
    job = job_of(applied(row))
    org.faults.set("429", on=INVITE, times=1, seconds=600)
    assert run_once(job) is not None
    assert org.invitations(address(1)) == 0
    org.add(address(1))
    for number in (2, 3):
        org.invite(address(number), "reader")
    org.forget()
    Pace.objects.all().delete()      # the ten minutes are over
    JobItem.objects.update(run_after=None)
    assert run(job)["state"] == "succeeded"
    assert [each.operation for each in org.writes()] == []
    assert states(row) == {address(1): "active", address(2): "invited", address(3): "invited"}


def _read_first(row: Workspace) -> Any:
    """The reading that a job begins with, made before: what happens after it is not seen by the plan."""
    import contextlib

    from stationmaster.workspaces.work import reading

    @contextlib.contextmanager
    def unread() -> Any:
        real = reading.read_people
        reading.read_people = lambda run: None
        try:
            yield
        finally:
            reading.read_people = real

    return unread()


def test_a_plan_that_changed_is_not_applied(database: str, sandbox: SandboxServer) -> None:
    """When what the vendor has makes it another plan by the time its job runs, nothing is done, and the plan is stale."""
    org, row, _ = ready(sandbox, 3)
    plan = applied(row)
    org.add(address(1))
    job = run(job_of(plan))
    assert (job["state"], job["cause"]) == ("failed", "error.plan.stale")
    assert Plan.objects.get(id=plan["id"]).state == "stale"
    assert org.writes() == []


def test_seats_are_not_exceeded(database: str, sandbox: SandboxServer) -> None:
    """Four seats and six people: four go, two are blocked with the reason."""
    org, row, _ = ready(sandbox, 6, people=1)
    workspaces.update_workspace(ADMIN, row.id, {"seat_limit": 5})
    plan = applied(row)
    kinds_ = sorted(kind for kind, _, _ in steps_of(plan))
    assert kinds_ == ["blocked"] * 2 + ["invite"] * 4
    job = run(job_of(plan))
    assert job["state"] == "succeeded", job["sentence"]
    assert sum(org.invitations(address(n)) for n in range(1, 7)) == 4


def test_roles_and_removals(database: str, sandbox: SandboxServer) -> None:
    """Another role is given and whoever has no assignment any more is taken out, or their invitation back, by one plan that
    takes two approvals; a removal of somebody who is gone already is done, too."""
    org, row, who = ready(sandbox, 4)
    run(job_of(applied(row)))
    for number in (1, 2, 3):
        org.accept(address(number))
    run_kind(row, kinds.RECONCILE)
    people.change_members(ADMIN, "everybody", [], who[1:])
    workspaces.create_assignment(ADMIN, {"workspace": row.name, "person": who[0], "role": "owner"})
    plan = approved(row, second=OPERATOR)
    assert plan["second_approval"] == ["gives_owner", "many_removals"]
    plan = dict(workspaces.apply_plan(ADMIN, plan["id"], {}))
    with _read_first(row):
        org.leave(address(2))
        job = run(job_of(plan))
    assert job["state"] == "succeeded", told_of(job["id"])
    assert states(row) == {address(1): "active", address(2): "removed", address(3): "removed", address(4): "removed"}
    left = {member.email: member.role for member in org.members()}
    assert left[address(1)] == "owner"
    assert not left.keys() & {address(2), address(3), address(4)}
    assert not [each for each in org.invites() if each.status == "pending"]


def test_projects_are_given(database: str, sandbox: SandboxServer) -> None:
    """An assignment's projects are given with the invitation, and to whoever is in already."""
    org = an_organisation(sandbox)
    project = org.projects.put(Project("proj_research", "Research", org.clock()))
    row = attach(sandbox, org)
    run_all()
    who = persons(2)
    org.add(address(1))
    assign(a_group(who), row, projects=[project.id])
    run_kind(row, kinds.RECONCILE)      # an assignment with projects has it look who is in which
    plan = applied(row)
    assert sorted(kind for kind, _, _ in steps_of(plan)) == ["adopt", "invite", "projects"]
    job = run(job_of(plan))
    assert job["state"] == "succeeded", told_of(job["id"])
    org.accept(address(2))
    inside = {place.member for place in org.places.all() if place.project == project.id}
    assert {member.email for member in org.members() if member.id in inside} == {address(1), address(2)}
    run_kind(row, kinds.RECONCILE)
    assert steps_of(planned(row)) == []


def test_licences_are_bought_and_given_back(database: str, sandbox: SandboxServer) -> None:
    """At GitHub, who is in the organisation is assigned a seat by a plan that shows that it buys and takes two approvals; an
    item a person; taking it away leaves them in the organisation."""
    org = an_organisation(sandbox, "github_copilot", people=1)
    row = attach(sandbox, org)
    who = persons(3)
    for number, person in enumerate(who, 1):
        org.add(address(number), login=f"coder-{number}")
        people.link_login(ADMIN, person, vendor="github_copilot", login=f"coder-{number}")
    run_all()
    assign(a_group(who), row)
    plan = applied(row, second=OPERATOR)
    assert plan["second_approval"] == ["buys_seats"]
    job = run(job_of(plan))
    assert (job["state"], job["ok"]) == ("succeeded", 3), told_of(job["id"])
    run_kind(row, kinds.RECONCILE)
    assert set(states(row).values()) == {"active"}
    people.change_members(ADMIN, "everybody", [], who[:1])
    job = run(job_of(applied(row, second=OPERATOR)))
    assert job["state"] == "succeeded", told_of(job["id"])
    assert states(row)[address(1)] == "removed"
    assert any(member.login == "coder-1" for member in org.members())


def test_somebody_who_left_meanwhile_is_not_invited(database: str, sandbox: SandboxServer) -> None:
    """A person who leaves between the reading and their turn is skipped."""
    org, row, who = ready(sandbox, 2)
    plan = applied(row)
    with _read_first(row):
        from stationmaster.workspaces.work import apply

        real = apply._as_approved
        apply._as_approved = lambda run, plan: None
        try:
            people.deactivate_person(ADMIN, who[0])
            job = run(job_of(plan))
        finally:
            apply._as_approved = real
    assert (job["ok"], job["skipped"]) == (1, 1)
    assert org.invitations(address(1)) == 0


def test_a_refused_credential_stops_all_and_the_rest_is_left(database: str, sandbox: SandboxServer) -> None:
    """When the vendor refuses the credential in the middle, the job fails, nobody is marked as failed, and a batch run goes
    on with whoever is left, once it works again."""
    org, row, _ = ready(sandbox, 3)
    plan = applied(row)
    org.faults.set("401", on=INVITE, times=1)
    job = run(job_of(plan))
    assert (job["state"], job["cause"]) == ("failed", "error.vendor.stop_run")
    assert "failed" not in states(row).values()
    status = workspaces.start_run(ADMIN, row.name, {"concurrency": 2, "item_retries": 2})
    assert status["pending"] == 3
    run_all()
    after = workspaces.get_run(ADMIN, row.name)
    assert (after["running"], after["done"], after["left"], after["pending"]) == (False, 3, 0, 0)
    assert once_each(org, 3)
    assert Plan.objects.get(id=plan["id"]).state == "applied"


def test_a_batch_run_takes_all_that_is_approved(database: str, sandbox: SandboxServer) -> None:
    """A run begins with every approved plan of its workspaces; starting it twice does nothing twice; stopping leaves the rest
    to the next one."""
    org, row, who = ready(sandbox, 3)
    other = an_organisation(sandbox)
    second = attach(sandbox, other)
    run_all()
    workspaces.create_assignment(ADMIN, {"workspace": second.name, "person": who[0]})
    for each in (row, second):
        approved(each)
    about = "all"
    assert workspaces.start_run(ADMIN, about, {})["running"]
    workspaces.start_run(ADMIN, about, {})
    workspaces.stop_run(ADMIN, about, {})
    assert workspaces.get_run(ADMIN, about)["running"] is False
    assert (org.writes(), other.writes()) == ([], [])
    workspaces.start_run(ADMIN, about, {})
    run_all()
    assert once_each(org, 3)
    assert other.invitations(address(1)) == 1
    status = workspaces.get_run(ADMIN, about)
    assert (status["done"], status["pending"], status["failed"]) == (4, 0, 0)


def test_an_invitation_on_request(database: str, sandbox: SandboxServer) -> None:
    """"Invite again" withdraws what is pending and invites anew; after a crash in between, what was begun is found."""
    org, row, _ = ready(sandbox, 2)
    run(job_of(applied(row)))
    seat = Seat.objects.get(workspace=row, person__email=address(1))
    job = workspaces.reinvite_seat(ADMIN, seat.id, {})
    org.faults.set("500-after", on=INVITE, times=1)
    assert run(str(job["id"]))["state"] == "succeeded"
    assert len([each for each in org.invites() if each.email == address(1) and each.status == "pending"]) == 1
    assert org.invitations(address(1)) == 2
    org.expire(address(2))
    other = Seat.objects.get(workspace=row, person__email=address(2))
    assert run(str(workspaces.reinvite_seat(ADMIN, other.id, {})["id"]))["state"] == "succeeded"
    assert states(row) == {address(1): "invited", address(2): "invited"}
