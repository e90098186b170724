"""Messages that were sent, or are to be. Owns: their list, one with its text, and the button that sends it again."""

import json
from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.alerts import services as alerts
from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, posted
from stationmaster.entrances.console.pages.alerts.parts import arrived, tabs, trail
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Facts,
    Field,
    Form,
    Link,
    Page,
    Row,
    Section,
    Table,
    Text,
    moment,
    number,
)
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter

_SAME: Final = (
    ("stationmaster alert deliveries", "GET /api/v1/alert-deliveries"),
    ("stationmaster alert resend MESSAGE", "POST /api/v1/alert-deliveries/MESSAGE/send"),
)


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list."""
    done = posted(request, {"send": again})
    if isinstance(done, HttpResponse):
        return done
    sections = (Section("", (table(request),), "messages"),)
    return shown(request, Page(tr("Messages of alerts"), sections, tabs(request, "/alerts/messages"), (), _SAME, 0, done))


def table(request: HttpRequest, alert: str = "") -> Table:
    """All messages, or those of one alert."""
    actor = me(request)
    shape = Shape(
        alerts.DELIVERIES, _columns(request, alone=bool(alert)), (
            Choice(tr("State"), "state", words.options(words.MESSAGES)),
            Choice(tr("About"), "type", tuple((each, _about(each)) for each in alerts.TYPES)),
        ), download="alert-deliveries" if may(request, "alerts:export") else "",
        fixed=(Filter("alert", "eq", alert),) if alert else (),
        empty=tr("None yet. What crosses a line is told here; a test message can be sent at any time: "
                 "`stationmaster alert test NAME`"),
    )  # fmt: skip
    return lists.listed(request, lambda query: alerts.list_deliveries(actor, query), shape)


def _columns(request: HttpRequest, *, alone: bool) -> tuple[Column, ...]:
    whose = () if alone else (Column(tr("Alert"), lambda row: Cell(row["alert"], f"/alerts/{row['alert']}"), "alert"),)
    doing = (Column("", _sending),) if may(request, "alerts:send") else ()
    return (
        Column(tr("Message"), lambda row: Cell(_text(row), f"/alerts/messages/{row['id']}", note=_about(row["type"]))),
        *whose,
        Column(tr("To"), lambda row: Cell(row["to"]), "to"),
        Column(tr("State"), arrived, "state"),
        Column(tr("Tries"), lambda row: number(row["tries"]), number=True),
        Column(tr("At"), lambda row: moment(row["at"]), "at"),
        *doing,
    )


def one(request: HttpRequest, which: str) -> HttpResponse:
    """What was sent, byte for byte, and what became of it."""
    done = posted(request, {"send": again})
    if isinstance(done, HttpResponse):
        return done
    row = alerts.get_delivery(me(request), which)
    forms = (_again(row, main=True),) if may(request, "alerts:send") and row["state"] != "queued" else ()
    sections = (Section("", (_facts(row), *forms)), Section(tr("What was sent"), (Text(_pretty(row["body"])),)))
    same = (("", f"GET /api/v1/alert-deliveries/{row['id']}"), (f"stationmaster alert resend {row['id']}",
            f"POST /api/v1/alert-deliveries/{row['id']}/send"))  # fmt: skip
    up = (*trail(), Link(row["alert"], f"/alerts/{row['alert']}"))
    return shown(request, Page(_text(row), sections, same=same, problem=done, state=arrived(row), trail=up))


def _facts(row: Row) -> Facts:
    job = Cell(tr("Send alerts"), f"/jobs/{row['job']}") if row["job"] else Cell(tr("asked for by hand"), tone="off")
    return Facts((
        (tr("About"), Cell(_about(row["type"]))), (tr("To"), Cell(row["to"])), (tr("State"), arrived(row)),
        (tr("Tries"), number(row["tries"])), (tr("Made"), moment(row["at"])), (tr("Ended"), moment(row["ended_at"])),
        (tr("Job"), job), (tr("Id"), Cell(row["id"], code=True, copy=True)),
    ))  # fmt: skip


def again(actor: Actor, sent: Sent) -> Went:
    """Have one sent again."""
    row = alerts.resend(actor, filled(sent, "message"), {})
    return Went(f"/jobs/{row['job']}", tr("A job sends it, under the same id."))


def _sending(row: Row) -> Cell:
    return Cell(forms=() if row["state"] == "queued" else (_again(row),))


def _again(row: Row, *, main: bool = False) -> Form:
    return Form(tr("Send again"), "send", (Field("message", "", "hidden", row["id"]),), quiet=not main)


def _about(type_: str) -> str:
    kind, _, how = type_.partition(".")
    told = {"raised": tr("has come"), "resolved": tr("is over")}.get(how)
    return f"{words.name(words.ALERT_KINDS, kind)}: {told}" if told else tr("a test")


def _text(row: Row) -> str:
    """The sentence in it, in the language that it was written in."""
    data = _read(row["body"]).get("data", {})
    return str(data.get("text") or row["type"])


def _pretty(body: str) -> str:
    """In lines; what is no object, as it is."""
    read = _read(body)
    return json.dumps(read, indent=2, ensure_ascii=False) if read else body


def _read(body: str) -> Mapping[str, Any]:
    try:
        read = json.loads(body)
    except ValueError:
        return {}
    return read if isinstance(read, Mapping) else {}
