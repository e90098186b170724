"""Bills over REST: what vendors say was used beside what gateways counted, by day, and by part of a day."""

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Router

from stationmaster.bills import services as bills
from stationmaster.entrances.api import asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters
from stationmaster.entrances.api.jobs import JOBS
from stationmaster.entrances.api.replay import write
from stationmaster.entrances.api.resource import Resource, listed, mount

router = Router()

_THEIRS: Final = {"requests": 1200, "input": 812_000, "cached": 400_000, "output": 230_000, "cost": 5_886_000_000}
_OURS: Final = {"requests": 1199, "input": 811_000, "cached": 400_000, "output": 230_000, "cost": 5_880_000_000}
_DAY: Final[Mapping[str, Any]] = {
    "id": "17", "workspace": "ws_06f2w4k5y8zq1v3t7b9d0c2m4n", "name": "acme-openai", "vendor": "openai",
    "day": "2026-11-21T00:00:00+00:00", "verdict": "agrees", "settled": False, "measure": "tokens", "rate": 0.999,
    "theirs": _THEIRS, "ours": _OURS, "difference": -1000, "currency": "USD",
    "past": {"requests": 1, "tokens": 1000, "cost": 6_000_000}, "cycle_cost": 9_000_000_000, "unidentified": 0,
    "read_at": "2026-11-22T06:00:03.123456+00:00",
}  # fmt: skip
_PART: Final[Mapping[str, Any]] = {
    "id": "170", "credential": "openai-a", "key": "", "model": "gpt-5", "theirs": _THEIRS, "ours": _OURS,
}  # fmt: skip
_UNKNOWN: Final = frozenset({"rate", "cost", "cycle_cost"})

BILLS: Final = Resource(
    "bills", "day of a bill", bills.BILLS, _DAY, bills.list_bills, bills.export_bills, bills.get_bill, nullable=_UNKNOWN,
    many="days of bills",
)  # fmt: skip
mount(router, BILLS)


@router.get("/bills/{which}/parts", **operation(
    "list_bills_parts", "List the parts of a day", "bills", "By credential and model; with an empty `credential` what came by a "
    "key that is not known here, whose id at the vendor `key` is. There is no search.", parameters=parameters("list"),
    success=schemas.content(schemas.page_of(schemas.of_example(_PART, _UNKNOWN)), {"items": [_PART], "next": "", "total": 1}),
    file=True,
))  # fmt: skip
def parts(request: HttpRequest, which: str) -> HttpResponseBase:
    """A page of them."""
    return listed(
        request, "bill-parts", lambda actor, asked: bills.list_parts(actor, which, asked),
        lambda actor, asked, form: bills.export_parts(actor, which, asked, form),
    )  # fmt: skip


@router.post("/workspaces/{which}/bills", **operation(
    "read_workspaces_bills", "Read a workspace's bills now", "bills", "Queues a job, which is answered: the vendor's reports are "
    "read and compared. `days`: so many, today among them; left out: those that may have changed.",
    parameters=parameters("idempotency"), success=schemas.content(JOBS.schema(), JOBS.example),
    body=schemas.content({"type": "object", "additionalProperties": False, "properties": {
        "days": {"type": ["integer", "null"], "minimum": 0, "maximum": 31},
    }}, {"days": 7}),
))  # fmt: skip
def read(request: HttpRequest, which: str) -> HttpResponse:
    """Now, and not in the morning."""
    asking.known_only(request, ())
    actor, given = actor_of(request), asking.body(request, optional=True)
    return write(request, actor, lambda: Reply(200, bills.read_bills(actor, which, given)))
