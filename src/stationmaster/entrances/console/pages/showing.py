"""A page, shown to whoever asked. Owns: its template, what was told after a form was sent, and who asks."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from stationmaster.entrances.console.assets import REFRESH
from stationmaster.entrances.console.pages.parts import Page
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
    told = request.session.pop(TOLD, "") if request.method == "GET" else ""
    values = {"page": page, "told": told, "refresher": REFRESH if page.refresh else ""}
    return render(request, "page.html", values, status=page.problem.status if page.problem else 200)
