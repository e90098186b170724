"""An import as a job. Owns: reading the file into batches, importing each, who leaves at the end.

Every batch is written in one transaction together with the note that it is done, so that a worker that dies leaves whole
batches behind and the next one goes on with the rest. May not know how jobs run.
"""

import hashlib
import itertools
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import F, QuerySet

from stationmaster.errors import Conflict, Invalid
from stationmaster.jobs.kinds import Done, Ended, Failed, NewItem, Outcome
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run
from stationmaster.people import limits, writing
from stationmaster.people.importing import batch, reading, stored
from stationmaster.people.importing.fields import IGNORED
from stationmaster.people.importing.models import COUNTS, OPEN, RUNNING, WAITING, Batch, Import, Problem
from stationmaster.people.importing.wanted import Fault, Row, keys_of
from stationmaster.people.models import Person
from stationmaster.people.persons import may_end
from stationmaster.store.changes import Change

KIND: Final = "import_people"
ROWS: Final = 400                 # of a batch
_CACHE: Final = -8192             # KiB of SQLite's for the names that were seen
_LEAVING: Final = 100             # who leave in one transaction
_TURN: Final = 0.12               # seconds
_NAMED: Final = 20                # rows in a sentence


class Importing:
    """Implements `jobs.kinds.Handler`."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """The file's rows in batches; rows whose names were in the file before are none of them. Raises `Invalid` for a file
        that cannot be read to its end: nothing is imported then."""
        of = _of(run)
        if run.args.get("approved"):
            return
        _begin(run, of)
        for position, lines in enumerate(_batches(_read(run, of))):
            run.check()
            with run.recording():
                stored.put_batch(of, position, [each.row for each in lines if not each.before])
            first, last = lines[0].row.number, lines[-1].row.number
            yield NewItem(f"rows {first}-{last}", data={"batch": position, "rows": [first, last]}, things=len(lines))

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Import one batch, or with a dry run say what would become of it."""
        of = _of(run)
        rows = Batch.objects.filter(of=of, position=item.data["batch"]).first()
        if rows is None:
            return Failed("error.import.over", "the file is not kept any more: upload it again")
        _give_way(run)
        with run.recording() as edit:
            rows = Batch.objects.select_for_update().get(id=rows.id)
            if not rows.done:
                _import(edit, run, of, rows)
        return _came_of(of, item)

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """Who leaves, and the sums."""
        of = _of(run)
        if of.full and of.rows == 0:
            raise Invalid("error.import.empty", "the file has no rows: nobody leaves for that")
        of.why = _guard(of) if of.full and not of.dry_run else ""
        if of.full and of.dry_run:
            of.leavers = _would_leave(run, of)
        if of.full and not of.dry_run and (not of.why or run.args.get("approved")):
            of.why = ""
            _leave(run, of)
        with run.recording():
            _settle(of)
        return {**{name: getattr(of, name) for name in COUNTS}, "leavers": of.leavers, "left": of.left, "waits": of.why}


def on_end(edit: Change, ended: Ended) -> None:
    """The job is over, however it ended: say so, and forget the file, which after a dry run may be imported yet."""
    of = Import.objects.filter(id=ended.args.get("import", "")).first()
    if of is None or of.job != ended.job:      # a job that tried it again says nothing of it
        return
    if of.dry_run:
        of.state, of.why = OPEN, ended.cause
        Batch.objects.filter(of=of).delete()
        of.save()
        return
    if of.state != WAITING or ended.state not in ("succeeded", "partial"):
        wrong = of.duplicates + of.conflicts + of.errors
        of.state = {"succeeded": "partial" if wrong else "done"}.get(ended.state, ended.state)
    of.why = of.why or ended.cause
    stored.forget_content(of)
    of.save()
    edit.record(f"people:{of.id}:end_import", after={"state": of.state, **{name: getattr(of, name) for name in COUNTS}})


def absent(of: Import) -> "QuerySet[Any]":
    """Active persons who came from files and are not in this one, nor in one that was uploaded later."""
    return Person.objects.filter(source="csv", active=True, last_import__lt=of.id)


def _of(run: Run) -> Import:
    """The import of this job. Raises `Conflict` for a job that tries an ended one again: its file is gone by then."""
    of: Import = Import.objects.get(id=run.args["import"])
    if of.job != run.id:
        raise Conflict("error.import.over", "this import has ended, and its file is not kept: upload it again")
    return of


def _begin(run: Run, of: Import) -> None:
    """Start over: an earlier start may have died on the way."""
    with run.recording():
        Batch.objects.filter(of=of).delete()
        Problem.objects.filter(of=of).delete()
        Import.objects.filter(id=of.id).update(rows=0, leavers=0, **dict.fromkeys(COUNTS, 0))


class _Line(NamedTuple):
    """A row of the file; `before`: the row that had one of its names (0: none)."""

    row: Row
    before: int


def _read(run: Run, of: Import) -> Iterator[_Line]:
    """Rows by their fields; those of names that the file had before are noted as problems."""
    seen = _Seen()
    form = reading.Form(of.encoding, of.delimiter)
    lines = reading.rows(stored.content(of), form)
    _, headings = next(lines, (1, ()))
    fields = [of.mapping.get(heading, IGNORED) for heading in headings]
    number = 0
    problems: list[Problem] = []
    for number, (line, cells) in enumerate(lines, 1):
        row = row_of(line, cells, fields)
        before = seen.before(row)
        if before:
            problems.append(batch.problem(of, line, "duplicate", duplicate_of(before)))
        yield _Line(row, before)
        if number % 1000 == 0:
            run.check()
            problems = _noted(run, of, problems)
    _noted(run, of, problems)
    with run.recording():
        Import.objects.filter(id=of.id).update(rows=number)


def row_of(line: int, cells: reading.Cells, fields: list[str]) -> Row:
    """A row's cells by their fields. One of another width than the heading (RFC 4180 §2.4) is taken for nothing: behind a comma
    that was not quoted each cell would fill the next one's field, and a cell that is not there would empty one."""
    if len(cells) < len(fields) or any(cells[len(fields) :]):
        return Row(line, width=f"has {len(cells)} cells, and the heading has {len(fields)}: are quotation marks missing?")
    return Row(line, {field: cell for field, cell in zip(fields, cells, strict=False) if field})


def duplicate_of(line: int) -> Fault:
    """What is said of a row whose name was there before."""
    return Fault("", "import.duplicate", f"the same person as row {line}, perhaps in another spelling")


def _noted(run: Run, of: Import, problems: list[Problem]) -> list[Problem]:
    """Write them down; what is left of them: none."""
    if problems:
        with run.recording():
            Problem.objects.bulk_create(problems)
            Import.objects.filter(id=of.id).update(duplicates=F("duplicates") + len(problems))
    return []


class _Seen:
    """Which names a file had, in a file of SQLite's own that goes away by itself: a million names are too many to hold."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._file.execute(f"PRAGMA cache_size={_CACHE}")
        self._file.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;")
        self._file.execute("CREATE TABLE seen(name INTEGER PRIMARY KEY, line INTEGER)")

    def before(self, row: Row) -> int:
        """The line that had one of this row's names; 0: none, and now this one has them."""
        names = [int.from_bytes(hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=8).digest(), signed=True)
                 for name in keys_of(row)]  # fmt: skip
        for name in names:
            found = self._file.execute("SELECT line FROM seen WHERE name=?", (name,)).fetchone()
            if found:
                return int(found[0])
        self._file.executemany("INSERT OR IGNORE INTO seen VALUES(?, ?)", [(name, row.number) for name in names])
        return 0


def _batches(lines: Iterator[_Line]) -> Iterator[list[_Line]]:
    while some := list(itertools.islice(lines, ROWS)):
        yield some


def _came_of(of: Import, item: JobItem) -> Outcome:
    """What became of a batch, by what was written down of its rows: an earlier try may have imported it. What is wrong with a
    row is said without its values."""
    wrong = Problem.objects.filter(of=of, row__range=item.data["rows"]).order_by("row", "id")
    refused = [{"row": each.row, "outcome": each.outcome, "code": each.code} for each in wrong]
    rows = {each.row: f"{each.column}: {each.message}".strip(": ") for each in reversed(wrong)}
    if not rows:
        return Done({"rows": item.key})
    named = [f"{row} ({rows[row]})" for row in sorted(rows)[:_NAMED]] + ["…"] * (len(rows) > _NAMED)
    words = f"{len(rows)} of {item.things} rows were not imported: {', '.join(named)}"
    return Failed("import.rows_refused", words, outcome={"refused": refused}, done=item.things - len(rows))


def _import(edit: Change, run: Run, of: Import, rows: Batch) -> None:
    found, loaded = batch.decided(stored.batch_rows(rows), run.actor)
    if not of.dry_run:
        batch.apply(edit, of, found, loaded)
    Problem.objects.bulk_create(batch.problems(of, found))
    added = {name: F(name) + number for name, number in batch.counted(found).items()}
    Import.objects.filter(id=of.id).update(**added)
    rows.data, rows.done = batch.known(found) if of.dry_run else b"", True
    rows.save()


def _give_way(run: Run) -> None:
    """Let other writers come to their turn. SQLite has no queue of them: one that waits looks again every tenth of a second,
    and would find the database taken each time, since one batch follows the other at once."""
    if connection.vendor == "sqlite":
        run.pause(_TURN)


def _guard(of: Import) -> str:
    """Why it takes somebody's word that so many leave; empty: it does not."""
    of.leavers = number = absent(of).count()
    among = Person.objects.filter(source="csv", active=True).count()
    most = limits.limits()
    if limits.beyond(number, None, most):
        return f"{number} people would leave, which is more than {most.count}"
    if limits.beyond(number, among, most):
        return f"{number} of {among} people would leave, which is more than {most.share} %"
    if number and of.errors + of.conflicts:
        return f"{number} people would leave, and {of.errors + of.conflicts} rows could not be told whose they are"
    return ""


def _would_leave(run: Run, of: Import) -> int:
    """How many a dry run would have leave: nobody is marked as seen by it, so those whom its batches knew are taken off. Two
    rows may be one person's, and all of them are too many to hold."""
    with closing(sqlite3.connect("", isolation_level=None)) as seen:
        seen.execute("CREATE TABLE seen(id TEXT PRIMARY KEY) WITHOUT ROWID")
        for rows in Batch.objects.filter(of=of).iterator(chunk_size=10):
            run.check()
            here = absent(of).filter(id__in=batch.ids(rows)).values_list("id")
            seen.executemany("INSERT OR IGNORE INTO seen VALUES(?)", list(here))
        (stay,) = seen.execute("SELECT count(*) FROM seen").fetchone()
    return int(absent(of).count() - stay)


def _leave(run: Run, of: Import) -> None:
    """Those who are not in the file leave, some at a time; one who may more than whoever imports does not."""
    kept: set[str] = set()
    while some := list(absent(of).exclude(id__in=kept).order_by("id")[:_LEAVING]):
        run.check()
        kept |= {row.id for row in some if not may_end(run.actor, row)}
        _give_way(run)
        with run.recording() as edit:
            leaving = [row for row in some if row.id not in kept]
            for row in leaving:
                writing.deactivate(edit, row)
            Import.objects.filter(id=of.id).update(left=F("left") + len(leaving))


def _settle(of: Import) -> None:
    """Write down how it ended, or for what it waits."""
    Import.objects.filter(id=of.id).update(
        leavers=of.leavers, why=of.why, state=WAITING if of.why and not of.dry_run else RUNNING,
    )
    of.refresh_from_db()
