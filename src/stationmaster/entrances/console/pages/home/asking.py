"""Requests for seats: who wants one, and yes or no. Owns that page and its forms."""

from collections.abc import Mapping
from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, names, words
from stationmaster.entrances.console.pages.acting import Action, Sent, Went, posted
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.parts import Cell, Field, Form, Note, Page, Row, Section, Table, moment, text
from stationmaster.entrances.console.pages.seats.parts import tabs
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import marked, tr
from stationmaster.phrases import said
from stationmaster.store.actor import Actor
from stationmaster.workspaces import services as workspaces

ASKED: Final[words.Words] = {
    "asked": (marked("waits for a decision"), "busy"),
    "granted": (marked("granted"), "good"),
    "refused": (marked("refused"), "bad"),
    "withdrawn": (marked("taken back"), "off"),
}
_SAME: Final = (
    ("stationmaster seat-request list --filter state=asked", "GET /api/v1/seat-requests?filter=state:eq:asked"),
    ("stationmaster seat-request grant REQUEST", "POST /api/v1/seat-requests/REQUEST/grant"),
    ("stationmaster seat-request refuse REQUEST --reason WHY", "POST /api/v1/seat-requests/REQUEST/refuse"),
)


def page(request: HttpRequest) -> HttpResponse:
    """Who asked for a seat where, what became of it, and deciding what is open."""
    actions: Mapping[str, Action] = {
        "grant": lambda actor, sent: _granted(actor, sent), "refuse": lambda actor, sent: _refused(actor, sent),
    }  # fmt: skip
    done = posted(request, actions)
    if isinstance(done, HttpResponse):
        return done
    why = tr("A yes assigns the person to the workspace; nobody is invited before a plan was made, approved and applied.")
    sections = (Section("", (Note(why), _table(request))),)
    return shown(request, Page(tr("Requests for seats"), sections, tabs(request, "/seats/requests"), same=_SAME, problem=done))


def state(row: Row) -> Cell:
    """What became of one, and why not."""
    return words.state(ASKED, row["state"], note=said(row["why"]) if row["why"] else "")


def _table(request: HttpRequest) -> Table:
    actor = me(request)
    choices = (Choice(tr("State"), "state", words.options(ASKED)),)
    shape = Shape(
        workspaces.SEAT_REQUESTS, _columns(request), choices,
        tr("Nobody asked for a seat yet. Members ask on their page “My access”; anybody else with "
           "`stationmaster seat-request ask WORKSPACE --person PERSON`"),
        "seat-requests" if may(request, "seatrequests:export") else "", besides=lambda rows: _with_names(actor, rows),
    )  # fmt: skip
    return lists.listed(request, lambda query: workspaces.list_seat_requests(actor, query), shape)


def _with_names(actor: Actor, rows: list[Row]) -> list[Row]:
    """The rows, with the names of who decided."""
    known = names.of_operators(actor, [str(row["decided_by"]) for row in rows])
    return [{**row, "decider": known.get(str(row["decided_by"]), "")} for row in rows]


def _columns(request: HttpRequest) -> list[Column]:
    columns = [
        Column(tr("Person"), lambda row: Cell(row["name"], f"/people/{row['person']}", note=row["email"]), "name"),
        Column(tr("Workspace"), lambda row: Cell(row["workspace"], note=_login(row)), "workspace"),
        Column(tr("Role"), lambda row: text(row["role"]), "role"),
        Column(tr("What for"), lambda row: text(row["reason"])),
        Column(tr("State"), state, "state"),
        Column(tr("Asked"), lambda row: moment(row["created_at"]), "created_at"),
        Column(tr("Decided"), _decided, "decided_at"),
    ]
    if may(request, "seatrequests:decide"):
        columns.append(Column("", lambda row: Cell(forms=_forms(row))))
    return columns


def _login(row: Row) -> str:
    return tr("their log-in at this vendor is not known yet") if row["lacks_login"] else ""


def _decided(row: Row) -> Cell:
    when = moment(row["decided_at"])
    by = str(row["decider"])
    return Cell(when.text, at=when.at, title=when.title, note=tr("by {name}", name=by) if by else "", tone=when.tone)


def _forms(row: Row) -> tuple[Form, ...]:
    if row["state"] != "asked":
        return ()
    which = Field("which", "", "hidden", str(row["id"]))
    no = (which, Field("reason", tr("Why not"), needed=True))
    return (Form(tr("Grant"), "grant", (which,)), Form(tr("Refuse"), "refuse", no, folded=tr("Refuse …")))


def _granted(actor: Actor, sent: Sent) -> Went:
    row = workspaces.grant_seat_request(actor, sent.get("which", ""), {})
    return Went(told=tr("{name} is assigned to {workspace}. Make a plan to invite them.", name=row["name"],
                        workspace=row["workspace"]))  # fmt: skip


def _refused(actor: Actor, sent: Sent) -> Went:
    row = workspaces.refuse_seat_request(actor, sent.get("which", ""), {"reason": sent.get("reason", "")})
    return Went(told=tr("Refused; {name} is told why on their page.", name=row["name"]))
