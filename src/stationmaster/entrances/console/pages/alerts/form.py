"""Forms of alerts. Owns: their fields, what stands in them, and from what was sent to what the service takes."""

from dataclasses import replace
from typing import Any, Final

from stationmaster.alerts import services as alerts
from stationmaster.entrances.console.pages import words
from stationmaster.entrances.console.pages.acting import Sent, filled, lines, number, whole
from stationmaster.entrances.console.pages.filling import Filling
from stationmaster.entrances.console.pages.parts import Field, Form, Problem, Row
from stationmaster.entrances.console.views import LANGUAGE_NAMES
from stationmaster.i18n import LANGUAGES, tr

_USUAL: Final = {"budget_percent": "50, 80, 100", "expiry_days": "30, 7, 1", "pool_minimum": "1"}
_NUMBERS: Final = ("budget_percent", "expiry_days")


def new_form(channel: str, sent: Sent | None, problem: Problem | None) -> Form:
    """Of a new one."""
    filling = _filling(sent, problem, None)
    name = filling.field("name", tr("Name"), help=tr("What it is called here, for good."), needed=True)
    return Form(tr("Make the alert"), "create", (Field("channel", "", "hidden", channel), name, *_common(filling, channel)))


def changing_form(row: Row, sent: Sent | None, problem: Problem | None) -> Form:
    """Of one that is there."""
    revision = Field("revision", "", "hidden", str(row["revision"]))
    return Form(tr("Save"), "save", (*_common(_filling(sent, problem, row), row["channel"]), revision))


def _filling(sent: Sent | None, problem: Problem | None, row: Row | None) -> Filling:
    """What is wrong with one of a list is wrong with its field."""
    found = problem.fields if problem is not None else {}
    return Filling(sent, {name.partition("[")[0]: why for name, why in found.items()}, row, _USUAL)


def _common(filling: Filling, channel: str) -> tuple[Field, ...]:
    held = filling.row["kinds"] if filling.row is not None else ()
    kinds = tuple(filling.box(f"kind-{each}", words.name(words.ALERT_KINDS, each), held=each in held) for each in alerts.KINDS)
    kinds = (replace(kinds[0], help=tr("What it is told of; nothing ticked: everything.")), *kinds[1:])
    return (
        *(_of_webhook(filling) if channel == "webhook" else _of_mail(filling)),
        *kinds,
        filling.field("watches", tr("Only what is called"),
                      help=tr("Names or patterns such as `team-*`, apart by commas; empty: every name.")),
        filling.field("budget_percent", tr("Per cents of a budget"), help=tr("Apart by commas.")),
        filling.field("expiry_days", tr("Days before a credential ends"), help=tr("Apart by commas.")),
        filling.field("pool_minimum", tr("Members in service that a pool should have"), control="number"),
        _language(filling),
    )  # fmt: skip


def _of_webhook(filling: Filling) -> tuple[Field, ...]:
    return (
        filling.field("url", tr("Address"), help=tr("Where messages are posted, such as https://HOST/PATH."), needed=True),
        filling.box("allow_insecure_http", tr("Send over http:// too")),
    )


def _of_mail(filling: Filling) -> tuple[Field, ...]:
    return (filling.field("addresses", tr("E-mail addresses"), "textarea", help=tr("Apart by commas or lines."), needed=True),)


def _language(filling: Filling) -> Field:
    options = (("", tr("that of the installation's mail")), *((each, LANGUAGE_NAMES[each]) for each in LANGUAGES))
    return filling.field("language", tr("Language of messages"), control="select", options=options)


def given_of(sent: Sent) -> dict[str, Any]:
    """An alert as the service takes it."""
    numbers = {name: [number(each) for each in lines(sent, name)] for name in _NUMBERS}
    place = {"url": filled(sent, "url")} if "url" in sent else {"addresses": lines(sent, "addresses")}
    return {
        **place, **numbers, "language": filled(sent, "language"), "watches": _patterns(sent),
        "kinds": [each for each in alerts.KINDS if f"kind-{each}" in sent], "allow_insecure_http": "allow_insecure_http" in sent,
        "pool_minimum": 1 if (least := whole(sent, "pool_minimum")) is None else least,
    }  # fmt: skip


def _patterns(sent: Sent) -> list[str]:
    """Names may have spaces in them."""
    return [each.strip() for each in filled(sent, "watches").replace("\n", ",").split(",") if each.strip()]
