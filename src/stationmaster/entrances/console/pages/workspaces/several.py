"""What is done with several workspaces at once, from their list. Owns: the page that shows what will happen where, and why not
somewhere; what was shown is what is begun."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from stationmaster.credentials import services as credentials
from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, posted
from stationmaster.entrances.console.pages.lists import Column, by_id
from stationmaster.entrances.console.pages.parts import Bulk, Cell, Field, Form, Link, Note, Page, Part, Row, Section
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.entrances.web.answers import not_found
from stationmaster.errors import StationmasterError
from stationmaster.i18n import marked, told, tr, trn
from stationmaster.operators import services as operators
from stationmaster.phrases import said
from stationmaster.publishing import services as publishing
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.vendors.registry import VENDORS
from stationmaster.workspaces import services as workspaces

ADDRESS: Final = "/workspaces/several"
_MOST: Final = 500


@dataclass(frozen=True)
class _Act:
    """One thing that can be done: its button, the right it takes, what it does to one workspace, and the same elsewhere."""

    button: str
    right: str
    does: str
    same: tuple[str, str]
    reads: bool = False  # it asks the vendor, and needs an interface of it


_ACTS: Final[Mapping[str, _Act]] = {
    "onboard": _Act(
        marked("Read them"), "workspaces:update", marked("a job reads who and what is there; nothing is changed"),
        ("stationmaster workspace run NAME onboard", "POST /api/v1/workspaces/{workspace}/run"), reads=True,
    ),
    "reconcile": _Act(
        marked("Reconcile them"), "workspaces:update",
        marked("a job reads it and finds what is different from what should be; it mends what the policy allows"),
        ("stationmaster workspace run NAME reconcile", "POST /api/v1/workspaces/{workspace}/run"), reads=True,
    ),
    "plan": _Act(
        marked("Make a plan"), "plans:create",
        marked("the plan says whom to invite, to remove and to change; it does nothing yet"),
        ("stationmaster plan make [WORKSPACE]…", "POST /api/v1/plans"),
    ),
    "rotate": _Act(
        marked("Rotate keys"), "credentials:rotate", marked("a job makes new keys, brings them in and then ends the old ones"),
        ("stationmaster credential rotate NAME --workspace", "POST /api/v1/workspaces/{workspace}/rotate"),
    ),
    "publish": _Act(
        marked("Publish credentials"), "publications:plan", marked("a plan says what would be published; it does nothing yet"),
        ("stationmaster publication plan NAME…", "POST /api/v1/publish-plans"),
    ),
}  # fmt: skip


def bulk(request: HttpRequest, rows: Sequence[Row]) -> Bulk | None:
    """What can be done with rows of the list, for whoever may do any of it."""
    open_ = [(name, act) for name, act in _ACTS.items() if may(request, act.right)]
    links = tuple(Link(told(act.button), f"{ADDRESS}?act={name}", dialog=True) for name, act in open_)
    return Bulk(tuple(str(row["id"]) for row in rows), links) if links else None


def page(request: HttpRequest) -> HttpResponse:
    """What will happen with each of those that were selected, and the button that begins it."""
    sent = request.POST if request.method == "POST" else request.GET
    name = sent.get("act", "")
    if name not in _ACTS:
        raise not_found()
    act = _ACTS[name]
    operators.require(me(request), act.right)
    done = posted(request, {"begin": _begins(name)})
    if isinstance(done, HttpResponse):
        return done
    rows = _chosen(me(request), sent.getlist("id"))
    parts = _parts(me(request), name, rows) if rows else [Note(tr("No workspace was selected. Select some in the list first."))]
    sections = (Section("", parts),)
    back = (Link(tr("Workspaces"), "/workspaces"),)
    return shown(request, Page(told(act.button), sections, same=(act.same,), problem=done, trail=back))


def _chosen(actor: Actor, ids: Iterable[str]) -> list[Row]:
    found = by_id(lambda query: workspaces.list_workspaces(actor, query), [*ids][:_MOST])
    return sorted(found.values(), key=lambda row: str(row["name"]))


def _parts(actor: Actor, name: str, rows: Sequence[Row]) -> list[Part]:
    numbers = _keys_of(actor, rows) if name in ("rotate", "publish") else {}
    against = {row["id"]: _against(name, row, numbers.get(row["id"], 0)) for row in rows}
    columns = (
        Column(tr("Workspace"), lambda row: Cell(row["name"], f"/workspaces/{row['id']}")),
        Column(tr("State"), lambda row: words.state(words.WORKSPACES, row["state"])),
        Column(tr("What will happen"), lambda row: _happens(name, against[row["id"]], numbers.get(row["id"], 0))),
    )
    possible = [row for row in rows if not against[row["id"]]]
    return [lists.plain(columns, rows), *_form(actor, name, possible)]


def _happens(name: str, against: str, number: int) -> Cell:
    if against:
        return Cell(tr("nothing"), note=against, tone="off", icon="circle-minus")
    note = trn("{number} credential", "{number} credentials", number) if name in ("rotate", "publish") else ""
    return Cell(told(_ACTS[name].does), note=note, icon="circle-check", tone="good")


def _against(name: str, row: Row, number: int) -> str:
    """Why nothing can be done there; empty: it can."""
    if row["disabled"]:
        return tr("it is out of use")
    if _ACTS[name].reads and not (row["vendor"] in VENDORS and VENDORS[row["vendor"]].capabilities):
        return tr("its vendor offers no interface: people keep it by hand")
    if name in ("rotate", "publish") and not number:
        return tr("no credential of it is here")
    return ""


def _keys_of(actor: Actor, rows: Sequence[Row]) -> Mapping[Any, int]:
    """How many credentials in use each has."""
    return Counter(each["workspace"] for each in _keys(actor, [str(row["id"]) for row in rows]))


def _keys(actor: Actor, ids: Sequence[str]) -> list[Row]:
    asked = (Filter("workspace", "in", list(ids)), Filter("disabled", "eq", "false"))
    return list(credentials.list_credentials(actor, Query(filters=asked, limit=_MOST, counted=False)).items) if ids else []


def _form(actor: Actor, name: str, rows: Sequence[Row]) -> list[Part]:
    if not rows:
        return [Note(tr("There is nothing that could be begun."))]
    ids = tuple(Field("id", "", "hidden", str(row["id"])) for row in rows)
    fields = (Field("act", "", "hidden", name), *ids, *_asks(actor, name))
    return [Form(trn("Begin in {number} workspace", "Begin in {number} workspaces", len(rows)), "begin", fields, main=True)]


def _asks(actor: Actor, name: str) -> tuple[Field, ...]:
    """What there is to say besides."""
    if name == "plan":
        return (Field("note", tr("Note"), help=tr("For whoever approves it.")),)
    if name != "publish":
        return ()
    found = publishing.list_targets(actor, Query(sort="name", limit=_MOST, counted=False)).items
    where = tuple((str(each["id"]), str(each["name"])) for each in found if not each["disabled"])
    usual = next((str(each["id"]) for each in found if each["default"]), "")
    return (Field("target", tr("Target"), "select", usual, where, needed=True),)


def _begins(name: str) -> Callable[[Actor, Sent], Went]:
    made: dict[str, Callable[[Actor, Sent], Went]] = {"plan": _plan, "publish": _publish}
    return made.get(name) or (lambda actor, sent: _jobs(actor, name, sent.getlist("id")))


def _plan(actor: Actor, sent: Sent) -> Went:
    row = workspaces.make_plan(actor, {"workspaces": sent.getlist("id")[:_MOST], "note": sent.get("note", "")})
    return Went(f"/plans/{row['id']}")


def _publish(actor: Actor, sent: Sent) -> Went:
    ids = [str(each["id"]) for each in _keys(actor, sent.getlist("id"))]
    row = publishing.make_plan(actor, {"target": sent.get("target", ""), "credentials": ids, "withdraw": False})
    return Went(f"/publish/{row['id']}")


def _jobs(actor: Actor, name: str, ids: Sequence[str]) -> Went:
    """A job for each; where one is refused, the others are begun, and it is said which and why."""
    begun, refused = [], []
    for row in _chosen(actor, ids):
        try:
            begun.append(_job(actor, name, str(row["id"])))
        except StationmasterError as error:
            if not begun and len(ids) == 1:
                raise
            refused.append(f"{row['name']}: {said(error.message)}")
    told_ = trn("{number} job is queued.", "{number} jobs are queued.", len(begun))
    asked = urlencode({"filter": f"id:in:{','.join(begun)}"})
    return Went(f"/jobs?{asked}" if begun else "/workspaces", " ".join([told_, *refused]))


def _job(actor: Actor, name: str, which: str) -> str:
    if name == "rotate":
        return str(credentials.rotate_workspace(actor, which, {})["id"])
    return str(workspaces.run_job(actor, which, {"kind": name})["id"])
