"""Plans as values: what anybody gets, what nobody ever gets, and that applying a plan leaves nothing to do."""

import random
import string
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stationmaster.workspaces.planning import (
    Invite,
    Member,
    Person,
    Place,
    Rule,
    Seat,
    Step,
    Wanted,
    digest,
    guards,
    plan_workspace,
    wanted,
)
from stationmaster.workspaces.planning.checklists import REASONS as CHECKLISTS
from stationmaster.workspaces.planning.checklists import checklist
from stationmaster.workspaces.planning.guards import cost
from stationmaster.workspaces.planning.prices import amount
from stationmaster.workspaces.planning.reasons import REASONS, sentence
from stationmaster.workspaces.planning.values import KINDS, REMOVALS, TOLD
from workspaces.modelvendor import ModelVendor

ROLES = ("reader", "writer", "owner")
OWNERS = frozenset({"owner"})
HERE = Place("ws", ROLES, OWNERS)
PEOPLE = {f"p{n}": Person(f"p{n}", f"p{n}@a.test", "a.test") for n in range(8)}


Line = tuple[str, str, str]


def planned(place: Place = HERE, want: Any = (), members: Any = (), invites: Any = (), seats: Any = ()) -> list[Line]:
    """Kind, person (or the stranger's name) and reason of each step."""
    asked = want if isinstance(want, dict) else dict.fromkeys(want, Wanted())
    steps = plan_workspace(place, asked, PEOPLE, members, invites, seats)
    return [(step.kind, step.person or step.known_as, step.reason) for step in steps]


def a_member(n: int, role: str = "reader", **more: Any) -> Member:
    """The member that person `n` is."""
    return Member(f"m{n}", f"p{n}@a.test", f"p{n}", role, frozenset(), **more)


def an_invite(n: int, role: str = "reader", **more: Any) -> Invite:
    """The invitation of person `n`."""
    return Invite(f"i{n}", f"p{n}@a.test", f"p{n}", role, **more)


def an_active(n: int, **more: Any) -> Seat:
    """The seat of person `n` in our books."""
    return Seat(f"p{n}", more.pop("state", "active"), **more)


def test_several_assignments_make_the_strongest_role() -> None:
    """Whoever is in several rules gets the strongest role of them, by the vendor's order, and all projects; one who is in
    none gets nothing."""
    rules = [Rule("1", "g1", "", "writer", ("b",)), Rule("2", "g2", "", "owner"), Rule("3", "", "p1", "", ("a", "b"))]
    groups = {"g1": ["p1", "p2"], "g2": ["p2"]}
    both = {"p1": Wanted("writer", ("a", "b")), "p2": Wanted("owner", ("b",))}
    assert wanted(rules, groups, ROLES) == both
    assert wanted(reversed(rules), groups, ROLES) == both


def test_each_difference_has_its_step() -> None:
    """Not in: invited. In without being in our books: adopted. Expired: invited again. Another role: changed. Not assigned
    any more: removed. Invited without being wanted: withdrawn. In the books only: closed."""
    members = [a_member(1), a_member(2), a_member(3)]
    invites = [an_invite(4, live=False), an_invite(5)]
    seats = [an_active(2), an_active(3), an_active(5, state="invited"), an_active(6, state="planned")]
    want = {"p0": Wanted(), "p1": Wanted(), "p2": Wanted("writer"), "p4": Wanted()}
    assert planned(HERE, want, members, invites, seats) == [
        ("adopt", "p1", "there"), ("close", "p6", "over"), ("withdraw", "p5", "not_assigned"), ("remove", "p3", "not_assigned"),
        ("role", "p2", "role"), ("reinvite", "p4", "expired"), ("invite", "p0", "assigned"),
    ]  # fmt: skip


def test_nothing_to_do_is_nothing() -> None:
    """Who is in as they should be gets no step, nor does a pending invitation of somebody who is wanted."""
    want = {"p1": Wanted("reader"), "p2": Wanted("reader")}
    assert planned(HERE, want, [a_member(1)], [an_invite(2)], [an_active(1), an_active(2, state="invited")]) == []


def test_four_seats_for_six_people() -> None:
    """With four seats and six people, the four who wait longest go, and the two others are blocked and told how many seats
    there are and where they stand; pending invitations count as used."""
    waits = [an_active(5, state="planned", waits_since="2026-01-02"), an_active(4, state="planned", waits_since="2026-01-01")]
    four = Place("ws", ROLES, OWNERS, seats=4)
    steps = plan_workspace(four, dict.fromkeys([f"p{n}" for n in range(6)], Wanted()), PEOPLE, [], [], waits)
    assert [step.person for step in steps if step.kind == "invite"] == ["p0", "p1", "p4", "p5"]
    blocked = [step for step in steps if step.kind == "blocked"]
    assert [(step.person, step.reason) for step in blocked] == [("p2", "no_seat"), ("p3", "no_seat")]
    assert sentence("no_seat", dict(blocked[1].facts)) == "no seat is free: 4 in all, 0 used, place 2 of 2 who wait"
    with_pending = Place("ws", ROLES, OWNERS, seats=4, used=3)
    kinds = Counter(kind for kind, _, _ in planned(with_pending, [f"p{n}" for n in range(6)]))
    assert kinds == {"invite": 1, "blocked": 5}


@pytest.mark.parametrize(
    ("member", "place", "reason"),
    [
        (a_member(1, "owner"), HERE, "owner"), (a_member(1, directory=True), HERE, "directory"),
        (a_member(1, missed=1), HERE, "not_seen"), (a_member(1), Place("ws", ROLES, OWNERS, stopped="directory"), "directory"),
    ],
)  # fmt: skip
def test_the_protected_are_never_removed(member: Member, place: Place, reason: str) -> None:
    """An owner, a member whom a directory manages, one who was missing in the last reading: told, and left alone, though
    nothing assigns them any more and whatever the policy says."""
    for removes in ("managed", "known", "all"):
        strict = Place(place.id, place.roles, place.owners, stopped=place.stopped, removes=removes)
        assert planned(strict, (), [member], (), [an_active(1)]) == [("skip", "p1", reason)]
    assert planned(Place("ws", ROLES, OWNERS, removes="all"), (), [a_member(1, service=True)], (), [an_active(1)]) == []


def test_who_is_unknown_or_was_never_given_a_seat() -> None:
    """A stranger, and somebody who was never given a seat from here, stay unless the policy says otherwise."""
    stranger = Member("m9", "x@else.test")
    expected = {
        "managed": [("skip", "p1", "unassigned"), ("skip", "x@else.test", "stranger")],
        "known": [("remove", "p1", "never_assigned"), ("skip", "x@else.test", "stranger")],
        "all": [("remove", "p1", "never_assigned"), ("remove", "x@else.test", "stranger_removed")],
    }
    for removes, steps in expected.items():
        assert planned(Place("ws", ROLES, OWNERS, removes=removes), (), [a_member(1), stranger]) == steps


def test_a_leaver_goes() -> None:
    """Somebody who left is removed though an assignment names them, and their invitation is withdrawn; one who is nowhere is
    told of and not invited."""
    left = {**PEOPLE, "p1": PEOPLE["p1"]._replace(active=False), "p2": PEOPLE["p2"]._replace(active=False),
            "p3": PEOPLE["p3"]._replace(active=False)}  # fmt: skip
    steps = plan_workspace(HERE, dict.fromkeys(("p1", "p2", "p3"), Wanted()), left, [a_member(1)], [an_invite(2)], [])
    assert [(step.kind, step.person, step.reason) for step in steps] == [
        ("withdraw", "p2", "left"), ("remove", "p1", "left"), ("skip", "p3", "person_inactive"),
    ]  # fmt: skip


def test_a_leaver_who_is_out_is_no_news() -> None:
    """Somebody who left and was removed is in no plan any more, though an assignment names them still."""
    left = {**PEOPLE, "p1": PEOPLE["p1"]._replace(active=False)}
    steps = plan_workspace(HERE, {"p1": Wanted()}, left, [], [], [Seat("p1", "removed")])
    assert steps == ()


def test_reasons_to_block() -> None:
    """Nobody is invited whose address is not known, not allowed, or may be somebody else's; each says why."""
    people = {**PEOPLE, "p1": Person("p1", ""), "p2": Person("p2", "p2@b.test", "b.test")}
    place = Place("ws", ROLES, OWNERS, domains=frozenset({"a.test"}))
    claimed = Member("m3", "P3@A.test", conflict=True)
    steps = plan_workspace(place, dict.fromkeys(("p1", "p2", "p3"), Wanted()), people, [claimed], [], [])
    told = [(step.kind, step.person or step.known_as, step.reason) for step in steps]
    assert told == [("blocked", "p1", "no_address"), ("blocked", "p2", "domain"), ("blocked", "p3", "conflict"),
                    ("skip", "P3@A.test", "conflict")]  # fmt: skip


def test_an_unread_workspace_gets_no_write() -> None:
    """Before it was read wholly, nothing is invited, removed or closed; who was seen is adopted all the same."""
    place = Place("ws", ROLES, OWNERS, stopped="not_read")
    steps = planned(place, ["p0", "p1"], [a_member(1), a_member(2)], (), [an_active(2), an_active(3, state="invited")])
    assert steps == [("adopt", "p1", "there"), ("blocked", "p0", "not_read"), ("blocked", "p2", "not_read")]


def test_an_unconfirmed_write_is_not_repeated() -> None:
    """Somebody of whom it is not known whether the last write was done gets no other before the vendor was read."""
    unsure = [an_active(1, state="inviting", unsure=True), an_active(2, state="removing", unsure=True)]
    assert planned(HERE, ["p1"], [a_member(2)], (), unsure) == [("blocked", "p1", "unsure"), ("blocked", "p2", "unsure")]


def test_owners_are_demoted_only_where_we_made_them() -> None:
    """An owner's role is taken only if it was given from here, and the last one's never."""
    want = {"p1": Wanted("reader"), "p2": Wanted("reader")}
    two = [a_member(1, "owner"), a_member(2, "owner")]
    ours = [an_active(1, role="owner"), an_active(2, role="owner")]
    assert planned(HERE, want, two, (), [an_active(1), an_active(2)]) == [("skip", "p1", "owner"), ("skip", "p2", "owner")]
    assert planned(HERE, want, two, (), ours) == [("role", "p1", "role"), ("skip", "p2", "last_owner")]


def test_licences_are_assigned_and_nobody_leaves_the_organisation() -> None:
    """Where people hold licences, one who is in without is assigned one, one who should not hold one loses it, an owner's
    too, and nobody is removed from the organisation; what is bought takes a second approval and says what it costs."""
    place = Place("ws", ROLES, OWNERS, assigns=True, buys=True, used=1, staying=1)
    members = [a_member(1, has_seat=False), a_member(2, "owner"), a_member(3, has_seat=False)]
    steps = plan_workspace(place, {"p1": Wanted()}, PEOPLE, members, [], [an_active(2), an_active(3)])
    assert [(step.kind, step.person) for step in steps] == [("unassign", "p2"), ("assign", "p1")]
    assert guards([(place, 20)], steps) == ("buys_seats", "cancels_plan")
    assert cost(steps[1:], {"ws": ("USD", 1900)}) == {"USD": 1900}
    assert cost(steps, {"ws": ("USD", 1900)}) == {}


def test_what_is_done_by_hand() -> None:
    """A vendor without an interface gives checklist steps, and the books say who is in; without invitations alone, only those
    are done by hand."""
    manual = Place("ws", ("member",), lists=False, invites=False, sets_roles=False)
    assert planned(manual, ["p1", "p2"], (), (), [an_active(1), an_active(3)]) == [
        ("manual", "p2", "invite_by_hand"), ("manual", "p3", "remove_by_hand"),
    ]  # fmt: skip
    assert planned(Place("ws", invites=False, sets_roles=False), ["p1"], [a_member(2)], (), [an_active(2)]) == [
        ("remove", "p2", "not_assigned"), ("manual", "p1", "invite_by_hand"),
    ]  # fmt: skip
    roles = Place("ws", ("member", "owner"), frozenset({"owner"}), invites=False, sets_roles=False)
    want = {"p1": Wanted("owner"), "p2": Wanted("member")}
    members = [a_member(1, "member"), a_member(2, "owner")]
    steps = plan_workspace(roles, want, PEOPLE, members, [], [an_active(1), an_active(2)])
    by_hand = [("manual", "p1", "role_by_hand"), ("skip", "p2", "owner")]
    assert [(step.kind, step.person, step.reason) for step in steps] == by_hand
    assert [each.sentence for each in checklist("role_by_hand", "ada@example.test", "acme", dict(steps[0].after))] == [
        "Open the page of members of acme at the vendor.", "Give ada@example.test the role owner.",
        "Check that ada@example.test is listed there with the role owner.",
    ]  # fmt: skip


def test_every_checklist_ends_in_a_look() -> None:
    """Whatever a person does ends in a look at the vendor's own page, and names nothing but who, where and which role; steps that
    nobody does by hand have no checklist."""
    assert set(CHECKLISTS) == {code for code in REASONS if code.endswith("_by_hand")}
    for reason in CHECKLISTS:
        for after in ({}, {"role": "member"}):
            lines = checklist(reason, "ada", "acme", after)
            assert lines[-1].sentence.startswith("Check that ada ")
            names = {name for each in lines for _, name, _, _ in string.Formatter().parse(each.text) if name}
            assert names <= {"who", "role", "place"}
            assert "role ." not in " ".join(each.sentence for each in lines if after or reason == "invite_by_hand")
    assert checklist("assigned", "ada", "acme", {}) == ()


def test_amounts_as_people_read_them() -> None:
    """A price in the smallest unit has as many decimals as its currency has (ISO 4217)."""
    assert [amount(1900, code) for code in ("USD", "JPY", "KWD")] == ["19.00 USD", "1900 JPY", "1.900 KWD"]
    assert amount(-1905, "EUR") == "-19.05 EUR"


def test_one_invitation_is_enough() -> None:
    """Of several pending invitations of one person, the one with the right role stays and the others are taken back, which
    removes nobody; while one of them was missing in the last reading, the next one decides."""
    several = [an_invite(1, "owner"), Invite("i7", "p1@a.test", "p1", "reader"), Invite("i8", "p1@a.test", "p1", "reader")]
    steps = plan_workspace(HERE, {"p1": Wanted("reader")}, PEOPLE, [], several, [an_active(1, state="invited")])
    assert [(step.kind, step.invite, step.reason) for step in steps] == [
        ("withdraw", "i1", "surplus"), ("withdraw", "i8", "surplus"),
    ]  # fmt: skip
    odd = [an_invite(1, "owner"), Invite("i7", "p1@a.test", "p1", "reader", missed=1)]
    assert planned(want={"p1": Wanted("reader")}, invites=odd) == [("skip", "p1", "not_seen")]
    assert guards([(HERE, 1)], steps) == ()
    wrong = [an_invite(1, "owner"), Invite("i7", "p1@a.test", "p1", "owner")]
    assert planned(want={"p1": Wanted("reader")}, invites=wrong) == [
        ("withdraw", "p1", "surplus"), ("reinvite", "p1", "role_of_invite"),
    ]  # fmt: skip


def test_no_activity_means_removed_once() -> None:
    """Somebody whose grace is over goes though they are assigned, and is not invited again by themselves; who is kept stays."""
    place, want = HERE, ["p1"]
    assert planned(place, want, [a_member(1)], (), [an_active(1, leaves=True)]) == [("remove", "p1", "inactive")]
    assert planned(place, want, [a_member(1)], (), [an_active(1, leaves=True, kept=True)]) == []
    assert planned(place, want, (), (), [an_active(1, state="removed", cause="inactive")]) == [("skip", "p1", "was_inactive")]


def test_making_an_owner_is_guarded() -> None:
    """Whatever gives an owner's role takes a second approval: an invitation, a second one, another role. Taking an owner into our
    books, and any other role, does not."""
    def needs(want: str, members: tuple[Member, ...] = (), invites: tuple[Invite, ...] = ()) -> tuple[str, ...]:
        made = plan_workspace(HERE, {"p1": Wanted(want)}, PEOPLE, members, invites, ())
        assert made
        return guards([(HERE, 100)], made)

    assert needs("owner") == needs("owner", (a_member(1),)) == needs("owner", (), (an_invite(1),)) == ("gives_owner",)
    assert needs("owner", (), (an_invite(1, "owner", live=False),)) == ("gives_owner",)
    assert needs("owner", (a_member(1, "owner"),)) == needs("reader") == ()


def test_somebody_who_is_called_otherwise_here() -> None:
    """Who is in is told of and left there; who was invited at an address that is theirs no more is invited anew; and of two
    accounts the one with their name counts."""
    old = a_member(1)._replace(renamed=True)
    assert planned(want={"p1": Wanted("reader")}, members=[old], seats=[an_active(1)]) == [("skip", "p1", "renamed")]
    new = a_member(1)._replace(id="z")
    assert planned(want={"p1": Wanted("reader")}, members=[old, new], seats=[an_active(1)]) == [("skip", "p1", "second")]
    assert planned(members=[old], seats=[an_active(1)]) == [("remove", "p1", "not_assigned")]
    invite = an_invite(1)._replace(renamed=True)
    assert planned(want={"p1": Wanted("reader")}, invites=[invite]) == [("reinvite", "p1", "address_of_invite")]


def test_mass_removal_is_guarded() -> None:
    """More than 20 people, or more than 10 % of a workspace, take a second approval; exactly that many do not."""

    def removing(number: int, kind: str = "remove") -> list[Step]:
        return [Step(kind, "ws", f"p{n}") for n in range(number)]  # type: ignore[arg-type]

    assert guards([(HERE, 200)], removing(20)) == ()
    assert guards([(HERE, 300)], removing(21)) == ("many_removals",)
    assert guards([(HERE, 100)], removing(10)) == ()
    assert guards([(HERE, 100)], removing(11, "withdraw")) == ("many_removals",)


def test_the_hash_is_of_what_is_done() -> None:
    """The hash is the same in whatever order the steps come and whatever figures their reasons show; another role, person or
    step is another hash, a line that is only told is not."""
    steps = [Step("invite", "ws", "p1", "p1@a.test", after=(("role", "reader"),), reason="assigned"), Step("remove", "ws", "p2")]
    same = digest(steps)
    assert digest(reversed(steps)) == same
    assert digest([*steps, Step("blocked", "ws", "p3", reason="no_seat", facts=(("used", 3),))]) == same
    others = [steps[:1], [Step("invite", "ws", "p1", "p1@a.test", after=(("role", "owner"),), reason="assigned"), steps[1]],
              [Step("invite", "ws2", "p1", "p1@a.test", after=(("role", "reader"),), reason="assigned"), steps[1]]]  # fmt: skip
    assert len({same, *map(digest, others)}) == 4


def test_every_reason_is_a_sentence() -> None:
    """Every reason that any plan gives has its sentence, with the facts that the sentence names."""
    for seed in range(300):
        vendor, want = a_drift(random.Random(seed))
        for step in vendor.plan(want):
            assert sentence(step.reason, dict(step.facts)), step
            assert step.kind in KINDS
    assert all(text == text.strip() and not text.endswith(".") for text in REASONS.values())


def a_drift(random_: random.Random) -> tuple[ModelVendor, dict[str, Wanted]]:
    """A workspace whose people, members, invitations and books have nothing to do with one another, and what is wanted."""
    number = random_.randrange(1, 14)
    people = {f"p{n}": _somebody(f"p{n}", random_) for n in range(number)}
    assigns = random_.random() < 0.25
    place = Place(
        "ws", ROLES, OWNERS, assigns=assigns, buys=assigns, invites=random_.random() > 0.1,
        seats=random_.choice((None, None, 2, 4, 8)), domains=random_.choice((frozenset(), frozenset({"a.test"}))),
        removes=random_.choice(("managed", "known", "all")), projects=random_.random() > 0.3,
        stopped=random_.choice(("",) * 8 + ("not_read", "directory", "disabled")),
    )  # fmt: skip
    vendor = ModelVendor(place, people)
    for n in range(random_.randrange(number + 3)):
        member = _some_member(n, people, random_, assigns)
        vendor.members[member.id] = member
    for n in range(random_.randrange(number + 2)):
        invite = _some_invite(n, people, random_)
        vendor.invites[invite.id] = invite
    if random_.random() < 0.08:
        vendor.place = replace(place, lists=False, invites=False, assigns=False, sets_roles=False)
        vendor.members.clear()
        vendor.invites.clear()
    for person in people:
        if random_.random() < 0.5:
            vendor.seats[person] = _some_seat(person, random_)
    want = {person: Wanted(random_.choice(("", *ROLES)), random_.choice(((), ("x",), ("x", "y"))))
            for person in people if random_.random() < 0.6}  # fmt: skip
    return vendor, want


def _somebody(id_: str, random_: random.Random) -> Person:
    domain = random_.choice(("a.test", "a.test", "b.test"))
    return Person(id_, random_.choice((f"{id_}@{domain}",) * 6 + ("",)), domain, random_.random() > 0.15)


def _some_member(n: int, people: dict[str, Person], random_: random.Random, assigns: bool) -> Member:
    person = random_.choice([*people, "", ""])
    projects = random_.choice((None, frozenset(), frozenset("x")))
    return Member(
        f"m-{n}", f"{person or n}@a.test", person, random_.choice((*ROLES, "admin")), projects,
        not assigns or random_.random() < 0.5, assigns and random_.random() < 0.2, random_.random() < 0.1, random_.random() < 0.1,
        not person and random_.random() < 0.2, random_.choice((0, 0, 0, 0, 1)),
    )  # fmt: skip


def _some_invite(n: int, people: dict[str, Person], random_: random.Random) -> Invite:
    person = random_.choice([*people, ""])
    missed = random_.choice((0, 0, 0, 1))
    return Invite(f"i-{n}", f"{person or n}@a.test", person, random_.choice(ROLES), random_.random() < 0.6, False, missed)


def _some_seat(person: str, random_: random.Random) -> Seat:
    states = ("planned", "inviting", "invited", "active", "expired", "removing", "removed", "failed")
    return Seat(
        person, random_.choice(states), random_.choice(("", *ROLES)), random_.random() < 0.08, random_.random() < 0.1,
        random_.random() < 0.1, random_.choice(("", "2026-01-01")), random_.choice(("", "inactive")),
    )  # fmt: skip


def to_do(steps: tuple[Step, ...]) -> list[Step]:
    """What is done of a plan."""
    return [step for step in steps if step.kind not in TOLD]


@pytest.mark.parametrize("part", range(10))
def test_two_passes_converge(part: int) -> None:
    """From any of 1,000 random drifts, two passes leave nothing to do; the seat limit holds after every single step, nobody
    who is protected is removed, nobody gets a second invitation, and what was unconfirmed is not touched."""
    for seed in range(part * 100, part * 100 + 100):
        vendor, want = a_drift(random.Random(seed))
        unsure = {person for person, seat in vendor.seats.items() if seat.unsure}
        vendor.begin()
        for _ in range(2):
            steps = vendor.plan(want)
            assert not {step.person for step in to_do(steps)} & unsure - {""}, seed
            vendor.apply(steps)
        assert to_do(vendor.plan(want)) == [], seed
        assert all(_may_go(vendor.place, member) for member in vendor.removed), seed


def _may_go(place: Place, member: Member) -> bool:
    owner = member.role in OWNERS and not place.assigns
    return not (owner or member.directory or member.service or member.missed or member.conflict)


@pytest.mark.parametrize("part", range(5))
def test_acceptance_converges(part: int) -> None:
    """When everybody who was invited accepts, two more passes leave nothing to do, and adopting calls no vendor."""
    for seed in range(part * 100, part * 100 + 100):
        vendor, want = a_drift(random.Random(seed))
        vendor.begin()
        for _ in range(2):
            vendor.apply(vendor.plan(want))
        vendor.accept()
        vendor.begin()
        for _ in range(2):
            vendor.apply(vendor.plan(want))
        assert to_do(vendor.plan(want)) == [], seed


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_the_order_of_what_is_read_means_nothing(seed: int, other: int) -> None:
    """However members, invitations, seats and assignments are ordered, the plan is the same, line by line, and so is its
    hash."""
    vendor, want = a_drift(random.Random(seed))
    mixed = random.Random(other)

    def shuffled(rows: Any) -> list[Any]:
        return mixed.sample(list(rows), len(list(rows)))

    again = plan_workspace(
        vendor.place, dict(shuffled(want.items())), dict(shuffled(vendor.people.items())), shuffled(vendor.members.values()),
        shuffled(vendor.invites.values()), shuffled(vendor.seats.values()),
    )  # fmt: skip
    rows = vendor.members.values(), vendor.invites.values(), vendor.seats.values()
    first = plan_workspace(vendor.place, want, vendor.people, *rows)
    assert again == first
    assert [step.facts for step in again] == [step.facts for step in first]
    assert digest(again) == digest(first)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_an_empty_reading_removes_nobody(seed: int) -> None:
    """Whatever is in our books: when a reading shows nobody, or not all, no plan removes, withdraws or unassigns anybody."""
    vendor, want = a_drift(random.Random(seed))
    vendor.place = replace(vendor.place, lists=True)
    vendor.members.clear()
    vendor.invites.clear()
    assert not [step for step in vendor.plan({}) if step.kind in REMOVALS]
    vendor, want = a_drift(random.Random(seed))
    place = replace(vendor.place, stopped="not_read")
    steps = plan_workspace(place, want, vendor.people, vendor.members.values(), vendor.invites.values(), vendor.seats.values())
    assert {step.kind for step in steps} <= {"adopt", "blocked", "skip"}
