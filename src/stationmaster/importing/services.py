"""What entrances may ask about imports of older setups. Owns: who may, what is shown of one, and the way from an upload to its
job."""

import itertools
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from stationmaster.errors import Conflict, Invalid, NotFound
from stationmaster.importing import batch, fields, mappings, reading, stored, work
from stationmaster.importing.exporting import FORMATS as EXPORTED
from stationmaster.importing.exporting import export_roster
from stationmaster.importing.mappings import MAPPINGS, delete_mapping, get_mapping, list_mappings, save_mapping
from stationmaster.importing.models import COUNTS, ENDED, FORMATS, OPEN, RUNNING, STATES, WRONG, Problem, Roster
from stationmaster.importing.recognising import Record
from stationmaster.importing.stored import MAX_PART, MAX_SIZE
from stationmaster.importing.understanding import Understood
from stationmaster.jobs import services as jobs
from stationmaster.operators.access import require
from stationmaster.people.checks import text
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.vendors.registry import VENDORS

__all__ = [
    "COUNTS", "ENDED", "EXPORTED", "FORMATS", "MAPPINGS", "MAX_PART", "MAX_SIZE", "OPEN", "PROBLEMS", "ROSTERS", "RUNNING",
    "add_part", "begin", "delete_mapping", "delete_roster", "export_problems", "export_roster", "get_mapping", "get_roster",
    "list_mappings", "list_problems", "list_rosters", "preview", "save_mapping", "start",
]  # fmt: skip

PREVIEWED: Final = 20         # records
LOOKED_AT: Final = 2000       # records, in which the teams of those are looked for
FORM: Final = frozenset({"format", "encoding", "delimiter", "mapping", "mapping_name", "vendor"})
_SHOWN = ("id", "name", "state", "format", "encoding", "delimiter", "mapping", "vendor", "dry_run", "size", "records", "job")
_BOOKS = ("notes", "why", "created_at", "updated_at")
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "format": ("", *FORMATS), "encoding": ("", *reading.ENCODINGS), "delimiter": ("", ",", ";", "\t", "|"),
    "vendor": tuple(VENDORS),
}  # fmt: skip


_NOTHING_LEFT_OUT: Final[Mapping[str, Mapping[str, int]]] = MappingProxyType({"secrets": {}, "admin": {}, "unknown": {}})


def show(row: Roster) -> Mapping[str, Any]:
    """An import as plain values. Of what was left out there are names of fields and numbers."""
    shown = {name: getattr(row, name) for name in (*_SHOWN, *COUNTS, *_BOOKS)}
    return shown | {"left_out": {**_NOTHING_LEFT_OUT, **row.left_out}}


def show_problem(row: Problem) -> Mapping[str, Any]:
    """What is wrong with a record, as plain values."""
    return {name: getattr(row, name) for name in ("row", "outcome", "field", "code", "message")}


ROSTERS: Final = Listing(
    noun="imports",
    columns=(Column("id"), Column("name"), Column("state", values=STATES), Column("format", values=("", *FORMATS)),
             Column("created_at", kind="time"), Column("updated_at", kind="time")),
    show=show, search="",
)  # fmt: skip
PROBLEMS: Final = Listing(
    noun="import problems",
    columns=(Column("row", kind="number"), Column("outcome", values=WRONG), Column("field"), Column("code")),
    show=show_problem, search="", sort="row",
)  # fmt: skip


def list_rosters(actor: Actor, query: Query) -> Page:
    """One page of them, the newest first. Raises `Forbidden`, `Invalid`."""
    require(actor, "rosters:import")
    return page(ROSTERS, Roster.objects.all(), query)


def get_roster(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by its id. Raises `Forbidden`, `NotFound`."""
    require(actor, "rosters:import")
    return show(_find(which))


def begin(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Begin an upload; `name` is the file's, whose ending tells TOML. Raises `Forbidden`, `Invalid`."""
    require(actor, "rosters:import")
    known_only(given, frozenset({"name"}))
    try:
        name = text(given.get("name"))
    except ValueError as error:
        raise Invalid("error.import.form", f"name: {error}", fields={"name": str(error)}) from None
    stored.forget_old()
    with change(actor) as edit:
        row = Roster.objects.create(name=name, by=actor.id)
        edit.record(f"rosters:{row.id}:begin_import", after={"state": row.state})
    return show(row)


def add_part(actor: Actor, which: str, offset: int, data: bytes) -> Mapping[str, Any]:
    """The part of the file that begins at `offset`, up to 8 MiB of it. Raises `Forbidden`, `NotFound`, `Conflict`, which
    says where to go on, and `StationmasterError` 413 beyond a gibibyte."""
    require(actor, "rosters:import")
    row = _find(which)
    stored.append(actor, row, offset, data)
    return show(row)


def preview(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Say how the file is to be read (`format`, `encoding`, `delimiter`, `mapping` or `mapping_name`, `vendor`), and see
    what its first 20 records would come to. What is not said is found out. Raises `Forbidden`, `NotFound`, `Invalid`,
    `Conflict`."""
    require(actor, "rosters:import")
    known_only(given, FORM)
    row = _open(which)
    _say(row, _form(actor, given))
    try:
        understood = Understood(stored.content(row), stored.beginning(row), row)
        ahead = list(itertools.islice(understood.records(), LOOKED_AT + 1))
    except Invalid as error:
        Roster.objects.filter(id=row.id).update(why=error.message)
        raise
    row.why = row.why if row.dry_run else ""
    row.save()
    form = {name: getattr(row, name) for name in ("mapping", "vendor")}
    return {
        **form, "format": understood.format, "encoding": understood.encoding, "delimiter": understood.delimiter,
        "headings": dict(understood.headings), "fields": list(fields.FIELDS), "left_out": understood.left_out,
        "rows": _first(actor, row, ahead),
    }


def _first(actor: Actor, row: Roster, ahead: list[Record]) -> list[Mapping[str, Any]]:
    """What the first records would come to, teams first as they are brought in; teams that stand behind them count too."""
    shown = ahead[:PREVIEWED]
    named = {ref for each in shown for ref in (*each.parents, *each.refs)}
    behind = [each for each in ahead[PREVIEWED:] if each.kind == "team" and named & set(each.refs)]
    records = sorted([*shown, *behind], key=lambda each: each.kind != "team")
    came = batch.previewed(actor, row, records, whole=len(ahead) <= LOOKED_AT)
    numbers = {(each.number, each.kind) for each in shown}
    return [_shown(row, each) for each in came if (each.record.number, each.record.kind) in numbers]


def start(actor: Actor, which: str, *, dry_run: bool = False) -> Mapping[str, Any]:
    """Have a worker bring it in as it was previewed; with `dry_run` only count what every record would come to. Raises
    `Forbidden`, `NotFound`, `Conflict`."""
    require(actor, "rosters:import")
    with change(actor):
        row = _open(which)
        row.state, row.dry_run, row.why = RUNNING, dry_run, ""
        job = jobs.submit(actor, work.KIND, args={"import": row.id}, dedupe=f"{work.KIND} {row.id}", dry_run=dry_run)
        row.job = job["id"]
        row.save()
    return show(row)


def delete_roster(actor: Actor, which: str) -> None:
    """Forget an import and its file; of what it brought in nothing changes. Raises `Forbidden`, `NotFound`, `Conflict`."""
    require(actor, "rosters:import")
    with change(actor) as edit:
        row = _find(which)
        if row.state == RUNNING:
            raise Conflict("error.import.running", "this import is running", hint="cancel its job first")
        edit.record(f"rosters:{row.id}:delete_import", {"state": row.state}, None)
        row.delete()


def list_problems(actor: Actor, which: str, query: Query) -> Page:
    """One page of what is wrong with its records. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "rosters:import")
    return page(PROBLEMS, Problem.objects.filter(of=_find(which)), query)


def export_problems(actor: Actor, which: str, query: Query, form: Format) -> Iterator[str]:
    """All of it as a file. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "rosters:import")
    return export(PROBLEMS, Problem.objects.filter(of=_find(which)), query, form)


def _find(which: str) -> Roster:
    could_be = which.isascii() and which.isprintable() and len(which) <= 64
    row: Roster | None = Roster.objects.filter(id=which).first() if could_be else None
    if row is None:
        raise NotFound("error.import.not_found", "there is no such import")
    return row


def _open(which: str) -> Roster:
    row = _find(which)
    if row.state != OPEN:
        raise Conflict("error.import.started", "this import was started already")
    if not row.size:
        raise Conflict("error.import.no_file", "the file is empty: nothing was uploaded")
    return row


def _form(actor: Actor, given: Given) -> dict[str, Any]:
    """What was said of the file, checked."""
    said = {name: value for name, value in given.items() if value is not None}
    for name, choices in _CHOICES.items():
        if name in said and said[name] not in choices:
            why = f"one of {', '.join(filter(None, choices))}"
            raise Invalid("error.import.form", f"{name}: {why}", fields={name: why})
    if said.get("mapping_name"):
        if not isinstance(said["mapping_name"], str):
            raise Invalid("error.import.form", "mapping_name: expected a name", fields={"mapping_name": "expected a name"})
        said["mapping"] = {**mappings.get_mapping(actor, said["mapping_name"])["fields"], **said.get("mapping", {})}
    if "mapping" in said and not isinstance(said["mapping"], dict):
        raise Invalid("error.import.form", "mapping: expected an object", fields={"mapping": "expected an object"})
    return said


def _say(row: Roster, said: Mapping[str, Any]) -> None:
    for name in ("format", "encoding", "delimiter", "vendor"):
        setattr(row, name, said.get(name, getattr(row, name)))
    row.mapping = fields.checked(said["mapping"]) if "mapping" in said else row.mapping


def _shown(of: Roster, came: batch.Came) -> Mapping[str, Any]:
    found = [{"field": each.field, "code": each.code, "message": each.message} for each in batch.problems(of, [came])]
    record, verdict = came.record, came.verdict
    return {"row": record.number, "kind": record.kind, "outcome": verdict.outcome, "values": dict(record.values),
            "state": verdict.seat, "notes": list(verdict.notes), "problems": found}  # fmt: skip
