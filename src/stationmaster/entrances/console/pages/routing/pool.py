"""One pool: its members, how they stood and what they carried; their order, weights, coming and going. Owns those pages."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages.acting import Action, Sent, Went, filled, lines, posted, version, whole
from stationmaster.entrances.console.pages.parts import Field, Form, Link, Note, Page, Part, Problem, Row, Section
from stationmaster.entrances.console.pages.routing import balance, members
from stationmaster.entrances.console.pages.routing.pools import EMPTY, able
from stationmaster.entrances.console.pages.routing.shared import credential_names, credentials_called, requests_of, usage_of
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.errors import NotFound
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query

_NUMBERS: Final = ("weight", "priority", "max_concurrency", "rpm", "tpm")
Members = list[dict[str, Any]]


def one(request: HttpRequest, which: str) -> HttpResponse:
    """All that is known of it."""
    actor = me(request)
    done = posted(request, _actions(which))
    if isinstance(done, HttpResponse):
        return done
    row = routing.get_pool(actor, which)
    held = credentials_called(actor, [each["credential"] for each in row["members"]])
    stands = routing.pool_standings(actor, [str(row["id"])]).get(str(row["id"]), EMPTY)
    changing = may(request, "pools:update")
    table = members.table(row, held, balance.shares(actor, row), changing=changing)
    sections = [
        Section(tr("Members"), (table, *_order_note(changing))),
        *_timeline(request, actor, row, held),
        Section(tr("Sessions"), (Note(_sessions()),)),
        Section(tr("What leads here"), _leading(request, actor, row)),
        *_adding(request, actor, row, done),
        *_ending(request, row),
    ]
    links = (Link(tr("Its requests"), requests_of("pool", row["name"])),
             Link(tr("Its usage"), usage_of("pool", row["name"], "credential")), *_publishing(request, row))  # fmt: skip
    page = Page(row["name"], sections, links=links, same=_same(row), problem=done, state=able(stands),
                trail=(Link(tr("Pools"), "/pools"),))  # fmt: skip
    return shown(request, page)


def _same(row: Row) -> tuple[tuple[str, str], ...]:
    name, path = row["name"], f"/api/v1/pools/{row['id']}"
    return (
        (f"stationmaster pool show {name}", f"GET {path}"),
        (f"stationmaster pool set-member {name} CREDENTIAL --weight 2", f"PATCH {path}"),
        (f"stationmaster pool remove-member {name} CREDENTIAL", f"PATCH {path}"),
    )


def _sessions() -> str:
    return tr(
        "A session stays with one member: gateways agree on which by its key alone and keep no list, so nobody can count them "
        "here. One that had to move stays where it moved; each request tells by what its session was known."
    )


def _order_note(changing: bool) -> tuple[Part, ...]:
    told = tr("The lowest priority is asked first; members of the same share by weight. A row that is moved takes the priority "
              "of its new place.")  # fmt: skip
    return (Note(told),) if changing else ()


def _timeline(request: HttpRequest, actor: Actor, row: Row, held: Any) -> list[Section]:
    if not may(request, "credentials:read"):
        return []
    return [Section(tr("How they stood"), (balance.timeline(actor, row, held),))]


def _leading(request: HttpRequest, actor: Actor, row: Row) -> tuple[Part, ...]:
    if not may(request, "routes:read"):
        return ()
    found = routing.list_routes(actor, Query(filters=(Filter("pool", "eq", row["name"]),), limit=20, counted=False)).items
    links = tuple(Link(f"{each['position']}. {', '.join(each['models'])[:120]}", f"/routes/{each['id']}") for each in found)
    return (Note("" if links else tr("No route leads here first."), links=links or (Link(tr("New route"), "/routes/new"),)),)


def _publishing(request: HttpRequest, row: Row) -> tuple[Link, ...]:
    return (Link(tr("Publish it"), f"/publish?pool={row['name']}"),) if may(request, "publications:plan") else ()


def _adding(request: HttpRequest, actor: Actor, row: Row, problem: Problem | None) -> list[Section]:
    if not may(request, "pools:update"):
        return []
    wrong = next(iter(problem.fields.values()), "") if problem is not None and request.POST.get("do") == "add" else ""
    known = frozenset(each["credential"] for each in row["members"])
    fields = (
        Field("credential", tr("Credential"), options=credential_names(actor, known), needed=True, error=wrong),
        Field("weight", tr("Weight"), "number", "1"),
        Field("priority", tr("Priority"), "number", "0", help=tr("0 is asked first.")),
        Field("revision", "", "hidden", str(row["revision"])),
    )
    return [Section(tr("Add a member"), (Form(tr("Add it"), "add", fields),), half=True)]


def _ending(request: HttpRequest, row: Row) -> list[Section]:
    if not may(request, "pools:delete"):
        return []
    sure = (Field("sure", tr("Yes, {name}", name=row["name"]), "checkbox", needed=True),)
    told = tr("Its credentials stay. One that a route, a key or a setting names is not deleted.")
    return [Section(tr("Delete it"), (Form(tr("Delete it"), "delete", sure, text=told, danger=True),), danger=True)]


def member(request: HttpRequest, which: str) -> HttpResponse:
    """One member's place: its weight, priority and limits; or taking it out. Its name is asked for as `credential`."""
    actor = me(request)
    operators.require(actor, "pools:update")
    row = routing.get_pool(actor, which)
    name = request.GET.get("credential", "") or row["members"][0]["credential"]
    place = next((each for each in row["members"] if each["credential"] == name), None)
    if place is None:
        raise NotFound("error.pool.no_member", "the pool has no such member", hint="`stationmaster pool members` lists them")
    done = posted(request, {
        "save": lambda actor, sent: _change(actor, which, sent, lambda held: _with(held, name, _given(sent))),
        "remove": lambda actor, sent: _change(actor, which, sent, lambda held: _without(held, name)),
    })  # fmt: skip
    if isinstance(done, HttpResponse):
        return done
    same = ((f"stationmaster pool set-member {row['name']} {name}", f"PATCH /api/v1/pools/{row['id']}"),)
    trail = (Link(tr("Pools"), "/pools"), Link(row["name"], f"/pools/{row['id']}"))
    return shown(request, Page(name, _place(row, place, done), same=same, problem=done, trail=trail))


def _place(row: Row, place: Row, problem: Problem | None) -> tuple[Section, ...]:
    wrong = {name.rpartition(".")[2]: why for name, why in problem.fields.items()} if problem is not None else {}
    revision = Field("revision", "", "hidden", str(row["revision"]))
    labels = (tr("Weight"), tr("Priority"), tr("Requests at once"), tr("Requests a minute"), tr("Tokens a minute"))
    fields = tuple(Field(name, label, "number", str(place[name]), error=wrong.get(name, ""), help=_limit(name))
                   for name, label in zip(_NUMBERS, labels, strict=True))  # fmt: skip
    models = Field("models", tr("Models"), "textarea", "\n".join(place["models"]), error=wrong.get("models", ""),
                   help=tr("One a line: `gpt-*`, `claude-opus-5-5`; `*` is every model."))  # fmt: skip
    removing = Form(tr("Take it out"), "remove", (revision,), danger=True, text=tr("Its sessions move to the other members."))
    return (Section("", (Form(tr("Save"), "save", (*fields, models, revision)),)),
            Section(tr("Take it out of the pool"), (removing,), danger=True))  # fmt: skip


def _limit(name: str) -> str:
    told = {"weight": tr("Its share beside the others of its priority."), "priority": tr("0 is asked first.")}
    return told.get(name, tr("0: no limit."))


def _without(held: Members, name: str) -> Members:
    return [each for each in held if each["credential"] != name]


def _given(sent: Sent) -> dict[str, Any]:
    numbers = {name: whole(sent, name) if whole(sent, name) is not None else 0 for name in _NUMBERS}
    return {**numbers, "models": lines(sent, "models") or ["*"]}


def _with(held: Members, name: str, given: dict[str, Any]) -> Members:
    return [{**each, **given} if each["credential"] == name else each for each in held]


def _change(actor: Actor, which: str, sent: Sent, changed: Callable[[Members], Members], told: str = "") -> Went:
    """Other members for the pool as it is now; refused where somebody else was faster than whoever looked at the form."""
    row = routing.get_pool(actor, which)
    held = [dict(each) for each in row["members"]]
    routing.update_pool(actor, which, {"members": changed(held)}, version(sent) or row["revision"])
    return Went(f"/pools/{row['id']}", told or tr("Saved."))


def _ordered(held: Members, names: Sequence[str]) -> Members:
    """The members in another order: each takes the priority of the place where it stands now."""
    known = {each["credential"]: each for each in held}
    order = [*(name for name in dict.fromkeys(names) if name in known), *(name for name in known if name not in names)]
    priorities = sorted(each["priority"] for each in held)
    return [{**known[name], "priority": priority} for name, priority in zip(order, priorities, strict=True)]


def _actions(which: str) -> dict[str, Action]:
    def added(actor: Actor, sent: Sent) -> Went:
        numbers = {name: whole(sent, name) for name in ("weight", "priority") if whole(sent, name) is not None}
        another = {"credential": filled(sent, "credential"), **numbers}
        return _change(actor, which, sent, lambda held: [*held, another], tr("It is added; it takes sessions within seconds."))

    def deleted(actor: Actor, _: Sent) -> Went:
        routing.delete_pool(actor, which)
        return Went("/pools", tr("It is deleted."))

    return {
        "order": lambda actor, sent: _change(actor, which, sent, lambda held: _ordered(held, sent.getlist("credential"))),
        "add": added,
        "delete": deleted,
    }
