"""Tokens of programs: for REST and the command line, and of directories for SCIM. Owns that page; a token is in the answer
that made it, once.
"""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, lines, revealed, whole
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.names import of_operators
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
    text,
    texts,
)
from stationmaster.entrances.console.pages.pictures import Once
from stationmaster.entrances.console.pages.running.parts import role_name, roles, tabs
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor

_SAME: Final = (
    ("stationmaster token list", "GET /api/v1/tokens"), ("stationmaster token create NAME", "POST /api/v1/tokens"),
    ("stationmaster token revoke TOKEN", "DELETE /api/v1/tokens/TOKEN"),
    ("stationmaster scim token create NAME", ""),
)  # fmt: skip


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list, and a form that makes one."""
    done = revealed(request, {"create": _created}, {"delete": _deleted})
    if isinstance(done, HttpResponse):
        return done
    made, problem = done
    once = (_shown_once(made),) if made is not None else ()
    sections = (*once, Section("", (_table(request),)), *_new(request, problem))
    return shown(request, Page(tr("Tokens"), sections, tabs(request, "/tokens"), same=_SAME, problem=problem))


def _shown_once(made: Any) -> Section:
    note = tr("Copy it now: only a hash of it is kept. It goes into STATIONMASTER_TOKEN, or `Authorization: Bearer …`.")
    return Section(tr("The token {name}", name=made.row["name"]), (Once(tr("Token"), made.secret.text, note),))


def _table(request: HttpRequest) -> Table:
    actor = me(request)
    kinds = (*roles(), ("scim", role_name("scim")))
    shape = Shape(
        operators.TOKENS, _columns(request), (Choice(tr("Role"), "role", kinds),),
        download="tokens" if may(request, "tokens:export") else "",
        empty=tr("None yet. A program that uses REST, or the command line elsewhere, takes one: make it below."),
        besides=lambda rows: _with_owners(actor, rows),
    )  # fmt: skip
    return lists.listed(request, lambda query: operators.list_tokens(actor, query), shape)


def _with_owners(actor: Actor, rows: list[Row]) -> list[Row]:
    names = of_operators(actor, [row["owner"] for row in rows])
    nobody = tr("the installation")
    return [{**row, "whose": names.get(row["owner"], tr("an operator")) if row["owner"] else nobody} for row in rows]


def _columns(request: HttpRequest) -> list[Column]:
    columns = [
        Column(tr("Token"), lambda row: Cell(row["name"], note=row["hint"]), "name"),
        Column(tr("Role"), lambda row: Cell(role_name(row["role"])), "role"),
        Column(tr("May do"), lambda row: text(tr("all that the role may")) if row["scopes"] is None else texts(row["scopes"])),
        Column(tr("Whose"), lambda row: text(row["whose"])),
        Column(tr("Used"), lambda row: moment(row["last_used_at"], tr("never"))),
        Column(tr("Ends"), lambda row: moment(row["expires_at"]), "expires_at"),
    ]
    if may(request, "tokens:delete"):
        columns.append(Column("", lambda row: Cell(forms=(_end(row),))))
    return columns


def _end(row: Row) -> Form:
    return Form(tr("End it"), "delete", (Field("which", "", "hidden", row["id"]),), danger=True)


def _new(request: HttpRequest, problem: Problem | None) -> tuple[Section, ...]:
    if not may(request, "tokens:create"):
        return ()
    wrong, typed = (problem.fields if problem else {}), request.POST
    kinds = (*roles(), ("scim", tr("directory (SCIM)")))
    fields = (
        Field("name", tr("Name"), value=typed.get("name", ""), needed=True, error=wrong.get("name", "")),
        Field("role", tr("Role"), "select", typed.get("role", "viewer"), kinds, error=wrong.get("role", "")),
        Field("scopes", tr("Only these actions"), value=typed.get("scopes", ""), error=wrong.get("scopes", ""), help=tr(
            "Patterns such as `credentials:read usage:*`; empty: all that the role may.")),
        Field("days", tr("Days that it is valid"), "number", typed.get("days", "90"), error=wrong.get("days", "")),
    )  # fmt: skip
    return (Section(tr("Make a token"), (Form(tr("Make it"), "create", fields),)),)


def _created(actor: Actor, sent: Sent) -> Any:
    given: dict[str, Any] = {"name": filled(sent, "name"), "days": whole(sent, "days") or ""}
    if filled(sent, "role") == "scim":
        return operators.create_scim_token(actor, given)
    scopes = lines(sent, "scopes")
    return operators.create_token(actor, {**given, "role": filled(sent, "role"), **({"scopes": scopes} if scopes else {})})


def _deleted(actor: Actor, sent: Sent) -> Went:
    operators.delete_token(actor, filled(sent, "which"))
    return Went(told=tr("It is let in no more."))
