"""A page, shown to whoever asked. Owns: its template, what was told after a form was sent, and who asks."""

from collections.abc import Iterator
from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from stationmaster.entrances.console.assets import CHARTS, REFRESH, STREAMS
from stationmaster.entrances.console.pages.parts import Cell, Form, Page, Part, Table
from stationmaster.entrances.console.pages.pictures import Stacked
from stationmaster.entrances.web.requests import of
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor

TOLD = "told"  # in the session: what the next page says once


def me(request: HttpRequest) -> Actor:
    """Who is signed in. Raises `StationmasterError` 401 for a program."""
    actor = of(request).actor
    if actor is None or actor.kind != "operator":
        raise operators.unauthenticated()
    return actor


def may(request: HttpRequest, action: str) -> bool:
    """Whether a button for `action` is shown."""
    return operators.allowed(me(request), action)


def shown(request: HttpRequest, page: Page) -> HttpResponse:
    """The page; with the status of what was wrong with the form that led here, if anything was."""
    told = request.session.pop(TOLD, "") if request.method == "GET" and not _of_script(request) else ""
    values = {
        "page": _labelled(page), "told": told, "refresher": bool(page.refresh), "page_scripts": _scripts(page),
    }  # fmt: skip
    return render(request, "page.html", values, status=page.problem.status if page.problem else 200)


def _of_script(request: HttpRequest) -> bool:
    """Whether a script asks for a part of the page, and nobody reads the rest."""
    return "x-part" in request.headers or "hx-request" in request.headers


def _scripts(page: Page) -> list[str]:
    """What the page needs besides what every page has."""
    parts = [part for section in page.sections for part in section.parts]
    charts = any(isinstance(part, Stacked) for part in parts)
    streams = any(getattr(part, "stream", "") for part in parts)
    wanted = ((CHARTS, charts), (STREAMS, streams), ((REFRESH,), page.refresh))
    return [script for scripts, asked in wanted if asked for script in scripts]


def _labelled(page: Page) -> Page:
    """The page; what was wrong with what was sent names the fields as the form does."""
    problem = page.problem
    if problem is None or problem.message:
        return page
    labels = {field.name: field.label for section in page.sections for part in section.parts for form in _forms(part)
              for field in form.fields if field.label}  # fmt: skip
    named = {name: labels.get(name, labels.get(name.partition("[")[0], name)) for name in problem.fields}
    message = "; ".join(f"{named[name]}: {why}" for name, why in problem.fields.items())
    return replace(page, problem=replace(problem, message=message))


def _forms(part: Part) -> Iterator[Form]:
    if isinstance(part, Form):
        yield part
    if isinstance(part, Table):
        yield from (form for row in part.rows for cell in row for each in _cells(cell) for form in each.forms)


def _cells(cell: Cell) -> tuple[Cell, ...]:
    return cell.many or (cell,)
