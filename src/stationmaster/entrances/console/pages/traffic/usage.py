"""Usage: what was used and what it cost, over a time, taken apart. Owns the page and its file."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from stationmaster.entrances.console.pages.parts import DASH, Field, Form, Link, Note, Page, Part, Section
from stationmaster.entrances.console.pages.pictures import Tile, Tiles
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.entrances.console.pages.traffic import breakdown, telling
from stationmaster.entrances.console.pages.traffic.asked import BY, MEASURES, Asked, asked
from stationmaster.entrances.console.pages.traffic.request import price_version
from stationmaster.i18n import tr, trn
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.usage import services as usage


def page(request: HttpRequest) -> HttpResponse:
    """The page."""
    actor, wanted = me(request), asked(request)
    answer = usage.totals(actor, wanted.question(wanted.by))
    parts = breakdown.ordered(answer.parts, wanted)
    called = breakdown.names(actor, wanted.by, [str(part[wanted.by]) for part in parts[: breakdown.MOST]])
    download = f"/usage.csv?{wanted.query()}" if may(request, "usage:export") else ""
    sections = (
        Section("", (_form(wanted), *_only(wanted))),
        Section("", (_tiles(actor, wanted, answer.total),)),
        Section("", (breakdown.chart(actor, wanted, parts, called),)),
        Section("", (breakdown.table(wanted, parts, answer.total, called, download), *_notes(answer.total))),
    )
    links = (Link(tr("Requests"), wanted.requests()), *_bills(request))
    since, until = (f"{each:%Y-%m-%dT%H:%MZ}" for each in (answer.since, answer.until))
    lead = tr("From {since} to {until} (UTC).", since=f"{answer.since:%Y-%m-%d %H:%M}", until=f"{answer.until:%Y-%m-%d %H:%M}")
    return shown(request, Page(tr("Usage"), sections, links=links, same=_same(wanted, since, until), lead=lead))


def file(request: HttpRequest) -> HttpResponseBase:
    """The table as CSV, every part of it. Raises `Forbidden`, `Invalid`."""
    actor, wanted = me(request), asked(request)
    operators.require(actor, "usage:export")
    answer = usage.totals(actor, wanted.question(wanted.by))
    parts = breakdown.ordered(answer.parts, wanted)
    called = breakdown.names(actor, wanted.by, [str(part[wanted.by]) for part in parts])
    lines = breakdown.as_file(wanted, parts, answer.total, called)
    response = StreamingHttpResponse((line.encode() for line in lines), content_type="text/csv; charset=utf-8")
    name = f"usage-by-{wanted.by}-{answer.since:%Y%m%d}-{answer.until:%Y%m%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _same(wanted: Asked, since: str, until: str) -> tuple[tuple[str, str], ...]:
    step = wanted.step
    return (
        (f"stationmaster usage totals --since {since} --until {until} --by {wanted.by}",
         f"GET /api/v1/usage/totals?since={since}&until={until}&by={wanted.by}"),
        (f"stationmaster usage series --since {since} --until {until} --step {step} --by {wanted.by}",
         f"GET /api/v1/usage/series?since={since}&until={until}&step={step}&by={wanted.by}"),
    )  # fmt: skip


def _form(wanted: Asked) -> Form:
    """Time, dimension and measure; the filters stay."""
    ranges = (("today", tr("today")), ("24h", tr("24 hours")), ("7d", tr("7 days")), ("30d", tr("30 days")),
              ("month", tr("this month")), ("custom", tr("as below")))  # fmt: skip
    custom = wanted.range == "custom"
    since, until = (f"{each:%Y-%m-%dT%H:%M}" if custom else "" for each in (wanted.since, wanted.until))
    fields = (
        Field("range", tr("Time (UTC)"), "select", wanted.range, ranges),
        Field("by", tr("By"), "select", wanted.by, tuple((each, breakdown.by_words(each)) for each in BY)),
        Field("measure", tr("Drawn and ordered by"), "select", wanted.measure,
              tuple((each, breakdown.measure_words(each)) for each in MEASURES)),
        Field("since", tr("From (UTC)"), value=since), Field("until", tr("To (UTC)"), value=until),
        *(Field("filter", "", "hidden", f"{each.field}:{each.op}:{each.value}") for each in wanted.filters),
    )  # fmt: skip
    return Form(tr("Show"), "", fields, asks=True, quiet=True)


def _only(wanted: Asked) -> list[Part]:
    """What it is narrowed down to, each with the way out."""
    def link(each: Filter) -> Link:
        rest = tuple(one for one in wanted.filters if one is not each)
        words = breakdown.by_words(each.field) if each.field in BY else each.field
        value = each.value or tr("not known")
        return Link(f"\N{MULTIPLICATION SIGN} {words}: {value}", wanted.link(filters=rest))

    return [Note(tr("Only these. Follow one to take it away:"), "", tuple(map(link, wanted.filters)))] if wanted.filters else []


def _tiles(actor: Actor, wanted: Asked, total: Mapping[str, int]) -> Tiles:
    """The headline: the sums of the table below; beside each what it was before."""
    before = usage.totals(actor, wanted.before()).total
    rows, failed = wanted.requests(), wanted.requests(Filter("failed", "eq", "true"))
    inside = total["input"] + total["cache_read"] + total["cache_write"]
    rate = f"{total['errors'] / total['requests']:.1%}" if total["requests"] else DASH
    unpriced = trn("{number} request has no known price", "{number} requests have no known price", total["unpriced"])
    price = unpriced if total["unpriced"] else ""
    return Tiles((
        Tile(tr("Cost"), breakdown.cost(total).text.replace(telling.TIED, " "), rows,
             _joined(price, _compared(total, before, "cost")),
             "busy" if total["unpriced"] else ""),
        Tile(tr("Requests"), f"{total['requests']:,}", rows, _compared(total, before, "requests")),
        Tile(tr("Errors"), f"{total['errors']:,}", failed, _joined(rate, _compared(total, before, "errors")),
             "bad" if total["errors"] * 20 > total["requests"] else ""),
        Tile(tr("Tokens"), f"{breakdown.measured(total, 'tokens'):,}", rows, _compared(total, before, "tokens")),
        Tile(tr("Read from a cache"), f"{total['cache_read'] / inside:.1%}" if inside else DASH, rows, tr("of all input")),
    ))  # fmt: skip


def _compared(total: Mapping[str, Any], before: Mapping[str, Any], measure: str) -> str:
    """How it differs from the same time before."""
    now, then = breakdown.measured(total, measure), breakdown.measured(before, measure)
    words = telling.usd(then, 4) if measure == "cost" else f"{then:,}"
    if not then:
        return tr("before: none")
    return tr("before: {amount} ({change})", amount=words, change=f"{(now - then) / then:+.0%}")


def _joined(*texts: str) -> str:
    return " · ".join(filter(None, texts))


def _notes(total: Mapping[str, int]) -> list[Note]:
    told = tr("Costs are reckoned by gateways as requests end, with the prices that they have then. Prices given to them now: "
              "{version}, and those written on credentials.", version=price_version())  # fmt: skip
    missing = tr("The cost leaves out requests whose price is not known: it is not 0. Write prices of your own on the "
                 "credential.")  # fmt: skip
    return [Note(told), *([Note(missing, "busy")] if total["unpriced"] else [])]


def _bills(request: HttpRequest) -> tuple[Link, ...]:
    return (Link(tr("Bills"), "/bills"),) if may(request, "bills:read") else ()
