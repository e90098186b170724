"""REST, put together: every operation, the OpenAPI document, the page that shows it.

The page's assets are ours and those that django-ninja brings along: nothing is fetched from elsewhere.
"""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import ninja
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import render
from ninja import NinjaAPI, Router

from stationmaster import __version__
from stationmaster.entrances.api import (
    alerts,
    answering,
    assignments,
    bills,
    credentials,
    exports,
    guides,
    jobs,
    operators,
    people,
    plans,
    publications,
    rosters,
    runs,
    seat_requests,
    seats,
    sources,
    targets,
    trying,
)
from stationmaster.entrances.api.answering import nothing_here, wrong_method
from stationmaster.entrances.api.caller import Caller
from stationmaster.entrances.api.more import more
from stationmaster.entrances.api.resource import mount
from stationmaster.entrances.api.resources import RESOURCES
from stationmaster.entrances.web.answers import answer

_OURS = Path(__file__).with_name("static")
_THEIRS = Path(ninja.__file__).parent / "static" / "ninja"
ASSETS: Final = {
    "docs.js": (_OURS, "text/javascript"), "docs.css": (_OURS, "text/css"), "swagger-ui.css": (_THEIRS, "text/css"),
    "swagger-ui-bundle.js": (_THEIRS, "text/javascript"),
}  # fmt: skip
_TEXT = (
    "Lists take `search`, `filter=field:op:value`, `sort`, `cursor` and `limit`, and come as a file with `format`. Edits name "
    "the version that they go out from (`If-Match`), writes may come twice (`Idempotency-Key`). Errors have one shape."
)


def _site() -> NinjaAPI:
    site = NinjaAPI(
        title="Stationmaster", version=__version__, description=_TEXT, auth=Caller(), docs_url=None, openapi_url=None,
        urls_namespace="api",
    )  # fmt: skip
    answering.register(site)
    things = Router()
    for thing in (*RESOURCES, jobs.JOBS):
        mount(things, thing)
    site.add_router("/v1", people.router)
    site.add_router("/v1", things)
    site.add_router("/v1", operators.router)
    site.add_router("/v1", more)
    site.add_router("/v1", jobs.router)
    for each in (
        alerts, assignments, bills, credentials, exports, guides, plans, publications, rosters, runs, seat_requests, seats,
        sources, targets, trying,
    ):  # fmt: skip
        site.add_router("/v1", each.router)
    return site


site: Final = _site()


@functools.cache
def document() -> str:
    """The OpenAPI document (3.1), as JSON."""
    return json.dumps(site.get_openapi_schema(path_prefix="/api/"))


def openapi(request: HttpRequest) -> HttpResponse:
    """The document."""
    if request.method != "GET":
        return _not_allowed(request, "GET")
    return HttpResponse(document(), content_type="application/json")


def docs(request: HttpRequest) -> HttpResponse:
    """The page that shows the document, in the console's frame for who is signed in."""
    if request.method != "GET":
        return _not_allowed(request, "GET")
    return render(request, "api_docs.html")


def docs_asset(request: HttpRequest, name: str) -> HttpResponseBase:
    """A file that the page needs."""
    if request.method != "GET":
        return _not_allowed(request, "GET")
    if name not in ASSETS:
        return answer(request, nothing_here())
    folder, type_ = ASSETS[name]
    return HttpResponse((folder / name).read_bytes(), content_type=f"{type_}; charset=utf-8")


def shaped(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """`view`, which says in our shape that it does not take a method."""

    @functools.wraps(view)
    def answered(request: HttpRequest, *args: Any, **named: Any) -> HttpResponseBase:
        response = view(request, *args, **named)
        return _not_allowed(request, response["Allow"]) if isinstance(response, HttpResponseNotAllowed) else response

    return answered


def _not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    response = answer(request, wrong_method(allowed))
    response["Allow"] = allowed
    return response
