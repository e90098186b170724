"""What somebody used in the last thirty days: sums, a course, and by model. Owns that section of a person's page.

One question over the sums by day answers all of it, however many requests there were.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest

from stationmaster.entrances.console.pages import lists
from stationmaster.entrances.console.pages.home.access import stacked
from stationmaster.entrances.console.pages.home.amounts import usd
from stationmaster.entrances.console.pages.lists import Column, filtered
from stationmaster.entrances.console.pages.parts import Cell, Link, Row, Section, Table, number, text
from stationmaster.entrances.console.pages.pictures import Tile, Tiles
from stationmaster.entrances.console.pages.showing import may, me
from stationmaster.i18n import tr, trn
from stationmaster.routing import services as routing
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.usage import services as usage

_DAYS: Final = 30
_KEYS: Final = 100  # whose spellings of their owner count besides the names of the person
_MODELS: Final = 10  # in the table; the page of usage has all
_TOKENS: Final = ("input", "cache_read", "cache_write", "output")  # reasoning is among the output


def section(request: HttpRequest, row: Row) -> list[Section]:
    """The last thirty days, for whoever may see everybody's usage; nothing from before somebody was known here, when another
    may have had the same address."""
    owners = _owners(request, row)
    if not owners or not may(request, "usage:read"):
        return []
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    first = end - timedelta(days=_DAYS)
    known = datetime.fromisoformat(str(row["created_at"])).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    asked = usage.Question(max(first, known), end, (Filter("owner", "in", owners),), "model")
    found = usage.series(me(request), asked, "day")
    chart = stacked(found, first, _DAYS, "model", tr("Spent a day, by model"), which=_address_filter(owners))
    parts = (_tiles(found.total), chart, *((_models(found.parts),) if found.parts else ()))
    return [Section(tr("What they used"), parts, links=_links(owners))]


def _owners(request: HttpRequest, row: Row) -> list[str]:
    """The names under which requests may be theirs: their own, and those that their keys were given."""
    mine = Query(filters=(Filter("person", "eq", row["id"]),), limit=_KEYS, counted=False)
    keys = routing.list_keys(me(request), mine).items if may(request, "keys:read") else ()
    return sorted({str(row["id"]), str(row["email"]), str(row["user_name"]), *(str(key["owner"]) for key in keys)} - {""})


def _tiles(total: Mapping[str, int]) -> Tiles:
    unpriced = total["unpriced"]
    note = trn("and {number} request of unknown price", "and {number} requests of unknown price", unpriced) if unpriced else ""
    return Tiles((
        Tile(tr("Spent in 30 days"), usd(total["cost"]), note=note),
        Tile(tr("Requests"), f"{total['requests']:,}"),
        Tile(tr("Tokens"), f"{_tokens(total):,}"),
        Tile(tr("Errors"), f"{total['errors']:,}"),
    ))  # fmt: skip


def _models(parts: Sequence[Mapping[str, Any]]) -> Table:
    """The dearest models, each with what it came to; a price that is not known is said, not nought."""
    sums: dict[str, dict[str, int]] = {}
    for part in parts:
        one = sums.setdefault(str(part["model"]), dict.fromkeys((*_TOKENS, "requests", "cost", "unpriced"), 0))
        for name in one:
            one[name] += part[name]
    rows = [{"model": model, **one} for model, one in sums.items()]
    rows.sort(key=lambda row: (-row["cost"], -row["requests"], row["model"]))  # type: ignore[operator]  # both are numbers
    columns = (
        Column(tr("Model"), lambda row: text(row["model"] or tr("none"))),
        Column(tr("Requests"), lambda row: number(row["requests"]), number=True),
        Column(tr("Tokens"), lambda row: number(_tokens(row)), number=True),
        Column(tr("Spent"), _spent, number=True),
    )
    return lists.plain(columns, rows[:_MODELS])


def _spent(row: Row) -> Cell:
    if row["unpriced"] and not row["cost"]:
        return Cell(tr("not known"), number=True)
    note = trn("and {number} request of unknown price", "and {number} requests of unknown price", row["unpriced"])
    return Cell(usd(row["cost"]), note=note if row["unpriced"] else "", number=True)


def _tokens(sums: Mapping[str, Any]) -> int:
    return sum(int(sums[name]) for name in _TOKENS)


def _address_filter(owners: Sequence[str]) -> tuple[str, str, str]:
    """The same names in an address; a comma is what they are parted by there."""
    return ("owner", "in", ",".join(each for each in owners if "," not in each))


def _links(owners: Sequence[str]) -> tuple[Link, ...]:
    asked = _address_filter(owners)
    return (Link(tr("Usage"), filtered("/usage", asked)), Link(tr("Requests"), filtered("/requests", asked)))
