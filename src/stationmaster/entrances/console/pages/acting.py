"""What a form does. Owns: from what was sent to a service and on to a page; a mistake goes back to the page with its words."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict

from stationmaster.entrances.console.pages.names import readable
from stationmaster.entrances.console.pages.parts import Problem
from stationmaster.entrances.console.pages.showing import TOLD, me
from stationmaster.entrances.console.views import again
from stationmaster.entrances.web.answers import not_found
from stationmaster.errors import Forbidden, Invalid, NotFound, StationmasterError
from stationmaster.i18n import tr
from stationmaster.phrases import said
from stationmaster.store.actor import Actor


@dataclass(frozen=True)
class Went:
    """It was done: where to go on (empty: this page), and what is said there once."""

    to: str = ""
    told: str = ""


Sent = QueryDict
Action = Callable[[Actor, Sent], Went]
Made = TypeVar("Made")
_REMEMBERED: Final = 86_400  # seconds for which it is known that a form was sent; a process knows what was sent to it
NOT_FRESH = "error.access.not_fresh"
MISSING = "missing key"  # what the rules of a file say of a value that is not there


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


def revealed(
    request: HttpRequest, makers: Mapping[str, Callable[[Actor, Sent], Made]], actions: Mapping[str, Action] | None = None
) -> HttpResponse | tuple[Made | None, Problem | None]:
    """What the form that was sent made, for the answer to show: a secret that nobody sees a second time must not go through a
    session or an address on its way to a page. So nothing leads on from that answer, and browsers offer to send the form again;
    that makes nothing more. Beside it what was wrong with what was sent. A form that makes nothing is one of `actions`, as in
    `posted`; without them it is none of this page's, and nothing is done."""
    maker = makers.get(request.POST.get("do", "")) if request.method == "POST" else None
    if maker is None:
        done = posted(request, actions) if actions is not None else None
        return done if isinstance(done, HttpResponse) else (None, done)
    made = _tried_once(request, maker)
    if isinstance(made, HttpResponse):
        return made
    return (None, made) if isinstance(made, Problem) else (made, None)


def _tried_once(request: HttpRequest, maker: Callable[[Actor, Sent], Made]) -> Made | HttpResponse | Problem:
    """What the maker answers; a problem for a form that it made something of before."""
    which, made = _which(request), None
    if not cache.add(which, True, _REMEMBERED):
        return Problem(tr("This was sent before, and what it made is shown once: look for it in the list."), status=409)
    try:
        made = _tried(request, maker)
        return made
    finally:
        if made is None or isinstance(made, HttpResponse | Problem):
            cache.delete(which)


def _which(request: HttpRequest) -> str:
    """By what a form is known that is sent once more as it is: each that is shown has a token of its own."""
    whole = json.dumps([me(request).id, request.path, sorted(request.POST.lists())])
    return f"sent:{hashlib.sha256(whole.encode()).hexdigest()}"


def _done(request: HttpRequest, action: Action) -> HttpResponse | Problem:
    went = _tried(request, action)
    if not isinstance(went, Went):
        return went
    if went.told:
        request.session[TOLD] = went.told
    return HttpResponseRedirect(went.to or request.get_full_path())


def _tried(request: HttpRequest, action: Callable[[Actor, Sent], Made]) -> Made | HttpResponse | Problem:
    """What the action answers; otherwise where to prove who one is, or what was wrong with what was sent."""
    try:
        return action(me(request), _in_order(_typed(request.POST)))
    except StationmasterError as error:
        if error.code == NOT_FRESH:
            request.session[TOLD] = tr("Nothing was done: it had to be seen first that it is still you. Please fill it in again.")
            return again(request)
        if isinstance(error, Forbidden | NotFound) and error.code.startswith(("error.access.", "error.request.")):
            raise
        return _problem(me(request), error)


def _typed(sent: Sent) -> Sent:
    """What was sent, with lines that end as they were typed: browsers send CRLF (HTML, "Constructing the entry list"), which
    services take for a control character. Raises `Invalid` for a NUL: PostgreSQL takes none in a text, and not every service
    looks before it asks."""
    given = sent.copy()
    for name, values in sent.lists():
        if any("\0" in each for each in (name, *values)):
            why = "expected a text without control characters"
            shown = "".join(mark for mark in name[:80] if mark.isprintable())
            raise Invalid("error.config.bad_value", f"{shown}: {why}", fields={shown: why})
        given.setlist(name, [each.replace("\r\n", "\n") for each in values])
    return given


def _in_order(sent: Sent) -> Sent:
    """What was sent; where a row's own button was pressed (`move`: field, id, up or down), that row one place further."""
    field, _, rest = sent.get("move", "").partition(":")
    which, _, way = rest.rpartition(":")
    order = sent.getlist(field)
    if which not in order:
        return sent
    place = order.index(which)
    other = min(max(place + (-1 if way == "up" else 1), 0), len(order) - 1)
    order[place], order[other] = order[other], order[place]
    moved = sent.copy()
    moved.setlist(field, order)
    return moved


def _problem(actor: Actor, error: StationmasterError) -> Problem:
    """The error as the form shows it. A message that only lists the fields is left out: they are named by their labels."""
    listed = error.message == "; ".join(f"{name}: {why}" for name, why in error.fields.items())
    shown = readable(actor, [error.message])
    fields = {name: _of_field(why) for name, why in error.fields.items()}
    return Problem("" if listed else shown(error.message), said(error.hint), fields, error.status)


def _of_field(why: str) -> str:
    """What is wrong with a field; the rules speak of a file's keys, and what was typed stands in the form."""
    return tr("is needed, and was left empty") if why == MISSING else said(why.partition(", got ")[0])


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
    return number(text) if text else None


def number(text: str) -> int | str:
    """A number of up to nine digits; what is none stays a text, for the service to say so."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text
