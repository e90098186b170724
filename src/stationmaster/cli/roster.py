"""`stationmaster import` and `stationmaster export roster`: coming from an older setup, and going back to its files."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from stationmaster.cli import steady
from stationmaster.cli.desk import Asked, Desk, Row
from stationmaster.cli.output import Format, print_object, print_rows, printable
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say, say_error
from stationmaster.cli.verbs import PENDING, All, Limit, Noun, Output, add_delete, add_list, add_show, given, noun_app, pairs
from stationmaster.cli.waiting import wait_for
from stationmaster.errors import StationmasterError
from stationmaster.i18n import marked, tr, trn
from stationmaster.phrases import said
from stationmaster.phrases.remarks import remark

PART: Final = 4 << 20          # bytes that are sent at once
PARTLY: Final = 3              # exit code
_PATH: Final = "imports"
_OF_A_FILE: Final = ("error.import.", "error.usage.file")     # what is wrong with one, and says nothing of the others
_COUNTS: Final = ("created", "updated", "unchanged", "duplicates", "conflicts", "errors")
_FIELDS: Final = ("id", "name", "state", "format", "encoding", "delimiter", "mapping", "vendor", "dry_run", "size", "records",
                  "job", *_COUNTS, "left_out", "notes", "why", "created_at", "updated_at")  # fmt: skip
_PROBLEM: Final = ("row", "outcome", "field", "code", "message")
NOUN: Final = Noun("import", _PATH, _FIELDS, ("id", "name", "state", "format", "records", "created", "updated", "errors"))
MAPPING: Final = Noun("mapping", "import-mappings", ("id", "name", "fields", "revision", "created_at", "updated_at"),
                      ("name", "fields"))  # fmt: skip

Files = Annotated[list[Path], typer.Argument(metavar="FILE…", help="JSON, CSV or a config.toml; - for stdin.")]
FormatOf = Annotated[str, typer.Option("--format", help="accounts, tracker, rows or config. Told from the file when left out.")]
Named = Annotated[str, typer.Option("--mapping", metavar="NAME", help="A mapping that was kept.")]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="HEADING=FIELD", help="What a column or key is; nothing behind = leaves it out. Repeatable."),
]
Keep = Annotated[str, typer.Option("--keep-mapping", metavar="NAME", help="Keep the mapping under this name.")]
Encoding = Annotated[str, typer.Option(help="utf-8, utf-16, gb18030 or latin-1. Told from the file for the first two.")]
Vendor = Annotated[str, typer.Option(help="Where the file's teams are, to find those that are attached already.")]
Try = Annotated[bool, typer.Option("--dry-run", help="Show the first records, count what all come to; exit 10 for changes.")]

app = noun_app("Imports of older setups, and how their columns were read.")


@at_desk
def import_(
    desk: Desk,
    files: Files,
    format_: FormatOf = "",
    mapping: Named = "",
    columns: Map = None,
    keep_mapping: Keep = "",
    encoding: Encoding = "",
    vendor: Vendor = "",
    dry_run: Try = False,
    output: Output = Format.TABLE,
) -> None:
    """Bring in an older setup: teams, people, states, targets.

    Files are read and never changed. Passwords, mailboxes and browser sessions in them are counted and left out. A file that was
    brought in already changes nothing.
    """
    mapped = dict(pairs(columns or (), "--map", "HEADING=FIELD"))
    if keep_mapping and not dry_run:
        desk.create(MAPPING.path, {"name": keep_mapping, "fields": mapped})
    form = given(format=format_ or None, encoding=encoding or None, vendor=vendor or None, mapping_name=mapping or None)
    if mapped:
        form["mapping"] = mapped
    rows, codes = list[Row](), list[int]()
    for file in files:
        try:
            row, code = _one(desk, file, form, dry_run, output)
        except StationmasterError as error:
            if len(files) == 1 or not error.code.startswith(_OF_A_FILE):
                raise
            say(f"{printable(str(file))}:")
            say_error(error)
            codes.append(1)
            continue
        rows.append(row)
        codes.append(code)
    _print(rows, output)
    raise typer.Exit(_worst(codes))


@at_desk
def export_(
    desk: Desk,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write anew; - for stdout.")],
    format_: Annotated[str, typer.Option("--format", help="accounts or tracker.")] = "accounts",
) -> None:
    """Write teams, people and states as an older setup keeps them.

    The file is replaced whole, under its lock. No secret is in it.
    """
    pieces = desk.roster(format_)
    if str(file) == "-":
        for piece in pieces:
            typer.echo(piece, nl=False)
        return
    steady.replace(file, pieces)
    say(tr("Written: {file}", file=printable(str(file))))


@app.command()
@at_desk
def problems(
    desk: Desk,
    which: Annotated[str, typer.Argument(metavar="IMPORT", help="The import's id.")],
    limit: Limit = 50,
    every: All = False,
    output: Output = Format.TABLE,
) -> None:
    """List records of an import that did not come in, and why."""
    rows, cursor, total = list[Row](), "", 0
    while True:
        page = desk.part(_PATH, which, "problems", Asked(), cursor, 500 if every else min(limit, 500))
        rows, cursor, total = [*rows, *page.items], page.next, page.total
        if not cursor or (not every and len(rows) >= limit):
            break
    print_rows(rows, {name: name for name in _PROBLEM}, output, under="problems", beside={"schema_version": 1, "total": total})
    if output is Format.TABLE and total > len(rows):
        say(tr("{shown} of {total}; --all shows all", shown=len(rows), total=total))


add_list(app, NOUN, "imports", search=False)
add_list(app, MAPPING, "mappings")
add_show(app, NOUN)
add_delete(app, MAPPING, "forget-mapping", "Forget a mapping that was kept.", marked("Forget the mapping {which}?"))


def _one(desk: Desk, file: Path, form: dict[str, Any], dry_run: bool, output: Format) -> tuple[Row, int]:
    """Bring in one file; what became of it, and the exit code that says so."""
    which = desk.create(_PATH, {"name": file.name}).row["id"]
    try:
        _upload(desk, which, file)
        seen = desk.act(_PATH, which, "preview", form)
    except (StationmasterError, KeyboardInterrupt):
        desk.delete(_PATH, which)          # of half a file nothing stays
        raise
    _say_preview(file, seen, rows=dry_run and output is Format.TABLE)
    row = desk.act(_PATH, which, "start", {"dry_run": dry_run})
    code = wait_for(desk, row["job"])
    row = desk.get(_PATH, which)
    return row, _code(row, dry_run) if code in (0, PARTLY) else code


def _upload(desk: Desk, which: str, file: Path) -> None:
    with steady.reading(file) as stream:
        offset = 0
        while part := stream.read(PART):
            desk.upload(which, offset, part, _PATH)
            offset += len(part)


def _say_preview(file: Path, seen: Row, *, rows: bool) -> None:
    say(f"{printable(str(file))}: {seen['format']}")
    if rows:
        out = tr("(left out)")
        for heading, field in seen["headings"].items():
            say(f"{printable(heading)} → {field or out}")
        shown = [{"row": each["row"], "outcome": each["outcome"], "who": _who(each), "why": _why(each)} for each in seen["rows"]]
        print_rows(shown, {name: name for name in ("row", "outcome", "who", "why")}, Format.TABLE)


def _who(row: Row) -> str:
    values = row["values"]
    return str(values.get("email") or values.get("team") or values.get("name") or values.get("label") or "")


def _why(row: Row) -> str:
    told = [f"{each['field']}: {said(each['message'])}".strip(": ") for each in row["problems"]]
    return "; ".join([*told, *map(remark, row["notes"])])


def _print(rows: list[Row], output: Format) -> None:
    if output is Format.TABLE:
        for row in rows:
            print_object({name: row[name] for name in ("id", "name", "state", "records", *_COUNTS, "why")}, output)
            _say_left_out(row)
        return
    print_rows(rows, {name: name for name in _FIELDS}, output, under="imports", beside={"schema_version": 1})


def _say_left_out(row: Row) -> None:
    """What did not come in: numbers and names of fields."""
    left = row["left_out"]
    for what, words in (
        ("secrets", tr("Left out, being secrets for no API (error.credential.not_for_api_use)")),
        ("admin", tr("Left out, being admin keys: attach the workspace with them")), ("unknown", tr("Left out, being unknown")),
    ):  # fmt: skip
        if left.get(what):
            say(f"{words}: " + ", ".join(f"{printable(name)} ({number})" for name, number in sorted(left[what].items())))
    if row["duplicates"] + row["conflicts"] + row["errors"]:
        number = row["duplicates"] + row["conflicts"] + row["errors"]
        command = f"stationmaster roster problems {row['id']}"
        words = trn("{number} record did not come in; `{command}` says why.",
                    "{number} records did not come in; `{command}` says why.", number, command=command)  # fmt: skip
        say(words)


def _code(row: Row, dry_run: bool) -> int:
    """10 for changes that are pending, 3 when records did not come in."""
    if dry_run and row["created"] + row["updated"]:
        return PENDING
    return PARTLY if row["duplicates"] + row["conflicts"] + row["errors"] else 0


def _worst(codes: list[int]) -> int:
    """One exit code for several files: 1 when none came in, 3 when not all of them did or one did in part."""
    if 1 in codes and set(codes) != {1}:
        return 130 if 130 in codes else PARTLY
    return next((code for code in (130, 1, PARTLY, PENDING) if code in codes), max(codes, default=0))
