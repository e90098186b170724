"""The first steps, as a list that ticks itself. Owns: the steps, when each is done, and that it can be put away."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse

from stationmaster.credentials import services as credentials
from stationmaster.entrances.console.pages.parts import Form, Link, Section
from stationmaster.entrances.console.pages.pictures import Checklist, Snippet, Snippets, Tick
from stationmaster.entrances.console.pages.routing.shared import gateway_url
from stationmaster.entrances.console.pages.showing import may, me
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.operators.services import allowed
from stationmaster.people import services as people
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query
from stationmaster.usage import services as usage
from stationmaster.workspaces import services as workspaces

_ONE: Final = Query(limit=1, counted=False)


@dataclass(frozen=True)
class Step:
    """One step: what it takes to see it and to do it, its words, the list that is not empty once it is done, where it is done
    (the name of an address) and by which command."""

    sees: str
    does: str
    text: Callable[[], str]
    note: Callable[[], str]
    page: Callable[[Actor, Query], Any]
    place: str
    command: str


STEPS: Final = (
    Step("workspaces:read", "workspaces:create", lambda: tr("Attach a workspace"),
         lambda: tr("An organisation that the company owns at a vendor. To look around first: `stationmaster demo`"),
         workspaces.list_workspaces, "workspaces_new", "stationmaster workspace create NAME --vendor openai"),
    Step("people:read", "people:create", lambda: tr("Add people"), lambda: tr("From a file, by SCIM, or by hand."),
         people.list_people, "people_imports", "stationmaster person import people.csv"),
    Step("credentials:read", "credentials:create", lambda: tr("Store a credential"),
         lambda: tr("A vendor's API key that requests go out with."),
         credentials.list_credentials, "credentials_new", "stationmaster credential create NAME --vendor openai"),
    Step("pools:read", "pools:create", lambda: tr("Make a pool"), lambda: tr("Credentials that stand in for each other."),
         routing.list_pools, "pools_new", "stationmaster pool create NAME --member CREDENTIAL"),
    Step("routes:read", "routes:create", lambda: tr("Make a route"), lambda: tr("Which models go to which pool."),
         routing.list_routes, "routes_new", "stationmaster route create --model '*' --pool POOL"),
    Step("keys:read", "keys:create", lambda: tr("Make a virtual key"), lambda: tr("What an application or a person presents."),
         routing.list_keys, "keys_new", "stationmaster key create NAME --owner OWNER"),
    Step("usage:read", "usage:read", lambda: tr("Send a first request"), lambda: tr("With the virtual key, as below."),
         usage.list_events, "requests", ""),
)  # fmt: skip


def unfinished(request: HttpRequest) -> Iterator[Section]:
    """The steps on the first page, as long as one is left and nobody put them away. Only for who can do them."""
    if not may(request, "credentials:create") or operators.steps_put_away(me(request)):
        return
    found = ticks(me(request))
    if not all(tick.done for tick in found):
        away = Form(tr("Put away"), "put_away", action=reverse("start"), quiet=True)
        yield Section(tr("First steps"), (Checklist(found), away), links=(Link(tr("With a first request"), reverse("start")),))


def bare(actor: Actor) -> bool:
    """Whether nothing is done yet, so that the steps are all there is to see."""
    return not any(tick.done for tick in ticks(actor))


def ticks(actor: Actor) -> tuple[Tick, ...]:
    """The steps that `actor` may see, the first that is not done marked."""
    found = [_tick(actor, step) for step in STEPS if allowed(actor, step.sees)]
    first = next((at for at, tick in enumerate(found) if not tick.done), -1)
    return tuple(replace(tick, now=at == first) for at, tick in enumerate(found))


def _tick(actor: Actor, step: Step) -> Tick:
    done = bool(step.page(actor, _ONE).items)
    href = reverse(step.place) if allowed(actor, step.does) else ""
    return Tick(step.text(), done, href, step.command, step.note())


def request_snippets(request: HttpRequest) -> Snippets:
    """A first request, with a placeholder where the key goes."""
    base = gateway_url(request)
    chat = '{"model": "MODEL", "messages": [{"role": "user", "content": "Hello"}]}'
    asked = '{"model": "MODEL", "max_tokens": 64, "messages": [{"role": "user", "content": "Hello"}]}'
    lines = " \\\n  -H 'Content-Type: application/json' -d '"
    return Snippets((
        Snippet("OpenAI", f"curl {base}/v1/chat/completions -H 'Authorization: Bearer YOUR_VIRTUAL_KEY'{lines}{chat}'"),
        Snippet("Anthropic", f"curl {base}/v1/messages -H 'x-api-key: YOUR_VIRTUAL_KEY' "
                             f"-H 'anthropic-version: 2023-06-01'{lines}{asked}'"),
    ))  # fmt: skip
