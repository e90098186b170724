"""The first page: how it stands, what needs a decision, what was spent lately. Owns that page.

Every figure leads to the rows that it counts; what somebody may not see has no figure. Members are led to their own access.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from stationmaster.entrances import live
from stationmaster.entrances.console.pages.home import beginning, decisions, figures
from stationmaster.entrances.console.pages.home.access import stacked
from stationmaster.entrances.console.pages.home.standing import Line, lines
from stationmaster.entrances.console.pages.lists import Column, plain
from stationmaster.entrances.console.pages.parts import Cell, Link, Note, Page, Section, Table
from stationmaster.entrances.console.pages.pictures import Tiles
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor
from stationmaster.usage import services as usage

_DAYS: Final = 14
_SAME: Final = (
    ("stationmaster usage totals", "GET /api/v1/usage/totals"),
    ("stationmaster usage series --step day --by model", "GET /api/v1/usage/series?step=day&by=model"),
    ("stationmaster plan list --filter state=open", "GET /api/v1/plans?filter=state:eq:open"),
    ("stationmaster job list --filter state=running", "GET /api/v1/jobs?filter=state:eq:running"),
)


def page(request: HttpRequest) -> HttpResponse:
    """How it stands, and where to go on; a member's own access instead."""
    actor = me(request)
    if actor.role == "member":
        return redirect("access")
    steps, figures_ = tuple(beginning.unfinished(request)), tuple(_figures(actor))
    first = (*steps, *figures_) if beginning.bare(actor) else (*figures_, *steps)      # how it stands, once there is something
    sections = (*first, *_spending(actor), *_lines(actor), _ways(request))
    return shown(request, Page(tr("Overview"), sections, same=_SAME))


def _figures(actor: Actor) -> Iterator[Section]:
    tiles = tuple(figures.tiles(actor))
    if not tiles:
        yield Section("", (Note(tr("Your role shows nothing here.")),))
        return
    yield Section("", (Tiles(tiles),), live="figures")
    if (waiting := tuple(decisions.waiting(actor))) or decisions.any_to_see(actor):
        calm = Note(tr("Nothing needs a decision now."), "good")
        yield Section(tr("Needs a decision"), (Tiles(waiting) if waiting else calm,), live="decisions")


def _spending(actor: Actor) -> Iterator[Section]:
    if not operators.allowed(actor, "usage:read"):
        return
    end = figures.today() + timedelta(days=1)
    found = usage.series(actor, usage.Question(end - timedelta(days=_DAYS), end, by="model"), "day")
    chart = stacked(found, end - timedelta(days=_DAYS), _DAYS, "model", tr("Spent a day, by model"))
    yield Section(tr("The last 14 days"), (chart,), links=(Link(tr("Usage"), "/usage?range=30d"),))


def _lines(actor: Actor) -> Iterator[Section]:
    if rows := list(lines(actor)):
        yield Section(tr("What there is"), (_table(rows),))


def _table(rows: list[Line]) -> Table:
    columns = (
        Column("", lambda row: Cell(row["line"].what, row["line"].page)),
        Column(tr("How many"), lambda row: Cell(f"{row['line'].number:,}", number=True), number=True),
        Column(tr("How it stands"), lambda row: _said(row["line"].health)),
        Column(tr("To list them"), lambda row: Cell(row["line"].command, code=True, note=row["line"].call)),
    )
    return plain(columns, [{"line": each} for each in rows])


def _said(text: str) -> Cell:
    """How it stands; the command to begin with, where a text ends in one, to be copied."""
    words, _, command = text.removesuffix("`").partition("`")
    return Cell(many=(Cell(words), Cell(command, code=True, copy=True))) if command else Cell(text)


def _ways(request: HttpRequest) -> Section:
    """How commands reach this control plane."""
    data, console = operators.policy().data_option, operators.console_url(live.settings())
    here = tr("On the control plane's machine commands work at once: `stationmaster --help`.")
    if data:
        here = tr("On the control plane's machine commands work with `{option}`: `stationmaster --help`.", option=data)
    there = tr("Elsewhere they take this address, and a token: `STATIONMASTER_URL={url}`, `STATIONMASTER_TOKEN`.", url=console)
    token = tr("Make one with `stationmaster token create NAME`.") if may(request, "tokens:create") else ""
    links = (Link(tr("Every call of REST, to read and to try"), "/api/docs"), Link(tr("First steps"), "/start"))
    return Section(tr("The same elsewhere"), (Note(here), Note(" ".join(filter(None, (there, token))))), links=links)
