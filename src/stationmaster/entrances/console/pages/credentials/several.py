"""Several credentials at once: what probing or rotating them comes to, then doing it. Owns that page, and what the list
offers."""

from contextlib import suppress
from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from stationmaster.credentials import services as credentials
from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, posted
from stationmaster.entrances.console.pages.credentials.parts import health
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import Cell, Field, Form, Link, Note, Page, Part, Row, Section
from stationmaster.entrances.console.pages.parts import number as figure
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.errors import StationmasterError
from stationmaster.i18n import marked, tr
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.vendors.registry import VENDORS

_VERBS: Final = ("probe", "rotate")
_UNHEALTHY: Final = "unhealthy"
_MOST: Final = 100
_TOLD: Final = {
    "probe": marked("Their vendors are asked for a list of models with each; nothing else is sent."),
    "rotate": marked("A new key is made for each, proved, brought in step by step; the one before is revoked when its way back "
                     "is over."),
}  # fmt: skip
_WHY: Final = {
    "no_secret": marked("it has no secret yet"),
    "pasted": marked("its secret was pasted: paste the next one on its page"),
}


def offered(request: HttpRequest) -> tuple[Link, ...]:
    """What the list offers for the credentials that were selected."""
    found = []
    if may(request, "credentials:probe"):
        found.append(Link(tr("Probe them"), "/credentials/several?verb=probe", dialog=True))
    if may(request, "credentials:rotate"):
        found.append(Link(tr("Rotate them"), "/credentials/several?verb=rotate", dialog=True))
    if may(request, "publications:plan"):
        found.append(Link(tr("Publish them"), "/credentials/several?verb=publish"))
    return tuple(found)


def unhealthy(request: HttpRequest) -> tuple[Link, ...]:
    """What the list offers for those that are not well, whatever is selected."""
    if not may(request, "credentials:probe") or not credentials.unwell(me(request)):
        return ()
    return (Link(tr("Probe all unhealthy"), f"/credentials/several?verb={_UNHEALTHY}", dialog=True),)


def page(request: HttpRequest) -> HttpResponse:
    """What will happen to which of them, and the button."""
    actor, verb = me(request), request.GET.get("verb", _VERBS[0])
    if verb == "publish":      # which has pages of its own, and knows credentials by their names
        names = [str(row["name"]) for row in _rows(actor, request.GET.getlist("id"))]
        return HttpResponseRedirect(f"/publish?{urlencode({'credentials': names}, doseq=True)}")
    if verb == _UNHEALTHY:
        return _unhealthy(request, actor)
    verb = verb if verb in _VERBS else _VERBS[0]
    operators.require(actor, f"credentials:{verb}")
    done = posted(request, {verb: lambda actor, sent: _done(actor, verb, sent)})
    if isinstance(done, HttpResponse):
        return done
    rows = _rows(actor, request.GET.getlist("id"))
    title = tr("Probe several credentials") if verb == "probe" else tr("Rotate several credentials")
    same = ((f"stationmaster credential {verb} NAME", f"POST /api/v1/credentials/NAME/{verb}"),)
    trail = (Link(tr("Credentials"), "/credentials"),)
    return shown(request, Page(title, (Section("", _parts(verb, rows)),), same=same, problem=done, trail=trail))


def _unhealthy(request: HttpRequest, actor: Actor) -> HttpResponse:
    """How many are not well, at which vendors, and one job for all of them."""
    operators.require(actor, "credentials:probe")
    done = posted(request, {"probe": _probed})
    if isinstance(done, HttpResponse):
        return done
    counts = credentials.unwell(actor)
    columns = (Column(tr("Vendor"), lambda row: Cell(VENDORS[row["vendor"]].title)),
               Column(tr("Credentials"), lambda row: figure(row["number"]), number=True))  # fmt: skip
    rows = [{"vendor": vendor, "number": number} for vendor, number in counts.items()]
    table = lists.plain(columns, rows, tr("None is unhealthy."))
    form = (Form(tr("Probe {number} in one job", number=sum(counts.values())), "probe", main=True),) if counts else ()
    same = (("stationmaster credential probe unhealthy", "POST /api/v1/credentials/unhealthy/probe"),)
    sections = (Section("", (Note(words.told_as(_TOLD["probe"])), table, *form)),)
    trail = (Link(tr("Credentials"), "/credentials"),)
    return shown(request, Page(tr("Probe all unhealthy"), sections, same=same, problem=done, trail=trail))


def _probed(actor: Actor, _: Sent) -> Went:
    return Went(f"/jobs/{credentials.probe_credential(actor, _UNHEALTHY, {})['id']}")


def _parts(verb: str, rows: list[Row]) -> tuple[Part, ...]:
    if not rows:
        return (Note(tr("Choose credentials from the list first."), links=(Link(tr("Credentials"), "/credentials"),)),)
    columns = (
        Column(tr("Name"), lambda row: Cell(row["name"], f"/credentials/{row['id']}", note=row["vendor"])),
        Column(tr("Health"), health),
        Column(tr("Goes along"), lambda row: _goes(verb, row)),
    )
    able = [row for row in rows if not _unable(verb, row)]
    ids = tuple(Field("id", "", "hidden", str(row["id"])) for row in able)
    form = (Form(tr("Do it for {number}", number=len(able)), verb, ids, main=True),) if able else ()
    return (Note(words.told_as(_TOLD[verb])), lists.plain(columns, rows), *form)


def _goes(verb: str, row: Row) -> Cell:
    reason = _unable(verb, row)
    if reason:
        return Cell(tr("no"), note=words.name(_WHY, reason), tone="off", icon="circle-minus")
    return Cell(tr("yes"), tone="good", icon="circle-check")


def _unable(verb: str, row: Row) -> str:
    if not row["secret_set"]:
        return "no_secret"
    return "pasted" if verb == "rotate" and not (row["project"] and row["workspace"]) else ""


def _rows(actor: Actor, ids: list[str]) -> list[Row]:
    """Those that were selected, in one question."""
    if not ids:
        return []
    asked = Query(filters=(Filter("id", "in", sorted(set(ids))[:_MOST]),), limit=_MOST, counted=False, sort="name")
    return list(credentials.list_credentials(actor, asked).items)


def _done(actor: Actor, verb: str, sent: Sent) -> Went:
    """A job for each; one that cannot be begun holds up no other."""
    begin = credentials.probe_credential if verb == "probe" else credentials.rotate_credential
    ids, begun = [str(row["id"]) for row in _rows(actor, sent.getlist("id"))], 0
    for each in ids:
        with suppress(StationmasterError):
            begin(actor, each, {})
            begun += 1
    return Went("/jobs", tr("Queued: {number}. Left out: {left}.", number=begun, left=len(ids) - begun))
