"""What a request of ours carries beside Django's own. Owns: those names, and which plane of routes it is for."""

from typing import cast

from django.http import HttpRequest, HttpResponse

from stationmaster.operators.models import Operator
from stationmaster.store.actor import Actor

API = "api/"     # how the routes begin that programs use
METRICS = "metrics"

__all__ = ["Request", "is_api", "of"]


class Request(HttpRequest):
    """A request that came through `front`; `actor` is set by `gate`, before any view runs."""

    request_id: str
    actor: Actor | None
    user: Operator
    answered: HttpResponse


def of(request: HttpRequest) -> Request:
    """The same request, as we know it."""
    return cast("Request", request)


def is_api(request: HttpRequest) -> bool:
    """Tell whether a program is answered: by the route that was found, and by the path when none was."""
    match = request.resolver_match
    route = match.route if match else request.path_info.removeprefix("/")
    return route.startswith(API) or route == METRICS
