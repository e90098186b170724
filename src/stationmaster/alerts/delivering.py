"""The job that sends messages. Owns: when a try is followed by another, and what is noted of each.

A message may arrive twice, where we were not told that it had arrived: its id is the same then, by which a receiver knows it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.db.models import F
from django.utils import timezone

from stationmaster.alerts import kinds
from stationmaster.alerts.models import Alert, Delivery
from stationmaster.alerts.sending import Sent, send
from stationmaster.jobs.kinds import Done, Ended, Failed, Kind, NewItem, Outcome, Postponed, Skipped, register
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run
from stationmaster.jobs.verdicts import spread
from stationmaster.store.changes import Change
from stationmaster.store.lookup import find

# Seconds before the next try, after each that failed: a few hours in all, since news gets old (the specification's example
# goes on for three days).
PAUSES: Final = (30, 120, 600, 1_800, 7_200, 14_400)
LONGEST: Final = 21_600      # seconds that a receiver may ask us to wait


class DeliveringAlerts:
    """Implements `jobs.kinds.Handler`."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """One item a message to a place."""
        rows = Delivery.objects.filter(job=run.id, state=kinds.QUEUED).order_by("at", "id")
        for which in list(rows.values_list("id", flat=True)):
            yield NewItem(which, which)

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Try to send one."""
        row = Delivery.objects.select_related("alert").filter(id=item.subject).first()
        if row is None:
            return Skipped("error.alert.not_found", "the alert was removed meanwhile")
        if row.state == kinds.SENT:
            return Done({"answer": row.answer})
        if row.alert.disabled:
            _note(row, kinds.FAILED, Sent(False, words="the alert is disabled"))
            return Skipped("error.alert.disabled", "the alert is disabled")
        Delivery.objects.filter(id=row.id).exclude(job=run.id).update(job=run.id)
        run.before_write(f"alert {row.id}")
        sent = send(row.alert, row, timezone.now())
        return _outcome(run, row, sent, item.attempts)

    def conclude(self, run: Run) -> Mapping[str, Any]:  # noqa: ARG002  the counts say it all
        """Nothing besides."""
        return {}


def register_all() -> None:
    """Make the kind known."""
    register(Kind(kinds.DELIVER, "Send alerts", DeliveringAlerts(), "alerts:send", exclusive=False, on_end=_close))


def note(row: Delivery, sent: Sent) -> None:
    """Write down what became of a message that is not tried again."""
    _note(row, kinds.SENT if sent.ok else kinds.FAILED, sent, tried=1)


def pause_after(tries: int, wait: float, chance: float) -> float:
    """Seconds until the next try, after `tries` of them: what the receiver asks for, if that is longer. `chance` from 0 to 1 adds
    up to a fifth, so that what failed together does not come back together."""
    usual = PAUSES[min(tries, len(PAUSES)) - 1] * (1 + chance / 5)
    return max(usual, min(wait, LONGEST))


def _outcome(run: Run, row: Delivery, sent: Sent, tries: int) -> Outcome:
    if not sent.ok and sent.retry and tries <= len(PAUSES):
        _note(row, kinds.QUEUED, sent, tried=1)
        return Postponed(pause_after(tries, sent.wait, spread()), sent.code, sent.words)
    return _ended(run, row, sent)


def _ended(run: Run, row: Delivery, sent: Sent) -> Outcome:
    def record(edit: Change) -> None:
        note(row, sent)
        if sent.gone:
            _give_up(edit, row.alert_id)

    told = {"to": row.to, "type": row.type, "answer": sent.answer}
    if sent.ok:
        return Done(told, record=record)
    run.log(f"{row.to}: {sent.words}", "warning")
    return Failed(sent.code, sent.words, outcome=told, record=record)


def _close(edit: Change, ended: Ended) -> None:  # noqa: ARG001  its caller's signature
    """What a job that was cancelled or broke off did not send is not on its way any more."""
    rows = Delivery.objects.filter(job=ended.job, state=kinds.QUEUED)
    rows.update(state=kinds.FAILED, ended_at=timezone.now(), words="the job ended before it was sent")


def _give_up(edit: Change, alert: str) -> None:
    """Whoever answers 410 wants no more messages: none are sent until somebody enables the alert again."""
    row = find(Alert, alert)
    with edit.updating(row):
        row.disabled, row.disabled_reason = True, "the receiver answered 410: it wants no more messages"


def _note(row: Delivery, state: str, sent: Sent, *, tried: int = 0) -> None:
    ended = None if state == kinds.QUEUED else timezone.now()
    Delivery.objects.filter(id=row.id).update(
        state=state, answer=sent.answer, words=sent.words, ended_at=ended, tries=F("tries") + tried
    )
