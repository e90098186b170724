"""What happens to people's seats by itself: reconciliation, leavers, who shows no activity, reminders."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db.utils import OperationalError
from django.utils import timezone

from controlkit import ADMIN, OPERATOR
from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import QUEUED, Job, Schedule
from stationmaster.people import services as people
from stationmaster.sandbox.admin import Organisation
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.changes import change
from stationmaster.workspaces import kinds, seats
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Plan, Seat, VendorMember, Workspace
from stationmaster.workspaces.work import offboard
from work.kit import (
    Mailbox,
    a_group,
    address,
    an_organisation,
    applied,
    assign,
    attach,
    persons,
    planned,
    rules,
    run_all,
    run_kind,
    states,
    steps_of,
    told_of,
)

DAY = 86_400.0


def settled(
    sandbox: SandboxServer, number: int, vendor: str = "openai", **policy: Any
) -> tuple[Organisation, Workspace, list[str]]:
    """A workspace in which so many persons are, as assigned."""
    org = an_organisation(sandbox, vendor)
    row = attach(sandbox, org, **policy)
    run_all()
    who = persons(number)
    assign(a_group(who), row)
    applied(row)
    run_all()
    for n in range(1, number + 1):
        org.accept(address(n))
    run_kind(row, kinds.RECONCILE)
    run_all()
    org.forget()
    return org, row, who


def test_a_pass_without_drift_writes_nothing(database: str, sandbox: SandboxServer) -> None:
    """Where all is as assigned, reconciliation reads, writes nothing at the vendor, and makes no plan, whatever the policy."""
    org, row, _ = settled(sandbox, 3, fix_drift="all", removes="all")
    before = Plan.objects.count()
    job = run_kind(row, kinds.RECONCILE)
    assert (job["result"]["drift"], job["result"]["plan"]) == ({}, "")
    assert org.writes() == []
    assert Plan.objects.count() == before
    assert org.requests > 0


def test_drift_is_shown_and_left_alone(database: str, sandbox: SandboxServer) -> None:
    """Without a policy to mend, a difference is told with its reason and nothing is done."""
    org, row, _ = settled(sandbox, 3)
    org.leave(address(1))
    run_kind(row, kinds.RECONCILE)
    assert states(row)[address(1)] == "active"      # missing once is no proof
    result = run_kind(row, kinds.RECONCILE)["result"]
    assert result["drift"] == {"invite": 1}
    assert result["steps"][0]["reason"] == "assigned"
    assert states(row)[address(1)] == "removed"
    assert (org.writes(), result["plan"]) == ([], "")
    drift = workspaces.get_workspace(ADMIN, row.id)["drift"]
    assert (drift["kinds"], [step["name"] for step in drift["steps"]]) == ({"invite": 1}, ["person-0001"])


def test_drift_ends_with_the_plan_that_mends_it(database: str, sandbox: SandboxServer) -> None:
    """What a plan's steps did since is no drift any more, before the next reconciliation; what they did not, is."""
    _, row, who = settled(sandbox, 5)
    with rules(removal_share=100):
        for one in who[:2]:
            people.deactivate_person(ADMIN, one)
        run_all()
        drift = workspaces.get_workspace(ADMIN, row.id)["drift"]
        assert (drift["kinds"], drift["done"], workspaces.get_plan(ADMIN, drift["plan"])["state"]) == ({"remove": 2}, 0, "open")
        plan = workspaces.make_plan(ADMIN, {"workspaces": [row.name]})
        assert workspaces.get_plan(ADMIN, drift["plan"])["state"] == "stale"
        workspaces.approve_plan(ADMIN, plan["id"], {})
        workspaces.apply_plan(ADMIN, plan["id"], {})
        run_all()
    drift = workspaces.get_workspace(ADMIN, row.id)["drift"]
    assert (drift["kinds"], drift["steps"], drift["more"], drift["done"]) == ({}, [], 0, 2)
    assert set(states(row).values()) == {"removed", "active"}
    assert run_kind(row, kinds.RECONCILE)["result"]["drift"] == {}


def test_a_plan_that_has_nothing_to_mend_any_more_is_outdated(database: str, sandbox: SandboxServer) -> None:
    """What a reconciliation left open for people is closed by the next one that finds no difference."""
    _, row, who = settled(sandbox, 3)
    with rules(removal_share=100):
        people.deactivate_person(ADMIN, who[0])
        (ended,) = run_all()
        assert workspaces.get_plan(ADMIN, ended["result"]["plan"])["state"] == "open"
        people.reactivate_person(ADMIN, who[0])
        assert run_kind(row, kinds.RECONCILE)["result"]["drift"] == {}
    assert workspaces.get_plan(ADMIN, ended["result"]["plan"])["state"] == "stale"


def test_drift_is_mended_as_far_as_the_policy_says(database: str, sandbox: SandboxServer) -> None:
    """`invite` invites who is missing and removes nobody; `all` removes who should not be in; a removal of many waits for two
    people, in one plan however often it is found."""
    org, row, who = settled(sandbox, 3, fix_drift="invite", removes="all")
    org.leave(address(1))
    org.add("stranger@elsewhere.test")
    for _ in range(2):
        run_kind(row, kinds.RECONCILE)
    run_all()
    assert org.invitations(address(1)) == 1
    assert org.member("stranger@elsewhere.test") is not None
    workspaces.update_workspace(ADMIN, row.id, {"fix_drift": "all"})
    plans = {run_kind(row, kinds.RECONCILE)["result"]["plan"] for _ in range(3)}
    run_all()
    (which,) = plans
    plan = workspaces.get_plan(ADMIN, which)
    assert (plan["state"], plan["second_approval"]) == ("open", ["many_removals"])
    assert org.member("stranger@elsewhere.test") is not None
    with rules(removal_share=100):
        run_kind(row, kinds.RECONCILE)
        run_all()
    assert org.member("stranger@elsewhere.test") is None
    assert who


def test_an_incomplete_reading_moves_nobody(database: str, sandbox: SandboxServer) -> None:
    """When the vendor fails in the middle of a list, nobody is taken for gone, and nothing is mended."""
    org, row, _ = settled(sandbox, 3, fix_drift="all")
    org.leave(address(1))
    org.faults.set("500", on="GET *invites*", times=None)
    job = run_kind(row, kinds.RECONCILE, item_retries=1)
    org.faults.clear()
    assert job["result"] == {"read": False}
    assert VendorMember.objects.get(workspace=row, email=address(1)).missed == 0
    assert set(states(row).values()) == {"active"}


def test_reconciliation_comes_by_itself(database: str, sandbox: SandboxServer) -> None:
    """A workspace that is attached without saying is reconciled as often as the setting says; one that says never, is not."""
    with rules(reconcile_minutes=15):
        row = attach(sandbox, an_organisation(sandbox))
        never = attach(sandbox, an_organisation(sandbox), reconcile_minutes=0)
    assert Schedule.objects.get(kind=kinds.RECONCILE, workspace=row.id).every == 900
    assert not Schedule.objects.filter(workspace=never.id).exists()


@pytest.mark.parametrize("fix", ["none", "all"])
def test_a_leaver_loses_their_seats(database: str, sandbox: SandboxServer, fix: str) -> None:
    """Somebody who leaves has their workspaces reconciled at once: by policy they are out, or they stand in a plan that waits for
    approval; others keep their seats. Leaving twice asks once."""
    with rules(removal_share=100):
        org, row, who = settled(sandbox, 3, fix_drift=fix)
        people.deactivate_person(ADMIN, who[0])
        people.deactivate_person(ADMIN, who[1])
        assert Job.objects.filter(state=QUEUED, kind=kinds.RECONCILE).count() == 1
        ended = run_all()
    if fix == "all":
        assert states(row) == {address(1): "removed", address(2): "removed", address(3): "active"}
        assert org.member(address(1)) is None
    else:
        assert org.writes() == []
        plan = workspaces.get_plan(ADMIN, ended[0]["result"]["plan"])
        assert plan["state"] == "open"
        assert {reason for kind, _, reason in steps_of(plan) if kind == "remove"} == {"left"}


def test_an_owner_is_never_removed(database: str, sandbox: SandboxServer) -> None:
    """The owner of an organisation stays, though they left and the policy removes everybody."""
    org, row, who = settled(sandbox, 2, fix_drift="all", removes="all")
    org.give_role(address(1), "owner")
    people.deactivate_person(ADMIN, who[0])
    with rules(removal_share=100):
        run_all()
        run_kind(row, kinds.RECONCILE)
        run_all()
    assert org.member(address(1)) is not None
    assert org.writes() == []


def idle(sandbox: SandboxServer, **policy: Any) -> tuple[Organisation, Workspace, list[str]]:
    """Three who hold a licence: one active today, one long ago, one of whom nothing was ever reported, all for long."""
    org = an_organisation(sandbox, "github_copilot", people=1)
    row = attach(sandbox, org, remove_inactive_days=30, **policy)
    who = persons(3)
    for n, (person, active) in enumerate(zip(who, (time.time(), time.time() - 90 * DAY, None), strict=True), 1):
        org.add(address(n), login=f"coder-{n}", last_active_at=active)
        people.link_login(ADMIN, person, vendor="github_copilot", login=f"coder-{n}")
    run_all()
    assign(a_group(who), row)
    applied(row, second=OPERATOR)
    run_all()
    run_kind(row, kinds.RECONCILE)
    long_ago(row)
    return org, row, who


def long_ago(row: Workspace) -> None:
    """All seats have been held for long."""
    with change(ADMIN) as edit:
        for seat in Seat.objects.filter(workspace=row):
            locked = seats.locked(seat.id)
            with edit.updating(locked, action="age"):
                locked.since = timezone.now() - timedelta(days=200)


def removals(row: Workspace) -> dict[str, str]:
    """Where each is in the queue, by address."""
    return dict(Seat.objects.filter(workspace=row).values_list("person__email", "removal"))


def test_who_shows_no_activity_is_told_first(database: str, sandbox: SandboxServer, mailbox: Mailbox) -> None:
    """Whoever has had no activity reported for long becomes a candidate, is written to once, and has a time of grace; a plan
    removes them when it is over, not before; who is kept with a reason is left alone, and who is seen again is none any more."""
    org, row, who = idle(sandbox, notify=True, grace_days=7)
    job = run_kind(row, kinds.OFFBOARD)
    assert job["state"] == "succeeded", told_of(job["id"])
    assert removals(row)[address(1)] == ""
    noted = {whom for whom, removal in removals(row).items() if removal == "notified"}
    assert address(2) in noted
    assert {taken.to for taken in mailbox.taken} == noted
    assert len(mailbox.taken) == len(noted)
    run_kind(row, kinds.OFFBOARD)
    assert len(mailbox.taken) == len(noted)
    assert [step for step in steps_of(planned(row)) if step[0] == "unassign"] == []
    seat = Seat.objects.get(workspace=row, person_id=who[1])
    with change(ADMIN) as edit:
        locked = seats.locked(seat.id)
        with edit.updating(locked, action="age"):
            locked.grace_until = timezone.now() - timedelta(hours=1)
    assert ("unassign", address(2), "inactive") in steps_of(planned(row))
    workspaces.skip_removal(ADMIN, seat.id, {"reason": "on leave"})
    assert [step for step in steps_of(planned(row)) if step[0] == "unassign"] == []
    assert run_kind(row, kinds.OFFBOARD)["result"]["skipped"] == 1
    assert org.writes()


@pytest.mark.parametrize("moment", ["before the mail", "after the mail"])
def test_a_worker_that_dies_leaves_nobody_untold(
    database: str, sandbox: SandboxServer, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Whoever is told that their seat goes was written to before their grace began, however the worker ends in between: a mail of
    which nothing was noted is written again under its own Message-ID, one that was not written is."""
    _, row, _ = idle(sandbox, notify=True, grace_days=7)
    name = "write" if moment == "before the mail" else "_noted"
    whole = getattr(offboard, name)
    died: list[int] = []

    def dies(*args: Any, **more: Any) -> Any:
        if not died:
            died.append(len(mailbox.taken))
            raise OperationalError("the database is gone")
        return whole(*args, **more)

    monkeypatch.setattr(offboard, name, dies)
    run_kind(row, kinds.OFFBOARD)
    run_all()
    noted = {whom for whom, removal in removals(row).items() if removal == "notified"}
    assert noted
    assert {taken.to for taken in mailbox.taken} == noted
    assert died == [0 if moment == "before the mail" else 1]
    ids = [str(taken.mail["Message-ID"]) for taken in mailbox.taken]
    assert (len(ids), len(set(ids))) == (len(noted) + died[0], len(noted))


def test_grace_begins_when_the_mail_is_taken(database: str, sandbox: SandboxServer, mailbox: Mailbox) -> None:
    """While nobody knows whether a relay took the notice, the person is a candidate and no grace runs; the next run writes the
    same mail again, and then it does."""
    _, row, _ = idle(sandbox, notify=True, grace_days=7)
    mailbox.drop = True
    run_kind(row, kinds.OFFBOARD, item_retries=1)
    seat = Seat.objects.get(workspace=row, person__email=address(2))
    assert (seat.removal, seat.grace_until) == ("candidate", None)
    mailbox.drop = False
    run_kind(row, kinds.OFFBOARD)
    seat.refresh_from_db()
    assert seat.removal == "notified"
    assert seat.grace_until is not None
    assert seat.grace_until > timezone.now() + timedelta(days=6)
    ids = {str(taken.mail["Message-ID"]) for taken in mailbox.taken if taken.to == address(2)}
    assert len(ids) == 1


def test_without_a_relay_nobody_is_given_up_untold(database: str, sandbox: SandboxServer) -> None:
    """Where people are to be told first and no mail is sent from here, they stay candidates; where they are not to be told, grace
    begins; a rehearsal marks nobody."""
    _, row, _ = idle(sandbox, notify=True)
    run_kind(row, kinds.OFFBOARD, dry_run=True)
    assert set(removals(row).values()) == {""}
    run_kind(row, kinds.OFFBOARD)
    assert removals(row)[address(2)] == "candidate"
    workspaces.update_workspace(ADMIN, row.id, {"notify": False})
    run_kind(row, kinds.OFFBOARD)
    assert removals(row)[address(2)] == "notified"


def test_a_vendor_that_reports_nothing_makes_no_candidates(database: str, sandbox: SandboxServer) -> None:
    """Where no activity is reported of anybody, nobody is a candidate: no report proves nothing."""
    _, row, _ = settled(sandbox, 2, remove_inactive_days=1)
    VendorMember.objects.filter(workspace=row).update(last_active_at=None)
    long_ago(row)
    run_kind(row, kinds.OFFBOARD)
    assert set(removals(row).values()) == {""}


def waiting(sandbox: SandboxServer, number: int = 2) -> tuple[Organisation, Workspace]:
    """So many who were invited ten days ago."""
    org = an_organisation(sandbox)
    row = attach(sandbox, org)
    run_all()
    assign(a_group(persons(number)), row)
    applied(row)
    run_all()
    with change(ADMIN) as edit:
        for seat in Seat.objects.filter(workspace=row):
            locked = seats.locked(seat.id)
            with edit.updating(locked, action="age"):
                locked.invited_at = timezone.now() - timedelta(days=10)
    return org, row


def test_who_waits_is_reminded_once_a_period(database: str, sandbox: SandboxServer, mailbox: Mailbox) -> None:
    """Everybody whose invitation is old enough gets one mail, and no second one in the period; who was invited lately gets
    none."""
    _, row = waiting(sandbox)
    job = run_kind(row, kinds.REMIND)
    assert (job["state"], job["ok"]) == ("succeeded", 2)
    assert sorted(taken.to for taken in mailbox.taken) == [address(1), address(2)]
    assert row.name in str(mailbox.taken[0].mail["Subject"])
    assert run_kind(row, kinds.REMIND)["total"] == 0
    assert len(mailbox.taken) == 2
    with rules(remind=timedelta(days=30)):
        assert run_kind(row, kinds.REMIND)["total"] == 0


def test_a_mail_that_did_not_go_is_sent_later(database: str, sandbox: SandboxServer, mailbox: Mailbox) -> None:
    """What the relay refused is not counted as sent; what it may have taken is, and is not sent again."""
    _, row = waiting(sandbox, 1)
    mailbox.refuse = "550 no such user"
    assert run_kind(row, kinds.REMIND)["failed"] == 1
    mailbox.refuse = ""
    mailbox.drop = True
    assert run_kind(row, kinds.REMIND)["ok"] == 1
    mailbox.drop = False
    assert run_kind(row, kinds.REMIND)["total"] == 0
    assert len(mailbox.taken) == 1


def test_reminding_without_a_relay_says_so(database: str, sandbox: SandboxServer) -> None:
    """Without a relay the job fails and says what to set."""
    _, row = waiting(sandbox, 1)
    job = run_kind(row, kinds.REMIND)
    assert (job["state"], job["cause"]) == ("failed", "error.mail.not_set")
    assert "mail.host" in job["sentence"]
    assert jobs.last_of(row.id)["remind"]["state"] == "failed"
