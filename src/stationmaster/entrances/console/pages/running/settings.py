"""The settings, and trying out what they say of mail. Owns that page."""

import json
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances import live
from stationmaster.entrances.console.pages import lists
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, posted
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import Cell, Field, Form, Note, Page, Part, Problem, Section, code, text
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.mail import services as mail
from stationmaster.store.actor import Actor


def settings(request: HttpRequest) -> HttpResponse:
    """All of them with where each comes from, and a test mail for whoever may change them."""
    done = posted(request, {"test_mail": _tested})
    if isinstance(done, HttpResponse):
        return done
    rows = live.list_settings(me(request))
    sections = (*_mail(request, done), Section(tr("Settings"), (_table(rows),)))
    same = (
        ("stationmaster settings list", "GET /api/v1/settings"),
        ("stationmaster settings set NAME VALUE", "PUT /api/v1/settings/NAME"),
        ("stationmaster mail test ADDRESS", "POST /api/v1/mail/test"),
    )
    return shown(request, Page(tr("Settings"), sections, (), (), same, 0, done))


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
    return (Section(tr("Mail"), (part,)),)


def _table(rows: list[Any]) -> Part:
    columns = (
        Column(tr("Name"), lambda row: Cell(row["name"], note=row["description"])),
        Column(tr("Value"), lambda row: replace(code(_value(row["value"])), note=row["expected"])),
        Column(tr("From"), lambda row: text(" ".join(filter(None, (row["origin"], row["where"]))))),
    )
    return lists.plain(columns, rows)


def _value(value: Any) -> str:
    """A value as it is typed; empty where none is set, which is shown alike for all of them."""
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
