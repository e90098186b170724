"""A dry run, a preview and the import say the same, and only the import leaves anything behind."""

from collections.abc import Mapping
from typing import Any

import pytest

from controlkit import ADMIN, OPERATOR
from importing.kit import ACCOUNTS, CONFIG, KEY, TRACKER, everything_stored, imported, problems, run, upload
from stationmaster.audit.models import AuditEvent
from stationmaster.importing import services as rosters
from stationmaster.importing import work
from stationmaster.importing.models import COUNTS, Origin, Ref
from stationmaster.people.models import Person
from stationmaster.publishing.models import Target
from stationmaster.workspaces.models import Workspace

FRESH = [
    {"type": "mother", "id": 1, "email": "n1@example.com", "seat_total": 2},
    {"type": "child", "parent_id": 1, "email": "n2@example.com", "invite_status": "success"},
]  # fmt: skip
MIXED: list[dict[str, Any]] = [
    {"type": "mother", "id": 1, "name": "North", "seat_total": 2},
    {"type": "mother", "id": 2, "name": "South", "seat_total": "many"},
    {"type": "child", "parent_id": 1, "email": "ada@example.com", "api_key": KEY, "note": "a"},
    {"type": "child", "parent_id": 1, "email": "Ada@example.com", "note": "b"},
    {"type": "child", "parent_id": 99, "email": "x@example.com"},
    {"type": "child", "parent_id": 2, "email": "bob@example.com"}, {"type": "child", "parent_id": 1, "email": "not an address"},
    {"type": "child", "parent_id": 1, "email": "n\u0000o@example.com"}, {"type": "child", "email": "ada@example.com"},
    {"type": "child", "parent_id": 1, "email": "cyd@example.com", "invitation_status": "removed", "api_key": KEY},
    {"type": "child", "email": "cyd@example.com", "invitation_status": "removed", "api_key": KEY},
    {"type": "child", "parent_id": 3, "email": "ada@example.com"},
]  # fmt: skip
FILES: Mapping[str, Any] = {"fresh": FRESH, "mixed": MIXED, "accounts": ACCOUNTS, "tracker": TRACKER, "config": CONFIG}


def counts(of: Mapping[str, Any]) -> dict[str, int]:
    """How many records came to what."""
    return {name: of[name] for name in COUNTS}


@pytest.mark.parametrize("size", [2, 100])
@pytest.mark.parametrize("name", FILES)
def test_a_dry_run_counts_what_the_import_does(database: str, monkeypatch: pytest.MonkeyPatch, name: str, size: int) -> None:
    """The first time, and again when it has come in, whatever batches its records are in: the same counts and problems."""
    monkeypatch.setattr(work, "RECORDS", size)
    for _ in range(2):
        which = upload(FILES[name])
        rosters.preview(ADMIN, which, {})
        tried = run(which, dry_run=True)
        said = counts(tried), problems(tried), tried["notes"], tried["left_out"]
        done = run(which)
        assert said == (counts(done), problems(done), done["notes"], done["left_out"])
    assert (done["created"], done["updated"]) == (0, 0)


@pytest.mark.parametrize("name", FILES)
def test_a_preview_says_what_the_import_does(database: str, name: str) -> None:
    """Record by record; a member whose team is nowhere in the file, an address that is none, the same person again."""
    for _ in range(2):
        which = upload(FILES[name])
        seen = rosters.preview(ADMIN, which, {})["rows"]
        wrong = {(row["row"], row["outcome"], each["code"]) for row in seen for each in row["problems"]}
        done = run(which)
        assert wrong == set(problems(done))
        assert sum(row["outcome"] == "create" for row in seen) == done["created"]
        assert sum(row["outcome"] == "update" for row in seen) == done["updated"]


def test_a_preview_looks_for_teams_behind_what_it_shows(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A team that stands further behind counts, and so does what is wrong with it; where the file was not seen to its end, a
    team may come yet."""
    where = [(number, team) for number in range(8) for team in (1, 2, 3)]
    members = [{"type": "child", "parent_id": team, "email": f"p{number}-{team}@example.com"} for number, team in where]
    teams = [{"type": "mother", "id": 1, "name": "North"}, {"type": "mother", "id": 2, "name": "South", "seat_total": "many"}]
    file = [*members, *teams]
    outcomes = [(row["values"]["parent_id"], row["outcome"]) for row in rosters.preview(ADMIN, upload(file), {})["rows"]]
    assert len(outcomes) == rosters.PREVIEWED
    assert set(outcomes) == {("1", "create"), ("2", "error"), ("3", "error")}
    monkeypatch.setattr(rosters, "LOOKED_AT", 22)
    assert {row["outcome"] for row in rosters.preview(ADMIN, upload(file), {})["rows"]} == {"create"}


def test_nothing_stays_of_a_dry_run(database: str) -> None:
    """No row, no event of what would have come, nothing that was remembered from batch to batch; nor of a preview."""
    for content in (MIXED, CONFIG):
        which = upload(content)
        rosters.preview(ADMIN, which, {})
        run(which, dry_run=True)
        assert not [each.objects.count() for each in (Person, Workspace, Target, Origin, Ref) if each.objects.exists()]
    sources = set(AuditEvent.objects.values_list("source", flat=True))
    assert not sources & {"people", "workspaces", "publishing", "credentials"}
    assert "rosters" in sources
    assert not [text for text in everything_stored() if KEY in text]


def test_a_dry_run_is_by_the_rights_of_who_asks(database: str) -> None:
    """An operator's targets are errors in all three."""
    which = upload(CONFIG, OPERATOR)
    seen = rosters.preview(OPERATOR, which, {})["rows"]
    tried = run(which, OPERATOR, dry_run=True)
    assert {row["outcome"] for row in seen} == {"error"}
    assert (tried["errors"], run(which, OPERATOR)["errors"]) == (3, 3)


def test_the_preview_says_that_the_default_target_moves(database: str) -> None:
    """Of the target that would be the default one, and of no other; not of one that is there already."""
    notes = [row["notes"] for row in rosters.preview(ADMIN, upload(CONFIG), {})["rows"]]
    assert [("new_default" in each) for each in notes] == [False, True, False]
    imported(CONFIG)
    assert not [row for row in rosters.preview(ADMIN, upload(CONFIG), {})["rows"] if "new_default" in row["notes"]]
