"""The settings: what each is, where its value comes from, changing those that nothing else decides; trying out mail. Owns those
pages.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances import live
from stationmaster.entrances.console.pages import lists
from stationmaster.entrances.console.pages.acting import Action, Sent, Went, filled, posted, version
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.names import of_operators
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
    code,
    text,
)
from stationmaster.entrances.console.pages.running.dangers import DANGERS
from stationmaster.entrances.console.pages.running.expected import expected
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.entrances.console.pages.words import told_as
from stationmaster.i18n import marked, tr
from stationmaster.mail import services as mail
from stationmaster.settings.typed import from_text
from stationmaster.store.actor import Actor

_SAME: Final = (
    ("stationmaster settings list", "GET /api/v1/settings"),
    ("stationmaster settings set NAME VALUE", "PUT /api/v1/settings/NAME"),
)
_SECTIONS: Final = {
    "data": marked("Data"), "database": marked("Database"), "valkey": marked("Valkey"), "vault": marked("Master key"),
    "console": marked("Console"), "log": marked("Log"), "retention": marked("What is kept"), "tokens": marked("Tokens"),
    "login": marked("Signing in"), "oidc": marked("Single sign-on"), "mail": marked("Mail"), "outbound": marked("Outbound"),
    "gateway": marked("Gateway"), "jobs": marked("Jobs"), "seats": marked("Seats"), "rotation": marked("Rotation"),
    "bills": marked("Bills"), "identity": marked("Identity"), "ui": marked("Language"),
}  # fmt: skip
_ORIGINS: Final = {
    "default": marked("default"), "stored": marked("saved here"), "file": marked("file"), "env": marked("environment"),
    "flag": marked("flag"),
}  # fmt: skip
_TAKES: Final = {"now": marked("at once"), "restart": marked("with the next start"), "start": marked("when a process starts")}


def settings(request: HttpRequest) -> HttpResponse:
    """All of them by section, and a test mail for whoever may change them."""
    done = posted(request, {"test_mail": _tested})
    if isinstance(done, HttpResponse):
        return done
    wanted = request.GET.get("search", "").strip()
    rows = [row for row in _told(request, live.list_settings(me(request))) if _matches(row, wanted)]
    besides = [] if wanted else [*_mail(request, done)]
    sections = (_search(wanted), *_sections(request, rows), *besides, *_danger(request, rows))
    same = (*_SAME, ("stationmaster mail test ADDRESS", "POST /api/v1/mail/test"))
    lead = tr("What a flag, a variable or a file sets is locked here, and changed there.")
    return shown(request, Page(tr("Settings"), sections, (), (), same, 0, done, lead=lead))


def _search(wanted: str) -> Section:
    return Section("", (Form(tr("Show"), fields=(Field("search", tr("Search"), "search", wanted),), asks=True),))


def _matches(row: Row, wanted: str) -> bool:
    """Whether each word that is looked for stands in the name, in what the reader is told it is, or in the section's title."""
    told = f"{row['name']} {told_as(row['description'])} {_title(_section(row))}".casefold()
    return all(word in told for word in wanted.casefold().split())


def _sections(request: HttpRequest, rows: list[Row]) -> list[Section]:
    """Those that are not dangerous, each under its section."""
    safe = [row for row in rows if row["name"] not in DANGERS]
    found = [Section(_title(name), (_table(request, list(each)),)) for name, each in groupby(safe, _section)]
    return found if rows else [Section("", (Note(tr("No setting is like that.")),))]


def _danger(request: HttpRequest, rows: list[Row]) -> tuple[Section, ...]:
    """Those that are, at the end, each with what can happen."""
    held = [row for row in rows if row["name"] in DANGERS]
    what = Column(tr("What can happen"), lambda row: text(told_as(DANGERS[row["name"]])))
    why = tr("A wrong value here opens doors, shuts people out, or deletes what does not come back.")
    return (Section(tr("Danger zone"), (Note(why), _table(request, held, what)), danger=True),) if held else ()


def _told(request: HttpRequest, rows: list[Any]) -> list[Row]:
    """The settings, those that were saved with the name of who did it in place of their id."""
    ids = [word for row in rows for word in str(row["where"]).split() if word.startswith("op_")]
    names = of_operators(me(request), ids)
    return [{**row, "where": " ".join(names.get(word, word) for word in str(row["where"]).split())} for row in rows]


def _section(row: Row) -> str:
    return str(row["name"]).partition(".")[0]


def _title(name: str) -> str:
    return told_as(_SECTIONS[name]) if name in _SECTIONS else name


def _table(request: HttpRequest, rows: list[Row], *more: Column) -> Part:
    columns = [
        Column(tr("Name"), lambda row: Cell(row["name"], note=told_as(row["description"]))),
        Column(tr("Value"), lambda row: replace(code(_value(row["value"])), note=expected(row["expected"]))),
        Column(tr("From"), _origin),
        Column(tr("Takes effect"), lambda row: text(told_as(_TAKES[row["takes_effect"]]))),
        *more,
    ]
    if may(request, "settings:update"):
        columns.append(Column("", _change))
    return lists.plain(columns, rows)


def _origin(row: Row) -> Cell:
    """Where the value comes from; locked ones say so."""
    words_ = told_as(_ORIGINS[row["origin"]]) if row["origin"] in _ORIGINS else str(row["origin"])
    return Cell(words_, note=str(row["where"] or ""), tone="busy" if row["locked"] else "", icon="lock" if row["locked"] else "")


def _change(row: Row) -> Cell:
    if row["locked"]:
        return text(tr("locked"))
    if not row["can_be_saved"]:
        return text(tr("set at a start"))
    return Cell(links=(Link(tr("Change"), f"/settings/{row['name']}", dialog=True),))


def one(request: HttpRequest, which: str) -> HttpResponse:
    """One setting, and its form where nothing else decides it."""
    actor = me(request)
    actions: Mapping[str, Action] = {
        "save": lambda by, sent: _saved(by, which, sent), "clear": lambda by, sent: _cleared(by, which, sent),
    }  # fmt: skip
    done = posted(request, actions)
    if isinstance(done, HttpResponse):
        return done
    (row,) = _told(request, [live.get_setting(actor, which)])
    danger = (Note(told_as(DANGERS[which]), "bad"),) if which in DANGERS else ()
    sections = (Section("", (Note(told_as(row["description"])), *danger, _facts(row))), *_forms(request, row, done))
    same = ((f"stationmaster settings set {which} VALUE", f"PUT /api/v1/settings/{which}"),
            (f"stationmaster settings clear {which}", f"DELETE /api/v1/settings/{which}"))  # fmt: skip
    trail = (Link(tr("Settings"), "/settings"),)
    return shown(request, Page(which, sections, same=same, problem=done, trail=trail))


def _facts(row: Row) -> Facts:
    return Facts((
        (tr("Value"), code(_value(row["value"]))), (tr("Expected"), text(expected(row["expected"]))), (tr("From"), _origin(row)),
        (tr("Takes effect"), text(told_as(_TAKES[row["takes_effect"]]))),
    ))  # fmt: skip


def _forms(request: HttpRequest, row: Row, problem: Problem | None) -> tuple[Section, ...]:
    if not may(request, "settings:update"):
        return ()
    if row["locked"] or not row["can_be_saved"]:
        why = tr("It is set by {where}; change it there.", where=row["where"]) if row["locked"] else tr(
            "It is needed before what is saved can be read: set it in stationmaster.toml.")  # fmt: skip
        return (Section("", (Note(why, "busy"),)),)
    revision = Field("revision", "", "hidden", str(row["revision"]))
    forms = [Form(tr("Save"), "save", (_field(request, row, problem), revision))]
    if row["revision"]:
        forms.append(Form(tr("Take the saved value away"), "clear", (revision,), quiet=True))
    return (Section("", forms),)


def _field(request: HttpRequest, row: Row, problem: Problem | None) -> Field:
    typed = request.POST.get("value", "") if problem else _value(row["value"])
    wrong = problem.fields.get("value", "") if problem else ""
    if row["expected"] == "true or false":
        return Field("value", tr("Value"), "select", typed, (("true", tr("yes")), ("false", tr("no"))), error=wrong)
    words_ = str(row["expected"])
    if words_.startswith("one of "):
        options = tuple((each, each) for each in words_.removeprefix("one of ").split(", "))
        return Field("value", tr("Value"), "select", typed, options, error=wrong)
    return Field("value", tr("Value"), value=typed, help=expected(words_), error=wrong)


def _saved(actor: Actor, which: str, sent: Sent) -> Went:
    live.save_setting(actor, which, from_text(which, filled(sent, "value")), version(sent))
    return Went("/settings", tr("Saved."))


def _cleared(actor: Actor, which: str, sent: Sent) -> Went:
    live.clear_setting(actor, which, version(sent))
    return Went("/settings", tr("The default holds again."))


def _tested(actor: Actor, sent: Sent) -> Went:
    row = mail.send_test(actor, {"to": filled(sent, "to")})
    return Went(told=tr("The relay {host} took the mail: see whether it arrives.", host=row["host"]))


def _mail(request: HttpRequest, problem: Problem | None) -> tuple[Section, ...]:
    """The button that sends a test mail, or what is to be set before one can be sent."""
    if not may(request, "settings:update"):
        return ()
    how = tr(
        "No mail is sent from here: set mail.host and mail.sender in stationmaster.toml, which lies in the data folder, or in "
        "the one where `stationmaster up` is started."
    )
    part: Part = Note(how)
    if mail.can_send():
        typed = request.POST.get("to", "") if problem else ""
        wrong = problem.fields.get("to", "") if problem else ""
        to = Field("to", tr("Address"), value=typed, needed=True, error=wrong)
        part = Form(tr("Send a test mail"), "test_mail", (to,))
    return (Section(tr("Try mail out"), (part,)),)


def _value(value: Any) -> str:
    """A value as it is typed; empty where none is set, which is shown alike for all of them."""
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
