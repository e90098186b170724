"""Imports: what each row comes to, that a file is imported whole and once, and that nobody leaves unasked."""

import csv
import io
import json
import re
import zlib
from typing import Any

import pytest

from controlkit import ADMIN, OPERATOR
from operators.people import somebody
from people.kit import finish, imported, outcomes, problems, run, upload
from stationmaster.audit.services import verify
from stationmaster.errors import Conflict, Invalid, StationmasterError
from stationmaster.jobs import services as jobs
from stationmaster.jobs.artifacts import artifact
from stationmaster.people import imports
from stationmaster.people import services as people
from stationmaster.people.importing import stored, work
from stationmaster.people.importing.models import Batch, Import, Piece
from stationmaster.people.importing.wanted import Row
from stationmaster.people.models import Person
from stationmaster.store.changes import revision
from stationmaster.store.listing import Query

FILE = "E-Mail,Name,Department,Groups\nada@example.com,Ada,Engines,poets;maths\nbob@example.com,Bob,Post,\n"


def person(which: str) -> Any:
    """Somebody as they are shown."""
    return people.get_person(ADMIN, which)


def test_a_file_makes_people_and_groups(database: str) -> None:
    """Columns are guessed, persons and their groups are made, and the file is not kept."""
    of = imported(FILE)
    assert (of["state"], of["rows"], of["created"], of["errors"]) == ("done", 2, 2, 0)
    ada = person("ada@example.com")
    assert (ada["display_name"], ada["department"], ada["groups"], ada["source"]) == ("Ada", "Engines", ["maths", "poets"], "csv")
    assert not Piece.objects.exists()
    assert not Batch.objects.exists()
    assert verify(ADMIN).ok


def test_the_same_file_again_changes_nothing(database: str) -> None:
    """Every row is unchanged, and no person gets another version."""
    imported(FILE)
    before = {row.id: row.revision for row in Person.objects.all()}
    assert imported(FILE)["unchanged"] == 2
    assert {row.id: row.revision for row in Person.objects.all()} == before


def test_a_preview_says_what_every_row_would_come_to_and_does_nothing(database: str) -> None:
    """Create, update, unchanged, a duplicate by case and by Unicode, a conflict, an error, each with its reason."""
    imported(FILE)
    people.create_person(ADMIN, {"user_name": "eve", "email": "eve@example.com"})
    before = revision()
    text = (
        "id,user name,mail,name\n,ada@example.com,ada@example.com,Ada\n,bob@example.com,bob@example.com,Robert\n"
        ",cid,c@example.com,\n"
        ",\uff23ID,d@example.com,\n,e,C@EXAMPLE.com,\n,f,eve@example.com,\n,g,not an address,\nper_none,,,\n,,,only a name\n"
    )
    found = imports.preview(ADMIN, upload(text), {})
    assert [row["outcome"] for row in found["rows"]] == [
        "unchanged", "update", "create", "duplicate", "duplicate", "conflict", "error", "error", "error",
    ]  # fmt: skip
    assert "row 4" in found["rows"][3]["problems"][0]["message"]
    assert [row["problems"][0]["column"] for row in found["rows"][5:8]] == ["mail", "mail", "id"]
    assert (Person.objects.count(), revision()) == (3, before + 1)       # that the upload began


ENCODINGS = [
    ("utf-8", ""), ("utf-8-sig", ""), ("utf-16", ""), ("utf-16-be-bom", ""), ("gb18030", "gb18030"), ("utf-16-le", "utf-16"),
    ("utf-16-be", "utf-16"),
]


@pytest.mark.parametrize(("written", "said"), ENCODINGS)
def test_encodings(database: str, written: str, said: str) -> None:
    """UTF-8 with and without a mark and UTF-16 with one are told; GB18030 is said; Chinese headings are guessed."""
    text = "工号,姓名,邮箱,部门,是否在职\n007,王小明,wang@example.com,研发;一部,是\n"
    data = b"\xfe\xff" + text.encode("utf-16-be") if written == "utf-16-be-bom" else text.encode(written)
    found = imports.preview(ADMIN, upload(data), {"encoding": said} if said else {})
    assert list(found["mapping"].values()) == ["employee_number", "display_name", "email", "department", "active"]
    assert found["rows"][0]["values"]["display_name"] == "王小明"
    assert found["rows"][0]["outcome"] == "create"


def test_latin_1_is_never_guessed(database: str) -> None:
    """Bytes that are no UTF-8 are refused until somebody says what they are."""
    which = upload("mail,name\nzoe@example.com,Zoë\n".encode("latin-1"))
    with pytest.raises(Invalid) as refused:
        imports.preview(ADMIN, which, {})
    assert "encoding" in refused.value.fields
    assert imports.preview(ADMIN, which, {"encoding": "latin-1"})["rows"][0]["values"]["display_name"] == "Zoë"


def test_bytes_of_another_encoding_further_down_stop_all_of_it(database: str) -> None:
    """The row is named, and not one row of the file is imported."""
    lines = "".join(f"p{number}@example.com,P\n" for number in range(9000))
    which = upload(b"mail,name\n" + lines.encode() + b"x@example.com,Zo\xeb\n")
    imports.preview(ADMIN, which, {})
    assert run(which)["state"] == "failed"
    assert not Person.objects.exists()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_told(database: str, delimiter: str) -> None:
    """By the heading; a cell may hold the others, quotes and line breaks are CSV's (RFC 4180)."""
    text = delimiter.join(["mail", "name", "title"]) + "\r\n" + delimiter.join(["a@example.com", '"O""B, ;|x"', "T"]) + "\r\n"
    row = imports.preview(ADMIN, upload(text), {})["rows"][0]
    assert (row["values"]["display_name"], row["values"]["title"]) == ('O"B, ;|x', "T")


BAD_ROWS = [
    ("x\0@example.com,N", "mail"), ("x@example.com,N\u202ex", "name"), ("x@example.com," + "n" * 300, "name"),
    ('x@example.com,"a\nb"', "name"), ("x@example.com,\x1b[2J", "name"), ("xexample.com,N", "mail"),
    ("x@example.com,N\u2069", "name"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "column"), BAD_ROWS)
def test_a_bad_row_is_named_and_the_others_go_on(database: str, row: str, column: str) -> None:
    """NUL, bidirectional controls, overlong and control characters: the problem has row and column, and repeats no value."""
    of = imported(f"mail,name\na@example.com,A\n{row}\nz@example.com,Z\n")
    assert (of["state"], of["created"], of["errors"]) == ("partial", 2, 1)
    assert problems(of["id"]) == [(3, "error", column)]
    told = "".join(imports.export_problems(ADMIN, of["id"], Query(), "csv"))
    assert "x@" not in told
    assert "example" not in told


@pytest.mark.parametrize("row", ["d@example.com,Doe, Jane,staff", "d@example.com", "d@example.com,Doe", "d@example.com,,,four"])
def test_a_row_of_another_width_is_taken_for_nothing(database: str, row: str) -> None:
    """A name with a comma that nobody quoted, or a row that breaks off, is an error with its row's number: no cell gets into
    another one's field, no group is made of half a name, and who is there keeps what they have."""
    head = "email,name,groups"
    imported(f"{head}\nd@example.com,Doe,staff\n")
    of = imported(f"{head}\n{row}\ne@example.com,Eve,staff,,\n")
    assert (of["errors"], of["created"]) == (1, 1)
    assert problems(of["id"]) == [(2, "error", "")]
    (found,) = imports.list_problems(ADMIN, of["id"], Query()).items
    assert found["code"] == "error.import.width"
    assert "cells, and the heading has 3" in found["message"]
    kept = person("d@example.com")
    assert (kept["display_name"], kept["groups"]) == ("Doe", ["staff"])
    assert [each["name"] for each in people.list_groups(ADMIN, Query()).items] == ["staff"]


def test_a_batch_is_read_as_it_was_kept(database: str) -> None:
    """Rows come back whole, one of another width without its cells; those of a batch that was kept before rows said their width,
    by a version that is replaced while it imports, too."""
    of = Import.objects.create(name="people.csv", by="ops")
    rows = [Row(2, {"email": "a@example.com"}), Row(3, width="has 1 cells, and the heading has 2")]
    stored.put_batch(of, 0, rows)
    assert stored.batch_rows(Batch.objects.get(of=of)) == rows
    Batch.objects.filter(of=of).update(data=zlib.compress(b'[[2, {"email": "a@example.com"}]]'))
    assert stored.batch_rows(Batch.objects.get(of=of)) == rows[:1]


def test_refused_rows_are_the_jobs_failures(database: str) -> None:
    """A file of which rows were refused is a job in part: it counts rows, those refused as failed, duplicates among them; the
    counts add up, and what the job leaves behind names each row, without its values."""
    names = [f"p{number}" for number in range(900)]
    names[10], names[500], names[501], names[899] = "not one address", "P7", "p8", "nor another"
    of = imported("mail,name\n" + "".join(f"{name}@example.com,N\n" for name in names))
    assert (of["state"], of["rows"], of["created"], of["errors"], of["duplicates"]) == ("partial", 900, 896, 2, 2)
    job = jobs.get(ADMIN, of["job"])
    assert (job["state"], job["total"], job["ok"], job["skipped"], job["failed"], job["left"]) == ("partial", 900, 896, 0, 4, 0)
    left = json.loads("".join(artifact(ADMIN, of["job"], "result.json")))["items"]
    refused = [row for item in left for row in item["outcome"].get("refused", [])]
    assert [(row["row"], row["outcome"]) for row in refused] == [(12, "error"), (502, "duplicate"), (503, "duplicate"),
                                                                 (901, "error")]  # fmt: skip
    assert [item["state"] for item in left][1] == "failed"
    assert re.fullmatch(r"2 of 400 rows were not imported: 502 \(.*row 9.*\), 503 \(.*row 10.*\)", left[1]["sentence"])
    assert "nor another" not in json.dumps(left)


def test_a_file_of_which_nothing_is_imported(database: str) -> None:
    """It failed, even where a whole batch repeats the one before. It is not tried again: its file is gone, and people are told
    to upload it."""
    which = upload("mail\n" + "not an address\n" * 3)
    imports.preview(ADMIN, which, {})
    assert run(which)["state"] == "failed"
    of = imported("mail\n" + "ada@example.com\n" * 1201)
    assert (of["state"], of["created"], of["duplicates"]) == ("partial", 1, 1200)
    assert jobs.get(ADMIN, of["job"])["failed"] == 1200
    with pytest.raises(Conflict) as refused:
        jobs.retry_failed(ADMIN, of["job"])
    assert (refused.value.code, "upload it again" in refused.value.hint) == ("error.job.not_retried", True)
    assert [row["id"] for row in jobs.list_jobs(ADMIN, Query()).items if row["retry_of"]] == []


def test_a_quote_that_nothing_closes_stops_all_of_it(database: str) -> None:
    """A file that cannot be read to its end is not imported to some row."""
    which = upload('mail,name\na@example.com,A\nb@example.com,"B\nc@example.com,C\n')
    with pytest.raises(Invalid):
        imports.preview(ADMIN, which, {})
    assert not Person.objects.exists()


def test_formulas_stay_text_and_come_back(database: str) -> None:
    """What is exported is safe in a spreadsheet, and imported again it is what it was."""
    names = ["=cmd|'/c calc'!A0", "+1", "-2", "@x", "'=x", "''+y", "'tHooft", '=HYPERLINK("x")', "\u738b", "a,b;c"]
    for number, name in enumerate(names):
        further = [f"x{number}@example.com"]
        people.create_person(ADMIN, {"user_name": f"p{number}", "display_name": name, "further_emails": further})
    people.link_login(ADMIN, "p1", "github_copilot", "octo")
    people.create_group(ADMIN, {"name": "one; two"})
    people.change_members(ADMIN, "one; two", ["p1", "p2"])
    people.deactivate_person(ADMIN, "p3")
    text = "".join(people.export_people(ADMIN, Query(), "csv"))
    for cells in csv.reader(io.StringIO(text)):
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    before = {row.id: row.revision for row in Person.objects.all()}
    of = imported(text)
    assert (of["unchanged"], of["rows"], of["state"]) == (len(names), len(names), "done")
    assert {row.id: row.revision for row in Person.objects.all()} == before


def test_a_mapping_is_said(database: str) -> None:
    """What is said wins over the guess; an unknown heading, field, or none that tells persons apart is refused."""
    which = upload("a,b,name\nx@example.com,7,X\n")
    for mapping in ({}, {"c": "email"}, {"a": "mail"}, {"a": "email", "b": "email"}):
        with pytest.raises(Invalid):
            imports.preview(ADMIN, which, {"mapping": mapping})
    found = imports.preview(ADMIN, which, {"mapping": {"a": "email", "b": "employee_number", "name": ""}})
    assert found["rows"][0]["values"] == {"email": "x@example.com", "employee_number": "7"}


def test_a_leaver_in_a_file_does_not_come_back_by_it(database: str) -> None:
    """Only an `active` column brings somebody back: a file that is a day old is no reason."""
    imported(FILE)
    people.deactivate_person(ADMIN, "bob@example.com")
    assert outcomes(FILE) == ["unchanged", "conflict"]
    of = imported("mail,active\nbob@example.com,yes\nada@example.com,no\n")
    assert of["updated"] == 2
    assert (person("bob@example.com")["active"], person("ada@example.com")["active"]) == (True, False)


def test_groups_of_a_file_are_left_and_others_are_not(database: str) -> None:
    """A row says in which of the files' groups somebody is; groups made by hand keep their members, SCIM's take none."""
    imported(FILE)
    people.create_group(ADMIN, {"name": "by hand"})
    people.change_members(ADMIN, "by hand", ["ada@example.com"])
    imported("mail,groups\nada@example.com,POETS\n")
    assert person("ada@example.com")["groups"] == ["by hand", "poets"]
    assert people.get_group(ADMIN, "maths")["members"] == 0


def test_log_ins_by_a_column(database: str) -> None:
    """A heading like GitHub's gives log-ins; one that is another's is a conflict, an empty cell says nothing."""
    imported("mail,GitHub username\nada@example.com,ada-l\nbob@example.com,\n")
    assert person("ada@example.com")["logins"] == [{"vendor": "github_copilot", "login": "ada-l"}]
    assert outcomes("mail,github\nada@example.com,\nbob@example.com,ADA-L\n") == ["unchanged", "conflict"]


def people_of(number: int, first: int = 0) -> str:
    """A file of so many."""
    return "mail\n" + "".join(f"p{each:03d}@example.com\n" for each in range(first, first + number))


def test_a_full_file_has_few_leave_and_many_ask(database: str) -> None:
    """Up to a tenth and up to 20 leave by themselves; more wait until somebody says how many it is."""
    imported(people_of(100))
    people.create_person(ADMIN, {"user_name": "by hand"})
    of = imported(people_of(90, 10), full=True)
    assert (of["state"], of["left"]) == ("done", 10)
    of = imported(people_of(80, 20), full=True)
    assert (of["state"], of["leavers"], of["left"]) == ("waiting", 10, 0)
    assert len(imports.list_leavers(ADMIN, of["id"])) == 10
    assert Person.objects.filter(active=True).count() == 91
    with pytest.raises(Conflict):
        imports.approve(ADMIN, of["id"], 9)
    of = finish(of["id"], imports.approve(ADMIN, of["id"], 10)["job"])
    assert (of["state"], of["left"]) == ("done", 10)
    assert Person.objects.filter(active=True).count() == 81
    assert person("by hand")["active"]


def test_nobody_leaves_for_a_file_that_says_nothing(database: str) -> None:
    """An empty one fails, and one with rows that nobody can be told by waits."""
    imported(people_of(30))
    assert imported("mail\n", full=True)["state"] == "failed"
    of = imported(people_of(29) + "not an address\n", full=True)
    assert (of["state"], of["leavers"]) == ("waiting", 1)
    assert Person.objects.filter(active=True).count() == 30


def test_approving_late_spares_who_came_later(database: str) -> None:
    """Persons of a file that was uploaded after the one that waits do not leave with it."""
    imported(people_of(5))
    of = imported(people_of(3), full=True)
    imported("mail\nnew@example.com\np004@example.com\n")
    finish(of["id"], imports.approve(ADMIN, of["id"], 1)["job"])
    assert [row.email for row in Person.objects.filter(active=False)] == ["p003@example.com"]


def test_nobody_imports_away_one_who_may_more(database: str) -> None:
    """Whoever may import, but is no admin, changes no admin's person and has none leave."""
    somebody("admin", "boss@example.com")
    imported("mail\nboss@example.com\n" + "".join(f"p{each}@example.com\n" for each in range(20)))
    which = upload("mail,active\nboss@example.com,no\n", OPERATOR)
    imports.preview(OPERATOR, which, {})
    assert run(which, OPERATOR)["conflicts"] == 1
    which = upload("mail\n" + "".join(f"p{each}@example.com\n" for each in range(20)), OPERATOR)
    imports.preview(OPERATOR, which, {"full": True})
    assert run(which, OPERATOR)["left"] == 0
    assert person("boss@example.com")["active"]


def test_a_dry_run_counts_and_keeps_the_file(database: str) -> None:
    """Nothing is changed, and the same upload can be imported afterwards."""
    which = upload(FILE)
    imports.preview(ADMIN, which, {})
    of = run(which, dry_run=True)
    assert (of["state"], of["created"], Person.objects.count()) == ("open", 2, 0)
    assert (run(which)["created"], Person.objects.count()) == (2, 2)


def test_a_dry_run_counts_who_would_leave(database: str) -> None:
    """Of a full file it says how many the import itself has leave, each person once however many rows are theirs, and whom it
    would make among nobody; nobody leaves by it, and what a later start counts is its own."""
    imported("mail,user_name\n" + "".join(f"p{each}@example.com,p{each}\n" for each in range(30)))
    rows = "".join(f"p{each}@example.com,\n" for each in range(work.ROWS + 3)) + "p29@example.com,\n,p3\n"
    which = upload(f"mail,user_name\n{rows}".replace("p7@example.com,\n", "").replace("p8@example.com,\n", ""))
    imports.preview(ADMIN, which, {"full": True})
    of = run(which, dry_run=True)
    assert (of["state"], of["leavers"], of["left"], Person.objects.filter(active=True).count()) == ("open", 2, 0, 30)
    again = run(which)
    assert (again["leavers"], again["left"]) == (2, 2)
    which = upload("mail\np7@example.com\n")
    imports.preview(ADMIN, which, {"full": True})
    assert run(which, dry_run=True)["leavers"] > 20
    imports.preview(ADMIN, which, {"full": False})
    assert run(which)["leavers"] == 0


def test_parts_come_in_order(database: str) -> None:
    """A part that does not go on where the last ended is refused and told where to; so is one beyond the bounds."""
    which = imports.begin_import(ADMIN, {})["id"]
    imports.add_part(ADMIN, which, 0, b"mail\n")
    for offset in (0, 4, 6):
        with pytest.raises(Conflict) as refused:
            imports.add_part(ADMIN, which, offset, b"x")
        assert refused.value.fields == {"offset": "5"}
    assert imports.add_part(ADMIN, which, 5, b"a@example.com\n")["size"] == 19
    with pytest.raises(StationmasterError) as large:
        imports.add_part(ADMIN, which, 19, b"x" * (stored.MAX_PART + 1))
    assert large.value.status == 413


def test_a_file_ends_at_its_bound(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The part that would make it larger is refused with 413, and what is there can still be imported."""
    monkeypatch.setattr(stored, "MAX_SIZE", 24)
    which = upload("mail\na@example.com\n")
    with pytest.raises(StationmasterError) as large:
        imports.add_part(ADMIN, which, 19, b"b@example.com\n")
    assert large.value.status == 413
    imports.preview(ADMIN, which, {})
    assert run(which)["created"] == 1


def test_a_row_without_end_is_refused(database: str) -> None:
    """Neither one line nor a cell that is never closed takes the memory of the whole file."""
    for text in ("mail,name\n" + "x" * 3_000_000, 'mail,name\na,"' + "x\n" * 1_500_000):
        with pytest.raises(Invalid) as refused:
            imports.preview(ADMIN, upload(text), {})
        assert refused.value.code == "error.import.row"
