"""What a pool's members carried, and how they stood in the last day. Owns both, bounded: one question each, whatever the pool."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stationmaster.credentials import services as credentials
from stationmaster.entrances.console.pages import words
from stationmaster.entrances.console.pages.parts import Part, Row, moment
from stationmaster.entrances.console.pages.pictures import Lane, Lanes, Span
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.usage import services as usage

_DAY: Final = timedelta(hours=24)
_LANES: Final = 40  # members that are drawn


def shares(actor: Actor, row: Row) -> Mapping[str, tuple[int, int]]:
    """Of each credential that carried something of this pool in the last day: its requests, and all of the pool's."""
    if not operators.allowed(actor, "usage:read"):
        return {}
    now = datetime.now(UTC)
    asked = usage.Question(now - _DAY, now + timedelta(hours=1), (Filter("pool", "eq", row["name"]),), "credential")
    answer = usage.totals(actor, asked)
    return {str(part["credential"]): (part["requests"], answer.total["requests"]) for part in answer.parts if part["credential"]}


def timeline(actor: Actor, row: Row, held: Mapping[str, Row]) -> Part:
    """One lane a member: how it stood from a day ago until now."""
    now = datetime.now(UTC)
    known = [held[each["credential"]] for each in row["members"] if each["credential"] in held][:_LANES]
    stretches = credentials.stretches(actor, [str(each["id"]) for each in known], now - _DAY)
    lanes = tuple(
        Lane(each["name"], _spans(stretches.get(str(each["id"]), []), now), f"/credentials/{each['id']}") for each in known
    )
    return Lanes(tr("The last 24 hours, as gateways told it; grey: nobody spoke of it"), lanes, (tr("24 hours ago"), tr("now")))


def _spans(events: list[Mapping[str, Any]], now: datetime) -> tuple[Span, ...]:
    """From each event until the next; before the first one nothing is known."""
    start, found = now - _DAY, []
    ends = [*(event["at"] for event in events[1:]), now][: len(events)]
    if not events or events[0]["at"] > start:
        found.append(Span(0, _part(events[0]["at"], start) if events else 1, "off", words.name(words.HEALTH, "unknown")))
    for event, end in zip(events, ends, strict=True):
        shown = words.state(words.HEALTH, event["state"])
        cause = f" ({words.name(words.CAUSES, event['cause'])})" if event["cause"] else ""
        title = f"{shown.text}{cause}, {moment(event['at']).title}"
        found.append(Span(_part(event["at"], start), _part(end, start), shown.tone or "", title))
    return tuple(found)


def _part(at: datetime, start: datetime) -> float:
    return min(max((at - start) / _DAY, 0.0), 1.0)
