"""Somebody leaves. Owns the page that says what ends by it and what plans will do, and its button: their keys are handed over
where somebody takes them, and the plan that takes their seats back is made at once.
"""

from collections.abc import Sequence
from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, posted
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.names import called
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Facts,
    Field,
    Form,
    Link,
    Note,
    Page,
    Part,
    Problem,
    Row,
    Section,
    text,
)
from stationmaster.entrances.console.pages.people.listing import address, tabs
from stationmaster.entrances.console.pages.routing.shared import owner_names
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr, trn
from stationmaster.operators import services as operators
from stationmaster.people import services as people
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Page as Listed
from stationmaster.store.listing import Query
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.planning.wording import change_of

_HELD: Final = frozenset({"planned", "inviting", "invited", "active", "removing"})  # states of seats that somebody has
_KEYS: Final = 500      # that are handed over at once


def page(request: HttpRequest, which: str) -> HttpResponse:
    """What ends when they leave, what plans will do, and the button for it."""
    done = posted(request, {"leave": lambda actor, sent: _left(actor, which, sent)})
    if isinstance(done, HttpResponse):
        return done
    actor = me(request)
    operators.require(actor, "people:update")
    row = people.get_person(actor, which)
    keys, seats = keys_of(actor, row), held(actor, row)
    ending = Section(tr("What ends"), (*_ends(keys, seats), _form(request, actor, keys, seats, done)))
    sections = (ending, *_steps(request, row))
    title, back = tr("{name} leaves", name=called(row)), (Link(tr("Back"), address(row)),)
    return shown(request, Page(title, sections, tabs(request, ""), back, _same(row), problem=done))


def _same(row: Row) -> tuple[tuple[str, str], ...]:
    return (
        ("stationmaster key update KEY --owner OWNER", "PATCH /api/v1/keys/KEY"),
        (f"stationmaster person deactivate {row['id']}", f"POST /api/v1/people/{row['id']}/deactivate"),
        ("stationmaster plan make [WORKSPACE]…", "POST /api/v1/plans"),
    )


def _form(request: HttpRequest, actor: Actor, keys: Listed, seats: Sequence[Row], problem: Problem | None) -> Form:
    """The button, and what is settled with it."""
    fields = []
    if keys.total and may(request, "keys:update"):
        wrong = problem.fields.get("owner", "") if problem else ""
        fields.append(Field(
            "owner", tr("Who takes their keys"), value=filled(request.POST, "owner"), options=owner_names(actor), error=wrong,
            help=tr("A person's e-mail address, a team or an application: the keys go on. Empty: they are disabled at once."),
        ))  # fmt: skip
    if may(request, "plans:create") and may(request, "seats:read") and seats:
        fields.append(Field("plan", tr("Make the plan that takes their seats back"), "checkbox", checked=problem is None))
    return Form(tr("They left"), "leave", tuple(fields), danger=True)


def _left(actor: Actor, which: str, sent: Sent) -> Went:
    """Keys first: those that somebody has taken do not end with whose they were."""
    before = people.get_person(actor, which)
    if owner := filled(sent, "owner"):
        for key in keys_of(actor, before).items:
            routing.update_key(actor, str(key["id"]), {"owner": owner})
    places = [str(seat["workspace"]) for seat in held(actor, before)] if "plan" in sent else []
    row = people.deactivate_person(actor, which)
    if not places:
        return Went(address(row), tr("They left. Make a plan to take their seats back."))
    note = tr("{name} left", name=called(row))
    plan = workspaces.make_plan(actor, {"workspaces": sorted(set(places)), "note": note})
    return Went(f"/plans/{plan['id']}", tr("They left. This plan takes their seats back, once it is approved and applied."))


def ends(actor: Actor, row: Row) -> tuple[Part, ...]:
    """What somebody's leaving does, by what is there now."""
    return _ends(keys_of(actor, row), held(actor, row))


def _ends(keys: Listed, seats: Sequence[Row]) -> tuple[Part, ...]:
    facts = Facts((
        (tr("Signing in here"), Cell(tr("ends at once, with sessions and API tokens, if they are an operator"))),
        (tr("Virtual keys"), _keys_end(keys)),
        (tr("Seats"), _seats_end(seats)),
    ))  # fmt: skip
    return (facts, Note(tr("Coming back gives none of it back.")))


def keys_of(actor: Actor, row: Row) -> Listed:
    """Virtual keys of theirs that are in use."""
    owned = {row["id"], row["user_name"], row["email"]} - {""}
    asked = (Filter("owner", "in", sorted(owned)), Filter("disabled", "eq", "false"))
    return routing.list_keys(actor, Query(filters=asked, limit=_KEYS))


def _keys_end(keys: Listed) -> Cell:
    said = trn("{number} is disabled at once", "{number} are disabled at once", keys.total)
    return Cell(said if keys.total else tr("none"), note=", ".join(key["name"] for key in keys.items[:50]))


def seats_of(actor: Actor, row: Row) -> list[Row]:
    """Their seats, in whatever state."""
    mine = Filter("person", "eq", row["id"])
    return list(workspaces.list_seats(actor, Query(filters=(mine,), limit=200, counted=False)).items)


def held(actor: Actor, row: Row) -> Sequence[Row]:
    """Seats that they have, or are to have."""
    return [seat for seat in seats_of(actor, row) if seat["state"] in _HELD]


def _seats_end(seats: Sequence[Row]) -> Cell:
    said = trn("{number} is taken back by the next plan, not at once", "{number} are taken back by the next plan, not at once",
               len(seats))  # fmt: skip
    return Cell(said if seats else tr("none"), note=", ".join(seat["workspace"] for seat in seats))


def _steps(request: HttpRequest, row: Row) -> list[Section]:
    """Each step about them, in which workspace and why; what is done by hand, or not at all, stands among them."""
    if not row["active"] or not may(request, "seats:read"):
        return []
    columns = (
        Column(tr("Workspace"), lambda step: Cell(step["workspace"])),
        Column(tr("Step"), lambda step: words.state(words.STEPS, step["kind"])),
        Column(tr("Change"), lambda step: text(change_of(step))),
        Column(tr("Why"), lambda step: Cell(words.reason(step["reason"], step["facts"], step["sentence"]))),
    )
    why = tr("Reckoned as plans are, with them out of the company. Each is done by a job once a plan is approved and applied, or "
             "by itself where the workspace's policy says so; the job tells what became of each.")  # fmt: skip
    kept = tr("Vendor credentials stay in service: they belong to the company. Rotate one that they knew.")
    empty = tr("No plan has anything to do about them.")
    found, large = workspaces.preview_leaving(me(request), row["id"])
    later = (Note(tr("Very many people are in {workspaces}: what is to be done there is worked out when the plan is made.",
                     workspaces=", ".join(large))),) if large else ()  # fmt: skip
    steps = lists.plain(columns, found, empty)
    return [Section(tr("What plans will do"), (Note(why), *((steps,) if found or not large else ()), *later, Note(kept)))]
