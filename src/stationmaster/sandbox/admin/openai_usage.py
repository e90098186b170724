"""OpenAI's usage and costs, in daily buckets (openai 3.54, usage_completions_response, usage_costs_response)."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from stationmaster.sandbox.admin.calls import Answer, Call, Route
from stationmaster.sandbox.admin.consumption import Used, days, used
from stationmaster.sandbox.admin.openai_projects import MODELS
from stationmaster.sandbox.admin.state import DAY, Refused

Result = dict[str, object]


def _completions(call: Call) -> Answer:
    return _buckets(call, _grouped("completions", call.many("group_by"), _completion), 7, 31)


def _costs(call: Call) -> Answer:
    return _buckets(call, _grouped("costs", call.many("group_by"), _cost), 7, 180)


def _nothing(call: Call) -> Answer:
    return _buckets(call, lambda _: [], 7, 31)


def _buckets(call: Call, results: Callable[[Iterable[Used]], list[Result]], usual: int, most: int) -> Answer:
    """A page of daily buckets; `page` is the number of days to pass over."""
    if not call.first("start_time").isdecimal():
        raise Refused("bad_request", "start_time is missing.")
    begins, ends = float(call.first("start_time")), float(call.first("end_time") or call.organisation.clock())
    whole = days(begins, ends)
    skipped, limit = int(call.first("page", "0").removeprefix("page_") or 0), call.whole("limit", usual, most)
    part = whole[skipped : skipped + limit]
    data = [_bucket(day, results(used(call.organisation, day, day + DAY, tuple(MODELS)))) for day in part]
    more = skipped + limit < len(whole)
    return Answer({"object": "page", "data": data, "has_more": more, "next_page": f"page_{skipped + limit}" if more else None})


def _bucket(day: int, results: list[Result]) -> dict[str, object]:
    return {"object": "bucket", "start_time": day, "end_time": day + int(DAY), "results": results}


def _grouped(
    kind: str, names: Sequence[str], shape: Callable[[list[Used]], Result]
) -> Callable[[Iterable[Used]], list[Result]]:
    """One result for every combination of the named dimensions; the others are null."""

    def results(rows: Iterable[Used]) -> list[Result]:
        told = sorted(rows, key=lambda row: _dimensions(kind, row, names))
        groups = ((key, list(group)) for key, group in groupby(told, key=lambda row: _dimensions(kind, row, names)))
        return [{"object": f"organization.{'usage.' if kind != 'costs' else ''}{kind}.result", **shape(group), **dict(key)}
                for key, group in groups]  # fmt: skip

    return results


def _dimensions(kind: str, row: Used, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    named = {"project_id": row.project, "api_key_id": row.key, "user_id": row.owner}
    named |= {"line_item": row.model} if kind == "costs" else {"model": row.model}
    return tuple((name, named[name]) for name in names if name in named)


def _completion(rows: list[Used]) -> Result:
    return {
        "num_model_requests": sum(row.requests for row in rows), "input_tokens": sum(row.input_tokens for row in rows),
        "input_cached_tokens": sum(row.cached_tokens for row in rows), "output_tokens": sum(row.output_tokens for row in rows),
    }  # fmt: skip


def _cost(rows: list[Used]) -> Result:
    return {"amount": {"currency": "usd", "value": sum(row.cost_nano for row in rows) / 1e9}}


_OTHERS = ("embeddings", "images", "audio_speeches", "audio_transcriptions", "moderations", "vector_stores",
           "code_interpreter_sessions", "file_search_calls", "web_search_calls", "decisions")  # fmt: skip
ROUTES: tuple[Route, ...] = (
    ("GET", "/organization/usage/completions", _completions),
    *(("GET", f"/organization/usage/{name}", _nothing) for name in _OTHERS),
    ("GET", "/organization/costs", _costs),
)
