"""First steps: the page where they always are, with a first request to copy. Owns that page."""

from collections.abc import Mapping
from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages.acting import Action, Went, posted
from stationmaster.entrances.console.pages.home import beginning
from stationmaster.entrances.console.pages.parts import Form, Note, Page, Section
from stationmaster.entrances.console.pages.pictures import Checklist
from stationmaster.entrances.console.pages.showing import me, shown
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor

_SAME: Final = (
    ("stationmaster workspace create NAME --vendor openai", "POST /api/v1/workspaces"),
    ("stationmaster person import people.csv", "POST /api/v1/people/imports"),
    ("stationmaster credential create NAME --vendor openai", "POST /api/v1/credentials"),
    ("stationmaster pool create NAME --member CREDENTIAL", "POST /api/v1/pools"),
    ("stationmaster route create --model MODEL --pool POOL", "POST /api/v1/routes"),
    ("stationmaster key create NAME --owner OWNER", "POST /api/v1/keys"),
)


def page(request: HttpRequest) -> HttpResponse:
    """The steps, each ticked once it is done, and a request to try it all with."""
    actions: Mapping[str, Action] = {
        "put_away": lambda actor, _: _put_away(actor, away=True), "bring_back": lambda actor, _: _put_away(actor, away=False),
    }  # fmt: skip
    done = posted(request, actions)
    if isinstance(done, HttpResponse):
        return done
    ticks = beginning.ticks(me(request))
    lead = tr("From nothing to a first request. Each step ticks itself.")
    note = tr("Put the virtual key and a model in. It is answered by a vendor, and stands among the requests a moment later.")
    sections = [
        Section("", (Checklist(ticks), *_back(request))),
        Section(tr("A first request"), (Note(note), beginning.request_snippets(request))),
    ]
    refresh = 0 if all(tick.done for tick in ticks) else 15
    return shown(request, Page(tr("First steps"), sections, same=_SAME, lead=lead, refresh=refresh))


def _back(request: HttpRequest) -> tuple[Form, ...]:
    away = operators.steps_put_away(me(request))
    return (Form(tr("Show on the overview again"), "bring_back", quiet=True),) if away else ()


def _put_away(actor: Actor, *, away: bool) -> Went:
    operators.put_steps_away(actor, away=away)
    return Went("/", tr("Put away; it stays at First steps.") if away else "")
