"""People that were selected, assigned to a workspace or taken out of it. Owns the page that shows what that comes to, and makes
the assignments and the plan of exactly what it showed."""

from collections.abc import Mapping
from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, posted
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import Cell, Field, Form, Link, Note, Page, Part, Row, Section, text
from stationmaster.entrances.console.pages.people.grid import chosen
from stationmaster.entrances.console.pages.people.listing import tabs
from stationmaster.entrances.console.pages.pictures import Tile, Tiles
from stationmaster.entrances.console.pages.seats.parts import roles_at
from stationmaster.entrances.console.pages.showing import me, shown
from stationmaster.entrances.web.answers import not_found
from stationmaster.i18n import marked, tr, trn
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.assigning import MOST
from stationmaster.workspaces.planning.wording import change_of

_SHOWN: Final = 100     # people, and steps, that are listed; of others the number is said
_RIGHTS: Final[Mapping[str, str]] = {"assign": "assignments:create", "unassign": "assignments:delete"}
_SAME: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "assign": (
        ("stationmaster assignment create WORKSPACE --person PERSON", "POST /api/v1/assignments"),
        ("stationmaster plan make [WORKSPACE]…", "POST /api/v1/plans"),
    ),
    "unassign": (
        ("stationmaster assignment delete ASSIGNMENT", "DELETE /api/v1/assignments/{assignment}"),
        ("stationmaster plan make [WORKSPACE]…", "POST /api/v1/plans"),
    ),
}
_OUTCOMES: Final[words.Words] = {
    "new": (marked("is assigned"), "good"),
    "role": (marked("gets another role"), "busy"),
    "same": (marked("is assigned already"), "off"),
    "by_group": (marked("a group of theirs is assigned"), "off"),
    "left": (marked("cannot be: they left"), "bad"),
    "gone": (marked("the assignment is taken away"), "busy"),
    "none": (marked("has no assignment here"), "off"),
}


def page(request: HttpRequest, verb: str) -> HttpResponse:
    """First where, then what that comes to, and the button that does it."""
    if verb not in _RIGHTS:
        raise not_found()
    actor = me(request)
    for right in (_RIGHTS[verb], "plans:create"):
        operators.require(actor, right)
    shows = request.POST.get("do") == "show"  # too many to stand in an address
    done = None if shows else posted(request, {"make": lambda who, sent: _made(who, verb, sent)})
    if isinstance(done, HttpResponse):
        return done
    ids = filled(request.POST, "people").split() or chosen(request, MOST + 1)
    sent = request.POST if request.method == "POST" else request.GET
    sections = (Section("", _parts(actor, verb, ids, sent)),)
    title = tr("Assign to a workspace") if verb == "assign" else tr("Take out of a workspace")
    trail = (Link(tr("Who is where"), "/people/grid"),)
    return shown(request, Page(title, sections, tabs(request, "/people/grid"), same=_SAME[verb], problem=done, trail=trail))


def _parts(actor: Actor, verb: str, ids: list[str], sent: Sent) -> list[Part]:
    if not ids:
        return [Note(tr("Nobody was selected. Select some people first."), links=(Link(tr("Who is where"), "/people/grid"),))]
    if len(ids) > MOST:
        why = tr("These are more than {number}. Put them into a group, and assign that.", number=MOST)
        return [Note(why, "bad", (Link(tr("Assignments"), "/assignments"), Link(tr("Groups"), "/groups")))]
    where = filled(sent, "workspace") or _asked(sent)
    if not where:
        return [_choosing(actor, verb, ids, "", "")]
    row = workspaces.get_workspace(actor, where)
    given = {"workspace": row["id"], "people": ids, "role": filled(sent, "role")}
    seen = workspaces.preview_people(actor, verb, given)  # type: ignore[arg-type]  # one of both
    return [*_comes_to(seen), *_form(verb, seen, row, ids), _choosing(actor, verb, ids, row["name"], seen["role"])]


def _asked(sent: Sent) -> str:
    """The workspace that the list was narrowed to."""
    values = [each.removeprefix("workspace:eq:") for each in sent.getlist("filter") if each.startswith("workspace:eq:")]
    return values[0] if values else ""


def _choosing(actor: Actor, verb: str, ids: list[str], where: str, role: str) -> Form:
    """Where, and as what; asking for another shows what that would come to."""
    asked = Query(filters=(Filter("disabled", "eq", "false"),), sort="name", limit=500, counted=False)
    rows = workspaces.list_workspaces(actor, asked).items
    places = tuple((str(row["name"]), str(row["name"])) for row in rows)
    few = len(ids) <= _SHOWN
    fields = [Field("id", "", "hidden", each) for each in ids] if few else [Field("people", "", "hidden", " ".join(ids))]
    fields.append(Field("workspace", tr("Workspace"), "select", where, places, needed=True))
    if verb == "assign":
        roles = (("", tr("the vendor's weakest")), *((each, each) for each in roles_at(rows, where)))
        fields.append(Field("role", tr("Role"), "select", role, roles))
    people = trn("{number} person is selected.", "{number} people are selected.", len(ids))
    return Form(
        tr("Show what that comes to"), "" if few else "show", tuple(fields), text="" if where else people, asks=few,
        folded=tr("Another workspace or role") if where else "", quiet=bool(where),
    )  # fmt: skip


def _comes_to(seen: Row) -> list[Part]:
    """How many, who becomes what, and the steps of the plan about them."""
    tiles = [Tile(words.name(_OUTCOMES, code), f"{count:,}", tone=_OUTCOMES[code][1]) for code, count in _counted(seen)]
    who = (
        Column(tr("Person"), lambda row: Cell(row["name"], f"/people/{row['id']}", note=row["email"])),
        Column(tr("What will happen"), lambda row: words.state(_OUTCOMES, row["outcome"], note=", ".join(row["groups"]))),
    )
    steps = (
        Column(tr("Step"), lambda step: words.state(words.STEPS, step["kind"])),
        Column(tr("Who"), lambda step: text(step["name"])),
        Column(tr("Change"), lambda step: text(change_of(step))),
        Column(tr("Why"), lambda step: Cell(words.reason(step["reason"], step["facts"], step["sentence"]))),
    )
    people: list[Part] = [Tiles(tuple(tiles)), lists.plain(who, seen["people"][:_SHOWN]), *_more(len(seen["people"]))]
    if not seen["planned"]:
        told = tr("Many people are in this workspace: the plan is worked out when it is made. It shows every step, and nothing "
                  "happens before it is approved.")  # fmt: skip
        return [*people, Note(told)]
    told_ = tr("Steps of the plan about them: {steps}. Besides them it has {others} others, of what differs there anyway.",
               steps=_steps(seen), others=seen["others"])  # fmt: skip
    return [
        *people, Note(told_), lists.plain(steps, seen["steps"][:_SHOWN], tr("No steps.")), *_more(len(seen["steps"])),
    ]  # fmt: skip


def _counted(seen: Row) -> list[tuple[str, int]]:
    found = {code: sum(each["outcome"] == code for each in seen["people"]) for code in _OUTCOMES}
    return [(code, count) for code, count in found.items() if count]


def _steps(seen: Row) -> str:
    return ", ".join(f"{words.name(words.STEPS, kind)}: {count}" for kind, count in seen["counts"].items()) or tr("none")


def _more(number: int) -> list[Part]:
    return [Note(tr("and {number} more", number=number - _SHOWN))] if number > _SHOWN else []


def _form(verb: str, seen: Row, row: Row, ids: list[str]) -> list[Part]:
    """The button; who and where are those that are shown."""
    if not seen["changes"]:
        return [Note(tr("There is nothing to change for them."))]
    fields = (
        Field("people", "", "hidden", " ".join(ids)), Field("workspace", "", "hidden", row["id"]),
        Field("role", "", "hidden", seen["role"]),
    )  # fmt: skip
    button = tr("Assign and make the plan") if verb == "assign" else tr("Take out and make the plan")
    how = tr("Nothing happens at {workspace} before the plan is approved and applied.", workspace=row["name"])
    return [Form(button, "make", fields, text=how, danger=verb == "unassign", main=True)]


def _made(actor: Actor, verb: str, sent: Sent) -> Went:
    given = {name: filled(sent, name) for name in ("workspace", "role")} | {"people": filled(sent, "people").split()}
    does = workspaces.assign_people if verb == "assign" else workspaces.unassign_people
    row = does(actor, given)
    return Went(f"/plans/{row['id']}", tr("It is assigned; this plan says what follows.") if verb == "assign" else
                tr("It is taken away; this plan says what follows."))  # fmt: skip
