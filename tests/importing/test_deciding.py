"""Deciding: what each field and value means, which of them are secrets, and that what is here counts more than what was there."""

import json
from pathlib import Path

import pytest

from importing.kit import CANARIES, KEY
from stationmaster.importing import fields, reading, recognising, states, targets
from stationmaster.importing.deciding import Place, Somebody, State, decide, name_of
from stationmaster.importing.reading import Raw
from stationmaster.importing.recognising import Record

SEATS = [
    (("not_started", "not_started", ""), "planned", False), (("idle", "idle", ""), "planned", False),
    (("running", "idle", ""), "planned", True), (("idle", "running", ""), "planned", True),
    (("running", "success", ""), "invited", True), (("not_started", "success", ""), "invited", False),
    (("success", "success", ""), "active", False), (("success", "running", ""), "active", True),
    (("failed", "success", ""), "failed", False), (("idle", "failed", ""), "failed", False), (("", "", ""), "planned", False),
    (("", "", "success"), "invited", False), (("", "", "joined"), "active", False), (("", "", "Expired"), "expired", False),
    (("", "", "removed"), "removed", False), (("", "", "processing"), "planned", True), (("", "", "failed"), "failed", False),
]  # fmt: skip


@pytest.mark.parametrize(("said", "state", "unbelieved"), SEATS)
def test_states_of_seats(said: tuple[str, str, str], state: str, unbelieved: bool) -> None:
    """Joining counts more than the invitation, and what ran is never believed."""
    read = states.seat_state(*said)
    assert (read.state, read.unbelieved, read.unknown) == (state, unbelieved, ())


def test_a_state_that_means_nothing_is_named_by_its_field() -> None:
    """Not by its value, which may be anything."""
    assert states.seat_state("weird", "success") == ("invited", False, ("team_join_status",))


def test_every_value_of_both_presets_has_a_meaning() -> None:
    """The five words of *accounts*, in each field that has them."""
    for value in states.VALUES:
        assert value in states.JOINED
        assert value in states.INVITED
        assert states.published(value)


def recognised(values: dict[str, object], **where: object) -> recognising.Found:
    """What an object in a list is."""
    return recognising.recognise(Raw(1, listed=True, fields=values, **where), {})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CANARIES)
def test_secrets_stay_outside_by_name_or_by_looks(name: str) -> None:
    """Under its own name, and under one that says nothing where it looks like one; only the name is told."""
    found = recognised({"email": "a@example.com", name: CANARIES[name]})
    assert found.secrets == (name,)
    assert CANARIES[name] not in repr(found)


@pytest.mark.parametrize("name", ["note", "x", "name", "role"])
def test_a_session_in_any_field_is_left_out(name: str) -> None:
    """A note is not kept when a session is in it."""
    found = recognised({"email": "a@example.com", name: "see sk-ant-sid01-canaryxxxxxxxx"})
    assert found.secrets == (name,)
    assert "canary" not in repr(found)


def test_api_keys_come_in_as_keys() -> None:
    """By their looks, whatever the field is called; an admin key does not."""
    found = recognised({"email": "a@example.com", "auth_token": KEY, "k": "sk-admin-canaryxxxxxxxxxxxx"})
    assert found.record is not None
    assert (found.record.key, found.admin, found.secrets) == (KEY, ("k",), ())
    assert KEY not in repr(found)


def test_names_of_fields_are_told_only_where_they_are_names() -> None:
    """A key that is an address or a secret is none."""
    assert fields.told("colour") == "colour"
    assert {fields.told(odd) for odd in ("a@example.com", "sk-proj-canaryxxxxxxx", "x" * 50, "a\nb")} == {"(odd name)"}


def test_parts_of_a_record_are_no_records() -> None:
    """A mailbox that belongs to an account is not somebody."""
    part = recognising.recognise(Raw(2, 1, "mailbox", fields={"email": "box@example.com", "password": "canary"}, depth=1), {})
    assert part.record is None
    assert part.secrets == ("mailbox.email", "mailbox.password")


PARTS = [
    [{"email": "a@example.com", "type": "child", "subscription": {"type": "plus", "status": "active", "name": "Plus"},
      "devices": [{"name": "laptop", "email": "x@example.com"}], "tags": ["a"]}],
    {"accounts": [{"email": "a@example.com", "plan": {"type": "plus", "email": "x@example.com"},
                   "sessions": [{"email": "y@example.com"}]}]},
    {"teams": [{"name": "T", "settings": {"name": "S", "type": "x"},
                "members": [{"email": "a@example.com", "plan": {"status": "x"}}]}]},
]  # fmt: skip


@pytest.mark.parametrize("content", PARTS, ids=range(len(PARTS)))
def test_what_belongs_to_a_record_is_none(content: object) -> None:
    """Subscriptions, devices, settings: their fields are counted as unknown, and there is one member."""
    raws = list(reading.objects([json.dumps(content).encode()], "utf-8"))
    records = [found.record for raw in raws if (found := recognising.recognise(raw, {})).record is not None]
    assert [each.values["email"] for each in records if each is not None and each.kind == "member"] == ["a@example.com"]
    assert not [each for each in records if each is not None and each.faults]


def member(**values: str) -> Record:
    """A member of the team with id 1."""
    found = recognised({"email": "ada@example.com", "parent_id": "1", **values})
    assert found.record is not None
    return found.record


MAY = frozenset({"people:create", "assignments:create", "workspaces:create", "credentials:create", "targets:create"})
TEAM = Place("ws_1", "one")


def test_a_member_becomes_a_person_with_an_assignment_and_a_seat() -> None:
    """Everything is made where nothing is there."""
    verdict = decide(member(team_join_status="success"), State({"id:1": TEAM}, may=MAY))
    assert (verdict.outcome, set(verdict.make), verdict.seat) == ("create", {"person", "assignment"}, "active")


@pytest.mark.parametrize(("now", "seat"), [
    (None, "active"), (("planned", ""), "active"), (("failed", "imported"), "active"), (("active", "imported"), ""),
    (("removed", "surplus"), ""), (("invited", "by_hand"), ""),
])  # fmt: skip
def test_what_somebody_set_here_stays(now: tuple[str, str] | None, seat: str) -> None:
    """A seat's state is taken over one that an import set, or none; not over anybody's."""
    seats = {("per_1", "ws_1"): now} if now else {}
    ada = {"ada@example.com": Somebody("per_1")}
    state = State({"id:1": TEAM}, people=ada, assigned={("per_1", "ws_1")}, seats=seats, may=MAY)
    assert decide(member(team_join_status="success"), state).seat == seat


def test_where_the_vendor_can_be_read_its_word_counts() -> None:
    """No state is set in a workspace that is attached."""
    verdict = decide(member(team_join_status="success"), State({"id:1": Place("ws_1", "one", by_hand=False)}, may=MAY))
    assert (verdict.seat, verdict.notes) == ("", ("read_back",))


def test_conflicts_and_errors() -> None:
    """Somebody who left, a team that is not there, no rights, a record without an address."""
    left = State({"id:1": TEAM}, people={"ada@example.com": Somebody("per_1", active=False)}, may=MAY)
    assert decide(member(), left).faults[0].code == "import.left"
    assert decide(member(), State(may=MAY)).faults[0].code == "import.no_team"
    assert decide(member(), State({"id:1": TEAM})).faults[0].code == "access.forbidden"
    found = recognised({"name": "Ada", "parent_id": "1"})
    assert found.record is not None
    assert decide(found.record, State({"id:1": TEAM}, may=MAY)).outcome == "error"


def test_a_workspace_is_filled_and_never_changed() -> None:
    """Seats and account are taken where there are none; another account is another team."""
    mother = {"email": "o@example.com", "type": "mother", "name": "one"}
    found = recognised({**mother, "seat_total": 5, "team_account_id": "acct-1"})
    assert found.record is not None
    assert decide(found.record, State(named={"one": TEAM}, may=MAY)).fill == {"organisation": "acct-1", "seat_limit": 5}
    assert decide(found.record, State(named={"one": Place("ws_1", "one", "acct-1", 9)}, may=MAY)).fill == {}
    assert decide(found.record, State(named={"one": Place("ws_1", "one", "acct-2", 9)}, may=MAY)).outcome == "conflict"


@pytest.mark.parametrize("seats", ["-1", "five", "99999999", "1.5", "²"])
def test_seats_are_a_number(seats: str) -> None:
    """Anything else is said to be wrong."""
    found = recognised({"email": "o@example.com", "type": "mother", "seat_total": seats})
    assert found.record is not None
    assert decide(found.record, State(may=MAY)).faults[0].field == "seat_total"


def test_names_are_made_of_titles_the_same_way_each_time() -> None:
    """Plain ones stay; others are marked, so that two titles are two names."""
    assert name_of("North") == "North"
    assert name_of("北方") == name_of("北方") != name_of("南方")
    assert name_of("a b") != name_of("a-b")


def test_targets_of_a_config() -> None:
    """Each is told with what it says; further ones share what is not their own."""
    config = {"s2a": {"api_base": "https://a.example.com", "admin_key": "k-canary", "concurrency": 3, "group_ids": [1]},
              "s2a_targets": [{"key": "b", "label": "B", "config": {"api_base": "https://b.example.com"}, "colour": 1}],
              "s2a_default_target": "b", "crs": {"api_base": "https://c.example.com"},
              "mail": {"password": "canary"}}  # fmt: skip
    found = list(targets.recognise(config))
    records = [each.record for each in found if each.record is not None]
    assert [(each.values["kind"], each.values["label"], each.values["default"], each.key) for each in records] == [
        ("s2a", "s2a", "", "k-canary"), ("s2a", "B", "true", ""), ("crs", "crs", "", ""),
    ]  # fmt: skip
    assert records[1].values["concurrency"] == "3"
    assert [name for each in found for name in each.unknown] == ["s2a_targets.colour"]
    assert [name for each in found for name in each.secrets] == ["mail.password"]
    assert "canary" not in repr(found)


def test_the_page_tells_every_word_that_is_translated() -> None:
    """docs/reference/importing.md has each value of both presets, and each field."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "importing.md").read_text(encoding="utf-8")
    words = {*states.JOINED, *states.INVITED, *states.TRACKED} - {"planned", "removing"}      # our own words, which go out
    assert not [word for word in (*words, *fields.FIELDS) if f"`{word}`" not in page]
