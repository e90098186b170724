"""People whose address changes: a marriage, or a company's new domain. At the vendor they are who they were."""

from typing import Any

import pytest

from controlkit import ADMIN, OPERATOR
from internal.kit import serving
from scim.kit import directory_of, op
from stationmaster.entrances.scim.door import rates
from stationmaster.errors import Conflict
from stationmaster.people import services as people
from stationmaster.sandbox.admin import Organisation
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.listing import Query
from stationmaster.workspaces import kinds
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Seat, VendorInvite, VendorMember, Workspace
from stationmaster.workspaces.work import apply, doing
from work.kit import (
    a_group,
    address,
    an_organisation,
    applied,
    assign,
    attach,
    persons,
    planned,
    run,
    run_all,
    run_kind,
    states,
    steps_of,
)

OTHER = "new.test"


def job_of(plan: dict[str, object]) -> str:
    """The one job that applies a plan."""
    jobs = plan["jobs"]
    assert isinstance(jobs, dict)
    (job,) = jobs.values()
    return str(job)


def taken_over(sandbox: SandboxServer, number: int) -> tuple[Organisation, Workspace, list[str]]:
    """A workspace with so many people, who are in, and whose seats are in our books."""
    org = an_organisation(sandbox)
    row, who = attach(sandbox, org), persons(number)
    for n in range(1, number + 1):
        org.add(address(n))
    assign(a_group(who), row)
    run_all()
    run(job_of(applied(row)))
    org.forget()
    return org, row, who


def invited(sandbox: SandboxServer) -> tuple[Organisation, Workspace, str]:
    """A workspace with one person, who was invited and has not accepted."""
    org = an_organisation(sandbox)
    row, (who,) = attach(sandbox, org), persons(1)
    assign(a_group([who]), row)
    run_all()
    run(job_of(applied(row)))
    org.forget()
    return org, row, who


def called(who: str, email: str) -> None:
    """Their address from now on."""
    people.update_person(ADMIN, who, {"email": email})


def twice(row: Workspace) -> None:
    """Read it two times, and do all that comes of it."""
    for _ in range(2):
        run_kind(row, kinds.RECONCILE)
        run_all()


def sentences(row: Workspace) -> list[str]:
    """What a new plan says of each person."""
    found = workspaces.list_steps(ADMIN, str(planned(row)["id"]), Query(limit=500)).items
    return [str(each["sentence"]) for each in found if each["person"]]


def test_a_member_stays_who_they_are(database: str, sandbox: SandboxServer) -> None:
    """Somebody whose address changed is neither gone nor invited a second time: the plan says as what the vendor knows them, and
    keeps no address."""
    org, row, who = taken_over(sandbox, 1)
    called(who[0], address(1, OTHER))
    twice(row)
    assert list(states(row).values()) == ["active"]
    assert steps_of(planned(row)) == [("skip", address(1, OTHER), "renamed")]
    assert sentences(row) == [f"is in, and known at the vendor as {address(1)}"]
    assert "removed" not in {each["action"] for each in _history(row, who[0])}
    assert org.writes() == []


def _history(row: Workspace, who: str) -> list[dict[str, object]]:
    seat = Seat.objects.get(workspace=row, person=who)
    return [dict(each) for each in workspaces.seat_history(ADMIN, seat.id, Query(limit=500)).items]


@pytest.mark.parametrize("erased", [False, True])
def test_a_leaver_is_taken_out_whatever_the_vendor_calls_them(database: str, sandbox: SandboxServer, erased: bool) -> None:
    """Whoever leaves after their address changed, or whose address is forgotten, is removed by the vendor's own id."""
    org, row, who = taken_over(sandbox, 1)
    called(who[0], address(1, OTHER))
    twice(row)
    (people.erase_person if erased else people.deactivate_person)(ADMIN, who[0])
    run_all()
    assert [step[::2] for step in steps_of(planned(row))] == [("remove", "left")]
    run(job_of(applied(row, second=OPERATOR)))
    assert org.member(address(1)) is None


def test_a_licence_is_taken_from_whom_the_vendor_lists(database: str, sandbox: SandboxServer) -> None:
    """A licence goes by a login: of somebody who is erased, and so has none here any more, it is the one that is listed."""
    org = an_organisation(sandbox, "github_copilot", people=1)
    row, (who,) = attach(sandbox, org), persons(1)
    org.add(address(1), login="coder-1")
    people.link_login(ADMIN, who, vendor="github_copilot", login="coder-1")
    assign(a_group([who]), row)
    run_all()
    run(job_of(applied(row, second=OPERATOR)))
    people.erase_person(ADMIN, who)
    run_all()
    run(job_of(applied(row, second=OPERATOR)))
    assert "coder-1" not in {licence.id for licence in org.licences.all() if licence.ends_at is None}


def test_a_company_moves_to_another_domain(database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a directory changes everybody's address, and a workspace mends all by itself, nothing is written at the vendor: not
    about members, and not about those who have not accepted yet."""
    monkeypatch.setattr(rates, "_per_second", 1e9)
    org, row, who = taken_over(sandbox, 12)
    org.leave(address(11))
    org.leave(address(12))
    twice(row)
    run(job_of(applied(row)))
    org.forget()
    workspaces.update_workspace(ADMIN, row.id, {"fix_drift": "all"})
    with serving() as control, directory_of(control.url) as directory:
        for n, person in enumerate(who, 1):
            given = {"value": address(n, OTHER), "type": "work", "primary": True}
            assert directory.changed(f"/Users/{person}", op("replace", "emails", [given])).status_code in (200, 204)
    twice(row)
    assert org.writes() == []
    assert sorted(states(row).items()) == [
        (address(n, OTHER), "active" if n < 11 else "invited") for n in range(1, 13)
    ]  # fmt: skip


def test_an_invitation_to_an_address_that_changed(database: str, sandbox: SandboxServer) -> None:
    """Nobody is written to unasked: a plan says that the old invitation is withdrawn and they are invited anew, and does it when
    it is approved."""
    org, row, who = invited(sandbox)
    called(who, address(1, OTHER))
    workspaces.update_workspace(ADMIN, row.id, {"fix_drift": "all"})
    twice(row)
    assert (org.writes(), list(states(row).values())) == ([], ["invited"])
    assert steps_of(planned(row)) == [("reinvite", address(1, OTHER), "address_of_invite")]
    run(job_of(applied(row)))
    assert [each.email for each in org.invites() if each.status == "pending"] == [address(1, OTHER)]
    assert steps_of(planned(row)) == []


def test_an_old_invitation_that_is_accepted_at_the_last_moment(
    database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever accepts after the plan was compared, and before it is done, is not invited again."""
    org, row, who = invited(sandbox)
    called(who, address(1, OTHER))
    run_kind(row, kinds.RECONCILE)
    plan = applied(row)

    def late(*given: Any) -> Any:
        org.accept(address(1))
        return doing.do(*given)

    monkeypatch.setattr(apply, "do", late)
    assert run(job_of(plan))["state"] == "failed"
    assert [each for each in org.writes() if each.operation.startswith("POST ")] == []
    monkeypatch.setattr(apply, "do", doing.do)
    run_kind(row, kinds.RECONCILE)
    run(job_of(applied(row)))
    assert [reason for _, _, reason in steps_of(planned(row))] == ["renamed"]


def test_an_old_invitation_that_is_accepted(database: str, sandbox: SandboxServer) -> None:
    """Whoever accepts the invitation to their old address is in, and is not invited again."""
    org, row, who = invited(sandbox)
    called(who, address(1, OTHER))
    org.accept(address(1))
    workspaces.update_workspace(ADMIN, row.id, {"fix_drift": "all"})
    twice(row)
    assert (org.writes(), list(states(row).values())) == ([], ["active"])
    assert [reason for _, _, reason in steps_of(planned(row))] == ["renamed"]


def test_a_name_that_is_another_persons_wins(database: str, sandbox: SandboxServer) -> None:
    """An address that was given on is whose it is now; that the account was another's stands as a conflict until a plan took it
    into our books, and the account does not vanish from our copy meanwhile."""
    _, row, who = taken_over(sandbox, 1)
    called(who[0], address(1, OTHER))
    heir = str(people.create_person(ADMIN, {"user_name": "heir", "email": address(1)})["id"])
    people.change_members(ADMIN, "everybody", [heir], [])
    for _ in range(2):
        run_kind(row, kinds.RECONCILE)
        member = VendorMember.objects.get(workspace=row, email=address(1))
        assert (member.person_id, member.conflict) == (heir, "another")
        assert sorted(steps_of(planned(row))) == [
            ("adopt", address(1), "there"), ("invite", address(1, OTHER), "assigned"),
        ]  # fmt: skip
    run(job_of(applied(row)))
    run_kind(row, kinds.RECONCILE)
    assert VendorMember.objects.get(workspace=row, email=address(1)).conflict == ""


def test_whom_nobody_gave_a_seat_stays_known_too(database: str, sandbox: SandboxServer) -> None:
    """Our copy of the vendor knows by its ids those who have no seat in our books."""
    org = an_organisation(sandbox)
    row, (who,) = attach(sandbox, org), persons(1)
    org.add(address(1))
    run_all()
    called(who, address(1, OTHER))
    twice(row)
    assign(a_group([who]), row)
    assert sorted(steps_of(planned(row))) == [
        ("adopt", address(1, OTHER), "there"), ("skip", address(1, OTHER), "renamed"),
    ]  # fmt: skip


def test_it_was_not_them(database: str, sandbox: SandboxServer) -> None:
    """Whoever takes a name away from somebody by hand says that the account is not theirs: then it is nobody's."""
    _, row, who = taken_over(sandbox, 1)
    called(who[0], address(1, OTHER))
    run_kind(row, kinds.RECONCILE)
    people.link_login(ADMIN, who[0], vendor="openai", login=address(1))
    run_kind(row, kinds.RECONCILE)
    people.unlink_login(ADMIN, who[0], vendor="openai", login=address(1))
    run_kind(row, kinds.RECONCILE)
    assert VendorMember.objects.get(workspace=row, email=address(1)).person_id is None
    assert ("invite", address(1, OTHER), "assigned") in steps_of(planned(row))


def test_an_erased_persons_address_is_forgotten(database: str, sandbox: SandboxServer) -> None:
    """What an erased person's invitations went to is nowhere in our copy of the vendor, at once and after the next reading,
    however long the vendor goes on listing them."""
    org, row, who = invited(sandbox)
    org.expire(address(1))
    run_kind(row, kinds.RECONCILE)
    people.erase_person(ADMIN, who)
    for _ in range(3):
        assert not VendorInvite.objects.filter(email__icontains="person-0001").exists()
        assert not VendorInvite.objects.filter(folded__icontains="person-0001").exists()
        assert VendorInvite.objects.filter(workspace=row, person=who).exists()
        run_all()
        run_kind(row, kinds.RECONCILE)


def test_an_invitation_that_is_withdrawn_from_an_erased_person(database: str, sandbox: SandboxServer) -> None:
    """The address stays forgotten when the invitation is withdrawn, and the vendor lists it as deleted."""
    org, row, who = invited(sandbox)
    people.erase_person(ADMIN, who)
    run_all()
    run(job_of(applied(row, second=OPERATOR)))
    assert [each for each in org.invites() if each.status == "pending"] == []
    run_kind(row, kinds.RECONCILE)
    assert not VendorInvite.objects.filter(email__icontains="person-0001").exists()


def test_an_owner_is_made_by_two(database: str, sandbox: SandboxServer) -> None:
    """Whoever may assign, approve and apply does not make themselves an owner at the vendor: not by an invitation, not by a
    role, and not by inviting somebody again."""
    org, row, who = invited(sandbox)
    workspaces.create_assignment(ADMIN, {"workspace": row.name, "person": who, "role": "owner"})
    plan = planned(row)
    assert plan["second_approval"] == ["gives_owner"]
    workspaces.approve_plan(OPERATOR, str(plan["id"]), {})
    with pytest.raises(Conflict):
        workspaces.apply_plan(OPERATOR, str(plan["id"]), {})
    seat = Seat.objects.get(workspace=row, person=who)
    run(str(workspaces.reinvite_seat(OPERATOR, seat.id, {})["id"]))
    assert {each.role for each in org.invites()} == {"reader"}
    run(job_of(applied(row, second=OPERATOR)))
    assert {each.role for each in org.invites() if each.status == "pending"} == {"owner"}
    run(str(workspaces.reinvite_seat(OPERATOR, seat.id, {})["id"]))
    assert {each.role for each in org.invites() if each.status == "pending"} == {"owner"}
