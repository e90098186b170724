"""Requests as gateways told them: the list, what is asked of it, and how it follows what happens. Owns those addresses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase

from stationmaster.entrances.console.pages import lists
from stationmaster.entrances.console.pages.lists import Choice, Shape
from stationmaster.entrances.console.pages.parts import Field, Form, Head, Link, Page, Row, Section, Table
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.entrances.console.pages.traffic import columns, telling
from stationmaster.entrances.console.pages.traffic.owners import named
from stationmaster.entrances.console.pages.words import told_as
from stationmaster.entrances.console.streaming import Piece, streamed
from stationmaster.errors import NotFound
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.usage import services as usage
from stationmaster.vendors.registry import VENDORS

LATE: Final = timedelta(minutes=2)  # gateways tell of requests in batches: one that ended earlier may come later
_AT_ONCE: Final = 100  # new requests that are shown at a time
_OURS: Final = ("columns", "follow", "find", "request", "key", "model", "credential", "since", "until")
_STATUSES: Final = (200, 400, 401, 403, 404, 429, 499, 500, 502, 503, 504, 529)


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list."""
    actor = me(request)
    if "find" in request.GET:
        return HttpResponseRedirect(_found(actor, request.GET))
    known = columns.all_of_them()
    seen = columns.seen(request, known)
    follows = bool(request.GET.get("follow"))
    _without_ours(request)
    table = _table(request, actor, known, seen)
    if follows and not request.GET.get("cursor") and request.GET.get("sort", "-at") in ("", "-at"):
        table = replace(table, stream=_stream(request))
    same = (("stationmaster usage events", "GET /api/v1/usage/events"),)
    sections = (Section("", (table,), "rows" if follows else ""), Section("", (_finding(request),)))
    looked = 5 if table.stream and not table.rows else 0  # there is nothing yet that new rows could come on top of
    links = _links(request, follows)
    return shown(request, Page(tr("Requests"), sections, links=links, same=same, refresh=looked, lead=_lead(follows)))


def stream(request: HttpRequest) -> HttpResponseBase:
    """What comes in while the list is looked at, with its filters. Raises `Invalid` before it begins: who breaks a stream off is
    asked again every other second."""
    known = columns.all_of_them()
    seen = columns.seen(request, known)
    start = request.GET.get("from", "")
    given = request.GET.copy()
    given.pop("from", None)
    request.GET = given  # type: ignore[assignment]  # a copy of it, which Django types apart
    _without_ours(request)
    asked = lists.query_of(request)
    following = Following(replace(asked, cursor="", sort="-at", limit=_AT_ONCE, counted=False), known, seen)
    usage.list_events(me(request), replace(following.asked, limit=1))
    return streamed(request, "usage:read", following.poll, start)


@dataclass
class Following:
    """What one open page has been shown. Requests come late and out of order: those of the last minutes are known by id."""

    asked: Query
    known: Sequence[columns.Named]
    seen: frozenset[str]
    told: dict[str, datetime] = field(default_factory=dict)
    begun: bool = False

    def poll(self, actor: Actor, last: str) -> list[Piece]:
        """Requests that came since."""
        newest = _moment(last)
        rows = usage.list_events(actor, self._since(newest)).items
        if not self.begun:
            self.begun = True
            self.told = {str(row["request_id"]): row["at"] for row in rows if row["at"] <= newest}
        fresh = [row for row in rows if row["request_id"] not in self.told]
        if not fresh:
            return []
        newest = max(newest, *(row["at"] for row in fresh))
        self.told |= {str(row["request_id"]): row["at"] for row in fresh}
        self.told = {which: at for which, at in self.told.items() if at > newest - 2 * LATE}
        return [Piece("rows", self._drawn(actor, list(fresh)), id=newest.isoformat())]

    def _since(self, newest: datetime) -> Query:
        filters = (*self.asked.filters, Filter("at", "gt", (newest - LATE).isoformat()))
        return replace(self.asked, filters=filters)

    def _drawn(self, actor: Actor, rows: list[Row]) -> Table:
        heads = tuple(Head(each.column.text, number=each.column.number) for each in self.known)
        cells = tuple(tuple(each.column.cell(row) for each in self.known) for row in named(actor, rows))
        return Table(heads, cells, hidden=_hidden(self.known, self.seen))


def _table(request: HttpRequest, actor: Actor, known: Sequence[columns.Named], seen: frozenset[str]) -> Table:
    shape = Shape(
        usage.EVENTS, [each.column for each in known], _choices(actor),
        download="usage/events" if may(request, "usage:export") else "",
        empty=tr("None yet. Call a gateway with a virtual key: it tells of each request a moment after it ended."),
        besides=lambda rows: named(actor, rows),
    )  # fmt: skip
    table = lists.listed(request, lambda query: usage.list_events(actor, query), shape)
    choosing = tuple((each.name, each.column.text, each.name in seen) for each in known)
    starts = Link(tr("Make a virtual key"), "/keys/new", main=True) if may(request, "keys:create") else None
    return replace(table, choosing=choosing, hidden=_hidden(known, seen), starts=starts)


def _hidden(known: Sequence[columns.Named], seen: frozenset[str]) -> tuple[int, ...]:
    return tuple(place for place, each in enumerate(known) if each.name not in seen)


def _choices(actor: Actor) -> tuple[Choice, ...]:
    times = (("-15m", tr("15 minutes")), ("-1h", tr("an hour")), ("-24h", tr("24 hours")), ("-7d", tr("7 days")))
    sources = tuple((code, told_as(words)) for code, (words, _) in telling.SOURCES.items())
    vendors = tuple((code, each.title) for code, each in VENDORS.items() if each.inference)
    return (
        Choice(tr("Time"), "at", times, "ge"),
        Choice(tr("Outcome"), "failed", (("true", tr("errors")), ("false", tr("no errors")))),
        Choice(tr("Status"), "status", tuple((str(each), str(each)) for each in _STATUSES)),
        Choice(tr("Vendor"), "vendor", vendors), *_pools(actor), Choice(tr("Usage"), "usage_source", sources),
    )  # fmt: skip


def _pools(actor: Actor) -> Iterator[Choice]:
    if operators.allowed(actor, "pools:read") and not operators.sees_own_only(actor):
        rows = routing.list_pool_names(actor, Query(limit=100, counted=False, sort="name")).items
        yield Choice(tr("Pool"), "pool", tuple((str(row["name"]), str(row["name"])) for row in rows))


def _finding(request: HttpRequest) -> Form:
    """What no choice above the list has: it becomes filters in the address, or leads to the one request."""
    fields = (
        Field("request", tr("Request id"), help=tr("From `x-stationmaster-request-id`, or an error of ours; or how it begins.")),
        Field("key", tr("Key")), Field("model", tr("Model")), Field("credential", tr("Credential")),
        Field("since", tr("From (UTC)"), help=tr("Like `2027-01-31` or `2027-01-31T18:00`.")), Field("until", tr("To (UTC)")),
        Field("find", "", "hidden", "1"),
        *(Field("filter", "", "hidden", text) for text in request.GET.getlist("filter") if text),
    )  # fmt: skip
    return Form(tr("Find"), "", fields, folded=tr("More filters, or one request by its id"), asks=True, quiet=True)


def _found(actor: Actor, given: QueryDict) -> str:
    """Where what was typed leads to."""
    typed = {name: str(given.get(name, "")).strip() for name in _OURS}
    which = typed["request"]
    if which and _is_there(actor, which):
        return f"/requests/{which}"
    filters = [str(text) for text in given.getlist("filter") if text]
    filters += [f"request_id:prefix:{which}"] if which else []
    filters += [f"{name}:eq:{typed[name]}" for name in ("key", "model", "credential") if typed[name]]
    filters += [f"at:{op}:{typed[name]}" for name, op in (("since", "ge"), ("until", "lt")) if typed[name]]
    return f"/requests?{urlencode([('filter', text) for text in filters])}" if filters else "/requests"


def _is_there(actor: Actor, which: str) -> bool:
    try:
        usage.get_event(actor, which)
    except NotFound:
        return False
    return which.isalnum() or which.replace("-", "").replace("_", "").isalnum()


def _without_ours(request: HttpRequest) -> None:
    """Leave of the address what lists know."""
    given = request.GET.copy()
    for name in _OURS:
        given.pop(name, None)
    request.GET = given  # type: ignore[assignment]  # a copy of it, which Django types apart


def _stream(request: HttpRequest) -> str:
    asked: list[tuple[str, Any]] = [("filter", text) for text in request.GET.getlist("filter") if text]
    return f"/requests/stream?{urlencode([*asked, ('from', datetime.now(UTC).isoformat())])}"


def _links(request: HttpRequest, follows: bool) -> tuple[Link, ...]:
    asked = [("filter", text) for text in request.GET.getlist("filter") if text]
    plain, following = urlencode(asked), urlencode([*asked, ("follow", "1")])
    usage_page = Link(tr("Usage"), "/usage")
    if follows:
        return Link(tr("Pause"), f"/requests?{plain}"), Link(tr("Refresh"), f"/requests?{following}"), usage_page
    return Link(tr("Follow"), f"/requests?{following}", main=True), Link(tr("Refresh"), f"/requests?{plain}"), usage_page


def _lead(follows: bool) -> str:
    return tr("New requests come in on top, as gateways tell of them.") if follows else ""


def _moment(text: str) -> datetime:
    """From an event's id, which comes from outside; now where it is none."""
    try:
        found = datetime.fromisoformat(text)
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.now(UTC)
    return max(found, datetime.now(UTC) - timedelta(hours=1))
