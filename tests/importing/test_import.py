"""Imports: what comes in, that nothing else does, that a second time changes nothing, and that it goes out again as it came."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from controlkit import ADMIN, OPERATOR, VIEWER
from importing.kit import (
    ACCOUNTS,
    CANARIES,
    CONFIG,
    KEY,
    TRACKER,
    everything_stored,
    exported,
    finish,
    imported,
    problems,
    run,
    upload,
)
from stationmaster.audit.services import verify
from stationmaster.credentials.models import Credential
from stationmaster.errors import Conflict, Forbidden, Invalid, NotFound
from stationmaster.importing import services as rosters
from stationmaster.importing.models import Batch, Origin, Piece, Ref
from stationmaster.jobs import services as jobs
from stationmaster.jobs.artifacts import ARTIFACTS, artifact
from stationmaster.jobs.models import Job
from stationmaster.people import services as people
from stationmaster.people.models import Person
from stationmaster.publishing.models import Target
from stationmaster.store.changes import change
from stationmaster.store.listing import Query
from stationmaster.workspaces import seats
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Assignment, Seat, Workspace

ENTRIES = pytest.mark.parametrize("content", [ACCOUNTS, TRACKER], ids=["accounts", "tracker"])


def seat(email: str) -> tuple[str, str]:
    """The state of somebody's only seat, and its cause."""
    row = Seat.objects.get(person__email=email)
    return row.state, row.cause


def versions() -> list[list[tuple[str, int]]]:
    """Every row of the configuration that an import may make, with its version."""
    models = (Person, Workspace, Assignment, Seat)
    return [list(model.objects.order_by("id").values_list("id", "revision")) for model in models]


def test_accounts_become_workspaces_people_and_seats(database: str) -> None:
    """Owners are workspaces with their seats, members people who are assigned to them, states are translated."""
    of = imported(ACCOUNTS)
    assert (of["state"], of["format"], of["records"], of["created"], of["errors"]) == ("done", "accounts", 5, 5, 0)
    place = Workspace.objects.get()
    assert (place.vendor, place.organisation, place.seat_limit) == ("manual", "acct-1", 5)
    assert Assignment.objects.filter(workspace=place).count() == 4
    assert seat("ada@example.com") == ("active", "imported")
    assert seat("cyd@example.com")[0] == "invited"
    assert seat("dan@example.com")[0] == "failed"
    assert not Seat.objects.filter(person__email="bob@example.com").exists()      # its invitation "ran": it is planned
    assert of["notes"] == {"not_believed": 1, "publication_kept": 3, "to_be_attached": 1}
    assert verify(ADMIN).ok


def test_a_tracker_becomes_teams(database: str) -> None:
    """Teams hold members; somebody in two teams is one person; one whose invitation is over is not assigned."""
    of = imported(TRACKER)
    assert (of["format"], of["created"]) == ("tracker", 5)
    assert set(Workspace.objects.values_list("name", "organisation", "seat_limit")) == {("North", "acct-n", 3), ("South", "", 0)}
    assert set(Assignment.objects.values_list("workspace__name", "person__email")) == {
        ("North", "ada@example.com"), ("North", "eve@example.com"),
    }  # fmt: skip


SHAPES: list[tuple[Any, set[tuple[str, str]]]] = [
    ({"North": ["x"], "teams": {"North": [{"email": "a@example.com"}], "South": [{"email": "b@example.com"}]}},
     {("North", "a@example.com"), ("South", "b@example.com")}),
    ({"teams": {"North": {"members": [{"email": "a@example.com", "status": "invited"}], "seat_total": 2}}},
     {("North", "a@example.com")}),
    ({"teams": {"North": {"a@example.com": {"status": "invited"}}}}, {("North", "a@example.com")}),
    ({"name": "North", "members": [{"email": "a@example.com"}]}, {("North", "a@example.com")}),
    ({"version": 2, "accounts": [{"email": "a@example.com", "type": "child", "parent_id": "t"},
                                 {"id": "t", "name": "North", "type": "mother"}]}, {("North", "a@example.com")}),
    ({"t": {"type": "mother", "name": "North"}, "c": {"type": "child", "email": "a@example.com", "parent_id": "t"}},
     {("North", "a@example.com")}),
    ("Team,E-Mail,Status,Password\nNorth,a@example.com,invited,canary\n", {("North", "a@example.com")}),
    ("团队;邮箱;状态\nNorth;a@example.com;invited\n", {("North", "a@example.com")}),
]  # fmt: skip


@pytest.mark.parametrize(("content", "members"), SHAPES, ids=range(len(SHAPES)))
def test_shapes_of_rosters(database: str, content: Any, members: set[tuple[str, str]]) -> None:
    """Teams by name or by list, members by list or by address, owners behind their members, tables in two languages."""
    of = imported(content)
    assert (of["state"], problems(of)) == ("done", [])
    assert set(Assignment.objects.values_list("workspace__name", "person__email")) == members


@ENTRIES
def test_the_same_file_again_changes_nothing(database: str, content: Any) -> None:
    """Every record is unchanged; no row of the configuration gets another version."""
    imported(content)
    before = versions()
    of = imported(content)
    assert (of["unchanged"], of["created"], of["updated"]) == (5, 0, 0)
    assert versions() == before


@ENTRIES
def test_a_dry_run_says_what_would_become_and_does_nothing(database: str, content: Any) -> None:
    """The counts are those of the import that follows; nothing but the upload is there."""
    which = upload(content)
    rosters.preview(ADMIN, which, {})
    tried = run(which, dry_run=True)
    assert (tried["state"], tried["created"]) == ("open", 5)
    assert not Person.objects.exists()
    assert not Origin.objects.exists()
    assert not Workspace.objects.exists()
    assert run(which)["created"] == 5


def test_a_preview_says_what_the_first_records_would_come_to(database: str) -> None:
    """Each with its outcome and remarks, and what is left out of as much as was read; a mapping says otherwise."""
    which = upload([{"wer": "ada@example.com", "type": "child", "colour": "red", "password": "canary"}])
    seen = rosters.preview(ADMIN, which, {})
    assert [row["outcome"] for row in seen["rows"]] == ["error"]
    assert seen["left_out"] == {"secrets": {"password": 1}, "admin": {}, "unknown": {"wer": 1, "colour": 1}}
    seen = rosters.preview(ADMIN, which, {"mapping": {"wer": "email"}})
    assert [(row["outcome"], row["values"]["email"]) for row in seen["rows"]] == [("create", "ada@example.com")]
    assert not Person.objects.exists()


def test_a_mapping_is_kept_under_a_name(database: str) -> None:
    """And used again by it; another one of that name takes its place; what is no field is refused."""
    rosters.save_mapping(ADMIN, {"name": "ours", "fields": {"wer": "note"}})
    rosters.save_mapping(ADMIN, {"name": "ours", "fields": {"wer": "email"}})
    assert [row["fields"] for row in rosters.list_mappings(ADMIN, Query()).items] == [{"wer": "email"}]
    assert imported([{"wer": "ada@example.com", "type": "child"}], mapping_name="ours")["created"] == 1
    for fields in ({"wer": "colour"}, {}):
        with pytest.raises(Invalid):
            rosters.save_mapping(ADMIN, {"name": "bad", "fields": fields})
    rosters.delete_mapping(ADMIN, "ours")
    with pytest.raises(NotFound):
        rosters.get_mapping(ADMIN, "ours")


def test_every_record_has_one_outcome(database: str) -> None:
    """Good and bad ones mixed: the good ones come in, each bad one is told by its number, and a second time the same."""
    mixed = [
        {"id": 1, "type": "mother", "name": "North"}, {"type": "child", "email": "ada@example.com", "parent_id": 1},
        {"type": "child", "email": "Ada@Example.com", "parent_id": 1}, {"type": "child", "email": "no address", "parent_id": 1},
        {"type": "child", "parent_id": 1}, {"type": "child", "email": "bob@example.com", "parent_id": 7},
        {"type": "boss", "email": "cyd@example.com"}, {"type": "mother", "name": "South", "seat_total": "many"},
        {"type": "child", "email": "dan@example.com"},
    ]  # fmt: skip
    wrong = [
        (3, "duplicate", "error.import.duplicate"), (4, "error", "error.person.bad_value"), (5, "error", "error.import.value"),
        (6, "error", "error.import.no_team"), (7, "error", "error.import.value"), (8, "error", "error.import.value"),
    ]  # fmt: skip
    first = imported(mixed)
    assert (first["state"], first["created"], problems(first)) == ("partial", 3, wrong)
    second = imported(mixed)
    assert (second["unchanged"], second["created"], problems(second)) == (3, 0, wrong)
    assert set(Person.objects.values_list("email", flat=True)) == {"ada@example.com", "dan@example.com"}


@pytest.mark.parametrize("content", [
    json.dumps(ACCOUNTS)[:-1], json.dumps(ACCOUNTS)[:300], "[]", "{}", "3", "\x00\x01", '[{"email": "a@example.com"}] x',
], ids=range(7))  # fmt: skip
def test_a_file_that_cannot_be_read_to_its_end_brings_in_nothing(database: str, content: str) -> None:
    """Whatever was good in it: the job fails and says why, and nothing is there."""
    which = upload(content)
    of = run(which)
    assert (of["state"], bool(of["why"])) == ("failed", True)
    assert not Person.objects.exists()
    assert not Workspace.objects.exists()


def test_what_was_decided_here_stays(database: str) -> None:
    """A seat that somebody set, a limit, a name: an older file does not undo it."""
    imported(ACCOUNTS)
    place = Workspace.objects.get()
    workspaces.update_workspace(ADMIN, place.id, {"seat_limit": 9})
    people.update_person(ADMIN, "ada@example.com", {"display_name": "Ada"})
    changed = [{**each, "name": "Other", "seat_total": 3} for each in ACCOUNTS]
    imported(changed)
    assert Workspace.objects.get().seat_limit == 9
    assert people.get_person(ADMIN, "ada@example.com")["display_name"] == "Ada"


def test_states_move_on_with_the_file(database: str) -> None:
    """A later file of the same setup moves a seat that only the import has set."""
    imported(ACCOUNTS)
    imported([{**each, "invite_status": "success", "team_join_status": "success"} for each in ACCOUNTS])
    assert {seat(f"{name}@example.com")[0] for name in ("ada", "bob", "cyd", "dan")} == {"active"}


@ENTRIES
def test_no_secret_is_stored_shown_or_written_out(database: str, content: Any) -> None:
    """While the upload is there, when it was previewed and after it came in: in no table, answer, artifact or export; counted by
    the names of their fields."""
    which = upload(content)
    seen = rosters.preview(ADMIN, which, {})
    shown = [json.dumps(seen, default=str), *everything_stored()]
    of = run(which)
    job = Job.objects.get(id=of["job"])
    shown += [json.dumps(of, default=str), json.dumps(jobs.get(ADMIN, job.id), default=str), *everything_stored()]
    shown += [piece for name in ARTIFACTS for piece in artifact(ADMIN, job.id, name)]
    shown += ["".join(rosters.export_roster(ADMIN, form)) for form in rosters.EXPORTED]
    for value in CANARIES.values():
        assert not [text for text in shown if value in text]
    assert of["left_out"]["secrets"]["password"] == sum(json.dumps(content).count(f'"{name}"') for name in ("password",))
    assert job.result["left_out_because"] == "error.credential.not_for_api_use"
    assert [model.objects.count() for model in (Piece, Batch, Ref)] == [0, 0, 0]


def test_api_keys_become_credentials_that_are_switched_off(database: str) -> None:
    """Sealed, for their vendor, once; nothing of them is stored in the clear."""
    content = [{"email": "ada@example.com", "type": "child", "api_key": KEY}]
    assert imported(content)["created"] == 1
    (row,) = Credential.objects.all()
    assert (row.vendor, row.disabled, row.secret.reveal("probe")) == ("openai", True, KEY)
    assert imported(content)["unchanged"] == 1
    assert not [text for text in everything_stored() if KEY in text]


def test_a_config_becomes_targets(database: str) -> None:
    """With their keys, write-only, untested; one default; a second time nothing is made."""
    of = imported(CONFIG)
    rows = {row.base_url: row for row in Target.objects.filter(kind="s2a")}
    first, second = rows["https://s2a.example.com"], rows["https://second.example.com"]
    assert (first.concurrency, first.priority, first.groups, first.group_names) == (3, 40, ["1", "2"], ["paid"])
    assert (second.label, second.default, first.default) == ("The second one", True, False)
    assert (first.tested_ok, bool(first.secret)) == (False, True)
    relay = Target.objects.get(kind="crs")
    assert (relay.base_url, relay.disabled, bool(relay.secret)) == ("https://crs.example.com", True, False)
    assert (of["created"], problems(of)) == (3, [])
    assert of["left_out"]["secrets"] == {"s2a.admin_token": 1, "email.password": 1}
    assert not [text for text in everything_stored() if "canary" in text]
    assert imported(CONFIG)["created"] == 0


def test_who_may(database: str) -> None:
    """Bringing in takes its right and that of each thing that is made; who may not make workspaces brings in people alone."""
    with pytest.raises(Forbidden):
        upload(ACCOUNTS, VIEWER)
    of = imported(ACCOUNTS, OPERATOR)
    assert of["created"] == 0
    assert {code for _, _, code in problems(of)} == {"error.access.forbidden", "error.import.no_team"}
    assert imported([{"email": "x@example.com", "type": "child"}], OPERATOR)["created"] == 1
    with pytest.raises(Forbidden):
        rosters.export_roster(VIEWER, "accounts")


def test_the_way_of_an_import(database: str) -> None:
    """Parts in order; nothing twice; what is over is over; what runs is not forgotten."""
    which = upload(json.dumps(ACCOUNTS))
    with pytest.raises(Conflict):
        rosters.add_part(ADMIN, which, 3, b"x")
    job = rosters.start(ADMIN, which)["job"]
    with pytest.raises(Conflict):
        rosters.start(ADMIN, which)
    with pytest.raises(Conflict):
        rosters.delete_roster(ADMIN, which)
    with pytest.raises(Conflict):
        rosters.preview(ADMIN, which, {})
    finish(which, job)
    with pytest.raises(Conflict):
        rosters.add_part(ADMIN, which, 0, b"x")
    rosters.delete_roster(ADMIN, which)
    with pytest.raises(NotFound):
        rosters.get_roster(ADMIN, which)
    assert Person.objects.count() == 4


@pytest.mark.parametrize("given", [
    {"format": "xml"}, {"encoding": "ebcdic"}, {"vendor": "nobody"}, {"mapping": []}, {"mapping": {"a": "b"}},
    {"format": "accounts", "mapping_name": 3}, {"colour": 1},
])  # fmt: skip
def test_what_is_said_of_a_file_is_checked(database: str, given: dict[str, Any]) -> None:
    """Each with its field."""
    with pytest.raises(Invalid):
        rosters.preview(ADMIN, upload(ACCOUNTS), given)


def test_who_is_erased_is_in_no_file_any_more(database: str) -> None:
    """Nor is what a file said of them."""
    imported(ACCOUNTS)
    people.erase_person(ADMIN, "dan@example.com")
    assert not [text for text in everything_stored() if "no seat left" in text]
    assert "dan@example.com" not in json.dumps(exported("accounts"))


_WORDS = st.sampled_from(["not_started", "idle", "running", "success", "failed"])
_MARKS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))
_NOTES = st.text(_MARKS, min_size=1, max_size=20).map(str.strip).filter(bool)
_CHILD = st.fixed_dictionaries(
    {"type": st.just("child")},
    optional={"team_join_status": _WORDS, "invite_status": _WORDS, "pool_status": _WORDS, "note": _NOTES, "account_id": _NOTES,
              "role": st.sampled_from(["member", "admin", "standard"]), "password": st.just("canary-property"),
              "cookies": st.just("sess-canary-property")},
)  # fmt: skip
_MOTHER = st.fixed_dictionaries(
    {"type": st.just("mother"), "seat_total": st.integers(1, 500)},
    optional={"note": _NOTES, "password": st.just("canary-property")},
)


@pytest.mark.timeout(600)
@settings(max_examples=4, deadline=None, phases=(Phase.generate,), suppress_health_check=[*HealthCheck])
@given(st.lists(st.tuples(_MOTHER, st.lists(_CHILD, max_size=4)), min_size=1, max_size=3), st.integers(0, 10**9))
def test_what_came_in_goes_out(database: str, teams: list[Any], salt: int) -> None:
    """Every field that came in is in what goes out, of both presets; no secret is; and what goes out comes in unchanged."""
    rows = []
    for number, (mother, children) in enumerate(teams):
        rows.append({**mother, "id": f"t{salt}-{number}", "email": f"o{number}-{salt}@example.com"})
        rows += [
            {**child, "id": f"c{salt}-{number}-{at}", "parent_id": f"t{salt}-{number}",
             "email": f"c{number}-{at}-{salt}@example.com"}
            for at, child in enumerate(children)
        ]  # fmt: skip
    of = imported(rows)
    assert (of["created"], of["errors"]) == (len(rows), 0), problems(of)
    out = {row["id"]: row for row in exported("accounts") if f"{salt}" in row["id"]}
    for row in rows:
        said = {name: "not_started" if value == "running" else value for name, value in row.items()}
        said = {name: value for name, value in said.items() if name not in ("password", "cookies")}
        assert said.items() <= out[row["id"]].items()
    flat = [member for team in exported("tracker")["teams"] for member in team["members"]]
    assert {row["email"] for row in rows if row["type"] == "child"} <= {member["email"] for member in flat}
    assert "canary" not in json.dumps([out, flat])
    again = imported([*out.values()])
    assert (again["created"], again["errors"]) == (0, 0), problems(again)


def test_people_and_teams_that_were_in_no_file_go_out_too(database: str) -> None:
    """A roster is everybody who has, had or is to have a seat."""
    workspaces.create_workspace(ADMIN, {"name": "ours", "vendor": "manual", "seat_limit": 3})
    people.create_person(ADMIN, {"email": "ada@example.com", "display_name": "Ada"})
    workspaces.create_assignment(ADMIN, {"workspace": "ours", "person": "ada@example.com"})
    mother, child = exported("accounts")
    assert (mother["type"], mother["team"], mother["seat_total"]) == ("mother", "ours", 3)
    assert child == {"email": "ada@example.com", "name": "Ada", "type": "child", "parent_id": mother["id"],
                     "team_join_status": "not_started", "invite_status": "not_started"}  # fmt: skip
    assert exported("tracker")["teams"][0]["members"][0]["email"] == "ada@example.com"
    with pytest.raises(Invalid):
        rosters.export_roster(ADMIN, "xml")


def test_a_seat_that_moved_says_so(database: str) -> None:
    """What came in goes out until it is not so any more."""
    imported(ACCOUNTS)
    with change(ADMIN) as edit:
        seats.settle(edit, Seat.objects.get(person__email="cyd@example.com").id, "active")
    (cyd,) = [row for row in exported("accounts") if row["email"] == "cyd@example.com"]
    assert (cyd["team_join_status"], cyd["invite_status"]) == ("success", "success")


def test_nothing_here_is_an_empty_file(database: str) -> None:
    """Valid JSON, of both presets."""
    assert exported("accounts") == []
    assert exported("tracker") == {"teams": [], "people": []}
    assert not Origin.objects.exists()


def test_the_example_files_of_the_documentation_come_in(database: str) -> None:
    """What the page shows is what is taken."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "importing.md").read_text(encoding="utf-8")
    examples = [part.split("```")[0] for part in page.split("```json\n")[1:]]
    assert len(examples) == 2
    for text in examples:
        assert imported(text)["state"] == "done", text
    (config,) = [part.split("```")[0] for part in page.split("```toml\n")[1:]]
    assert imported(config)["format"] == "config"
