"""Times and lengths of time, as people type them. Owns: reading them. Knows the time only as it is told."""

import re
from datetime import UTC, datetime, timedelta

import typer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"(\d{1,9})([smhdw]?)", re.ASCII)


def seconds_of(text: str, option: str) -> int:
    """A length of time in seconds: "90", "90s", "30m", "24h", "7d", "2w". Raises typer.BadParameter."""
    found = _SPAN.fullmatch(text)
    if not found:
        raise typer.BadParameter("expected a length of time like 30m, 24h or 7d", param_hint=option)
    return int(found[1]) * _UNITS[found[2] or "s"]


def moment_of(text: str, now: datetime, option: str) -> datetime:
    """A moment: a date or time (UTC unless it says otherwise), or a length of time before `now`, "now" being one.
    Raises typer.BadParameter."""
    if text == "now":
        return now
    try:
        if _SPAN.fullmatch(text) and text[-1] in _UNITS:
            return now - timedelta(seconds=seconds_of(text, option))
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter("expected a time like 2027-01-31, 2027-01-31T18:00:00Z or 7d", param_hint=option) from None
