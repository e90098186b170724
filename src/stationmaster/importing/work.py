"""An import of an older setup as a job. Owns: reading the file into batches, teams before those who are in them, and bringing in
each batch in one transaction together with the note that it is done.

A file that cannot be read to its end brings in nothing. A worker that dies leaves whole batches behind, and the next one goes on
with the rest. May not know how jobs run. Why it is so:
docs/decisions/0022.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.db import connection
from django.db.models import F

from stationmaster.errors import Conflict, Invalid
from stationmaster.importing import batch, stored
from stationmaster.importing.models import COUNTS, OPEN, Batch, Problem, Ref, Roster
from stationmaster.importing.recognising import Record
from stationmaster.importing.understanding import Understood
from stationmaster.jobs.kinds import Done, Ended, Failed, NewItem, Outcome
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run
from stationmaster.store.changes import Change

KIND: Final = "import"
RECORDS: Final = 100              # of a batch
_TURN: Final = 0.12               # seconds
_NAMED: Final = 20                # records in a sentence


class Importing:
    """Implements `jobs.kinds.Handler`."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """The file's records in batches, teams first: it is read twice. Raises `Invalid` for a file that cannot be read to its
        end: nothing comes in then."""
        of = _of(run)
        with run.recording():
            for model in (Batch, Problem, Ref):      # an earlier start may have died on the way
                model.objects.filter(of=of).delete()
            Roster.objects.filter(id=of.id).update(records=0, notes={}, left_out={}, **dict.fromkeys(COUNTS, 0))
        position = 0
        for teams in (True, False):
            understood = Understood(stored.content(of), stored.beginning(of), of)
            wanted = (each for each in understood.records() if (each.kind == "team") is teams)
            for some in _some(wanted):
                yield _kept(run, of, position, some)
                position += 1
        with run.recording():
            Roster.objects.filter(id=of.id).update(left_out=understood.left_out, format=understood.format)
            if not position:
                raise Invalid("error.import.empty", "the file has no account, team or target that could be told")

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Bring one batch in, or with a dry run say what would become of it."""
        of = _of(run)
        if connection.vendor == "sqlite":
            run.pause(_TURN)          # SQLite has no queue of writers: let others come to their turn
        with run.recording():
            rows = Batch.objects.select_for_update().filter(of=of, position=item.data["batch"]).first()
            if rows is None:
                return Failed("error.import.over", "the file is not kept any more: upload it again")
            if not rows.done:
                _import(run, of, rows)
        return _came_of(of, item)

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """The sums, and what was left out: names of fields and numbers, no values."""
        of = _of(run)
        return {
            **{name: getattr(of, name) for name in ("format", "records", *COUNTS)}, "notes": of.notes,
            "left_out": of.left_out, "left_out_because": "error.credential.not_for_api_use" if of.left_out.get("secrets") else "",
        }


def on_end(edit: Change, ended: Ended) -> None:
    """The job is over, however it ended: say so, and forget the file, which after a dry run may be imported yet."""
    of = Roster.objects.filter(id=ended.args.get("import", "")).first()
    if of is None or of.job != ended.job:      # a job that tried it again says nothing of it
        return
    of.why = ended.cause
    if of.dry_run:
        of.state = OPEN
        Batch.objects.filter(of=of).delete()
        Ref.objects.filter(of=of).delete()
    else:
        of.state = {"succeeded": "partial" if of.duplicates + of.conflicts + of.errors else "done"}.get(ended.state, ended.state)
        stored.forget_content(of)
        edit.record(f"rosters:{of.id}:end_import", after={"state": of.state, **{name: getattr(of, name) for name in COUNTS}})
    of.save()


def _of(run: Run) -> Roster:
    """The import of this job. Raises `Conflict` for a job that tries an ended one again: its file is gone by then."""
    of: Roster = Roster.objects.get(id=run.args["import"])
    if of.job != run.id:
        raise Conflict("error.import.over", "this import has ended, and its file is not kept: upload it again")
    return of


def _kept(run: Run, of: Roster, position: int, some: list[Record]) -> NewItem:
    """Write a batch down, and what its teams are called by."""
    run.check()
    with run.recording():
        stored.put_batch(of, position, some)
        refs = [Ref(of=of, ref=ref, number=each.number) for each in some if each.kind == "team" for ref in each.refs]
        Ref.objects.bulk_create(refs, ignore_conflicts=True)
        Roster.objects.filter(id=of.id).update(records=F("records") + len(some))
    kind = {"team": "teams", "member": "people", "target": "targets"}[some[0].kind]
    data = {"batch": position, "numbers": [each.number for each in some]}
    return NewItem(f"{kind} {some[0].number}-{some[-1].number} ({position})", data=data, things=len(some))


def _some(records: Iterator[Record]) -> Iterator[list[Record]]:
    while some := list(itertools.islice(records, RECORDS)):
        yield some


def _import(run: Run, of: Roster, rows: Batch) -> None:
    records = stored.records_of(rows)
    found = batch.tried(run.actor, of, records) if of.dry_run else batch.done(run.actor, of, records)
    for each in batch.problems(of, found):
        each.save(force_insert=True)
    of = Roster.objects.select_for_update().get(id=of.id)
    for name, number in batch.counted(found).items():
        setattr(of, name, getattr(of, name) + number)
    for code, number in batch.noted(found).items():
        of.notes[code] = of.notes.get(code, 0) + number
    of.save()
    rows.data, rows.done = "", True
    rows.save()


def _came_of(of: Roster, item: JobItem) -> Outcome:
    """What became of a batch, by what was written down of its records: an earlier try may have brought it in."""
    wrong = Problem.objects.filter(of=of, row__in=item.data["numbers"]).order_by("row", "id")
    rows = {each.row: f"{each.field}: {each.message}".strip(": ") for each in reversed(wrong)}
    refused = [{"object": each.row, "outcome": each.outcome, "code": each.code} for each in wrong]
    if not rows:
        return Done({"objects": item.key})
    named = [f"{row} ({rows[row]})" for row in sorted(rows)[:_NAMED]] + ["…"] * (len(rows) > _NAMED)
    words = f"{len(rows)} of {item.things} records were not imported: {', '.join(named)}"
    return Failed("import.rows_refused", words, outcome={"refused": refused}, done=max(0, item.things - len(rows)))
