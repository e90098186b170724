"""A task, done: read first where something was begun, write, and say what became of it. Owns: what is repeated and what is not.

Whom the vendor lists by now is not invited. An invitation is written once while nobody knows what became of it; a reading
decides, and one that shows nothing decides only when the vendor had time to list it. Everything else may be written twice.
"""

from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from stationmaster.jobs.kinds import Done, Failed, Outcome, Postponed, Skipped
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run
from stationmaster.jobs.verdicts import sentence_of
from stationmaster.line.errors import DirectoryManaged, DryRunRefused, RateLimited, RemoteError, StopRun, Transient
from stationmaster.people.models import Person
from stationmaster.workspaces.models import Seat
from stationmaster.workspaces.planning.values import BOOKS, REMOVALS
from stationmaster.workspaces.policy import policy
from stationmaster.workspaces.work import books
from stationmaster.workspaces.work.calls import CALLS, COMING, INVITING, Came, look
from stationmaster.workspaces.work.fresh import lists_of
from stationmaster.workspaces.work.opening import noting, opened, refusals_told
from stationmaster.workspaces.work.tasks import Task

LONGEST: Final = 30.0      # seconds between two readings while nobody knows
_SOON: Final = 0.2
UNCONFIRMED: Final = "seat.unconfirmed"


def do(run: Run, item: JobItem, task: Task) -> Outcome:
    """What became of one task. Raises what stops the run, and what its vendor wants to be asked again later."""
    if task.kind in BOOKS:
        return Done({"kind": task.kind}, record=lambda edit: books.keep(edit, task))
    if not task.person and task.kind not in REMOVALS:
        return _over(task, "seat.person_gone", "this person is not known here any more")
    if task.kind in COMING and not Person.objects.filter(id=task.person, active=True).exists():
        return _over(task, "seat.person_left", "this person is not active in the company any more")
    with refusals_told(run):
        adapter = opened(run)
        seat = books.seat_of(task) if task.person else None
        if seat is not None and seat.intent:
            waits = _begun(run, item, task, seat, adapter)
            if waits is not None:
                return waits
        elif task.kind in INVITING and (there := _there(run, task)) is not None:
            return _done(task, there)
        return _write(run, item, task, seat, adapter)


def _begun(run: Run, item: JobItem, task: Task, seat: Seat, adapter: Any) -> Outcome | None:
    """An earlier try left its note. What the vendor shows is what came of it; None: it was not done, or may be done again. A
    worker that died left no words with it, a vendor that failed did."""
    if seat.intent in INVITING:
        came = look(adapter, task, old_invite=task.invite if seat.intent == "reinvite" else "")
        if came is not None and task.kind in COMING:
            return _done(task, came)
        if came is None and not _old(seat):
            return _later(item, seat)
    books.undo(run, task, seat)
    if seat.detail:      # the vendor failed, and did not do it: that counts, or it would go on for ever
        return _not_done(task, Transient(seat.detail))
    return None


def _there(run: Run, task: Task) -> Came | None:
    """Whether somebody came in, or was invited at the vendor, since the plan was compared: then nobody invites them again."""
    return look(lists_of(run), task, old_invite=task.invite)


def _write(run: Run, item: JobItem, task: Task, before: Seat | None, adapter: Any) -> Outcome:
    with noting(lambda: books.note(run, task) if task.person else None) as note:
        try:
            came = CALLS[task.kind](adapter, task)
        except DryRunRefused:
            raise
        except RemoteError as error:
            if isinstance(error, Transient) and error.maybe_done and note.made and task.kind in INVITING:
                books.unsure(run, task, error.message)
                return _later(item, books.seat_of(task))
            return _refused(run, task, before, error, noted=note.made)
    if came.doubt:
        books.unsure(run, task, "the vendor says that it is there already, and shows nothing yet")
        return _later(item, books.seat_of(task))
    return _done(task, came)


def _refused(run: Run, task: Task, before: Seat | None, error: RemoteError, *, noted: bool) -> Outcome:
    """The vendor answered, or nothing left: nobody has to read first. Raises what is not about this task alone."""
    if isinstance(error, StopRun | DirectoryManaged | RateLimited | Transient):
        if noted and task.person:
            books.undo(run, task, before)
        if not isinstance(error, Transient):
            raise error
    return _not_done(task, error)


def _not_done(task: Task, error: RemoteError) -> Failed:
    words = sentence_of(error)
    return Failed(
        error.code, words, retry=isinstance(error, Transient), record=lambda edit: books.failed(edit, task, error.code, words)
    )


def _done(task: Task, came: Came) -> Done:
    told = {"kind": task.kind, "state": came.state, "member": task.member, "invite": came.invite.id if came.invite else ""}
    return Done({name: value for name, value in told.items() if value}, record=lambda edit: books.done(edit, task, came))


def _over(task: Task, reason: str, words: str) -> Skipped:
    return Skipped(reason, words, record=lambda edit: books.over(edit, task, words))


def _old(seat: Seat) -> bool:
    return seat.intent_at is None or seat.intent_at + policy().listed_after <= timezone.now()


def _later(item: JobItem, seat: Seat | None) -> Postponed:
    """Look again: soon at first, then ever later, and when the vendor has had its time."""
    wait = min(LONGEST, _SOON * 2 ** min(item.attempts, 10))
    began = seat.intent_at if seat is not None else None
    left = (began + policy().listed_after - timezone.now()) / timedelta(seconds=1) if began is not None else 0.0
    return Postponed(max(_SOON, min(wait, left)), UNCONFIRMED, "what became of the last write is not known yet")
