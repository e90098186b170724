"""What a form does. Owns: from what was sent to a service and on to a page; a mistake goes back to the page with its words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict

from stationmaster.entrances.console.pages.parts import Problem
from stationmaster.entrances.console.pages.showing import TOLD, me
from stationmaster.entrances.console.views import again
from stationmaster.entrances.web.answers import not_found
from stationmaster.errors import Forbidden, NotFound, StationmasterError
from stationmaster.store.actor import Actor


@dataclass(frozen=True)
class Went:
    """It was done: where to go on (empty: this page), and what is said there once."""

    to: str = ""
    told: str = ""


Sent = QueryDict
Action = Callable[[Actor, Sent], Went]
_NOT_FRESH = "error.access.not_fresh"


def posted(request: HttpRequest, actions: Mapping[str, Action]) -> HttpResponse | Problem | None:
    """None: nothing was sent, the page is looked at. A response: off to where it goes on. A problem: the page is to be shown
    again with it. Raises `Forbidden`, `NotFound`."""
    if request.method in ("GET", "HEAD"):
        return None
    if request.method != "POST":
        return HttpResponseNotAllowed(["GET", "POST"])
    action = actions.get(request.POST.get("do", ""))
    if action is None:
        raise not_found()
    return _done(request, action)


def _done(request: HttpRequest, action: Action) -> HttpResponse | Problem:
    try:
        went = action(me(request), request.POST)
    except StationmasterError as error:
        if error.code == _NOT_FRESH:
            return again(request)
        if isinstance(error, Forbidden | NotFound) and error.code.startswith(("error.access.", "error.request.")):
            raise
        return Problem(error.message, error.hint, error.fields, error.status)
    if went.told:
        request.session[TOLD] = went.told
    return HttpResponseRedirect(went.to or request.get_full_path())


def version(sent: Sent) -> int | None:
    """The revision that a form was made from; None: any."""
    text = sent.get("revision", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def filled(sent: Sent, name: str) -> str:
    """What stands in a field; empty when it was not sent."""
    return str(sent.get(name) or "").strip()


def lines(sent: Sent, name: str) -> list[str]:
    """What stands in a field, apart by commas, spaces or lines."""
    return sent.get(name, "").replace(",", " ").split()


def whole(sent: Sent, name: str) -> int | str | None:
    """A number as it was typed; what is none stays a text, for the service to say so; None: nothing was typed."""
    text = sent.get(name, "").strip()
    if not text:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text
