"""Which usage a page is asked for. Owns: from an address to a stretch of time, a dimension, a measure and filters, and back.

Days are those of UTC. A stretch ends with the step that runs now, so that whole days come out of daily sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest

from stationmaster.entrances.api import asking
from stationmaster.entrances.api.asking import bad_parameter
from stationmaster.entrances.console.pages.lists import without_empty
from stationmaster.store.filters import Filter, bad_filter
from stationmaster.usage import services as usage
from stationmaster.usage.rollups import day_of, hour_of

RANGES: Final = ("today", "24h", "7d", "30d", "month", "custom")
MEASURES: Final = ("cost", "requests", "tokens", "errors")
# The order in which people think of them.
BY: Final = ("vendor", "tenant", "owner", "key", "model", "credential", "pool", "workspace", "usage_source")
_KNOWN: Final = ("range", "since", "until", "by", "measure", "filter")
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_BY_HOUR: Final = timedelta(days=3)  # up to which a course is by the hour
_LONGEST: Final = timedelta(days=400)
# What a part is taken apart by when somebody looks into it.
FINER: Final = {
    "vendor": "workspace", "workspace": "credential", "credential": "model", "pool": "credential", "tenant": "owner",
    "owner": "key", "key": "model", "model": "key", "usage_source": "model",
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """The question. `now`: until where there can be anything yet."""

    range: str
    since: datetime
    until: datetime
    by: str
    measure: str
    filters: tuple[Filter, ...]
    now: datetime

    @property
    def step(self) -> usage.Step:
        """How long a step of the course is."""
        return "hour" if self.until - self.since <= _BY_HOUR else "day"

    def question(self, by: str = "", *more: Filter) -> usage.Question:
        """For the service."""
        return usage.Question(self.since, self.until, (*self.filters, *more), by)

    def before(self) -> usage.Question:
        """The same length of time before, as far into it as it is now."""
        whole, passed = self.until - self.since, min(self.now, self.until) - self.since
        return usage.Question(self.since - whole, self.since - whole + max(passed, _HOUR), self.filters)

    def steps(self) -> list[datetime]:
        """The beginning of each step."""
        length = _HOUR if self.step == "hour" else _DAY
        first = hour_of(self.since) if self.step == "hour" else day_of(self.since)
        return [first + length * number for number in range(-(-(self.until - first) // length))]

    def link(self, **changed: Any) -> str:
        """This page's address with other values; `filters`: all of them."""
        return f"/usage?{self.query(**changed)}"

    def query(self, **changed: Any) -> str:
        """What stands behind the question mark."""
        values: dict[str, Any] = {"range": self.range, "by": self.by, "measure": self.measure, "filters": self.filters, **changed}
        if values["range"] == "custom":
            values = {"since": _text(self.since), "until": _text(self.until), **values}
        filters = [("filter", f"{each.field}:{each.op}:{each.value}") for each in values.pop("filters")]
        return urlencode([*values.items(), *filters])

    def within(self, start: datetime) -> str:
        """This page's address for one step alone."""
        length = _HOUR if self.step == "hour" else _DAY
        return self.link(range="custom", since=_text(start), until=_text(start + length))

    def requests(self, *more: Filter) -> str:
        """The requests that these figures are the sums of."""
        times = (("at", "ge", _text(self.since)), ("at", "lt", _text(self.until)))
        filters = [(each.field, each.op, str(each.value)) for each in (*self.filters, *more)]
        return f"/requests?{urlencode([('filter', ':'.join(each)) for each in (*times, *filters)])}"


def asked(request: HttpRequest) -> Asked:
    """What the address asks for. Raises `Invalid`."""
    given = without_empty(request)
    asking.known_only(request, _KNOWN)
    now = datetime.now(UTC)
    named = _one_of("range", given.get("range", "custom" if "since" in given else "7d"), RANGES)
    since, until = _custom(given.get("since", ""), given.get("until", ""), now) if named == "custom" else _stretch(named, now)
    by, measure = (_one_of(*each) for each in (("by", given.get("by", BY[0]), BY),
                                               ("measure", given.get("measure", MEASURES[0]), MEASURES)))  # fmt: skip
    return Asked(named, since, until, by, measure, asking.filters(request), now)


def _stretch(named: str, now: datetime) -> tuple[datetime, datetime]:
    """From when until when."""
    today = day_of(now)
    if named == "24h":
        return hour_of(now) - 23 * _HOUR, hour_of(now) + _HOUR
    days = {"today": 0, "7d": 6, "30d": 29, "month": today.day - 1}[named]
    return today - days * _DAY, today + _DAY


def _custom(since: str, until: str, now: datetime) -> tuple[datetime, datetime]:
    """What was typed, as whole hours."""
    start = _moment("since", since) if since else day_of(now) - 6 * _DAY
    end = _moment("until", until) if until else hour_of(now) + _HOUR
    start, end = hour_of(start), end if end == hour_of(end) else hour_of(end) + _HOUR
    if end <= start:
        raise bad_filter("until", "is a time after `since`")
    if end - start > _LONGEST:
        raise bad_filter("until", "is at most 400 days after `since`")
    return start, end


def _moment(name: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        found - _LONGEST, found + _LONGEST  # what is on no calendar raises
    except (ValueError, OverflowError):
        raise bad_filter(name, 'is compared with a time like "2027-01-31T18:00:00Z"') from None
    return found


def _one_of(name: str, text: str, known: Sequence[str]) -> str:
    if text not in known:
        raise bad_parameter(name, f"is one of {', '.join(known)}")
    return text


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M}Z"
