"""What is published where: the list, with what was found on reading back. Owns that page, and withdrawing one."""

from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, posted
from stationmaster.entrances.console.pages.lists import Choice, Shape
from stationmaster.entrances.console.pages.parts import Page, Section
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.entrances.console.pages.targets.parts import columns, tabs
from stationmaster.i18n import tr
from stationmaster.publishing import services as publishing
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query

_SAME: Final = (("stationmaster publication list", "GET /api/v1/publications"),)
_STATES: Final = ("pending", "published", "skipped", "failed")
_MOST: Final = 100      # targets to choose from


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list."""
    actor = me(request)
    done = posted(request, {"withdraw": withdrawn})
    if isinstance(done, HttpResponse):
        return done
    targets = publishing.list_targets(actor, Query(sort="name", limit=_MOST, counted=False)).items
    shape = Shape(
        publishing.PUBLICATIONS, columns(request), (
            Choice(tr("Target"), "target", tuple((str(each["id"]), str(each["name"])) for each in targets)),
            Choice(tr("State"), "state", words.options(words.PUBLICATIONS, _STATES)),
            Choice(tr("Read back"), "seen", words.options(words.SEEN)),
        ), download="publications" if may(request, "publications:export") else "",
        empty=tr("Nothing is published yet. Add a target, then choose credentials or a pool: "
                 "`stationmaster publication publish --pool NAME`"),
    )  # fmt: skip
    table = lists.listed(request, lambda query: publishing.list_publications(actor, query), shape)
    page = Page(tr("Published"), (Section("", (table,)),), tabs(request, "/publications"), (), _SAME, 0, done)
    return shown(request, page)


def withdrawn(actor: Actor, sent: Sent) -> Went:
    """Have one taken away."""
    job = publishing.withdraw(actor, {"target": filled(sent, "target"), "credentials": [filled(sent, "credential")]})
    return Went(f"/jobs/{job['id']}", tr("A job withdraws it."))
