"""Assignments, seats and workspaces as entrances may ask about them: what is checked, who sees what, what is kept."""

from typing import Any

import pytest

from controlkit import ADMIN, AUDITOR, MEMBER, OPERATOR, VIEWER, a_workspace
from stationmaster.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from stationmaster.jobs.models import Schedule
from stationmaster.operators import services as operators
from stationmaster.people import services as people
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.vendors._base import Capability
from stationmaster.workspaces import reaching, seats
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Assignment, Seat, Workspace
from workspaces import kit
from workspaces.kit import a_member, attached, plan, read, row_of, some_people, steps


@pytest.fixture(autouse=True)
def _kinds() -> None:
    kit.register_kinds()


def refused(attempt: Any, field: str, code: str) -> None:
    """The attempt is refused for this field with this code."""
    with pytest.raises(Invalid) as caught:
        attempt()
    assert (caught.value.code, list(caught.value.fields)) == (code, [field]), caught.value.message


def a_seat(person: str, state: str, name: str = "acme") -> str:
    """The person's seat in that state; its id."""
    with change(ADMIN) as edit:
        return str(seats.settle(edit, seats.seat_for(edit, person, row_of(name).id).id, state).id)


def test_what_cannot_be_assigned(database: str) -> None:
    """An assignment is of either a group or a person, to a workspace that there is, with a role and projects that can be; the
    same twice is refused, and nothing is stored of what was."""
    attached()
    attached("team", vendor="cursor")
    some_people(1)
    kit.a_group("staff", [])
    given = {"workspace": "acme", "group": "staff"}
    bad: list[tuple[dict[str, Any], str, str]] = [
        ({"group": ""}, "group", "error.assignment.whom"), ({"person": "member-001"}, "group", "error.assignment.whom"),
        ({"workspace": ""}, "workspace", "error.config.missing_key"), ({"workspace": 5}, "workspace", "error.config.bad_value"),
        ({"role": "king"}, "role", "error.assignment.role"),
        ({"workspace": "team", "role": "reader"}, "role", "error.assignment.role"),
        ({"projects": "p"}, "projects", "error.config.bad_value"), ({"projects": [""]}, "projects", "error.config.bad_value"),
        ({"projects": ["p"] * 101}, "projects", "error.config.bad_value"), ({"prize": 1}, "prize", "error.config.unknown_key"),
    ]  # fmt: skip
    for more, field, code in bad:
        refused(lambda m=more: workspaces.create_assignment(ADMIN, {**given, **m}), field, code)
    for more in ({"workspace": "none"}, {"group": "none"}, {"group": "", "person": "nobody"}):
        with pytest.raises(NotFound):
            workspaces.create_assignment(ADMIN, {**given, **more})
    workspaces.create_assignment(ADMIN, given)
    with pytest.raises(Conflict):
        workspaces.create_assignment(ADMIN, given)
    assert Assignment.objects.count() == 1


def test_an_assignment_is_changed_and_listed(database: str) -> None:
    """Role and projects change, by the version that was read; lists are searched and filtered by workspace; a group that is
    assigned is not deleted."""
    attached()
    group = kit.a_group("staff", [])
    row = workspaces.create_assignment(ADMIN, {"workspace": "acme", "group": "STAFF", "projects": ["b", "a", "b"]})
    assert (row["name"], row["projects"]) == ("staff", ["a", "b"])
    changed = workspaces.update_assignment(ADMIN, row["id"], {"role": "owner"}, row["revision"])
    assert (changed["role"], changed["projects"]) == ("owner", ["a", "b"])
    with pytest.raises(Stale):
        workspaces.update_assignment(ADMIN, row["id"], {"role": ""}, row["revision"])
    found = workspaces.list_assignments(VIEWER, Query(filters=(Filter("workspace", "eq", "acme"),))).items
    assert [each["id"] for each in found] == [row["id"]]
    text = "".join(workspaces.export_assignments(AUDITOR, Query(), "csv"))
    assert "staff" in text
    with pytest.raises(Conflict):
        people.delete_group(ADMIN, group)
    with pytest.raises(Forbidden):
        workspaces.delete_assignment(VIEWER, row["id"])
    workspaces.delete_assignment(ADMIN, row["id"])
    people.delete_group(ADMIN, group)


def test_who_sees_which_seats(database: str) -> None:
    """Seats are found by person, state, workspace and group; a member of the company who is no operator sees their own seat,
    with its history, and no other."""
    ids = some_people(3)
    attached()
    found = [a_seat(id_, state) for id_, state in zip(ids, ("active", "invited", "active"), strict=True)]
    kit.a_group("staff", ids[:2])

    def listed(actor: Actor = VIEWER, search: str = "", **filters: str) -> list[str]:
        asked = tuple(Filter(name, "eq", value) for name, value in filters.items())
        return sorted(row["name"] for row in workspaces.list_seats(actor, Query(search, asked)).items)

    assert listed(state="active") == ["member-001", "member-003"]
    assert listed(group="staff") == ["member-001", "member-002"]
    assert listed(group="staff", state="active") == ["member-001"]
    assert listed(search="MEMBER-002", workspace="acme") == ["member-002"]
    assert listed(workspace="other") == []
    own = operators.create_operator(ADMIN, {"email": "member-002@example.test", "role": "member"})
    me = Actor("operator", str(own["id"]), "member")
    assert listed(me) == ["member-002"]
    assert listed(MEMBER) == []
    assert workspaces.get_seat(me, found[1])["state"] == "invited"
    history = workspaces.seat_history(me, found[1], Query()).items
    assert [(row["action"], row["state"]) for row in history] == [("create", "planned"), ("invited", "invited")]
    for ask in (lambda: workspaces.get_seat(me, found[0]), lambda: workspaces.seat_history(me, found[0], Query())):
        with pytest.raises(Forbidden):
            ask()
    with pytest.raises(Forbidden):      # the same, whether there is one or not
        workspaces.get_seat(me, "seat_00000000000000000000000000")
    with pytest.raises(NotFound):
        workspaces.get_seat(ADMIN, "seat_00000000000000000000000000")
    assert "member-003" in "".join(workspaces.export_seats(AUDITOR, Query(), "csv"))


def test_somebody_is_kept_with_a_reason(database: str) -> None:
    """Whoever is kept is removed by no plan until that is taken back; the reason has to be said, and stays."""
    ids = some_people(2)
    attached()
    read(members=[a_member(1), a_member(2)])
    seat = a_seat(ids[0], "active")
    a_seat(ids[1], "active")
    refused(lambda: workspaces.skip_removal(ADMIN, seat, {"reason": ""}), "reason", "error.config.missing_key")
    row = workspaces.skip_removal(OPERATOR, seat, {"reason": "on parental leave"})
    assert (row["removal"], row["removal_reason"]) == ("skipped", "on parental leave")
    assert steps(plan()["id"]) == [("remove", "member-002", "not_assigned"), ("skip", "member-001", "kept")]
    workspaces.unskip_removal(OPERATOR, seat, {})
    assert len([kind for kind, _, _ in steps(plan()["id"]) if kind == "remove"]) == 2


def test_inviting_again_is_asked_for(database: str) -> None:
    """Whoever's invitation expired, or who went for want of activity, is invited again by a job, once; nobody who is in, being
    written to, or gone from the company."""
    ids = some_people(4)
    attached()
    kept_in = ("expired", "removed", "active", "expired")
    expired, gone, active, leaver = (a_seat(id_, state) for id_, state in zip(ids, kept_in, strict=True))
    job = workspaces.reinvite_seat(ADMIN, expired, {})
    assert (job["kind"], job["args"]) == ("invite", {"seat": expired})
    with pytest.raises(Conflict):
        workspaces.reinvite_seat(ADMIN, expired, {})
    workspaces.reinvite_seat(ADMIN, gone, {})
    assert (Seat.objects.get(id=gone).state, Seat.objects.get(id=gone).cause) == ("planned", "asked")
    people.deactivate_person(ADMIN, ids[3])
    for seat, code in ((active, "error.seat.state"), (leaver, "error.seat.person")):
        with pytest.raises(Conflict) as caught:
            workspaces.reinvite_seat(ADMIN, seat, {})
        assert caught.value.code == code
    with change(ADMIN) as edit:
        seats.begin(edit, expired, "invite")
    with pytest.raises(Conflict) as caught:
        workspaces.reinvite_seat(ADMIN, expired, {})
    assert caught.value.code == "error.seat.unconfirmed"
    attached("paper", vendor="manual", secret="")
    with pytest.raises(Conflict) as caught:
        workspaces.reinvite_seat(ADMIN, a_seat(ids[0], "expired", "paper"), {})
    assert caught.value.code == "error.seat.by_hand"
    assert [job.args for job in kit.queued() if job.kind == "invite"] == [{"seat": expired}, {"seat": gone}]


def test_a_policy_is_checked(database: str) -> None:
    """Each field of a policy is refused under its name when it cannot be; a vendor without an interface takes no secret, all
    others need one."""
    bad: list[tuple[dict[str, Any], str, str]] = [
        ({"fix_drift": "some"}, "fix_drift", "error.config.bad_value"),
        ({"removes": "everybody"}, "removes", "error.config.bad_value"),
        ({"calls_per_minute": -1}, "calls_per_minute", "error.config.bad_value"),
        ({"reconcile_minutes": 1.5}, "reconcile_minutes", "error.config.bad_value"),
        ({"allowed_domains": ["a b"]}, "allowed_domains[0]", "error.config.bad_value"),
        ({"allowed_domains": "example.com"}, "allowed_domains", "error.config.bad_value"),
        ({"seat_limit": "4"}, "seat_limit", "error.config.bad_value"), ({"notify": "yes"}, "notify", "error.config.bad_value"),
        ({"vendor": "github_copilot", "secret": ""}, "secret", "error.config.missing_key"),
        ({"state": "ready"}, "state", "error.config.unknown_key"), ({"read_at": None}, "read_at", "error.config.unknown_key"),
    ]  # fmt: skip
    for more, field, code in bad:
        refused(lambda m=more: workspaces.create_workspace(ADMIN, {**a_workspace(), **m}), field, code)
    assert not Workspace.objects.exists()
    row = workspaces.create_workspace(ADMIN, {"name": "paper", "vendor": "manual"})
    assert (row["secret_set"], row["state"], row["fix_drift"], row["grace_days"]) == (False, "ready", "none", 7)
    changed = workspaces.update_workspace(ADMIN, "paper", {"allowed_domains": ["example.com"], "grace_days": 0})
    assert (changed["allowed_domains"], changed["grace_days"]) == (["example.com"], 0)
    assert workspaces.update_workspace(ADMIN, "paper", {"allowed_domains": []})["allowed_domains"] == []


def test_a_workspace_is_read_as_often_as_its_policy_says(database: str) -> None:
    """A schedule follows the policy: there when minutes are set, gone with them, with the workspace, and while it is disabled;
    a job that waits is not queued twice, and one for a disabled workspace not at all."""
    attached("acme", reconcile_minutes=30)
    assert [(row.kind, row.workspace, row.every) for row in Schedule.objects.all()] == [("reconcile", row_of().id, 1800)]
    for changed, there in (({"disabled": True}, 0), ({"disabled": False}, 1), ({"reconcile_minutes": 0}, 0)):
        workspaces.update_workspace(ADMIN, "acme", changed)
        assert Schedule.objects.count() == there
    job = workspaces.run_job(ADMIN, "acme", {"kind": "reconcile"})
    assert workspaces.get_workspace(ADMIN, "acme")["last_jobs"]["reconcile"]["id"] == job["id"]
    with pytest.raises(Conflict):
        workspaces.run_job(ADMIN, "acme", {"kind": "reconcile"})
    for name in ("acme", "no-such"):      # whoever may not is not told whether there is one
        with pytest.raises(Forbidden):
            workspaces.run_job(MEMBER, name, {"kind": "reconcile"})
    refused(lambda: workspaces.run_job(ADMIN, "acme", {"kind": "apply"}), "kind", "error.config.bad_value")
    workspaces.update_workspace(ADMIN, "acme", {"disabled": True, "reconcile_minutes": 5})
    with pytest.raises(Conflict):
        workspaces.run_job(ADMIN, "acme", {"kind": "onboard"})
    workspaces.delete_workspace(ADMIN, "acme")
    assert not Schedule.objects.exists()


def test_the_admin_credential_comes_out_for_its_use_only(database: str) -> None:
    """A job's way to the vendor holds the secret, and shows it nowhere; a disabled workspace has no way."""
    attached(organisation="org-1")
    secret = a_workspace()["secret"]
    access = reaching.access_to(row_of(), dry_run=True)
    assert (access.secret, access.vendor, access.organisation, access.dry_run) == (secret, "openai", "org-1", True)
    assert secret not in repr(access)
    assert secret not in str(workspaces.get_workspace(ADMIN, "acme"))
    assert reaching.calls_per_minute(row_of()) == 60
    workspaces.update_workspace(ADMIN, "acme", {"disabled": True, "calls_per_minute": 7})
    assert reaching.calls_per_minute(row_of()) == 7
    with pytest.raises(Conflict):
        reaching.access_to(row_of())


def test_vendors_say_what_they_offer(database: str) -> None:
    """The matrix names every capability of every vendor, and what stays by hand; whoever sees workspaces sees it."""
    rows = {row["vendor"]: row for row in workspaces.list_vendors(VIEWER)}
    assert rows["manual"]["needs_secret"] is False
    assert not any(rows["manual"]["capabilities"].values())
    assert all(row["by_hand"] for name, row in rows.items() if name in ("openai", "cursor", "manual", "github_copilot"))
    assert {len(row["capabilities"]) for row in rows.values()} == {len(Capability)}
    with pytest.raises(Forbidden):
        workspaces.list_vendors(MEMBER)


def test_what_was_read_is_a_list_each(database: str) -> None:
    """Members that were read are searched and filtered; a list that there is not is said."""
    attached()
    read(members=[a_member(1), a_member(2, "owner")])
    asked = Query("MEMBER-002", (Filter("role", "eq", "owner"),))
    assert [row["id"] for row in workspaces.list_listed(VIEWER, "acme", "members", asked).items] == ["user-2"]
    for name in workspaces.LISTED:
        workspaces.list_listed(VIEWER, "acme", name, Query(sort="-seen_at"))
    with pytest.raises(NotFound):
        workspaces.list_listed(VIEWER, "acme", "secrets", Query())
