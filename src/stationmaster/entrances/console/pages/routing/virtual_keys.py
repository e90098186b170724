"""The list of virtual keys, and making one. Owns those pages."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists
from stationmaster.entrances.console.pages.acting import revealed
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.parts import Cell, Link, Note, Page, Row, Section, Table, moment, texts
from stationmaster.entrances.console.pages.pictures import Once
from stationmaster.entrances.console.pages.routing import clients, key_fields, spending
from stationmaster.entrances.console.pages.routing.shared import gateway_url, key_state, owner, requests_of, with_owners
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor

_TRAIL: Final = "/keys"


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list; of a member their own."""
    actor = me(request)
    links = (Link(tr("New key"), "/keys/new", main=True),) if may(request, "keys:create") else ()
    same = (("stationmaster key list", "GET /api/v1/keys"), ("stationmaster key create NAME --owner OWNER", "POST /api/v1/keys"))
    lead = tr("What applications and people present to the gateway; vendors never see one.")
    return shown(request, Page(tr("Virtual keys"), (Section("", (_table(request, actor),)),), links=links, same=same, lead=lead))


def _table(request: HttpRequest, actor: Actor) -> Table:
    columns = (
        Column(tr("Name"), lambda row: Cell(row["name"], f"/keys/{row['id']}", note=row["tenant"]), "name"),
        Column(tr("Owner"), owner, "owner"),
        Column(tr("State"), key_state, "disabled"),
        Column(tr("Models"), lambda row: every(row["models"])),
        Column(tr("This month"), spending.month_cell),
        Column(tr("Requests this month"), _requests, number=True),
        Column(tr("Ends"), lambda row: moment(row["expires"], tr("never")), "expires"),
        Column(tr("Changed"), lambda row: moment(row["updated_at"]), "updated_at"),
    )
    choices = (Choice(tr("Switched off"), "disabled", (("true", tr("yes")), ("false", tr("no")))),)
    shape = Shape(
        routing.KEYS, columns, choices, download="keys" if may(request, "keys:export") else "",
        empty=tr("None yet. An application needs one to ask the gateway anything: `stationmaster key create NAME --owner OWNER`"),
        besides=lambda rows: _with_use(actor, rows),
    )  # fmt: skip
    table = lists.listed(request, lambda query: routing.list_keys(actor, query), shape)
    return lists.starting(table, Link(tr("Make the first key"), "/keys/new", main=True), may(request, "keys:create"))


def every(models: list[str]) -> Cell:
    """Which models, in words where it is all of them."""
    return Cell(tr("every model")) if models == ["*"] else texts(models)


def _with_use(actor: Actor, rows: list[Row]) -> list[Row]:
    used = spending.this_month(actor, [str(row["name"]) for row in rows])
    return [{**row, "month": used.get(str(row["name"]))} for row in with_owners(actor, rows)]


def _requests(row: Row) -> Cell:
    count = row["month"]["requests"] if row["month"] else 0
    return Cell(f"{count:,}", requests_of("key", row["name"]), number=True)


def new(request: HttpRequest) -> HttpResponse:
    """Make one: for whom, what it may use, how much. The answer shows it, this once."""
    actor = me(request)
    operators.require(actor, "keys:create")
    done = revealed(request, {"create": key_fields.made_key})
    if isinstance(done, HttpResponse):
        return done
    made, problem = done
    if made is not None:
        return shown(request, once(request, made, tr("The key {name}", name=made.row["name"])))
    form = key_fields.key_form(actor, request.POST if problem is not None else None, problem)
    same = (("stationmaster key create NAME --owner OWNER --model MODEL --budget-month 100", "POST /api/v1/keys"),)
    page = Page(tr("New key"), (Section("", (form,)),), same=same, problem=problem, trail=(Link(tr("Virtual keys"), _TRAIL),))
    return shown(request, page)


def once(request: HttpRequest, made: Any, title: str) -> Page:
    """The answer in which a key is shown, with what to do with it."""
    row, url = made.row, gateway_url(request)
    note = tr("Copy it now and give it to its application: only a hash of it is kept.")
    sections = (
        Section("", (Once(tr("The key"), made.key.key, note),)),
        Section(tr("Use it"), (address_note(url), clients.of_key(row, url))),
    )
    links = (Link(tr("Its page"), f"/keys/{row['id']}", main=True), Link(tr("Its requests"), requests_of("key", row["name"])))
    return Page(title, sections, links=links, trail=(Link(tr("Virtual keys"), _TRAIL),))


def address_note(url: str) -> Note:
    """Where the gateway is."""
    return Note(tr("The gateway listens at `{url}`; OpenAI's clients want `/v1` behind it. Where gateways run elsewhere, it is "
                   "their address.", url=url))  # fmt: skip
