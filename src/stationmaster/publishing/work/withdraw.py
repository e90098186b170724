"""Taking copies away: of what was revoked, of what left a pool, of what somebody chose. One item a publication. Only what has a
row here is ever touched."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from stationmaster.errors import StationmasterError
from stationmaster.jobs.ceasing import Ceased
from stationmaster.jobs.kinds import Done, Failed, NewItem, Outcome, Skipped
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run
from stationmaster.jobs.verdicts import outcome_of, sentence_of
from stationmaster.line.errors import DryRunRefused, NotFound, RateLimited, RemoteError, StopRun
from stationmaster.publishing import planning
from stationmaster.publishing.mending import unwanted
from stationmaster.publishing.models import FAILED, Publication
from stationmaster.publishing.work.book import Book, opened, refusals_told, target_of
from stationmaster.store.changes import Change

PASSED: Final = (Ceased, StopRun, RateLimited, DryRunRefused)      # what is about the run, or has an outcome of its own


class Withdrawing:
    """Implements `jobs.kinds.Handler`."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """One item a publication that nobody wants there any more."""
        rows = unwanted(target_of(run))
        if run.args.get("credential"):
            rows = rows.filter(credential=run.args["credential"])
        for credential in rows.order_by("id").values_list("credential_id", flat=True):
            yield NewItem(f"credential-{credential}", str(credential))

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Take one away."""
        row = published(run, item.subject)
        if row is None or row.wanted:
            return Skipped(planning.NOT_THERE, planning.REASONS[planning.NOT_THERE])
        try:
            with refusals_told(run):
                return take_away(opened(run, withdrawing=True), row)
        except PASSED:
            raise
        except StationmasterError as error:
            return failed(item, row, error)

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """How many are left to be taken away."""
        return {"left": unwanted(target_of(run)).count()}


def failed(item: JobItem, row: Publication | None, error: StationmasterError) -> Outcome:
    """The item's outcome when a target, or a rule of ours, says something against it; if that is final, the publication says
    why."""
    found = outcome_of(error, item.attempts)
    if not isinstance(found, Failed) or row is None:
        return found
    which, words = row.id, sentence_of(error)
    return replace(found, record=lambda edit: note_failure(edit, which, error.code, words))


def published(run: Run, credential: str) -> Publication | None:
    """The row of a credential at the run's target."""
    rows = Publication.objects.filter(target=run.workspace, credential=credential).select_related("credential", "target")
    found: Publication | None = rows.first()
    return found


def take_away(book: Book, row: Publication) -> Outcome:
    """Delete every entry of it there, and forget the row."""
    there = book.of(row.credential_id, row.entry)
    try:
        for entry in there:
            with suppress(NotFound):
                book.adapter.withdraw(entry)
    except RemoteError:
        book.forget()
        raise
    book.put(row.credential_id, [])
    outcome = {"credential": row.credential.name, "entries": len(there)}

    def record(edit: Change) -> None:
        gone = Publication.objects.filter(id=row.id).first()
        if gone is not None:
            edit.delete(gone)

    if there:
        return Done(outcome, record=record)
    return Skipped(planning.NOT_THERE, "Nothing of it is there any more.", outcome, record=record)


def note_failure(edit: Change, row: str, cause: str, words: str) -> None:
    """Say on a publication why the target does not have it as wanted."""
    found = Publication.objects.filter(id=row).select_related("credential", "target").first()
    if found is not None:
        with edit.updating(found, action="fail"):
            found.state, found.cause, found.words = FAILED, cause[:128], words
