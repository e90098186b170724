"""Cursor's team administration: members, removal, usage and spend, as its Admin API page has them. It has no invitations."""

from collections.abc import Sequence
from typing import Any

from stationmaster.sandbox.admin.calls import Answer, Call, Route
from stationmaster.sandbox.admin.consumption import days
from stationmaster.sandbox.admin.rows import Person
from stationmaster.sandbox.admin.state import DAY, Refused, number_of

LONGEST = 30 * DAY
_STATUSES = {
    "not_found": 404, "unauthorised": 401, "forbidden": 403, "rate": 429, "failed": 500, "unavailable": 503, "conflict": 409,
    "on_hold": 403,
}  # fmt: skip


_NOTHING = (
    "totalLinesDeleted", "acceptedLinesDeleted", "totalRejects", "cmdkUsages", "apiKeyReqs", "usageBasedReqs", "bugbotUsages",
)  # fmt: skip


def error(reason: str, message: str) -> Answer:
    """A refusal in Cursor's envelope."""
    return Answer({"code": "error", "message": message}, _STATUSES.get(reason, 400))


def _member(person: Person, removed: bool) -> dict[str, object]:
    return {"id": person.id, "name": person.name, "email": person.email, "role": person.role, "isRemoved": removed}


def _members(call: Call) -> Answer:
    """Everybody at once, and who was in before with `isRemoved`."""
    organisation = call.organisation
    rows = organisation.people.listed(organisation.settings.listed_after)
    here = {row.id for row in rows}
    shapes = [_member(row, False) for row in rows] + [_member(row, True) for row in organisation.gone if row.id not in here]
    return Answer({"teamMembers": shapes[:1] + shapes if organisation.settings.duplicate_rows else shapes})


def _remove(call: Call) -> Answer:
    known_as = call.fields.get("email") or call.fields.get("userId")
    if not isinstance(known_as, str) or ("email" in call.fields) == ("userId" in call.fields):
        raise Refused("bad_request", "Exactly one of userId and email is required.")
    person = call.organisation.member(known_as)
    if person is None:
        raise Refused("not_found", "User not found in team")
    call.organisation.remove(person)
    return Answer({"success": True, "userId": person.id, "hasBillingCycleUsage": person.last_active_at is not None})


def _range(call: Call) -> tuple[float, float]:
    start, end = call.fields.get("startDate"), call.fields.get("endDate")
    if not isinstance(start, int) or not isinstance(end, int):
        raise Refused("bad_request", "startDate and endDate are required, in epoch milliseconds.")
    if end - start > LONGEST * 1000:
        raise Refused("bad_request", "Date range cannot exceed 30 days.")
    return start / 1000, end / 1000


def _daily(call: Call) -> Answer:
    start, end = _range(call)
    rows = [_day(day, person) for day in days(start, end) for person in call.organisation.people.all()]
    return Answer({"data": rows, "period": {"startDate": int(start * 1000), "endDate": int(end * 1000)}})


def _day(day: int, person: Person) -> dict[str, object]:
    many = number_of(f"{day}/{person.email}") % 90
    told: dict[str, object] = dict.fromkeys(_NOTHING, 0)
    return told | {
        "date": day * 1000, "isActive": many > 0, "email": person.email, "totalLinesAdded": many * 10,
        "acceptedLinesAdded": many * 7, "totalApplies": many, "totalAccepts": many,
        "totalTabsShown": many * 3, "totalTabsAccepted": many * 2, "composerRequests": many // 3, "chatRequests": many // 3,
        "agentRequests": many - 2 * (many // 3), "subscriptionIncludedReqs": many, "mostUsedModel": "gpt-5",
        "applyMostUsedExtension": ".py", "tabMostUsedExtension": ".py",
        "clientVersion": "1.0.0",
    }  # fmt: skip


def _spend(call: Call) -> Answer:
    wanted = str(call.fields.get("searchTerm") or "").casefold()
    people = [person for person in call.organisation.people.all() if wanted in person.email.casefold()]
    rows, pages, _ = _part(call, [_spent(person) for person in people], 100)
    start = int((call.organisation.clock() - 10 * DAY) * 1000)
    return Answer({"teamMemberSpend": rows, "subscriptionCycleStart": start, "totalMembers": len(people), "totalPages": pages})


def _spent(person: Person) -> dict[str, object]:
    cents = number_of(person.email) % 5000
    return {
        "userId": person.id, "name": person.name, "email": person.email, "role": person.role, "spendCents": cents,
        "fastPremiumRequests": cents // 2, "hardLimitOverrideDollars": 0,
    }  # fmt: skip


def _events(call: Call) -> Answer:
    start, end = _range(call)
    wanted = str(call.fields.get("email") or "").casefold()
    people = [person for person in call.organisation.people.all() if wanted in ("", person.email.casefold())]
    events = [_event(day, person) for day in reversed(days(start, end)) for person in people]
    rows, pages, page = _part(call, events, 10)
    pagination = {
        "numPages": pages, "currentPage": page, "pageSize": _size(call, 10), "hasNextPage": page < pages,
        "hasPreviousPage": page > 1,
    }  # fmt: skip
    period = {"startDate": int(start * 1000), "endDate": int(end * 1000)}
    return Answer({"totalUsageEventsCount": len(events), "pagination": pagination, "usageEvents": rows, "period": period})


def _event(day: int, person: Person) -> dict[str, object]:
    seed = number_of(f"{day}/{person.email}")
    tokens = {"inputTokens": seed % 9000, "outputTokens": seed % 700, "cacheWriteTokens": 0, "cacheReadTokens": seed % 5000}
    return {
        "timestamp": str(day * 1000 + 3_600_000), "model": "gpt-5", "kind": "Usage-based", "maxMode": False, "requestsCosts": 1.0,
        "isTokenBasedCall": True, "tokenUsage": {**tokens, "totalCents": (seed % 3000) / 100}, "isFreeBugbot": False,
        "userEmail": person.email,
    }  # fmt: skip


def _part(call: Call, rows: Sequence[dict[str, object]], usual: int) -> tuple[list[dict[str, object]], int, int]:
    """The rows of the page that is asked for, how many pages there are, and which one this is."""
    size, page = _size(call, usual), _positive(call.fields.get("page"), 1)
    return list(rows[(page - 1) * size : page * size]), max(1, -(-len(rows) // size)), page


def _size(call: Call, usual: int) -> int:
    return _positive(call.fields.get("pageSize"), usual)


def _positive(value: Any, usual: int) -> int:
    return value if isinstance(value, int) and value > 0 else usual


ROUTES: tuple[Route, ...] = (
    ("GET", "/teams/members", _members),
    ("POST", "/teams/remove-member", _remove),
    ("POST", "/teams/daily-usage-data", _daily),
    ("POST", "/teams/spend", _spend),
    ("POST", "/teams/filtered-usage-events", _events),
)
READS = frozenset({"/teams/daily-usage-data", "/teams/spend", "/teams/filtered-usage-events"})
"""What changes nothing although it is asked for by POST."""
