"""Publishing: each credential once, as it is wanted, however often it is tried. One item a credential.

What is there is read before the first write and after every one whose end nobody knows, so that what a worker that died had made
is met again by its marker. Before each item, what was revoked meanwhile is taken away first.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from django.utils import timezone

from stationmaster.credentials.models import Credential
from stationmaster.errors import StationmasterError
from stationmaster.jobs.kinds import Done, Failed, NewItem, Outcome, Skipped
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run
from stationmaster.line.errors import DryRunRefused, RemoteError
from stationmaster.publishing import planning
from stationmaster.publishing.beginning import begin, goes_where_it_was_shown, moved
from stationmaster.publishing.choosing import again, secret_digest, unfit, wanted_of
from stationmaster.publishing.mending import behind, unwanted
from stationmaster.publishing.models import (
    MISSING,
    PRESENT,
    PUBLISHED,
    SKIPPED,
    Publication,
    PublishPlan,
    PublishStep,
)
from stationmaster.publishing.planning import changes
from stationmaster.publishing.policy import BATCH
from stationmaster.publishing.reaching import place_of
from stationmaster.publishing.terms import Terms, terms_of
from stationmaster.publishing.work.book import Book, opened, refusals_told, target_of
from stationmaster.publishing.work.withdraw import PASSED, failed, published, take_away
from stationmaster.store.changes import Change
from stationmaster.targets._base import Entry, Wanted
from stationmaster.targets.matching import surplus

TIDY: Final = "tidy"
RENEW: Final = "renew"          # an action that no plan has: a copy gets the secret that serves
CHANGED: Final = "publication.changed"
_GONE: Final = "It went away there since the plan was made: make a new one."


class Publishing:
    """Implements `jobs.kinds.Handler`."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """A plan's steps, and a last look for what is there twice; or copies that hold an earlier secret."""
        if run.args.get("plan"):
            if not run.dry_run:
                _begin(run, PublishPlan.objects.get(id=run.args["plan"]))
            for step in PublishStep.objects.filter(plan=run.args["plan"]).order_by("position").iterator():
                yield NewItem(f"credential-{step.credential}", step.credential, _data(step))
            yield NewItem(TIDY, things=0)
            return
        rows = Publication.objects.filter(target=run.workspace, wanted=True, credential=run.args.get("credential") or "")
        for row in rows if run.args.get("credential") else behind(target_of(run)).order_by("id"):
            yield NewItem(f"credential-{row.credential_id}", row.credential_id, {"action": RENEW, "terms": again(row).plain()})

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Bring one in line."""
        if item.data.get("action") == "skip":
            reason = str(item.data["reason"])
            return Skipped(reason, str(item.data["sentence"]) or planning.REASONS.get(reason, ""))
        row = published(run, item.subject) if item.key != TIDY else None
        try:
            with refusals_told(run):
                return _perform(run, item, row)
        except PASSED:
            raise
        except StationmasterError as error:
            return failed(item, row, error)

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """How many publications the target has by state."""
        rows = Publication.objects.filter(target=run.workspace)
        return {state: rows.filter(state=state).count() for state in (PUBLISHED, SKIPPED, "failed", "pending")}


def _begin(run: Run, plan: PublishPlan) -> None:
    """Write down what is about to be done, some steps at a time, as long as the plan's target is where it was."""
    shown = ""
    for first in range(0, plan.steps.count(), BATCH):
        run.check()
        with run.recording() as edit:
            plan.target = target_of(run)
            if not shown:
                goes_where_it_was_shown(plan)
                shown = place_of(plan.target)
            elif place_of(plan.target) != shown:
                raise moved(plan.target.name)
            begin(edit, plan, run.id, list(plan.steps.order_by("position")[first : first + BATCH]))


def _data(step: PublishStep) -> dict[str, Any]:
    return {"action": step.action, "reason": step.reason, "sentence": step.sentence, "terms": step.terms}


def _perform(run: Run, item: JobItem, row: Publication | None) -> Outcome:
    book = opened(run, withdrawing=item.data.get("action") == "withdraw")
    if item.key == TIDY:
        return _tidy(book)
    if not run.dry_run:
        _take_away_first(book)
    return _publish_or_withdraw(book, item, row)


def _publish_or_withdraw(book: Book, item: JobItem, row: Publication | None) -> Outcome:
    if item.data["action"] == "withdraw":
        return take_away(book, row) if row is not None else Skipped(planning.NOT_THERE, planning.REASONS[planning.NOT_THERE])
    credential: Credential | None = Credential.objects.filter(id=item.subject).first()
    if credential is None:
        return Skipped("credential.gone", "there is no such credential any more")
    if (row is None and not book.run.dry_run) or (row is not None and not row.wanted):
        return Skipped("publication.withdrawn", "nobody wants it there any more")
    found = book.of(credential.id, row.entry if row is not None else "")      # an earlier try may have made it
    why = unfit(credential, book.target, timezone.now(), known=bool(found) or (row is not None and bool(row.entry)))
    if why:
        return Skipped(why, planning.REASONS[why], record=lambda edit: _note_unfit(edit, row, why, found))
    return _publish(book, credential, row, str(item.data["action"]), terms_of(item.data["terms"]))


def _publish(book: Book, credential: Credential, row: Publication | None, action: str, terms: Terms) -> Outcome:
    wanted = wanted_of(credential, terms)
    expected = book.adapter.expected(wanted)
    found = book.of(credential.id, row.entry if row is not None else "")
    if not found and action != "create":
        return _missing(row, action)
    digest, number = secret_digest(wanted), credential.generation
    same = row is not None and row.digest == digest
    fields = changes(expected, found, same_secret=same) if found else ("entry",)
    if not fields:
        return Skipped(planning.SAME, planning.REASONS[planning.SAME],
                       record=lambda edit: _note(edit, row, found[0], digest, number))  # fmt: skip
    with book.publishing(row):
        entry = _write(book, wanted, found, fields)
    said = {"credential": credential.name, "entry": entry.id, "what": "update" if found else "create", "fields": [*fields]}
    return Done(said, record=lambda edit: _note(edit, row, entry, digest, number))


def _write(book: Book, wanted: Wanted, found: list[Entry], fields: tuple[str, ...]) -> Entry:
    """The entry as it is then. Whatever goes wrong, the target is read before anything else is written there."""
    try:
        if not found:
            entry: Entry = book.adapter.create(wanted)
        elif fields == ("duplicate",):
            entry = found[0]
        else:
            entry = book.adapter.update(found[0], wanted, secret="secret" in fields)
        for extra in found[1:]:
            book.adapter.withdraw(extra)
    except DryRunRefused:
        raise
    except RemoteError:
        book.forget()
        raise
    book.put(wanted.id, [entry])
    return entry


def _missing(row: Publication | None, action: str) -> Outcome:
    """Somebody took it away there: a rotation does not bring it back, and a plan that said otherwise is out of date."""
    def record(edit: Change) -> None:
        now = _now(row)
        if now is not None:
            with edit.updating(now, action="miss"):
                now.entry, now.place, now.digest, now.generation, now.seen = "", "", "", 0, MISSING

    if action == RENEW:
        return Skipped("publication.missing", "It is not there any more.", record=record)
    return Failed(CHANGED, _GONE, record=record)


def _note(edit: Change, row: Publication | None, entry: Entry, digest: str, number: int) -> None:
    """It is there, with this secret."""
    now = _now(row)
    if now is None:
        return
    with edit.updating(now, action="publish"):
        if (now.state, now.digest, now.entry) != (PUBLISHED, digest, entry.id):
            now.published_at = timezone.now()
        now.state, now.cause, now.words = PUBLISHED, "", ""
        now.entry, now.place, now.digest, now.generation = entry.id, entry.place, digest, number
    Publication.objects.filter(id=now.id).observe(seen=PRESENT, drift=[], seen_at=timezone.now())


def _note_unfit(edit: Change, row: Publication | None, why: str, found: Sequence[Entry]) -> None:
    """It is left out; what is there of it all the same is known."""
    now = _now(row)
    if now is not None:
        with edit.updating(now, action="skip"):
            now.state, now.cause, now.words = SKIPPED, why, planning.REASONS[why]
            if found and not now.entry:
                now.entry, now.place = found[0].id, found[0].place


def _now(row: Publication | None) -> Publication | None:
    """The row as it is in the open change."""
    rows = Publication.objects.select_related("credential", "target")
    found: Publication | None = rows.filter(id=row.id).first() if row is not None else None
    return found


def _take_away_first(book: Book) -> None:
    """What was revoked while the job runs waits for nothing; what cannot be taken away now has a job of its own."""
    rows = unwanted(book.target).exclude(job=book.run.id).exclude(id__in=book.given_up).select_related("credential", "target")
    for row in rows:
        try:
            outcome = take_away(book, row)
        except RemoteError as error:
            if isinstance(error, PASSED):
                raise
            book.given_up.add(row.id)
            book.run.log(f"{row.credential.name} cannot be taken away now: {error.message}", "warning")
            continue
        if outcome.record is not None:
            with book.run.recording() as edit:
                outcome.record(edit)


def _tidy(book: Book) -> Outcome:
    """Creates whose answers were lost may have arrived late: of each credential of ours one entry stays, the one that we know."""
    rows = dict(Publication.objects.filter(target=book.target).values_list("credential_id", "entry"))
    ours = [each for marker, found in book.every().items() if marker in rows for each in book.of(marker, rows[marker]) if found]
    extra = surplus(ours)
    for each in extra:
        book.adapter.withdraw(each)
    return Done({"duplicates": len(extra)}) if extra else Skipped(planning.SAME, "Nothing is there twice.")
