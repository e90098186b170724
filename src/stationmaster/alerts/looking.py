"""Looking what crossed a line. Owns: that a crossing, its messages and the job that sends them are written down together, once.

Any number of processes may look at once: who finds something takes the store's turn and looks again, so that what somebody else
wrote down meanwhile is known.
"""

import logging
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from stationmaster.alerts import kinds
from stationmaster.alerts.crossing import News, Reading, Steps, Told, steps
from stationmaster.alerts.models import Alert, Crossing, Delivery
from stationmaster.alerts.policy import policy
from stationmaster.alerts.queueing import queue
from stationmaster.alerts.watching import Sight
from stationmaster.alerts.wording import of_news
from stationmaster.i18n import Language
from stationmaster.mail.policy import policy as mail_policy
from stationmaster.store.actor import SYSTEM
from stationmaster.store.changes import Change, change

_log = logging.getLogger(__name__)


def look(now: datetime | None = None) -> int:
    """Look at all that alerts watch, and queue what is to be told. Whoever runs the control plane calls this often. How many
    crossings were told, those that are over among them."""
    sight, found = Sight(now or timezone.now()), 0
    for alert in Alert.objects.filter(disabled=False).order_by("id"):
        try:
            found += _look(alert, sight)
        except Exception as error:  # noqa: BLE001  whatever it is: the other alerts are looked at
            _log.warning("could not look for the alert %s: %s", alert.id, type(error).__name__)
    return found


def forget(days: int) -> None:
    """Delete messages, and crossings that are over, from more than `days` ago."""
    before = timezone.now() - timedelta(days=days)
    Delivery.objects.filter(at__lt=before).delete()
    Crossing.objects.filter(over_at__lt=before).delete()


def language_of(alert: Alert) -> Language:
    """The language that its place is written to in."""
    chosen: Language = "zh-CN" if (alert.language or mail_policy().language) == "zh-CN" else "en"
    return chosen


def _look(alert: Alert, sight: Sight) -> int:
    if not _changed(_decided(alert, sight)):
        return 0
    with change(SYSTEM) as edit:
        found = _decided(alert, sight)      # again: now nobody else can write
        _write(alert, found, sight.now)
        for news in found.news:
            _record(edit, alert, news)
        messages = [of_news(alert.name, news, language_of(alert), sight.now, policy().console) for news in found.news]
        if messages:
            queue(SYSTEM, alert, messages)
    return len(found.news)


def _decided(alert: Alert, sight: Sight) -> Steps:
    rows = Crossing.objects.filter(alert=alert, over_at=None).order_by("id")
    told = [Told(row.id, row.kind, row.thing, row.line, row.period) for row in rows]
    return steps(sight.readings(alert, {(each.kind, each.thing) for each in told}), told)


def _changed(found: Steps) -> bool:
    return bool(found.opened or found.closed or found.news)


def _write(alert: Alert, found: Steps, now: datetime) -> None:
    Crossing.objects.filter(id__in=[each.id for each in found.closed]).update(over_at=now)
    for reading, line in found.opened:
        Crossing.objects.create(
            alert=alert, kind=reading.kind, thing=reading.thing, name=reading.name, line=line, period=reading.period, at=now,
            round=_round(alert, reading, line),
        )


def _round(alert: Alert, reading: Reading, line: int) -> int:
    same = Crossing.objects.filter(
        alert=alert, kind=reading.kind, thing=reading.thing, line=line, period=reading.period
    )
    return (same.aggregate(last=Max("round"))["last"] or 0) + 1


def _record(edit: Change, alert: Alert, news: News) -> None:
    reading = news.reading
    after = {"name": alert.name, "kind": reading.kind, "thing": reading.name, "line": news.line, "period": reading.period}
    edit.record(f"alerts:{alert.id}:{kinds.RESOLVED if news.over else kinds.RAISED}", after=after)
