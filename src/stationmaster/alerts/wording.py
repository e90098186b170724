"""What an alert says. Owns: the types of messages, their form, and the sentence in each language. Holds nothing but names,
figures and codes: no secret can get in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from stationmaster.alerts.crossing import News
from stationmaster.alerts.kinds import RAISED, RESOLVED, TEST
from stationmaster.i18n import Language, marked, spoken, told
from stationmaster.mail.message import one_line
from stationmaster.store.jsontext import written

NANO: Final = 1_000_000_000
_SENTENCES: Final[Mapping[str, str]] = {
    "budget.raised": marked("The virtual key {name} has used {percent} % of its budget ({span}): {spent} of {limit} USD."),
    "budget.resolved": marked("The virtual key {name} is below {line} % of its budget ({span}) again: {spent} of {limit} USD."),
    "credential_disabled.raised": marked("The credential {name} ({vendor}) is out of service: {cause}."),
    "credential_disabled.resolved": marked("The credential {name} ({vendor}) is in service again."),
    "credential_expiring.raised": marked("The credential {name} ({vendor}) ends on {ends} (UTC)."),
    "credential_expiring.resolved": marked("The credential {name} ({vendor}) does not end soon any more."),
    "pool_unhealthy.raised": marked("The pool {name} has {healthy} of {members} members in service: fewer than {line}."),
    "pool_unhealthy.resolved": marked("The pool {name} has {healthy} of {members} members in service again."),
    "job_failed.raised": marked("A job failed: {name} {workspace} ({cause})."),
    "job_failed.resolved": marked("The job {name} {workspace} succeeded again."),
    TEST: marked("This is a test of the alert {name}. Nothing needs to be done."),
}
_SPANS: Final[Mapping[str, str]] = {"day": marked("today"), "month": marked("this month"), "total": marked("in all")}
TYPES: Final = tuple(_SENTENCES)


@dataclass(frozen=True)
class Message:
    """A message: its type, and its body as it is stored, sent and signed."""

    type: str
    body: str


def of_news(alert: str, news: News, language: Language, at: datetime, console: str) -> Message:
    """What is told of a crossing. `console`: where people's browsers find the console; empty: no link."""
    reading = news.reading
    type_ = f"{reading.kind}.{RESOLVED if news.over else RAISED}"
    data = {
        "alert": alert, "kind": reading.kind, "subject": {"id": reading.thing, "name": reading.name}, "line": news.line,
        "period": reading.period, "text": _sentence(type_, {**reading.facts, "name": reading.name, "line": news.line}, language),
        "link": f"{console}{reading.page}" if console else "", "facts": dict(reading.facts),
    }
    return _message(type_, at, data)


def of_test(alert: str, language: Language, at: datetime) -> Message:
    """What is sent when somebody asks for it."""
    return _message(TEST, at, {"alert": alert, "text": _sentence(TEST, {"name": alert}, language)})


def _message(type_: str, at: datetime, data: Mapping[str, Any]) -> Message:
    moment = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Message(type_, written({"type": type_, "timestamp": moment, "data": data}))


def _sentence(type_: str, facts: Mapping[str, Any], language: Language) -> str:
    """In one line: names are people's words."""
    with spoken(language):
        values = {
            **facts, "spent": _usd(facts.get("spent_nano", 0)), "limit": _usd(facts.get("limit_nano", 0)),
            "span": told(_SPANS[facts["span"]]) if "span" in facts else "", "ends": str(facts.get("expires_at", ""))[:16],
        }
        return one_line(told(_SENTENCES[type_], **values))


def _usd(nano: int) -> str:
    return f"{nano // NANO:,}.{nano % NANO // 10_000_000:02d}"
