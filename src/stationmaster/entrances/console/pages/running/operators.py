"""Operators: who is let into the console, with which role, and the link that an invitation is. Owns those pages."""

from shlex import quote
from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances import live
from stationmaster.entrances.console.pages import lists
from stationmaster.entrances.console.pages.acting import Action, Sent, Went, filled, posted, revealed, version
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Facts,
    Field,
    Form,
    Link,
    Page,
    Problem,
    Row,
    Section,
    flag,
    moment,
    text,
)
from stationmaster.entrances.console.pages.pictures import Once
from stationmaster.entrances.console.pages.running.parts import role_name, roles, tabs
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor

_SAME: Final = (
    ("stationmaster operator list", "GET /api/v1/operators"),
    ("stationmaster operator add ADDRESS --role ROLE", "POST /api/v1/operators"),
)


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list, and a form that lets somebody in."""
    done = posted(request, {"create": _created})
    if isinstance(done, HttpResponse):
        return done
    actor = me(request)
    shape = Shape(
        operators.OPERATORS, _columns(), (Choice(tr("Role"), "role", roles()), Choice(tr("In use"), "active", _YES_NO())),
        empty=tr("Nobody is let in yet."), download="operators" if may(request, "operators:export") else "",
    )  # fmt: skip
    sections = [Section("", (lists.listed(request, lambda query: operators.list_operators(actor, query), shape),))]
    if may(request, "operators:create"):
        sections.append(Section(tr("Let somebody in"), (_new(request, done),)))
    return shown(request, Page(tr("Operators"), sections, tabs(request, "/operators"), same=_SAME, problem=done))


def _YES_NO() -> tuple[tuple[str, str], ...]:  # noqa: N802  reads as the constant that a translation cannot be
    return (("true", tr("yes")), ("false", tr("no")))


def _columns() -> tuple[Column, ...]:
    return (
        Column(tr("Operator"), lambda row: Cell(row["display_name"] or row["email"], address(row), note=_mail(row)), "email"),
        Column(tr("Role"), lambda row: Cell(role_name(row["role"])), "role"),
        Column(tr("In use"), lambda row: flag(row["active"]), "active"),
        Column(tr("Signs in by"), lambda row: text(_ways(row))),
        Column(tr("Second factor"), lambda row: flag(row["second_factor"])),
        Column(tr("Signed in"), lambda row: moment(row["last_login_at"], tr("never"))),
    )


def _mail(row: Row) -> str:
    return str(row["email"]) if row["display_name"] else ""


def _ways(row: Row) -> str:
    ways = [tr("password")] if row["password"] else []
    return ", ".join([*ways, tr("single sign-on")] if row["sso"] else ways)


def _new(request: HttpRequest, problem: Problem | None) -> Form:
    wrong = problem.fields if problem else {}
    typed = request.POST
    fields = (
        Field("email", tr("E-mail address"), value=typed.get("email", ""), needed=True, error=wrong.get("email", "")),
        Field("display_name", tr("Name"), value=typed.get("display_name", ""), error=wrong.get("display_name", "")),
        Field("role", tr("Role"), "select", typed.get("role", "viewer"), roles(), error=wrong.get("role", "")),
    )
    return Form(tr("Let them in"), "create", fields, text=tr(
        "They choose a password by a link that you give them, or come by single sign-on."))  # fmt: skip


def _created(actor: Actor, sent: Sent) -> Went:
    given = {name: filled(sent, name) for name in ("email", "display_name", "role")}
    return Went(address(operators.create_operator(actor, given)), tr("They are let in; make their invitation here."))


def one(request: HttpRequest, which: str) -> HttpResponse:
    """One of them: role, ways in, an invitation, their sessions, and the end of it all."""
    done = revealed(request, {"invite": lambda actor, _: operators.invite(actor, which)}, _actions(which))
    if isinstance(done, HttpResponse):
        return done
    link, problem = done
    row = operators.get_operator(me(request), which)
    once = (_invitation(link),) if link is not None else ()
    sections = (*once, Section("", (_facts(row),)), *_forms(request, row, problem))
    trail = (Link(tr("Operators"), "/operators"),)
    title = row["display_name"] or row["email"]
    return shown(request, Page(title, sections, tabs(request, ""), same=_same(row), problem=problem, trail=trail))


def _invitation(link: operators.Link) -> Section:
    """The link, in the answer to who asked for it."""
    address = f"{operators.console_url(live.settings())}/welcome/{link.secret.text}"
    note = tr("Give it to them alone. It works once, for a day, and is not shown again.")
    return Section(tr("Their invitation"), (Once(tr("Link"), address, note),))


def _facts(row: Row) -> Facts:
    return Facts((
        (tr("E-mail address"), text(row["email"])), (tr("Role"), Cell(role_name(row["role"]))),
        (tr("In use"), flag(row["active"])), (tr("Signs in by"), text(_ways(row))),
        (tr("Second factor"), flag(row["second_factor"])), (tr("Signed in"), moment(row["last_login_at"], tr("never"))),
        (tr("Let in"), moment(row["created_at"])),
    ))  # fmt: skip


def _forms(request: HttpRequest, row: Row, problem: Problem | None) -> list[Section]:
    sections = []
    if may(request, "operators:update"):
        change = Section(tr("Change"), (_change(row, problem),), half=True)
        sections += [change, Section(tr("Password and sessions"), _let_in(), half=True)]
    if may(request, "operators:delete"):
        sure = (Field("sure", tr("Yes, {name}", name=row["email"]), "checkbox", needed=True),)
        what = tr("Their sessions and tokens end. Their name stays with what they did, in the audit trail.")
        form = Form(tr("Delete"), "delete", sure, text=what, danger=True)
        sections.append(Section(tr("Take their way in"), (form,), danger=True))
    return sections


def _let_in() -> tuple[Form, ...]:
    how = tr("A link by which they choose a password, within a day. Links made for them before end.")
    end = tr("Ends every session of theirs.")
    return (Form(tr("Make an invitation"), "invite", text=how), Form(tr("Sign out everywhere"), "sign_out", text=end, quiet=True))


def _change(row: Row, problem: Problem | None) -> Form:
    wrong = problem.fields if problem else {}
    fields = (
        Field("display_name", tr("Name"), value=row["display_name"], error=wrong.get("display_name", "")),
        Field("role", tr("Role"), "select", row["role"], roles(), error=wrong.get("role", "")),
        Field("active", tr("In use"), "checkbox", checked=row["active"]),
        Field("revision", "", "hidden", str(row["revision"])),
    )
    return Form(tr("Save"), "save", fields)


def _actions(which: str) -> dict[str, Action]:
    return {
        "save": lambda actor, sent: _saved(actor, which, sent),
        "sign_out": lambda actor, _: _signed_out(actor, which),
        "delete": lambda actor, _: _deleted(actor, which),
    }


def _saved(actor: Actor, which: str, sent: Sent) -> Went:
    given = {"display_name": filled(sent, "display_name"), "role": filled(sent, "role"), "active": "active" in sent}
    operators.update_operator(actor, which, given, version(sent))
    return Went(told=tr("Saved."))


def _signed_out(actor: Actor, which: str) -> Went:
    operators.sign_out_everywhere(actor, which)
    return Went(told=tr("They are signed out everywhere."))


def _deleted(actor: Actor, which: str) -> Went:
    operators.delete_operator(actor, which)
    return Went("/operators", tr("Deleted."))


def _same(row: Row) -> tuple[tuple[str, str], ...]:
    which = quote(row["email"])
    return (
        (f"stationmaster operator role {which} ROLE", f"PATCH /api/v1/operators/{row['id']}"),
        (f"stationmaster operator invite {which}", f"POST /api/v1/operators/{row['id']}/invite"),
        (f"stationmaster operator delete {which}", f"DELETE /api/v1/operators/{row['id']}"),
    )


def address(row: Row) -> str:
    """An operator's page."""
    return f"/operators/{row['id']}"
