"""Plans over rows: made, approved by enough people, stale when something changed, applied as jobs."""

from dataclasses import replace
from typing import Any

import pytest

from controlkit import ADMIN, AUDITOR, CLI, MEMBER, OPERATOR, VIEWER
from stationmaster.audit.models import AuditEvent
from stationmaster.errors import Conflict, Forbidden, Invalid, NotFound
from stationmaster.people import services as people
from stationmaster.store.actor import SYSTEM, Actor
from stationmaster.store.changes import change
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.vendors._base import Member, SeatCount, SeatTerms
from stationmaster.workspaces import seats
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Plan, PlanStep, Seat
from stationmaster.workspaces.planning.wording import terms_said
from stationmaster.workspaces.plans import comparing, doing, making
from workspaces import kit
from workspaces.kit import a_member, an_invite, attached, plan, read, states, steps


@pytest.fixture(autouse=True)
def _kinds() -> None:
    kit.register_kinds()


def assigned(number: int, name: str = "acme", **more: Any) -> list[str]:
    """That many people, all in one group that is assigned to a workspace; their ids."""
    ids = kit.some_people(number)
    kit.a_group("staff", ids)
    workspaces.create_assignment(ADMIN, {"workspace": name, "group": "staff", **more})
    return ids


def test_a_plan_says_who_gets_what_and_why(database: str) -> None:
    """A plan over what the vendor has: who is in is adopted, who is not is invited, an expired invitation is made again; each
    line has its reason as a code and as a sentence, and nothing is written anywhere else."""
    attached()
    assigned(4, role="reader")
    read(members=[a_member(1), a_member(2, "owner")], invites=[an_invite(3, status="expired")])
    made = plan("acme")
    assert made["counts"] == {"adopt": 2, "reinvite": 1, "invite": 1, "skip": 1}
    assert (made["state"], made["second_approval"], made["workspaces"]) == ("open", [], ["acme"])
    assert steps(made["id"]) == [
        ("adopt", "member-001", "there"), ("adopt", "member-002", "there"), ("reinvite", "member-003", "expired"),
        ("invite", "member-004", "assigned"), ("skip", "member-002", "owner"),
    ]  # fmt: skip
    line = workspaces.list_steps(ADMIN, made["id"], Query(search="member-002", filters=(Filter("kind", "eq", "skip"),))).items[0]
    assert line["sentence"] == "is owner, which is given and taken at the vendor only"
    assert (line["email"], line["workspace"]) == ("member-002@example.test", "acme")
    assert not Seat.objects.exists()
    assert not kit.queued()


def test_nothing_is_planned_before_the_vendor_was_read(database: str) -> None:
    """A workspace whose people were never read gets no write: everybody is blocked, with the reason; that its projects were
    read changes nothing."""
    attached()
    assigned(2)
    blocked = [("blocked", "member-001", "not_read"), ("blocked", "member-002", "not_read")]
    assert steps(plan()["id"]) == blocked
    read(members=None, invites=None, projects=[])
    assert steps(plan()["id"]) == blocked
    with pytest.raises(Conflict) as caught:
        workspaces.approve_plan(ADMIN, plan()["id"], {})
    assert caught.value.code == "error.plan.empty"


def test_four_seats_six_people(database: str) -> None:
    """Four seats and six people: four are invited and two blocked with the reason; once it is applied, those two are first in
    the queue, whoever is added later."""
    attached("acme", seat_limit=4)
    assigned(6)
    read()
    made = plan()
    assert made["counts"] == {"invite": 4, "blocked": 2}
    workspaces.approve_plan(ADMIN, made["id"], {})
    workspaces.apply_plan(ADMIN, made["id"], {})
    assert [name for name, state in sorted(states().items()) if state == ("planned", "no_seat")] == ["member-005", "member-006"]
    PlanStep.objects.filter(plan_id=made["id"], kind="invite").update(outcome="done")      # and one of the four is gone again
    read(members=[a_member(1), a_member(2), a_member(3)])
    kit.a_group("others", [str(people.create_person(ADMIN, {"user_name": "aaa", "email": "aaa@example.test"})["id"])])
    workspaces.create_assignment(ADMIN, {"workspace": "acme", "group": "others"})
    invited = [name for kind, name, _ in steps(plan()["id"]) if kind == "invite"]
    assert invited == ["member-005"]


def test_approve_takes_the_plan_that_was_looked_at(database: str) -> None:
    """An approval names the hash that was seen; another one is refused, a plan that would be made otherwise by now is stale
    for good and says what changed, and what is only told of (one more stranger) changes nothing."""
    attached()
    assigned(2)
    read()
    made = plan()
    with pytest.raises(Conflict) as caught:
        workspaces.approve_plan(ADMIN, made["id"], {"hash": "0" * 64})
    assert caught.value.code == "error.plan.another"
    read(members=[Member("user-9", "stranger@else.test")])
    assert workspaces.approve_plan(ADMIN, made["id"], {"hash": made["hash"]})["state"] == "approved"
    read(members=[Member("user-9", "stranger@else.test"), a_member(1)])
    with pytest.raises(Conflict) as caught:
        workspaces.apply_plan(ADMIN, made["id"], {})
    assert caught.value.code == "error.plan.stale"
    assert "is not needed any more" in caught.value.message
    row = workspaces.get_plan(ADMIN, made["id"])
    assert (row["state"], bool(row["closed_at"])) == ("stale", True)
    assert "is needed now" in row["why"]
    assert "@" not in row["why"]
    with pytest.raises(Conflict):
        workspaces.approve_plan(ADMIN, made["id"], {})
    assert not kit.queued()


def test_a_mass_removal_takes_two_people(database: str) -> None:
    """A plan that removes more than a tenth of a workspace stops for a second approval, which comes from somebody else: not
    from the same person, nor from a token of theirs."""
    attached()
    ids = assigned(5)
    read(members=[a_member(number) for number in range(1, 6)])
    _adopted()
    with change(ADMIN) as edit:
        for id_ in ids:
            seats.settle(edit, Seat.objects.get(person_id=id_).id, "active")
    people.change_members(ADMIN, "staff", [], ids[:1])
    made = plan()
    assert (made["counts"], made["second_approval"]) == ({"remove": 1}, ["many_removals"])
    first = workspaces.approve_plan(ADMIN, made["id"], {})
    assert (first["state"], len(first["approvals"])) == ("open", 1)
    own_token = Actor("token", "tok_1", "admin", person="op_admin")
    for same in (ADMIN, own_token):
        with pytest.raises(Forbidden) as caught:
            workspaces.approve_plan(same, made["id"], {})
        assert caught.value.code == "error.plan.same_person"
    with pytest.raises(Conflict):
        workspaces.apply_plan(ADMIN, made["id"], {})
    assert workspaces.approve_plan(kit.SECOND, made["id"], {})["state"] == "approved"
    assert workspaces.apply_plan(ADMIN, made["id"], {})["state"] == "applying"
    assert [job.args for job in kit.queued()] == [{"plan": made["id"]}]


def _adopted() -> None:
    """Everybody whom a plan adopts is in our books."""
    made = plan()
    with change(ADMIN) as edit:
        for step in PlanStep.objects.filter(plan_id=made["id"], kind="adopt"):
            seats.adopt(edit, step)


def test_apply_is_a_job_a_workspace(database: str) -> None:
    """Applying submits one job for each workspace with something to do, all or none, with the pace that was asked for; the
    plan ends when every step has its outcome, and not before."""
    attached("one")
    attached("two")
    attached("idle")
    ids = kit.some_people(2)
    kit.a_group("staff", ids)
    for name in ("one", "two"):
        workspaces.create_assignment(ADMIN, {"workspace": name, "group": "staff"})
    for name in ("one", "two", "idle"):
        read(name)
    made = plan()
    workspaces.approve_plan(ADMIN, made["id"], {})
    with pytest.raises(Invalid):
        workspaces.apply_plan(ADMIN, made["id"], {"concurrency": 1000})
    done = workspaces.apply_plan(ADMIN, made["id"], {"concurrency": 4, "item_retries": 2})
    jobs = kit.queued()
    assert {job.workspace for job in jobs} == {kit.row_of("one").id, kit.row_of("two").id} == set(done["jobs"])
    assert {(job.kind, job.concurrency, job.item_retries) for job in jobs} == {("apply", 4, 2)}
    todo = [step for job in jobs for step in doing.steps_to_do(made["id"], job.workspace)]
    assert [step.known_as for step in todo] == ["member-001@example.test", "member-002@example.test"] * 2
    for number, step in enumerate(todo, 1):
        with change(ADMIN) as edit:
            doing.finish_step(edit, step.id, "done" if number > 1 else "failed", "it said no")
        assert workspaces.get_plan(ADMIN, made["id"])["state"] == ("applied" if number == len(todo) else "applying")
    assert not list(doing.steps_to_do(made["id"], jobs[0].workspace))
    with pytest.raises(Conflict):
        workspaces.apply_plan(ADMIN, made["id"], {})


def test_what_a_job_asks_before_it_begins(database: str) -> None:
    """Whoever is about to apply a plan learns whether it still holds in their workspace, by what was read since."""
    attached()
    attached("other")
    assigned(2)
    workspaces.create_assignment(ADMIN, {"workspace": "other", "group": "staff"})
    read()
    read("other")
    made = plan()
    here, there = kit.row_of().id, kit.row_of("other").id
    assert comparing.still_holds(made["id"], here) == []
    read(members=[a_member(1)])
    assert len(comparing.still_holds(made["id"], here)) == 2
    assert comparing.still_holds(made["id"], there) == []


def test_a_refused_plan_is_over(database: str) -> None:
    """A refusal says why, and ends the plan."""
    attached()
    assigned(1)
    read()
    made = plan()
    with pytest.raises(Invalid):
        workspaces.refuse_plan(ADMIN, made["id"], {"reason": " "})
    row = workspaces.refuse_plan(ADMIN, made["id"], {"reason": "not this month"})
    assert (row["state"], row["why"]) == ("refused", "not this month")
    with pytest.raises(Conflict):
        workspaces.approve_plan(ADMIN, made["id"], {})


def test_by_hand_is_ticked(database: str) -> None:
    """At a vendor without an interface a plan is a checklist: applying it queues no job, each step is ticked by a person, and
    the last one ends the plan; our books then say who is in, and the next plan has nothing to do."""
    attached("paper", vendor="manual", secret="")
    ids = assigned(2, "paper")
    made = plan()
    assert made["counts"] == {"manual": 2}
    workspaces.approve_plan(OPERATOR, made["id"], {})
    assert workspaces.apply_plan(OPERATOR, made["id"], {})["state"] == "applying"
    lines = workspaces.list_steps(ADMIN, made["id"], Query()).items
    workspaces.tick_step(OPERATOR, made["id"], {"step": lines[0]["id"]})
    with pytest.raises(Conflict):
        workspaces.tick_step(OPERATOR, made["id"], {"step": lines[0]["id"]})
    row = workspaces.tick_step(OPERATOR, made["id"], {"step": lines[1]["id"], "done": False})
    assert (row["outcome"], row["done_by"]) == ("skipped", "op_operator")
    assert workspaces.get_plan(ADMIN, made["id"])["state"] == "applied"
    assert states("paper") == {"member-001": ("active", "by_hand"), "member-002": ("planned", "")}
    assert plan()["counts"] == {"manual": 1}
    people.change_members(ADMIN, "staff", [], ids)
    assert steps(plan()["id"]) == [("close", "member-002", "over"), ("manual", "member-001", "remove_by_hand")]
    assert not kit.queued()


def test_a_checklist_is_ticked_line_by_line(database: str) -> None:
    """A step by hand shows its sentences; each is ticked by a person, who stands beside it, and may be unticked. With the last
    one the step is done, and not before; a line that there is not is refused."""
    attached("paper", vendor="manual", secret="")
    assigned(1, "paper")
    made = plan()
    workspaces.approve_plan(OPERATOR, made["id"], {})
    workspaces.apply_plan(OPERATOR, made["id"], {})
    (line,) = workspaces.list_steps(ADMIN, made["id"], Query()).items
    assert [each["sentence"] for each in line["checklist"]] == [
        "Open the page of members of paper at the vendor.", "Invite member-001@example.test with the role member.",
        "Check that member-001@example.test is listed there, as invited or as a member.",
    ]  # fmt: skip
    for item, done in ((1, True), (3, True), (1, False), (1, True)):
        row = workspaces.tick_step(OPERATOR, made["id"], {"step": line["id"], "item": item, "done": done})
        assert (row["outcome"], row["checklist"][item - 1]["ticked_by"]) == ("", "op_operator" if done else "")
    assert states("paper") == {"member-001": ("planned", "")}
    for odd in (4, -1, True, "1"):
        with pytest.raises(Invalid):
            workspaces.tick_step(OPERATOR, made["id"], {"step": line["id"], "item": odd})
    row = workspaces.tick_step(kit.SECOND, made["id"], {"step": line["id"], "item": 2})
    assert (row["outcome"], row["done_by"]) == ("done", "op_second")
    assert [each["ticked_by"] for each in row["checklist"]] == ["op_operator", "op_second", "op_operator"]
    assert states("paper") == {"member-001": ("active", "by_hand")}
    assert workspaces.get_plan(ADMIN, made["id"])["state"] == "applied"


def test_a_role_that_is_given_by_hand(database: str) -> None:
    """Where the vendor lists its people and lets us give no role, another role is a checklist; ticking it changes no state, and
    it is asked for until a reading shows it."""
    attached("team", vendor="cursor")
    assigned(1, "team", role="owner")
    read("team", members=[a_member(1, "member")], invites=None)
    made = plan()
    assert steps(made["id"]) == [("adopt", "member-001", "there"), ("manual", "member-001", "role_by_hand")]
    for who in (OPERATOR, kit.SECOND)[: 1 + bool(made["second_approval"])]:
        workspaces.approve_plan(who, made["id"], {})
    workspaces.apply_plan(OPERATOR, made["id"], {})
    by_hand = workspaces.list_steps(ADMIN, made["id"], Query()).items[-1]
    assert by_hand["checklist"][1]["sentence"] == "Give member-001@example.test the role owner."
    before = states("team")
    workspaces.tick_step(OPERATOR, made["id"], {"step": by_hand["id"]})
    assert states("team") == before
    assert ("manual", "member-001", "role_by_hand") in steps(plan()["id"])
    read("team", members=[a_member(1, "owner")], invites=None)
    assert ("manual", "member-001", "role_by_hand") not in steps(plan()["id"])


def test_a_plan_says_what_seats_cost(database: str) -> None:
    """A plan that buys seats says the vendor's words and the price that the workspace's policy names, and adds it up; without a
    price it says that none is known, and never that it is nothing. A price that the vendor tells goes before ours."""
    row = attached("copilot", vendor="github_copilot", organisation="acme", seat_price_minor=1900, seat_currency="EUR")
    ids = assigned(2, "copilot")
    for number, person in enumerate(ids, 1):
        people.link_login(ADMIN, person, vendor="github_copilot", login=f"coder-{number}")
    members = [a_member(n, "member", login=f"coder-{n}", has_seat=False) for n in (1, 2)]
    terms = SeatTerms(buys=True, words="Every seat is bought.")
    read("copilot", members=members, seats=SeatCount(0), terms=terms)
    made = plan()
    assert (made["counts"], made["second_approval"], made["cost_minor"]) == ({"assign": 2}, ["buys_seats"], {"EUR": 3800})
    said = {"price_minor": 1900, "currency": "EUR", "cycle_ends": "", "words": "Every seat is bought."}
    assert made["terms"] == {"copilot": said}
    workspaces.update_workspace(ADMIN, row.id, {"seat_price_minor": 0})
    unknown = plan()
    assert (unknown["cost_minor"], unknown["terms"]["copilot"]["price_minor"]) == ({}, None)
    assert "not known" in dict(terms_said(unknown))["copilot"]
    workspaces.update_workspace(ADMIN, row.id, {"seat_price_minor": 1900})
    read("copilot", members=members, seats=SeatCount(0), terms=replace(terms, price_minor=2100, currency="USD"))
    assert plan()["cost_minor"] == {"USD": 4200}
    assert "21.00 USD" in dict(terms_said(plan()))["copilot"]


def test_leavers_are_in_the_next_plan(database: str) -> None:
    """Whoever leaves the company is removed by the next plan, though their group is assigned."""
    attached()
    ids = assigned(20)
    read(members=[a_member(number) for number in range(1, 21)])
    _adopted()
    people.deactivate_person(ADMIN, ids[0])
    made = plan()
    assert steps(made["id"]) == [("remove", "member-001", "left")]
    assert made["second_approval"] == []


def test_a_plan_with_nothing_to_do_is_over(database: str) -> None:
    """One that only tells why people are left alone waits for nobody: it is closed when it is made, and says so."""
    attached()
    assigned(1, role="reader")
    read(members=[a_member(1, "owner")])
    _adopted()
    made = plan()
    assert (made["counts"], made["state"], made["why"]) == ({"skip": 1}, "applied", "there was nothing to do")
    assert made["closed_at"] is not None


def test_a_later_plan_outdates_what_was_made_by_itself(database: str) -> None:
    """An open plan of a reconciliation is outdated by the next plan that is about its workspace, whoever makes that; one of
    another workspace, one that people made and one that somebody approved are not."""
    rows = [attached(name) for name in ("acme", "other")]
    assigned(1)
    workspaces.create_assignment(ADMIN, {"workspace": "other", "group": "staff"})
    for row in rows:
        read(row.name)
    rows = [kit.row_of(row.name) for row in rows]
    mine = [str(making.keep_plan(SYSTEM, [row], making.compute([row]), "by itself").id) for row in rows]
    by_hand = plan("acme")["id"]
    approved = str(making.keep_plan(SYSTEM, [rows[0]], making.compute([rows[0]]), "by itself").id)
    with change(ADMIN) as edit, edit.updating(kept := Plan.objects.get(id=approved), action="approve"):
        kept.approvals = [{"by": "op_1", "person": "op_1", "at": ""}]
    plan("acme")
    found = {which: workspaces.get_plan(ADMIN, which) for which in (*mine, by_hand, approved)}
    assert [found[which]["state"] for which in mine] == ["stale", "open"]
    assert found[mine[0]]["why"] == "a later plan is about the same workspace"
    assert [found[which]["state"] for which in (by_hand, approved)] == ["open", "open"]


def test_a_plan_may_be_for_some(database: str) -> None:
    """A plan is about the workspaces that were named, each once, or about all that are in use; one that there is not is said."""
    for name in ("b", "a", "c"):
        attached(name, disabled=name == "c")
    assert plan("b", "b", "a")["workspaces"] == ["a", "b"]
    assert plan()["workspaces"] == ["a", "b"]
    assert plan("c")["workspaces"] == ["c"]
    with pytest.raises(NotFound):
        plan("d")
    with pytest.raises(Invalid):
        workspaces.make_plan(ADMIN, {"workspaces": "a"})
    found = workspaces.list_plans(VIEWER, Query(filters=(Filter("workspaces", "contains", "c"),)))
    assert [row["workspaces"] for row in found.items] == [["c"]]


def test_who_may(database: str) -> None:
    """Viewers and auditors read plans and change nothing; members see none; operators make, approve and apply them."""
    attached()
    assigned(1)
    read()
    for actor in (VIEWER, AUDITOR, MEMBER):
        with pytest.raises(Forbidden):
            workspaces.make_plan(actor, {})
    made = workspaces.make_plan(OPERATOR, {"workspaces": []})
    for actor in (VIEWER, AUDITOR, MEMBER):
        for attempt in (workspaces.approve_plan, workspaces.refuse_plan, workspaces.apply_plan):
            with pytest.raises(Forbidden):
                attempt(actor, made["id"], {})
    assert workspaces.get_plan(VIEWER, made["id"])["hash"] == made["hash"]
    with pytest.raises(Forbidden):
        workspaces.get_plan(MEMBER, made["id"])
    assert workspaces.approve_plan(CLI, made["id"], {})["approvals"][0]["person"] == "this machine"


def test_decisions_are_in_the_trail(database: str) -> None:
    """Making, approving and applying a plan are audited, each with who; no address of anybody is in what is written down."""
    attached()
    assigned(2)
    read()
    made = plan()
    workspaces.approve_plan(ADMIN, made["id"], {})
    workspaces.apply_plan(kit.SECOND, made["id"], {})
    events = list(AuditEvent.objects.filter(subject=made["id"]).order_by("seq"))
    assert [(event.action, event.actor) for event in events] == [
        ("create", "op_admin"), ("approve", "op_admin"), ("apply", "op_second"),
    ]  # fmt: skip
    assert not any("@example.test" in event.before + event.after for event in events)
    assert Plan.objects.get().state == "applying"
