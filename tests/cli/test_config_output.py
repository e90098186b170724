"""The four forms of data on stdout: they hold the same, line up, and do no harm where they are opened."""

import csv
import io
import json
from typing import Any

import pytest

from stationmaster.cli.output import Format, print_object, print_rows, wide

COLUMNS = {"name": "名称", "value": "value", "on": "on"}
ROWS: list[dict[str, Any]] = [
    {"name": "甲", "value": None, "on": True, "more": 1},
    {"name": "b\x1b[31m", "value": ["x", 1], "on": False},
    {"name": "=1+1", "value": -1.5, "on": {"a": "é"}},
]


def printed(capsys: pytest.CaptureFixture[str], form: Format) -> str:
    """What is printed of the rows."""
    print_rows(ROWS, COLUMNS, form, under="things", beside={"ok": True})
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns line up on a terminal where Chinese characters are two wide; nothing moves the cursor; no cell is empty."""
    assert printed(capsys, Format.TABLE).splitlines() == [
        "名称    value  on",
        "甲      -      true",
        "b�[31m  x, 1   false",
        "=1+1    -1.5   a: é",
    ]  # fmt: skip


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One object, with the rows' named columns as they are."""
    whole = json.loads(printed(capsys, Format.JSON))
    assert whole["ok"] is True
    assert whole["things"] == [{name: row.get(name) for name in COLUMNS} for row in ROWS]


def test_jsonl(capsys: pytest.CaptureFixture[str]) -> None:
    """The same rows, one a line."""
    lines = printed(capsys, Format.JSONL).splitlines()
    assert [json.loads(line) for line in lines] == [{name: row.get(name) for name in COLUMNS} for row in ROWS]


def test_csv(capsys: pytest.CaptureFixture[str]) -> None:
    """The head line has the names for programs, in every language; a formula is text; a number stays one."""
    head, *rows = csv.reader(io.StringIO(printed(capsys, Format.CSV), newline=""))
    assert head == ["name", "value", "on"]
    assert rows == [["甲", "", "true"], ["b\x1b[31m", "x, 1", "false"], ["'=1+1", "-1.5", '{"a": "é"}']]


@pytest.mark.parametrize("cell", [
    "=1", "+a", "-a", "@a", "\ta", "\ra", "\na", "\n=1", "\0a", "-1-1", "+-1", "-1", "\uff1d1", "\uff0ba", "\uff0da", "\uff20a",
])  # fmt: skip
def test_no_formula(capsys: pytest.CaptureFixture[str], cell: str) -> None:
    """Whatever a spreadsheet might run begins with a quote, in half and full width, as in files of REST."""
    print_rows([{"a": cell}, {"a": [cell, 1]}], {"a": "a"}, Format.CSV)
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out, newline="")))
    assert rows[1:] == [[f"'{cell}"], [f"'{cell}, 1"]]


@pytest.mark.parametrize("number", [-1, -1.5, 1e-9, -1e300, 0])
def test_numbers_stay_numbers(capsys: pytest.CaptureFixture[str], number: float) -> None:
    """What is a number is one in a spreadsheet, below zero too."""
    print_rows([{"a": number}], {"a": "a"}, Format.CSV)
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out, newline="")))
    assert rows[1] == [str(number)]


@pytest.mark.parametrize("form", list(Format))
def test_nothing(capsys: pytest.CaptureFixture[str], form: Format) -> None:
    """No rows are an empty list, a head line, or nothing; never an error."""
    print_rows([], {"a": "A"}, form)
    assert capsys.readouterr().out == {"table": "A\n", "json": '{\n  "items": []\n}\n', "jsonl": "", "csv": "a\r\n"}[form]


@pytest.mark.parametrize("form", list(Format))
def test_one_thing(capsys: pytest.CaptureFixture[str], form: Format) -> None:
    """One thing is pairs for people, an object or a row for programs."""
    print_object({"id": "a", "long_name": None}, form)
    expected = {
        "table": "id         a\nlong_name  -\n", "json": '{\n  "id": "a",\n  "long_name": null\n}\n',
        "jsonl": '{"id": "a", "long_name": null}\n', "csv": "id,long_name\r\na,\r\n",
    }  # fmt: skip
    assert capsys.readouterr().out == expected[form]


def test_widths() -> None:
    """A combining accent takes no column, a full-width character two."""
    assert [wide(text) for text in ("", "a", "甲", "\uff0c", "é", "e\u0301")] == [0, 1, 2, 2, 1, 1]
