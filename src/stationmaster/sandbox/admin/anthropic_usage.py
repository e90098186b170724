"""Anthropic's usage and cost reports (anthropic 2.12, types/beta/organization/analytics)."""

from collections.abc import Callable, Sequence
from itertools import groupby

from stationmaster.sandbox.admin.anthropic_workspaces import MODELS
from stationmaster.sandbox.admin.calls import Answer, Call, Route, moment_of, rfc3339
from stationmaster.sandbox.admin.consumption import Used, used
from stationmaster.sandbox.admin.state import DAY, Refused

LONGEST = 31 * DAY
_KNOWN = ("workspace_id", "api_key_id", "model", "actor")


def _usage(call: Call) -> Answer:
    return _report(call, "usage", _metrics)


def _cost(call: Call) -> Answer:
    return _report(call, "cost", _amount)


def _report(call: Call, name: str, shape: Callable[[list[Used]], dict[str, object]]) -> Answer:
    """Rows of one combination of the grouped dimensions each, by day when `time_bucket_width=1d`."""
    start, end = _range(call)
    rows, groups = used(call.organisation, start, end, tuple(MODELS)), call.many("group_by")
    daily = call.first("time_bucket_width") == "1d"

    def key(row: Used) -> tuple[int, tuple[str, ...]]:
        return (row.start if daily else 0, tuple(_value(row, group) for group in groups if group in _KNOWN))

    told = [_row(call, list(group), groups, (start, end) if not daily else None, {name: shape}) for _, group in
            groupby(sorted(rows, key=key), key=key)]  # fmt: skip
    return _paged(call, told)


def _range(call: Call) -> tuple[float, float]:
    if not call.first("starting_at"):
        raise Refused("bad_request", "starting_at: Field required")
    start = moment_of(call.first("starting_at"))
    if call.first("time_bucket_width") and not call.first("ending_at"):
        raise Refused("bad_request", "ending_at is required when time_bucket_width is set")
    end = moment_of(call.first("ending_at")) if call.first("ending_at") else min(call.organisation.clock(), start + LONGEST)
    if end - start > LONGEST:
        raise Refused("bad_request", "The range may span at most 31 days.")
    return start, end


def _value(row: Used, group: str) -> str:
    return {"workspace_id": row.project, "api_key_id": row.key, "model": row.model, "actor": row.owner}[group]


def _row(
    call: Call, rows: list[Used], groups: Sequence[str], span: tuple[float, float] | None,
    shapes: dict[str, Callable[[list[Used]], dict[str, object]]],
) -> dict[str, object]:  # fmt: skip
    start, end = span or (rows[0].start, rows[0].start + DAY)
    named = {group: _value(rows[0], group) for group in groups if group in _KNOWN}
    told: dict[str, object] = {"group": {**named, **({"actor": _actor(call, named["actor"])} if "actor" in named else {})}}
    told |= {name: shape(rows) for name, shape in shapes.items()}
    return {**told, "starting_at": rfc3339(start), "ending_at": rfc3339(end)}


def _actor(call: Call, owner: str) -> dict[str, object]:
    service = call.organisation.services.get(owner)
    if service:
        return {"type": "service_account_actor", "service_account_id": service.id}
    person = call.organisation.people.get(owner)
    known = {"email_address": person.email, "name": person.name} if person else {}
    return {"type": "user_actor", "user_id": owner, "deleted": person is None, **known}


def _metrics(rows: list[Used]) -> dict[str, object]:
    cached, output = sum(row.cached_tokens for row in rows), sum(row.output_tokens for row in rows)
    fresh = sum(row.input_tokens for row in rows) - cached
    return {
        "requests": sum(row.requests for row in rows), "uncached_input_tokens": fresh, "cache_read_input_tokens": cached,
        "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0}, "output_tokens": output,
        "total_tokens": fresh + cached + output, "server_tool_use": {"web_search_requests": 0},
    }  # fmt: skip


def _amount(rows: list[Used]) -> dict[str, object]:
    """Amounts are decimal strings of cents."""
    cents = f"{sum(row.cost_nano for row in rows) / 1e7:.7f}"
    return {"amount": cents, "list_amount": cents, "currency": "USD", "requests": sum(row.requests for row in rows)}


def _paged(call: Call, rows: list[dict[str, object]]) -> Answer:
    start, limit = int(call.first("page", "0").removeprefix("page_") or 0), call.whole("limit", 20, 1000)
    more = len(rows) > start + limit
    return Answer({
        "data": rows[start : start + limit], "has_more": more, "next_page": f"page_{start + limit}" if more else None,
        "data_refreshed_at": rfc3339(call.organisation.clock()),
    })  # fmt: skip


ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/organizations/analytics/usage", _usage),
    ("GET", "/v1/organizations/analytics/cost", _cost),
)
