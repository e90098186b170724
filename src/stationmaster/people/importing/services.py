"""What entrances may ask about imports. Owns: who may, what is shown of one, and the way from an upload to its job."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from stationmaster.errors import Conflict, Invalid, NotFound
from stationmaster.jobs import services as jobs
from stationmaster.operators.access import require
from stationmaster.people.checks import text
from stationmaster.people.importing import batch, fields, reading, stored, work
from stationmaster.people.importing.models import COUNTS, OPEN, RUNNING, STATES, WAITING, WRONG, Import, Problem
from stationmaster.people.importing.wanted import Row, keys_of
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only
from stationmaster.store.listing import Listing, Page, Query, page

PREVIEWED: Final = 20         # rows
FORM = frozenset({"encoding", "delimiter", "mapping", "full"})
_SHOWN = ("id", "name", "state", "encoding", "delimiter", "mapping", "full", "dry_run", "size", "rows", "job")
_BOOKS = ("leavers", "left", "why", "created_at", "updated_at")


def show(row: Import) -> Mapping[str, Any]:
    """An import as plain values. `duplicates`, `conflicts` and `errors` are rows of which nothing was imported."""
    return {name: getattr(row, name) for name in (*_SHOWN, *COUNTS, *_BOOKS)}


def show_problem(row: Problem) -> Mapping[str, Any]:
    """What is wrong with a row, as plain values."""
    return {name: getattr(row, name) for name in ("row", "outcome", "column", "code", "message")}


IMPORTS = Listing(
    noun="imports",
    columns=(
        Column("id"), Column("name"), Column("state", values=STATES), Column("created_at", kind="time"),
        Column("updated_at", kind="time"),
    ),
    show=show, search="",
)
PROBLEMS = Listing(
    noun="import problems",
    columns=(Column("row", kind="number"), Column("outcome", values=WRONG), Column("column"), Column("code")),
    show=show_problem, search="", sort="row",
)


def list_imports(actor: Actor, query: Query) -> Page:
    """One page of them, the newest first. Raises `Forbidden`, `Invalid`."""
    require(actor, "people:import")
    return page(IMPORTS, Import.objects.all(), query)


def get_import(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by its id. Raises `Forbidden`, `NotFound`."""
    require(actor, "people:import")
    return show(_find(which))


def begin_import(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Begin an upload; `name` is the file's, for people. Raises `Forbidden`, `Invalid`."""
    require(actor, "people:import")
    known_only(given, frozenset({"name"}))
    try:
        name = text(given.get("name"))
    except ValueError as error:
        raise Invalid("error.import.form", f"name: {error}", fields={"name": str(error)}) from None
    stored.forget_old()
    with change(actor) as edit:
        row = Import.objects.create(name=name, by=actor.id)
        edit.record(f"people:{row.id}:begin_import", after={"state": row.state})
    return show(row)


def add_part(actor: Actor, which: str, offset: int, data: bytes) -> Mapping[str, Any]:
    """The part of the file that begins at `offset`, up to 8 MiB of it. Raises `Forbidden`, `NotFound`, `Conflict`, which
    says where to go on, and `StationmasterError` 413 beyond a gibibyte."""
    require(actor, "people:import")
    row = _find(which)
    stored.append(row, offset, data)
    return show(row)


def preview(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Say how the file is to be read (`encoding`, `delimiter`, `mapping`, `full`), and see what its first 20 rows would come
    to. What is not said is found out. Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict`."""
    require(actor, "people:import")
    known_only(given, FORM)
    row = _open(which)
    try:
        lines = _read(row, given)
        headings = next(lines)[1]
        found = list(_previewed(row, headings, itertools.islice(lines, PREVIEWED)))
    except Invalid as error:
        if "mapping" not in given:      # it is the file, and not what was said of its columns
            Import.objects.filter(id=row.id).update(why=error.message)
        raise
    row.why = row.why if row.dry_run else ""
    row.save()
    decided, _ = batch.decided([each for each, before in found if not before], actor)
    verdicts = {each.row.number: each for each in decided}
    shown = [_shown(row, each, before, verdicts.get(each.number)) for each, before in found]
    form = {name: getattr(row, name) for name in sorted(FORM)}
    return {**form, "headings": list(headings), "fields": list(fields.FIELDS), "rows": shown}


def start(actor: Actor, which: str, *, dry_run: bool = False) -> Mapping[str, Any]:
    """Have a worker import it as it was previewed; with `dry_run` only count what every row would come to. Raises
    `Forbidden`, `NotFound`, `Invalid`, `Conflict`."""
    require(actor, "people:import")
    with change(actor):
        row = _open(which)
        if not row.mapping:
            next(_read(row, {}))
        row.state, row.dry_run, row.why = RUNNING, dry_run, ""
        job = jobs.submit(actor, work.KIND, args={"import": row.id}, dedupe=f"{work.KIND} {row.id}", dry_run=dry_run)
        row.job = job["id"]
        row.save()
    return show(row)


def approve(actor: Actor, which: str, leavers: int) -> Mapping[str, Any]:
    """Have everybody leave who is not in the file: `leavers` is how many that is to be. Raises `Forbidden`, `NotFound`, and
    `Conflict` when nothing waits or it is another number by now."""
    require(actor, "people:import")
    require(actor, "people:update")
    with change(actor):
        row = _find(which)
        now = work.absent(row).count() if row.state == WAITING else 0
        if row.state != WAITING or now != leavers:
            message = f"{now} people would leave by now" if row.state == WAITING else "nothing waits for approval here"
            raise Conflict("error.import.approval", message, hint="look at it again")
        row.state = RUNNING
        args = {"import": row.id, "approved": True}
        row.job = jobs.submit(actor, work.KIND, args=args, dedupe=f"{work.KIND} {row.id}")["id"]
        row.save()
    return show(row)


def list_leavers(actor: Actor, which: str) -> list[str]:
    """The ids of the first 500 who would leave. Raises `Forbidden`, `NotFound`."""
    require(actor, "people:import")
    row = _find(which)
    return list(work.absent(row).order_by("id").values_list("id", flat=True)[:500]) if row.full and row.state == WAITING else []


def delete_import(actor: Actor, which: str) -> None:
    """Forget an import and its file; of what it imported nothing changes. Raises `Forbidden`, `NotFound`, `Conflict`."""
    require(actor, "people:import")
    with change(actor) as edit:
        row = _find(which)
        if row.state == RUNNING:
            raise Conflict("error.import.running", "this import is running", hint="cancel its job first")
        edit.record(f"people:{row.id}:delete_import", {"state": row.state}, None)
        row.delete()


def list_problems(actor: Actor, which: str, query: Query) -> Page:
    """One page of what is wrong with its rows. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "people:import")
    return page(PROBLEMS, Problem.objects.filter(of=_find(which)), query)


def export_problems(actor: Actor, which: str, query: Query, form: Format) -> Iterator[str]:
    """All of it as a file. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "people:import")
    return export(PROBLEMS, Problem.objects.filter(of=_find(which)), query, form)


def _find(which: str) -> Import:
    could_be = which.isascii() and which.isprintable() and len(which) <= 64
    row = Import.objects.filter(id=which).first() if could_be else None
    if row is None:
        raise NotFound("error.import.not_found", "there is no such import")
    return row


def _open(which: str) -> Import:
    row = _find(which)
    if row.state != OPEN:
        raise Conflict("error.import.started", "this import was started already")
    if not row.size:
        raise Conflict("error.import.no_file", "nothing was uploaded yet")
    return row


def _read(row: Import, given: Given) -> Iterator[tuple[int, reading.Cells]]:
    """The file's rows, read as is said or was said before; `row` says then how that is."""
    encoding, delimiter = _said(given, row, "encoding"), _said(given, row, "delimiter")
    form = reading.form_of(stored.beginning(row), encoding, delimiter)
    lines = reading.rows(stored.content(row), form)
    first = next(lines, None)
    if first is None:
        raise Invalid("error.import.empty", "the file has no rows")
    row.encoding, row.delimiter = form.encoding, form.delimiter
    mapping = given.get("mapping", row.mapping if set(row.mapping) == set(first[1]) else {})
    if not isinstance(mapping, dict) or type(given.get("full", False)) is not bool:
        raise Invalid("error.import.form", "mapping is an object, full is true or false")
    row.mapping, row.full = fields.checked(mapping, first[1]), given.get("full", row.full)
    return itertools.chain([first], lines)


def _said(given: Given, row: Import, name: str) -> str:
    value = given.get(name, getattr(row, name))
    if value is not None and not isinstance(value, str):
        raise Invalid("error.import.form", f"{name}: expected a text", fields={name: "expected a text"})
    return value or ""


def _previewed(
    of: Import, headings: Sequence[str], lines: Iterator[tuple[int, reading.Cells]]
) -> Iterator[tuple[Row, int]]:
    """Rows by their fields, each with the row before that has one of its names (0: none)."""
    seen: dict[str, int] = {}
    for line, cells in lines:
        row = work.row_of(line, cells, [of.mapping.get(heading, fields.IGNORED) for heading in headings])
        names = keys_of(row)
        before = next((seen[name] for name in names if name in seen), 0)
        if not before:
            seen |= dict.fromkeys(names, line)
        yield row, before


def _shown(of: Import, row: Row, before: int, decided: batch.Decided | None) -> Mapping[str, Any]:
    if decided is None:
        found = [batch.problem(of, row.number, "duplicate", work.duplicate_of(before))]
    else:
        found = list(batch.problems(of, [decided]))
    problems = [{name: getattr(each, name) for name in ("column", "code", "message")} for each in found]
    outcome = decided.verdict.outcome if decided else "duplicate"
    person = decided.verdict.person if decided else ""
    return {"row": row.number, "outcome": outcome, "person": person, "values": row.cells, "problems": problems}
