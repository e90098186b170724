"""Readings of vendors, written down: who is there, whom they are here, what becomes of seats; and that a short or wrong reading
takes nothing from anybody."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from controlkit import ADMIN
from stationmaster.audit.models import AuditEvent
from stationmaster.errors import Conflict
from stationmaster.people import services as people
from stationmaster.store.changes import change, revision
from stationmaster.store.listing import Query
from stationmaster.vendors._base import Key, Limit, Member, Organisation, Project, ProjectMember, SeatCount, SeatTerms
from stationmaster.workspaces import observing, seats
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Seat, VendorInvite, VendorMember
from workspaces import kit
from workspaces.kit import a_member, an_invite, attached, plan, read, row_of, some_people, states, steps


@pytest.fixture(autouse=True)
def _kinds() -> None:
    kit.register_kinds()


def a_seat(person: str, state: str = "planned", name: str = "acme") -> str:
    """The person's seat in that state; its id."""
    with change(ADMIN) as edit:
        return str(seats.settle(edit, seats.seat_for(edit, person, row_of(name).id).id, state).id)


def test_a_reading_is_kept(database: str) -> None:
    """What was read stands on the workspace and in its lists: the organisation, how many seats, who is there with role and
    projects, and what could not be read; no event and no revision come of that."""
    attached()
    before = revision()
    told = read(
        members=[a_member(1), Member("svc-1", "bot", is_service_account=True)], invites=[an_invite(2)],
        projects=[Project("proj_1", "Default", default=True)], project_members={"proj_1": [ProjectMember("user-1", "member")]},
        keys=[Key("key_1", "ci", "sk-…abc")], seats=SeatCount(2, 5, 1), unread={"limits": "the credential may not"},
        terms=SeatTerms(buys=False),
    )  # fmt: skip
    assert dict(told.found) == {"members": 2, "projects": 1, "keys": 1, "limits": 0, "invites": 1}
    row = workspaces.get_workspace(ADMIN, "acme")
    assert (row["state"], row["organisation_name"]) == ("ready", "Acme")
    assert row["read_at"] is not None
    assert (row["seats_total"], row["seats_used"], row["seats_pending"]) == (5, 2, 1)
    assert row["unread"] == {"limits": "the credential may not"}
    assert row["offers"]["capabilities"]["invites"] is True
    assert "People accept their invitation themselves." in row["offers"]["by_hand"]
    listed = workspaces.list_listed(ADMIN, "acme", "members", Query()).items
    assert [(each["id"], each["projects"]) for each in listed] == [("svc-1", []), ("user-1", [["proj_1", "member"]])]
    assert workspaces.list_listed(ADMIN, "acme", "keys", Query()).items[0]["hint"] == "sk-…abc"
    assert revision() == before


def test_members_are_known_by_what_the_vendor_knows(database: str) -> None:
    """A member is linked to the person with that address, however it is spelled; somebody whom two persons could be is a
    conflict, shown and never guessed, and nobody is invited over it; one who is added later is known at the next plan."""
    attached()
    ada = people.create_person(ADMIN, {"user_name": "ada", "email": "ADA@example.test"})
    read(members=[Member("m1", "ada@Example.TEST"), Member("m2", "new@example.test")])
    assert VendorMember.objects.get(vendor_id="m1").person_id == ada["id"]
    one = people.create_person(ADMIN, {"user_name": "one", "email": "one@example.test", "further_emails": ["both@example.test"]})
    two = people.create_person(ADMIN, {"user_name": "two", "email": "two@example.test", "further_emails": ["both@example.test"]})
    read(members=[Member("m1", "ada@Example.TEST"), Member("m2", "new@example.test"), Member("m3", "both@example.test")])
    assert VendorMember.objects.get(vendor_id="m3").conflict == "several"
    assert (one["id"], two["id"]) != (None, None)
    new = people.create_person(ADMIN, {"user_name": "new", "email": "new@example.test"})
    workspaces.create_assignment(ADMIN, {"workspace": "acme", "person": new["id"]})
    assert ("adopt", "new", "there") in steps(plan()["id"])
    assert ("skip", "both@example.test", "conflict") in steps(plan()["id"])


def test_gone_after_two_readings(database: str) -> None:
    """A member whom one complete reading does not show is missed, and still counts; the second one in a row makes their seat
    removed. Somebody who is back in between starts anew."""
    ids = some_people(2)
    attached()
    for id_ in ids:
        a_seat(id_, "active")
    read(members=[a_member(1), a_member(2)])
    read(members=[a_member(1)])
    assert states()["member-002"] == ("active", "")
    assert steps(plan()["id"]) == [("skip", "member-002", "not_seen"), ("remove", "member-001", "not_assigned")][::-1]
    read(members=[a_member(1), a_member(2)])
    read(members=[a_member(1)])
    assert states()["member-002"] == ("active", "")
    read(members=[a_member(1)])
    assert states()["member-002"] == ("removed", "gone")
    assert not VendorMember.objects.filter(vendor_id="user-2").exists()


def test_an_empty_reading_takes_nothing(database: str) -> None:
    """A reading that shows nobody moves no seat and leads to no removal."""
    ids = some_people(3)
    attached()
    for id_ in ids:
        a_seat(id_, "active")
    everybody = [a_member(number) for number in (1, 2, 3)]
    read(members=everybody)
    read(members=[])
    assert set(states().values()) == {("active", "")}
    assert not any(kind in ("remove", "withdraw", "unassign") for kind, _, _ in steps(plan()["id"]))
    read(members=everybody)
    assert VendorMember.objects.filter(missed=0).count() == 3


def test_two_looks_at_one_moment_are_one(database: str) -> None:
    """Readings that miss somebody within the time that a vendor may take to list them are one look, however many there are; one
    that is that much later takes them for gone, and one that shows them begins anew."""
    (ada,) = some_people(1)
    attached()
    a_seat(ada, "active")
    read(members=[a_member(1)])
    later = datetime.now(UTC) + timedelta(minutes=30)
    for seconds in (0, 3, 59):
        read(started_at=later + timedelta(seconds=seconds), listed_after=60.0)
    assert VendorMember.objects.get(vendor_id="user-1").missed == 1
    read(members=[a_member(1)], started_at=later + timedelta(seconds=70), listed_after=60.0)
    for minutes in (10, 11):
        assert states()["member-001"] == ("active", "")
        read(started_at=later + timedelta(minutes=minutes), listed_after=60.0)
    assert states()["member-001"] == ("removed", "gone")


def test_who_is_in_which_project_says_nothing_of_who_is_in(database: str) -> None:
    """A reading of projects' people alone brings those of everybody who is known, and misses nobody."""
    attached()
    read(members=[a_member(1), a_member(2)])
    for _ in range(3):
        read(members=None, invites=None, project_members={"proj_1": [ProjectMember("user-1", "member")]})
    rows = VendorMember.objects.order_by("vendor_id").values_list("vendor_id", "projects", "missed")
    assert list(rows) == [("user-1", [["proj_1", "member"]], 0), ("user-2", [], 0)]


def test_only_what_was_read_settles(database: str) -> None:
    """Whether an invitation was made is told by a reading of invitations alone: members without them leave its note standing,
    however late they were read."""
    (ada,) = some_people(1)
    attached()
    read()
    seat = a_seat(ada)
    with change(ADMIN) as edit:
        seats.begin(edit, seat, "invite")
    later = datetime.now(UTC) + timedelta(minutes=5)
    told = read(members=[], invites=None, started_at=later, listed_after=90.0)
    assert (Seat.objects.get(id=seat).intent, dict(told.moved)) == ("invite", {})
    read(started_at=later, listed_after=90.0)
    assert (Seat.objects.get(id=seat).intent, states()["member-001"]) == ("", ("planned", "not_done"))


def test_what_is_young_is_not_missed(database: str) -> None:
    """Somebody who was invited a moment ago, and whom the vendor does not list yet, is neither lost nor invited again; once the
    vendor would have listed it, the reading counts."""
    (ada,) = some_people(1)
    attached()
    read()
    workspaces.create_assignment(ADMIN, {"workspace": "acme", "person": ada})
    seat = a_seat(ada)
    with change(ADMIN) as edit:
        seats.begin(edit, seat, "invite")
    with pytest.raises(Conflict) as caught, change(ADMIN) as edit:
        seats.begin(edit, seat, "invite")
    assert caught.value.code == "error.seat.unconfirmed"
    assert steps(plan()["id"]) == [("blocked", "member-001", "unsure")]
    read(listed_after=60)
    assert steps(plan()["id"]) == [("blocked", "member-001", "unsure")]
    with change(ADMIN) as edit:
        seats.settle(edit, seat, "invited", invite=an_invite(1))
    for _ in range(3):
        read(listed_after=60)
    assert plan()["counts"] == {}
    assert states()["member-001"] == ("invited", "")
    later = datetime.now(UTC) + timedelta(minutes=2)
    for minutes in (0, 1):
        read(listed_after=60, started_at=later + timedelta(minutes=minutes))
    assert states()["member-001"] == ("expired", "invite_gone")
    assert steps(plan()["id"]) == [("invite", "member-001", "assigned")]


def test_a_crash_is_settled_by_the_next_reading(database: str) -> None:
    """Writes that were begun and never recorded are what the vendor shows: invited, in, or not done; then they may be planned
    again."""
    ids = some_people(4)
    attached()
    read(members=[a_member(4)])
    for id_ in ids[:3]:
        seat = a_seat(id_)
        with change(ADMIN) as edit:
            seats.begin(edit, seat, "invite")
    leaver = a_seat(ids[3], "active")
    with change(ADMIN) as edit:
        seats.begin(edit, leaver, "remove")
    told = read(members=[a_member(2)], invites=[an_invite(1)], started_at=datetime.now(UTC) + timedelta(seconds=1))
    found = {name: state for name, (state, _) in states().items()}
    assert found == {"member-001": "invited", "member-002": "active", "member-003": "planned", "member-004": "removing"}
    assert dict(told.moved) == {"invited": 1, "active": 1, "planned": 1}
    read(members=[a_member(2)], invites=[an_invite(1)], started_at=datetime.now(UTC) + timedelta(seconds=1))
    assert states()["member-004"] == ("removed", "removed")
    assert not Seat.objects.exclude(intent="").exists()
    assert Seat.objects.get(person_id=ids[0]).invite == "inv-1"


def test_acceptance_and_expiry(database: str) -> None:
    """Whoever accepted is active, whoever's invitation is over has an expired seat; both are audited, and a reading that shows
    nothing new writes no event."""
    ids = some_people(2)
    attached()
    for number, id_ in enumerate(ids, 1):
        seat = a_seat(id_)
        with change(ADMIN) as edit:
            seats.settle(edit, seat, "invited", invite=an_invite(number))
    events = AuditEvent.objects.count()
    over = an_invite(2, expires_at=datetime.now(UTC) - timedelta(days=1))
    read(members=[a_member(1)], invites=[over])
    assert states() == {"member-001": ("active", "accepted"), "member-002": ("expired", "expired")}
    written = AuditEvent.objects.count()
    assert written > events
    read(members=[a_member(1)], invites=[over])
    assert AuditEvent.objects.count() == written
    assert Seat.objects.get(person_id=ids[0]).member == "user-1"


def test_a_removed_seat_is_forgotten_until_it_is_seen(database: str) -> None:
    """Recording a removal takes the member out of our copy of the vendor, so that the next plan does not remove them twice;
    where people hold licences they stay in it without one."""
    (ada,) = some_people(1)
    attached()
    attached("copilot", vendor="github_copilot", organisation="acme")
    people.link_login(ADMIN, ada, "github_copilot", "ada-gh")
    read(members=[a_member(1)])
    read("copilot", members=[Member("11", login="ada-gh", role="member")], terms=SeatTerms(buys=True, price_minor=1900))
    for name in ("acme", "copilot"):
        seat = a_seat(ada, "active", name)
        Seat.objects.filter(id=seat).observe(last_active_at=None)
        with change(ADMIN) as edit:
            row = seats.locked(seat)
            with edit.updating(row):
                row.member = "user-1" if name == "acme" else "11"
            seats.settle(edit, seat, "removed", "not_assigned")
    left = VendorMember.objects.values_list("workspace__name", "has_seat")
    assert list(left) == [("copilot", False)]
    assert plan()["counts"] == {}


def test_a_directory_managed_workspace_is_read_only(database: str) -> None:
    """Where the vendor says that a directory provisions people, the workspace is read-only: differences are told, not done."""
    (ada,) = some_people(1)
    attached()
    workspaces.create_assignment(ADMIN, {"workspace": "acme", "person": ada})
    reading = observing.Reading(datetime.now(UTC), [a_member(2)], [], organisation=Organisation("o", "Acme", True))
    observing.record(row_of().id, reading)
    assert workspaces.get_workspace(ADMIN, "acme")["state"] == "read_only"
    assert ("skip", "member-001", "directory") in steps(plan()["id"])


def test_one_member_of_a_directory_is_enough(database: str) -> None:
    """Wherever in the list they are, and whatever is said of the organisation: read-only until a reading has no such member and
    the organisation is asked again."""
    attached()
    of = row_of().id
    people = [a_member(number) for number in range(1, 151)]
    silent = Organisation("o", "Acme")
    observing.record(of, observing.Reading(datetime.now(UTC), [*people, a_member(200, directory_managed=True)], []))
    observing.record(of, observing.Reading(datetime.now(UTC), organisation=silent))
    assert workspaces.get_workspace(ADMIN, "acme")["state"] == "read_only"
    observing.record(of, observing.Reading(datetime.now(UTC), [*people, a_member(200)], []))
    observing.record(of, observing.Reading(datetime.now(UTC), organisation=silent))
    assert workspaces.get_workspace(ADMIN, "acme")["state"] == "ready"


def test_four_seats_by_the_vendors_own_count(database: str) -> None:
    """The vendor's own number of seats is kept to, pending invitations counted; a vendor that sells seats has no such limit,
    says what a plan costs, and takes a second approval."""
    ids = some_people(6)
    kit.a_group("staff", ids)
    attached()
    attached("copilot", vendor="github_copilot", organisation="acme")
    for name in ("acme", "copilot"):
        workspaces.create_assignment(ADMIN, {"workspace": name, "group": "staff"})
    for number, id_ in enumerate(ids, 1):
        people.link_login(ADMIN, id_, "github_copilot", f"gh-{number}")
    read(invites=[an_invite(1)], seats=SeatCount(1, 4, 1))
    made = plan("acme")
    assert made["counts"] == {"adopt": 1, "invite": 3, "blocked": 2}
    here = [Member(str(number), login=f"gh-{number}", role="member", has_seat=number == 1) for number in (1, 2, 3)]
    read("copilot", members=here, seats=SeatCount(1, 1), terms=SeatTerms(buys=True, price_minor=1900))
    made = plan("copilot")
    assert (made["counts"], made["cost_minor"]) == ({"adopt": 1, "invite": 3, "assign": 2}, {"USD": 3800})
    assert made["second_approval"] == ["buys_seats"]
    assert VendorInvite.objects.count() == 1


def test_what_no_column_holds_keeps_no_reading_from_being_written_down(database: str) -> None:
    """Whatever a vendor's people call themselves, and whatever numbers and states it tells, the others are read: a NUL, a state
    that is new and long, numbers beyond a column's. Whose name has such a mark is nobody else by that."""
    some_people(1)
    attached()
    odd = replace(a_member(1), id="user-9", email="member-001\0@example.test", name="a\0b", role="r\0")
    read(
        members=[a_member(1), odd], invites=[replace(an_invite(2), status="a_state_that_is_new_and_long")],  # type: ignore[arg-type]
        keys=[Key("key_1", "ci\0", status="a_state_that_is_new_and_long")], limits=[Limit("l", "p", "m", 2**70, -(2**70))],
        seats=SeatCount(-1, 2**40),
    )  # fmt: skip
    listed = workspaces.list_listed(ADMIN, "acme", "members", Query()).items
    assert [(each["id"], bool(each["person"])) for each in listed] == [("user-1", True), ("user-9", False)]
    row = workspaces.get_workspace(ADMIN, "acme")
    assert (row["seats_used"], row["seats_total"]) == (0, 2**31 - 1)
    assert "\0" not in str(row) + str(listed)
