"""Tables are for people: times, names, and values that have parts. The other forms are data and have all of it."""

import csv
import re

import pytest

from cli.nouns.kit import ADMIN_SECRET, Cli
from controlkit import ADMIN
from stationmaster.cli.output import Format, moment, print_object, print_rows
from stationmaster.store.changes import change
from stationmaster.workspaces import seats as books
from workspaces import kit

MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")
STORED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,6}(Z|\+00:00)")


@pytest.fixture(autouse=True)
def _kinds() -> None:
    kit.register_kinds()


def attached(cli: Cli) -> str:
    """A workspace that was read: two members, one of them an owner, and one invitation."""
    cli("workspace", "create", "acme", "--vendor", "openai", "--secret", "-", "--seat-limit", "9", stdin=ADMIN_SECRET)
    kit.read("acme", [kit.a_member(1), kit.a_member(2, "owner")], [kit.an_invite(3)])
    return str(cli.json("workspace", "show", "acme")["id"])


def test_times_are_told_to_the_second(cli: Cli) -> None:
    """In a table and in what is shown of one thing; JSON and CSV keep what REST tells."""
    cli("person", "create", "ada@example.test")
    assert MOMENT.search(cli("person", "list").out)
    shown = cli("person", "show", "ada@example.test").out
    assert MOMENT.search(shown)
    assert not STORED.search(shown)
    assert STORED.fullmatch(cli.json("person", "show", "ada@example.test")["created_at"])
    row = next(csv.DictReader(cli("person", "list", "--output", "csv").out.splitlines()))
    assert STORED.fullmatch(row["updated_at"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T14:07:57.214975+00:00", "2026-11-22 14:07:57 UTC"),
        ("2026-11-22T16:07:57+02:00", "2026-11-22 14:07:57 UTC"),
        ("2026-11-22T14:07:57Z", "2026-11-22 14:07:57 UTC"),
        ("since 2026-11-22T14:07:57Z", "since 2026-11-22T14:07:57Z"),
        ("2026-11-22", "2026-11-22"),
    ],
)
def test_a_moment_is_one_in_every_form(text: str, expected: str) -> None:
    """Whatever offset it has, and only where the whole of a text is one."""
    assert moment(text) == expected


def test_parts_are_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    """What has names and values, or several parts, is no JSON in a table; in JSON and CSV it stays what it was."""
    row = {"found": {"members": 3, "keys": []}, "none": {}, "many": ["a", {"b": 1}], "flag": True}
    columns = {name: name for name in row}
    print_rows([row], columns, Format.TABLE)
    print_object(row, Format.TABLE)
    out = capsys.readouterr().out
    assert "{" not in out
    assert out.count("members: 3, keys: -") == out.count("a, (b: 1)") == 2
    print_rows([row], columns, Format.CSV)
    assert '{""members"": 3' in capsys.readouterr().out


def test_a_role_that_the_vendor_lists_is_shown(cli: Cli) -> None:
    """Whoever was in already was given no role from here: the table says the vendor's, the data both."""
    which = attached(cli)
    person = cli.json("person", "create", "member-002@example.test")["id"]
    kit.read("acme", [kit.a_member(1), kit.a_member(2, "owner")])
    with change(ADMIN) as edit:
        seat = books.seat_for(edit, person, which).id
    row = cli.json("seat", "show", seat)
    assert (row["role"], row["vendor_role"]) == ("", "owner")
    assert " owner " in cli("seat", "list").out


def test_seats_are_counted_where_the_vendor_tells_no_number(cli: Cli) -> None:
    """Members that were read, of the policy's limit; the data say that the vendor told nothing."""
    attached(cli)
    table = cli("workspace", "list").out.splitlines()
    heads, row = table[0], table[1]
    assert (row[heads.index("seats_used"):].split()[0], row[heads.index("seats_total"):].split()[0]) == ("2", "9")
    assert cli.json("workspace", "show", "acme")["seats_used"] is None


def test_jobs_name_their_workspaces(cli: Cli) -> None:
    """A list of jobs says what a workspace is called; the data have its id."""
    which = attached(cli)
    assert " acme " in cli("job", "list").out
    assert {row["workspace"] for row in cli.json("job", "list")["jobs"]} == {which}


def test_drift_says_as_of_when(cli: Cli) -> None:
    """What was found is told with when that was; where nothing was found yet, no moment is made up."""
    which = attached(cli)
    assert "as of" not in cli("workspace", "drift", "acme").err
    from django.utils import timezone

    from stationmaster.jobs.models import Job

    job = cli.json("workspace", "run", "acme", "reconcile")["id"]
    result = {"read": True, "drift": {}, "told": {}, "unconfirmed": 0, "plan": "", "steps": [], "more": 0}
    Job.objects.filter(id=job, workspace=which).update(state="succeeded", ended_at=timezone.now(), result=result)
    assert re.search(rf"Drift: none, as of {MOMENT.pattern}\.", cli("workspace", "drift", "acme").err)
    assert re.search(rf"none, as of {MOMENT.pattern}", cli("workspace", "show", "acme").out)
