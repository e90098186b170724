"""Gateways: which were here, from which configuration they serve, and the tokens by which they join. Owns those pages."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances import live
from stationmaster.entrances.console.pages import lists
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, revealed
from stationmaster.entrances.console.pages.lists import Column, Shape
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Field,
    Form,
    Page,
    Problem,
    Row,
    Section,
    Table,
    moment,
    number,
)
from stationmaster.entrances.console.pages.pictures import Once, Snippet, Snippets
from stationmaster.entrances.console.pages.running.parts import tabs
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor
from stationmaster.store.changes import revision
from stationmaster.store.listing import Query
from stationmaster.usage import services as usage

_SAME: Final = (
    ("stationmaster gateway list", "GET /api/v1/gateways"), ("stationmaster gateway-token list", "GET /api/v1/gateway-tokens"),
    ("stationmaster gateway-token create NAME", "POST /api/v1/gateway-tokens"),
    ("stationmaster gateway-token rotate NAME", "POST /api/v1/gateway-tokens/NAME/rotate"),
)  # fmt: skip


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The gateways, their tokens, and a form that lets another in."""
    done = revealed(request, {"create": _created, "rotate": _rotated}, {"delete": _deleted})
    if isinstance(done, HttpResponse):
        return done
    made, problem = done
    once = (_joining(made),) if made is not None else ()
    sections = (*once, Section("", (_table(request),), "gateways"), Section(tr("Tokens by which they join"), (_tokens(request),)),
                *_new(request, problem))  # fmt: skip
    page = Page(tr("Gateways"), sections, tabs(request, "/gateways"), same=_SAME, problem=problem, refresh=0 if once else 15)
    return shown(request, page)


def _joining(made: Any) -> Section:
    """The token, and what to do with it on the gateway's machine."""
    url = operators.console_url(live.settings())
    command = f"stationmaster gateway --control {url} --token-file gateway-token"
    note = tr("Copy it now: only a hash of it is kept. On the gateway's machine it lies in a file that only the gateway reads.")
    return Section(tr("The gateway token {name}", name=made.row["name"]), (
        Once(tr("Token"), made.secret.text, note), Snippets((Snippet(tr("On its machine"), command),)),
    ))  # fmt: skip


def _table(request: HttpRequest) -> Table:
    actor, newest = me(request), revision()
    shape = Shape(
        usage.GATEWAYS, _columns(newest), download="gateways" if may(request, "gateways:export") else "",
        empty=tr("None yet. `stationmaster up` brings one along; another machine's joins with a token: "
                 "`stationmaster gateway-token create NAME`"),
    )  # fmt: skip
    return lists.listed(request, lambda query: usage.list_gateways(actor, query), shape)


def _columns(newest: int) -> tuple[Column, ...]:
    return (
        Column(tr("Gateway"), lambda row: Cell(row["name"], note=row["version"]), "name"),
        Column(tr("State"), lambda row: _state(row, newest)),
        Column(tr("Workers"), lambda row: number(row["workers"]), "workers", number=True),
        Column(tr("Configuration"), lambda row: number(row["revision"]), "revision", number=True),
        Column(tr("Heard of"), lambda row: moment(row["last_seen"]), "last_seen"),
        Column(tr("First here"), lambda row: moment(row["first_seen"]), "first_seen"),
        Column(tr("Requests not reported"), lambda row: number(row["events_dropped"]), number=True),
    )


def _state(row: Row, newest: int) -> Cell:
    if not row["connected"]:
        return Cell(tr("not heard of"), tone="bad")
    if row["revision"] < newest:
        return Cell(tr("connected"), tone="busy", note=tr("serves an earlier configuration"))
    return Cell(tr("connected"), tone="good")


def _tokens(request: HttpRequest) -> Table:
    rows = operators.list_gateway_tokens(me(request), Query(limit=100, sort="name")).items
    columns = [
        Column(tr("Token"), lambda row: Cell(row["name"], note=row["hint"])),
        Column(tr("Used"), lambda row: moment(row["last_used_at"], tr("never"))),
        Column(tr("Ends"), lambda row: moment(row["expires_at"])),
        Column(tr("The one before until"), lambda row: moment(row["previous_until"])),
    ]
    if forms := [each for each in ("rotate", "delete") if may(request, f"gateways:{each}")]:
        columns.append(Column("", lambda row: Cell(forms=tuple(_form(each, row) for each in forms))))
    return lists.plain(columns, rows, tr("None yet."))


def _form(do: str, row: Row) -> Form:
    which = (Field("which", "", "hidden", row["name"]),)
    return Form(tr("Another token"), do, which) if do == "rotate" else Form(tr("Delete"), do, which, danger=True)


def _new(request: HttpRequest, problem: Problem | None) -> tuple[Section, ...]:
    if not may(request, "gateways:create"):
        return ()
    wrong = problem.fields.get("name", "") if problem else ""
    name = Field("name", tr("Name"), value=request.POST.get("name", "") if problem else "", needed=True, error=wrong)
    how = tr("One token lets a gateway, or several of one kind, in; it serves from the configuration here and reports usage.")
    return (Section(tr("Let a gateway join"), (Form(tr("Make its token"), "create", (name,), text=how),)),)


def _created(actor: Actor, sent: Sent) -> Any:
    return operators.create_gateway_token(actor, {"name": filled(sent, "name")})


def _rotated(actor: Actor, sent: Sent) -> Any:
    return operators.rotate_gateway_token(actor, filled(sent, "which"))


def _deleted(actor: Actor, sent: Sent) -> Went:
    operators.delete_gateway_token(actor, filled(sent, "which"))
    return Went(told=tr("It is let in no more."))
