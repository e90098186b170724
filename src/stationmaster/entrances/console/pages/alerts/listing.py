"""The list of alerts, and making one. Owns those pages; a webhook's secret is in the answer that made it, once."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from stationmaster.alerts import services as alerts
from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, filled, revealed
from stationmaster.entrances.console.pages.alerts.form import given_of, new_form
from stationmaster.entrances.console.pages.alerts.parts import last, place, tabs, told_of, trail
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.parts import Cell, Form, Link, Note, Page, Problem, Row, Section, number
from stationmaster.entrances.console.pages.pictures import Once
from stationmaster.entrances.console.pages.showing import TOLD, may, me, shown
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor

_SAME: Final = (("stationmaster alert list", "GET /api/v1/alerts"),)
_NEW: Final = (
    ("stationmaster alert create NAME --channel webhook --to URL", "POST /api/v1/alerts"),
    ("stationmaster alert create NAME --channel mail --address ADDRESS", ""),
)  # fmt: skip


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list."""
    actor = me(request)
    shape = Shape(
        alerts.ALERTS, _columns(), (
            Choice(tr("Channel"), "channel", words.options(words.CHANNELS)),
            Choice(tr("Switched off"), "disabled", (("true", tr("yes")), ("false", tr("no")))),
        ), download="alerts" if may(request, "alerts:export") else "",
        empty=tr("None yet. Have a webhook or people told when a budget is nearly used, a credential is out of service or ends, "
                 "a pool runs short, a job fails: `stationmaster alert create NAME --channel webhook --to URL`"),
    )  # fmt: skip
    table = lists.listed(request, lambda query: alerts.list_alerts(actor, query), shape)
    table = lists.starting(table, Link(tr("Make the first alert"), "/alerts/new", main=True), may(request, "alerts:create"))
    return shown(request, Page(tr("Alerts"), (Section("", (table,)),), tabs(request, "/alerts"), (), _SAME))


def _columns() -> tuple[Column, ...]:
    return (
        Column(tr("Name"), _name, "name"),
        Column(tr("State"), lambda row: words.state(words.ALERTS, row["state"])),
        Column(tr("To"), place),
        Column(tr("Is told of"), told_of),
        Column(tr("Open now"), lambda row: number(row["crossed"]), number=True),
        Column(tr("Last message"), last),
    )


def _name(row: Row) -> Cell:
    return Cell(row["name"], f"/alerts/{row['id']}", note=words.name(words.CHANNELS, row["channel"]))


def new(request: HttpRequest) -> HttpResponse:
    """Make one: where it tells, and of what. A webhook's answer shows its secret, this once."""
    actor = me(request)
    operators.require(actor, "alerts:create")
    done = revealed(request, {"create": _created})
    if isinstance(done, HttpResponse):
        return done
    made, problem = done
    return _new_page(request, problem) if made is None else _made(request, made)


def _made(request: HttpRequest, made: alerts.MadeAlert) -> HttpResponse:
    if made.secret:
        return shown(request, once(made, tr("The alert {name}", name=made.row["name"])))
    request.session[TOLD] = tr("It is stored. Send a test message to see that it arrives.")
    return HttpResponseRedirect(f"/alerts/{made.row['id']}")


def once(made: alerts.MadeAlert, title: str) -> Page:
    """The answer in which a secret is shown, with what to do next."""
    note = tr("Copy it now and give it to the receiver, which checks signatures with it: it is never shown again.")
    test = Form(tr("Send a test message"), "test", action=f"/alerts/{made.row['id']}", main=True)
    sections = (Section("", (Once(tr("Secret"), made.secret, note), test)),)
    return Page(title, sections, links=(Link(tr("Its page"), f"/alerts/{made.row['id']}", main=True),), trail=trail())


def _new_page(request: HttpRequest, problem: Problem | None) -> HttpResponse:
    given = request.POST.get("channel") or request.GET.get("channel", "")
    channel = given if given in alerts.CHANNELS else alerts.CHANNELS[0]
    how, other = {
        "webhook": (tr("Messages are posted as JSON and signed (Standard Webhooks 1.0.0)."),
                    Link(tr("Send mail instead"), "/alerts/new?channel=mail")),
        "mail": (tr("Messages are sent by the mail server of the settings `mail.*`."),
                 Link(tr("Use a webhook instead"), "/alerts/new?channel=webhook")),
    }[channel]  # fmt: skip
    form = new_form(channel, request.POST if problem is not None else None, problem)
    sections = (Section("", (Note(how, links=(other,)), form)),)
    return shown(request, Page(tr("New alert"), sections, tabs(request, "/alerts/new"), (), _NEW, 0, problem))


def _created(actor: Actor, sent: Sent) -> alerts.MadeAlert:
    given: dict[str, Any] = {"name": filled(sent, "name"), "channel": filled(sent, "channel"), **given_of(sent)}
    return alerts.create_alert(actor, given)


