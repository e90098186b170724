"""`stationmaster person import`: a file of people, uploaded, looked at, imported by a job."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from stationmaster.cli.desk import Asked, Desk, Row
from stationmaster.cli.output import Format, print_object, print_rows, printable
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import PENDING, All, Limit, Noun, Output, Yes, add_list, confirm, given, pairs
from stationmaster.cli.waiting import Wait, command, wait_for
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr, trn

PART = 4 << 20          # bytes that are sent at once
PARTLY = 3              # exit code
_PATH = "people/imports"
_COUNTS = ("created", "updated", "unchanged", "duplicates", "conflicts", "errors", "leavers", "left")
NOUN = Noun(
    "import", _PATH,
    ("id", "name", "state", "encoding", "delimiter", "mapping", "full", "dry_run", "size", "rows", "job", *_COUNTS, "why",
     "created_at", "updated_at"),
    ("id", "name", "state", "rows", "created", "updated", "errors", "created_at"),
)  # fmt: skip
_PROBLEM = ("row", "outcome", "column", "code", "message")
_SHOWN = ("id", "state", "rows", *_COUNTS, "why")

File_ = Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file; - for stdin.")]
Which = Annotated[str, typer.Argument(metavar="IMPORT", help="The import's id.")]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="HEADING=FIELD", help="What a column is; nothing behind = leaves it out. Repeatable."),
]
Encoding = Annotated[str, typer.Option(help="utf-8, utf-16, gb18030 or latin-1. Told from the file for the first two.")]
Delimiter = Annotated[str, typer.Option(help="Told from the heading when left out.")]
Full = Annotated[bool, typer.Option("--full", help="People of earlier files who are not in this one leave.")]
Try = Annotated[bool, typer.Option("--dry-run", help="Show the first rows, count what all would come to; exit 10 for changes.")]


def add_to(app: typer.Typer) -> None:
    """Put the commands beside those of a person."""
    app.command(name="import")(import_)
    app.command()(approve)
    app.command()(problems)
    add_list(app, NOUN, "imports", search=False)


@at_desk
def import_(
    desk: Desk,
    file: File_,
    columns: Map = None,
    encoding: Encoding = "",
    delimiter: Delimiter = "",
    full: Full = False,
    dry_run: Try = False,
    wait: Wait = False,
    output: Output = Format.TABLE,
) -> None:
    """Import people from a CSV file. Columns are told by their headings, in English and Chinese."""
    which = desk.create(_PATH, {"name": file.name}).row["id"]
    _upload(desk, which, file)
    form: dict[str, Any] = given(encoding=encoding or None, delimiter=delimiter.replace("\\t", "\t") or None)
    mapping = dict(pairs(columns or (), "--map", "HEADING=FIELD"))
    seen = desk.act(_PATH, which, "preview", {**form, "full": full, **({"mapping": mapping} if mapping else {})})
    _print_preview(seen, rows=dry_run and output is Format.TABLE)
    row = desk.act(_PATH, which, "start", {"dry_run": dry_run})
    if not wait and not dry_run:
        _print(row, output)
        say(tr("It goes on by itself; `{command}` follows it.", command=command(row["job"])))
        return
    code = wait_for(desk, row["job"])
    row = desk.get(_PATH, which)
    _print(row, output)
    raise typer.Exit(_code(row, dry_run) if code in (0, PARTLY) else code)


@at_desk
def approve(
    desk: Desk,
    which: Which,
    leavers: Annotated[int, typer.Option(min=0, help="How many are to leave: what the import said.")],
    yes: Yes = False,
    wait: Wait = False,
    output: Output = Format.TABLE,
) -> None:
    """Have those leave who are not in a file.

    When the import waits for it, because they are many.
    """
    confirm(trn("Have {number} person leave?", "Have {number} people leave?", leavers), yes)
    row = desk.act(_PATH, which, "approve", {"leavers": leavers})
    code = wait_for(desk, row["job"]) if wait else 0
    _print(desk.get(_PATH, which), output)
    raise typer.Exit(code)


@at_desk
def problems(desk: Desk, which: Which, limit: Limit = 50, every: All = False, output: Output = Format.TABLE) -> None:
    """List rows of an import that were not imported, and why."""
    total, rows = _problems(desk, which, None if every else limit)
    print_rows(rows, {name: name for name in _PROBLEM}, output, under="problems", beside={"schema_version": 1, "total": total})
    if output is Format.TABLE and not every and total > limit:
        say(tr("{shown} of {total}; --all shows all", shown=limit, total=total))


def _problems(desk: Desk, which: str, limit: int | None) -> tuple[int, list[Row]]:
    rows, cursor = list[Row](), ""
    while True:
        page = desk.part(_PATH, which, "problems", Asked(), cursor, min(limit - len(rows), 500) if limit else 500)
        rows += page.items
        cursor = page.next
        if not cursor or (limit is not None and len(rows) >= limit):
            return page.total, rows


def _upload(desk: Desk, which: str, file: Path) -> None:
    with _opened(file) as stream:
        offset = 0
        while part := stream.read(PART):
            desk.upload(which, offset, part)
            offset += len(part)


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise StationmasterError("error.usage.file", f"{file} cannot be read: {why}") from None
    with stream:
        yield stream


def _print_preview(seen: Row, *, rows: bool) -> None:
    """Say how the columns are taken, and with `rows` what the first of them would come to."""
    left_out = tr("(left out)")
    for heading, field in seen["mapping"].items():
        say(f"{printable(heading)} → {field or left_out}")
    if rows:
        shown = [{"row": each["row"], "outcome": each["outcome"], "who": _who(each), "why": _why(each)} for each in seen["rows"]]
        print_rows(shown, {name: name for name in ("row", "outcome", "who", "why")}, Format.TABLE)


def _who(row: Row) -> str:
    values = row["values"]
    return str(values.get("user_name") or values.get("email") or values.get("id") or "")


def _why(row: Row) -> str:
    return "; ".join(f"{each['column']}: {each['message']}" if each["column"] else each["message"] for each in row["problems"])


def _print(row: Row, output: Format) -> None:
    print_object({name: row[name] for name in _SHOWN} if output is Format.TABLE else row, output)
    if row["state"] == "waiting":
        words = f"stationmaster person approve {row['id']} --leavers {row['leavers']}"
        say(tr("It waits for somebody's word; `{command}` gives it.", command=words))
    if row["duplicates"] + row["conflicts"] + row["errors"]:
        words = f"stationmaster person problems {row['id']}"
        say(tr("Rows were not imported; `{command}` names them, and why.", command=words))


def _code(row: Row, dry_run: bool) -> int:
    """10 for changes that are pending, 3 when rows were left out."""
    if row["state"] == "waiting" or (dry_run and row["created"] + row["updated"] + row["leavers"]):
        return PENDING
    return PARTLY if row["duplicates"] + row["conflicts"] + row["errors"] else 0
