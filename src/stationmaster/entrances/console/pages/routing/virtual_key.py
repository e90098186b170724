"""One virtual key: how it stands, what it spent, how it is used, and everything that can be done to it. Owns that page."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages.acting import Action, Sent, Went, filled, revealed, version
from stationmaster.entrances.console.pages.parts import Cell, Facts, Field, Form, Link, Page, Problem, Row, Section, moment, text
from stationmaster.entrances.console.pages.pictures import Tiles
from stationmaster.entrances.console.pages.routing import clients, key_fields, spending, virtual_keys
from stationmaster.entrances.console.pages.routing.shared import gateway_url, key_state, owner, requests_of, usage_of, with_owners
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor

_HOUR: Final = 3600
_GRACES: Final = (0, _HOUR, 24 * _HOUR, 7 * 24 * _HOUR, 30 * 24 * _HOUR)  # seconds that the key before is still let in


def one(request: HttpRequest, which: str) -> HttpResponse:
    """All that is known of it."""
    actor = me(request)
    done = revealed(request, {"rotate": lambda actor, sent: _rotated(actor, which, sent)}, _actions(which))
    if isinstance(done, HttpResponse):
        return done
    made, problem = done
    if made is not None:
        return shown(request, virtual_keys.once(request, made, tr("Another key for {name}", name=made.row["name"])))
    row = with_owners(actor, [routing.get_key(actor, which)])[0]
    return shown(request, _page(request, actor, row, problem))


def _page(request: HttpRequest, actor: Actor, row: Row, problem: Problem | None) -> Page:
    url = gateway_url(request)
    tiles = spending.tiles(actor, row)
    sections = [
        *([Section("", (Tiles(tiles),))] if tiles else []),
        Section("", (_facts(request, row),)),
        Section(tr("Use it"), (virtual_keys.address_note(url), clients.of_key(row, url))),
        *_changing(request, actor, row, problem),
        *_rotating(request, row),
        *_ending(request, row),
    ]
    links = (Link(tr("Its requests"), requests_of("key", row["name"])), Link(tr("Its usage"), usage_of("key", row["name"])))
    trail = (Link(tr("Virtual keys"), "/keys"),)
    return Page(row["name"], sections, links=links, same=_same(row), problem=problem, state=key_state(row), trail=trail)


def _same(row: Row) -> tuple[tuple[str, str], ...]:
    name, path = row["name"], f"/api/v1/keys/{row['id']}"
    return (
        (f"stationmaster key show {name}", f"GET {path}"),
        (f"stationmaster key update {name}", f"PATCH {path}"),
        (f"stationmaster key rotate {name} --grace 24h", f"POST {path}/rotate"),
        (f"stationmaster key revoke {name}", f"DELETE {path}"),
    )


def _facts(request: HttpRequest, row: Row) -> Facts:
    pools = tuple(Cell(name, f"/pools/{name}" if may(request, "pools:read") else "") for name in row["pools"])
    rows = [
        (tr("State"), key_state(row)),
        (tr("Owner"), owner(row)),
        (tr("Models"), virtual_keys.every(row["models"])),
        (tr("Pools"), Cell(many=pools) if pools else Cell(tr("every pool"))),
        (tr("Ends"), moment(row["expires"], tr("never"))),
        (tr("Tenant"), text(row["tenant"] or row["name"])),
        (tr("Made"), moment(row["created_at"])),
        (tr("Changed"), moment(row["updated_at"])),
    ]
    if row["previous_until"]:
        rows.append((tr("The key before is let in until"), moment(row["previous_until"])))
    return Facts(tuple(rows))


def _changing(request: HttpRequest, actor: Actor, row: Row, problem: Problem | None) -> list[Section]:
    if not may(request, "keys:update"):
        return []
    sent = request.POST if problem is not None and request.POST.get("do") == "save" else None
    return [Section(tr("Owner, limits and budgets"), (key_fields.changing_form(actor, row, sent, problem),))]


def _rotating(request: HttpRequest, row: Row) -> list[Section]:
    if not may(request, "keys:rotate"):
        return []
    names = (tr("not at all"), tr("for an hour"), tr("for a day"), tr("for a week"), tr("for 30 days"))
    options = tuple((str(seconds), name) for seconds, name in zip(_GRACES, names, strict=True))
    grace = Field("grace", tr("The key before is still let in"), "select", str(24 * _HOUR), options)
    revision = Field("revision", "", "hidden", str(row["revision"]))
    told = tr("Another key is made and shown once; meanwhile both are let in, so that nothing has to change at once.")
    return [Section(tr("Rotate it"), (Form(tr("Make another key"), "rotate", (grace, revision), text=told),), half=True)]


def _ending(request: HttpRequest, row: Row) -> list[Section]:
    found = []
    if may(request, "keys:update"):
        found.append(Section(tr("Switch it on") if row["disabled"] else tr("Switch it off"), (_switch(row),), half=True))
    if may(request, "keys:delete"):
        sure = (Field("sure", tr("Yes, {name}", name=row["name"]), "checkbox", needed=True),)
        told = tr("For good: it is never let in again. What it used stays in the figures.")
        found.append(Section(tr("Delete it"), (Form(tr("Delete it"), "delete", sure, text=told, danger=True),), danger=True))
    return found


def _switch(row: Row) -> Form:
    if row["disabled"]:
        return Form(tr("Switch it on"), "enable", main=True)
    told = tr("Gateways let it in no more, until it is switched on.")
    return Form(tr("Switch it off"), "disable", (Field("reason", tr("Why")),), text=told)


def _actions(which: str) -> dict[str, Action]:
    return {
        "save": lambda actor, sent: _saved(actor, which, key_fields.given_of(sent), sent),
        "disable": lambda actor, sent: _saved(actor, which, {"disabled": True, "disabled_reason": filled(sent, "reason")}, sent),
        "enable": lambda actor, sent: _saved(actor, which, {"disabled": False, "disabled_reason": ""}, sent),
        "delete": lambda actor, _: _deleted(actor, which),
    }


def _saved(actor: Actor, which: str, given: dict[str, Any], sent: Sent) -> Went:
    routing.update_key(actor, which, given, version(sent))
    return Went(told=tr("Saved."))


def _rotated(actor: Actor, which: str, sent: Sent) -> routing.Minted:
    grace = filled(sent, "grace")
    return routing.rotate_key(actor, which, int(grace) if grace in map(str, _GRACES) else 0, version=version(sent))


def _deleted(actor: Actor, which: str) -> Went:
    routing.delete_key(actor, which)
    return Went("/keys", tr("It is let in no more."))
